# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a bridge of the host."""

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
class HostBridge:
    """With ``trial`` its files stand where a boot forgets them."""

    options: Options
    state: str = "present"
    trial: bool = False
    keeper: str = "networkd"
    kind = "host_bridge"
    position = 5

    @property
    def name(self) -> str:
        return str(self.options["name"])

    @property
    def uplink(self) -> str:
        return str(self.options.get("uplink", ""))

    @property
    def files(self) -> dict[str, str]:
        files: dict[str, str] = self.options.get("files", {})
        return files

    @property
    def vlans(self) -> list[int] | None:
        return None if self.absent else self.options.get("vlans")

    @property
    def key(self) -> Key:
        return ("host_bridge", self.name)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return ()

    def look(self, seen: Snapshot) -> f.HostBridgeFound:
        return f.look(seen, self.keeper, self.name, self.uplink)

    def plan(self, found: f.HostBridgeFound) -> Plan:
        from .plan import plan_host_bridge

        return plan_host_bridge(self, found)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        """Nothing else of a task looks at it."""

    def model(self, found: f.HostBridgeFound) -> Options:
        """The bridge for people."""
        return found.model
