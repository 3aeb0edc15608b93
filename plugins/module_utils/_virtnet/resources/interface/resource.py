# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for an interface of a guest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...host.snapshot import Snapshot
from ...schema.options import Options, option
from . import found as f
from .meant import stated_name

if TYPE_CHECKING:
    from ...engine.resource import Key
    from .promise import InterfacePlan


@dataclass
class Interface:
    """An interface of the guest ``domain``; ``layers`` None stands for all that the guest has.

    ``beside`` are aliases of interfaces that will be there too, ``convert_boot`` whether boot devices in <os> may
    become orders of devices.
    """

    domain: str
    options: Options
    state: str = "present"
    layers: list[str] | None = None
    replace: bool = False
    purge: bool = False
    beside: tuple[str, ...] = ()
    convert_boot: bool = False
    kind = "interface"
    position = 60

    @property
    def key(self) -> Key:
        """The guest and what names the interface among its others."""
        return ("interface", self.domain, *stated_name(self.options))

    @property
    def name(self) -> str:
        name = option(self.options, "mac", "address") or stated_name(self.options)[-1]
        return "%s of guest %s" % (name, self.domain)

    @property
    def absent(self) -> bool:
        return self.state == "absent"

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        named = {"network": option(self.options, "source", "network"),
                 "nwfilter": option(self.options, "filterref", "filter")}
        return [(kind, name) for kind, name in named.items() if name]

    def look(self, seen: Snapshot) -> f.InterfaceFound:
        return f.look(seen, self.domain, self.options, absent=self.absent)

    def plan(self, found: f.InterfaceFound) -> InterfacePlan:
        from .plan import plan_interface

        return plan_interface(self, found)

    def foresee(self, seen: Snapshot, found: f.InterfaceFound, plan: InterfacePlan) -> None:
        from .refusals import foresee_interface

        foresee_interface(seen, self.domain, plan)

    def promise(self, seen: Snapshot, plan: InterfacePlan) -> None:
        from .promise import promise_changes

        promise_changes(seen, self.domain, plan)

    def model(self, found: f.InterfaceFound) -> Options:
        """The interface as its module takes it."""
        return f.model(self.domain, found.meant)
