# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network filter as it is, and what it has to do with: other filters, bindings, and guests' interfaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ...documents.nwfilter import NWFILTER
from ...host.parts import once
from ...host.snapshot import FilterRecord, Snapshot
from ...host.uses import FilterUser, filter_users
from ...schema.errors import Difference
from ...schema.options import Options
from .tree import Filters, Reference, Tree, missing, reference_of, variables

if TYPE_CHECKING:
    from ...schema.nodes import Version
    from .resource import NwFilter


class FilterFound(NamedTuple):
    """What there is.

    ``differences`` are where it is not as it is wished. ``filters`` are all that there are. ``referrers`` are those
    that refer to it, ``bindings`` put it on a device, themselves or by reference, ``guests`` refer to it. Nothing is
    known of these where there is nothing to do, and of the last only where it is to be removed.
    """

    name: str
    record: FilterRecord | None
    current: Options | None
    version: Version
    filters: Filters
    bindings: Mapping[str, Reference]
    differences: tuple[Difference, ...] = ()
    referrers: tuple[str, ...] = ()
    guests: tuple[FilterUser, ...] = ()


def look(seen: Snapshot, desired: NwFilter) -> FilterFound:
    """A filter, with what planning must know where there is something to do."""
    found = _alone(seen, desired.name)
    if desired.absent:
        return found if found.record is None else _with_users(seen, found)
    found = found._replace(differences=tuple(_differences(desired, found.current)))
    return found if found.record and not found.differences else _with_tree(seen, found)


def look_at_all(seen: Snapshot, name: str) -> FilterFound:
    """A filter, with all that there is to be known of it."""
    return _with_users(seen, _alone(seen, name))


def _alone(seen: Snapshot, name: str) -> FilterFound:
    record = seen.filter(name)
    return FilterFound(name, record, NWFILTER.parse(record.document) if record else None, seen.version, {}, {})


def _with_tree(seen: Snapshot, found: FilterFound) -> FilterFound:
    tree = tree_of(seen)
    return found._replace(filters=tree.filters, bindings=_bindings_of(seen, found.name),
                          referrers=tuple(sorted(tree.referrers.get(found.name, ()))))


def _with_users(seen: Snapshot, found: FilterFound) -> FilterFound:
    return _with_tree(seen, found)._replace(guests=tuple(_guests_by_filter(seen).get(found.name, ())))


def _differences(desired: NwFilter, current: Options | None) -> Iterator[Difference]:
    if current is not None:
        options = desired.options
        if desired.purge:
            options = NWFILTER.whole(NWFILTER.merge(options, current, True), current)
        yield from NWFILTER.differences(options, current)


def model(found: FilterFound) -> Options:
    """A filter as the module takes it."""
    return dict(found.current) if found.current else {"name": found.name, "state": "absent"}


# --- all filters


def tree_of(seen: Snapshot) -> Tree:
    """What every filter refers to, and which variables its rules have."""
    return seen.index("nwfilters", Tree)


def references_of(seen: Snapshot, name: str) -> list[str]:
    """The filters that a filter refers to as it is."""
    node = tree_of(seen).filters.get(name)
    return [reference.filter for reference in node.references] if node else []


@once
def variables_of(seen: Snapshot) -> dict[str, set[str]]:
    """The variables that every filter needs, itself and by reference."""
    return variables(tree_of(seen).filters)


@once
def missing_of(seen: Snapshot) -> dict[str, set[str]]:
    """The filters that are not there though a filter refers to them, itself or by others."""
    return missing(tree_of(seen).filters)


@once
def _bound(seen: Snapshot) -> dict[str, dict[str, Reference]]:
    """By filter, the devices that it is bound to, with what the binding gives."""
    found: dict[str, dict[str, Reference]] = {}
    for port, document in seen.bindings().items():
        element = document.find("filterref")
        if element is not None:
            reference = reference_of(element)
            found.setdefault(reference.filter, {})[port] = reference
    return found


def _bindings_of(seen: Snapshot, name: str) -> dict[str, Reference]:
    """The bindings, by device, that put a filter on it, themselves or by reference."""
    bound = _bound(seen)
    leading = tree_of(seen).above(name) & bound.keys() if bound else ()
    return dict(sorted(entry for other in leading for entry in bound[other].items()))


@once
def _guests_by_filter(seen: Snapshot) -> dict[str, list[FilterUser]]:
    found: dict[str, list[FilterUser]] = {}
    for user in filter_users(seen):
        found.setdefault(user.filter, []).append(user)
    return found
