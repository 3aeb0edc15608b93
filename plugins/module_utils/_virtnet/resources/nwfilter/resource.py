# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a network filter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options, option
from . import found as f

if TYPE_CHECKING:
    from ...engine.resource import Key


@dataclass
class NwFilter:
    """With ``force`` it is removed though it is referred to."""

    name: str
    options: Options
    state: str = "present"
    purge: bool = False
    force: bool = False
    allow_missing_references: bool = False
    kind = "nwfilter"
    position = 20

    @property
    def key(self) -> Key:
        return ("nwfilter", self.name)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        named = [option(entry, "filterref", "filter") for entry in self.options.get("entries") or []]
        if self.absent:
            named += f.references_of(seen, self.name)
        return [("nwfilter", name) for name in named if name and name != self.name]

    def look(self, seen: Snapshot) -> f.FilterFound:
        return f.look(seen, self)

    def plan(self, found: f.FilterFound) -> Plan:
        from .plan import plan_filter

        return plan_filter(self, found)

    def foresee(self, seen: Snapshot, found: f.FilterFound, plan: Plan) -> None:
        from ..refusals import refuse_taken_uuid, refuse_unwritable

        if found.record is None:
            refuse_taken_uuid(seen, "nwfilters", self.options)
        refuse_unwritable(seen, plan.needs)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_filter

        promise_filter(self, seen, plan)

    def model(self, found: f.FilterFound) -> Options:
        """The filter as this module takes it."""
        return f.model(found)
