# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of a network's entries (reservations, records, portgroups, …), in which one is found by what it says.

Finding, adding and removing an entry takes as long in a long list as in a short one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Callable, NamedTuple

from ...schema.nodes import Many
from ...schema.options import Options, Value


class Rule(NamedTuple):
    """Which entries an item is taken for: those that ``takes`` says.

    They are looked for among those that have ``every`` one of the options ``names`` that the item has, or else one.
    """

    names: tuple[str, ...]
    every: bool
    takes: Callable[[Options, Options], bool]


def shares(*names: str) -> Rule:
    """An item is taken for the entries that have one of these options in common with it."""
    return Rule(names, False, lambda item, entry: any(
        item.get(name) is not None and item.get(name) == entry.get(name) for name in names))


def same(*names: str) -> Rule:
    """An item is taken for the entries that have all of these options that it has."""
    return Rule(names, True, lambda item, entry: all(
        item.get(name) is None or item.get(name) == entry.get(name) for name in names))


def equal(names: tuple[str, ...]) -> Rule:
    """An item is taken for the entries that have just the same of these options, where there are some."""
    return Rule(names, True, lambda item, entry: bool(names) and all(
        item.get(name) == entry.get(name) for name in names))


def normal_of(table: Many, item: Options) -> Options:
    """An entry by which two compare equal when libvirt treats them as equal."""
    return {name: value for name, value in table.item.normal(item).items() if value is not None}


class _Entry(NamedTuple):
    item: Options
    normal: Options


class Listed:
    """The entries in their order; each has a place, a number that stays its own while others come and go."""

    def __init__(self, table: Many, items: Iterable[Options] | None) -> None:
        self._table, self._next = table, 0
        self._entries: dict[int, _Entry] = {}
        self._saying: dict[tuple[str, Value], dict[int, None]] = {}
        for item in items or ():
            self.add(item)

    @property
    def items(self) -> list[Options]:
        return [entry.item for entry in self._entries.values()]

    @property
    def places(self) -> list[int]:
        return list(self._entries)

    def item(self, place: int) -> Options:
        return self._entries[place].item

    def normal(self, place: int) -> Options:
        return self._entries[place].normal

    def identity(self, place: int) -> Value:
        """The option that identifies an entry with its value, or None."""
        normal = self.normal(place)
        return next(((name, normal[name]) for name in self._table.key if normal.get(name) is not None), None)

    def find(self, rule: Rule, normal: Options) -> list[int]:
        """The places of the entries that an item, in its normal form, is taken for, in their order."""
        near = self._near(normal, rule.names, rule.every)
        return [place for place in near if rule.takes(normal, self.normal(place))]

    def place_of(self, normal: Options) -> int | None:
        """The place of the first entry that says the same, or None."""
        return next((place for place in self._near(normal, normal, True) if self.normal(place) == normal), None)

    def _near(self, normal: Options, names: Iterable[str], every: bool) -> Iterable[int]:
        saying: list[dict[int, None]] = [self._saying.get((name, value), {})
                                         for name in names for value in _values(normal.get(name))]
        if every and saying:
            fewest: dict[int, None] = min(saying, key=len)
            return fewest
        return self._entries if every else sorted({place for places in saying for place in places})

    # --- changing

    def add(self, item: Options) -> int:
        place, self._next = self._next, self._next + 1
        self._put(place, item)
        return place

    def replace(self, place: int, item: Options) -> None:
        self._forget(place)
        self._put(place, item)

    def remove(self, place: int) -> None:
        self._forget(place)
        del self._entries[place]

    def _put(self, place: int, item: Options) -> None:
        self._entries[place] = _Entry(item, normal_of(self._table, item))
        for said in _said(self.normal(place)):
            self._saying.setdefault(said, {})[place] = None

    def _forget(self, place: int) -> None:
        for said in _said(self.normal(place)):
            self._saying[said].pop(place, None)


def _said(normal: Options) -> list[tuple[str, Value]]:
    return [(name, value) for name, values in normal.items() for value in _values(values)]


def _values(value: Value) -> Iterable[Value]:
    """The values of an option by which entries are found: of a list each."""
    if value is None or isinstance(value, dict):
        return ()
    return [one for one in value if not isinstance(one, dict)] if isinstance(value, list) else (value,)
