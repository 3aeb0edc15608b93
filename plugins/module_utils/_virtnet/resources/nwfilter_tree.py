# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How filters refer to each other and which variables they need. Pure: filters come as documents by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..documents.nwfilter_types import variables_in

# libvirt knows the MAC address, and watches the guest for its IP address when it is not given
FILLED_BY_LIBVIRT = ("MAC", "IP")


def references(document: Any) -> list:
    """The names of the filters that a filter refers to."""
    return [reference.get("filter") for reference in document.findall("filterref")]


def tree(name: str, filters: dict, above: tuple = ()) -> dict:
    """A filter with the filters that it refers to, each as ``name``, ``missing`` and ``references``."""
    if name not in filters or name in above:
        return {"name": name, "missing": name not in filters, "references": []}
    return {"name": name, "missing": False,
            "references": [tree(below, filters, above + (name,)) for below in references(filters[name])]}


def reached(name: str, filters: dict) -> set:
    """The names of a filter and of all that it refers to."""
    found, left = set(), [name]
    while left:
        current = left.pop()
        if current not in found:
            found.add(current)
            left += references(filters[current]) if current in filters else []
    return found


def loop(name: str, filters: dict) -> list:
    """The way by which a filter refers to itself, or nothing."""
    def search(current: str, way: list) -> list:
        for below in references(filters[current]) if current in filters else []:
            if below == name:
                return way + [below]
            if below not in way:
                found = search(below, way + [below])
                if found:
                    return found
        return []

    return search(name, [name])


def referrers(name: str, filters: dict) -> list:
    """The names of the filters that refer to a filter themselves."""
    return sorted(other for other, document in filters.items() if name in references(document))


def variables(name: str, filters: dict, above: frozenset = frozenset()) -> set:
    """The variables that a filter and all below it need, but for those that references give."""
    if name not in filters or name in above:
        return set()
    needed = set(_own_variables(filters[name]))
    for reference in filters[name].findall("filterref"):
        given = {parameter.get("name") for parameter in reference.findall("parameter")}
        needed |= variables(reference.get("filter"), filters, above | {name}) - given
    return needed


def _own_variables(document: Any) -> Iterator[str]:
    for rule in document.findall("rule"):
        for element in rule:
            for name, value in element.attrib.items() if isinstance(element.tag, str) else ():
                if name != "comment":
                    yield from variables_in(value)


def missing_variables(name: str, filters: dict, parameters: list) -> list:
    """The variables that neither libvirt nor the parameters of a reference give."""
    given = {parameter["name"] for parameter in parameters}
    return sorted(variables(name, filters) - given - set(FILLED_BY_LIBVIRT))
