# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting a network under guests: what is told to libvirt and the kernel, in which order."""

from __future__ import annotations

from typing import Any

import pytest
from unit.fake_host import FakeHost
from unit.networks import BRIDGE, LAB, TAP, found, guest, lab_host, network, port

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.restart import (
    Restart,
    start_step,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

OVS = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "ovs0"}, "virtualport": {"type": "openvswitch"}}
LAN = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"}}
MACVTAP = {"name": "lab", "forward": {"mode": "bridge", "interfaces": [{"dev": "eth0"}]}}
VEPA = {"name": "lab", "forward": {"mode": "vepa", "interfaces": [{"dev": "eth0"}]}}
POOL = {"name": "lab", "forward": {"mode": "hostdev", "pf": {"dev": "eth0"}}}


def restart(live: Options = LAB, new: Options = LAB, config: Options | None = LAB, **more: Any) -> Restart:
    return Restart("lab", found(config, live, **more), new)


def host_with(bridge: str = "virbr0", devices: dict[str, Options] | None = None, **more: Any) -> FakeHost:
    """A host on which the network is in ``bridge`` when it runs again, beside ``devices`` as they are by then."""
    options = network(bridge=dict(LAB["bridge"], name=bridge), **more)
    return lab_host(options, options, guests=(guest(0), guest(1, "two")), devices=devices or {})


def kernel_calls(host: FakeHost) -> list[tuple]:
    return [call for call in host.calls if call[0].startswith(("set_", "add_"))]


def libvirt_calls(host: FakeHost) -> list[tuple]:
    return [call for call in host.calls if call not in kernel_calls(host)]


def done(restart_: Restart, host: FakeHost | None = None) -> tuple:
    """What the steps of a restart tell libvirt and the kernel."""
    host = host or host_with()
    for step in [restart_.stop_step()] + restart_.start_steps(True):
        step.do(host)
    return [call[:3] if call[0] == "plug_in_again" else call[:2] for call in libvirt_calls(host)], kernel_calls(host)


def inactive(restarted: Restart) -> list:
    """The interfaces of its guests in the form in which libvirt takes them back."""
    return [guest.inactive for guest in restarted.found.guests]


def test_an_idle_network_is_stopped_and_started():
    assert done(restart()) == ([("stop_network", "lab"), ("start_network", "lab")], [])


def test_guests_are_plugged_in_again_one_by_one():
    one, two = guest(0), guest(1, "two")
    there = {"vnet0": TAP, "vnet1": dict(TAP, master=None)}
    restarted = restart(guests=(one, two), devices=dict(there, virbr0=BRIDGE))
    libvirt, kernel = done(restarted, host_with(devices=there))
    first, second = inactive(restarted)
    assert libvirt == [("stop_network", "lab"), ("start_network", "lab"),
                       ("plug_in_again", one.uuid, first), ("plug_in_again", two.uuid, second)]
    assert ("set_port", "vnet0", TAP["port"]) in kernel
    assert ("add_fdb", "vnet0", "52:54:00:00:01:00", None) in kernel


def test_the_bridge_may_come_back_by_another_name():
    host = host_with("virbr7")
    restarted = restart(guests=(guest(),))
    for step in restarted.start_steps(True):
        step.do(host)
    assert ("plug_in_again", guest().uuid, *inactive(restarted), "virbr7") in host.calls


def test_taps_get_the_mtu_of_the_new_bridge_unless_they_have_one_of_their_own():
    one, own = guest(0), guest(1, "two", own="<mtu size='1500'/>")
    there = {"virbr0": BRIDGE, "vnet0": TAP, "vnet1": TAP}
    kernel = done(restart(guests=(one, own), devices=there), host_with(devices=there, mtu={"size": 9000}))[1]
    assert [call for call in kernel if call[0] == "set_mtu"] == [("set_mtu", "vnet0", 9000)]


def test_devices_that_are_no_guests_are_put_back_with_their_settings():
    there = {"virbr0": BRIDGE, "veth7": TAP}
    kernel = done(restart(devices=there), host_with(devices={"veth7": dict(TAP, master=None)}))[1]
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
    host = host_with()
    for step in restart(config=None).start_steps(False):
        step.do(host)
    name, document = host.calls[0]
    assert name == "create_network" and document.findtext("uuid") == LAB["uuid"]


def test_a_failed_start_is_undone_with_what_was_there():
    host = host_with()
    stop = restart(new=network(mtu={"size": 9000}), guests=(guest(),)).stop_step()
    stop.undo(host)
    assert [*host.names()] == ["start_network", "plug_in_again"]


def test_a_transient_network_is_put_back_from_its_running_definition():
    host = host_with()
    restarted = restart(config=None)
    restarted.stop_step().undo(host)
    assert host.calls == [("create_network", restarted.found.record.live)]


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
    host = lab_host(LAB, LAB, guests=(guest(),))
    assert not host.local
    for step in restart(guests=(guest(),)).start_steps(True):
        step.do(host)
    assert [*host.names()] == ["start_network", "plug_in_again"]


def test_the_own_bridge_is_no_obstacle_to_starting_again():
    assert restart().goes == "virbr0"
    assert restart(LAN, LAN, LAN).goes is None


def test_starting_is_undone_by_stopping():
    host = host_with()
    step = start_step("lab", LAB, True, None)
    step.do(host)
    step.undo(host)
    assert step.title == "start network lab"
    assert host.calls == [("start_network", "lab"), ("stop_network", "lab")]


def test_a_transient_start_keeps_unknown_xml():
    host = host_with()
    step = start_step("lab", {"name": "lab"}, False, load_xml("<network><name>lab</name><odd/></network>"))
    step.do(host)
    assert step.title == "start transient network lab" and host.calls[0][1].find("odd") is not None


PORT = """<networkport><uuid>u</uuid><plug type='network' bridge='virbr0'/>
<bandwidth classID='3'><inbound average='10' floor='5'/><outbound average='7'/></bandwidth></networkport>"""


def reclaimed(text: str, bridge: str, live: Options = LAB) -> Any:
    """A port of others as libvirt is told of it after the restart of a network."""
    host, restarted = host_with(bridge), restart(live, live, live, ports=(text,))
    for step in restarted.start_steps(True):
        step.do(host)
    assert [dump_xml(one) for one in restarted.found.ports] == [dump_xml(load_xml(text))]
    return next(call[2] for call in host.calls if call[0] == "reclaim_port")


def test_a_port_is_reclaimed_in_the_new_bridge_without_class_and_floor():
    found = reclaimed(PORT, "virbr7")
    assert found.find("plug").get("bridge") == "virbr7"
    assert dict(found.find("bandwidth").attrib) == {}
    assert dict(found.find("bandwidth/inbound").attrib) == {"average": "10"}
    assert found.find("bandwidth/outbound").get("average") == "7"


def test_a_port_that_had_only_a_floor_is_reclaimed_without_that_direction():
    found = reclaimed(PORT.replace("average='10' ", ""), "virbr0")
    assert found.find("bandwidth/inbound") is None and found.find("bandwidth/outbound") is not None


def test_a_port_in_a_bridge_of_the_host_keeps_its_plug():
    assert reclaimed(PORT, "virbr7", LAN).find("plug").get("bridge") == "virbr0"


def test_a_port_without_bandwidth_is_reclaimed_as_it_is():
    assert reclaimed(port("x"), "virbr0").find("bandwidth") is None
