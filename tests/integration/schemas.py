# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in libvirt's documents, "network/ip/@address", as an installed libvirt's schemas and our tables have them.

Of each place the values that are allowed, None where there is no list of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from lxml import etree

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import (
    Choice,
    Field,
    Group,
    Markup,
    Version,
    version_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import split_place, split_steps

INSTALLED = Path("/usr/share/libvirt/schemas")
Values = Optional[frozenset]
OPEN = ("data", "text", "list")


# --- schemas


class Schema:
    """A schema with all that it includes."""

    def __init__(self, name: str) -> None:
        self._defined: dict[str, list[etree._Element]] = {}
        self._read: set[str] = set()
        self._include(name)

    def places(self, start: str) -> dict[str, Values]:
        """Every place below what ``start`` defines."""
        found: dict[str, Values] = {}
        for place, values in self._walk(self._defined[start], "", ()):
            known = found.get(place, frozenset())
            found[place] = None if values is None or known is None else known | values
        return found

    def _include(self, name: str) -> None:
        if name in self._read:
            return
        self._read.add(name)
        for part in etree.parse(str(INSTALLED / name)).getroot().iter():
            if _kind(part) == "include":
                self._include(part.get("href"))
            elif _kind(part) in ("define", "start"):
                self._defined.setdefault(part.get("name", "start"), []).extend(part)

    def _walk(self, parts: list, path: str, within: tuple) -> Iterator[tuple[str, Values]]:
        for part in parts:
            kind, name = _kind(part), part.get("name")
            if kind == "ref":
                if name not in within:
                    yield from self._walk(self._defined[name], path, (*within, name))
            elif kind in ("element", "attribute"):
                if name is None:  # any, as in metadata
                    continue
                here = "%s/%s%s" % (path, "@" * (kind == "attribute"), name) if path else name
                yield here, self._values(part, ())
                if kind == "element":
                    yield from self._walk(list(part), here, within)
            elif kind:
                yield from self._walk(list(part), path, within)

    def _values(self, parts, within: tuple) -> Values:
        """What an attribute or a text may be."""
        found: set[str] = set()
        for part in parts:
            kind, name = _kind(part), part.get("name")
            if kind in ("element", "attribute") or (kind == "ref" and name in within):
                continue
            if kind in OPEN:
                return None
            inner = frozenset((part.text,)) if kind == "value" else self._values(
                self._defined[name] if kind == "ref" else part, (*within, name))
            if inner is None:
                return None
            found |= inner
        return frozenset(found)


def _kind(part) -> str:
    return etree.QName(part).localname if isinstance(part.tag, str) else ""


# --- tables


class Stated(NamedTuple):
    """``since`` is the first version that has it, empty where nobody knows."""

    since: Version
    values: Values


def stated(document: Group) -> dict[str, Stated]:
    """Every place that a table has."""
    found: dict[str, Stated] = {document.at: Stated((0,), frozenset())}
    for place, since, values in _stated(document, document.at, (0,)):
        known = found.get(place)
        if known is not None:  # said by two options
            since = min(since, known.since)
            values = None if values is None or known.values is None else known.values | values
        found[place] = Stated(since, values)
    return found


def _stated(node, path: str, since: Version) -> Iterator[tuple[str, Version, Values]]:
    """What is below a group that is at ``path``."""
    for one in node.nodes:
        later = max(since, version_of(one.since or "0"))
        if isinstance(one, Field):
            yield from _field(one, path, later)
            continue
        if not isinstance(one, (Group, Markup)) and isinstance(one.item, Choice):
            yield from _stated(one.item, path, later)
            continue
        here = path
        for step in filter(None, split_steps(one.at)):
            here = "%s/%s" % (here, _local(step))
            yield here, later, frozenset()
        if isinstance(one, Group):
            yield from _stated(one, here, later)
        elif isinstance(one, Markup):
            continue
        elif isinstance(one.item, Field):
            yield from _field(one.item, here, later)
        else:
            yield from _stated(one.item, here, later)


def _local(step: str) -> str:
    """A name without its namespace."""
    return step.rpartition("}")[2]


def _field(field: Field, path: str, since: Version) -> Iterator[tuple[str, Version, Values]]:
    steps, attribute = split_place(field.at)
    for step in filter(None, split_steps(steps)):
        path = "%s/%s" % (path, _local(step))
        yield path, since, frozenset()
    yield path + ("/@" + attribute if attribute else ""), since, frozenset(field.type.choices) or None
