# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests have from portgroups: those that run keep what they got when they were connected."""

from __future__ import annotations

from collections.abc import Iterator

from ...documents.interface import INTERFACE
from ...engine.plan import Drift, Plan
from ...host.snapshot import Snapshot
from ...host.uses import GuestInterface, users_of_portgroups
from ...schema.errors import Entry, Path
from ...schema.options import Options
from .found import NetworkFound
from .layers import options_of


def _groups(*layers: Options | None) -> dict[str, bool]:
    """The portgroups of a network by name, and whether one is the default."""
    return {one["name"]: bool(one.get("default")) for layer in layers for one in (layer or {}).get("portgroups") or ()}


def has_group(group: str, *layers: Options | None) -> bool:
    return group in _groups(*layers)


def no_group(network: str, group: str, *layers: Options | None) -> str:
    """What there is in place of a portgroup that a network lacks."""
    return "network %s has no portgroup %s; it has %s" % (network, group, ", ".join(_groups(*layers)) or "none")


def warn_of_users(seen: Snapshot, name: str, found: NetworkFound, plan: Plan) -> None:
    """Names who has a portgroup that goes, on a host as it will be: libvirt connects them without what it gave."""
    before = _groups(found.config, found.live)
    after = _groups(*(options_of(seen, part, name) for part in ("network_config", "network_live")))
    gone = [group for group in before if group not in after]
    has_default = any(after.values())
    for group in gone:
        users = users_of_portgroups(seen).get((name, group), [])
        if before[group] and not has_default:
            users = users + users_of_portgroups(seen).get((name, ""), [])
        if users:
            plan.warnings.append("portgroup %s goes, and with it what it gives (VLAN, limits) to %s when connected"
                                 " anew; give another source.portgroup" % (group, ", ".join(users)))


def report_guests(group: Options, name: str, value: Options, found: NetworkFound, plan: Plan) -> None:
    """Says which guests wait for an option of their portgroup that is not in force for them."""
    table, guests = INTERFACE.node(name), {}
    for guest in _connected(group, found):
        own, current = (INTERFACE.parse(element).get(name) or {} for element in (guest.inactive, guest.live))
        place = Path("guests", Entry(guest.label), name)
        waiting = [] if own else [Drift("live", *one) for one in table.differences(
            table.whole(value, current), current, place)]
        plan.waiting += waiting
        plan.drift += waiting
        guests.update({guest.label: guest.domain} if waiting else {})
    if guests:
        plan.wait_for("guest", sorted(set(guests.values())), "%s of portgroup %s waits until %s is shut down and"
                      " started again" % (name, group["name"], ", ".join(sorted(guests))))


def _connected(group: Options, found: NetworkFound) -> Iterator[GuestInterface]:
    """The interfaces of running guests that have what the portgroup says."""
    for guest in found.guests:
        source = guest.inactive.find("source")
        if source is not None and (source.get("portgroup") == group["name"] or (
                source.get("portgroup") is None and group.get("default"))):
            yield guest
