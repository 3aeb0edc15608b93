# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives each name a place of a pool. Pure, and the same whatever the order of names is.

A name that has a place keeps it: by the plan before, else by what hosts report. The others have places that they prefer
by a hash of their own, and of several that want one place the hash of both says who has it (a stable matching, which
does not depend on who asked first). So without a plan before a newcomer moves only who wanted the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from .had import Had
from .pools import Pool, Span, Spans

HASHED = 32  # places that a name prefers, before it takes the next free one


class Plan(NamedTuple):
    """What each name has, and in words who of the plan before could not keep what it had."""

    values: dict[str, Any]
    told: list[str]


def plan(names: list[str], pool: Pool, had: Iterable[Had] = (), before: dict[str, Any] | None = None) -> Plan:
    """A value of the pool for each name; nothing else has it, by ``had`` and by the plan ``before``."""
    known = _Known(pool, list(had), {*names, *(before or {})})
    kept, told = _kept(pool, before or {}, known)
    used = set(kept.values())
    for name, place in known.own(names):
        if name not in kept and place not in used and not known.foreign(name, place):
            kept[name] = place
            used.add(place)
    taken = Spans([*((place, place) for place in used), *known.spans])
    new = [name for name in dict.fromkeys(names) if name not in kept]
    if len(new) > pool.size - taken.count:
        raise ValueError("pool: %s are %d, of which %d are taken or kept; %d more are asked for" % (
            pool.words, pool.size, taken.count, len(new)))
    places = {**kept, **_matched(new, pool.size, taken)}
    return Plan({name: pool.value(places[name]) for name in names}, told)


class _Known:
    """Who has which places by what is reported; ``planned`` are those whose place a plan says, so they give way."""

    def __init__(self, pool: Pool, had: list[Had], planned: set[str]) -> None:
        self.pool, self.planned = pool, planned
        self.spans: list[Span] = []
        self._at: dict[int, list[Had]] = {}
        self._wide: list[tuple[Span, Had]] = []
        for one in had:
            for span in pool.spans(one.value):
                self.spans.append(span)
                if span[0] == span[1]:
                    self._at.setdefault(span[0], []).append(one)
                else:
                    self._wide.append((span, one))

    def users(self, place: int) -> list[Had]:
        return [*self._at.get(place, ()), *(one for (first, last), one in self._wide if first <= place <= last)]

    def foreign(self, name: str, place: int) -> list[str]:
        """In words what else claims a place, and does not give way."""
        return sorted({one.what for one in self.users(place)
                       if one.claim and name not in one.names and not one.names & self.planned})

    def own(self, names: list[str]) -> Iterator[tuple[str, int]]:
        """The places that names have already, in an order that does not depend on that of the names."""
        wanted = set(names)
        found = {(name, place) for place, users in self._at.items() for one in users
                 if self.pool.place(one.value) == place for name in one.names & wanted}
        return iter(sorted(found, key=lambda one: (_rank(*one), one)))


def _kept(pool: Pool, before: dict[str, Any], known: _Known) -> tuple[dict[str, int], list[str]]:
    """The places of the plan before. Where something else has one by now, who has it already stays; who has not moves.
    """
    kept: dict[str, int] = {}
    holders: dict[int, str] = {}
    told = []
    for name, value in before.items():
        place = pool.place(value)
        if place is None:  # the pool is another now
            continue
        if holders.setdefault(place, name) != name:
            raise ValueError("previous: %s and %s both have %s" % (holders[place], name, pool.value(place)))
        others, has_it = known.foreign(name, place), any(name in one.names for one in known.users(place))
        if others:
            how = "has it and keeps it" if has_it else "is given another"
            told.append("%s of %s is also of %s; %s %s" % (pool.value(place), name, ", ".join(others), name, how))
        if has_it or not others:
            kept[name] = place
    return kept, told


def _matched(names: list[str], size: int, taken: Spans) -> dict[str, int]:
    """Each asks for the places that it prefers, one by one; a place goes to who ranks highest there."""
    asking = {name: _preferred(name, size, taken) for name in names}
    holders: dict[int, str] = {}
    waiting = list(asking)
    while waiting:
        name = waiting.pop()
        for place in asking[name]:
            holder = holders.get(place)
            if holder is None or _rank(name, place) > _rank(holder, place):
                holders[place] = name
                waiting += [holder] if holder is not None else []
                break
    return {name: place for place, name in holders.items()}


def _preferred(name: str, size: int, taken: Spans) -> Iterator[int]:
    """Free places, the best first, each at least once."""
    place = 0
    for number in range(HASHED):
        place = _rank(name, "place %d" % number) % size
        if taken.end(place) is None:
            yield place
    start, gone = place, 0
    while gone < size:
        end = taken.end((start + gone) % size)
        if end is None:
            yield (start + gone) % size
            gone += 1
        else:
            gone += end - (start + gone) % size + 1


def _rank(name: str, place: Any) -> int:
    return int.from_bytes(sha256(("%s\0%s" % (name, place)).encode()).digest(), "big")
