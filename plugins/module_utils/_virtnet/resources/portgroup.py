# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One option of a portgroup, changed while its network runs and without the network's other portgroups."""

from __future__ import annotations

from dataclasses import dataclass

from ..documents.interface import INTERFACE
from ..documents.network import NETWORK, refused_by_driver, refused_vlan, vlan_refusal
from ..engine.converge import Drift, Host, Plan
from ..schema.nodes import Invalid, check_version, is_empty
from .network import NetworkState, read_existing
from .network_entries import edit_steps

GROUP = NETWORK.node("portgroups").item


@dataclass
class Portgroup:
    """The desired ``value`` of one option of a portgroup; ``name`` is its network's."""

    name: str
    portgroup: str
    option: str
    value: dict

    def read(self, host: Host) -> NetworkState:
        state = read_existing(host, self.name)
        names = [group["name"] for group in self._main(state).get("portgroups") or []]
        if self.portgroup not in names:
            raise Invalid("portgroup", "network %s has no portgroup %s; it has %s"
                          % (self.name, self.portgroup, ", ".join(names) or "none"))
        return state

    def plan(self, state: NetworkState) -> Plan:
        plan = Plan(before=self.model(state), after={})
        for layer, current in (("config", state.config), ("live", state.live)):
            if current is None or self._group(current) is None:
                continue
            wanted = self._wanted(current)
            plan.after = plan.after or self._shown(wanted)
            found = [Drift(layer, *found) for found in NETWORK.differences(
                {"portgroups": wanted["portgroups"]}, {"portgroups": current["portgroups"]})]
            if found or self._group(wanted) != self._group(current):
                self._check(wanted, state)
            if found:
                plan.drift += found
                plan.steps += edit_steps(layer, state, wanted)
        self._report_guests(plan, state)
        return plan

    def verify(self, state: NetworkState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do."""
        return self.plan(state).unfinished("config", frozenset(drift[:2] for drift in plan.waiting))

    def model(self, state: NetworkState) -> dict:
        """The option as the portgroup has it."""
        return self._shown(self._main(state))

    @staticmethod
    def _main(state: NetworkState) -> dict:
        return state.config if state.config is not None else state.live

    def _group(self, options: dict) -> dict | None:
        return next((group for group in options.get("portgroups") or [] if group["name"] == self.portgroup), None)

    def _shown(self, options: dict) -> dict:
        group = self._group(options)
        return {self.option: group[self.option]} if group.get(self.option) else {}

    def _wanted(self, current: dict) -> dict:
        groups = [GROUP.merge({"name": self.portgroup, self.option: self.value}, group)
                  if group["name"] == self.portgroup else group for group in current["portgroups"]]
        groups = [{name: value for name, value in group.items() if not is_empty(value)} for group in groups]
        return dict(current, portgroups=groups)

    def _check(self, wanted: dict, state: NetworkState) -> None:
        refused_by_driver(NETWORK.check(wanted))
        check_version(GROUP.needs({self.option: self.value}), state.version)
        if self.option == "vlan" and self.value and refused_vlan(
                dict(wanted, vlan=None, portgroups=[self._group(wanted)]), state.version):
            raise Invalid("vlan", vlan_refusal(state.version))

    def _report_guests(self, plan: Plan, state: NetworkState) -> None:
        """Guests that run keep what they got from the portgroup when they were connected."""
        group = self._group(state.live or {})
        if group is None:
            return
        desired, table = plan.after.get(self.option) or {}, INTERFACE.node(self.option)
        for guest in state.guests:
            chosen = guest.inactive.find("source").get("portgroup")
            if chosen != self.portgroup and not (chosen is None and group.get("default")):
                continue
            own, current = (INTERFACE.parse(element).get(self.option) or {} for element in (guest.inactive, guest.live))
            found = [] if own else table.differences(table.whole(desired, current), current,
                                                     "guests[%s].%s" % (guest.label, self.option))
            plan.waiting += [Drift("live", *one) for one in found]
        plan.drift += plan.waiting
        if plan.waiting:
            guests = sorted({drift.path[len("guests["):].split("]")[0] for drift in plan.waiting})
            plan.warnings.append("%s of portgroup %s waits until %s is shut down and started again"
                                 % (self.option, self.portgroup, ", ".join(guests)))
