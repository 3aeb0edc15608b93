# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel should have for a running network, and the steps that repair it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from unit import networks
from unit.fake_host import FakeHost, device
from unit.networks import Guest, lab_host
from unit.restoring import there_and_back

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.found import look
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.repairs import (
    Problem,
    expected_delay,
    kernel_repairs,
    missing_devices,
    missing_functions,
    unstartable,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Entry, Path

LIVE = {
    "name": "lab", "forward": {"mode": "nat"}, "bridge": {"name": "virbr0", "stp": True, "delay": 0},
    "mac": {"address": "52:54:00:00:00:01"}, "mtu": {"size": 1400},
    "ips": [{"address": "10.0.0.1", "netmask": "255.255.255.0"},
            {"family": "ipv6", "address": "FD00:0::1", "prefix": 64}],
    "routes": [{"address": "10.1.0.0", "prefix": 16, "gateway": "10.0.0.2"}],
}
BRIDGE = device(
    kind="bridge", mtu=1400, stp=True, delay=2.0, addresses=["10.0.0.1/24", "fd00::1/64"],
    routes=[{"destination": "10.1.0.0/16", "gateway": "10.0.0.2", "metric": 1}])
GONE = {}
TAP = device(kind="tun", master="virbr0", mtu=1400)
NAME = "guests[one (52:54:00:00:01:00)]"


def guest(own: str = "") -> Guest:
    """A guest with an interface; ``own`` is what that has besides."""
    return networks.guest(own=own)


def host(bridge: dict | None = None, live: dict | None = None, guests: tuple = (), known: bool = True,
         **others: dict) -> FakeHost:
    """A host with a bridge, GONE or by default as it should be; ``known`` is whether libvirt knows of the guests."""
    bridge, live = BRIDGE if bridge is None else bridge, {"name": "lab", **(live or LIVE)}
    made = lab_host(live, live, guests=guests, devices=dict(others, **({"virbr0": bridge} if bridge else {})))
    if not known:
        made.parts["ports"]["lab"] = []
    return made


def repairs_of(there: FakeHost) -> list:
    found = look(there.look(), "lab")
    return list(kernel_repairs(found.live, found.devices, found.guests, found.known_ports, found.upkeep))


def repairs(*args, **kwargs) -> list:
    return repairs_of(host(*args, **kwargs))


def drifts(*args, **kwargs) -> list:
    found = [repair.drift for repair in repairs(*args, **kwargs) if repair.drift]
    assert {drift.layer for drift in found} <= {"kernel"}
    return [(str(drift.path), drift.desired, drift.current) for drift in found]


def titles(*args, **kwargs) -> list:
    return [repair.step.title for repair in repairs(*args, **kwargs) if repair.step]


def calls(*args, **kwargs) -> tuple:
    """What the steps tell the kernel, after which nothing is to be repaired, and what takes them back."""
    there = host(*args, **kwargs)
    steps = [repair.step for repair in repairs_of(there) if repair.step]
    for step in steps:
        step.do(there)
    assert repairs_of(there) == []
    return there.calls, there_and_back(host(*args, **kwargs), steps)


def test_a_bridge_that_is_as_it_should_be_needs_nothing():
    assert repairs() == []


@pytest.mark.parametrize(("changes", "drift", "do", "undo"), [
    ({"stp": False}, ("bridge.stp", True, False), ("set_bridge", "virbr0", True, 2),
     ("set_bridge", "virbr0", False, 2)),
    ({"delay": 15.0}, ("bridge.delay", 2, 15.0), ("set_bridge", "virbr0", True, 2), ("set_bridge", "virbr0", True, 15)),
    ({"mtu": 1500}, ("mtu.size", 1400, 1500), ("set_mtu", "virbr0", 1400), ("set_mtu", "virbr0", 1500)),
    ({"up": False}, ("bridge.up", True, False), ("set_up", "virbr0", True), ("set_up", "virbr0", False)),
    ({"addresses": ["fd00::1/64"]}, ("ips[0].address", "10.0.0.1/24", None),
     ("add_address", "virbr0", "10.0.0.1/24"), ("remove_address", "virbr0", "10.0.0.1/24")),
    ({"addresses": ["10.0.0.1/24", "fe80::1/64"]}, ("ips[1].address", "fd00::1/64", None),
     ("add_address", "virbr0", "fd00::1/64"), ("remove_address", "virbr0", "fd00::1/64")),
    ({"addresses": ["10.0.0.1/16", "fd00::1/64"]}, ("ips[0].address", "10.0.0.1/24", None),
     ("add_address", "virbr0", "10.0.0.1/24"), ("remove_address", "virbr0", "10.0.0.1/24")),
    ({"routes": []}, ("routes[0]", "10.1.0.0/16 via 10.0.0.2", None),
     ("add_route", "virbr0", "10.1.0.0/16", "10.0.0.2", 1), ("remove_route", "virbr0", "10.1.0.0/16", "10.0.0.2", 1)),
])
def test_each_drift_is_repaired_and_can_be_undone(changes: dict, drift: tuple, do: tuple, undo: tuple):
    changed = dict(BRIDGE, **changes)
    assert drifts(changed) == [drift]
    assert calls(changed) == ([do], [undo])


def test_a_bridge_that_is_gone_is_made_again_and_everything_on_it_in_order():
    assert titles(GONE) == [
        "make bridge virbr0 again",
        "set IPv6 of bridge virbr0 on",
        "set spanning tree on and forward delay 2 s of bridge virbr0",
        "set MTU 1400 of bridge virbr0",
        "add address 10.0.0.1/24 to bridge virbr0",
        "add address fd00::1/64 to bridge virbr0",
        "set bridge virbr0 up",
        "add route 10.1.0.0/16 via 10.0.0.2",
    ]
    do, undo = calls(GONE)
    assert do[0] == ("make_bridge", "virbr0", "52:54:00:00:00:01")
    assert undo[-1] == ("remove_device", "virbr0")
    assert not [call for call in undo if call[0] in ("set_bridge", "set_mtu")]
    assert drifts(GONE)[0] == ("bridge", "virbr0", None)


def test_spanning_tree_and_delay_are_one_step():
    changed = dict(BRIDGE, stp=False, delay=15.0)
    assert drifts(changed) == [("bridge.stp", True, False), ("bridge.delay", 2, 15.0)]
    assert titles(changed) == ["set spanning tree on and forward delay 2 s of bridge virbr0"]


@pytest.mark.parametrize(("bridge", "delay"), [
    ({"stp": True, "delay": 0}, 2), ({"stp": True, "delay": 1}, 2), ({"stp": True, "delay": 17}, 17),
    ({"stp": True, "delay": 99}, 30), ({}, 2), ({"delay": 4}, 4), ({"stp": False, "delay": 0}, 0),
    ({"stp": False}, 0), ({"stp": False, "delay": 99}, 99),
])
def test_the_kernel_clamps_the_delay_of_a_bridge_with_spanning_tree(bridge: dict, delay: int):
    assert expected_delay(bridge) == delay


def test_a_bridge_that_says_nothing_of_spanning_tree_has_it():
    live = dict(LIVE, bridge={"name": "virbr0"})
    assert repairs(live=live) == []
    assert drifts(dict(BRIDGE, stp=False), live) == [("bridge.stp", True, False)]


def test_without_an_mtu_that_of_the_bridge_is_its_own():
    live = {name: value for name, value in LIVE.items() if name != "mtu"}
    assert repairs(dict(BRIDGE, mtu=9000), live) == []


@pytest.mark.parametrize(("route", "destination"), [
    ({"address": "0.0.0.0", "gateway": "10.0.0.2"}, "0.0.0.0/0"),
    ({"family": "ipv6", "address": "::", "gateway": "FD00::2"}, "::/0"),
    ({"family": "ipv6", "address": "FD01:0::", "prefix": 48, "gateway": "fd00::2"}, "fd01::/48"),
    ({"address": "10.1.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.2", "metric": 5}, "10.1.0.0/16"),
])
def test_routes_are_told_as_the_kernel_tells_them(route: dict, destination: str):
    live = dict(LIVE, routes=[route])
    do = calls(dict(BRIDGE, routes=[]), live)[0]
    assert do[0][2] == destination and do[0][3] == route["gateway"].lower() and do[0][4] == route.get("metric", 1)
    there = [{"destination": destination, "gateway": route["gateway"].lower(), "metric": route.get("metric", 1)}]
    assert repairs(dict(BRIDGE, routes=there), live) == []


def test_a_tap_that_fell_out_of_the_bridge_is_put_back():
    out = dict(TAP, master=None)
    assert drifts(guests=(guest(),), vnet0=out) == [(NAME, "virbr0", None)]
    assert titles(guests=(guest(),), vnet0=out) == ["put vnet0 of guest one back into bridge virbr0"]
    assert calls(guests=(guest(),), vnet0=out) == (
        [("set_up", "vnet0", False), ("set_master", "vnet0", "virbr0"), ("set_up", "vnet0", True)],
        [("set_master", "vnet0", None)])


def test_a_tap_in_another_bridge_is_put_back_there_on_undo():
    assert calls(guests=(guest(),), vnet0=dict(TAP, master="br9"), br9=BRIDGE)[1] == [("set_master", "vnet0", "br9")]


def test_a_tap_in_its_bridge_needs_nothing():
    assert repairs(guests=(guest(),), vnet0=TAP) == []
    there = look(host(guests=(guest(),)).look(), "lab")
    bare = [one._replace(tap="") for one in there.guests]
    assert list(kernel_repairs(there.live, there.devices, bare, there.known_ports, there.upkeep)) == []


@pytest.mark.parametrize(("others", "mtu"), [
    ({}, 1500), ({"wire": device(kind="veth", master="virbr0", mtu=1280)}, 1280),
    ({"wire": device(kind="veth", master="br0", mtu=1280)}, 1500)])
@pytest.mark.parametrize("stated", [{"mtu": {}}, {}], ids=["none is stated", "nothing is stated"])
def test_a_task_that_states_no_mtu_has_the_bridge_lose_its_own(stated: dict, others: dict, mtu: int):
    live = {name: value for name, value in LIVE.items() if name != "mtu"}
    there = host(dict(BRIDGE, mtu=1400), live, guests=(guest(),), vnet0=TAP, **others)
    converge(there, [Network("lab", {"name": "lab", **stated})], False)
    mtus = [call for call in there.calls if call[0] == "set_mtu"]
    assert mtus == ([("set_mtu", "virbr0", mtu), ("set_mtu", "vnet0", mtu)] if stated else
                    [("set_mtu", "vnet0", 1500)] if mtu == 1500 else [])


def test_a_tap_has_the_mtu_of_the_network():
    small = dict(TAP, mtu=1280)
    assert drifts(guests=(guest(),), vnet0=small) == [(NAME + ".mtu", 1400, 1280)]
    assert titles(guests=(guest(),), vnet0=small) == ["set MTU 1400 of vnet0 of guest one"]
    assert calls(guests=(guest(),), vnet0=small) == ([("set_mtu", "vnet0", 1400)], [("set_mtu", "vnet0", 1280)])


def test_a_tap_with_an_mtu_of_its_own_keeps_it():
    assert repairs(guests=(guest(own="<mtu size='1280'/>"),), vnet0=dict(TAP, mtu=1280)) == []


def test_a_tap_whose_network_states_no_mtu_has_that_of_the_bridge_which_it_may_have_pulled_down_itself():
    live, small = {name: value for name, value in LIVE.items() if name != "mtu"}, dict(TAP, mtu=1280)
    pulled = dict(BRIDGE, mtu=1280)
    assert drifts(bridge=pulled, live=live, guests=(guest(),), vnet0=small) == [(NAME + ".mtu", 1500, 1280)]
    wire = device(kind="veth", master="virbr0", mtu=1280)
    assert drifts(bridge=pulled, live=live, guests=(guest(),), vnet0=small, wire=wire) == []


def test_a_tap_is_isolated_and_up_as_libvirt_made_it():
    isolated = guest(own="<port isolated='yes'/>")
    assert drifts(guests=(isolated,), vnet0=dict(TAP, port={"brport_isolated": 1})) == []
    assert drifts(guests=(isolated,), vnet0=dict(TAP, port={"brport_isolated": 0})) == [
        (NAME + ".port.isolated", True, False)]
    assert titles(guests=(isolated,), vnet0=dict(TAP, port={})) == ["isolate vnet0 of guest one again"]
    assert drifts(guests=(guest(),), vnet0=dict(TAP, up=False)) == [(NAME + ".up", True, False)]


def test_a_tap_that_is_gone_is_only_reported():
    assert drifts(guests=(guest(),)) == [(NAME, "virbr0", None)]
    assert titles(guests=(guest(),)) == []


def test_taps_of_open_vswitch_are_left_alone():
    live = {"forward": {"mode": "bridge"}, "bridge": {"name": "virbr0"}, "virtualport": {"type": "openvswitch"}}
    assert repairs(live=live, guests=(guest(),), vnet0=dict(TAP, master="ovs-system")) == []


@pytest.mark.parametrize(("tap", "current", "disturbs"), [
    (TAP, "unknown to libvirt", True), (dict(TAP, master=None), None, False)], ids=["in its bridge", "fallen out"])
def test_a_guest_that_libvirt_has_forgotten_is_plugged_in_again(tap: dict, current: str | None, disturbs: bool):
    there = host(guests=(guest(),), known=False, vnet0=tap)
    repair, = repairs_of(there)
    assert repair.drift[1:] == (Path("guests", Entry(guest().label)), "connected", current)
    assert (repair.step.title, repair.disturbs, repair.by_people) == ("connect %s again" % guest().label, disturbs,
                                                                      False)
    repair.step.do(there)
    assert there.devices["vnet0"]["master"] == "virbr0" and repairs_of(there) == []


def test_a_guest_with_a_switch_port_that_libvirt_has_forgotten_is_only_reported():
    """libvirt moves no such interface to a bridge and back."""
    live = {"forward": {"mode": "bridge"}, "bridge": {"name": "virbr0"}, "virtualport": {"type": "openvswitch"}}
    switched = guest("<virtualport type='openvswitch'/>")
    repair, = repairs(live=live, guests=(switched,), known=False, vnet0=dict(TAP, master="ovs-system"))
    assert (repair.step, repair.by_people) == (None, True)


def test_a_guest_that_libvirt_has_forgotten_and_whose_tap_is_gone_is_only_reported():
    repair, = repairs(guests=(guest(),), known=False)
    assert (repair.step, repair.by_people, repair.disturbs) == (None, True, False)
    repair, = repairs(live={"forward": {"mode": "hostdev", "pf": {"dev": "eth0"}}}, guests=(guest(),), known=False)
    assert repair.step is None and repair.by_people


HOST_BRIDGE = {"forward": {"mode": "bridge"}, "bridge": {"name": "virbr0"}}


def test_a_bridge_of_the_host_is_not_touched():
    assert repairs(dict(BRIDGE, up=False, mtu=9000, addresses=[]), HOST_BRIDGE) == []


def test_a_bridge_of_the_host_that_is_gone_is_only_reported():
    out = dict(TAP, master=None)
    assert drifts(GONE, HOST_BRIDGE, guests=(guest(),), vnet0=out) == [("bridge.name", "virbr0", None)]
    assert titles(GONE, HOST_BRIDGE, guests=(guest(),), vnet0=out) == []


def test_taps_are_put_back_into_a_bridge_of_the_host():
    assert titles(BRIDGE, HOST_BRIDGE, guests=(guest(),), vnet0=dict(TAP, master=None)) == [
        "put vnet0 of guest one back into bridge virbr0"]


def test_a_network_without_a_bridge_has_nothing_in_the_kernel():
    assert repairs(GONE, {"forward": {"mode": "hostdev", "pf": {"dev": "eth0"}}}) == []


# --- what a network needs of the host

def said(problems: Iterator[Problem]) -> list:
    return [(str(path), problem) for path, problem in problems]


THERE = {"eth0": device(), "br0": device(kind="bridge"), "ovs0": device(kind="openvswitch")}


@pytest.mark.parametrize(("forward", "bridge", "found"), [
    ({"mode": "nat", "dev": "eth0"}, {}, []),
    ({"mode": "nat", "dev": "eth1"}, {}, [("forward.dev", "the host has no device eth1")]),
    ({"mode": "bridge", "interfaces": [{"dev": "eth0"}, {"dev": "eth1"}]}, {},
     [("forward.interfaces[1].dev", "the host has no device eth1")]),
    ({"mode": "bridge", "dev": "eth1", "interfaces": [{"dev": "eth1"}]}, {},
     [("forward.dev", "the host has no device eth1")]),
    ({"mode": "passthrough", "pf": {"dev": "eth1"}, "interfaces": [{"dev": "vf0"}]}, {},
     [("forward.pf.dev", "the host has no device eth1")]),
    ({"mode": "bridge"}, {"name": "br0"}, []),
    ({"mode": "bridge"}, {"name": "br1"}, [("bridge.name", "the host has no bridge br1")]),
    ({"mode": "bridge"}, {"name": "eth0"}, [
        ("bridge.name", "eth0 is no bridge; give one that eth0 is a port of, or leave bridge out and give"
                        " forward.interfaces: [{dev: eth0}] (macvtap)")]),
    ({"mode": "bridge"}, {"name": "ovs0"}, [
        ("bridge.name", "ovs0 is not a Linux bridge; for an Open vSwitch bridge give"
                        " virtualport: {type: openvswitch}")]),
    ({"mode": "nat"}, {"name": "virbr7"}, []),
])
def test_devices_that_the_host_lacks_are_named_by_path(forward: dict, bridge: dict, found: list):
    assert said(missing_devices({"forward": forward, "bridge": bridge}, THERE)) == found


def test_an_open_vswitch_bridge_is_no_linux_bridge():
    options = {"forward": {"mode": "bridge"}, "bridge": {"name": "ovs0"}, "virtualport": {"type": "openvswitch"}}
    assert list(missing_devices(options, THERE)) == []
    assert said(missing_devices({**options, "bridge": {"name": "br0"}}, THERE)) == [
        ("bridge.name", "br0 is a Linux bridge; leave virtualport out, or give a bridge of Open vSwitch")]


def test_functions_of_a_pool_must_be_virtual_functions_of_the_host():
    addresses = [{"bus": "0x03", "slot": "16", "function": "1"}, {"domain": "1", "bus": "010", "slot": "0x1f"},
                 {"type": "pci"}]
    assert said(missing_functions({"forward": {"addresses": addresses}}, frozenset(["0000:03:10.1"]))) == [
        ("forward.addresses[1]", "0001:08:1f.0 is no SR-IOV virtual function of the host"),
        ("forward.addresses[2]", "0000:00:00.0 is no SR-IOV virtual function of the host"),
    ]


def test_an_empty_address_of_a_pool_is_no_surprise():
    options = NETWORK.check({"name": "lab", "forward": {"mode": "hostdev", "addresses": [{}]}})
    assert list(missing_functions(options, frozenset()))


@pytest.mark.parametrize(("options", "found"), [
    ({"bridge": {"name": "virbr0"}}, []),
    ({"bridge": {"name": "br0"}}, [("bridge.name", "the host already has a device br0, which libvirt is to make")]),
    ({"bridge": {"name": "a-bridge-name-16"}},
     [("bridge.name", "a-bridge-name-16 is too long; the kernel takes at most 15 characters")]),
    ({"bridge": {"name": "a-bridge-name15"}}, []),
    ({"bridge": {"name": ".."}}, [("bridge.name", ".. is no name that the kernel takes")]),
    ({"bridge": {"name": "a/b"}}, [("bridge.name", "a/b is no name that the kernel takes")]),
    ({"bridge": {"name": "a:1"}}, [("bridge.name", "a:1 is no name that the kernel takes")]),
    ({"bridge": {"name": "lab%d"}}, []),
    ({"bridge": {"name": "a%x"}}, [("bridge.name", "a%x is no name that the kernel takes")]),
    ({"bridge": {"name": "a%d%d"}}, [("bridge.name", "a%d%d is no name that the kernel takes")]),
    ({"ips": [{"address": "fd00::1", "prefix": 64, "dhcp": {"hosts": [{}]}}]}, []),
    ({"ips": [{"address": "fd00::1", "prefix": 63, "dhcp": {"hosts": [{}]}}]},
     [("ips[0].dhcp", "dnsmasq serves DHCPv6 only where the prefix is 64 or longer, and that of fd00::1 is 63")]),
    ({"ips": [{"address": "FD00::1"}, {"address": "10.0.0.1"}, {"address": "fd00:0::1"}]},
     [("ips[2].address", "fd00::1 is already in ips[0]")]),
    ({"forward": {"mode": "bridge"}, "bridge": {"name": "br0"}}, []),
    ({}, []),
    ({"bridge": {"name": "all"}}, [("bridge.name", "all is no name that the kernel takes")]),
    ({"mtu": {"size": 67}}, [("mtu.size", "67 is no MTU that the kernel takes; give one from 68 to 65521")]),
    ({"mtu": {"size": 1279}, "ips": [{"address": "10.0.0.1"}]}, []),
    ({"mtu": {"size": 1279}, "ips": [{"address": "fd00::1"}]},
     [("mtu.size", "1279 is too small for IPv6; give at least 1280")]),
    ({"forward": {"mode": "nat", "dev": "a" * 16}},
     [("forward.dev", "%s is too long; the kernel takes at most 15 characters" % ("a" * 16))]),
    ({"forward": {"mode": "nat", "interfaces": [{"dev": "a/b"}]}},
     [("forward.interfaces[0].dev", "a/b is no name that the kernel takes")]),
])
def test_what_would_not_start_is_named_by_path(options: dict, found: list):
    assert said(unstartable(options, THERE)) == found


def test_what_goes_before_the_start_is_no_obstacle():
    options = {"bridge": {"name": "br0"}}
    assert said(unstartable(options, THERE, "br0")) == [] != said(unstartable(options, THERE, "eth0"))
