# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on a network device as it is, with the filters that there are, and the guest whose own it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...documents.nwfilter_binding import NWFILTER_BINDING
from ...host.parts import once
from ...host.snapshot import Snapshot
from ...host.uses import filter_users
from ...schema.errors import Difference
from ...schema.options import Options, option
from ...schema.scalars import MAC
from ..nwfilter.found import missing_of, variables_of
from ..owner import stand_in
from ..reload import hindrance
from .rules import lost_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml.etree import _Element as Element

    from ...engine.plan import Drift
    from ...schema.nodes import Version
    from .resource import NwFilterBinding


class BindingFound(NamedTuple):
    """What there is.

    ``differences`` are where it is not as it is wished. ``there`` is whether the host has the device, None when that is
    not known. ``variables`` are what every filter needs, ``missing`` the filters that it leads to and that are not
    there. Nothing is known of these where the binding is to be removed. ``guest`` is the running guest that the device
    belongs to; it is only looked for where the binding is to be replaced or removed. ``lost`` is what the kernel lacks
    of its rules, and ``hindered`` why libvirt's daemon does not put them back, empty where it can.
    """

    name: str
    document: Element | None
    current: Options | None
    version: Version
    variables: Mapping[str, set[str]]
    missing: Mapping[str, set[str]]
    differences: tuple[Difference, ...] = ()
    there: bool | None = None
    guest: str | None = None
    lost: tuple[Drift, ...] = ()
    hindered: str = ""


def look(seen: Snapshot, desired: NwFilterBinding) -> BindingFound:
    """A binding, with what planning must know where there is something to do."""
    found = _alone(seen, desired.name)
    if desired.absent:
        return _with_guest(seen, found) if found.current else found
    found = _with_surroundings(seen, found)
    if found.current:
        options = with_learned_ip(stated(desired, found), found.current)
        found = found._replace(differences=tuple(NWFILTER_BINDING.differences(options, found.current)))
    return _with_guest(seen, found) if found.differences else found


def look_at_all(seen: Snapshot, name: str) -> BindingFound:
    """A binding, with all that there is to be known of it."""
    return _with_guest(seen, _with_surroundings(seen, _alone(seen, name)))


def _alone(seen: Snapshot, name: str) -> BindingFound:
    document = seen.binding(name)
    current = None if document is None else _without_mac(NWFILTER_BINDING.parse(document))
    return BindingFound(name, document, current, seen.version, {}, {})


def _with_surroundings(seen: Snapshot, found: BindingFound) -> BindingFound:
    there = seen.device(found.name) is not None if seen.reaches_kernel else None
    lost = tuple(lost_rules(seen, found.name)) if there else ()
    return found._replace(there=there, variables=variables_of(seen), missing=missing_of(seen), lost=lost,
                          hindered=hindrance(seen, "filters") if lost else "")


def _with_guest(seen: Snapshot, found: BindingFound) -> BindingFound:
    return found._replace(guest=_guests_by_tap(seen).get(found.name))


@once
def _guests_by_tap(seen: Snapshot) -> dict[str, str]:
    return {user.tap: user.label for user in filter_users(seen) if user.tap}


def model(found: BindingFound) -> Options:
    """A binding as the module takes it."""
    return dict(found.current) if found.current else {"portdev": {"name": found.name}, "state": "absent"}


# --- what a task states


def stated(desired: NwFilterBinding, found: BindingFound) -> Options:
    """What the task says of a binding, and who owns a new one."""
    options = _without_mac(desired.options, found.current)
    return options if found.current else {"owner": stand_in(found.name), **options}


def with_learned_ip(options: Options, current: Options) -> Options:
    """The options with the address that libvirt found out, when they give none; libvirt adds it to the binding."""
    given = option(options, "filterref", "parameters")
    found = [parameter for parameter in option(current, "filterref", "parameters") or [] if parameter["name"] == "IP"]
    if given is None or len(found) != 1 or any(parameter["name"] == "IP" for parameter in given):
        return options
    return _with_parameters(options, given + found)


def _without_mac(options: Options, current: Options | None = None) -> Options:
    """The options without the parameter MAC that says what mac.address says; libvirt adds it to every binding."""
    given = option(options, "filterref", "parameters")
    address = option(options, "mac", "address") or option(current, "mac", "address")
    if not given or not address:
        return options
    return _with_parameters(options, [parameter for parameter in given
                                      if parameter["name"] != "MAC" or not _same_mac(parameter["value"], address)])


def _with_parameters(options: Options, parameters: list[Options]) -> Options:
    return dict(options, filterref=dict(options["filterref"], parameters=parameters))


def _same_mac(text: str, other: str) -> bool:
    try:
        return bool(MAC.normal(MAC.parse(text)) == MAC.normal(other))
    except ValueError:
        return False
