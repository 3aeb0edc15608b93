# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way back: whatever became of a host in memory, what a record has of it is brought back, and no more."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.fake_host import UUID, FakeHost, device
from unit.networks import BRIDGE, FOREIGN, LAB, TAP, guest, lab_host, lab_parts, network, port
from unit.restoring import begun, differences, state, there_and_back

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.nwfilter import NWFILTER, definable
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ATTEMPTS,
    ConvergeError,
    Unkept,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Piece, Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import (
    Changed,
    Record,
    listed,
    named,
    of_another_boot,
    take,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.restore import Restored, restore
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.flags import CONFIG, LIVE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.every_way import EVERY_WAY
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface import piece as interfaces
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.kinds import KINDS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.piece import (
    network as network_piece,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.piece import nwfilter
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.piece import (
    nwfilter_binding,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.piece import sriov
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.ways import way_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

LAB_PIECE, CLEAN, TAP9 = network_piece("lab"), nwfilter("clean"), nwfilter_binding("tap9")
LARGE = network(mtu={"size": 9000})
USED = {"guests": (guest(), guest(1, "two")), "ports": (port(FOREIGN),),
        "devices": {"virbr0": BRIDGE, "vnet0": TAP, "vnet1": dict(TAP, mtu=1280, port={}, fdb=[]), "veth7": TAP,
                    "br0": device(kind="bridge")}}
Change = Callable[[FakeHost], None]


def document(options: dict) -> Any:
    return NETWORK.render(options)


def filter_of(name: str, port_: str) -> Any:
    return NWFILTER.render(definable(NWFILTER.check({"name": name, "uuid": UUID, "entries": [
        {"rule": {"action": "accept", "direction": "in", "tcp": [{"dstportstart": port_}]}}]})))


def binding_of(device_: str, name: str, mac: str = "52:54:00:00:02:01", inside: str = "") -> Any:
    return load_xml("<filterbinding><owner><name>o</name><uuid>%s</uuid></owner><portdev name='%s'/><mac"
                    " address='%s'/><filterref filter='%s'>%s</filterref></filterbinding>"
                    % (UUID, device_, mac, name, inside))


def calls(*made: tuple) -> Change:
    """Tells libvirt, or the kernel, one thing after the other."""
    def change(host: FakeHost) -> None:
        for name, *arguments in made:
            transport = host.libvirt if hasattr(type(host.libvirt), "_" + name) else host.kernel
            getattr(transport, name)(*arguments)

    return change


def back(host: FakeHost, change: Change, *of: Piece) -> list[str]:
    """The names of the calls that take a change back."""
    steps = [Step("change it", change, one) for one in of[:1]] + [Step("more", lambda host: None, one)
                                                                  for one in of[1:]]
    return [call[0] for call in there_and_back(host, steps)]


# --- networks


NETWORKS = {
    "new": ((None, None), [("define_network", document(LAB)), ("start_network", "lab"),
                           ("set_network_autostart", "lab", True)], ["stop_network", "undefine_network"]),
    "new and transient": ((None, None), [("create_network", document(LAB))], ["stop_network"]),
    "started": ((LAB, None), [("start_network", "lab")], ["stop_network"]),
    "stopped": ((LAB, LAB), [("stop_network", "lab")], ["create_network"]),
    "gone": ((LAB, LAB), [("stop_network", "lab"), ("undefine_network", "lab")],
             ["define_network", "create_network"]),
    "gone, and ran otherwise": ((LAB, LARGE), [("stop_network", "lab"), ("undefine_network", "lab")],
                                ["define_network", "create_network"]),
    "gone, and was transient": ((None, LAB), [("stop_network", "lab")], ["create_network"]),
    "made transient": ((LAB, LAB), [("undefine_network", "lab")], ["define_network"]),
    "made persistent": ((None, LAB), [("define_network", document(LAB))], ["undefine_network"]),
    "redefined": ((LAB, None), [("define_network", document(LARGE))], ["define_network"]),
    "restarted otherwise": ((LAB, LAB), [("stop_network", "lab"), ("define_network", document(LARGE)),
                                         ("start_network", "lab")],
                            ["define_network", "stop_network", "create_network"]),
    "restarted, and ran otherwise": ((LAB, LARGE), [("stop_network", "lab"), ("start_network", "lab")],
                                     ["stop_network", "create_network"]),
    "with autostart": ((LAB, LAB), [("set_network_autostart", "lab", True)], ["set_network_autostart"]),
}


@pytest.mark.parametrize(("layers", "change", "way"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_comes_back_as_it_was(layers: tuple, change: list, way: list):
    host = lab_host(*layers, devices={"virbr0": dict(BRIDGE, mtu=9000 if layers[1] is LARGE else 1500)} if (
        layers[1]) else {})
    assert back(host, calls(*change), LAB_PIECE) == way


def test_autostart_comes_back_with_the_network():
    host = lab_host(LAB, LAB, autostart=True, devices={"virbr0": BRIDGE})
    assert back(host, calls(("stop_network", "lab"), ("undefine_network", "lab")), LAB_PIECE) == [
        "define_network", "set_network_autostart", "create_network"]


def test_a_running_network_is_changed_in_place_where_that_can_be():
    group = network(portgroups=[{"name": "a"}])
    added = [("update_network", "lab", 3, 9, -1, load_xml("<portgroup name='a'/>"), flag) for flag in (CONFIG, LIVE)]
    assert back(lab_host(LAB, LAB, **USED), calls(*added), LAB_PIECE) == ["define_network", "update_network"]
    host = lab_host(group, network(title="a", **{name: group[name] for name in ("portgroups",)}), sets_metadata=True,
                    version=(10, 0, 0))
    assert back(host, calls(("set_network_metadata", "lab", 1, "b", None, None), ("set_network_metadata", "lab", 2,
                            "<x:a xmlns:x='urn:a'/>", "x", "urn:a")), LAB_PIECE) == ["set_network_metadata"] * 2


def test_a_pool_in_use_is_started_as_it_ran_for_an_update_forgets_who_has_which_device():
    pool = {"name": "lab", "uuid": LAB["uuid"], "forward": {"mode": "bridge", "interfaces": [{"dev": "eth0"}]}}
    added = [("update_network", "lab", 3, 7, -1, load_xml("<interface dev='eth1'/>"), LIVE)]
    ports = (port(FOREIGN).replace("type='network' bridge='virbr0'", "type='direct' mode='bridge' dev='eth0'"),)
    ways = [back(lab_host(pool, pool, devices={}, ports=there), calls(*added), LAB_PIECE) for there in (ports, ())]
    assert ways == [["stop_network", "create_network", "reclaim_port"], ["update_network"]]


@pytest.mark.parametrize("config", [LAB, LARGE, None], ids=["same", "other", "transient"])
def test_guests_ports_and_the_bridge_come_back_with_a_network(config: dict | None):
    gone = [("stop_network", "lab"), *([("undefine_network", "lab")] if config else [])]
    again = [("create_network", document(LARGE))]
    for change in (gone, gone + again):
        back(lab_host(config, LAB, **USED), calls(*change), LAB_PIECE)


def test_without_the_kernel_guests_and_ports_come_back_too():
    host = lab_host(LAB, LAB, **USED)
    host.parts["host"][""]["local"] = False
    record = begun(host, [Step("stop", calls(("stop_network", "lab")), LAB_PIECE)])
    host.calls.clear()
    assert restore(host, record).failed == []
    assert [*host.names()] == ["create_network", "plug_in_again", "plug_in_again", "reclaim_port"]
    assert [host.devices[tap]["master"] for tap in ("vnet0", "vnet1")] == ["virbr0"] * 2


def test_what_was_not_connected_stays_so():
    host = lab_host(LAB, LAB, **dict(USED, devices=dict(USED["devices"], vnet1=dict(TAP, master=None))))
    record = begun(host, [Step("stop", calls(("stop_network", "lab")), LAB_PIECE)])
    assert restore(host, record).failed == []
    assert host.devices["vnet0"] == TAP and host.devices["vnet1"]["master"] is None


def test_a_guest_that_was_shut_down_meanwhile_is_left_so():
    host = lab_host(LAB, LAB, **USED)
    record = begun(host, [Step("stop", calls(("stop_network", "lab")), LAB_PIECE)])
    host.parts["domains"][""][guest().uuid]["active"] = False
    del host.parts["domain_live"][guest().uuid], host.devices["vnet0"], host.devices["veth7"]
    assert restore(host, record).failed == []
    assert [call[1] for call in host.calls if call[0] == "plug_in_again"] == [guest(1).uuid]


LIMITED = port(FOREIGN).replace("<plug", "<bandwidth><inbound average='9'/></bandwidth><plug")
PORTS = {
    "new": ((), [("create_port", "lab", load_xml(port(FOREIGN)), True)], ["delete_port"]),
    "gone": ((port(FOREIGN),), [("delete_port", "lab", FOREIGN)], ["reclaim_port"]),
    "made again": ((port(FOREIGN),), [("delete_port", "lab", FOREIGN), (
        "create_port", "lab", load_xml(port(FOREIGN).replace("<mac", "<group>a</group><mac")), True)],
        ["delete_port", "reclaim_port"]),
    "limited": ((LIMITED,), [("set_port_rates", "lab", FOREIGN, {"inbound.average": 20})], ["set_port_rates"]),
    "without limits": ((LIMITED,), [("delete_port", "lab", FOREIGN), (
        "create_port", "lab", load_xml(port(FOREIGN)), True)], ["delete_port", "reclaim_port"]),
}


@pytest.mark.parametrize(("ports", "change", "way"), PORTS.values(), ids=PORTS)
def test_a_port_comes_back_as_it_was(ports: tuple, change: list, way: list):
    assert back(lab_host(LAB, LAB, ports=ports), calls(*change), LAB_PIECE) == way


KERNEL = {
    "bridge": ([("remove_device", "virbr0")], {"make_bridge", "set_bridge", "add_address", "set_up", "set_master",
                                               "set_port", "add_fdb"}),
    "spanning tree": ([("set_bridge", "virbr0", False, 0)], {"set_bridge"}),
    "mtu": ([("set_mtu", "virbr0", 9000), ("set_mtu", "vnet0", 9000), ("set_mtu", "veth7", 9000)], {"set_mtu"}),
    "link": ([("set_up", "virbr0", False)], {"set_up"}),
    "address": ([("remove_address", "virbr0", "10.0.0.1/24"), ("add_address", "virbr0", "10.0.0.9/8")],
                {"add_address", "remove_address"}),
    "route": ([("add_route", "virbr0", "10.9.0.0/16", "10.0.0.2", 1)], {"remove_route"}),
    "tap": ([("set_master", "vnet0", None)], {"set_master", "set_port", "add_fdb"}),
    "tap elsewhere": ([("set_master", "vnet0", "br0")], {"set_master", "set_port", "add_fdb"}),
    "other member": ([("set_master", "veth7", "br0")], {"set_master", "set_port", "add_fdb"}),
}


@pytest.mark.parametrize(("change", "way"), KERNEL.values(), ids=KERNEL)
def test_what_the_kernel_has_of_a_network_comes_back(change: list, way: set):
    assert set(back(lab_host(LAB, LAB, **USED), calls(*change), LAB_PIECE)) == way


SWITCH_PORT = {"bridge": "ovsbr0", "tag": 5, "trunks": [], "vlan_mode": None,
               "traffic": {"sent": {}, "received": None}}


@pytest.mark.parametrize("tags", [{"tag": 6}, {"tag": None}, {"trunks": [5, 6]}, {"vlan_mode": "native-tagged"}])
@pytest.mark.parametrize("of", [LAB_PIECE, interfaces.interface(guest().uuid, guest().mac)], ids=lambda one: one.kind)
def test_the_tags_of_a_switch_port_come_back(tags: dict, of: Piece):
    host = lab_host(LAB, LAB, **USED, switch_ports={"vnet0": SWITCH_PORT})
    assert back(host, lambda one: one.switch.set_tags("vnet0", tags), of) == ["set_tags"]


@pytest.mark.parametrize(("now", "done"), [({}, []), (None, [("set_tags", "vnet0", {
    "tag": 5, "trunks": [], "vlan_mode": None})])], ids=["the port is gone", "its database is away"])
def test_a_switch_port_that_is_gone_stays_so_and_a_database_that_is_away_is_waited_for(now: Any, done: list):
    host = lab_host(LAB, LAB, **USED, switch_ports={"vnet0": SWITCH_PORT})

    def change(host: FakeHost) -> None:
        host.parts["switch_ports"][""] = now

    record = begun(host, [Step("change it", change, LAB_PIECE)])
    host.switch.set_tags = lambda *told: host.calls.append(("set_tags", *told[:2])) or host.parts[
        "switch_ports"].update({"": {"vnet0": SWITCH_PORT}})
    assert restore(host, record).failed == [] and host.calls == done


def test_a_port_comes_back_whose_tap_was_elsewhere_and_that_stays_there():
    host = lab_host(LAB, LAB, **dict(USED, devices=dict(USED["devices"], vnet1=dict(TAP, master=None))))
    back(host, calls(("stop_network", "lab"), ("create_network", document(LAB))), LAB_PIECE)
    assert host.devices["vnet1"]["master"] is None


@pytest.mark.parametrize("config", [LAB, None], ids=["there", "new"])
def test_the_bridge_of_a_start_that_killed_libvirt_goes(config: dict | None):
    def killed(host: FakeHost) -> None:
        host.libvirt.define_network(document(LAB))
        host.devices["virbr0"] = BRIDGE

    assert back(lab_host(config, devices={}), killed, LAB_PIECE) == [
        "stop_dnsmasq", "remove_device", *([] if config else ["undefine_network"])]


def test_how_many_guests_libvirt_counts_is_no_change_to_take_back():
    def count(host: FakeHost) -> None:
        counted = load_xml(host.parts["network_live"]["lab"])
        counted.set("connections", "3")
        host.parts["network_live"]["lab"] = dump_xml(counted)

    host = lab_host(LAB, LAB, **USED)
    assert restore(host, begun(host, [Step("count", count, LAB_PIECE)])) == Restored()


# --- filters and bindings


def test_a_filter_comes_back_as_it_was():
    made = calls(("define_nwfilter", filter_of("clean", "22")))
    assert back(FakeHost(), made, CLEAN) == ["undefine_nwfilter"]
    host = FakeHost()
    made(host)
    assert back(host, calls(("define_nwfilter", filter_of("clean", "23"))), CLEAN) == ["define_nwfilter"]
    assert back(host, calls(("undefine_nwfilter", "clean")), CLEAN) == ["define_nwfilter"]


def test_a_binding_comes_back_as_it_was():
    bound = calls(("create_nwfilter_binding", binding_of("tap9", "clean")))
    assert back(FakeHost(), bound, TAP9) == ["delete_nwfilter_binding"]
    host = FakeHost()
    bound(host)
    gone = ("delete_nwfilter_binding", "tap9")
    assert back(host, calls(gone), TAP9) == ["create_nwfilter_binding"]
    assert back(host, calls(gone, ("create_nwfilter_binding", binding_of("tap9", "other"))), TAP9) == [
        "delete_nwfilter_binding", "create_nwfilter_binding"]


def test_an_address_that_libvirt_found_out_meanwhile_is_no_change_of_a_binding():
    host = FakeHost()
    given_ = "<parameter name='MAC' value='52:54:00:00:02:01'/>"
    calls(("create_nwfilter_binding", binding_of("tap9", "clean", inside=given_)))(host)
    record = begun(host, [Step("change it", calls(("create_nwfilter_binding", binding_of(
        "tap9", "clean", inside=given_ + "<parameter name='IP' value='10.0.0.5'/>"))), TAP9)])
    assert restore(host, record) == Restored()


# --- interfaces of guests


def domain(*macs: str) -> str:
    """A guest with interfaces among its other devices."""
    return "<domain><devices><disk/>%s<video/></devices></domain>" % "".join(
        "<interface type='user'><mac address='%s'/></interface>" % mac for mac in macs)


MACS = ["52:54:00:00:03:0%d" % number for number in range(4)]


@pytest.mark.parametrize("left", [MACS[1:], MACS[:3], [MACS[0], MACS[3]], [MACS[0], MACS[2], MACS[1], MACS[3]], []],
                         ids=["first", "last", "middle", "swapped", "all"])
def test_interfaces_of_a_guest_come_back_in_their_places(left: list):
    host = FakeHost(domains={UUID: {"name": "one", "active": False, "persistent": True}},
                    domain_config={UUID: domain(*MACS)})

    def change(host: FakeHost) -> None:
        host.parts["domain_config"][UUID] = domain(*left)

    record = begun(host, [Step("change it", change, interfaces.interface(UUID, *MACS))])
    assert restore(host, record).failed == []
    found = load_xml(host.parts["domain_config"][UUID]).findall("devices/interface/mac")
    assert [mac.get("address") for mac in found] == MACS


def test_a_guest_that_is_gone_is_left_so():
    host = FakeHost(domains={UUID: {"name": "one", "active": False, "persistent": True}},
                    domain_config={UUID: domain(*MACS)})

    def remove(host: FakeHost) -> None:
        host.parts["domains"][""], host.parts["domain_config"] = {}, {}

    record = begun(host, [Step("remove it", remove, interfaces.interface(UUID, MACS[0]))])
    assert restore(host, record) == Restored() and host.calls == []


# --- whatever happens on the way


@pytest.mark.parametrize("after", [False, True], ids=["before", "after it took effect"])
@pytest.mark.parametrize("broken", ["define_network", "create_network", "plug_in_again", "reclaim_port", "set_master"])
def test_what_fails_on_the_way_back_is_tried_again_while_something_can_be_done(broken: str, after: bool):
    host = lab_host(LAB, LAB, **USED)
    before = state(host)
    record = begun(host, [Step("remove it", calls(("stop_network", "lab"), ("undefine_network", "lab")), LAB_PIECE),
                          Step("make it", calls(("define_nwfilter", filter_of("clean", "22"))), CLEAN)])
    host.breaks, host.after = [broken], after
    restored = restore(host, record)
    assert not restored.failed and not record.lost
    assert state(host) == before, differences(state(host), before)


def test_what_cannot_be_put_back_is_said_and_the_rest_is():
    host = lab_host(LAB, LAB, devices={"virbr0": BRIDGE})
    record = begun(host, [Step("remove it", calls(("stop_network", "lab"), ("undefine_network", "lab")), LAB_PIECE),
                          Step("make it", calls(("define_nwfilter", filter_of("clean", "22"))), CLEAN)])
    host.breaks = ["create_network"] * 99
    restored = restore(host, record)
    assert str(restored) == ("Put back: remove filter clean; define network lab as it was. Could not be put back:"
                             " start network lab as it ran (create_network is broken).")
    assert record.lost and host.parts["nwfilters"][""] == {}
    host.breaks = []
    assert str(restore(host, record)) == "All is as it was; put back: start network lab as it ran."
    assert not record.lost and restore(host, record) == Restored()


def endless(was: Any, now: Any, name: str) -> Iterator[Step]:
    return iter([] if was is now else [Step("try", lambda host: None, Piece("thing", name, endless))])


def test_what_does_not_come_back_whatever_is_done_is_not_said_to_be_as_it_was():
    host = FakeHost()
    record = begun(host, [Step("make it", lambda host: None, Piece("thing", "x", endless))])
    restored = restore(host, record)
    assert restored.failed and record.lost and not str(restored).startswith("All is as it was")


@pytest.mark.parametrize(("failures", "restored"), [(1, Restored(["mend it"])), (99, Restored([], ["mend it (no)"]))])
def test_what_failed_is_tried_once_more(failures: int, restored: Restored):
    tried = []

    def mend(_host: Any) -> None:
        tried.append(True)
        if len(tried) <= failures:
            raise HypervisorError("no")

    def back_(_was: Any, _now: Any, name: str) -> Iterator[Step]:
        if len(tried) <= failures:
            yield Step("mend it", mend, Piece("thing", name, back_))

    host = FakeHost()
    record = begun(host, [Step("break it", lambda host: None, Piece("thing", "x", back_))])
    assert restore(host, record) == restored and len(tried) == 2


def test_what_cannot_be_looked_at_is_said():
    def blind(was: Any, now: Any, name: str) -> Iterator[Step]:
        if was is not now:
            raise HypervisorError("libvirt went away.")
        return iter(())

    host = FakeHost()
    record = begun(host, [Step("make it", lambda host: None, Piece("thing", "x", blind)),
                          Step("make it", calls(("define_nwfilter", filter_of("clean", "22"))), CLEAN)])
    assert str(restore(host, record)) == (
        "Put back: remove filter clean. Could not be put back: thing x (libvirt went away).")


def test_only_what_was_begun_is_brought_back():
    host = lab_host(LAB)
    record = take(host.look(), [Step("start", print, LAB_PIECE), Step("filter", print, CLEAN)])
    calls(("start_network", "lab"), ("define_nwfilter", filter_of("clean", "22")))(host)
    assert restore(host, record) == Restored()
    for _time in range(2):
        record.begin(Step("filter", print, CLEAN, writes=("nwfilters", "clean")))
    assert restore(host, record).done == ["remove filter clean"] and record.begun == [CLEAN]


def test_a_long_list_is_counted_at_its_end():
    words = list("abcdefghijk")
    assert listed(words[:9]) == "a; b; c; d; e; f; g; h; i"
    assert listed(words) == "a; b; c; d; e; f; g; h; and 3 more"
    assert str(Restored()) == "Nothing was changed."


# --- what somebody else does meanwhile


def taken(host: FakeHost, *steps: Step) -> Record:
    return take(host.look(), steps)


STOP = Step("stop it", calls(("stop_network", "lab")), LAB_PIECE, writes=("network_live", "lab"))
DEFINE = Step("define it", calls(("define_network", document(LARGE))), LAB_PIECE, writes=("network_config", "lab"))


def test_what_has_changed_since_it_was_seen_is_named():
    host = lab_host(LAB, LAB, **USED)
    seen = host.look()
    assert seen.network("lab") and taken(host, STOP).changed_since(seen) == []
    host.libvirt.define_network(document(LARGE))
    assert taken(host, STOP).changed_since(seen) == ["network lab"]
    host.libvirt.create_nwfilter_binding(binding_of("tap9", "clean"))
    assert taken(host, STOP).changed_since(seen) == ["network lab"]


def test_what_changes_by_itself_is_no_change():
    host = lab_host(LAB, LAB, **USED)
    seen = taken(host, STOP).was
    counted = load_xml(host.parts["network_live"]["lab"])
    counted.set("connections", "3")
    host.parts["network_live"]["lab"] = dump_xml(counted)
    host.devices["vnet0"]["mtu"] = 1280
    host.parts["ports"]["lab"].pop()
    assert taken(host, STOP).changed_since(seen) == []


class Meddles(Unkept):
    """Somebody who edits the network while the first step is written down."""

    def __init__(self, host: FakeHost) -> None:
        super().__init__()
        self.edits = [lambda: host.libvirt.define_network(document(network(domain={"name": "b"})))]

    def begins(self, step: Step) -> None:
        while self.edits:
            self.edits.pop()()


def test_an_edit_is_seen_until_right_before_the_step_that_would_overwrite_it():
    host = lab_host(LAB, LAB, devices={"virbr0": BRIDGE})
    converge(host, [Network("lab", {"mtu": {"size": 9000}})], False, Meddles(host))
    assert NETWORK.parse(load_xml(host.parts["network_config"]["lab"])) == network(
        domain={"name": "b"}, mtu={"size": 9000})


def test_a_step_refuses_what_somebody_else_has_changed_just_now_and_that_stays():
    host = lab_host(LAB, LAB, devices={"virbr0": BRIDGE})
    record = taken(host, DEFINE, STOP)
    record.refuse_foreign(host, DEFINE)
    host.libvirt.define_network(document(network(domain={"name": "b"})))
    before = state(host)
    with pytest.raises(Changed, match=r"^network lab$"):
        record.refuse_foreign(host, DEFINE)
    record.begin(STOP)
    STOP.do(host)
    assert str(restore(host, record)) == (
        "Put back: start network lab as it ran. Left as somebody else has changed it meanwhile: network lab.")
    assert state(host) == before, differences(state(host), before)


OTHERS = document(network(domain={"name": "others"}))
MEANWHILE = {
    "the step that writes it has ended": (True, Restored(foreign=["network lab"])),
    "it failed, and may have done anything": (False, Restored(done=["define network lab as it was"])),
}


@pytest.mark.parametrize(("ended", "restored"), MEANWHILE.values(), ids=MEANWHILE)
def test_what_somebody_else_writes_after_a_step_stays_where_that_has_ended(ended: bool, restored: Any):
    host = lab_host(LAB)
    record = taken(host, DEFINE)
    record.begin(DEFINE)
    DEFINE.do(host)
    if ended:
        record.note(host, DEFINE)
    record.refuse_foreign(host, DEFINE)
    host.libvirt.define_network(OTHERS)
    if ended:
        with pytest.raises(Changed, match=r"^network lab$"):
            record.refuse_foreign(host, DEFINE)
    assert restore(host, record) == restored
    assert (host.parts["network_config"]["lab"] == dump_xml(OTHERS)) is ended


def test_what_a_step_left_comes_back_though_libvirt_has_forgotten_it():
    host = lab_host(LAB)
    record = taken(host, DEFINE)
    record.begin(DEFINE)
    DEFINE.do(host)
    record.note(host, DEFINE)
    host.libvirt.undefine_network("lab")
    assert restore(host, record).done == ["define network lab as it was"]


ADDED = ("update_network", "lab", 3, 9, -1, load_xml("<portgroup name='theirs'/>"), LIVE)
OURS = Step("add it", calls(("update_network", "lab", 3, 9, -1, load_xml("<portgroup name='ours'/>"), LIVE)), LAB_PIECE,
            writes=("network_live", "lab"))


@pytest.mark.parametrize(("steps", "stays"), [((DEFINE,), True), ((OURS,), True), ((OURS, STOP), False)],
                         ids=["only the configuration", "an edit of what runs", "a restart"])
def test_an_edit_of_what_runs_stays_unless_that_was_stopped(steps: tuple, stays: bool):
    host = lab_host(LAB, LAB, devices={"virbr0": BRIDGE})
    record = taken(host, *steps)
    for step in steps:
        record.begin(step)
        step.do(host)
        record.note(host, step)
    if STOP in steps:
        host.libvirt.start_network("lab")
    calls(ADDED)(host)
    restored = restore(host, record)
    assert restored.failed == [] and restored.foreign == (["network lab"] if stays else [])
    assert ("theirs" in host.parts["network_live"]["lab"]) is stays


def test_what_no_step_wrote_is_somebody_elses():
    host = lab_host(LAB, LAB, devices={"virbr0": BRIDGE})
    record = taken(host, STOP)
    record.begin(STOP)
    STOP.do(host)
    host.libvirt.define_network(OTHERS)
    restored = restore(host, record)
    assert restored.done == ["start network lab as it ran"] and restored.foreign == ["network lab"]
    assert host.parts["network_config"]["lab"] == dump_xml(OTHERS)


@pytest.mark.parametrize("writes", [("nwfilters", "clean"), ("bindings", "tap9")])
@pytest.mark.parametrize("others", [False, True], ids=["this", "another"])
def test_of_filters_and_bindings_only_the_one_counts(writes: tuple, others: bool):
    host = FakeHost()
    step = Step("write it", print, CLEAN if writes[0] == "nwfilters" else TAP9, writes=writes)
    record = taken(host, step)
    calls(("define_nwfilter", filter_of("b" if others else "clean", "22")),
          ("create_nwfilter_binding", binding_of("tap1" if others else "tap9", "clean")))(host)
    if others:
        record.refuse_foreign(host, step)
        return
    with pytest.raises(Changed):
        record.refuse_foreign(host, step)
    assert restore(host, record) == Restored()  # it was not begun


def test_a_network_that_somebody_else_makes_just_now_is_not_written_over():
    host = FakeHost()
    record = taken(host, DEFINE)
    host.libvirt.define_network(document(LAB))
    with pytest.raises(Changed, match=r"^network lab$"):
        record.refuse_foreign(host, DEFINE)
    record.begun.append(LAB_PIECE)  # by an earlier step
    assert restore(host, record) == Restored(foreign=["network lab"]) and "lab" in host.parts["networks"][""]


class Foreign(FakeHost):
    """A host on which somebody else redefines the network, so many times, whenever it was looked at."""

    times = 0

    def look(self) -> Any:
        if self.times and not self.looks % 2 and self.looks:
            self.times -= 1
            self.parts["network_config"]["lab"] = dump_xml(document(network(domain={"name": "d%d" % self.times})))
        return super().look()


@pytest.mark.parametrize("times", [1, 2])
def test_what_was_planned_on_what_is_not_so_any_more_is_planned_anew(times: int):
    host = Foreign(**lab_parts(LAB))
    host.times, host.looks = times, 1
    converge(host, [Network("lab", {"name": "lab", "mtu": {"size": 9000}})], False)
    found = NETWORK.parse(load_xml(host.parts["network_config"]["lab"]))
    assert (found["domain"]["name"], found["mtu"]["size"]) == ("d0", 9000)


def test_somebody_who_changes_it_again_and_again_is_told():
    host = Foreign(**lab_parts(LAB))
    host.times, host.looks = ATTEMPTS * 2, 1
    with pytest.raises(ConvergeError, match=r"^Somebody else changes network lab again and again; nothing of this"):
        converge(host, [Network("lab", {"name": "lab", "mtu": {"size": 9000}})], False)
    assert host.calls == []


@pytest.mark.parametrize(("part", "key", "words"), [
    ("network_config", "lab", "network lab"), ("nwfilters", "clean", "nwfilter clean"),
    ("bindings", "tap9", "binding tap9"),
    ("domain_live", guest().uuid, "guest one"), ("domain_config", UUID, "guest " + UUID), ("networks", "", "networks")])
def test_parts_in_words(part: str, key: str, words: str):
    assert named(lab_host(guests=(guest(),)).look(), part, key) == words


# --- a record of before a boot


def test_after_a_boot_what_is_configured_comes_back_and_nothing_is_started():
    host = lab_host(LAB, LAB, **USED)
    steps = [Step("change it", calls(("define_network", document(LARGE)), ("set_network_autostart", "lab", True)),
                  LAB_PIECE),
             Step("new", calls(("define_nwfilter", filter_of("clean", "22"))), CLEAN),
             Step("bind", calls(("create_nwfilter_binding", binding_of("tap9", "clean"))), TAP9)]
    record = begun(host, steps)
    booted = FakeHost()
    booted.parts = copy.deepcopy(host.parts)
    booted.parts.update({"network_live": {}, "ports": {}, "domain_live": {}, "devices": {"": {}}, "bindings": {"": {}}})
    for part in ("networks", "domains"):
        for entry in booted.parts[part][""].values():
            entry["active"] = False
    record.was = of_another_boot(record.was, booted.look())
    assert restore(booted, record).failed == []
    assert [call[0] for call in booted.calls] == ["undefine_nwfilter", "define_network", "set_network_autostart"]


def test_after_a_boot_what_was_transient_is_no_more_and_what_runs_stays():
    host = lab_host(live=LAB)
    record = begun(host, [Step("stop it", calls(("stop_network", "lab")), LAB_PIECE)])
    record.was = of_another_boot(record.was, FakeHost().look())
    assert restore(FakeHost(), record) == Restored()
    host = lab_host(live=LAB)
    record = begun(host, [Step("change it", lambda host: None, LAB_PIECE)])
    record.was = of_another_boot(record.was, host.look())
    assert restore(host, record) == Restored() and host.calls == []  # somebody has made it again


@pytest.mark.parametrize("guests", [(), (guest(),)], ids=["idle", "used"])
def test_after_a_boot_a_network_that_runs_stays_and_its_configuration_comes_back(guests: tuple):
    host = lab_host(LAB, guests=guests, devices={})
    record = begun(host, [Step("change it", calls(("define_network", document(LARGE))), LAB_PIECE)])
    host.libvirt.start_network("lab")
    host.calls.clear()
    record.was = of_another_boot(record.was, host.look())
    assert restore(host, record).failed == []
    assert [call[0] for call in host.calls] == ["define_network"]


@pytest.mark.parametrize("of", [CLEAN, TAP9, interfaces.interface(UUID, "52:54:00:00:03:00")], ids=lambda one: one.kind)
def test_a_record_that_has_no_network_is_brought_over_a_boot_too(of: Piece):
    host = FakeHost()
    record = begun(host, [Step("make it", calls(("define_nwfilter", filter_of("clean", "22"))), of)])
    record.was = of_another_boot(record.was, host.look())
    assert restore(host, record).failed == []
    assert [*host.names()][1:] == (["undefine_nwfilter"] if of is CLEAN else [])


# --- anything


NAMES = ("lab", "net")
VARIANTS = [{}, {"mtu": {"size": 9000}}, {"portgroups": [{"name": "a"}]}, {"domain": {"name": "d"}},
            {"ips": [{"address": "10.7.0.1", "prefix": 24, "dhcp": {"hosts": [
                {"mac": "52:54:00:00:00:11", "ip": "10.7.0.9"}]}}]}, {"routes": [
                    {"address": "10.1.0.0", "prefix": 16, "gateway": "10.0.0.2"}]}]


def variant(name: str, number: int) -> Any:
    own = {} if name == "lab" else {"name": name, "uuid": FOREIGN, "bridge": {"name": "virbr1"},
                                    "mac": {"address": "52:54:00:00:00:02"}}
    return document(network(**{**own, **VARIANTS[number]}))


NUMBERS = st.integers(0, len(VARIANTS) - 1)
NETWORK_CALLS = st.sampled_from(NAMES).flatmap(lambda name: st.one_of(
    NUMBERS.map(lambda number: ("define_network", variant(name, number))),
    NUMBERS.map(lambda number: ("create_network", variant(name, number))),
    st.booleans().map(lambda on: ("set_network_autostart", name, on)),
    st.sampled_from([("start_network", name), ("stop_network", name), ("undefine_network", name),
                     ("create_port", name, load_xml(port(FOREIGN)), True), ("delete_port", name, FOREIGN)])))
OTHER_CALLS = st.one_of(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["22", "23"])).map(
        lambda of: ("define_nwfilter", filter_of(*of))),
    st.sampled_from("ab").map(lambda name: ("undefine_nwfilter", name)),
    st.tuples(st.sampled_from(["tap1", "tap2"]), st.sampled_from("ab")).map(
        lambda of: ("create_nwfilter_binding", binding_of(*of))),
    st.sampled_from(["tap1", "tap2"]).map(lambda name: ("delete_nwfilter_binding", name)),
    st.sampled_from([("set_master", "vnet0", None), ("set_master", "vnet0", "virbr0"), ("set_mtu", "vnet0", 1280),
                     ("set_mtu", "virbr0", 1280), ("set_up", "virbr0", False), ("set_master", "veth7", None)]))
ANY = st.lists(st.one_of(NETWORK_CALLS, OTHER_CALLS), max_size=8)
EVERY = [*map(network_piece, NAMES), *map(nwfilter, "ab"), *map(nwfilter_binding, ("tap1", "tap2"))]


def happens(host: FakeHost, made: list) -> None:
    """What libvirt and the kernel take of these calls."""
    for call in made:
        name, *arguments = call
        there = host.parts["networks"][""]
        about = arguments[0] if isinstance(arguments[0], str) else arguments[0].findtext("name")
        active, persistent = (bool(there.get(about, {}).get(word)) for word in ("active", "persistent"))
        takes = {"create_network": not active, "start_network": persistent and not active, "stop_network": active,
                 "undefine_network": persistent, "set_network_autostart": persistent, "create_port": active,
                 "delete_port": active, "undefine_nwfilter": about in host.parts["nwfilters"][""],
                 "delete_nwfilter_binding": about in host.parts["bindings"][""],
                 "set_master": about in host.devices, "set_mtu": about in host.devices, "set_up": about in host.devices}
        try:
            if takes.get(name, True):
                calls(call)(host)
        except HypervisorError:
            pass
        except Exception as error:
            assert type(error).__name__ == "KernelError"


# a guest whose tap is out of the bridge is not connected, and so is not connected again
CONNECTED = ANY.map(lambda made: [call for call in made if call[:2] != ("set_master", "vnet0")])


@given(CONNECTED, ANY, st.permutations(EVERY))
@example([("stop_network", "lab")], [("set_mtu", "vnet0", 1280)], EVERY)
@settings(max_examples=300)
def test_anything_that_becomes_of_a_host_is_taken_back(before: list, after: list, order: list):
    host = lab_host(LAB, LAB, **USED)
    happens(host, before)
    was = state(host)
    steps = [Step("change it", lambda host: happens(host, after), order[0])] + [
        Step("nothing", lambda host: None, one) for one in order[1:]]
    record = begun(host, steps)
    restored = restore(host, record)
    assert restored.failed == [], restored
    assert state(host) == was, differences(state(host), was)
    assert restore(host, record) == Restored()


def test_every_kind_that_is_changed_has_a_way_back():
    assert {kind: way_of(kind) for kind in (*KINDS, "host_bridge")} == dict(EVERY_WAY, network_port=None)
    assert [way_of(kind) for kind in ("", "..network", "no_such_kind")] == [None] * 3
    assert [piece.kind for piece in (LAB_PIECE, CLEAN, TAP9, sriov("a"), interfaces.interface("u", "B", limits=True))
            ] == ["network", "nwfilter", "nwfilter_binding", "sriov", "interface"]
    assert interfaces.interface("u", "B", "a", "b", limits=True).name == "u a b limits"
