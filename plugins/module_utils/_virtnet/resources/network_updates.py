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
from typing import Any, Callable

from ..documents.network import NETWORK, mode_of, refused_by_driver
from ..host.libvirt import ADD_LAST, DELETE, MODIFY
from ..schema.nodes import Invalid, Many

ANY_VERSION = (0, 0, 0)
NEVER = (9999, 0, 0)


def _shares(*names: str) -> Callable[[dict, dict], bool]:
    """Whether two entries have one of these options in common."""
    return lambda item, entry: any(item.get(name) is not None and item.get(name) == entry.get(name) for name in names)


def _same(*names: str) -> Callable[[dict, dict], bool]:
    """Whether an entry has all of these options that the item has."""
    return lambda item, entry: all(item.get(name) is None or item.get(name) == entry.get(name) for name in names)


def _deletes_host(item: dict, entry: dict) -> bool:
    """libvirt ignores a given mac for entries that have none."""
    mac = entry.get("mac") is None or _same("mac")(item, entry)
    return mac and _same("ip", "name")(item, entry)


def _shares_dns_host(item: dict, entry: dict) -> bool:
    return item.get("ip") == entry.get("ip") or bool(set(item["hostnames"]) & set(entry["hostnames"]))


@dataclass(frozen=True)
class Section:
    """A section of virNetworkUpdate.

    ``hits`` and ``collides`` are libvirt's rules for delete and add, ``confuses`` that for modify, where it is another
    than for add.
    """

    number: int
    noun: str
    path: tuple
    hits: Callable[[dict, dict], bool]
    collides: Callable[[dict, dict], bool]
    modifies: tuple = NEVER
    deletes_by: tuple = ()
    confuses: Callable[[dict, dict], bool] | None = None


HOSTS = Section(4, "dhcp host", ("dhcp", "hosts"), _deletes_host, _shares("mac", "ip", "name"), ANY_VERSION,
                ("mac", "name", "ip"))
RANGES = Section(5, "dhcp range", ("dhcp", "ranges"), _same("start", "end"), _same("start", "end"))
INTERFACES = Section(7, "forward interface", ("forward", "interfaces"), _same("dev"), _same("dev"))
PORTGROUPS = Section(9, "portgroup", ("portgroups",), _same("name"), _same("name"), ANY_VERSION)
DNS_HOSTS = Section(10, "dns host", ("dns", "hosts"), _shares("ip"), _shares("ip"), (10, 7, 0), ("ip",),
                    _shares_dns_host)
DNS_TXTS = Section(11, "dns txt", ("dns", "txts"), _same("name"), _same("name"), (10, 7, 0))
DNS_SRVS = Section(12, "dns srv", ("dns", "srvs"), _same("service", "protocol", "domain", "target"),
                   _same("service", "protocol", "domain", "target"))
TITLES = {ADD_LAST: "add", MODIFY: "update", DELETE: "remove"}
BACK = {ADD_LAST: DELETE, DELETE: ADD_LAST, MODIFY: MODIFY}


@dataclass(frozen=True)
class Update:
    """One call of virNetworkUpdate; ``parent`` is the index of the <ip> that it is about, -1 for none."""

    command: int
    section: Section
    parent: int
    item: dict
    was: dict | None = None

    @property
    def title(self) -> str:
        return "%s %s %s" % (TITLES[self.command], self.section.noun, _table(self.section).label(self.item))

    def element(self) -> Any:
        item = self.item
        if self.command == DELETE and self.section.deletes_by:
            item = {name: item[name] for name in self.section.deletes_by if item.get(name)}
        return _table(self.section).item.render(item)

    def undo(self) -> Update:
        return Update(BACK[self.command], self.section, self.parent, self.was or self.item, self.was and self.item)


def _table(section: Section) -> Many:
    """The table of a section's list."""
    node = NETWORK.node("ips").item if section in (HOSTS, RANGES) else NETWORK
    for name in section.path:
        node = node.node(name)
    return node


def _normal(section: Section, item: dict) -> dict:
    normal = _table(section).item.normal(item)
    return {name: value for name, value in normal.items() if value is not None}


def plan_updates(current: dict, wanted: dict, version: tuple, busy: frozenset = frozenset()) -> list:
    """The calls that bring ``current`` nearer to ``wanted``: removals first, then changes, then additions.

    ``busy`` names forward interfaces that guests are on; libvirt does not remove those.
    """
    lists = []
    for section, parent, old, new in _lists(current, wanted):
        calls = _plan_section(section, parent, old, new, version)
        removed = {call.item["dev"] for call in calls if section is INTERFACES and call.command == DELETE}
        if not removed & busy:
            lists.append(calls)
    calls = _in_order(lists)
    return calls if _is_valid(current, calls) else _in_order([calls for calls in lists if _is_valid(current, calls)])


def _in_order(lists: list) -> list:
    order = {DELETE: 0, MODIFY: 1, ADD_LAST: 2}
    return sorted([call for calls in lists for call in calls],
                  key=lambda call: (order[call.command], bool(call.item.get("default"))))


def _is_valid(current: dict, calls: list) -> bool:
    """Whether the network is one that libvirt takes after the calls; libvirt parses it anew at each."""
    try:
        refused_by_driver(NETWORK.check(apply_updates(current, calls)))
    except Invalid:
        return False
    return True


def _lists(current: dict, wanted: dict) -> Iterator[tuple]:
    """Every list that a section is about: section, parent index, what is there, what is wanted."""
    for parent, (old, new) in enumerate(_pairs(current, wanted)):
        if new is not None:
            for section in (HOSTS, RANGES):
                yield section, parent, _get(old, section.path), _get(new, section.path)
    dns_runs = all((options.get("dns") or {}).get("enable") is not False for options in (current, wanted))
    if dns_runs:
        for section in (DNS_HOSTS, DNS_TXTS, DNS_SRVS):
            yield section, -1, _get(current, section.path), _get(wanted, section.path)
    yield PORTGROUPS, -1, _get(current, PORTGROUPS.path), _get(wanted, PORTGROUPS.path)
    if mode_of(current) and mode_of(current) == mode_of(wanted):
        yield INTERFACES, -1, _devices(current), _devices(wanted)


def _pairs(current: dict, wanted: dict) -> list:
    """Every address that is there with the wanted one that differs at most in its DHCP entries, or None."""
    item = NETWORK.node("ips").item

    def but_entries(ip: dict) -> dict:
        dhcp = {name: value for name, value in (ip.get("dhcp") or {}).items() if name not in ("ranges", "hosts")}
        return {name: value for name, value in item.normal(dict(ip, dhcp=dhcp)).items() if value is not None}

    return [(old, next((new for new in wanted.get("ips") or [] if but_entries(new) == but_entries(old)), None))
            for old in current.get("ips") or []]


def _get(options: dict, path: tuple) -> list:
    for name in path[:-1]:
        options = options.get(name) or {}
    return options.get(path[-1]) or []


def _devices(options: dict) -> list:
    forward = NETWORK.node("forward").normal(options.get("forward")) or {}
    return [dict(item) for item in forward.get("interfaces") or []]


def _plan_section(section: Section, parent: int, old: list, new: list, version: tuple) -> list:
    """The calls for one list, or none where libvirt would take one of them for another entry."""
    table = _table(section)
    there, wanted = ([_normal(section, item) for item in items] for items in (old, new))
    gone = _but(old, there, wanted)
    come = _but(new, wanted, there)
    successors = {table.identity(item): item for item in reversed(come)}
    calls, replaced = [], []
    for item in gone:
        successor = successors.get(table.identity(item))
        if successor is not None and version >= section.modifies and _modifies(section, item, successor, there):
            calls.append(Update(MODIFY, section, parent, successors.pop(table.identity(item)), item))
            replaced.append(successor)
        else:
            calls.append(Update(DELETE, section, parent, item))
    calls += [Update(ADD_LAST, section, parent, item) for item in come if item not in replaced]
    return calls if _hits_what_is_meant(section, old, calls) else []


def _but(items: list, normals: list, others: list) -> list:
    """The items whose normal form is not among others."""
    known = {json.dumps(normal, sort_keys=True) for normal in others}
    return [item for item, normal in zip(items, normals) if json.dumps(normal, sort_keys=True) not in known]


def _modifies(section: Section, item: dict, successor: dict, entries: list) -> bool:
    """Whether the entry to be replaced is the only one that libvirt could take it for."""
    takes_for, wanted = section.confuses or section.collides, _normal(section, successor)
    return [entry for entry in entries if takes_for(wanted, entry)] == [_normal(section, item)]


def _hits_what_is_meant(section: Section, entries: list, calls: list) -> bool:
    """Whether libvirt would do with the calls what they are for, and with those that undo them."""
    there = [_normal(section, entry) for entry in entries]
    ordered = sorted(calls, key=lambda call: (DELETE, MODIFY, ADD_LAST).index(call.command))
    after = _carried_out(section, there, ordered)
    return after is not None and _carried_out(section, after, [call.undo() for call in reversed(ordered)]) is not None


def _carried_out(section: Section, entries: list, calls: list) -> list | None:
    """The entries after the calls by libvirt's rules, None where a call would be refused or hit another entry."""
    entries = list(entries)
    for call in calls:
        item = _normal(section, call.item)
        if call.command == DELETE:
            if [entry for entry in entries if section.hits(item, entry)] != [item]:
                return None
            entries.remove(item)
        elif call.command == MODIFY:
            entries[entries.index(_normal(section, call.was))] = item
        elif any(section.collides(item, entry) for entry in entries):
            return None
        else:
            entries.append(item)
    return entries


def apply_updates(options: dict, calls: list) -> dict:
    """The options as they are after the calls."""
    options = copy.deepcopy(options)
    normals = {}
    for call in calls:
        place = options["ips"][call.parent] if call.section in (HOSTS, RANGES) else options
        for name in call.section.path[:-1]:
            place = place.setdefault(name, {})
        if call.section is INTERFACES:
            place["interfaces"] = _devices(options)
            place.pop("dev", None)
        entries = place.setdefault(call.section.path[-1], [])
        if id(entries) not in normals:
            normals[id(entries)] = [_normal(call.section, entry) for entry in entries]
        if call.command == ADD_LAST:
            entries.append(call.item)
            normals[id(entries)].append(_normal(call.section, call.item))
        else:
            _replace(call, entries, normals[id(entries)])
    return options


def _replace(call: Update, entries: list, normals: list) -> None:
    """Carries out a removal or a change on the entries and on their normal forms."""
    place = normals.index(_normal(call.section, call.was or call.item))
    if call.command == DELETE:
        del entries[place], normals[place]
    else:
        entries[place], normals[place] = call.item, _normal(call.section, call.item)
