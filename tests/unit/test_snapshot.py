# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as plain data: what is read of it for what question, and that it is read once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from unit.fake_host import UUID, device, parts
from unit.networks import BRIDGE, LAB, TAP, guest, lab, lab_parts, many_parts, numbered
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import MADE_OF_OTHERS, READERS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.parts import NotRecorded, from_record
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.found import (
    look,
    virtual_functions,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network

FILTER = "<filter name='clean' uuid='%s'/>" % UUID


def counting(**given: Any) -> tuple[Snapshot, Counter]:
    """A host of which each read of a part is counted."""
    read, reads = from_record(parts(**given)), Counter()

    def count(part: str, key: str) -> Any:
        reads[part, key] += 1
        return read(part, key)

    return Snapshot(count), reads


# --- read once


@pytest.mark.parametrize("count", [1, 200])
def test_networks_without_changes_are_read_once_whatever_is_on_the_host(count: int):
    seen, reads = counting(**many_parts(count))
    wishes = [Network(options["name"], options, state="active") for options in map(numbered, range(count))]
    assert [outcome.plan.steps for outcome in plan_all(seen.fork(), wishes)] == [[]] * count
    names, uuids = [wish.name for wish in wishes], list(many_parts(count)["domains"])
    assert reads == {
        **{(part, ""): 1 for part in ("host", "networks", "domains", "devices", "firewall", "forwarding")},
        **{(part, name): 1 for part in ("network_config", "network_live", "ports", "dnsmasq_of") for name in names},
        **{("bridge_sysctls", "virbr%d" % number): 1 for number in range(count)},
        **{(part, uuid): 1 for part in ("domain_config", "domain_live") for uuid in uuids},
    }


@pytest.mark.parametrize("count", [1, 200])
def test_for_one_network_no_other_is_read(count: int):
    seen, reads = counting(**many_parts(count))
    assert plan_all(seen, [Network("net0000", numbered(0), state="active")])[0].plan.steps == []
    assert {key for part, key in reads if part in ("network_config", "network_live", "ports")} == {"net0000"}
    assert set(reads.values()) == {1}


@pytest.mark.parametrize(("given", "read"), [
    ({}, {"networks": [""]}),
    ({"config": LAB}, {"networks": [""], "network_config": ["lab"]}),
    ({"live": LAB}, {"networks": [""], "network_live": ["lab"], "ports": ["lab"]}),
    ({"config": LAB, "live": LAB}, {"networks": [""], "network_config": ["lab"], "network_live": ["lab"],
                                    "ports": ["lab"]}),
], ids=["nothing", "inactive", "transient", "active"])
def test_a_layer_that_is_not_there_is_not_read(given: dict, read: dict):
    seen, reads = counting(**lab_parts(**given))
    found = look(seen, "lab")
    assert (found.config is None, found.live is None) == ("config" not in given, "live" not in given)
    by_part: dict = {}
    for part, key in sorted(reads):
        by_part.setdefault(part, []).append(key)
    assert by_part == dict(read, host=[""], **({"domains": [""]} if given else {}))


@pytest.mark.parametrize("layers", [(LAB, LAB), (LAB, None), (None, LAB)], ids=["active", "inactive", "transient"])
def test_guests_of_a_network_are_known_by_their_own_documents(layers: tuple):
    seen, _reads = counting(**dict(lab_parts(*layers, guests=(guest(),)), ports={"lab": []}))
    assert [one.label for one in look(seen, "lab").guests] == [guest().label]
    seen, reads = counting(**lab_parts(guests=(guest(),)))
    assert look(seen, "lab").guests == () and ("domains", "") not in reads


def test_limits_are_read_only_for_a_network_that_has_some():
    given = lab_parts(LAB, LAB, devices={"virbr0": BRIDGE})
    seen, reads = counting(**given)
    assert look(seen, "lab").traffic is None and ("traffic", "virbr0") not in reads
    limited = dict(LAB, bandwidth={"inbound": {"average": 5}})
    traffic = {"sent": {}, "received": None}
    seen, reads = counting(**lab_parts(limited, limited, devices={"virbr0": BRIDGE}, traffic={"virbr0": traffic}))
    assert look(seen, "lab").traffic == traffic and reads["traffic", "virbr0"] == 1


def test_cards_are_read_only_where_somebody_speaks_of_virtual_functions():
    seen, reads = counting(**lab_parts(LAB, LAB, devices={"virbr0": BRIDGE}))
    assert look(seen, "lab").functions is None and ("physical_functions", "") not in reads
    assert look(seen, "lab", True).functions == frozenset()
    assert reads["physical_functions", ""] == 1


# --- what it is as records


def test_a_network_has_the_layers_that_it_has():
    record = lab(LAB, autostart=True).network("lab")
    assert (record.active, record.persistent, record.autostart, record.live) == (False, True, True, None)
    assert record.config.findtext("name") == "lab" and record.uuid == UUID
    record = lab(live=LAB).network("lab")
    assert (record.active, record.persistent, record.config) == (True, False, None)
    assert lab().network("lab") is None and lab().network_names() == []


def test_a_document_is_parsed_once():
    seen = lab(LAB, LAB)
    assert seen.network("lab").live is seen.network("lab").live is seen.document("network_live", "lab")
    assert seen.fork().document("network_live", "lab") is not None


def test_only_a_network_that_runs_has_ports():
    ports = {"ports": {"lab": ["<networkport><uuid>p</uuid></networkport>"]}}
    for layers, found in (({"live": LAB}, ["p"]), ({"config": LAB}, []), ({}, [])):
        seen = Snapshot.of_record(parts(**dict(lab_parts(**layers), **ports)))
        assert [one.findtext("uuid") for one in seen.ports("lab")] == found


GUEST = guest()


@pytest.mark.parametrize(("name", "found"), [
    ("one", True), (GUEST.uuid, True), (GUEST.uuid.upper(), True), (GUEST.uuid.replace("-", ""), True),
    ("two", False), ("", False), (UUID, False),
])
def test_a_guest_is_known_by_name_or_uuid(name: str, found: bool):
    seen = lab(guests=(GUEST,))
    record = seen.domain(name)
    assert (record is not None) is found
    if record:
        assert (record.name, record.uuid, record.active, record.persistent) == ("one", GUEST.uuid, True, True)
        assert record.live.find("devices/interface").get("type") == "bridge"
        assert record.config.find("devices/interface").get("type") == "network"


def test_a_guest_whose_name_is_the_uuid_of_another_is_found_by_its_name():
    odd = guest(1, GUEST.uuid)
    assert lab(guests=(GUEST, odd)).domain(GUEST.uuid).uuid == odd.uuid


def test_filters_and_bindings_are_documents():
    binding = "<filterbinding><portdev name='vnet0'/></filterbinding>"
    seen = Snapshot.of_record(parts(nwfilters={"clean": {"uuid": UUID, "xml": FILTER}}, bindings={"vnet0": binding}))
    assert (seen.filters()["clean"].uuid, seen.filters()["clean"].document.get("name")) == (UUID, "clean")
    assert seen.bindings()["vnet0"].find("portdev").get("name") == "vnet0"


def test_a_host_has_a_version_and_a_uri():
    seen = lab(version=(10, 1, 0), sets_metadata=True)
    assert (seen.version, seen.uri, seen.sets_metadata) == ((10, 1, 0), "qemu:///system", True)


# --- the kernel


def test_devices_are_those_of_the_kernel():
    seen = lab(devices={"virbr0": BRIDGE, "vnet0": TAP}, traffic={"virbr0": {"sent": {}, "received": None}})
    assert seen.reaches_kernel and list(seen.devices) == ["virbr0", "vnet0"]
    assert seen.device("vnet0") == TAP and seen.device("eth9") is seen.device("") is seen.device(None) is None
    assert seen.traffic("virbr0") == {"sent": {}, "received": None} and seen.traffic("eth9") is None


def test_a_kernel_that_is_out_of_reach_is_not_read():
    seen, reads = counting(**lab_parts())
    assert (seen.reaches_kernel, seen.devices, seen.device("virbr0"), seen.traffic("virbr0")) == (
        False, None, None, None)
    assert seen.physical_functions == {} and reads == {("host", ""): 1}


def test_virtual_functions_are_those_of_all_cards():
    cards = {"0000:03:00.0": {"devices": ["eth0"], "vfs": [{"address": "0000:03:10.1"}]},
             "0000:04:00.0": {"devices": [], "vfs": []}}
    assert virtual_functions(lab(devices={"eth0": device()}, physical_functions=cards)) == {"0000:03:10.1"}
    assert virtual_functions(lab(devices={})) == frozenset()


# --- as a record


def test_a_host_that_was_recorded_is_planned_for_alike():
    seen, _reads = counting(**many_parts(3))
    wishes = [Network(options["name"], dict(options, mtu={"size": 9000})) for options in map(numbered, range(4))]
    first = plan_all(seen.fork(), wishes)
    again = plan_all(Snapshot.of_record(json.loads(json.dumps(seen.recorded()))).fork(), wishes)
    assert [[step.title for step in outcome.plan.steps] for outcome in first] == [
        [step.title for step in outcome.plan.steps] for outcome in again]
    assert [outcome.plan.drift for outcome in first] == [outcome.plan.drift for outcome in again]


def test_a_part_that_was_not_recorded_is_named():
    with pytest.raises(NotRecorded, match=r"^the record has no networks of the host$"):
        Snapshot.of_record({}).network("lab")


def test_the_parts_by_name_are_those_that_a_host_reads_and_that_are_documented():
    table = snapshot.__doc__.split("\n===")[2]
    documented = {line.split()[0] for line in table.splitlines() if line[:1].islower()}
    assert {*READERS, *MADE_OF_OTHERS} == set(parts()) == documented
