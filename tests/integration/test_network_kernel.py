# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel has lost of a running network is put back, with Debian's pyroute2 and the newest."""

from __future__ import annotations

import pytest
from integration.host import sh, within
from integration.modules import run

pytestmark = pytest.mark.both
LAB = {
    "name": "lab",
    "state": "active",
    "forward": {"mode": "route"},
    "bridge": {"name": "lab0", "delay": 4},
    "mac": {"address": "52:54:00:00:0a:01"},
    "mtu": {"size": 1400},
    "ips": [{"address": "10.7.0.1", "prefix": 24, "dhcp": {"ranges": [{"start": "10.7.0.10", "end": "10.7.0.20"}]}},
            {"family": "ipv6", "address": "fd00:7::1", "prefix": 64}],
    "routes": [{"address": "10.8.0.0", "prefix": 16, "gateway": "10.7.0.2"},
               {"family": "ipv6", "address": "fd00:8::", "prefix": 64, "gateway": "fd00:7::2", "metric": 5}],
}
ROUTES = ["add route 10.8.0.0/16 via 10.7.0.2", "add route fd00:8::/64 via fd00:7::2"]
RELOAD = "reload the daemon of libvirt, which puts its firewall rules and dnsmasq back"
BRIDGE = "set spanning tree on and forward delay 4 s of bridge lab0"


def is_deaf() -> bool:
    """Whether this dnsmasq does not hear a bridge that is made again."""
    return tuple(map(int, sh("dnsmasq --version").split()[2].split("."))) < (2, 90)


def seen():
    """What the kernel has, by other witnesses than netlink in the module."""
    return [sh("cat /sys/class/net/lab0/bridge/stp_state /sys/class/net/lab0/bridge/forward_delay"
               " /sys/class/net/lab0/mtu /sys/class/net/lab0/address"
               " /proc/sys/net/ipv4/conf/lab0/forwarding /proc/sys/net/ipv6/conf/lab0/forwarding"),
            sorted(sh("ip -br addr show lab0 scope global").split()[2:]),
            [line.replace(" proto static", "").split(" linkdown")[0].strip()
             for line in sh("ip route show dev lab0; ip -6 route show dev lab0 via fd00:7::2").splitlines()],
            "UP" in sh("ip link show lab0").split(">")[0]]


@pytest.mark.parametrize(("harm", "steps"), [
    ("ip addr del 10.7.0.1/24 dev lab0", ["add address 10.7.0.1/24 to bridge lab0", ROUTES[0]]),
    ("ip addr del fd00:7::1/64 dev lab0", ["add address fd00:7::1/64 to bridge lab0"]),
    ("ip route del 10.8.0.0/16", [ROUTES[0]]),
    ("ip -6 route del fd00:8::/64", [ROUTES[1]]),
    ("ip link set lab0 down", ["add address fd00:7::1/64 to bridge lab0", "set bridge lab0 up", *ROUTES]),
    ("ip link set lab0 mtu 1300", ["set MTU 1400 of bridge lab0"]),
    ("ip link set lab0 address 52:54:00:00:0a:0a", ["set MAC address 52:54:00:00:0a:01 of bridge lab0"]),
    ("sysctl -w net.ipv4.conf.lab0.forwarding=0", ["set forwarding.ipv4 1 of bridge lab0"]),
    ("sysctl -w net.ipv6.conf.lab0.forwarding=0", ["set forwarding.ipv6 1 of bridge lab0"]),
    ("ip link set lab0 type bridge stp_state 0", [BRIDGE]),
    ("ip link set lab0 type bridge forward_delay 900", [BRIDGE]),
    ("ip link del lab0", ["make bridge lab0 again", "set IPv6 of bridge lab0 on", BRIDGE, "set MTU 1400 of bridge lab0",
                          "add address 10.7.0.1/24 to bridge lab0", "add address fd00:7::1/64 to bridge lab0",
                          "set bridge lab0 up", *ROUTES]),
])
def test_a_drift_is_seen_and_repaired(clean, harm, steps):
    run("network", **LAB)
    before = seen()
    if "link del" in harm and is_deaf():
        steps = [*steps, "stop dnsmasq of network lab, which does not hear another bridge", RELOAD]
    sh(harm)
    drift = run("network_info", names=["lab"])["networks"][0]["status"]["drift"]
    assert drift and all(found["layer"] == "kernel" for found in drift)
    predicted = run("network", check=True, name="lab")
    done = run("network", name="lab")
    assert predicted["steps"] == done["steps"] == steps
    assert done["drift"] == drift
    assert run("network", name="lab")["steps"] == []
    assert seen() == before


def leased() -> list:
    leases = run("network_info", names=["lab"])["networks"][0]["status"]["leases"]
    return [lease["ip"].rsplit(".", 1)[0] for lease in leases]


def test_dhcp_answers_on_a_bridge_that_was_made_again(clean):
    run("network", **LAB)
    run("network", name="lab", bridge={"stp": False})
    sh("ip link del lab0")
    run("network", name="lab")
    sh("ip netns add client; ip link add inside type veth peer name outside; ip link set inside netns client;"
       " ip link set outside master lab0 up; ip -n client link set inside up")
    try:
        asked = "ip netns exec client busybox udhcpc -i inside -n -q -t 9 -T 1 -s /bin/true 2>&1 || true"
        assert within(20, lambda: "lease of 10.7.0." in sh(asked))
        assert within(10, lambda: leased() == ["10.7.0"])  # dnsmasq answers before it tells libvirt
    finally:
        sh("ip netns del client; ip link del outside 2>/dev/null || true")
