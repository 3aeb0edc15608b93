# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for a virtual network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.nodes import Version
from ...schema.options import Options, option
from . import found as f

if TYPE_CHECKING:
    from ...engine.resource import Key

Edit = Callable[[Options], Options]
Check = Callable[[Options, Version], None]


@dataclass
class Network:
    """Options that are None leave that aspect as it is.

    Without ``repair`` the kernel is left alone but for bandwidth; without ``makes`` there must be such a network.
    ``edits`` are made to its options whatever else is stated, in each layer; ``checks`` refuse what it is to be then.
    ``trades`` is whether it "takes" over what a network beside it gives up, or only "gives".
    """

    name: str
    options: Options
    state: str = "present"
    autostart: bool | None = None
    persistent: bool | None = None
    restart: str = "when_idle"
    purge: bool = False
    repair: bool = True
    makes: bool = True
    edits: tuple[Edit, ...] = ()
    checks: tuple[Check, ...] = ()
    trades: str = ""
    kind = "network"
    position = 30

    @property
    def key(self) -> Key:
        return ("network", self.name)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def with_edit(self, edit: Edit, *checks: Check) -> Network:
        return replace(self, edits=(*self.edits, edit), checks=(*self.checks, *checks))

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        device = option(self.options, "forward", "pf", "dev")
        return [("sriov", device)] if device else []

    def takes_from(self, seen: Snapshot) -> Iterable[Key]:
        from .trade import holders

        return [("network", name) for name in holders(seen, self.name, self.options)]

    def give_up(self, seen: Snapshot) -> Plan:
        from .trade import give_up

        return give_up(self, seen)

    def trading(self, takes: bool) -> Network:
        return replace(self, trades="takes" if takes else "gives")

    def look(self, seen: Snapshot) -> f.NetworkFound:
        return f.look(seen, self.name, bool(option(self.options, "forward", "addresses")), not self.makes)

    def plan(self, found: f.NetworkFound) -> Plan:
        from .plan import plan_network

        return plan_network(self, found)

    def foresee(self, seen: Snapshot, found: f.NetworkFound, plan: Plan) -> None:
        from .refusals import foresee_network

        foresee_network(self, seen, found, plan)

    def conclude(self, seen: Snapshot, found: f.NetworkFound, plan: Plan) -> None:
        if not self.absent and (found.config or found.live or {}).get("portgroups"):
            from .groups import warn_of_users

            warn_of_users(seen, self.name, found, plan)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_network
        from .upkeep import promise_upkeep

        promise_network(self, seen, "start network" in plan.needs)
        promise_upkeep(seen, plan)

    def model(self, found: f.NetworkFound) -> Options:
        """The network as this module takes it."""
        return f.model(found)
