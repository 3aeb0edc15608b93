# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting a network under guests: what is told to libvirt and the kernel, in which order."""

from __future__ import annotations

from typing import Any

import pytest
from unit.fake_host import FakeHost
from unit.networks import BRIDGE, FOREIGN, LAB, TAP, found, guest, lab_host, lab_parts, network, port
from unit.restoring import there_and_back

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Plan, Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.found import look
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.piece import (
    network as network_piece,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
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


def restarted(old: Options = LAB, new: Options | None = None, **more: Any) -> FakeHost:
    """A host on which the network was restarted under what uses it, to be ``new``."""
    host = lab_host(old, old, **more)
    made = Restart("lab", look(host.look(), "lab"), new or old)
    made.stop_step().do(host)
    host.parts["network_config"]["lab"] = lab_host(new or old).parts["network_config"]["lab"]
    for step in made.start_steps(True):
        step.do(host)
    assert made.found.guests == () or Plan({}, {}).left(again(host)) == []
    return host


def again(host: FakeHost) -> Plan:
    """What is still to be done for the network."""
    wish = Network("lab", {"name": "lab"}, state="active")
    return wish.plan(wish.look(host.look()))


def kernel_calls(host: FakeHost) -> list[tuple]:
    return [call for call in host.calls if call[0].startswith(("set_", "add_"))]


def libvirt_calls(host: FakeHost) -> list[tuple]:
    """What libvirt is told, with whom it is about."""
    return [call[:2] for call in host.calls if call not in kernel_calls(host)]


def test_an_idle_network_is_stopped_and_started():
    host = restarted()
    assert host.calls == [("stop_network", "lab"), ("start_network", "lab")]


def test_guests_are_plugged_in_again_one_by_one():
    one, two = guest(0), guest(1, "two")
    host = restarted(guests=(one, two), devices={"virbr0": BRIDGE, "vnet0": TAP, "vnet1": dict(TAP, master=None)})
    assert libvirt_calls(host) == [("stop_network", "lab"), ("start_network", "lab"), ("plug_in_again", one.uuid),
                                   ("plug_in_again", two.uuid)]
    assert [call[2].get("type") for call in host.calls if call[0] == "plug_in_again"] == ["network", "network"]
    assert host.devices["vnet0"] == TAP and host.devices["vnet1"]["master"] == "virbr0"


def test_the_bridge_may_come_back_by_another_name():
    host = restarted(new=network(bridge=dict(LAB["bridge"], name="virbr7")), guests=(guest(),),
                     devices={"virbr0": BRIDGE, "vnet0": TAP})
    assert host.calls[3][::3] == ("plug_in_again", "virbr7") and host.devices["vnet0"] == dict(TAP, master="virbr7")


def test_taps_get_the_mtu_of_the_new_bridge_unless_they_have_one_of_their_own():
    one, own = guest(0), guest(1, "two", own="<mtu size='1500'/>")
    host = restarted(new=network(mtu={"size": 9000}), guests=(one, own),
                     devices={"virbr0": BRIDGE, "vnet0": TAP, "vnet1": TAP})
    assert [call for call in host.calls if call[0] == "set_mtu"] == [("set_mtu", "vnet0", 9000)]


def test_devices_that_are_no_guests_are_put_back_with_their_settings():
    host = restarted(devices={"virbr0": BRIDGE, "veth7": TAP})
    assert kernel_calls(host) == [("set_master", "veth7", "virbr0"), ("set_port", "veth7", {"brport_isolated": 1}),
                                  ("add_fdb", "veth7", "52:54:00:00:01:00", None)]


def test_a_device_that_is_gone_in_the_meantime_is_passed_over():
    host = lab_host(LAB, LAB, devices={"virbr0": BRIDGE, "veth7": TAP})
    made = Restart("lab", look(host.look(), "lab"), LAB)
    made.stop_step().do(host)
    del host.devices["veth7"]
    for step in made.start_steps(True):
        step.do(host)
    assert kernel_calls(host) == []


class Leaving(FakeHost):
    """A host whose second guest ends just when it is to be connected."""

    def called(self, name: str, arguments: tuple[Any, ...], effect: Any) -> Any:
        if name == "plug_in_again" and arguments[0] == guest(1).uuid:
            self.parts["domains"][""][guest(1).uuid]["active"] = False
            del self.parts["domain_live"][guest(1).uuid], self.devices["vnet1"]
            raise HypervisorError("there is no device vnet1")
        return super().called(name, arguments, effect)


@pytest.mark.parametrize("kind", [FakeHost, Leaving])
def test_a_guest_that_ends_while_it_is_connected_is_passed_over(kind: type):
    host = kind(**lab_parts(LAB, LAB, guests=(guest(0), guest(1, "two")), devices={
        "virbr0": BRIDGE, "vnet0": TAP, "vnet1": TAP}))
    host.breaks = ["plug_in_again"] if kind is FakeHost else []
    made = Restart("lab", look(host.look(), "lab"), LAB)
    steps = [made.stop_step(), *made.start_steps(True)]
    if kind is FakeHost:
        with pytest.raises(HypervisorError, match="plug_in_again is broken"):
            [step.do(host) for step in steps]
        return
    for step in steps:
        step.do(host)
    assert host.devices["vnet0"]["master"] == "virbr0"


def test_ports_of_others_are_reclaimed_and_ports_of_guests_made_anew():
    host = restarted(guests=(guest(),), ports=(port(FOREIGN),), devices={"virbr0": BRIDGE, "vnet0": TAP})
    assert [call[0] for call in libvirt_calls(host)] == ["stop_network", "start_network", "plug_in_again",
                                                         "reclaim_port"]


@pytest.mark.parametrize("live", [LAN, POOL, MACVTAP], ids=["bridge", "hostdev", "macvtap"])
def test_guests_of_a_network_that_libvirt_makes_no_bridge_for_keep_their_device(live: dict):
    host = restarted(live, guests=(guest(),), devices={"br0": BRIDGE, "eth0": TAP, "vnet0": dict(TAP, master="br0")})
    assert [call[0] for call in host.calls] == ["stop_network", "start_network", "reclaim_port"]


def test_a_transient_network_is_created_again():
    host = lab_host(live=LAB)
    steps = [(made := restart(config=None)).stop_step(), *made.start_steps(False)]
    for step in steps:
        step.do(host)
    name, document = host.calls[1]
    assert name == "create_network" and document.findtext("uuid") == LAB["uuid"]


USED = {"guests": (guest(), guest(1, "two")), "ports": (port(FOREIGN),),
        "devices": {"virbr0": BRIDGE, "vnet0": TAP, "vnet1": dict(TAP, mtu=1280), "veth7": TAP}}


@pytest.mark.parametrize("config", [LAB, network(mtu={"size": 9000}), None], ids=["same", "other", "transient"])
def test_a_failed_start_is_taken_back_with_what_was_there(config: dict | None):
    host, made = lab_host(config, LAB, **USED), restart(config=config, **USED)
    calls = there_and_back(host, [made.stop_step()])
    plugged = ["set_up", "plug_in_again", "set_up"]  # a tap is down while it comes back into the bridge
    assert [call[0] for call in calls[:8]] == ["create_network", *plugged, *plugged, "reclaim_port"]
    assert dump_xml(calls[0][1]) == host.parts["network_live"]["lab"]


@pytest.mark.parametrize("config", [LAB, network(mtu={"size": 9000}), None], ids=["same", "other", "transient"])
@pytest.mark.parametrize("new", [{"mtu": {"size": 1400}}, {"bridge": {"name": "virbr7"}}], ids=["mtu", "bridge"])
def test_a_restart_is_taken_back_with_what_was_there(config: dict | None, new: dict):
    made = restart(new=network(**new), config=config, **USED)
    define = Step("define it", lambda host: host.libvirt.define_network(NETWORK.render(made.new)), network_piece("lab"))
    there_and_back(lab_host(config, LAB, **USED), [
        made.stop_step(), *([define] if config else []), *made.start_steps(bool(config))])


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
    host = restarted(guests=(guest(),))
    assert not host.local
    assert [*host.names()] == ["stop_network", "start_network", "plug_in_again"]


def test_starting_is_taken_back_by_stopping():
    step = start_step("lab", LAB, True, None)
    assert step.title == "start network lab"
    assert there_and_back(lab_host(LAB), [step]) == [("stop_network", "lab")]
    assert there_and_back(lab_host(), [start_step("lab", LAB, False, None)]) == [("stop_network", "lab")]


def test_a_transient_start_keeps_unknown_xml():
    host = lab_host()
    step = start_step("lab", {"name": "lab"}, False, load_xml("<network><name>lab</name><odd/></network>"))
    step.do(host)
    assert step.title == "start transient network lab" and host.calls[0][1].find("odd") is not None


PORT = """<networkport><uuid>u</uuid><plug type='network' bridge='virbr0'/>
<bandwidth classID='3'><inbound average='10' floor='5'/><outbound average='7'/></bandwidth></networkport>"""


def reclaimed(text: str, bridge: str, live: Options = LAB) -> Any:
    """A port of others as libvirt is told of it after the restart of a network."""
    new = live if live is LAN else network(bridge=dict(LAB["bridge"], name=bridge))
    host = restarted(live, new, ports=(text,), devices={"virbr0": BRIDGE, "br0": BRIDGE})
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
    assert reclaimed(port(FOREIGN), "virbr0").find("bandwidth") is None
