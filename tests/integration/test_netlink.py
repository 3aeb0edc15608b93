# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection reads of the kernel is what pyroute2 reads, on a host that is full of devices."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest
from integration.host import sh, within

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.netlink import read_devices

pytestmark = pytest.mark.both
NEW_NETWORK = 0x40000000
MAC = "52:54:00:00:%02x:%02x"

BRIDGES = """
link add br0 type bridge stp_state 1 forward_delay 700
link add br1 type bridge stp_state 0 forward_delay 0
link add bridge-of-15-ch type bridge
link add wire0 address 52:54:00:07:00:01 type veth peer name wire1
link add a-name-with-15c type veth peer name away0 netns full-other
link add alone0 type veth peer name away1 netns full-other
tuntap add tun0 mode tun
tuntap add tap0 mode tap
link add link wire0 name macvtap0 type macvtap mode bridge
link add link wire0 name macvlan0 type macvlan mode private
link set wire0 mtu 9000 up
link set wire1 mtu 1280 up
link set br0 mtu 1400 up
link set br1 address 52:54:00:07:00:02 up
link set tun0 up
link set a-name-with-15c master br1 up
link set alone0 up
"""
FLAGS = ("learning off", "flood off", "mcast_flood off", "bcast_flood off", "isolated on", "hairpin on", "guard on",
         "root_block on")
OF_SYSFS = {"bcast_flood": "broadcast_flood"}  # which ip of Debian 11 does not know
ADDRESSES = """
addr add 10.7.0.1/24 brd + dev br0
addr add 10.7.1.1/24 dev br0
addr add 10.7.0.9/24 dev br0
addr add 10.9.0.1 peer 10.9.0.2/32 dev br1
addr add 10.9.1.1/31 dev wire0
addr add fd00:7::1/64 dev br0 nodad
addr add fd00:9::1 peer fd00:9::2/128 dev br1 nodad
addr add fe80::7/64 dev br1 nodad
addr add fd00:a::1/127 dev wire0 nodad
addr add ::ffff:10.1.1.1/128 dev wire1 nodad
addr add 10.10.0.1/30 dev tun0
"""
ROUTES = """
route add default via 10.7.0.2
route add default via 10.7.0.3 metric 900
route add 10.8.0.0/16 via 10.7.0.2 proto static
route add 10.8.1.0/24 via 10.7.0.2 metric 7
route add 10.8.1.0/24 via 10.7.0.3 metric 8
route add 10.8.2.1/32 via 10.99.0.1 dev br1 onlink
route add 10.8.3.0/24 via 10.7.0.2 table 700
route add 10.8.4.0/24 dev br0
route add 10.8.5.0/24 via 10.10.0.2 metric 4294967295
route add blackhole 10.8.6.0/24
route add 10.8.7.0/24 nexthop via 10.7.0.2 weight 1 nexthop via 10.7.1.2 weight 2
route add 10.8.8.0/24 via inet6 fd00:7::2 dev br0
route add default via fd00:7::2
route add fd00:8::/64 via fd00:7::2 metric 5
route add fd00:8::/64 via fd00:7::3 metric 6
route add fd00:8:1::/64 via fe80::99 dev br1
route add fd00:8:2::7/128 via fd00:98::1 dev br1 onlink
route add fd00:8:3::/64 via fd00:7::2 table 700
route add fd00:8:4::/64 dev br0
route add unreachable fd00:8:5::/64
route add fd00:8:6::/64 nexthop via fd00:7::2 weight 1 nexthop via fd00:7::3 weight 2
route add fd00:8:7::/64 via fd00:7::2 metric 9
route append fd00:8:7::/64 via fd00:7::3 metric 9
nexthop add id 7 via 10.9.1.0 dev wire0
route add 10.8.9.0/24 nhid 7
"""
# not every kernel has these; addresses of other lengths and the VLANs of MAC addresses are among them
MORE = """
link add dummy0 type dummy
link add link wire0 name wire0.5 type vlan id 5
link add vxlan0 type vxlan id 5 dstport 4789
link add bond0 type bond
link set dummy0 master bond0
link add sit1 type sit local 10.7.0.1 remote 10.7.0.2
link add gre1 type gre local 10.7.0.1 remote 10.7.0.2
link add ip6tnl1 type ip6tnl local fd00:7::1 remote fd00:7::2
link add vrf0 type vrf table 10
link add ifb1 type ifb
link set br1 type bridge vlan_filtering 1
"""


def pyroute2_devices() -> dict:
    """What pyroute2 makes of the same."""
    from pyroute2 import IPRoute

    with IPRoute() as netlink:
        messages = list(netlink.get_links())
        names = {message["index"]: message.get_attr("IFLA_IFNAME") for message in messages}
        devices = {names[message["index"]]: pyroute2_device(message, names) for message in messages}
        for message in netlink.get_addr():
            device = devices.get(names.get(message["index"]))
            address = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if device is not None:
                device["addresses"].append("%s/%d" % (address, message["prefixlen"]))
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in netlink.get_routes(family=family):
                device = devices.get(names.get(message.get_attr("RTA_OIF")))
                if device is not None and message.get_attr("RTA_GATEWAY"):
                    default = "0.0.0.0" if family == socket.AF_INET else "::"
                    device["routes"].append({
                        "destination": "%s/%d" % (message.get_attr("RTA_DST") or default, message["dst_len"]),
                        "gateway": message.get_attr("RTA_GATEWAY"),
                        "metric": message.get_attr("RTA_PRIORITY") or 0,
                    })
        for message in netlink.get_neighbours(family=socket.AF_BRIDGE):
            if message["state"] & 0x40 and not message["flags"] & 0x02 and message["ifindex"] in names:
                devices[names[message["ifindex"]]]["fdb"].append(
                    [message.get_attr("NDA_LLADDR"), message.get_attr("NDA_VLAN")])
    return devices


def pyroute2_device(message, names: dict) -> dict:
    info = message.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_DATA") if info else None
    port = info.get_attr("IFLA_INFO_SLAVE_DATA") if info and info.get_attr("IFLA_INFO_SLAVE_KIND") == "bridge" else None
    bridge = info is not None and info.get_attr("IFLA_INFO_KIND") == "bridge" and data is not None
    settings = {} if port is None else {name: port.get_attr("IFLA_%s" % name.upper()) for name in (
        "brport_learning", "brport_unicast_flood", "brport_mcast_flood", "brport_bcast_flood", "brport_isolated",
        "brport_mode", "brport_guard", "brport_protect")}
    return {
        "index": message["index"],
        "up": bool(message["flags"] & 1),
        "mtu": message.get_attr("IFLA_MTU"),
        "mac": message.get_attr("IFLA_ADDRESS"),
        "master": names.get(message.get_attr("IFLA_MASTER")),
        "kind": info.get_attr("IFLA_INFO_KIND") if info else None,
        "stp": bool(data.get_attr("IFLA_BR_STP_STATE")) if bridge else None,
        "delay": data.get_attr("IFLA_BR_FORWARD_DELAY") / 100 if bridge else None,
        "port": {name: value for name, value in settings.items() if value is not None},
        "vlan": pyroute2_vlan(message, info, data, names),
        "addresses": [],
        "routes": [],
        "vlans": None,
        "fdb": [],
    }


def pyroute2_vlan(message, info, data, names: dict) -> dict | None:
    if info is None or info.get_attr("IFLA_INFO_KIND") != "vlan":
        return None
    elsewhere = message.get_attr("IFLA_LINK_NETNSID") is not None
    return {"id": data.get_attr("IFLA_VLAN_ID"),
            "link": None if elsewhere else names.get(message.get_attr("IFLA_LINK"))}


def batch(commands: str, program: str = "ip", force: bool = False) -> None:
    """Commands of ip in the namespace that is full; with force some may be refused."""
    done = subprocess.run([program, "-n", "full", *(["-force"] if force else []), "-batch", "-"], input=commands,
                          text=True, capture_output=True, check=False)
    assert force or done.returncode == 0, done.stderr


def many(pairs: int, taps: int, bridges: int = 8) -> str:
    lines = ["link add many-br%d type bridge" % number for number in range(bridges)]
    for number in range(pairs):
        lines += ["link add many-veth-%d-a type veth peer name many-veth-%d-b" % (number, number),
                  "link set many-veth-%d-a master many-br%d up" % (number, number % bridges),
                  "addr add 10.20.%d.1/28 dev many-veth-%d-b" % (number, number),
                  "link set many-veth-%d-b up" % number,
                  "route add 10.21.%d.0/24 via 10.20.%d.2 metric %d" % (number, number, number)]
    for number in range(taps):
        lines += ["tuntap add many-tap%d mode tap" % number, "link set many-tap%d master many-br1 up" % number]
    return "\n".join(lines)


@contextlib.contextmanager
def namespace(name: str) -> Iterator[None]:
    """What this thread does is within a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open("/run/netns/%s" % name) as there:
        assert libc.setns(there.fileno(), NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home.fileno(), NEW_NETWORK) == 0


@pytest.fixture(scope="module")
def full() -> Iterator[None]:
    if not os.environ.get("VIRTNET_SANDBOX"):
        pytest.fail("this test makes devices: run it inside tests/sandbox (make integration)")
    sh("ip netns add full; ip netns add full-other; ip -n full link set lo up")
    try:
        batch(BRIDGES)
        batch(MORE, force=True)
        for number, flag in enumerate(FLAGS):
            batch("link add port%d type veth peer name behind%d\nlink set port%d master br0 up" % ((number,) * 3))
            name, state = flag.split()
            if name in OF_SYSFS:
                sh("ip netns exec full sh -c 'echo 0 >/sys/class/net/port%d/brport/%s'" % (number, OF_SYSFS[name]))
            else:
                batch("link set port%d type bridge_slave %s %s" % (number, name, state))
        batch("link set tap0 master br0 up")
        batch(ADDRESSES + ROUTES)
        batch("\n".join("fdb add %s dev port%d master static" % (MAC % (number, entry), number)
                        for number in range(3) for entry in range(40)), "bridge")
        batch("link set behind5 up\nlink set behind5 master br1")
        batch("fdb add %s dev behind5 master dynamic\nfdb add %s dev port4 master permanent\n"
              "fdb add %s dev port4 self" % tuple(MAC % (0xfe, entry) for entry in range(3)), "bridge")
        batch("vlan add dev a-name-with-15c vid 5\nfdb add 52:54:00:05:05:05 dev a-name-with-15c master static vlan 5",
              "bridge", force=True)
        batch(many(110, 60))
        yield
    finally:
        sh("ip netns del full; ip netns del full-other")


def both() -> tuple[dict, dict]:
    """What is read, and what pyroute2 reads, when nothing changed meanwhile: the kernel adds addresses of its own."""
    from pyroute2.netlink import exceptions

    interrupted = getattr(exceptions, "NetlinkDumpInterrupted", ())  # which Debian 11 does not notice
    seen: list = []

    def steady() -> bool:
        try:
            seen[:] = [read_devices(), pyroute2_devices(), read_devices()]
        except interrupted:  # pyroute2 does not read again
            return False
        return seen[0] == seen[2]

    assert within(30, steady)
    for name, device in seen[0].items():  # pyroute2 is not asked for them, and most kernels here filter none
        assert device["vlans"] is None or device["master"]
        seen[1][name]["vlans"] = device["vlans"]
    return seen[0], seen[1]


def test_it_is_what_pyroute2_reads(full):
    with namespace("full"):
        devices, expected = both()
    assert len(devices) > 300
    known = {setting for device in expected.values() for setting in device["port"]}  # without isolated in Debian 11
    assert known >= set(devices["port0"]["port"]) - {"brport_isolated"}
    assert sorted(devices) == sorted(expected)
    for name, device in devices.items():
        # pyroute2 takes six bytes of any hardware address, even where that is shorter
        shorter, longer = sorted((device.pop("mac") or "", expected[name].pop("mac") or ""), key=len)
        assert longer.startswith(shorter), name
        device["port"] = {setting: value for setting, value in device["port"].items() if setting in known}
        assert device == expected[name], name


def test_it_can_be_sent_as_json(full):
    with namespace("full"):
        devices = read_devices()
    assert json.loads(json.dumps(devices)) == devices


def test_it_is_what_was_made(full):
    with namespace("full"):
        devices = read_devices()
        assert devices["br0"]["index"] == socket.if_nametoindex("br0")
    of = {name: {key: device[key] for key in ("up", "mtu", "mac", "master", "kind", "stp", "delay")}
          for name, device in devices.items()}
    assert of["br1"] == {"up": True, "mtu": 1500, "mac": "52:54:00:07:00:02", "master": None, "kind": "bridge",
                         "stp": False, "delay": 0.0}
    assert (of["br0"]["stp"], of["br0"]["delay"], of["bridge-of-15-ch"]["up"]) == (True, 7.0, False)
    assert of["wire0"] == {"up": True, "mtu": 9000, "mac": "52:54:00:07:00:01", "master": None, "kind": "veth",
                           "stp": None, "delay": None}
    assert (of["tap0"]["master"], of["tap0"]["kind"]) == ("br0", "tun")
    assert (of["tun0"]["mac"], of["tun0"]["kind"]) == (None, "tun")
    assert (of["macvtap0"]["kind"], of["lo"]["kind"]) == ("macvtap", None)
    assert of["a-name-with-15c"]["master"] == "br1" and not {"away0", "away1"} & set(of)


def test_settings_of_ports(full):
    with namespace("full"):
        devices = read_devices()
    usual = devices["tap0"]["port"]
    assert usual == {"brport_learning": 1, "brport_unicast_flood": 1, "brport_mcast_flood": 1, "brport_bcast_flood": 1,
                     "brport_isolated": 0, "brport_mode": 0, "brport_guard": 0, "brport_protect": 0}
    assert [{key: value for key, value in devices["port%d" % number]["port"].items() if value != usual[key]}
            for number in range(len(FLAGS))] == [
        {"brport_learning": 0}, {"brport_unicast_flood": 0}, {"brport_mcast_flood": 0}, {"brport_bcast_flood": 0},
        {"brport_isolated": 1}, {"brport_mode": 1}, {"brport_guard": 1}, {"brport_protect": 1}]
    assert devices["wire0"]["port"] == devices["br0"]["port"] == {}


def test_addresses_routes_and_mac_addresses(full):
    with namespace("full"):
        devices = read_devices()
    assert [address for address in devices["br0"]["addresses"] if not address.startswith("fe80")] == [
        "10.7.0.1/24", "10.7.1.1/24", "10.7.0.9/24", "fd00:7::1/64"]
    assert {"10.9.0.1/32", "fd00:9::1/128", "fe80::7/64"} <= set(devices["br1"]["addresses"])
    routes = {(route["destination"], route["gateway"]): route["metric"] for route in devices["br0"]["routes"]}
    assert routes["0.0.0.0/0", "10.7.0.2"] == 0 and routes["0.0.0.0/0", "10.7.0.3"] == 900
    assert routes["10.8.1.0/24", "10.7.0.2"] == 7 and routes["fd00:8::/64", "fd00:7::2"] == 5
    assert routes["10.8.3.0/24", "10.7.0.2"] == 0, "of another table"
    assert devices["wire0"]["routes"] == [{"destination": "10.8.9.0/24", "gateway": "10.9.1.0", "metric": 0}]
    assert not {"10.8.4.0/24", "10.8.7.0/24", "10.8.8.0/24", "fd00:8:6::/64"} & {route[0] for route in routes}
    assert {"destination": "fd00:8:2::7/128", "gateway": "fd00:98::1", "metric": 1024} in devices["br1"]["routes"]
    # a kernel with VLAN filtering has them in the VLAN of the port too
    assert [mac for mac, vlan in sorted(devices["port2"]["fdb"], key=str) if vlan is None] == [
        MAC % (2, entry) for entry in range(40)]
    assert devices["port4"]["fdb"] == devices["behind5"]["fdb"] == []


def test_each_namespace_has_its_own(full):
    with namespace("full-other"):
        devices, expected = both()
    assert {"away0", "away1"} <= set(devices) and "br0" not in devices
    assert devices == expected


def test_devices_that_come_and_go_meanwhile(full):
    """What stays is always there, and nothing fails."""
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            batch("link add churn0 type veth peer name churn1\naddr add 10.30.0.1/24 dev churn0\nlink set churn0 up\n"
                  "link set churn1 master br1\nlink del churn0")

    with namespace("full"):
        stay = set(read_devices())
        other = threading.Thread(target=churn)
        other.start()
        try:
            seen = [set(read_devices()) for _number in range(30)]
        finally:
            done.set()
            other.join()
    assert all(stay <= names <= stay | {"churn0", "churn1"} for names in seen)
