# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a filter on a network device."""

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
class NwFilterBinding:
    """``name`` is its device; with ``force`` it is replaced or removed though it is a running guest's."""

    name: str
    options: Options
    state: str = "present"
    force: bool = False
    kind = "nwfilter_binding"
    position = 50

    @property
    def key(self) -> Key:
        return ("nwfilter_binding", self.name)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        name = option(self.options, "filterref", "filter")
        return [("nwfilter", name)] if name else []

    def look(self, seen: Snapshot) -> f.BindingFound:
        return f.look(seen, self)

    def plan(self, found: f.BindingFound) -> Plan:
        from .plan import plan_binding

        return plan_binding(self, found)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_binding

        promise_binding(self, seen, plan)

    def model(self, found: f.BindingFound) -> Options:
        """The binding as this module takes it."""
        return f.model(found)
