# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which differences of a network virNetworkUpdate can make, as a list of calls.

libvirt finds the entry that a call means by rules of its own for each section, and sometimes finds another one.
So every call is tried here first against the entries that are there, by the same rules; where it would not hit
just the entry that is meant, no call is made, and the difference is left to a redefinition.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...documents.network import NETWORK, list_at, mode_of, refused_by_driver
from ...engine.plan import Step
from ...host.flags import ADD_LAST, CONFIG, DELETE, MODIFY
from ...schema.errors import Invalid
from ...schema.nodes import Many, Version
from ...schema.options import Options, Value, option
from .listed import Listed, Rule, normal_of, same, shares
from .piece import network as piece

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

ANY_VERSION = (0, 0, 0)
NEVER = (9999, 0, 0)


def _deletes_host(item: Options, entry: Options) -> bool:
    """libvirt ignores a given mac for entries that have none."""
    mac = entry.get("mac") is None or item.get("mac") in (None, entry["mac"])
    return mac and all(item.get(name) in (None, entry.get(name)) for name in ("ip", "name"))


def _shares_dns_host(item: Options, entry: Options) -> bool:
    return item.get("ip") == entry.get("ip") or bool(set(item["hostnames"]) & set(entry["hostnames"]))


@dataclass(frozen=True, eq=False)
class Section:
    """A section of virNetworkUpdate.

    ``hits`` and ``collides`` are libvirt's rules for delete and add, ``confuses`` that for modify, where it is another
    than for add.
    """

    number: int
    noun: str
    path: tuple[str, ...]
    hits: Rule
    collides: Rule
    modifies: Version = NEVER
    deletes_by: tuple[str, ...] = ()
    confuses: Rule | None = None


SRV = ("service", "protocol", "domain", "target")
HOSTS = Section(4, "dhcp host", ("dhcp", "hosts"), Rule(("ip", "name"), True, _deletes_host),
                shares("mac", "ip", "name"), ANY_VERSION, ("mac", "name", "ip"))
RANGES = Section(5, "dhcp range", ("dhcp", "ranges"), same("start", "end"), same("start", "end"))
INTERFACES = Section(7, "forward interface", ("forward", "interfaces"), same("dev"), same("dev"))
PORTGROUPS = Section(9, "portgroup", ("portgroups",), same("name"), same("name"), ANY_VERSION)
DNS_HOSTS = Section(10, "dns host", ("dns", "hosts"), shares("ip"), shares("ip"), (10, 7, 0), ("ip",),
                    Rule(("ip", "hostnames"), False, _shares_dns_host))
DNS_TXTS = Section(11, "dns txt", ("dns", "txts"), same("name"), same("name"), (10, 7, 0))
DNS_SRVS = Section(12, "dns srv", ("dns", "srvs"), same(*SRV), same(*SRV))
TITLES = {ADD_LAST: "add", MODIFY: "update", DELETE: "remove"}
ORDER = {DELETE: 0, MODIFY: 1, ADD_LAST: 2}
BACK = {ADD_LAST: DELETE, DELETE: ADD_LAST, MODIFY: MODIFY}


@dataclass(frozen=True)
class Update:
    """One call of virNetworkUpdate; ``parent`` is the index of the <ip> that it is about, -1 for none."""

    command: int
    section: Section
    parent: int
    item: Options
    was: Options | None = None

    @property
    def title(self) -> str:
        return "%s %s %s" % (TITLES[self.command], self.section.noun, _table(self.section).label(self.item))

    def element(self) -> Element:
        item: Options = self.item
        table: Value = _table(self.section).item
        if self.command == DELETE and self.section.deletes_by:
            item = {name: item[name] for name in self.section.deletes_by if item.get(name)}
        element: Element = table.render(item)
        return element

    def undone(self) -> Update:
        return Update(BACK[self.command], self.section, self.parent, self.was or self.item, self.was and self.item)


@cache
def _table(section: Section) -> Many:
    """The table of a section's list."""
    return list_at(section.path)


def _normal(section: Section, item: Options) -> Options:
    return normal_of(_table(section), item)


def plan_updates(current: Options, wanted: Options, version: Version,
                 busy: frozenset[str] = frozenset()) -> list[Update]:
    """The calls that bring ``current`` nearer to ``wanted``: removals first, then changes, then additions.

    ``busy`` names forward interfaces that guests are on; libvirt does not remove those.
    """
    lists = []
    for section, parent, old, new in _lists(current, wanted):
        calls = _plan_section(section, parent, old, new, version)
        removed = {call.item["dev"] for call in calls if section is INTERFACES and call.command == DELETE}
        if not removed & busy:
            lists.append(calls)
    every = _in_order(lists)
    return every if _is_valid(current, every) else _in_order([calls for calls in lists if _is_valid(current, calls)])


def _in_order(lists: list[list[Update]]) -> list[Update]:
    return sorted([call for calls in lists for call in calls],
                  key=lambda call: (ORDER[call.command], bool(call.item.get("default"))))


def _is_valid(current: Options, calls: list[Update]) -> bool:
    """Whether the network is one that libvirt takes after the calls; libvirt parses it anew at each."""
    try:
        refused_by_driver(NETWORK.check(apply_updates(current, calls)))
    except Invalid:
        return False
    return True


def _lists(current: Options, wanted: Options) -> Iterator[tuple[Section, int, list[Options], list[Options]]]:
    """Every list that a section is about: section, parent index, what is there, what is wanted."""
    for parent, (old, new) in enumerate(_pairs(current, wanted)):
        if new is not None:
            for section in (HOSTS, RANGES):
                yield section, parent, _entries(old, section), _entries(new, section)
    dns_runs = all(option(options, "dns", "enable") is not False for options in (current, wanted))
    for section in (DNS_HOSTS, DNS_TXTS, DNS_SRVS) if dns_runs else ():
        yield section, -1, _entries(current, section), _entries(wanted, section)
    yield PORTGROUPS, -1, _entries(current, PORTGROUPS), _entries(wanted, PORTGROUPS)
    if mode_of(current) and mode_of(current) == mode_of(wanted):
        yield INTERFACES, -1, _devices(current), _devices(wanted)


def _pairs(current: Options, wanted: Options) -> list[tuple[Options, Options | None]]:
    """Every address that is there with the wanted one that differs at most in its DHCP entries, or None."""
    successors: dict[str, Options] = {}
    for new in wanted.get("ips") or []:
        successors.setdefault(_but_entries(new), new)
    return [(old, successors.get(_but_entries(old))) for old in current.get("ips") or []]


def _but_entries(ip: Options) -> str:
    """What an address says beside its DHCP entries."""
    dhcp = {name: value for name, value in (ip.get("dhcp") or {}).items() if name not in ("ranges", "hosts")}
    return json.dumps(normal_of(NETWORK.node("ips"), dict(ip, dhcp=dhcp)), sort_keys=True)


def _entries(options: Options, section: Section) -> list[Options]:
    return option(options, *section.path) or []


def _devices(options: Options) -> list[Options]:
    forward = NETWORK.node("forward").normal(options.get("forward")) or {}
    return [dict(item) for item in forward.get("interfaces") or []]


def _plan_section(section: Section, parent: int, old: list[Options], new: list[Options],
                  version: Version) -> list[Update]:
    """The calls for one list, or none where libvirt would take one of them for another entry."""
    there, wanted = Listed(_table(section), old), Listed(_table(section), new)
    come = _but(wanted, there)
    successors = {wanted.identity(place): place for place in reversed(come)}
    calls, replaced = [], set()
    for place in _but(there, wanted):
        item, identity = there.item(place), there.identity(place)
        successor = successors.get(identity)
        if successor is not None and version >= section.modifies and _modifies(
                section, there, place, wanted.normal(successor)):
            calls.append(Update(MODIFY, section, parent, wanted.item(successors.pop(identity)), item))
            replaced.add(wanted.place_of(wanted.normal(successor)))
        else:
            calls.append(Update(DELETE, section, parent, item))
    calls += [Update(ADD_LAST, section, parent, wanted.item(place)) for place in come
              if wanted.place_of(wanted.normal(place)) not in replaced]
    return calls if _hits_what_is_meant(there, calls) else []


def _but(listed: Listed, others: Listed) -> list[int]:
    """The places of the entries that others have not got."""
    return [place for place in listed.places if others.place_of(listed.normal(place)) is None]


def _modifies(section: Section, there: Listed, place: int, successor: Options) -> bool:
    """Whether the entry to be replaced is the only one that libvirt could take it for."""
    found = there.find(section.confuses or section.collides, successor)
    return [there.normal(one) for one in found] == [there.normal(place)]


def _hits_what_is_meant(there: Listed, calls: list[Update]) -> bool:
    """Whether libvirt would do with the calls what they are for, and with those that undo them."""
    ordered = sorted(calls, key=lambda call: ORDER[call.command])
    back = [call.undone() for call in reversed(ordered)]
    return all(_carry_out(call, there) for call in [*ordered, *back])


def _carry_out(call: Update, there: Listed) -> bool:
    """Does to the entries what libvirt does by its rules; False where it would refuse or hit another entry."""
    normal = _normal(call.section, call.item)
    if call.command == ADD_LAST:
        if there.find(call.section.collides, normal):
            return False
        there.add(call.item)
    elif call.command == MODIFY:
        there.replace(_place(call, there), call.item)
    else:
        found = there.find(call.section.hits, normal)
        if [there.normal(place) for place in found] != [normal]:
            return False
        there.remove(found[0])
    return True


def _place(call: Update, there: Listed) -> int:
    """The place of the entry that a call removes or changes."""
    place = there.place_of(_normal(call.section, call.was or call.item))
    if place is None:
        raise AssertionError(call.title)
    return place


def apply_updates(options: Options, calls: list[Update]) -> Options:
    """The options as they are after the calls."""
    options = copy.deepcopy(options)
    lists: dict[tuple[Section, int], Listed] = {}
    for call in calls:
        name = (call.section, call.parent)
        if name not in lists:
            found = _devices(options) if call.section is INTERFACES else _entries(
                _holder(options, call.parent), call.section)
            lists[name] = Listed(_table(call.section), found)
        there = lists[name]
        if call.command == ADD_LAST:
            there.add(call.item)
        elif call.command == MODIFY:
            there.replace(_place(call, there), call.item)
        else:
            there.remove(_place(call, there))
    for (section, parent), there in lists.items():
        _put_entries(options, section, parent, there.items)
    return options


def _holder(options: Options, parent: int) -> Options:
    """What a section's path begins at: an address, or the network itself."""
    holder: Options = options if parent < 0 else options["ips"][parent]
    return holder


def _put_entries(options: Options, section: Section, parent: int, entries: list[Options]) -> None:
    place = _holder(options, parent)
    for name in section.path[:-1]:
        place = place.setdefault(name, {})
    if section is INTERFACES:
        place.pop("dev", None)
    place[section.path[-1]] = entries


def update_step(name: str, call: Update, flag: int) -> Step:
    """One call of virNetworkUpdate on the configuration or on the running network."""
    where = "configuration of network" if flag == CONFIG else "running network"
    return Step("%s (%s %s)" % (call.title, where, name), lambda host: host.libvirt.update_network(
        name, call.command, call.section.number, call.parent, call.element(), flag), piece(name),
        writes=("network_config" if flag == CONFIG else "network_live", name))


def change_step(name: str, document: Element) -> Step:
    """Changes a configuration as a whole, where single calls cannot."""
    return Step("change the configuration of network %s" % name, lambda host: host.libvirt.define_network(document),
                piece(name), writes=("network_config", name))


def busy_interfaces(live: Element | None) -> frozenset[str]:
    """The forward interfaces that guests are on."""
    return frozenset(interface.get("dev") or "" for interface in (
        live.findall("forward/interface") if live is not None else ()) if int(interface.get("connections") or 0))
