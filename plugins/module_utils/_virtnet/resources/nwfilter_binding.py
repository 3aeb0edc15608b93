# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on a network device: read it, and plan the steps that make it as desired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..documents.nwfilter_binding import NWFILTER_BINDING
from ..engine.converge import Drift, Host, Plan, Step
from ..schema.nodes import Invalid, check_version
from ..schema.scalars import MAC
from .nwfilter_tree import missing_variables, reached, variables
from .owner import stand_in


@dataclass(frozen=True)
class BindingState:
    """A binding, the filters, and whether the device is there (``names`` None: not known) or a guest's own."""

    document: Any
    current: dict | None
    filters: dict
    guest: str | None
    names: dict | None
    version: tuple


def read_binding(host: Host, port: str) -> BindingState:
    """The binding of a device with all that it has to do with."""
    document = host.libvirt.nwfilter_bindings().get(port)
    return BindingState(
        document=document,
        current=None if document is None else _without_mac(NWFILTER_BINDING.parse(document)),
        filters={record.name: record.document for record in host.libvirt.nwfilters().values()},
        guest=next((user.label for user in host.libvirt.filter_users() if user.tap == port), None),
        names=host.kernel.names() if host.kernel else None,
        version=host.libvirt.version,
    )


@dataclass
class NwFilterBinding:
    """A desired binding; ``name`` is its device."""

    name: str
    options: dict
    state: str = "present"
    force: bool = False
    kind: str = field(default="nwfilter_binding", init=False)

    def read(self, host: Host) -> BindingState:
        return read_binding(host, self.name)

    def plan(self, state: BindingState) -> Plan:
        return self._removal(state) if self.state == "absent" else self._binding(state)

    def verify(self, state: BindingState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do."""
        return self.plan(state).unfinished("live")

    def model(self, state: BindingState) -> dict:
        """The binding as this module takes it."""
        return dict(state.current) if state.current else {"portdev": {"name": self.name}, "state": "absent"}

    def _binding(self, state: BindingState) -> Plan:
        options = _without_mac(self.options, state.current)
        if state.current is None:
            options = dict({"owner": stand_in(self.name)}, **options)
        merged = NWFILTER_BINDING.merge(options, state.current)
        self._check(state, merged)
        plan = Plan(before=self.model(state), after=merged)
        document = NWFILTER_BINDING.render(merged, state.document)
        create = Step("bind filter %s to %s" % (merged["filterref"]["filter"], self.name),
                      lambda host: host.libvirt.create_nwfilter_binding(document),
                      lambda host: host.libvirt.delete_nwfilter_binding(self.name))
        if state.current is None:
            plan.steps.append(create)
            return plan
        found = NWFILTER_BINDING.differences(_with_learned_ip(options, state.current), state.current)
        plan.drift = [Drift("live", *difference) for difference in found]
        if plan.drift:
            self._refuse_guest(state, "replaced")
            plan.steps += [self._unbind(state, "replace the binding of %s"), create]
            plan.warnings.append("device %s is without a filter while its binding is replaced" % self.name)
        return plan

    def _check(self, state: BindingState, merged: dict) -> None:
        """Refuses what libvirt takes without a word."""
        options = NWFILTER_BINDING.check(merged)
        for name in ("mac", "filterref"):
            if not options.get(name):
                raise Invalid(name, "is missing")
        check_version(NWFILTER_BINDING.needs(options), state.version)
        if state.names is not None and self.name not in state.names:
            raise Invalid("portdev.name", "the host has no device %s; libvirt would take the binding and filter nothing"
                          % self.name)
        name = options["filterref"]["filter"]
        absent = sorted(reached(name, state.filters) - set(state.filters))
        if absent:
            raise Invalid("filterref.filter", "there is no filter %s%s" % (
                absent[0], "" if absent[0] == name else ", which %s refers to" % name))
        given = options["filterref"].get("parameters") or []
        missing = missing_variables(name, state.filters, given)
        if missing:
            raise Invalid("filterref.parameters", "filter %s needs a value for %s" % (name, ", ".join(missing)))

    def _removal(self, state: BindingState) -> Plan:
        plan = Plan(before=self.model(state), after={"portdev": {"name": self.name}, "state": "absent"})
        if state.current is not None:
            self._refuse_guest(state, "removed")
            if state.guest:
                plan.warnings.append("guest %s is without a filter from now on" % state.guest)
            plan.steps.append(self._unbind(state, "unbind the filter of %s"))
        return plan

    def _unbind(self, state: BindingState, title: str) -> Step:
        document = state.document
        return Step(title % self.name, lambda host: host.libvirt.delete_nwfilter_binding(self.name),
                    lambda host: host.libvirt.create_nwfilter_binding(document))

    def _refuse_guest(self, state: BindingState, done: str) -> None:
        if state.guest and not self.force:
            raise Invalid("portdev.name", "the binding of %s belongs to the running guest %s and is not %s; change the"
                          " guest's interface, or give force: true" % (self.name, state.guest, done))


def _with_parameters(options: dict, parameters: list) -> dict:
    return dict(options, filterref=dict(options["filterref"], parameters=parameters))


def _without_mac(options: dict, current: dict | None = None) -> dict:
    """The options without the parameter MAC that says what mac.address says; libvirt adds it to every binding."""
    given = (options.get("filterref") or {}).get("parameters")
    address = (options.get("mac") or (current or {}).get("mac") or {}).get("address")
    if not given or not address:
        return options
    return _with_parameters(options, [parameter for parameter in given
                                      if parameter["name"] != "MAC" or not _same_mac(parameter["value"], address)])


def _same_mac(text: str, other: str) -> bool:
    try:
        return MAC.normal(MAC.parse(text)) == MAC.normal(other)
    except ValueError:
        return False


def _with_learned_ip(options: dict, current: dict) -> dict:
    """The options with the address that libvirt found out, when they give none; libvirt adds it to the binding."""
    given = (options.get("filterref") or {}).get("parameters")
    found = [parameter for parameter in current["filterref"].get("parameters") or [] if parameter["name"] == "IP"]
    if given is None or len(found) != 1 or any(parameter["name"] == "IP" for parameter in given):
        return options
    return _with_parameters(options, given + found)


def describe_binding(host: Host, port: str) -> dict:
    """A binding as the module takes it, with ``status``, what can only be read."""
    state = read_binding(host, port)
    name = state.current["filterref"]["filter"]
    return dict(state.current, status={
        "device_exists": None if state.names is None else port in state.names,
        "guest": state.guest,
        "variables": sorted(variables(name, state.filters)),
    })
