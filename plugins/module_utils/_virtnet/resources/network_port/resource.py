# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a port of a virtual network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options
from . import found as f

if TYPE_CHECKING:
    from ...engine.resource import Key


@dataclass
class NetworkPort:
    """A port of the network ``name``; with ``force`` it is removed though a running guest owns it."""

    name: str
    options: Options
    state: str = "present"
    force: bool = False
    kind = "network_port"
    position = 40

    @property
    def key(self) -> Key:
        """The network and what names the port among its others: its UUID, else its MAC address."""
        names = f.names_of(self.options)
        return ("network_port", self.name, names.uuid or names.mac)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return [("network", self.name)]

    def look(self, seen: Snapshot) -> f.PortFound:
        return f.look(seen, self.name, self.options)

    def plan(self, found: f.PortFound) -> Plan:
        from .plan import plan_port

        return plan_port(self, found)

    def foresee(self, seen: Snapshot, found: f.PortFound, plan: Plan) -> None:
        from ..refusals import refuse_unwritable

        refuse_unwritable(seen, plan.needs)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_port

        promise_port(self, seen)

    def model(self, found: f.PortFound) -> Options:
        """The port as its module takes it."""
        return f.model(self.name, found)
