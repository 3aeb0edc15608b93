# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twice as much takes twice as long: counted in calls of functions, which are the same each time."""

from __future__ import annotations

import sys
from typing import Any, Callable

import pytest
from unit.fake_host import UUID, parts
from unit.networks import many_parts, numbered
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import INTERFACE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.nwfilter import NWFILTER
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.order import in_order
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.describe import (
    describe_network,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.resource import NwFilter
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import Topology
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

FEW, MANY = 150, 300
TWICE = 2.3


def operations(do: Callable[[], Any]) -> int:
    """How many functions are called, those that are written in C too."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        do()
    finally:
        sys.setprofile(before)
    return count


def growth(prepare: Callable[[int], Callable[[], Any]]) -> float:
    """By how much the operations grow when there is twice as much; what is done but once was done before."""
    prepare(2)()
    few, many = (operations(prepare(count)) for count in (FEW, MANY))
    return many / few


def wishes(count: int, **changes: Any) -> list[Network]:
    return [Network(options["name"], dict(options, **changes), state="active")
            for options in map(numbered, range(count))]


def planning(there: dict[str, Any], wanted: list[Any], steps: int) -> Callable[[], None]:
    """Plans wishes on a host; each has that many steps."""
    seen = Snapshot.of_record(parts(**there))

    def plan() -> None:
        assert {len(outcome.plan.steps) for outcome in plan_all(seen.fork(), wanted)} == {steps}

    return plan


MTU, PORTGROUP = {"mtu": {"size": 9000}}, {"portgroups": [{"name": "a"}]}


def new(count: int) -> Callable[[], None]:
    return planning({}, wishes(count), 2)


def new_beside_others(count: int) -> Callable[[], None]:
    networks = many_parts(count)["networks"].items()
    others = {name.replace("net", "old"): dict(one, active=False, uuid=one["uuid"].replace("-4f53-", "-4f54-"))
              for name, one in networks}
    return planning({"networks": others, "network_config": dict.fromkeys(others, "<network/>")}, wishes(count), 2)


def unchanged(count: int) -> Callable[[], None]:
    return planning(many_parts(count), wishes(count), 0)


def changed_in_both_layers(count: int) -> Callable[[], None]:
    return planning(many_parts(count), wishes(count, **PORTGROUP), 2)


def waiting_for_a_restart(count: int) -> Callable[[], None]:
    return planning(many_parts(count), wishes(count, **MTU), 1)


def restarted(count: int) -> Callable[[], None]:
    wanted = [Network(wish.name, wish.options, restart="always") for wish in wishes(count, **MTU)]
    return planning(many_parts(count), wanted, 4)


def restarted_beside_guests_of_pools(count: int) -> Callable[[], None]:
    wanted = [Network(wish.name, wish.options, restart="always") for wish in wishes(count, **MTU)]
    return planning(many_parts(count, pools=count), wanted, 4)


def repaired(count: int) -> Callable[[], None]:
    there = many_parts(count)
    for name, device in there["devices"].items():
        device.update({"master": None} if name.startswith("vnet") else {"addresses": []})
    return planning(there, wishes(count), 2)


def removed(count: int) -> Callable[[], None]:
    return planning(many_parts(count), [Network(wish.name, {"name": wish.name}, state="absent")
                                        for wish in wishes(count)], 2)


def described(count: int) -> Callable[[], None]:
    seen = Snapshot.of_record(parts(**many_parts(count), leases={wish.name: [] for wish in wishes(count)}))
    return lambda: [describe_network(seen, name) for name in seen.network_names()]


def ordered(count: int) -> Callable[[], None]:
    wanted, seen = wishes(count), Snapshot.of_record(parts())
    return lambda: in_order(wanted, seen)


@pytest.mark.parametrize("case", [
    new, new_beside_others, unchanged, changed_in_both_layers, waiting_for_a_restart, restarted,
    restarted_beside_guests_of_pools, repaired, removed, described, ordered,
], ids=lambda case: case.__name__.replace("_", " "))
def test_twice_as_many_networks_take_twice_as_long(case: Callable[[int], Callable[[], None]]):
    assert growth(case) < TWICE


# --- filters


def rules(count: int, port: int = 1) -> list[dict[str, Any]]:
    return [{"rule": {"action": "accept", "direction": "in", "priority": 500,
                      "tcp": [{"dstportstart": port + number}]}} for number in range(count)]


def filters(*every: dict[str, Any]) -> dict[str, Any]:
    """A host with filters."""
    return {"nwfilters": {one["name"]: {"uuid": "", "xml": dump_xml(NWFILTER.render(one))} for one in every}}


def filter_wish(options: dict[str, Any], **settings: Any) -> NwFilter:
    return NwFilter(options["name"], NWFILTER.check(options, whole=False), **settings)


def one_filter(entries: list[dict[str, Any]], name: str = "web") -> dict[str, Any]:
    return {"name": name, "entries": entries}


def chain(count: int) -> list[dict[str, Any]]:
    """Filters each of which refers to the next one."""
    return [one_filter([*rules(1), *([{"filterref": {"filter": "f%04d" % (at + 1)}}] if at + 1 < count else [])],
                       "f%04d" % at) for at in range(count)]


def new_rules(count: int) -> Callable[[], None]:
    return planning({}, [filter_wish(one_filter(rules(count)))], 1)


def unchanged_rules(count: int) -> Callable[[], None]:
    options = one_filter(rules(count))
    return planning(filters(options), [filter_wish(options)], 0)


def other_rules(count: int) -> Callable[[], None]:
    return planning(filters(one_filter(rules(count))), [filter_wish(one_filter(rules(count, 1000)), purge=True)], 1)


def reversed_rules(count: int) -> Callable[[], None]:
    there = one_filter(rules(count))
    return planning(filters(there), [filter_wish(one_filter(there["entries"][::-1]))], 1)


def new_filters(count: int) -> Callable[[], None]:
    return planning({}, [filter_wish(one) for one in chain(count)], 1)


def unchanged_filters(count: int) -> Callable[[], None]:
    return planning(filters(*chain(count)), [filter_wish(one) for one in chain(count)], 0)


def changed_filters(count: int) -> Callable[[], None]:
    flat = [one_filter(rules(1), "f%04d" % at) for at in range(count)]
    return planning(filters(*flat), [filter_wish(dict(one, entries=rules(2))) for one in flat], 1)


def changed_filters_of_a_parent(count: int) -> Callable[[], None]:
    flat = [one_filter(rules(1), "f%04d" % at) for at in range(count)]
    parent = one_filter([{"filterref": {"filter": one["name"]}} for one in flat], "parent")
    return planning(filters(*flat, parent), [filter_wish(dict(one, entries=rules(2))) for one in flat], 1)


def removed_filters(count: int) -> Callable[[], None]:
    return planning(filters(*chain(count)), [filter_wish(one, state="absent") for one in chain(count)], 1)


@pytest.mark.parametrize("case", [
    new_rules, unchanged_rules, other_rules, reversed_rules, new_filters, unchanged_filters, changed_filters,
    changed_filters_of_a_parent, removed_filters,
], ids=lambda case: case.__name__.replace("_", " "))
def test_twice_as_many_filters_or_rules_take_twice_as_long(case: Callable[[int], Callable[[], None]]):
    assert growth(case) < TWICE


# --- all of a host


def mixed(there: bool) -> Callable[[int], Callable[[], None]]:
    """As many networks, filters and interfaces of guests, in one document."""

    def prepare(count: int) -> Callable[[], None]:
        every = [numbered(number) for number in range(count)]
        cards = [{"domain": "guest%04d" % number, "mac": one["mac"], "type": "network",
                  "source": {"network": one["name"]}, "filterref": {"filter": "f%04d" % number}}
                 for number, one in enumerate(every)]
        documents = ["<domain><devices>%s</devices></domain>" % (dump_xml(INTERFACE.render(
            {name: value for name, value in card.items() if name != "domain"})) if there else "") for card in cards]
        uuids = ["%s%06x" % (UUID[:-6], number) for number in range(count)]
        networks = many_parts(count) if there else {}
        host = {**{name: value for name, value in networks.items() if not name.startswith("domain")},
                **(filters(*chain(count)) if there else {}),
                "domains": {uuid: {"name": card["domain"], "active": False, "persistent": True}
                            for uuid, card in zip(uuids, cards)},
                "domain_config": dict(zip(uuids, documents))}
        seen = Snapshot.of_record(parts(**host))

        def plan() -> None:
            read = Topology({"networks": [dict(one, state="active") for one in every], "nwfilters": chain(count),
                             "interfaces": cards}, True, lambda _words: None)
            assert not read.errors
            assert {bool(one.plan.steps) for one in plan_all(seen.fork(), read.wishes)} == {not there}

        return plan

    return prepare


@pytest.mark.parametrize("there", [True, False], ids=["as stated", "new"])
def test_twice_as_much_of_a_host_takes_twice_as_long(there: bool):
    assert growth(mixed(there)) < TWICE
