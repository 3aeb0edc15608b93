# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's lists as they are to be: what is named is put in, replaced or taken out, and all else stays."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Union

from ...documents.network import subnet_of
from ...schema.errors import Invalid, inside
from ...schema.options import Options, is_empty, without_empty
from ..network.listed import Listed, equal, shares
from .found import listed_at
from .lists import Entries

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def otherwise(entries: Entries, absent: bool, normal: Options, listed: Listed) -> Iterator[int]:
    """The places of the entries that an item means and that are not as it has them."""
    for place in listed.find(equal(entries.means(normal, absent)), normal):
        if absent or listed.normal(place) != normal:
            yield place


class Edited:
    """The options of a network whose lists are being edited."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lists: dict[tuple[str, ...], tuple[Entries, list[Listed]]] = {}
        self._subnets: list[Subnet] = []

    def edit(self, entries: Entries, absent: bool) -> None:
        """Puts the entries in, or takes them out; raises Invalid where that cannot be."""
        lists = self._lists_of(entries)
        for index, (item, normal) in enumerate(zip(entries.items, entries.normals)):
            with inside(entries.option, index):
                for listed in lists:
                    _take_out(entries, absent, normal, listed)
                if not absent:
                    _put_in(entries, item, normal, lists[self._place_for(entries, item)])

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
    """Takes out the entry that is removed, or replaced by another than it is."""
    found = list(otherwise(entries, absent, normal, listed))
    if absent and len(found) > 1:
        raise Invalid("", "%d entries are such; name more of it" % len(found))
    for place in found:
        listed.remove(place)


def _put_in(entries: Entries, item: Options, normal: Options, listed: Listed) -> None:
    if listed.place_of(normal) is not None:
        return
    names = ("mac", "ip", "name")
    taken = listed.find(shares(*names), normal) if entries.of_dhcp else []
    if taken:
        name = next(name for name in names if name in normal and normal[name] == listed.normal(taken[0]).get(name))
        raise Invalid(name, "%s is already that of %s" % (item[name], entries.table.label(listed.item(taken[0]))))
    listed.add(item)
