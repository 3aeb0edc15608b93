# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How filters refer to each other and which variables they need. Pure, and safe for trees of any depth."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ...documents.nwfilter_types import variables_in
from ...schema.errors import Invalid, Path
from ...schema.options import Options, Value
from ...schema.xml import load_held

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

# libvirt knows the MAC address, and watches the guest for its IP address when it is not given
FILLED_BY_LIBVIRT = frozenset(("MAC", "IP"))

# more of a tree nobody reads, and JSON cannot hold
DEEPEST, MOST = 50, 10000


class Reference(NamedTuple):
    """A reference to a filter, with the names of the variables that it gives."""

    filter: str
    given: frozenset[str]


class Node(NamedTuple):
    """A filter among others: its references, and the variables in its own rules."""

    references: tuple[Reference, ...]
    variables: frozenset[str]


Filters = Mapping[str, Node]
NOBODY = Node((), frozenset())


def reference_of(element: Element) -> Reference:
    return Reference(element.get("filter") or "",
                     frozenset(parameter.get("name") or "" for parameter in element.findall("parameter")))


def node_of(document: Element) -> Node:
    return Node(tuple(map(reference_of, document.findall("filterref"))), frozenset(_own_variables(document)))


def _own_variables(document: Element) -> Iterator[str]:
    for element in document.findall("rule/*"):
        for name, value in element.attrib.items():
            if name != "comment":
                yield from variables_in(value)


class Tree:
    """All filters by name, and by name those that refer to it; it can be told of one filter after the other."""

    def __init__(self) -> None:
        self.filters: dict[str, Node] = {}
        self.referrers: dict[str, set[str]] = {}

    def put(self, name: str, value: Value) -> None:
        """What a filter is from now on, as a host says it; None for one that is gone."""
        for reference in self.filters.pop(name, NOBODY).references:
            self.referrers[reference.filter].discard(name)
        if value is not None:
            self.filters[name] = node_of(load_held(value["xml"]))
            for reference in self.filters[name].references:
                self.referrers.setdefault(reference.filter, set()).add(name)

    def above(self, name: str) -> set[str]:
        """The names of a filter and of all that lead to it."""
        found, left = {name}, [name]
        while left:
            new = self.referrers.get(left.pop(), set()) - found
            found |= new
            left += new
        return found


def loop(name: str, filters: Filters) -> list[str]:
    """The shortest way by which a filter refers to itself, or nothing."""
    through: dict[str, str] = {}
    left = deque([name])
    while left and name not in through:
        here = left.popleft()
        for reference in filters.get(here, NOBODY).references:
            if reference.filter not in through:
                through[reference.filter] = here
                left.append(reference.filter)
    if name not in through:
        return []
    way = [name, through[name]]
    while way[-1] != name:
        way.append(through[way[-1]])
    return way[::-1]


def variables(filters: Filters) -> dict[str, set[str]]:
    """By filter, the variables that it and all below it need, but for those that references give."""
    return _upwards({name: set(node.variables) for name, node in filters.items()}, [
        (name, reference) for name, node in filters.items() for reference in node.references])


def missing(filters: Filters) -> dict[str, set[str]]:
    """By filter, the filters that it leads to and that are not there, where there are such."""
    references = [(name, Reference(reference.filter, frozenset()))
                  for name, node in filters.items() for reference in node.references]
    absent = {reference.filter for _name, reference in references} - filters.keys()
    return _upwards({name: {name} for name in absent}, references) if absent else {}


def _upwards(facts: dict[str, set[str]], references: Iterable[tuple[str, Reference]]) -> dict[str, set[str]]:
    """The facts of each filter and of all below it, but for those that references give."""
    referrers: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for name, reference in references:
        referrers.setdefault(reference.filter, []).append((name, reference.given))
    left = [(name, fact) for name, found in facts.items() for fact in found]
    while left:
        name, fact = left.pop()
        for other, given in referrers.get(name, ()):
            known = facts.setdefault(other, set())
            if fact not in given and fact not in known:
                known.add(fact)
                left.append((other, fact))
    return facts


def refuse_unvalued(reference: Options, needed: Iterable[str]) -> None:
    """Refuses a reference from a device that leaves variables of the filter without a value."""
    given = frozenset(parameter["name"] for parameter in reference.get("parameters") or [])
    missing = not_given(set(needed), given)
    if missing:
        raise Invalid(Path("filterref", "parameters"), "filter %s needs a value for %s" % (
            reference["filter"], ", ".join(missing)))


def not_given(needed: set[str], given: frozenset[str]) -> list[str]:
    """The variables that neither libvirt nor a reference gives."""
    return sorted(needed - given - FILLED_BY_LIBVIRT)


def shown(name: str, filters: Filters) -> Options:
    """A filter with those that it refers to, each as ``name``, ``missing`` and ``references``: None for too many."""
    top: Options = {"name": name}
    left: deque[tuple[Options, tuple[str, ...]]] = deque([(top, ())])
    count = 1
    while left:
        entry, way = left.popleft()
        here = entry["name"]
        below = filters[here].references if here in filters and here not in way else ()
        count += len(below)
        shows = not below or (len(way) < DEEPEST and count <= MOST)
        entry.update(missing=here not in filters,
                     references=[{"name": reference.filter} for reference in below] if shows else None)
        left.extend((one, (*way, here)) for one in entry["references"] or ())
    return top
