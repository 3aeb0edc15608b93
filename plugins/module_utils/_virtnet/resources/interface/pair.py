# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A teaming pair: a virtio interface that stays, and a virtual function that comes and goes, with one MAC address.

Each half is planned as the interface that it is, without seeing the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ...documents.network import mode_of
from ...host.snapshot import Snapshot
from ...schema.errors import Invalid, Path, inside
from ...schema.options import Options, option
from ...schema.scalars import MAC
from . import found as f
from .cards import Card
from .resource import Interface

if TYPE_CHECKING:
    from ...engine.resource import Key
    from .promise import InterfacePlan


class PairFound(NamedTuple):
    """What was found of each half."""

    interface: f.InterfaceFound
    partner: f.InterfaceFound


@dataclass
class InterfacePair:
    """A desired interface with the virtual function that is its ``partner``; an empty partner is to be gone."""

    interface: Interface
    partner: Options
    kind = "interface"
    position = 60

    def __post_init__(self) -> None:
        self.alias = option(self.interface.options, "alias", "name") or ""
        if not self.alias.startswith("ua-"):
            raise Invalid(Path("alias", "name"),
                          "is missing; a pair needs an alias of your own, which begins with ua-")

    @property
    def key(self) -> Key:
        return self.interface.key

    @property
    def name(self) -> str:
        return self.interface.name

    @property
    def absent(self) -> bool:
        return self.interface.absent

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return [*self._first().needs(seen), *self._second("").needs(seen)]

    def look(self, seen: Snapshot) -> PairFound:
        domain, first = self.interface.domain, self._first()
        mine = f.look(seen, domain, first.options, self._is_partner, self.absent)
        mac = mine.meant.mac
        its = f.look(seen, domain, self._second(mac).options,
                     lambda card: card.mac == mac and not self._is_partner(card))
        return PairFound(mine, its)

    def plan(self, found: PairFound) -> InterfacePlan:
        from .plan import plan_interface
        from .wanted import known_guest

        known_guest(self.interface.domain, found.interface)
        second = self._second(self._one_mac(found.interface.meant.mac))
        plan = plan_interface(self._first(), found.interface)
        with inside("partner"):
            other = plan_interface(second, found.partner)
        plan.steps = other.steps + plan.steps if second.absent else plan.steps + other.steps
        for mine, its in ((plan.drift, other.drift), (plan.waiting, other.waiting)):
            mine += [drift._replace(path=drift.path.within("partner")) for drift in its]
        plan.warnings += other.warnings
        plan.restarts += other.restarts
        plan.changes += other.changes
        self._check(plan.after, other.after, found.partner)
        plan.before, plan.after = (dict(mine, partner=_shown(its)) for mine, its in (
            (plan.before, other.before), (plan.after, other.after)))
        return plan

    def promise(self, seen: Snapshot, plan: InterfacePlan) -> None:
        self.interface.promise(seen, plan)

    def model(self, found: PairFound) -> Options:
        """The interface as the module takes it, with its partner."""
        return dict(self.interface.model(found.interface), partner=_shown(self.interface.model(found.partner)))

    @property
    def _is_made(self) -> bool:
        return bool(self.partner) and not self.absent

    def _first(self) -> Interface:
        """The interface as it is to be."""
        options = dict(self.interface.options)
        if self._is_made:
            options.update(teaming={"type": "persistent"}, model=options.get("model") or {"type": "virtio"})
        elif not self.absent and self.interface.layers != ["live"]:
            options["teaming"] = {}
        return replace(self.interface, options=options)

    def _second(self, mac: str) -> Interface:
        """The partner as it is to be, with the MAC of both."""
        options = dict(self.partner, mac={"address": mac}, teaming={"type": "transient", "persistent": self.alias})
        return replace(self.interface, options=options, state="present" if self._is_made else "absent",
                       beside=(self.alias,))

    def _one_mac(self, mac: str) -> str:
        stated = option(self.partner, "mac", "address")
        if stated and MAC.normal(stated) != mac:
            raise Invalid(Path("partner", "mac", "address"),
                          "%s is not %s; both interfaces of a pair have one MAC address" % (stated, mac))
        return mac

    def _is_partner(self, card: Card) -> bool:
        return bool(option(card.options, "teaming", "persistent") == self.alias)

    def _check(self, first: Options, second: Options, found: f.InterfaceFound) -> None:
        """Refuses two interfaces that QEMU would not make a pair."""
        if not self._is_made:
            return
        model, source = option(first, "model", "type"), option(second, "source", "network")
        if model != "virtio":
            raise Invalid(Path("model", "type"), "%s is not allowed; an interface with a partner is virtio" % model)
        if second["type"] not in ("hostdev", "network"):
            raise Invalid(Path("partner", "type"), "%s is not allowed; give hostdev, or network for a pool of virtual"
                          " functions" % second["type"])
        network = found.networks.get(source)
        if network is not None and mode_of(network) != "hostdev":
            raise Invalid(Path("partner", "source", "network"),
                          "network %s is no pool of virtual functions (forward.mode: hostdev)" % source)


def _shown(partner: Options) -> Options:
    """A partner as the module takes it, {} for none."""
    return {} if partner.get("state") == "absent" else {
        name: value for name, value in partner.items() if name != "domain"}
