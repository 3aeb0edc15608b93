# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A teaming pair: a virtio interface that stays, and a virtual function that comes and goes, with one MAC address.

Each half is planned as the interface that it is, without seeing the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..documents.interface import option
from ..documents.network import mode_of
from ..engine.converge import Drift, Host, Plan
from ..schema.nodes import Invalid
from ..schema.scalars import MAC
from .interface import Interface
from .interface_read import InterfaceState, find, read_interfaces


@dataclass
class InterfacePair:
    """A desired interface with the virtual function that is its ``partner``; an empty partner is to be gone."""

    interface: Interface
    partner: dict
    kind: str = field(default="interface", init=False)

    def __post_init__(self) -> None:
        self.alias = option(self.interface.options, "alias.name") or ""
        if not self.alias.startswith("ua-"):
            raise Invalid("alias.name", "is missing; a pair needs an alias of your own, which begins with ua-")

    @property
    def name(self) -> str:
        return self.interface.name

    def read(self, host: Host) -> InterfaceState:
        return read_interfaces(host, self.interface.domain, option(self.interface.options, "source.network"),
                               option(self.partner, "source.network"))

    def plan(self, state: InterfaceState) -> Plan:
        (first, one), (second, two) = self._halves(state)
        plan = first.plan(one)
        try:
            other = second.plan(two)
        except Invalid as error:
            raise Invalid("partner." + error.path, error.problem) from error
        absent = second.state == "absent"
        plan.steps = other.steps + plan.steps if absent else plan.steps + other.steps
        for mine, its in ((plan.drift, other.drift), (plan.waiting, other.waiting)):
            mine += [Drift(drift.layer, ("partner." + drift.path).rstrip("."), *drift[2:]) for drift in its]
        plan.warnings += other.warnings
        self._check(plan.after, other.after, state)
        plan.before, plan.after = (dict(mine, partner=_shown(its)) for mine, its in (
            (plan.before, other.before), (plan.after, other.after)))
        return plan

    def verify(self, state: InterfaceState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do, and leave only what this one left."""
        return self.plan(state).unfinished("config", frozenset(drift[:2] for drift in plan.waiting))

    def model(self, state: InterfaceState) -> dict:
        """The interface as the module takes it, with its partner."""
        (first, one), (second, two) = self._halves(state)
        return dict(first.model(one), partner=_shown(second.model(two)))

    def _halves(self, state: InterfaceState) -> tuple:
        """Both interfaces as they are to be, each with the state without the other."""
        gone = self.interface.state == "absent" or not self.partner
        mine = _without(state, self._is_partner)
        options = dict(self.interface.options)
        if self.interface.state == "present" and self.partner:
            options.update(teaming={"type": "persistent"}, model=options.get("model") or {"type": "virtio"})
        elif self.interface.state == "present" and self.interface.layers != ["live"]:
            options["teaming"] = {}
        first = replace(self.interface, options=options)
        mac = find(options, mine).mac
        stated = option(self.partner, "mac.address")
        if stated and MAC.normal(stated) != mac:
            raise Invalid("partner.mac.address", "%s is not %s; both interfaces of a pair have one MAC address"
                          % (stated, mac))
        its = dict(self.partner, mac={"address": mac}, teaming={"type": "transient", "persistent": self.alias})
        second = replace(self.interface, options=its, state="absent" if gone else "present", beside=(self.alias,))
        return (first, mine), (second, _without(state, lambda card: card.mac == mac and not self._is_partner(card)))

    def _is_partner(self, card: Any) -> bool:
        return option(card.options, "teaming.persistent") == self.alias

    def _check(self, first: dict, second: dict, state: InterfaceState) -> None:
        """Refuses two interfaces that QEMU would not make a pair."""
        if self.interface.state == "absent" or not self.partner:
            return
        model, network = option(first, "model.type"), state.networks.get(option(second, "source.network"))
        if model != "virtio":
            raise Invalid("model.type", "%s is not allowed; an interface with a partner is virtio" % model)
        if second["type"] not in ("hostdev", "network"):
            raise Invalid("partner.type", "%s is not allowed; give hostdev, or network for a pool of virtual functions"
                          % second["type"])
        if network is not None and mode_of(network) != "hostdev":
            raise Invalid("partner.source.network", "network %s is no pool of virtual functions (forward.mode: hostdev)"
                          % option(second, "source.network"))


def _shown(partner: dict) -> dict:
    """A partner as the module takes it, {} for none."""
    return {} if partner.get("state") == "absent" else {
        name: value for name, value in partner.items() if name != "domain"}


def _without(state: InterfaceState, hidden: Any) -> InterfaceState:
    def seen(cards: tuple | None) -> tuple | None:
        return None if cards is None else tuple(card for card in cards if not hidden(card))

    return replace(state, config=seen(state.config), live=seen(state.live))
