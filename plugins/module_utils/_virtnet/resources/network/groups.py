# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that run keep what they got from a portgroup when they were connected."""

from __future__ import annotations

from collections.abc import Iterator

from ...documents.interface import INTERFACE
from ...engine.plan import Drift, Plan
from ...host.uses import GuestInterface
from ...schema.errors import Entry, Path
from ...schema.options import Options
from .found import NetworkFound


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
