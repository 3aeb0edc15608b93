# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for one option of a portgroup, without the network's other portgroups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options
from ..network.found import NetworkFound
from ..network.resource import Network
from . import found as f

if TYPE_CHECKING:
    from ...engine.resource import Key


@dataclass
class Portgroup:
    """The ``value`` of one option of a portgroup of the network ``name``."""

    name: str
    portgroup: str
    option: str
    value: Options
    kind = "portgroup"
    absent = False

    @property
    def key(self) -> Key:
        return (self.kind, self.name, self.portgroup, self.option)

    @property
    def owner(self) -> Key:
        return ("network", self.name)

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return [self.owner]

    def fold(self, owner: Network) -> Network:
        from .fold import fold_portgroup

        return fold_portgroup(self, self, owner)

    def look(self, seen: Snapshot) -> NetworkFound:
        return f.look(seen, self.name)

    def plan(self, found: NetworkFound) -> Plan:
        from .plan import plan_portgroup

        return plan_portgroup(self, found)

    def foresee(self, seen: Snapshot, found: NetworkFound, plan: Plan) -> None:
        from ..network.refusals import foresee_edits

        foresee_edits(seen, found, plan)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_portgroup

        promise_portgroup(self, seen)

    def model(self, found: NetworkFound) -> Options:
        """The option as the portgroup has it."""
        return f.model(self.portgroup, self.option, found)
