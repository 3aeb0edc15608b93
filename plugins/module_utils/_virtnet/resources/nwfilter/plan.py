# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the step that makes a network filter as desired. Pure: all that is known comes with what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.nwfilter import NWFILTER, definable, refused_rules
from ...engine.plan import Do, Drift, Plan, Step
from ...schema.errors import Invalid, Missing, Path
from ...schema.nodes import check_version
from ...schema.options import Options, option
from ..nwfilter_binding.chains import with_chains
from .found import FilterFound, model
from .piece import nwfilter as piece
from .tree import Node, loop, node_of, not_given, variables

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from .resource import NwFilter


def plan_filter(desired: NwFilter, found: FilterFound) -> Plan:
    return _removal(desired, found) if desired.absent else _definition(desired, found)


def _definition(desired: NwFilter, found: FilterFound) -> Plan:
    merged = NWFILTER.merge(desired.options, found.current, desired.purge)
    plan = Plan(before=model(found), after=merged, extra={"rebuilt_bindings": []},
                drift=[Drift("config", *difference) for difference in found.differences])
    if found.record and not plan.drift:
        return plan
    options = definable(merged)
    _check_options(desired, found, options)
    document = NWFILTER.render(options)  # not made from libvirt's, which has nothing that is not known
    _check_tree(found, node_of(document))
    plan.needs.add("define filter")
    of, writes = piece(found.name), ("nwfilters", found.name)
    if found.record is None:
        plan.steps.append(Step("define filter %s" % found.name, _define(document), of, writes=writes))
    else:
        plan.extra["rebuilt_bindings"] = list(found.bindings)
        plan.steps.append(Step("change filter %s" % found.name, _define(document), of, writes=writes))
    return plan


def _check_options(desired: NwFilter, found: FilterFound, merged: Options) -> None:
    """Refuses what libvirt takes without a word, or only refuses later."""
    options = NWFILTER.check(merged)
    refused_rules(options)
    check_version(NWFILTER.too_new(desired.options, found.version), found.version)
    node, uuid, record = NWFILTER.node("uuid"), desired.options.get("uuid"), found.record
    if record and uuid and node.normal(uuid) != node.normal(record.uuid):
        raise Invalid("uuid", "filter %s exists with UUID %s, which cannot change" % (found.name, record.uuid))
    for index, entry in enumerate(options.get("entries") or []):
        reference = option(entry, "filterref", "filter")
        known = not reference or reference == found.name or reference in found.filters
        if not known and not desired.allow_missing_references:
            raise Missing(Path("entries", index, "filterref", "filter"), "there is no filter %s; define it first, or"
                          " give allow_missing_references: true" % reference)


def _check_tree(found: FilterFound, node: Node) -> None:
    """Refuses what does not go together with the other filters, and with the bindings that lead to the filter."""
    if not found.referrers and not found.bindings and found.name not in {one.filter for one in node.references}:
        return  # nothing leads to it, as is so with most that are new
    filters = {**found.filters, found.name: node}
    way = loop(found.name, filters)
    if way:
        raise Invalid("entries", "filter %s would refer to itself: %s" % (found.name, " -> ".join(way)))
    needed = variables(filters) if found.bindings else {}
    for port, reference in found.bindings.items():
        missing = not_given(needed.get(reference.filter, set()), reference.given)
        if missing:
            raise Invalid("entries", "the filter is on device %s, whose binding gives no value for %s"
                          % (port, ", ".join(missing)))


def _removal(desired: NwFilter, found: FilterFound) -> Plan:
    plan = Plan(before=model(found), after={"name": found.name, "state": "absent"}, extra={"rebuilt_bindings": []})
    if found.record is None:
        return plan
    held = ["filter %s" % name for name in found.referrers]
    held += sorted({"guest %s" % user.label for user in found.guests})
    held += ["binding of %s" % port for port in found.bindings]
    if held and not desired.force:
        raise Invalid("state", "absent is refused: filter %s is referred to by %s; libvirt would remove it from"
                      " under them, which force: true does" % (found.name, ", ".join(held)))
    if held:
        plan.warnings.append("filter %s is removed though it is referred to by %s" % (found.name, ", ".join(held)))
    plan.needs.add("undefine filter")
    plan.steps.append(Step("remove filter %s" % found.name,
                           lambda host: host.libvirt.undefine_nwfilter(found.name), piece(found.name),
                           writes=("nwfilters", found.name)))
    return plan


def _define(document: Element) -> Do:
    return with_chains(lambda host: host.libvirt.define_nwfilter(document))
