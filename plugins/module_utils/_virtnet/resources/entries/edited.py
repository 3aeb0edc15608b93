# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's lists as they are to be: what is named is put in, replaced or taken out, and all else stays."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Union

from ...documents.network import subnet_of
from ...documents.without_effect import unreservable
from ...schema.errors import Invalid, inside
from ...schema.options import Options, is_empty, without_empty
from ..network.listed import Listed, equal, shares
from .found import listed_at
from .lists import Entries

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


IN_THE_WAY = shares("mac", "id", "ip", "name")


def otherwise(entries: Entries, absent: bool, normal: Options, listed: Listed) -> Iterator[int]:
    """The places of the entries that an item means and that are not as it has them."""
    for place in listed.find(equal(entries.means(normal, absent)), normal):
        if entries.becomes(normal, absent, listed.normal(place)) != listed.normal(place):
            yield place


class Edited:
    """The options of a network whose lists are being edited."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lists: dict[tuple[str, ...], tuple[Entries, list[Listed]]] = {}
        self._subnets: list[Subnet] = []

    def edit(self, entries: Entries, absent: bool) -> None:
        """Puts the entries in, or takes them out; raises Invalid where that cannot be."""
        self.take_out(entries, absent)
        if not absent:
            self.put_in(entries)

    def take_out(self, entries: Entries, absent: bool) -> None:
        """Takes out what is removed, what is replaced, and what may be replaced to make room."""
        lists = self._lists_of(entries)
        for index, (item, normal) in enumerate(zip(entries.items, entries.normals)):
            with inside(*entries.at(index)):
                for listed in lists:
                    _take_out(entries, absent, normal, listed)
                if entries.replace and entries.of_dhcp and not absent:
                    _make_room(normal, lists[self._place_for(entries, item)])

    def put_in(self, entries: Entries) -> None:
        """Puts in what is not there, after all that goes has gone: only what is to be in the end is judged."""
        lists = self._lists_of(entries)
        for index, (item, normal) in enumerate(zip(entries.items, entries.normals)):
            with inside(*entries.at(index)):
                place = self._place_for(entries, item)
                if _is_in(entries, normal, lists[place]):
                    continue
                if entries.of_dhcp:
                    self._refuse_unreservable(item, place)
                    _refuse_taken(entries, item, normal, lists[place])
                lists[place].add(item)

    def _refuse_unreservable(self, item: Options, place: int) -> None:
        problem = unreservable(item, self._options["ips"][place])
        if problem:
            raise Invalid("ip", problem)

    def _lists_of(self, entries: Entries) -> list[Listed]:
        if entries.path not in self._lists:
            lists = [Listed(entries.table, items) for items in listed_at(entries, self._options)]
            self._lists[entries.path] = (entries, lists)
        return self._lists[entries.path][1]

    def _place_for(self, entries: Entries, item: Options) -> int:
        if not entries.of_dhcp:
            return 0
        self._subnets = self._subnets or [subnet_of(ip) for ip in self._options.get("ips") or []]
        address = ipaddress.ip_address(item["ip"])
        for place, subnet in enumerate(self._subnets):
            if subnet.version == address.version and address in subnet:
                return place
        raise Invalid("ip", "%s is in no subnet of the network; it has %s" % (
            address, ", ".join(map(str, self._subnets)) or "none"))

    @property
    def options(self) -> Options:
        """The options as they are to be."""
        options = dict(self._options)
        for entries, lists in self._lists.values():
            name = entries.path[-1]
            if entries.of_dhcp:
                options["ips"] = without_empty([
                    dict(ip, dhcp=dict(ip.get("dhcp") or {}, **{name: listed.items}))
                    for ip, listed in zip(options.get("ips") or [], lists)])
            else:
                options["dns"] = without_empty(dict(options.get("dns") or {}, **{name: lists[0].items}))
        return {name: value for name, value in options.items() if not is_empty(value)}


def _take_out(entries: Entries, absent: bool, normal: Options, listed: Listed) -> None:
    """Takes out the entry that is removed, or replaced by another than it is; of one that is shared only a part."""
    found = list(otherwise(entries, absent, normal, listed))
    if absent and len(found) > 1:
        raise Invalid("", "%d entries are such; name more of it" % len(found))
    for place in found:
        left = entries.becomes(normal, absent, listed.normal(place)) if entries.joins else None
        if left is None:
            listed.remove(place)
        else:
            listed.replace(place, left)


def _make_room(normal: Options, listed: Listed) -> None:
    for place in listed.find(IN_THE_WAY, normal):
        if listed.normal(place) != normal:
            listed.remove(place)


def _is_in(entries: Entries, normal: Options, listed: Listed) -> bool:
    """Whether an entry is in a list, as it is or as a part of one that is shared."""
    return listed.place_of(normal) is not None or bool(
        entries.joins and listed.find(equal(entries.means(normal, False)), normal))


def _refuse_taken(entries: Entries, item: Options, normal: Options, listed: Listed) -> None:
    for place in listed.find(IN_THE_WAY, normal):
        name = next(name for name in IN_THE_WAY.names if normal.get(name) and normal[name] == (
            listed.normal(place).get(name)))
        if listed.normal(place) in entries.normals:
            raise Invalid(name, "%s is in %s[%d] too; each client, address and name is reserved once" % (
                item[name], entries.option, entries.normals.index(listed.normal(place))))
        raise Invalid(name, "%s is already that of %s; replace: true takes it from there" % (
            item[name], entries.table.label(listed.item(place))))
