# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of guests: what a type takes, what libvirt shows of a running one, and what changes in place."""

from __future__ import annotations

import itertools

import pytest
from unit import fake_host
from unit.fake_host import FakeHost, device, parts, traffic
from unit.planning import plan_all
from unit.restoring import begun, state, there_and_back

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import (
    INTERFACE,
    NEEDED,
    ONLY_FOR,
    fitting,
    interface_too_new,
    refuse_incomplete,
    refuse_unfit,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ConvergeError,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Plan
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import take
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.restore import Restored, restore
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import flags
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface import steps
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.cards import Card
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.describe import (
    describe_interfaces,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.pair import InterfacePair
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.running import (
    as_configured,
    in_place,
    inherited,
    is_bridged,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.refusals import WRITES
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid, Missing
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

MAC = "52:54:00:00:00:01"
HOST_BRIDGE = {"forward": {"mode": "bridge"}, "bridge": {"name": "br0"}, "port": {"isolated": True},
               "portgroups": [{"name": "a", "default": True, "vlan": {"tags": [{"id": 5}]}}]}
LIVE = """<interface type='bridge'><mac address='%s'/>
  <source network='lab' portid='p' bridge='br0'/><port isolated='yes'/><vlan><tag id='5'/></vlan>
  <bandwidth classID='3'><inbound average='10'/></bandwidth><target dev='vnet3'/>
  <alias name='net0'/></interface>""" % MAC


def card(text: str, network: dict | None = None) -> Card:
    raw = load_xml(text)
    element = as_configured(raw)
    options = INTERFACE.parse(element)
    return Card(0, MAC, raw, element, options, inherited(options, network))


OFF, ON = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f", "1d2c3b4a-8b5c-4eeb-8f00-d84eaa0aaa4f"
BRIDGE_LAB = ("<network><name>lab</name><forward mode='bridge'/><bridge name='br0'/><port isolated='yes'/>"
              "<portgroup name='a' default='yes'><vlan><tag id='5'/></vlan></portgroup></network>")
CONFIGURED = "<interface type='network'><mac address='%s'/><source network='lab'/></interface>" % MAC
PORT = "3e3fce45-4f53-4fa7-bb32-11f34168b82b"
SEVENTH, EIGHTH = "52:54:00:00:00:07", "52:54:00:00:00:08"
KNOWN = "<networkport><uuid>%s</uuid></networkport>"
NO_LIMITS = {"sent": {}, "received": None}


def domain(*interfaces: str, os: str = "") -> str:
    return "<domain><os>%s</os><devices>%s</devices></domain>" % (os, "".join(interfaces))


def host_parts(config: str | None = None, live: str | None = None, networks: dict | None = None,
               version: tuple = (9, 0, 0)) -> dict:
    """A host with the guest "off" and, with a running document, the guest "on", and networks that run, by name."""
    guests = {OFF: {"name": "off", "active": False, "persistent": True}}
    configs, lives = {OFF: domain() if config is None else config}, {}
    if live is not None:
        guests[ON] = {"name": "on", "active": True, "persistent": True}
        configs[ON], lives[ON] = configs[OFF], live
    networks = networks or {}
    return {
        "host": {"version": list(version), "uri": "qemu:///system", "local": True, "sets_metadata": False},
        "networks": {name: {"uuid": OFF, "active": True, "persistent": True, "autostart": False} for name in networks},
        "network_config": networks, "network_live": networks, "ports": {name: [KNOWN % "p"] for name in networks},
        "domains": guests, "domain_config": configs, "domain_live": lives,
        "devices": {"br0": device(kind="bridge", vlans={"pvid": 1, "untagged": [1], "vids": [1]}),
                    "vnet3": device(master="br0", kind="tun", port={"brport_isolated": 1})},
        "traffic": {"br0": NO_LIMITS, "vnet3": NO_LIMITS},
        "addresses": {ON: {}}, "statistics": {"%s %s" % (ON, MAC): None, "%s %s" % (ON, SEVENTH): None},
        "bindings": {},
    }


def host(*layers: str | dict | None, **more: object) -> Snapshot:
    return Snapshot.of_record(parts(**host_parts(*layers, **more)))


def plan(seen: Snapshot, wish: Interface | InterfacePair) -> Plan:
    return wish.plan(wish.look(seen))


def titles(done: Plan) -> list:
    return [step.title for step in done.steps]


def test_every_place_that_only_some_types_take_is_in_the_table():
    for path in [*ONLY_FOR, *(path for paths in NEEDED.values() for path in paths)]:
        node = INTERFACE
        for name in path:
            node = node.node(name)
            assert node is not None, path


def test_what_the_new_type_does_not_take_goes_unless_it_is_stated():
    merged = {"type": "user", "source": {"network": "lab"}, "filterref": {"filter": "x"}, "link": {"state": "down"}}
    assert fitting(merged, {"filterref": {"filter": "x"}}, {}) == {
        "type": "user", "filterref": {"filter": "x"}, "link": {"state": "down"}}


def test_what_does_not_fit_and_was_there_before_stays():
    odd = {"type": "user", "bandwidth": {"inbound": {"average": 5}}}
    assert fitting(dict(odd, link={"state": "down"}), {}, odd) == dict(odd, link={"state": "down"})
    refuse_unfit(dict(odd, link={"state": "down"}), odd)
    more = {"type": "user", "bandwidth": {"inbound": {"average": 6}}}
    with pytest.raises(Invalid, match="bandwidth: is not taken by type user"):
        refuse_unfit(more, odd)
    with pytest.raises(Invalid, match="bandwidth: is not taken by type udp"):
        refuse_unfit(dict(odd, type="udp", source={"address": "1.2.3.4", "port": 5, "local": {
            "address": "1.2.3.4", "port": 6}}), odd)


@pytest.mark.parametrize(("options", "message"), [
    ({"type": "direct"}, "source.dev: is missing; type direct needs it"),
    ({"type": "hostdev", "source": {"hostdev": {"type": "pci"}}, "driver": {"name": "vhost"}},
     "driver.name: vhost is not taken by type hostdev; give one of vfio, kvm, xen"),
    ({"type": "user", "mtu": {"size": 1400}}, "mtu: needs backend.type: passt"),
    ({"type": "user", "teaming": {"type": "transient"}}, "teaming.persistent: is missing"),
])
def test_what_a_type_does_not_take_is_refused(options: dict, message: str):
    with pytest.raises(Invalid, match=message):
        refuse_unfit(options, {})


def test_a_running_interface_is_brought_into_the_form_in_which_it_was_configured():
    found = card(LIVE, HOST_BRIDGE)
    assert found.options["type"] == "network"
    assert found.options["source"] == {"network": "lab"}
    assert found.inherited == {"port", "vlan"}
    assert found.own == {"type": "network", "mac": {"address": MAC}, "source": {"network": "lab"},
                         "bandwidth": {"inbound": {"average": 10}}}
    assert found.tap == "vnet3"
    assert "vnet3" not in dump_xml(found.element)


def test_a_device_of_a_pool_is_one_of_its_network():
    found = card("<interface type='hostdev' managed='yes'><mac address='%s'/><source network='pool' portid='p'>"
                 "<address type='pci' domain='0' bus='7' slot='1' function='0'/></source><driver name='vfio'/>"
                 "</interface>" % MAC)
    assert found.options == {"type": "network", "mac": {"address": MAC}, "source": {"network": "pool"}}


@pytest.mark.parametrize(("network", "bridged"), [
    ({}, True), ({"forward": {"mode": "nat"}}, True), (HOST_BRIDGE, True),
    (dict(HOST_BRIDGE, virtualport={"type": "openvswitch"}), False), ({"forward": {"mode": "hostdev"}}, False),
    ({"forward": {"mode": "bridge", "interfaces": [{"dev": "eth0"}]}}, False),
])
def test_a_tap_moves_only_to_a_linux_bridge(network: dict, bridged: bool):
    assert is_bridged(network) is bridged
    moved = in_place(card(LIVE).raw, {"type": "network", "source": {"network": "other"}}, {"other": network}, (9, 0, 0))
    assert ("source" in moved) is bridged


def test_versions_tell_what_changes_in_place():
    found, wanted = card(LIVE), card(LIVE).options
    assert [in_place(found.raw, wanted, {}, (version, 0, 0)) & {"vlan", "trust_guest_rx_filters"}
            for version in (9, 10, 11)] == [set(), {"trust_guest_rx_filters"}, {"vlan", "trust_guest_rx_filters"}]


def test_a_plan_has_both_layers_and_says_what_waits():
    desired = Interface("on", {"mac": {"address": MAC}, "link": {"state": "down"}, "mtu": {"size": 1400}})
    done = plan(host(domain(CONFIGURED), domain(LIVE), {"lab": BRIDGE_LAB}), desired)
    assert titles(done) == [
        "change link.state of the running interface %s of guest on" % MAC,
        "change the configuration of interface %s of guest on" % MAC]
    assert [str(drift.path) for drift in done.waiting] == ["mtu.size"]


def test_a_made_up_mac_is_the_same_at_every_run():
    desired = Interface("off", {"type": "bridge", "source": {"bridge": "br0"}})
    assert plan(host(), desired).after == plan(host(), desired).after
    assert plan(host(), desired).after["mac"]["address"].startswith("52:54:00:")


def test_libvirt_names_a_guest_by_its_uuid_too():
    desired = Interface(OFF.upper(), {"type": "bridge", "mac": {"address": MAC}, "source": {"bridge": "br0"}})
    assert titles(plan(host(), desired)) == ["add interface %s of guest off to its configuration" % MAC]


# --- what is not there, or not clear, is found, and refused when it is planned

TWO = domain(CONFIGURED, CONFIGURED.replace(MAC, "52:54:00:00:00:02"))


@pytest.mark.parametrize(("guest", "options", "message"), [
    ("none", {}, "domain: there is no guest none; there are off"),
    ("off", {"mac": {"address": "52:54:00:00:00:09"}, "link": {"state": "down"}}, "type: is missing, and guest off has"
     " no interface 52:54:00:00:00:09 to change, but 52:54:00:00:00:01, 52:54:00:00:00:02; to make it, give one of"),
    ("off", {"type": "bridge"}, "mac.address: is missing; give it, or alias.name, or a source that no other"),
    ("off", {"source": {"network": "lab"}}, "source.network: several interfaces have the source lab; give mac.address,"
     " one of 52:54:00:00:00:01, 52:54:00:00:00:02"),
    ("off", {"alias": {"name": "net0"}}, "mac.address: is missing; give it, or alias.name, or a source that no other"),
])
def test_what_a_task_cannot_mean_is_refused_by_the_plan_alone(guest: str, options: dict, message: str):
    wish = Interface(guest, options)
    found = wish.look(host(TWO))
    with pytest.raises(Invalid) as error:
        wish.plan(found)
    assert str(error.value).startswith(message)


TWIN = CONFIGURED.replace("<source", "<model type='{0}'/><address type='pci' slot='{1}'/><source")
TWINS = domain(TWIN.format("virtio", "1"), TWIN.format("virtio", "2"))


@pytest.mark.parametrize("layers", [(TWINS,), (TWINS, TWINS)], ids=["stopped", "running"])
def test_interfaces_with_one_mac_are_told_apart_by_what_else_is_said(layers: tuple):
    seen, name = host(*layers, networks={"lab": BRIDGE_LAB}), "on" if len(layers) > 1 else "off"
    shown = describe_interfaces(seen, name, None)
    assert [one["address"]["slot"] for one in shown] == ["1", "2"]
    for one in shown:
        given = {key: value for key, value in one.items() if key not in ("domain", "status")}
        found = Interface(name, given).look(seen)
        assert found.meant.problem is None
        assert [card.options["address"]["slot"] for card in (found.meant.config, found.meant.live) if card] == [
            one["address"]["slot"]] * len(layers)
    for wish in (Interface(name, {"mac": {"address": MAC}, "link": {"state": "down"}}),
                 Interface(name, {"mac": {"address": MAC}}, "absent")):
        with pytest.raises(Invalid, match="2 interfaces of guest %s have MAC %s: address .*; address .*; give also what"
                                          " only one of them has" % (name, MAC)):
            plan(seen, wish)


def test_of_two_macs_in_one_place_of_two_layers_one_is_removed_and_none_is_made_in_doubt():
    live, config = (TWIN.format("virtio", "7").replace(MAC, mac) for mac in (SEVENTH, EIGHTH))
    seen = host(domain(config), domain(live), {"lab": BRIDGE_LAB})
    gone = plan(seen, Interface("on", {"mac": {"address": SEVENTH}}, "absent"))
    assert titles(gone) == ["unplug interface %s of guest on" % SEVENTH]
    shown = describe_interfaces(seen, "on", None)
    assert [(one["mac"]["address"][-2:], one["layers"]) for one in shown] == [("08", ["config"]), ("07", ["live"])]
    with pytest.raises(Invalid, match="%s is in the running guest only, and %s in the same" % (SEVENTH, EIGHTH)):
        plan(seen, Interface("on", {"mac": {"address": SEVENTH}, "link": {"state": "down"}}))


def test_what_libvirt_shows_of_a_running_interface_can_be_given():
    there = running()
    shown = INTERFACE.parse(load_xml(LIVE))
    assert titles(plan(there.look(), Interface("on", {name: shown[name] for name in ("type", "mac", "source")}))) == []


def test_an_interface_without_mac_and_source_is_the_only_one_of_its_type():
    first = plan(host(TWO), Interface("off", {"type": "user"}))
    assert len(first.steps) == 1
    there = domain("<interface type='user'><mac address='%s'/></interface>" % MAC)
    assert titles(plan(host(there), Interface("off", {"type": "user"}))) == []


@pytest.mark.parametrize(("options", "path"), [
    ({"type": "network", "source": {"network": "none"}}, "source.network: there is no network none; there are lab"),
    ({"type": "bridge", "source": {"bridge": "none"}}, "source.bridge: the host has no device none"),
    ({"type": "direct", "source": {"dev": "none"}}, "source.dev: the host has no device none"),
    ({"filterref": {"filter": "none"}}, "filterref.filter: there is no filter none"),
])
def test_what_the_host_lacks_is_warned_of_where_the_guest_does_not_run(options: dict, path: str):
    seen = Snapshot.of_record(parts(**host_parts(domain(CONFIGURED), networks={"lab": BRIDGE_LAB}), nwfilters={}))
    planned = plan(seen, Interface("off", {"mac": {"address": MAC}, **options}))
    assert planned.warnings == [path + "; guest off does not start before there is one"]


FILTER = "<filter name='%s'>%s</filter>"
FILTERS = {name: {"uuid": PORT, "xml": FILTER % (name, within)} for name, within in {
    "six": "<rule action='drop' direction='in'><ipv6 srcipaddr='$SIX'/></rule>",
    "mine": "<filterref filter='six'/><rule action='drop' direction='in'><ip srcipaddr='$IP'/></rule>",
    "torn": "<filterref filter='gone'/>"}.items()}
SIX = {"filter": "mine", "parameters": [{"name": "SIX", "value": "fe80::1"}]}


@pytest.mark.parametrize("guest", ["on", "off"])
def test_a_filter_that_lacks_a_value_is_refused(guest: str):
    there = running()
    there.parts["domain_config"][OFF] = domain(CONFIGURED)
    there.parts["nwfilters"][""].update(FILTERS)
    seen = there.look()
    with pytest.raises(Invalid, match=r"^filterref.parameters: filter mine needs a value for SIX$"):
        plan(seen, Interface(guest, {"mac": {"address": MAC}, "filterref": {"filter": "mine"}}))
    assert plan(seen, Interface(guest, {"mac": {"address": MAC}, "filterref": SIX})).steps


def test_a_filter_that_lacked_a_value_before_may_stay():
    there = domain(CONFIGURED.replace("</interface>", "<filterref filter='mine'/></interface>"))
    seen = Snapshot.of_record(parts(**host_parts(there, networks={"lab": BRIDGE_LAB}), nwfilters=FILTERS))
    wish = {"mac": {"address": MAC}, "filterref": {"filter": "mine"}, "link": {"state": "down"}}
    assert plan(seen, Interface("off", wish)).steps


def test_a_filter_that_leads_to_one_that_is_not_there_is_told():
    seen = Snapshot.of_record(parts(**host_parts(domain(CONFIGURED), networks={"lab": BRIDGE_LAB}), nwfilters=FILTERS))
    wish = Interface("off", {"mac": {"address": MAC}, "filterref": {"filter": "torn"}})
    assert plan(seen, wish).warnings == [
        "filterref.filter: there is no filter gone, which torn refers to; guest off does not start before there is one"]


def test_a_portgroup_that_the_network_lacks_is_refused():
    seen = host(domain(CONFIGURED), networks={"lab": BRIDGE_LAB})
    for source in ({"portgroup": "none"}, {"portgroup": "none", "network": "lab"}):
        with pytest.raises(Missing, match=r"source\.portgroup: network lab has no portgroup none; it has a, and the"):
            plan(seen, Interface("off", {"mac": {"address": MAC}, "source": source}))
    assert plan(seen, Interface("off", {"mac": {"address": MAC}, "source": {"portgroup": "a"}})).warnings == []


def in_group(name: str) -> str:
    return CONFIGURED.replace("network='lab'", "network='lab' portgroup='%s'" % name)


def test_a_portgroup_that_went_under_an_interface_is_told():
    seen = host(domain(in_group("gone")), networks={"lab": BRIDGE_LAB})
    planned = plan(seen, Interface("off", {"mac": {"address": MAC}, "source": {"portgroup": "gone"}}))
    assert planned.steps == [] and planned.warnings == [
        "source.portgroup: network lab has no portgroup gone; it has a; what interface %s of guest off had from it is"
        " gone when it is connected anew" % MAC]


GROUPS = {"a": {"name": "a", "default": True, "vlan": {"tags": [{"id": 5}]}}, "b": {"name": "b"}}


@pytest.mark.parametrize(("config", "live", "groups", "moves", "told"), [
    (in_group("b"), None, "a", {}, "off (%s)" % MAC),
    (in_group("a"), None, "b", {}, "off (%s)" % MAC),
    (CONFIGURED, None, "b", {}, "off (%s)" % MAC),  # has the default one
    (CONFIGURED, None, "a", {}, ""),
    (in_group("b"), None, "ab", {}, ""),
    (in_group("b"), None, "a", {"portgroup": "a"}, ""),
    (in_group("a"), LIVE.replace("network='lab'", "network='lab' portgroup='b'"), "a", {}, "on (%s)" % MAC),
])
def test_who_has_a_portgroup_that_goes_is_told(config: str, live: str | None, groups: str, moves: dict, told: str):
    there = BRIDGE_LAB.replace("</network>", "<portgroup name='b'/></network>")
    seen = host(domain(config), domain(live) if live else None, networks={"lab": there}, version=(11, 0, 0))
    wishes = [Network("lab", {"name": "lab", "portgroups": [GROUPS[name] for name in groups]})]
    wishes += [Interface("off", {"mac": {"address": MAC}, "source": moves})] if moves else []
    gone = [one for outcome in plan_all(seen, wishes) for one in outcome.plan.warnings if " goes, and with it " in one]
    assert [one.split(" to ")[1].split(" when ")[0] for one in gone] == ([told] if told else [])


def test_a_device_that_is_not_libvirts_keeps_its_name_whatever_that_begins_with():
    tap = "<interface type='ethernet'><mac address='%s'/><target dev='vnet7' managed='no'/></interface>" % MAC
    assert as_configured(load_xml(tap)).find("target").get("dev") == "vnet7"
    wish = Interface("off", {"type": "ethernet", "mac": {"address": MAC}, "target": {"dev": "vnet8", "managed": False}})
    assert [str(one.path) for one in plan(host(domain(tap)), wish).drift] == ["target.dev"]


def test_a_mac_that_another_guest_has_is_warned_of():
    there = running()
    there.parts["domain_config"][OFF] = domain()
    seen = there.look()
    wish = Interface("off", {"type": "bridge", "mac": {"address": MAC}, "source": {"bridge": "br0"}})
    outcome, = plan_all(seen.fork(), [wish])
    assert outcome.plan.warnings == [
        "mac.address: %s is that of an interface of guest on too; both cannot be on one network" % MAC]


PART = "<interface type='network'><mac address='%s'/><source network='%s'/>%s</interface>"
PLACED = "<address type='pci' domain='0' bus='%d' slot='0' function='0'/>"


@pytest.mark.parametrize(("one", "other", "stated"), [
    (PART % (MAC, "a", ""), PART % (MAC, "b", ""), {"type": "network", "source": {"network": "a"}}),
    (PART % (MAC, "a", "<alias name='ua-one'/>"), PART % (MAC, "a", "<alias name='ua-two'/>"),
     {"alias": {"name": "ua-one"}}),
    (PART % (MAC, "a", "<target dev='one'/>"), PART % (MAC, "a", ""), {"target": {"dev": "one"}}),
    (PART % (MAC, "a", PLACED % 1), PART % (MAC, "a", PLACED % 2), {"address": {"type": "pci", "bus": "0x01"}}),
])
def test_what_went_is_not_taken_for_another_one_with_its_mac(one: str, other: str, stated: dict):
    seen = host(domain(one, other)).fork()
    wish = Interface("off", {"mac": {"address": MAC}, **stated}, state="absent")
    first, = plan_all(seen, [wish])
    assert titles(first.plan) == ["remove interface %s of guest off from its configuration" % MAC]
    second, = plan_all(seen, [wish])
    assert not second.plan.steps and not second.plan.drift
    left, = load_xml(seen.get("domain_config", OFF)).findall("devices/interface")
    assert load_xml(other).find("source").get("network") == left.find("source").get("network")


def test_what_libvirt_made_up_does_not_keep_an_interface():
    wish = Interface("off", {"mac": {"address": MAC}, "alias": {"name": "net7"}, "target": {"dev": "vnet7"}},
                     state="absent")
    assert titles(plan(host(domain(CONFIGURED)), wish))


def test_a_device_name_that_somebody_has_is_warned_of():
    there = running()
    taken = CONFIGURED.replace("/></", "/><target dev='tap7'/></")
    there.parts["domain_config"].update({OFF: domain(), ON: domain(taken)})
    there.parts["devices"][""]["taken"] = device()
    seen = there.look()

    def warnings(name: str, **more) -> list[str]:
        wish = Interface("off", {"type": "bridge", "mac": {"address": "52:54:00:00:00:77"}, "source": {"bridge": "br0"},
                                 "target": dict(more, dev=name)})
        return [one for one in plan_all(seen.fork(), [wish])[0].plan.warnings if one.startswith("target")]

    assert warnings("tap7") == ["target.dev: tap7 is that of an interface of guest on too; both cannot run at once"]
    assert warnings("taken") == ["target.dev: the host already has a device taken, which libvirt is to make; guest off"
                                 " does not start while there is one"]
    assert warnings("free") == warnings("vnet9") == []


def test_a_guest_that_an_earlier_task_makes_is_missing():
    with pytest.raises(Missing):
        plan(host(), Interface("new", {"type": "user", "mac": {"address": MAC}}))
    with pytest.raises(Missing, match="mac: guest off has no interface with MAC 52:54:00:00:00:09; there are %s" % MAC):
        describe_interfaces(host(domain(CONFIGURED)), "off", "52:54:00:00:00:09")
    with pytest.raises(Missing, match="domain: there is no guest new"):
        describe_interfaces(host(), "new", None)


# --- MAC addresses of zeros

ZEROS = "00:00:00:00:00:00"


@pytest.mark.parametrize(("version", "refused"), [((9, 0, 0), False), ((10, 0, 0), True), ((11, 3, 0), True)])
def test_a_mac_of_zeros_is_refused_where_libvirt_makes_up_another(version: tuple, refused: bool):
    wish = Interface("off", {"type": "bridge", "mac": {"address": "0:0:0:0:0:0"}, "source": {"bridge": "br0"}})
    changed = Interface("off", {"mac": {"address": ZEROS}, "alias": {"name": "ua-one"}})
    there = domain(CONFIGURED.replace("<source", "<alias name='ua-one'/><source"))
    for seen, one in ((host(version=version), wish), (host(there, version=version), changed)):
        if refused:
            with pytest.raises(Invalid, match="^mac.address: %s is not allowed, for .* leave it out" % ZEROS):
                plan(seen, one)
        else:
            assert len(titles(plan(seen, one))) == 1


def test_a_mac_of_zeros_that_is_there_stays():
    there = domain(CONFIGURED.replace(MAC, ZEROS))
    seen = host(there, version=(11, 3, 0))
    assert titles(plan(seen, Interface("off", {"mac": {"address": ZEROS}}))) == []
    assert len(titles(plan(seen, Interface("off", {"mac": {"address": ZEROS}, "link": {"state": "down"}})))) == 1


# --- switch ports with which no guest is connected

NAT = ("<network><name>lab</name><forward mode='nat'/><bridge name='virbr7'/>"
       "<ip address='10.0.0.1' prefix='24'/></network>")


@pytest.mark.parametrize(("source", "kind", "connection"), [
    ({"type": "direct", "source": {"dev": "eth0", "mode": "bridge"}}, "openvswitch", "a macvtap device"),
    ({"type": "bridge", "source": {"bridge": "br0"}}, "802.1Qbh", "a bridge of the host"),
    ({"type": "network", "source": {"network": "lab"}}, "midonet", "a bridge that libvirt makes"),
])
def test_a_virtualport_that_does_not_connect_is_refused(source: dict, kind: str, connection: str):
    wish = Interface("off", {**source, "mac": {"address": MAC}, "virtualport": {"type": kind}})
    with pytest.raises(Invalid, match="^virtualport.type: %s is not taken by %s," % (kind, connection)):
        plan(host(networks={"lab": NAT}), wish)


@pytest.mark.parametrize("isolated", [True, False])
def test_a_port_of_open_vswitch_is_not_isolated(isolated: bool):
    wish = Interface("off", {"type": "bridge", "source": {"bridge": "br0"}, "mac": {"address": MAC}, "virtualport": {
        "type": "openvswitch"}, "port": {"isolated": isolated}})
    with pytest.raises(Invalid, match=r"^port\.isolated: is of Linux bridges; Open vSwitch isolates no port"):
        plan(host(), wish)


def test_a_virtualport_that_is_there_stays():
    port = "<virtualport type='802.1Qbh'><parameters profileid='p'/></virtualport><source"
    seen = host(domain(CONFIGURED.replace("<source", port)), networks={"lab": NAT})
    assert len(titles(plan(seen, Interface("off", {"mac": {"address": MAC}, "link": {"state": "down"}})))) == 1


# --- wishes of one transaction

NEW_LAB = {"name": "lab", "forward": {"mode": "nat"}, "bridge": {"name": "virbr7"},
           "ips": [{"address": "10.0.0.1", "prefix": 24}]}
ON_LAB = {"type": "network", "source": {"network": "lab"}, "model": {"type": "virtio"}}


def test_interfaces_are_planned_on_a_network_that_the_same_transaction_makes():
    wishes = [Network("lab", NEW_LAB, "active"), Interface("off", ON_LAB), Interface("on", ON_LAB)]
    planned = [{outcome.wish.key: titles(outcome.plan) for outcome in plan_all(host(live=domain()).fork(), list(order))}
               for order in itertools.permutations(wishes)]
    assert all(one == planned[0] for one in planned)
    assert planned[0]["network", "lab"] == ["define network lab", "start network lab"]
    stopped, = planned[0]["interface", "off", "network", "lab"]
    plugged, added = planned[0]["interface", "on", "network", "lab"]
    assert stopped.startswith("add interface 52:54:00:")
    assert plugged.startswith("plug in interface 52:54:00:")
    assert added.startswith("add interface 52:54:00:")


@pytest.mark.parametrize(("target", "taken"), [
    ({"dev": "nic0"}, True), ({"dev": "web0"}, False), ({"dev": "vnet0"}, False),  # which libvirt names anew
])
def test_a_device_that_the_host_has_is_not_made_for_a_running_guest(target: dict, taken: bool):
    there = host_parts(live=domain(), networks={"lab": BRIDGE_LAB})
    there["devices"].update(nic0=device(), vnet0=device())
    seen = Snapshot.of_record(parts(**there))
    wish = Interface("on", dict(ON_LAB, mac={"address": MAC}, target=target))
    if not taken:
        assert plan(seen, wish).steps
        return
    with pytest.raises(Invalid, match=r"^target.dev: the host already has a device nic0, which libvirt is to make"):
        plan(seen, wish)


def test_without_the_network_the_running_guest_is_refused():
    with pytest.raises(Missing, match=r"^source.network: there is no network lab; there are none, and guest on runs"):
        plan_all(host(live=domain()).fork(), [Interface("on", ON_LAB)])


def test_what_is_removed_goes_before_the_network():
    seen = host(domain(CONFIGURED), domain(LIVE), {"lab": BRIDGE_LAB})
    wishes = [Network("lab", {"name": "lab"}, "absent"), Interface("on", {"mac": {"address": MAC}}, "absent")]
    for order in (wishes, wishes[::-1]):
        assert [(outcome.wish.kind, titles(outcome.plan)) for outcome in plan_all(seen.fork(), list(order))] == [
            ("interface", ["unplug interface %s of guest on" % MAC,
                           "remove interface %s of guest on from its configuration" % MAC]),
            ("network", ["stop network lab", "remove network lab"])]


def test_a_wish_has_the_guest_as_it_will_be():
    seen = host(domain(CONFIGURED), domain(LIVE), {"lab": BRIDGE_LAB}).fork()
    down = Interface("on", {"mac": {"address": MAC}, "link": {"state": "down"}, "mtu": {"size": 1400}})
    more = Interface("on", {"type": "bridge", "mac": {"address": "52:54:00:00:00:02"}, "source": {"bridge": "br0"}})
    plan_all(seen, [down, more])
    one, two = describe(seen)
    assert (one["link"], one["mtu"]) == ({"state": "down"}, {"size": 1400})
    assert (one["status"]["running"]["link"], one["status"]["running"]["alias"]) == ("down", "net0")
    assert (one["status"]["running"]["tap"], one["status"]["running"]["port"]) == ("vnet3", "p")
    assert [drift["path"] for drift in one["status"]["drift"]] == ["bandwidth", "mtu.size"]
    assert two["status"]["running"]["type"] == "bridge"
    assert titles(plan(seen, down)) == titles(plan(seen, more)) == []


def describe(seen: Snapshot) -> list:
    seen.put("addresses", ON, {})
    for name in ("vnet3", "52:54:00:00:00:02"):
        seen.put("statistics", "%s %s" % (ON, name), None)
    return describe_interfaces(seen, "on", None)


def test_the_interfaces_of_a_guest_are_read_once_for_all_its_wishes(monkeypatch):
    parsed, parse = [], type(INTERFACE).parse
    monkeypatch.setattr(type(INTERFACE), "parse", lambda self, *given: (
        self is INTERFACE and parsed.append(1)) or parse(self, *given))
    macs = ["52:54:00:00:01:%02x" % number for number in range(20)]
    seen = host(domain(*(CONFIGURED.replace(MAC, mac) for mac in macs)))
    wishes = [Interface("off", {"mac": {"address": mac}, "link": {"state": "down"}}) for mac in macs]
    assert sum(len(outcome.plan.steps) for outcome in plan_all(seen.fork(), wishes)) == 20
    assert len(parsed) <= 40, "each as it is, and each as it will be"


# --- steps


def running(**more: object) -> FakeHost:
    return FakeHost(**host_parts(domain(CONFIGURED), domain(LIVE), {"lab": BRIDGE_LAB}), **more)


def limited() -> FakeHost:
    """The same with a port, and the limits that the kernel is to have."""
    made = running()
    made.parts["ports"]["lab"] = [
        "<networkport><uuid>%s</uuid><owner><name>on</name><uuid>%s</uuid></owner><mac address='%s'/><bandwidth>"
        "<inbound average='10'/></bandwidth></networkport>" % (PORT, ON, MAC)]
    made.parts["domain_live"][ON] = made.parts["domain_live"][ON].replace("portid='p'", "portid='%s'" % PORT)
    made.parts["traffic"]["vnet3"] = traffic({"inbound.average": 10})
    return made


def done(there: FakeHost, wish: Interface) -> list:
    """The calls of the first step."""
    plan(there.look(), wish).steps[0].do(there)
    return [(name, *arguments[1:]) for name, *arguments in there.calls]


def back(there: FakeHost, wish: Interface) -> list:
    """The calls that take back all steps."""
    return [(name, *arguments[1:]) for name, *arguments in there_and_back(there, plan(there.look(), wish).steps)]


def test_options_change_in_place_and_back():
    wish = Interface("on", {"mac": {"address": MAC}, "link": {"state": "down"}})
    ((name, element, flag),), (_config, (former, restored, _flag)) = done(limited(), wish), back(limited(), wish)
    assert (name, former, flag) == ("update_interface", "update_interface", flags.LIVE)
    assert element.find("link") is not None and restored.find("link") is None
    assert element.find("source").attrib == restored.find("source").attrib == {"network": "lab"}


def test_another_portgroup_is_plugged_in_again():
    wish = Interface("on", {"mac": {"address": MAC}, "source": {"portgroup": "a"}})
    down, (name, element, bridge, shown), up = done(running(), wish)
    assert (down, up) == (("set_up", False), ("set_up", True))  # it is nowhere while it moves
    assert (name, element.find("source").get("portgroup"), bridge) == ("plug_in_again", "a", "br0")
    assert shown.find("source").get("portid")


def test_what_is_left_of_new_limits_is_taken_away():
    there, wish = limited(), Interface("on", {"mac": {"address": MAC}, "bandwidth": {"inbound": {"average": 20}}})
    steps_ = plan(there.look(), wish).steps
    record, (port,) = take(there.look(), steps_), there.parts["ports"]["lab"]
    record.begin(steps_[0])
    there.parts["ports"]["lab"] = [port.replace("average='10'", "average='20'")]
    there.parts["traffic"]["vnet3"] = traffic({"inbound.average": 15})
    assert restore(there, record).failed == []
    assert [(call[0], call[2], call[3]["inbound.average"]) for call in there.calls] == [
        ("set_port_rates", PORT, 10), ("set_interface_rates", "vnet3", 10)]
    assert there.parts["traffic"]["vnet3"] == traffic({"inbound.average": 10})


def test_new_limits_are_taken_back():
    wish = Interface("on", {"mac": {"address": MAC}, "bandwidth": {"inbound": {"average": 20}}})
    assert [name for name, *_rest in back(limited(), wish)] == ["define_interfaces", "update_interface"]
    assert titles(plan(limited().look(), Interface("on", {"mac": {"address": MAC}}))) == []


def test_limits_that_the_kernel_lost_are_set_again():
    (name, tap, limits), = done(running(), Interface("on", {
        "mac": {"address": MAC}, "bandwidth": {"inbound": {"average": 10}}}))
    assert (name, tap, limits["inbound.average"]) == ("set_interface_rates", "vnet3", 10)


PLAIN = ("<interface type='bridge'><mac address='%s'/><source bridge='br0'/><port isolated='yes'/>"
         "<target dev='vnet3'/><alias name='net0'/></interface>" % MAC)
DOWN, UP = ("set_up", "vnet3", False), ("set_up", "vnet3", True)
REPAIRS = {  # what was lost, what the drift says, and the calls of the repair
    "bridge": ({"master": None, "port": {}}, ("source.bridge", "br0", None),
               [DOWN, ("set_master", "vnet3", "br0"), ("set_port", "vnet3", {"brport_isolated": 1}), UP]),
    "isolation": ({"port": {"brport_isolated": 0}}, ("port.isolated", True, False),
                  [("set_port", "vnet3", {"brport_isolated": 1})]),
    "mtu": ({"mtu": 9000}, ("mtu", 1500, 9000), [("set_mtu", "vnet3", 1500)]),
    "up": ({"up": False}, ("up", True, False), [UP]),
}


@pytest.mark.parametrize("lost, drift, calls", REPAIRS.values(), ids=REPAIRS)
def test_what_the_kernel_lost_of_an_interface_in_a_bridge_is_brought_back_and_taken_back(lost, drift, calls):
    there = FakeHost(**host_parts(domain(PLAIN.replace("vnet3", "")), domain(PLAIN)))
    wish = Interface("on", {"mac": {"address": MAC}})
    assert plan(there.look(), wish).steps == []
    there.devices["vnet3"].update(lost)
    planned = plan(there.look(), wish)
    assert [(one.layer, str(one.path), one.desired, one.current) for one in planned.drift] == [("kernel", *drift)]
    there_and_back(there, planned.steps)
    there.calls.clear()
    converge(there, [wish], False)
    assert there.calls == calls
    assert plan(there.look(), wish).drift == []


@pytest.mark.parametrize(("tap", "bridge", "places"), [
    (1500, 1500, ["change"]), (1500, 1400, ["change", "set MTU 1400"]), (1500, 9000, ["set MTU 9000", "change"]),
    (1400, 1400, ["change"]), (1400, 1500, ["set MTU 1500", "change"]),
])
def test_a_tap_has_the_mtu_of_where_it_moves_to_and_pulls_no_bridge_down(tap: int, bridge: int, places: list):
    there = FakeHost(**host_parts(domain(PLAIN.replace("vnet3", "")), domain(PLAIN)))
    there.devices["vnet3"]["mtu"] = tap
    there.devices["br1"] = device(kind="bridge", mtu=bridge)
    planned = plan(there.look(), Interface("on", {"mac": {"address": MAC}, "source": {"bridge": "br1"}}))
    first = [step.title for step in planned.steps if "configuration" not in step.title]
    assert [title[:len(words)] for title, words in zip(first, places)] == places and len(first) == len(places)
    assert len(planned.warnings) == len(places) - 1


@pytest.mark.parametrize(("vlan", "there", "drift"), [
    ("<vlan><tag id='10'/></vlan>", {"pvid": 10, "untagged": [10], "vids": [10]}, []),
    ("<vlan><tag id='10'/></vlan>", {"pvid": 1, "untagged": [1], "vids": [1, 10]},
     ["vlan.pvid", "vlan.untagged", "vlan.vids"]),
    ("<vlan trunk='yes'><tag id='20' nativeMode='untagged'/><tag id='10'/></vlan>",
     {"pvid": 20, "untagged": [20], "vids": [10, 20]}, []),
    ("<vlan trunk='yes'><tag id='20' nativeMode='tagged'/><tag id='10'/></vlan>",
     {"pvid": 20, "untagged": [20], "vids": [10, 20]}, ["vlan.untagged"]),
    ("<vlan trunk='yes'><tag id='20'/><tag id='10'/></vlan>", {"pvid": None, "untagged": [], "vids": [10, 20]}, []),
    ("", {"pvid": 1, "untagged": [1], "vids": [1, 10]}, []),  # libvirt sets none, somebody else may
])
def test_vlans_of_a_tap_on_a_bridge_that_filters_them_are_those_of_its_interface(vlan: str, there: dict, drift: list):
    tagged = PLAIN.replace("<port isolated='yes'/>", "<port isolated='yes'/>" + vlan)
    made = FakeHost(**host_parts(domain(tagged.replace("vnet3", "")), domain(tagged), version=(11, 3, 0)))
    wish = Interface("on", {"mac": {"address": MAC}})
    made.devices["vnet3"]["vlans"] = there
    planned = plan(made.look(), wish)
    assert [str(one.path) for one in planned.drift] == drift
    assert titles(planned) == ["put vnet3 of guest on into its VLANs"] * bool(drift)
    there_and_back(made, planned.steps)
    converge(made, [wish], False)
    assert plan(made.look(), wish).drift == []


def test_tags_that_its_bridge_does_not_heed_are_told_of_and_what_has_them_moves_into_no_such_bridge():
    tagged, mine = PLAIN.replace("<port isolated='yes'/>", "<vlan><tag id='10'/></vlan>"), {"mac": {"address": MAC}}
    made = FakeHost(**host_parts(domain(tagged.replace("vnet3", "")), domain(tagged), version=(11, 3, 0)))
    made.devices.update(br0=device(kind="bridge"), br1=device(kind="bridge"))
    planned = plan(made.look(), Interface("on", mine))
    assert planned.steps == [] and [str(one.path) for one in planned.unrepaired] == ["vlan.filtered"]
    assert planned.warnings[0].startswith("bridge br0 of the host filters no VLANs")
    plan(made.look(), Interface("on", {**mine, "link": {"state": "down"}}))  # it has them already
    for guest, options in (("on", {"vlan": {"tags": [{"id": 11}]}}), ("on", {"source": {"bridge": "br1"}}),
                           ("off", {"vlan": {"tags": [{"id": 11}]}})):
        with pytest.raises(Invalid, match=r"^vlan: bridge br[01] of the host filters no VLANs"):
            plan(made.look(), Interface(guest, {**mine, **options}))
    made.devices["br1"]["vlans"] = {"pvid": 1, "untagged": [1], "vids": [1]}
    plan(made.look(), Interface("on", {**mine, "source": {"bridge": "br1"}}))


@pytest.mark.parametrize(("options", "problem"), [
    ({"target": {"dev": "a" * 16}}, r"target\.dev: a+ is too long; the kernel takes at most 15 characters"),
    ({"target": {"dev": "default"}}, r"target\.dev: default is no name that the kernel takes"),
    ({"mtu": {"size": 67}}, r"mtu\.size: 67 is no MTU that the kernel takes; give one from 68 to 65521"),
    ({"mtu": {"size": 65522}}, r"mtu\.size: 65522 is no MTU"),
    ({"address": {"type": "drive", "bus": "0x0"}}, r"address\.bus: 0x0 is not allowed; of type drive"),
    ({"address": {"type": "unassigned"}}, r"address\.type: unassigned is not taken by type bridge, only by hostdev"),
])
def test_what_no_tap_of_a_guest_can_have_is_refused(options: dict, problem: str):
    wish = Interface("off", {"type": "bridge", "mac": {"address": MAC}, "source": {"bridge": "br0"}, **options})
    with pytest.raises(Invalid, match="^" + problem):
        plan(host(), wish)


@pytest.mark.parametrize(("out", "own", "told"), [
    ({"eth0": [1, 10]}, [1], ""),
    ({"eth0": [1], "bond0": [10]}, [1], ""),
    ({"eth0": [1]}, [1], "guests in VLAN 10 reach one another alone, for eth0 of bridge br0 is not in it; have what"
                         " makes the bridge put it there (bridge vlan add dev eth0 vid 10)"),
    ({"eth0": [1], "eth1": [2]}, [1], "guests in VLAN 10 reach one another alone, for eth0, eth1 of bridge br0 are not"
                                      " in it"),
    ({"eth0": [1]}, [1, 10], ""),  # the host is in it, as who routes it is
    ({}, [1], ""),  # nothing leads out of the host
])
def test_a_vlan_that_no_other_port_of_the_bridge_is_in_is_told_of(out: dict, own: list, told: str):
    tagged = PLAIN.replace("<port isolated='yes'/>", "<vlan><tag id='10'/></vlan>")
    made = FakeHost(**host_parts(domain(tagged.replace("vnet3", "")), domain(tagged), version=(11, 3, 0)))
    made.devices["br0"]["vlans"] = {"pvid": 1, "untagged": [1], "vids": own}
    made.devices["vnet3"]["vlans"] = {"pvid": 10, "untagged": [10], "vids": [10]}
    for name, vids in out.items():
        made.devices[name] = device(master="br0", vlans={"pvid": None, "untagged": [], "vids": vids})
    planned = plan(made.look(), Interface("on", {"mac": {"address": MAC}}))
    assert planned.steps == [] and [str(one.path) for one in planned.drift] == ["vlan.carried"] * bool(told)
    assert planned.unrepaired == planned.drift
    assert "".join(planned.warnings).startswith(told) and bool(told) == bool(planned.warnings)


def test_a_tap_that_is_put_back_into_its_bridge_is_put_into_its_vlans():
    tagged = PLAIN.replace("<port isolated='yes'/>", "<vlan><tag id='10'/></vlan>")
    made = FakeHost(**host_parts(domain(tagged.replace("vnet3", "")), domain(tagged), version=(11, 3, 0)))
    made.devices["vnet3"].update(master=None, port={})
    converge(made, [Interface("on", {"mac": {"address": MAC}})], False)
    assert made.calls == [DOWN, ("set_master", "vnet3", "br0"),
                          ("set_vlans", "vnet3", {"pvid": 10, "untagged": [10], "vids": [10]}), UP]


def test_a_port_that_libvirt_forgot_is_made_anew_and_waits_where_that_would_disturb():
    there, wish = running(), Interface("on", {"mac": {"address": MAC}})
    there.parts["ports"]["lab"] = []
    planned = plan(there.look(), wish)
    assert planned.steps == [] and "replace: true has it connected again" in planned.warnings[0]
    assert [(str(one.path), one.current) for one in planned.unrepaired] == [("source.network", "unknown to libvirt")]
    assert titles(plan(there.look(), Interface("on", {"mac": {"address": MAC}}, replace=True))) == [
        "connect on (%s) again" % MAC]
    there.devices["vnet3"]["master"] = None
    converge(there, [wish], False)
    assert list(there.names()) == ["set_up", "plug_in_again", "set_up"]


def test_an_interface_of_a_network_that_does_not_run_is_told_of():
    there = running()
    there.parts["networks"][""]["lab"]["active"] = False
    planned = plan(there.look(), Interface("on", {"mac": {"address": MAC}}))
    assert [(str(one.path), one.current) for one in planned.unrepaired] == [("source.network", "not running")]


def on_own_bridge() -> FakeHost:
    """The same with a bridge that libvirt makes."""
    there = running()
    for layer in ("domain_config", "domain_live"):
        there.parts[layer] = {uuid: text and text.replace("<vlan><tag id='5'/></vlan>", "")
                              for uuid, text in there.parts[layer].items()}
    for layer in ("network_config", "network_live"):
        there.parts[layer]["lab"] = "<network><name>lab</name><bridge name='br0'/><portgroup name='a'/></network>"
    return there


def test_an_interface_of_a_network_without_its_bridge_is_told_of_with_who_mends_it():
    there = on_own_bridge()
    del there.devices["br0"]
    planned = plan(there.look(), Interface("on", {"mac": {"address": MAC}}))
    assert [(str(one.path), one.current) for one in planned.unrepaired] == [("source.network", None)]
    assert planned.steps == [] and "the module network (name: lab, state: active) makes it again" in planned.warnings[0]


@pytest.mark.parametrize(("source", "refused"), [({"network": "lab", "portgroup": "a"}, True), (None, False)],
                         ids=["another portgroup", "the link"])
def test_a_port_that_libvirt_could_not_write_down_is_refused(source: dict | None, refused: bool):
    there = on_own_bridge()
    place = WRITES["write dnsmasq's files"].place
    there.parts["places"][""] = {place: {"at": place, "read_only": True, "closed": False, "space": 9, "inodes": 9}}
    change = {"source": source} if source else {"link": {"state": "down"}}
    wish = Interface("on", {"mac": {"address": MAC}, **change}, layers=("live",))
    seen = there.look()
    planned = plan(seen, wish)
    assert planned.steps
    if refused:
        with pytest.raises(Invalid, match="libvirt cannot write dnsmasq's files, for the file system is read-only"):
            wish.foresee(seen, wish.look(seen), planned)
    else:
        wish.foresee(seen, wish.look(seen), planned)


def test_an_interface_is_unplugged_as_it_is_and_comes_back_as_it_was_configured():
    there, wish = running(), Interface("on", {"mac": {"address": MAC}}, "absent", ["live"])
    (name, element, flag), = done(there, wish)
    assert (name, flag, element.find("alias").get("name")) == ("detach_interface", flags.LIVE, "net0")
    there = running()
    record = begun(there, plan(there.look(), wish).steps)
    there.calls.clear()
    assert restore(there, record).failed == []
    (name, uuid, element, flag), = there.calls
    assert (name, uuid, flag) == ("attach_interface", ON, flags.LIVE)
    assert (element.get("type"), element.find("alias")) == ("network", None)
    assert restore(there, record) == Restored()


def test_what_is_plugged_in_is_unplugged_again_if_it_is_there():
    wish = Interface("on", {"type": "bridge", "mac": {"address": "52:54:0:0:0:2"}, "source": {"bridge": "br0"}})
    assert [name for name, *_rest in back(running(), wish)] == ["define_interfaces", "detach_interface"]
    there = running()
    record = take(there.look(), plan(there.look(), wish).steps)
    record.begun += record.pieces[:1]
    assert restore(there, record) == Restored() and there.calls == []


def test_when_the_new_one_cannot_be_plugged_in_the_old_one_comes_back():
    wish = Interface("on", {"mac": {"address": MAC}, "model": {"type": "e1000"}}, replace=True)
    there = running()
    assert [name for name, *_rest in done(there, wish)] == ["detach_interface", "attach_interface"]
    there = running(breaks=("attach_interface",))
    with pytest.raises(ConvergeError, match=r"attach_interface is broken. All is as it was; put back: plug in interface"
                                            r" %s of guest on as it was\.$" % MAC):
        converge(there, [wish], False)
    assert list(there.names()) == ["detach_interface", "attach_interface"]
    assert there.calls[1][2].find("model") is None
    there = running(breaks=("attach_interface",) * 3)
    with pytest.raises(ConvergeError, match=r"Could not be put back: plug in interface %s of guest on as it was" % MAC):
        converge(there, [wish], False)


OTHER = MAC.replace("01", "02")


def test_of_two_interfaces_one_that_was_unplugged_is_plugged_in_once():
    """libvirt gives it another alias then, for it counts on from the last."""
    second = LIVE.replace(MAC, OTHER).replace("net0", "net1").replace("vnet3", "vnet4").replace("'p'", "'q'")
    there = FakeHost(**host_parts(domain(CONFIGURED, CONFIGURED.replace(MAC, OTHER)), domain(LIVE, second),
                                  {"lab": BRIDGE_LAB}))
    record = begun(there, plan(there.look(), Interface("on", {"mac": {"address": MAC}}, "absent", ["live"])).steps)
    there.calls.clear()
    assert restore(there, record).failed == []
    assert list(there.names()) == ["attach_interface"]
    assert restore(there, record) == Restored()


def test_interfaces_come_back_in_their_places():
    third = CONFIGURED.replace(MAC, "52:54:00:00:00:03")
    there = FakeHost(**host_parts(domain(CONFIGURED, CONFIGURED.replace(MAC, OTHER), third)))
    wishes = [Interface("off", {"mac": {"address": mac}}, "absent") for mac in (MAC, OTHER)]
    steps_ = [step for wish in wishes for step in plan(there.look(), wish).steps]
    assert [call[0] for call in there_and_back(there, steps_)] == ["define_interfaces"] * 2


def test_a_guest_that_does_not_let_go_is_waited_for(monkeypatch):
    monkeypatch.setattr(steps, "UNPLUG_SECONDS", 0)
    monkeypatch.setattr(fake_host.Libvirt, "_detach_interface", lambda self, uuid, interface, flag: None)
    with pytest.raises(HypervisorError, match=r"did not let the interface go within 0 seconds; it still may"):
        done(running(), Interface("on", {"mac": {"address": MAC}}, "absent", ["live"]))


def test_another_mac_takes_the_place_of_the_one_before():
    there = "<interface type='user'><mac address='%s'/><alias name='ua-one'/></interface>" % MAC
    wish = Interface("off", {"alias": {"name": "ua-one"}, "mac": {"address": "52:54:00:00:00:02"}})
    calls = done(FakeHost(**host_parts(domain(there))), wish)
    assert [(name, element.find("mac").get("address"), flag) for name, element, flag in calls] == [
        ("detach_interface", MAC, flags.CONFIG), ("attach_interface", "52:54:00:00:00:02", flags.CONFIG)]
    broken = FakeHost(breaks=("attach_interface",), **host_parts(domain(there)))
    before = state(broken)
    with pytest.raises(ConvergeError, match=r"attach_interface is broken. All is as it was"):
        converge(broken, [wish], False)
    assert state(broken) == before


# --- pairs

FUNCTION = {"type": "hostdev", "source": {"hostdev": {"type": "pci", "domain": "0x0000", "bus": "0x65", "slot": "0x10",
                                                      "function": "0x1"}}}
HALF = Interface("off", {"type": "bridge", "source": {"bridge": "br0"}, "mac": {"address": MAC},
                         "alias": {"name": "ua-web"}})


def test_a_pair_promises_both_halves():
    seen, pair = host().fork(), InterfacePair(HALF, FUNCTION)
    first, = plan_all(seen, [pair])
    assert titles(first.plan) == ["add interface %s of guest off to its configuration" % MAC] * 2
    assert [one["teaming"]["type"] for one in describe_interfaces(seen, "off", None)] == ["persistent", "transient"]
    assert titles(plan(seen, pair)) == []
    plan_all(seen, [InterfacePair(Interface("off", HALF.options, "absent"), FUNCTION)])
    assert describe_interfaces(seen, "off", None) == []


def test_a_pair_needs_what_both_halves_need():
    half = Interface("off", dict(ON_LAB, alias={"name": "ua-web"}, filterref={"filter": "own"}))
    pair = InterfacePair(half, {"type": "network", "source": {"network": "pool"}})
    assert list(pair.needs(None)) == [("network", "lab"), ("nwfilter", "own"), ("network", "pool")]
    assert pair.key == ("interface", "off", "ua-web")


def test_what_is_wrong_with_the_partner_says_so():
    pair = InterfacePair(HALF, {"type": "hostdev"})
    with pytest.raises(Invalid, match=r"^partner.source.hostdev: is missing"):
        plan(host(), pair)
    with pytest.raises(Invalid, match=r"^domain: there is no guest none"):
        plan(host(), InterfacePair(Interface("none", HALF.options), FUNCTION))


# --- since when


@pytest.mark.parametrize(("options", "since", "path"), [
    ({"type": "vhostuser", "backend": {"type": "passt"}}, (11, 1, 0), "backend.type"),
    ({"type": "user", "backend": {"type": "passt"}, "routes": [{"gateway": "10.0.0.1"}]}, (12, 2, 0), "routes"),
    ({"type": "user", "backend": {"type": "passt", "hostname": "a"}}, (11, 8, 0), "backend.hostname"),
    ({"type": "null"}, (8, 7, 0), "type"),
])
def test_what_needs_a_newer_libvirt_beside_other_options_says_which(options: dict, since: tuple, path: str):
    before = (*since[:1], since[1] - 1, 0)
    assert [(str(found), tuple(map(int, needed.split(".")))) for found, needed in interface_too_new(
        options, before, options)] == [(path, since)]
    assert list(interface_too_new(options, since, options)) == []
    stated = {path.split(".")[0]: options[path.split(".")[0]]}  # the rest is there already
    assert [str(found) for found, _needed in interface_too_new(stated, before, options)] == [path]


def test_a_port_of_a_distributed_switch_needs_its_details_before_libvirt_took_it_without():
    bare = {"type": "vds", "source": {"switchid": PORT}}
    refuse_unfit(bare, {})
    refuse_incomplete(bare, (11, 3, 0))
    with pytest.raises(Invalid, match=r"source\.portid: is missing; type vds needs it on libvirt 9\.0\.0"):
        refuse_incomplete(bare, (9, 0, 0))


def test_a_floor_that_waits_for_the_network_says_so():
    waits = BRIDGE_LAB.replace("<portgroup", "<bandwidth><inbound average='100'/></bandwidth><portgroup")
    recorded = host_parts(domain(CONFIGURED), domain(LIVE), {"lab": BRIDGE_LAB})
    seen = Snapshot.of_record(parts(**dict(recorded, network_config={"lab": waits})))
    with pytest.raises(Invalid, match="which waits in its configuration until the network is started again"):
        plan(seen, Interface("on", {"mac": {"address": MAC}, "bandwidth": {"inbound": {"average": 9, "floor": 5}}}))


# --- what belongs together waits together

SWITCHED = ("<interface type='bridge'><mac address='%s'/><source bridge='br0'/><virtualport type='openvswitch'/>"
            "<vlan><tag id='5'/></vlan>%s</interface>")
ON_SWITCH = ("<network><name>ovs</name><forward mode='bridge'/><bridge name='br0'/><virtualport type='openvswitch'/>"
             "<portgroup name='office'><vlan><tag id='9'/></vlan></portgroup></network>")
RUNNING = SWITCHED % (MAC, "<target dev='vnet3'/><alias name='net0'/>")
MOVED = ("<interface type='network'><mac address='%s'/><source network='ovs'/><vlan><tag id='5'/></vlan></interface>"
         % MAC)


@pytest.mark.parametrize(("config", "options", "waits"), [
    (SWITCHED % (MAC, ""), {"type": "network", "source": {"network": "ovs", "portgroup": "office"}, "vlan": {}},
     {"type", "source", "vlan"}),
    (MOVED, {"vlan": {}}, {"vlan"}),
    (MOVED, {"vlan": {"tags": [{"id": 6}]}}, {"vlan"}),
    (MOVED, {"source": {"portgroup": "office"}}, {"type", "source"}),
    (MOVED, {"source": {"portgroup": "office"}, "vlan": {}, "link": {"state": "down"}}, {"type", "source", "vlan"}),
])
def test_while_a_move_waits_what_belongs_to_it_waits_too(config: str, options: dict, waits: set):
    seen = host(domain(config), domain(RUNNING), {"ovs": ON_SWITCH})
    planned = plan(seen, Interface("on", {"mac": {"address": MAC}, **options}))
    assert {one.path.top for one in planned.waiting} == waits
    assert [title for title in titles(planned) if "running" in title] == (
        ["change link.state of the running interface %s of guest on" % MAC] if "link" in options else [])
    assert [one.name for one in planned.restarts] == ["on"]


def test_what_does_not_wait_changes_tags_at_once():
    config = SWITCHED % (MAC, "")
    seen = host(domain(config), domain(RUNNING), {"ovs": ON_SWITCH})
    planned = plan(seen, Interface("on", {"mac": {"address": MAC}, "vlan": {"tags": [{"id": 6}]}}))
    assert (len(planned.steps), planned.waiting) == (2, [])


@pytest.mark.parametrize("options", [{"alias": {"name": "net0"}},
                                     {"target": {"dev": "vnet3"}, "alias": {"name": "net0"}}])
def test_what_libvirt_made_up_names_a_running_interface_and_states_nothing(options: dict):
    seen = host(domain(CONFIGURED), domain(LIVE), {"lab": BRIDGE_LAB})
    assert plan(seen, Interface("on", options)).drift == []


@pytest.mark.parametrize(("mode", "refused"), [("bridge", True), ("hostdev", False)])
def test_a_card_in_a_running_q35_machine_needs_a_model_and_a_virtual_function_none(mode: str, refused: bool):
    network = BRIDGE_LAB if mode == "bridge" else (
        "<network><name>lab</name><forward mode='hostdev' managed='yes'><pf dev='pf0'/></forward></network>")
    machine = "<type machine='pc-q35-7.2'>hvm</type>"
    seen = host(domain(os=machine), domain(os=machine), {"lab": network})
    wish = Interface("on", {"type": "network", "mac": {"address": EIGHTH}, "source": {"network": "lab"}})
    if refused:
        with pytest.raises(Invalid, match=r"^model.type: is missing, and what libvirt takes then"):
            plan(seen, wish)
    else:
        assert titles(plan(seen, wish))
