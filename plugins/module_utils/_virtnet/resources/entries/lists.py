# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of a network of which single entries are managed, and how an entry is told from others."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

from ...documents.network import list_at
from ...schema.errors import Invalid, inside
from ...schema.nodes import Many
from ...schema.options import Options, is_empty
from ..network import updates
from ..network.listed import normal_of


@dataclass(frozen=True)
class Entries:
    """Entries of one list of a network.

    ``path`` is its place there. ``keys`` are the options by which an entry is named to be removed, ``identity``
    those that make two entries the same one, of which for DHCP the first that is given counts. ``joins`` is an option
    of which each value is an entry's own: what is given of it is put in beside what is there, or taken out of that.
    With ``replace`` an entry is to be just as it is given, and what is in its way goes. A ``single`` one is given by
    options of its own, not by the list.
    """

    option: str
    path: tuple[str, ...]
    keys: tuple[str, ...]
    identity: tuple[str, ...]
    joins: str = ""
    items: tuple[Options, ...] = ()
    replace: bool = False
    single: bool = False

    def at(self, index: int) -> tuple[str | int, ...]:
        """Where a task says an item."""
        return () if self.single else (self.option, index)

    @property
    def of_dhcp(self) -> bool:
        return self.path[0] == "dhcp"

    @cached_property
    def table(self) -> Many:
        return list_at(self.path)

    @cached_property
    def normals(self) -> tuple[Options, ...]:
        """The items as they compare."""
        return tuple(normal_of(self.table, item) for item in self.items)

    def means(self, normal: Options, absent: bool) -> tuple[str, ...]:
        """The options of an item that another entry must have, all of them, to be the one that it means.

        To be removed an entry must have all that is given of its keys, to be replaced all of its identity.
        """
        if absent:
            return tuple(name for name in self.keys if name in normal)
        return tuple(name for name in self.identity if name in normal)[:1] if self.of_dhcp else self.identity

    def becomes(self, normal: Options, absent: bool, entry: Options) -> Options | None:
        """What an entry that an item means is to be, None where it goes; both as they compare."""
        if not self.joins or self.replace:
            return None if absent else normal
        given, there = normal.get(self.joins) or [], entry.get(self.joins) or []
        if absent:
            left = _without(there, given) if given else []
            return dict(entry, **{self.joins: left}) if left else None
        return dict(entry, **{self.joins: there + _without(given, there)})

    def label(self, normal: Options) -> str:
        """What names an entry among others of its module."""
        names = [name for name in self.identity if name in normal] or [name for name in self.keys if name in normal]
        values = [str(normal[name]) for name in names] + [str(value) for value in normal.get(self.joins) or []]
        return " ".join(values[:1] if self.of_dhcp else [self.option, *values])


def _without(names: list[str], others: list[str]) -> list[str]:
    """Names of DNS but those that others are, for which upper and lower case are the same."""
    known = {name.lower() for name in others}
    return [name for name in names if name.lower() not in known]


DHCP_HOSTS = Entries("hosts", updates.HOSTS.path, ("mac", "id", "name", "ip"), ("mac", "id", "name"))
DNS_HOSTS = Entries("hosts", updates.DNS_HOSTS.path, ("ip",), ("ip",), "hostnames")
DNS_TXTS = Entries("txts", updates.DNS_TXTS.path, ("name", "value"), ("name",))
DNS_SRVS = Entries("srvs", updates.DNS_SRVS.path, updates.SRV, updates.SRV)


def stated(kind: Entries, items: list[Options] | Options, absent: bool, replace: bool = False) -> Entries:
    """Entries as a task gives them, or the options of one, checked; to be removed they need only name what
    identifies them."""
    single, checked = isinstance(items, dict), []
    kind = dataclasses.replace(kind, single=single)
    for index, item in enumerate([items] if single else items):
        with inside(*kind.at(index)):
            entry = kind.table.item.check(item, whole=not absent)
            names = kind.keys if absent else kind.identity
            if not any(entry.get(name) for name in names):
                raise Invalid("", "give %s" % " or ".join(names))
        checked.append({name: value for name, value in entry.items() if not is_empty(value)})
    return dataclasses.replace(kind, items=tuple(checked), replace=replace)
