# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for the virtual functions of a physical function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...documents.sriov import SRIOV
from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options
from . import found as f

if TYPE_CHECKING:
    from ...engine.resource import Key


@dataclass
class Sriov:
    """``persist`` has a boot bring back what is stated, or nothing; with None that stays as it is.

    With ``force`` what is in use is changed and destroyed too.
    """

    options: Options
    state: str = "present"
    persist: bool | None = None
    force: bool = False
    kind = "sriov"
    position = 10

    @property
    def name(self) -> str:
        """What the task calls the physical function."""
        return str(self.options.get("device") or self.options.get("address") or "match")

    @property
    def key(self) -> Key:
        device, address = self.options.get("device"), self.options.get("address")
        if device or address:
            return ("sriov", str(device or SRIOV.node("address").normal(address)))
        match = SRIOV.node("match").normal(self.options.get("match")) or {}
        return ("sriov", " ".join(["match", *("%s %s" % part for part in match.items())]))

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return ()

    def look(self, seen: Snapshot) -> f.Found:
        return f.look(seen, self.options)

    def plan(self, found: f.Found) -> Plan:
        from .plan import plan_sriov

        return plan_sriov(self, found)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_sriov

        promise_sriov(self, seen, plan)

    def model(self, found: f.Found) -> Options:
        """The physical function as this module takes it."""
        return f.model(found)
