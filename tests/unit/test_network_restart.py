# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting a network under guests: what is told to libvirt and the kernel, in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.networks import BRIDGE, LAB, TAP, UUID, guest, network, port, recording_host, state

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_restart import (
    Restart,
    start_step,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Invalid, load_xml

OVS = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "ovs0"}, "virtualport": {"type": "openvswitch"}}
LAN = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"}}
MACVTAP = {"name": "lab", "forward": {"mode": "bridge", "interfaces": [{"dev": "eth0"}]}}
VEPA = {"name": "lab", "forward": {"mode": "vepa", "interfaces": [{"dev": "eth0"}]}}
POOL = {"name": "lab", "forward": {"mode": "hostdev", "pf": {"dev": "eth0"}}}


def restart(live: dict = LAB, new: dict = LAB, config: dict | None = LAB, **more) -> Restart:
    return Restart("lab", state(config, live, **more), new)


def done(restart_: Restart, bridge: str = "virbr0", persistent: bool = True, devices: dict | None = None) -> tuple:
    """What the steps of a restart tell libvirt and the kernel."""
    host = recording_host(bridge, devices)
    for step in [restart_.stop_step()] + restart_.start_steps(persistent):
        step.do(host)
    return [call[:3] if call[0] == "plug_in_again" else call[:2] for call in host.libvirt.calls], host.kernel.calls


def test_an_idle_network_is_stopped_and_started():
    assert done(restart()) == ([("stop_network", "lab"), ("start_network", "lab")], [])


def test_guests_are_plugged_in_again_one_by_one():
    one, two = guest(0), guest(1, "two")
    there = {"vnet0": TAP, "vnet1": dict(TAP, master=None)}
    libvirt, kernel = done(restart(guests=(one, two), devices=dict(there, virbr0=BRIDGE)), devices=there)
    assert libvirt == [("stop_network", "lab"), ("start_network", "lab"),
                       ("plug_in_again", UUID, one.inactive), ("plug_in_again", UUID, two.inactive)]
    assert ("set_port", "vnet0", TAP["port"]) in kernel
    assert ("add_fdb", "vnet0", "52:54:00:00:01:00", None) in kernel


def test_the_bridge_may_come_back_by_another_name():
    host = recording_host("virbr7")
    thing = guest()
    for step in restart(guests=(thing,)).start_steps(True):
        step.do(host)
    assert ("plug_in_again", UUID, thing.inactive, "virbr7") in host.libvirt.calls


def test_taps_get_the_mtu_of_the_new_bridge_unless_they_have_one_of_their_own():
    one, own = guest(0), guest(1, "two")
    own.inactive.append(load_xml("<mtu size='1500'/>"))
    there = {"virbr0": BRIDGE, "vnet0": TAP, "vnet1": TAP}
    kernel = done(restart(guests=(one, own), devices=there), devices=dict(there, virbr0=dict(BRIDGE, mtu=9000)))[1]
    assert [call for call in kernel if call[0] == "set_mtu"] == [("set_mtu", "vnet0", 9000)]


def test_devices_that_are_no_guests_are_put_back_with_their_settings():
    there = {"virbr0": BRIDGE, "veth7": TAP}
    kernel = done(restart(devices=there), devices={"veth7": dict(TAP, master=None)})[1]
    assert kernel == [("set_master", "veth7", "virbr0"), ("set_port", "veth7", {"brport_isolated": 1}),
                      ("add_fdb", "veth7", "52:54:00:00:01:00", None)]


def test_a_device_that_is_gone_in_the_meantime_is_passed_over():
    assert done(restart(devices={"virbr0": BRIDGE, "veth7": TAP}))[1] == []


def test_ports_of_others_are_reclaimed_and_ports_of_guests_made_anew():
    libvirt = done(restart(guests=(guest(),), ports=(port("foreign"),)))[0]
    assert [call[0] for call in libvirt] == ["stop_network", "start_network", "plug_in_again", "reclaim_port"]


@pytest.mark.parametrize("live", [LAN, POOL, MACVTAP], ids=["bridge", "hostdev", "macvtap"])
def test_guests_of_a_network_that_libvirt_makes_no_bridge_for_keep_their_device(live: dict):
    restarted = restart(live, live, live, guests=(guest(),), devices={"br0": BRIDGE, "vnet0": dict(TAP, master="br0")})
    libvirt, kernel = done(restarted)
    assert [call[0] for call in libvirt] == ["stop_network", "start_network", "reclaim_port"]
    assert kernel == []


def test_a_transient_network_is_created_again():
    host = recording_host()
    for step in restart(config=None).start_steps(False):
        step.do(host)
    name, document = host.libvirt.calls[0]
    assert name == "create_network" and document.findtext("uuid") == LAB["uuid"]


def test_a_failed_start_is_undone_with_what_was_there():
    host = recording_host()
    stop = restart(new=network(mtu={"size": 9000}), guests=(guest(),)).stop_step()
    stop.undo(host)
    assert [call[0] for call in host.libvirt.calls] == ["start_network", "plug_in_again"]


def test_a_transient_network_is_put_back_from_its_running_definition():
    host = recording_host()
    restarted = restart(config=None)
    restarted.stop_step().undo(host)
    assert host.libvirt.calls == [("create_network", restarted.state.record.live)]


@pytest.mark.parametrize(("users", "disruptive", "impact"), [
    ((), False, "none"), ((guest(),), False, "brief"), ((guest(),), True, "disruptive")])
def test_the_impact_of_stopping(users: tuple, disruptive: bool, impact: str):
    assert restart(guests=users).stop_step(disruptive).impact == impact


@pytest.mark.parametrize(("old", "new", "can"), [
    (LAB, network(forward=None), True), (LAB, LAN, True), (LAN, LAB, True), (MACVTAP, MACVTAP, True),
    (LAB, MACVTAP, False), (MACVTAP, VEPA, False), (LAN, POOL, False), (OVS, LAN, False), (OVS, OVS, True),
])
def test_guests_stay_connected_only_in_networks_of_the_same_kind(old: dict, new: dict, can: bool):
    restart(old, new, old).check()
    used = restart(old, new, old, guests=(guest(),))
    if can:
        used.check()
    else:
        with pytest.raises(Invalid, match=r"^restart: always cannot take one"):
            used.check()


@pytest.mark.parametrize(("old", "new", "change"), [
    (OVS, LAN, "from openvswitch to bridge"), (LAB, MACVTAP, "from bridge to macvtap bridge"),
    (POOL, VEPA, "from hostdev to macvtap vepa"),
])
def test_a_restart_that_would_lose_guests_says_why(old: dict, new: dict, change: str):
    with pytest.raises(Invalid, match=change):
        restart(old, new, old, guests=(guest(),)).check()


def test_a_kernel_that_is_out_of_reach_is_left_to_libvirt():
    host = recording_host()
    host.kernel = None
    for step in restart(guests=(guest(),)).start_steps(True):
        step.do(host)
    assert [call[0] for call in host.libvirt.calls] == ["start_network", "plug_in_again"]


def test_the_own_bridge_is_no_obstacle_to_starting_again():
    names = {"virbr0": True, "eth0": False}
    assert restart(names=names).other_names() == {"eth0": False}
    assert restart(LAN, LAN, LAN, names={"br0": True}).other_names() == {"br0": True}


def test_starting_is_undone_by_stopping():
    host = recording_host()
    step = start_step("lab", LAB, True, None)
    step.do(host)
    step.undo(host)
    assert step.title == "start network lab"
    assert host.libvirt.calls == [("start_network", "lab"), ("stop_network", "lab")]


def test_a_transient_start_keeps_unknown_xml():
    host = recording_host()
    step = start_step("lab", {"name": "lab"}, False, load_xml("<network><name>lab</name><odd/></network>"))
    step.do(host)
    assert step.title == "start transient network lab" and host.libvirt.calls[0][1].find("odd") is not None


PORT = """<networkport><uuid>u</uuid><plug type='network' bridge='virbr0'/>
<bandwidth classID='3'><inbound average='10' floor='5'/><outbound average='7'/></bandwidth></networkport>"""


def reclaimed(document, bridge: str, live: dict = LAB):
    """A port of others as libvirt is told of it after the restart of a network."""
    record = replace(state(live, live).record, ports=(document,))
    host = recording_host(bridge)
    for step in Restart("lab", replace(state(live, live), record=record), live).start_steps(True):
        step.do(host)
    return next(call[2] for call in host.libvirt.calls if call[0] == "reclaim_port")


def test_a_port_is_reclaimed_in_the_new_bridge_without_class_and_floor():
    before = load_xml(PORT)
    found = reclaimed(before, "virbr7")
    assert found.find("plug").get("bridge") == "virbr7"
    assert dict(found.find("bandwidth").attrib) == {}
    assert dict(found.find("bandwidth/inbound").attrib) == {"average": "10"}
    assert found.find("bandwidth/outbound").get("average") == "7"
    assert before.find("plug").get("bridge") == "virbr0" and before.find("bandwidth").get("classID") == "3"


def test_a_port_that_had_only_a_floor_is_reclaimed_without_that_direction():
    found = reclaimed(load_xml(PORT.replace("average='10' ", "")), "virbr0")
    assert found.find("bandwidth/inbound") is None and found.find("bandwidth/outbound") is not None


def test_a_port_in_a_bridge_of_the_host_keeps_its_plug():
    assert reclaimed(load_xml(PORT), "virbr7", LAN).find("plug").get("bridge") == "virbr0"


def test_a_port_without_bandwidth_is_reclaimed_as_it_is():
    assert reclaimed(port("x"), "virbr0").find("bandwidth") is None
