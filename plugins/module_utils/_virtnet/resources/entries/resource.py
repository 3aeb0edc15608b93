# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for single entries of a network's lists: DHCP reservations or DNS records, where nobody owns the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options
from ..network.found import NetworkFound
from ..network.resource import Network
from . import found as f
from .lists import Entries

if TYPE_CHECKING:
    from ...engine.resource import Key


@dataclass
class NetworkEntries:
    """Entries of the network ``name`` that are to be there, or not; ``kind`` is the module's name."""

    kind: str
    name: str
    entries: list[Entries]
    state: str = "present"

    @property
    def key(self) -> Key:
        """The network and what names the entries."""
        return (self.kind, self.name, *(entries.label(normal) for entries in self.entries
                                        for normal in entries.normals))

    @property
    def owner(self) -> Key:
        return ("network", self.name)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    @cached_property
    def facts(self) -> frozenset[tuple[str, str, object]]:
        """What the entries say by which they are told from others."""
        return frozenset((" ".join(entries.path), name, normal[name]) for entries in self.entries
                         for normal in entries.normals for name in entries.keys if name in normal)

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return [self.owner]

    def fold(self, owner: Network) -> Network:
        from .fold import fold_entries

        return fold_entries(self, owner)

    def look(self, seen: Snapshot) -> NetworkFound:
        return f.look(seen, self.name)

    def plan(self, found: NetworkFound) -> Plan:
        from .plan import plan_entries

        return plan_entries(self, found)

    def foresee(self, seen: Snapshot, found: NetworkFound, plan: Plan) -> None:
        from ..network.leases import reservations_of, warn_of_leases
        from ..network.refusals import foresee_edits

        foresee_edits(seen, found, plan)
        new = [item for entries in self.entries if entries.of_dhcp and not self.absent for item in entries.items]
        known = reservations_of(found.live)
        warn_of_leases(seen, self.name, [host for host in new if host not in known], plan)

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        from .promise import promise_entries

        promise_entries(self, seen)

    def model(self, found: NetworkFound) -> Options:
        """The lists of the network that the entries are in."""
        return f.model(self.entries, found)
