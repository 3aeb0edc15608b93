# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data by part and key, each read when it is first asked for, and what is made of it.

Nothing here knows what the parts are; see ``snapshot``.
"""

from __future__ import annotations

import copy
from functools import wraps
from typing import Any, Callable, Protocol, TypeVar, cast

Place = tuple[str, str]
Data = Any  # plain data: what JSON can hold
Source = tuple[Any, ...]  # a place, or the question that something was derived for
Record = dict[str, dict[str, Data]]  # by part and key
Read = Callable[[str, str], Data]
Derived = TypeVar("Derived", bound=Callable[..., Any])


class _Index(Protocol):
    def put(self, name: str, value: Data) -> None:
        """What an entry is from now on, None for one that is gone."""


Index = TypeVar("Index", bound=_Index)


class NotRecorded(LookupError):
    """A part of a recorded host that was not recorded."""


class Parts:
    """The parts of a host. What is derived from them is kept until a part that it was made of is put anew."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._data: dict[Place, Data] = {}
        self._derived: dict[Source, Any] = {}
        self._made_with: dict[Source, set[Source]] = {}
        self._watching: list[set[Source]] = [set()]
        self._own: set[Place] = set()
        self._indexes: dict[str, dict[Callable[[], Any], Any]] = {}
        self.as_it_was = self  # the host as it is, where this is a fork that says what it will be

    def get(self, part: str, key: str = "") -> Data:
        """Plain data; nobody changes what comes from here."""
        place = (part, key)
        self._watching[-1].add(place)
        if place not in self._data:
            self._data[place] = self._read(part, key)
        return self._data[place]

    def put(self, part: str, key: str, value: Data) -> None:
        """Has a part be as it will be."""
        self._own.discard((part, key))
        self._indexes.pop(part, None)
        self._replace((part, key), value)

    def _replace(self, place: Place, value: Data) -> None:
        self._data[place] = value
        stale: list[Source] = [place]
        while stale:
            for question in self._made_with.pop(stale.pop(), ()):
                self._derived.pop(question, None)
                stale.append(question)

    def put_entry(self, part: str, name: str, value: Data) -> None:
        """Has one entry of a part that is a dictionary be as it will be; None for one that will be gone."""
        place = (part, "")
        if place not in self._own:
            self._data[place] = dict(self.get(part))
            self._own.add(place)
        entries = self._data[place]
        if value is None:
            entries.pop(name, None)
        else:
            entries[name] = value
        self._replace(place, entries)
        for index in self._indexes.get(part, {}).values():
            index.put(name, value)

    def index(self, part: str, make: Callable[[], Index]) -> Index:
        """What ``make`` makes, told of every entry of a part that is a dictionary, and later of each that is put."""
        entries, indexes = self.get(part), self._indexes.setdefault(part, {})
        if make not in indexes:
            index = make()
            for name, value in entries.items():
                index.put(name, value)
            indexes[make] = index
        made: Index = indexes[make]
        return made

    def derive(self, make: Callable[..., Any], *arguments: Any) -> Any:
        """What ``make`` makes of these parts, made once."""
        question = (make, *arguments)
        if question not in self._derived:
            used: set[Source] = set()
            self._watching.append(used)
            try:
                self._derived[question] = make(self, *arguments)
            except Exception:
                self._watching[-2].update(used)  # who goes on without the answer goes on because of these
                raise
            finally:
                self._watching.pop()
            for source in used:
                self._made_with.setdefault(source, set()).add(question)
        self._watching[-1].add(question)
        return self._derived[question]

    def fork(self: Any) -> Any:
        """The same parts, of which some can be put without changing these; what is read anew is read once."""
        fork = copy.copy(self)
        fork._read = self.get
        fork._data, fork._derived, fork._made_with = {}, {}, {}
        fork._watching, fork._own, fork._indexes = [set()], set(), {}
        return fork

    def recorded(self) -> Record:
        """All that was read, as JSON can hold it."""
        parts: Record = {}
        for (part, key), value in sorted(self._data.items(), key=lambda entry: entry[0]):
            parts.setdefault(part, {})[key] = value
        return parts


def from_record(parts: Record) -> Read:
    """Reads what was recorded."""
    def read(part: str, key: str) -> Data:
        try:
            return parts[part][key]
        except KeyError:
            raise NotRecorded("the record has no %s of %s" % (part, key or "the host")) from None

    return read


def once(make: Derived) -> Derived:
    """A pure function over the parts of a host, of which the answers are kept."""
    @wraps(make)
    def ask(seen: Parts, *arguments: Any) -> Any:
        return seen.derive(make, *arguments)

    return cast(Derived, ask)
