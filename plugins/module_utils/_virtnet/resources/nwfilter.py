# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network filter: read it with all others, and plan the step that makes it as desired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..documents.filterref import filterref
from ..documents.nwfilter import NWFILTER, definable, refused_rules
from ..engine.converge import Drift, Host, Plan, Step
from ..host.libvirt import FilterRecord
from ..schema.nodes import Invalid, check_version
from .nwfilter_tree import FILLED_BY_LIBVIRT, loop, missing_variables, reached, referrers, tree, variables

REFERENCE = filterref("")


@dataclass(frozen=True)
class FilterState:
    """A filter and what it has to do with: all filters as documents, bindings, and guests' interfaces."""

    record: FilterRecord | None
    current: dict | None
    filters: dict
    bindings: dict
    users: tuple
    version: tuple

    def bindings_of(self, name: str, filters: dict) -> list:
        """The devices whose binding reaches a filter."""
        return sorted(port for port, binding in self.bindings.items()
                      if name in reached(binding.find("filterref").get("filter"), filters))


def read_filter(host: Host, name: str) -> FilterState:
    """A filter with all that refers to it, read once for all filters."""
    records = host.libvirt.nwfilters()
    record = records.get(name)
    return FilterState(
        record=record,
        current=NWFILTER.parse(record.document) if record else None,
        filters={record.name: record.document for record in records.values()},
        bindings=host.libvirt.nwfilter_bindings(),
        users=tuple(host.libvirt.filter_users()),
        version=host.libvirt.version,
    )


@dataclass
class NwFilter:
    """A desired filter."""

    name: str
    options: dict
    state: str = "present"
    purge: bool = False
    force: bool = False
    allow_missing_references: bool = False
    kind: str = field(default="nwfilter", init=False)

    def read(self, host: Host) -> FilterState:
        return read_filter(host, self.name)

    def plan(self, state: FilterState) -> Plan:
        return self._removal(state) if self.state == "absent" else self._definition(state)

    def verify(self, state: FilterState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do."""
        return self.plan(state).unfinished("config")

    def model(self, state: FilterState) -> dict:
        """The filter as this module takes it."""
        return dict(state.current) if state.current else {"name": self.name, "state": "absent"}

    def _definition(self, state: FilterState) -> Plan:
        merged = NWFILTER.merge(self.options, state.current, self.purge)
        plan = Plan(before=self.model(state), after=merged, extra={"rebuilt_bindings": []})
        if state.record:
            stated = NWFILTER.whole(merged, state.current) if self.purge else self.options
            plan.drift = [Drift("config", *found) for found in NWFILTER.differences(stated, state.current)]
            if not plan.drift:
                return plan
        document = NWFILTER.render(definable(merged))  # not made from libvirt's, which has nothing that is not known
        self._check(state, definable(merged), dict(state.filters, **{self.name: document}))
        if state.record is None:
            plan.steps.append(Step("define filter %s" % self.name,
                                   lambda host: host.libvirt.define_nwfilter(document),
                                   lambda host: host.libvirt.undefine_nwfilter(self.name)))
        else:
            plan.extra["rebuilt_bindings"] = state.bindings_of(self.name, state.filters)
            plan.steps.append(Step("change filter %s" % self.name,
                                   lambda host: host.libvirt.define_nwfilter(document),
                                   lambda host: host.libvirt.define_nwfilter(_definable_again(state))))
        return plan

    def _check(self, state: FilterState, merged: dict, filters: dict) -> None:
        """Refuses what libvirt takes without a word, or only refuses later."""
        options = NWFILTER.check(merged)
        refused_rules(options)
        check_version(NWFILTER.needs(self.options), state.version)
        node, uuid = NWFILTER.node("uuid"), self.options.get("uuid")
        if state.record and uuid and node.normal(uuid) != node.normal(state.record.uuid):
            raise Invalid("uuid", "filter %s exists with UUID %s, which cannot change" % (self.name, state.record.uuid))
        for index, entry in enumerate(options.get("entries") or []):
            reference = entry.get("filterref", {}).get("filter")
            if reference and reference not in filters and not self.allow_missing_references:
                raise Invalid("entries[%d].filterref.filter" % index, "there is no filter %s; define it first, or give"
                              " allow_missing_references: true" % reference)
        way = loop(self.name, filters)
        if way:
            raise Invalid("entries", "filter %s would refer to itself: %s" % (self.name, " -> ".join(way)))
        for port in state.bindings_of(self.name, filters):
            self._has_variables(port, state.bindings[port], filters)

    def _has_variables(self, port: str, binding: Any, filters: dict) -> None:
        reference = REFERENCE.parse(binding.find("filterref"))
        missing = missing_variables(reference["filter"], filters, reference.get("parameters") or [])
        if missing:
            raise Invalid("entries", "the filter is on device %s, whose binding gives no value for %s"
                          % (port, ", ".join(missing)))

    def _removal(self, state: FilterState) -> Plan:
        plan = Plan(before=self.model(state), after={"name": self.name, "state": "absent"},
                    extra={"rebuilt_bindings": []})
        if state.record is None:
            return plan
        held = ["filter %s" % name for name in referrers(self.name, state.filters)]
        held += sorted({"guest %s" % user.label for user in state.users if user.filter == self.name})
        held += ["binding of %s" % port for port in state.bindings_of(self.name, state.filters)]
        if held and not self.force:
            raise Invalid("state", "absent is refused: filter %s is referred to by %s; libvirt would remove it from"
                          " under them, which force: true does" % (self.name, ", ".join(held)))
        if held:
            plan.warnings.append("filter %s is removed though it is referred to by %s" % (self.name, ", ".join(held)))
        document = _definable_again(state)
        plan.steps.append(Step("remove filter %s" % self.name,
                               lambda host: host.libvirt.undefine_nwfilter(self.name),
                               lambda host: host.libvirt.define_nwfilter(document)))
        return plan


def _definable_again(state: FilterState) -> Any:
    """The document that libvirt has, in a form in which it loses nothing."""
    return NWFILTER.render(definable(state.current))


def describe_filter(host: Host, name: str) -> dict:
    """A filter as the module takes it, with ``status``, what can only be read."""
    state = read_filter(host, name)
    needed = sorted(variables(name, state.filters))
    return dict(state.current, status={
        "tree": tree(name, state.filters),
        "variables": [{"name": variable, "filled_by_libvirt": variable in FILLED_BY_LIBVIRT} for variable in needed],
        "referenced_by": referrers(name, state.filters),
        "guests": [{"domain": user.domain, "mac": user.mac, "interface": user.tap or None} for user in state.users
                   if user.filter == name],
        "bindings": state.bindings_of(name, state.filters),
    })
