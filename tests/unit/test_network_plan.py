# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps are planned for a network, for each desired state and each thing that may be there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from unit.fake_host import UUID, FakeHost, device, parts
from unit.networks import BRIDGE, FOREIGN, LAB, TAP, found, guest, lab, lab_host, lab_parts, network, port
from unit.restoring import there_and_back

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ConvergeError,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Drift, Plan
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.report import result_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.flags import CONFIG, LIVE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.describe import (
    describe_network,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.found import (
    live_drift,
    look,
    model,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.repairs import kernel_drift
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import (
    Entry,
    Invalid,
    Missing,
    Path,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

SETTINGS = ("state", "autostart", "persistent", "restart", "purge")
NEW = {"name": "lab", "ips": [{"address": "10.0.0.1", "prefix": 24}]}
NOTHING, INACTIVE, ACTIVE, TRANSIENT = lab(), lab(LAB), lab(LAB, LAB), lab(live=LAB)
HOST = {"virbr0": BRIDGE, "vnet0": TAP}
USED = lab(LAB, LAB, guests=(guest(),), devices=HOST)
IDLE = lab(LAB, LAB, devices={"virbr0": BRIDGE})


def plan_of(there: Snapshot = ACTIVE, **given) -> Plan:
    wish = wish_of(given)
    return wish.plan(wish.look(there))


def wish_of(given: dict) -> Network:
    settings = {name: given[name] for name in SETTINGS if name in given}
    options = {name: value for name, value in given.items() if name not in SETTINGS}
    return Network(name="lab", options=NETWORK.check(dict(options, name="lab"), whole=False), **settings)


def steps(there: Snapshot = ACTIVE, **given) -> list:
    return [step.title for step in plan_of(there, **given).steps]


def refusal(there: Snapshot = ACTIVE, **given) -> str:
    with pytest.raises(Invalid) as error:
        plan_of(there, **given)
    return str(error.value)


def places(drift: list) -> list:
    """Where drift is, in words."""
    return [str(one.path) for one in drift]


def told(drift: Any) -> list:
    """Drift as a module returns it."""
    return [tuple(one.as_result().values()) for one in drift]


# --- each state, from each situation


@pytest.mark.parametrize(("wanted", "there", "expected"), [
    ("present", NOTHING, ["define network lab"]),
    ("present", INACTIVE, []),
    ("present", ACTIVE, []),
    ("present", TRANSIENT, []),
    ("inactive", NOTHING, ["define network lab"]),
    ("inactive", INACTIVE, []),
    ("inactive", ACTIVE, ["stop network lab"]),
    ("active", NOTHING, ["define network lab", "start network lab"]),
    ("active", INACTIVE, ["start network lab"]),
    ("active", ACTIVE, []),
    ("active", TRANSIENT, []),
    ("absent", NOTHING, []),
    ("absent", INACTIVE, ["remove network lab"]),
    ("absent", ACTIVE, ["stop network lab", "remove network lab"]),
    ("absent", TRANSIENT, ["stop network lab"]),
])
def test_the_state_decides_the_steps(wanted: str, there, expected: list):
    given = NEW if there is NOTHING else {}
    assert steps(there, state=wanted, **given) == expected


@pytest.mark.parametrize(("wanted", "there", "expected"), [
    ("active", NOTHING, ["start transient network lab"]),
    ("active", INACTIVE, ["make network lab transient", "start transient network lab"]),
    ("active", ACTIVE, ["make network lab transient"]),
    ("active", TRANSIENT, []),
    ("present", TRANSIENT, []),
    ("present", ACTIVE, ["make network lab transient"]),
    ("absent", TRANSIENT, ["stop network lab"]),
])
def test_a_transient_network(wanted: str, there, expected: list):
    given = NEW if there is NOTHING else {}
    assert steps(there, state=wanted, persistent=False, **given) == expected


@pytest.mark.parametrize("wanted", ["present", "active"])
def test_a_transient_network_is_made_persistent(wanted: str):
    assert steps(TRANSIENT, state=wanted, persistent=True) == ["define network lab"]


def test_a_transient_network_cannot_be_stopped_and_kept():
    message = "persistent: false needs state: active; a transient network is gone when it stops"
    assert refusal(TRANSIENT, state="inactive", persistent=False) == message
    assert refusal(NOTHING, persistent=False, **NEW) == message


@pytest.mark.parametrize(("autostart", "there", "expected"), [
    (None, lab(LAB, autostart=True), []),
    (True, lab(LAB, autostart=True), []),
    (False, lab(LAB, autostart=True), ["switch autostart of network lab off"]),
    (True, INACTIVE, ["switch autostart of network lab on"]),
    (False, INACTIVE, []),
    (True, TRANSIENT, ["define network lab", "switch autostart of network lab on"]),
    (False, TRANSIENT, []),
])
def test_autostart(autostart: bool, there, expected):
    assert steps(there, autostart=autostart) == expected


@pytest.mark.parametrize(("start", "drift", "titles", "warned"), [
    ({"networks": ["lab"], "daemons": ["libvirtd"]}, [], [], 0),
    ({"networks": [], "daemons": ["libvirtd"]}, ["boot"], ["switch autostart of network lab on again"], 0),
    ({"networks": ["lab"], "daemons": []}, [], [], 1),
    ({"networks": None, "daemons": None}, [], [], 0),
])
def test_what_a_boot_will_not_start(start: dict, drift: list, titles: list, warned: int):
    given: dict = {"autostart": True, "start": start, "devices": {"virbr0": BRIDGE}}
    plan = plan_of(lab(LAB, LAB, **given))
    assert ([one.layer for one in plan.drift], [step.title for step in plan.steps]) == (drift, titles)
    assert len([one for one in plan.warnings if "which no boot starts" in one]) == warned
    transient = plan_of(lab(live=LAB, **given))  # of which libvirt says no such thing
    assert (transient.steps, transient.warnings) == ([], [])


def test_a_transient_network_is_kept_again_where_that_is_needed():
    assert steps(TRANSIENT, state="active", autostart=True) == [
        "define network lab", "switch autostart of network lab on"]
    assert steps(TRANSIENT, state="inactive") == ["define network lab", "stop network lab"]
    for there in (TRANSIENT, ACTIVE, NOTHING):
        given = NEW if there is NOTHING else {}
        assert refusal(there, state="active", autostart=True, persistent=False, **given) == (
            "autostart: true needs persistent: true")


def test_a_new_network_is_defined_then_started_then_switched():
    assert steps(NOTHING, state="active", autostart=True, **NEW) == [
        "define network lab", "start network lab", "switch autostart of network lab on"]


def test_nothing_is_planned_for_what_is_as_stated():
    stated = dict(LAB, ips=[{"address": "10.0.0.1", "netmask": "255.255.255.0"}],
                  mac={"address": "52:54:0:0:0:1"}, uuid=UUID.replace("-", "").upper())
    for there in (INACTIVE, ACTIVE, TRANSIENT, USED):
        assert steps(there, **stated) == []
        assert steps(there, purge=True, **stated) == []


def test_what_a_network_is_given_back_as_it_was_read_needs_nothing():
    for there in (INACTIVE, ACTIVE, TRANSIENT):
        assert steps(there, **model(look(there, "lab"))) == []


# --- changes

PORTGROUP = {"portgroups": [{"name": "a"}]}


def test_the_configuration_of_a_stopped_network_is_updated_entry_by_entry():
    assert steps(INACTIVE, **PORTGROUP) == ["add portgroup a (configuration of network lab)"]


def test_what_is_no_entry_is_defined():
    assert steps(INACTIVE, mtu={"size": 9000}) == ["change the configuration of network lab"]
    assert steps(INACTIVE, mtu={"size": 9000}, **PORTGROUP) == ["change the configuration of network lab"]


def test_a_running_network_is_updated_in_both_layers_without_a_restart():
    plan = plan_of(USED, **PORTGROUP)
    assert [step.title for step in plan.steps] == [
        "add portgroup a (configuration of network lab)", "add portgroup a (running network lab)"]
    assert {step.impact for step in plan.steps} == {"none"}
    assert [drift[:2] for drift in told(plan.drift)] == [("config", "portgroups[a]"), ("live", "portgroups[a]")]


def test_each_layer_is_changed_only_where_it_differs():
    changed = network(**PORTGROUP)
    assert steps(lab(changed, LAB), **PORTGROUP) == ["add portgroup a (running network lab)"]
    assert steps(lab(LAB, changed), **PORTGROUP) == ["add portgroup a (configuration of network lab)"]
    assert steps(lab(changed, changed), **PORTGROUP) == []


def test_updates_go_to_the_layer_that_they_are_for():
    host, steps_ = lab_host(LAB, LAB), plan_of(**PORTGROUP).steps
    for step in steps_:
        step.do(host)
    assert [(call[0], call[2], call[-1]) for call in host.calls] == [
        ("update_network", 3, CONFIG), ("update_network", 3, LIVE)]
    define, update = there_and_back(lab_host(LAB, LAB), steps_)
    assert (define[0], update[0], update[2], update[-1]) == ("define_network", "update_network", 2, LIVE)


def test_an_idle_network_is_restarted_for_what_needs_it():
    plan = plan_of(IDLE, mtu={"size": 9000})
    assert [(step.title, step.impact) for step in plan.steps] == [
        ("change the configuration of network lab", "none"), ("stop network lab", "none"),
        ("start network lab", "none")]
    assert plan.waiting == [] and plan.warnings == []


def test_a_used_network_is_not_restarted_unasked():
    plan = plan_of(USED, mtu={"size": 9000})
    assert [step.title for step in plan.steps] == ["change the configuration of network lab"]
    assert plan.waiting == [Drift("live", Path("mtu", "size"), 9000, None)]
    assert plan.warnings == ["network lab must be restarted before mtu.size is in force, and was not because it is used"
                             " by one (52:54:00:00:01:00); restart: always does it"]


def test_a_used_network_is_restarted_on_demand_and_guests_are_connected_again():
    plan = plan_of(USED, mtu={"size": 9000}, restart="always")
    assert [(step.title, step.impact) for step in plan.steps] == [
        ("change the configuration of network lab", "none"), ("stop network lab", "brief"),
        ("start network lab", "none"), ("connect one (52:54:00:00:01:00) again", "brief")]
    assert plan.connects == ["one (52:54:00:00:01:00)"] and plan.waiting == []


@pytest.mark.parametrize("there", [IDLE, USED], ids=["idle", "used"])
def test_a_restart_can_be_forbidden(there):
    plan = plan_of(there, mtu={"size": 9000}, restart="never")
    assert [step.title for step in plan.steps] == ["change the configuration of network lab"]
    assert plan.warnings == ["network lab must be restarted before mtu.size is in force, and was not because"
                             " restart: never was given"]


@pytest.mark.parametrize("restart", ["always", "when_idle", "never"])
def test_what_needs_no_restart_never_causes_one(restart: str):
    assert "stop network lab" not in steps(IDLE, restart=restart, **PORTGROUP)
    assert steps(IDLE, restart=restart) == []


def test_what_waits_is_said_again_but_the_configuration_is_not_changed_again():
    there = lab(network(mtu={"size": 9000}), LAB, guests=(guest(),), devices=HOST)
    plan = plan_of(there, mtu={"size": 9000})
    assert plan.steps == [] and places(plan.waiting) == ["mtu.size"]


def test_what_waits_is_in_force_once_the_network_is_idle():
    there = lab(network(mtu={"size": 9000}), LAB, devices={"virbr0": BRIDGE})
    assert steps(there, mtu={"size": 9000}) == ["stop network lab", "start network lab"]


def test_updates_are_made_at_once_when_the_rest_waits():
    plan = plan_of(USED, mtu={"size": 9000}, **PORTGROUP)
    assert [step.title for step in plan.steps] == [
        "change the configuration of network lab", "add portgroup a (running network lab)"]
    assert places(plan.waiting) == ["mtu.size"]


@pytest.mark.parametrize(("mode", "pool"), [
    ("passthrough", {"interfaces": [{"dev": "eth0"}, {"dev": "eth1"}]}), ("vepa", {"dev": "eth0"}),
    ("hostdev", {"pf": {"dev": "eth0"}}),
])
@pytest.mark.parametrize("restart", ["when_idle", "never"])
def test_a_pool_that_guests_are_on_is_not_updated_while_it_runs(mode: str, pool: dict, restart: str):
    """libvirt would forget which devices are taken, and give them to the next guest."""
    options = network(forward={"mode": mode, **pool}, bridge=None, mac=None, ips=None)
    used, idle = (lab(options, options, guests=guests, devices={"eth0": TAP, "eth1": TAP}) for guests in (
        (guest(),), ()))
    plan = plan_of(used, restart=restart, **PORTGROUP)
    assert [step.title for step in plan.steps] == ["add portgroup a (configuration of network lab)"]
    assert places(plan.waiting) == ["portgroups[a]"]
    assert len(steps(idle, restart=restart, **PORTGROUP)) == 2


def test_a_transient_network_is_restarted_as_one():
    there = lab(live=LAB, devices={"virbr0": BRIDGE})
    assert steps(there, mtu={"size": 9000}) == ["stop network lab", "start transient network lab"]


def test_a_transient_network_in_use_waits():
    there = lab(live=LAB, guests=(guest(),), devices=HOST)
    plan = plan_of(there, mtu={"size": 9000})
    assert plan.steps == [] and places(plan.waiting) == ["mtu.size"]


METADATA = {"metadata": ['<x:note xmlns:x="urn:note">1</x:note>']}


@pytest.mark.parametrize("restart", ["always", "when_idle", "never"])
@pytest.mark.parametrize("given", [METADATA, {"title": "A lab"}, {"description": "for all"}], ids=min)
def test_metadata_never_causes_a_restart(restart: str, given: dict):
    there = lab(LAB, LAB, devices={"virbr0": BRIDGE}, version=(10, 0, 0))
    plan = plan_of(there, restart=restart, **given)
    assert [step.title for step in plan.steps] == ["change the configuration of network lab"]
    assert plan.waiting == [] and plan.warnings == []


def test_metadata_is_set_in_the_running_network_where_libvirt_can():
    other = '<y:note xmlns:y="urn:other">2</y:note>'
    there = lab(network(title="Old", **METADATA), network(title="Old", metadata=METADATA["metadata"] + [other]),
                devices={"virbr0": BRIDGE}, version=(10, 0, 0), sets_metadata=True)
    plan = plan_of(there, title="New", description="for all", metadata=['<note xmlns="urn:note">1</note>'])
    assert [step.title for step in plan.steps] == [
        "change the configuration of network lab", "set title (running network lab)",
        "set description (running network lab)", "remove metadata urn:other (running network lab)"]
    assert plan.waiting == [] and plan.warnings == []


def test_metadata_that_the_running_network_lacks_is_left_for_its_next_start():
    there = lab(network(**METADATA), LAB, devices={"virbr0": BRIDGE})
    plan = plan_of(there, **METADATA)
    assert plan.steps == [] and plan.waiting == []
    assert plan.left(plan_of(there, **METADATA)) == []


# --- removing


def test_an_empty_option_removes_and_purge_removes_the_rest():
    there = lab(network(mtu={"size": 9000}, ipv6=True))
    assert [drift[1:] for drift in told(plan_of(there, mtu={}).drift)] == [("mtu", None, {"size": 9000})]
    plan = plan_of(there, purge=True, forward=LAB["forward"], ips=LAB["ips"])
    assert places(plan.drift) == ["ipv6", "mtu"]
    assert {name: plan.after[name] for name in ("uuid", "bridge", "mac")} == {
        "uuid": UUID, "bridge": {"name": "virbr0"}, "mac": LAB["mac"]}


def test_purge_of_what_has_only_that_changes_nothing():
    assert steps(INACTIVE, purge=True, forward=LAB["forward"], ips=LAB["ips"]) == []
    assert steps(ACTIVE, purge=True, forward=LAB["forward"], ips=LAB["ips"]) == []


def test_purge_takes_forward_without_a_mode_for_nat():
    there = lab(network(forward={"mode": "nat", "dev": "eth0"}))
    assert steps(there, purge=True, forward={"dev": "eth0"}, ips=LAB["ips"]) == []


def test_a_used_network_that_is_removed_or_stopped_is_warned_about():
    for wanted in ("absent", "inactive"):
        plan = plan_of(USED, state=wanted)
        assert plan.warnings == ["network lab is stopped under one (52:54:00:00:01:00)"]
        assert plan.steps[0].impact == "disruptive"


def test_a_network_that_must_be_there_and_is_not_is_missing():
    wish = Network("lab", {"name": "lab"}, makes=False)
    there = Snapshot.of_record(parts(networks={"two": {}, "one": {}}))
    for seen, names in ((there, "one, two"), (NOTHING, "none")):
        with pytest.raises(Missing, match=r"^network: there is no network lab; there are %s$" % names):
            wish.plan(wish.look(seen))


def test_an_idle_network_is_removed_without_a_word():
    plan = plan_of(IDLE, state="absent")
    assert plan.warnings == [] and {step.impact for step in plan.steps} == {"none"}
    assert plan.after == {"state": "absent"}


# --- who uses it


def test_users_are_guests_other_ports_and_other_devices_in_the_bridge():
    there = found(LAB, LAB, guests=(guest(0), guest(1, "two")), ports=(port(FOREIGN),),
                  devices={"virbr0": BRIDGE, "vnet0": TAP, "vnet1": TAP, "veth7": TAP, "eth0": dict(TAP, master=None)})
    assert there.users == ["one (52:54:00:00:01:00)", "two (52:54:00:00:01:01)", "port %s" % FOREIGN, "veth7"]
    assert there.members == ("veth7", "vnet0", "vnet1")


@pytest.mark.parametrize("there", [
    lab(LAB, LAB, ports=(port(FOREIGN),)), lab(LAB, LAB, devices={"virbr0": BRIDGE, "veth7": TAP}),
], ids=["a port", "a device"])
def test_anyone_in_the_bridge_keeps_it_from_a_restart(there):
    assert steps(there, mtu={"size": 9000}) == ["change the configuration of network lab"]


def test_members_of_a_bridge_of_the_host_are_not_the_networks():
    lan = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "virbr0"}}
    assert found(lan, lan, devices={"virbr0": BRIDGE, "veth7": TAP}).users == []


# --- what is refused before anything is touched


@pytest.mark.parametrize(("there", "given", "message"), [
    (NOTHING, {"forward": {"mode": "nat"}}, "ips: is missing; forward mode nat needs an address"),
    (ACTIVE, {"ips": []}, "ips: is missing; forward mode nat needs an address"),
    (ACTIVE, {"uuid": UUID.replace("3e", "3f")},
     "uuid: network lab exists with UUID %s, which cannot change" % UUID),
    (ACTIVE, {"title": "x"}, "title: needs libvirt 9.7.0; this host has 9.0.0"),
    (ACTIVE, {"domain": {"name": "a", "local_only": True, "register": True}},
     "domain.register: needs libvirt 10.1.0; this host has 9.0.0"),
    (ACTIVE, {"dns": {"forwarders": [{"addr": "10.0.0.9", "port": 53}]}},
     "dns.forwarders[0].port: needs libvirt 12.0.0; this host has 9.0.0"),
    (ACTIVE, {"vlan": {"tags": [{"id": 5}]}},
     "vlan: libvirt 9.0.0 takes VLAN tags only in forward modes hostdev and passthrough, on Open vSwitch bridges"
     " (virtualport.type: openvswitch); Linux bridges of the host need libvirt 11.0.0 (before, a"
     " bridge for each VLAN)"),
    (ACTIVE, {"portgroups": [{"name": "a", "default": True}, {"name": "b", "default": True}]},
     "portgroups[1].default: portgroups[0] is the default already"),
    (lab(devices={}), {"forward": {"mode": "hostdev", "addresses": [{"slot": "1"}]}},
     "forward.addresses[0]: 0000:00:01.0 is no SR-IOV virtual function of the host"),
    (lab(devices={}), {"state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "br9"}},
     "bridge.name: the host has no bridge br9"),
    (USED, {"restart": "always", "ips": [], "mac": {},
            "forward": {"mode": "bridge", "interfaces": [{"dev": "virbr0"}]}},
     "restart: always cannot take one (52:54:00:00:01:00) from bridge to macvtap bridge while running; stop them, or"
     " give restart: when_idle"),
])
def test_what_cannot_work_is_refused_by_path(there, given: dict, message: str):
    assert refusal(there, **given) == message


def test_what_libvirt_would_drop_is_refused_though_it_changes_nothing():
    assert refusal(given_bandwidth(None), bandwidth={"inbound": {"peak": 5}}) == (
        "bandwidth.inbound.peak: needs average beside it")
    odd = given_bandwidth({"inbound": {"peak": 5}})
    assert steps(odd, bandwidth={"inbound": {"peak": 5}}) == steps(odd, forward={"mode": "nat"}) == []


def given_bandwidth(bandwidth: dict | None):
    options = network(bandwidth=bandwidth)
    return lab(options, options)


def test_what_is_removed_needs_no_version():
    assert steps(ACTIVE, title="", description="", domain={}) == []


def test_a_missing_device_of_a_stopped_network_is_a_warning():
    there = lab(devices={})
    plan = plan_of(there, forward={"mode": "nat", "dev": "eth9"}, ips=LAB["ips"])
    assert plan.warnings == ["forward.dev: the host has no device eth9; network lab needs it before it can start"]
    assert [step.title for step in plan.steps] == ["define network lab"]


# --- the kernel


def test_drift_of_the_kernel_is_repaired_without_touching_libvirt():
    drifted = {"virbr0": dict(BRIDGE, addresses=[]), "vnet0": dict(TAP, master=None)}
    there = lab(LAB, LAB, guests=(guest(),), devices=drifted)
    plan = plan_of(there)
    assert [step.title for step in plan.steps] == [
        "add address 10.0.0.1/24 to bridge virbr0", "put vnet0 of guest one back into bridge virbr0"]
    assert told(plan.drift) == [
        ("kernel", "ips[0].address", "10.0.0.1/24", None),
        ("kernel", "guests[one (52:54:00:00:01:00)]", "virbr0", None)]
    assert plan.before["kernel"]["ips[0].address"] is None
    assert plan.after["kernel"]["ips[0].address"] == "10.0.0.1/24"
    assert places(kernel_drift(look(there, "lab"))) == ["ips[0].address", "guests[one (52:54:00:00:01:00)]"]


def test_a_restart_repairs_the_kernel_by_itself():
    there = lab(LAB, LAB, devices={"virbr0": dict(BRIDGE, addresses=[])})
    assert steps(there, mtu={"size": 9000}) == [
        "change the configuration of network lab", "stop network lab", "start network lab"]


def test_a_kernel_that_is_out_of_reach_is_left_out():
    assert steps(ACTIVE) == [] and kernel_drift(look(ACTIVE, "lab")) == []


def limited(traffic: dict | None, guests: tuple = ()):
    """A network whose bridge is limited to 500 kB/s inbound, and what tc has of that."""
    options = network(bandwidth={"inbound": {"average": 500}})
    return lab(options, options, guests=guests, devices=HOST if guests else {"virbr0": BRIDGE},
               traffic={"virbr0": traffic})


def test_limits_that_the_kernel_has_lost_are_a_reason_to_restart():
    lost, there = {"sent": {}, "received": None}, {"sent": {"1": {"rate": 500000, "ceil": 500000, "burst": 1}},
                                                   "received": None}
    assert steps(limited(there)) == steps(limited(None)) == []
    assert steps(limited(lost)) == ["stop network lab", "start network lab"]
    plan = plan_of(limited(lost, (guest(),)))
    assert plan.steps == []
    assert places(plan.waiting) == ["bandwidth.inbound.average", "bandwidth.inbound.peak"]
    assert "must be restarted before bandwidth.inbound.average" in plan.warnings[0]
    assert kernel_drift(look(limited(lost), "lab"))[0].path == Path("bandwidth", "inbound", "average")


@pytest.mark.parametrize(("mode", "found", "pool"), [
    ("hostdev", {"addresses": [{"type": "pci", "bus": "0x3b", "slot": "0x10", "function": "0x1"}]}, "0000:3b:10.1"),
    ("passthrough", {"interfaces": [{"dev": "vf1"}]}, "vf1"),
])
def test_a_pool_hands_out_what_its_card_has(mode: str, found: dict, pool: str):
    options = {"name": "lab", "uuid": UUID, "forward": {"mode": mode, "pf": {"dev": "eth0"}}}
    handed = dict(options, forward=dict(options["forward"], **found))

    def card(*functions: str) -> Snapshot:
        vfs = [{"address": name, "device": name} for name in functions]
        return lab(options, handed, devices={"eth0": device()},
                   physical_functions={"0000:3b:00.0": {"devices": ["eth0"], "vfs": vfs}})

    unknown = lab(options, handed, devices={"eth0": device()})
    assert steps(card(pool)) == steps(unknown) == []
    more = card(pool, "other")
    assert steps(more) == ["stop network lab", "start network lab"]
    assert told(kernel_drift(look(more, "lab"))) == [("kernel", "forward.pf", sorted([pool, "other"]), [pool])]


# --- the diff


def test_the_diff_keeps_the_spelling_of_what_the_task_does_not_change():
    there = lab(network(ips=[{"address": "10.0.0.1", "netmask": "255.255.255.0"}]))
    plan = plan_of(there, ips=[{"address": "10.0.0.1", "prefix": 24}], **PORTGROUP)
    assert plan.before["ips"] == plan.after["ips"]
    assert plan.after["portgroups"] == [{"name": "a"}] and "portgroups" not in plan.before
    assert (plan.after["state"], plan.after["autostart"], plan.after["persistent"]) == ("inactive", False, True)


def test_a_drift_of_the_running_network_alone_is_shown_in_a_layer_of_its_own():
    plan = plan_of(lab(network(**PORTGROUP), LAB), **PORTGROUP)
    assert plan.before["live"] == {"portgroups[a]": None}
    assert plan.after["live"] == {"portgroups[a]": {"name": "a"}}


def test_what_waits_is_the_same_before_and_after():
    plan = plan_of(lab(network(mtu={"size": 9000}), LAB, guests=(guest(),), devices=HOST), mtu={"size": 9000})
    assert plan.before["live"] == plan.after["live"] == {"mtu.size": None}


def test_the_model_is_what_the_module_takes():
    assert model(found(LAB, LAB, autostart=True)) == dict(LAB, state="active", autostart=True, persistent=True)
    assert model(look(TRANSIENT, "lab")) == dict(LAB, state="active", autostart=False, persistent=False)
    assert model(look(NOTHING, "lab")) == {"state": "absent"}


def test_the_running_definition_is_compared_with_the_configuration_whole():
    there = found(network(mtu={"size": 9000}), network(ipv6=True))
    assert told(live_drift(there)) == [
        ("live", "ipv6", None, True), ("live", "mtu.size", 9000, None)]
    assert [list(live_drift(look(there, "lab"))) for there in (ACTIVE, INACTIVE, TRANSIENT)] == [[], [], []]


# --- verify


def left(before: Snapshot, after: Snapshot, **given) -> list:
    """What a plan that was made before the steps misses afterwards."""
    return plan_of(before, **given).left(plan_of(after, **given))


def test_verify_finds_nothing_left_when_the_plan_was_carried_out():
    assert left(INACTIVE, lab(network(**PORTGROUP)), **PORTGROUP) == []


def test_verify_names_what_is_left():
    assert [drift[:2] for drift in told(left(INACTIVE, INACTIVE, **PORTGROUP))] == [("config", "portgroups[a]")]


def test_verify_misses_a_step_that_leaves_no_drift():
    assert left(INACTIVE, INACTIVE, state="active") == [Drift("plan", Path("start network lab"), "done", "not done")]


def test_verify_leaves_out_what_waits_for_a_restart():
    after = lab(network(mtu={"size": 9000}), LAB, guests=(guest(),), devices=HOST)
    assert left(USED, after, mtu={"size": 9000}) == []


def test_verify_misses_guests_that_were_not_connected_again():
    large = network(mtu={"size": 9000})
    after = Snapshot.of_record(parts(**dict(lab_parts(large, large, guests=(guest(),), devices={
        "virbr0": dict(BRIDGE, mtu=9000), "vnet0": dict(TAP, mtu=9000, master=None)}), ports={"lab": []})))
    missed = Drift("live", Path("guests", Entry("one (52:54:00:00:01:00)")), "connected", None)
    assert left(USED, after, mtu={"size": 9000}, restart="always") == [missed._replace(layer="kernel"), missed]


# --- all of it, on a host in memory


def converged(host: FakeHost, check_mode: bool = False, **given) -> dict:
    return result_of(converge(host, [wish_of(given)], check_mode)[0])


def memory(host: FakeHost) -> dict:
    return copy.deepcopy(host.parts)


TASKS = [
    dict(NEW, state="active", autostart=True),
    dict(NEW, state="active", persistent=False),
    dict(NEW, state="inactive"),
    dict(NEW, state="active", forward={"mode": "nat"}, portgroups=[{"name": "a"}, {"name": "b", "default": True}]),
    dict(NEW, state="active", portgroups=[{"name": "b"}], mtu={"size": 9000}, purge=True),
    {"state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"}, "ips": []},
    {"state": "absent"},
]


def refused_from(first: dict, second: dict, local: bool) -> bool:
    """What the second task leaves as it is may not go together with what it says."""
    bridges = [task.get("forward", {}).get("mode") == "bridge" for task in (first, second)]
    keeps_bridge = bridges[0] and ("forward" not in second or (local and not bridges[1]))
    started = first.get("persistent") is False and second.get("autostart") is True
    return keeps_bridge or started or (bridges[1] and "mtu" in first)


def host_with(local: bool) -> FakeHost:
    """A host with a bridge of its own, whose kernel may be out of reach."""
    return FakeHost(**lab_parts(devices={"br0": dict(BRIDGE, addresses=[])} if local else None))


LOCAL = pytest.mark.parametrize("local", [True, False], ids=["here", "remote"])


@LOCAL
@pytest.mark.parametrize("second", TASKS, ids=str)
@pytest.mark.parametrize("first", TASKS, ids=str)
def test_from_any_task_to_any_other_and_then_no_change(first: dict, second: dict, local: bool):
    host = host_with(local)
    converged(host, **first)
    if second.get("state") == "inactive" and first.get("persistent") is False:
        second = dict(second, persistent=True)
    before = memory(host)
    try:
        checked = converged(host, check_mode=True, **second)
    except Invalid:
        assert refused_from(first, second, local)
        return
    finally:
        assert memory(host) == before
    done = converged(host, **second)
    assert (checked["changed"], checked["steps"]) == (done["changed"], done["steps"])
    assert converged(host, **second)["steps"] == []


@LOCAL
@pytest.mark.parametrize("broken", ["define_network", "create_network", "undefine_network", "start_network",
                                    "stop_network", "set_network_autostart", "update_network"])
@pytest.mark.parametrize("second", TASKS, ids=str)
def test_whatever_fails_the_network_is_as_it_was(broken: str, second: dict, local: bool):
    host = host_with(local)
    converged(host, **TASKS[0])
    before = memory(host)
    host.breaks = [broken]
    try:
        converged(host, **second)
    except ConvergeError as error:
        assert "Could not be put back" not in str(error)
        assert memory(host) == before
    else:
        assert host.breaks == [broken]


def test_guests_stay_connected_through_a_restart():
    host = lab_host(LAB, LAB, guests=(guest(), guest(1, "two")), devices=dict(HOST, vnet1=TAP))
    done = converged(host, mtu={"size": 9000}, restart="always")
    assert done["steps"][-1] == "connect one (52:54:00:00:01:00), two (52:54:00:00:01:01) again"
    assert [(host.devices[tap]["master"], host.devices[tap]["mtu"]) for tap in ("vnet0", "vnet1")] == [
        ("virbr0", 9000), ("virbr0", 9000)]
    assert converged(host, mtu={"size": 9000})["steps"] == []


def test_what_is_only_read_is_in_the_status_of_a_described_network():
    host = host_with(False)
    converged(host, **dict(NEW, state="active"))
    live = load_xml(host.parts["network_live"]["lab"])
    live.set("connections", "3")
    host.parts["network_live"]["lab"], host.parts["leases"]["lab"] = dump_xml(live), []
    found = describe_network(host.look(), "lab")
    assert found["status"]["connections"] == found["status"]["live"]["connections"] == 3
    assert "connections" not in found


def test_the_live_layer_is_read_only_while_the_network_runs():
    host = host_with(False)
    assert look(host.look(), "lab").record is None
    converged(host, **NEW)
    found = look(host.look(), "lab")
    assert found.live is None and found.config["name"] == "lab" and found.devices is None


def test_a_pool_is_read_without_the_functions_that_libvirt_found():
    pool = {"name": "lab", "uuid": UUID, "forward": {"mode": "passthrough", "pf": {"dev": "eth0"}}}
    there = found(pool, dict(pool, forward=dict(pool["forward"], interfaces=[{"dev": "vf0"}])))
    assert there.live["forward"] == pool["forward"] and list(live_drift(there)) == []


def test_a_described_network_has_its_model_and_status():
    host = host_with(False)
    converged(host, **dict(NEW, state="active"))
    host.parts["leases"]["lab"] = [{"ip": "10.0.0.5"}]
    found = describe_network(host.look(), "lab")
    assert found["state"] == "active" and found["bridge"]["name"] == "virbr0"
    assert found["status"] == {
        "left_out": [],
        "active": True, "bridge": "virbr0", "connections": 0, "ports": [], "leases": [{"ip": "10.0.0.5"}], "drift": [],
        "config": NETWORK.parse(load_xml(host.parts["network_config"]["lab"])),
        "live": NETWORK.parse(load_xml(host.parts["network_live"]["lab"])),
    }
    del found["status"]
    assert converged(host, **found)["steps"] == []


def test_a_described_port_has_the_device_of_its_guest():
    there = lab(LAB, LAB, guests=(guest(),), ports=(port(FOREIGN),), devices=HOST, leases={"lab": []})
    assert [(one["uuid"], one["guest_interface"]) for one in describe_network(there, "lab")["status"]["ports"]] == [
        (guest().port, "vnet0"), (FOREIGN, None)]
