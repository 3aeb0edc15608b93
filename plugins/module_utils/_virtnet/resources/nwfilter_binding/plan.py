# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the steps that put a filter on a device as desired. Pure: all that is known comes with what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.filterref import unreadable_values
from ...documents.nwfilter_binding import NWFILTER_BINDING
from ...engine.plan import Do, Drift, Plan, Step
from ...schema.errors import Invalid, Missing, Path
from ...schema.nodes import check_version
from ...schema.options import Options
from ..nwfilter.tree import refuse_unvalued
from ..repair import carry_out
from .chains import with_chains
from .found import BindingFound, model, stated
from .piece import nwfilter_binding as piece
from .rules import rule_repairs

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from .resource import NwFilterBinding

DEVICE, FILTER = Path("portdev", "name"), Path("filterref", "filter")


def plan_binding(desired: NwFilterBinding, found: BindingFound) -> Plan:
    return _removal(desired, found) if desired.absent else _binding(desired, found)


def _binding(desired: NwFilterBinding, found: BindingFound) -> Plan:
    merged = NWFILTER_BINDING.merge(stated(desired, found), found.current)
    _check(found, merged)
    plan = Plan(before=model(found), after=merged,
                drift=[Drift("live", *difference) for difference in found.differences])
    bind = Step("bind filter %s to %s" % (merged["filterref"]["filter"], found.name),
                _create(_document(found, merged)), piece(found.name))
    if found.document is None:
        plan.steps.append(bind)
    elif plan.drift:
        _refuse_guest(desired, found, "replaced")
        plan.steps += [_unbind("replace the binding of %s", found), bind]
        plan.warnings.append("device %s is without a filter while its binding is replaced" % found.name)
    else:
        carry_out(rule_repairs(found.name, found.lost, found.hindered), plan)
        plan.show_layers()
    return plan


def _check(found: BindingFound, merged: Options) -> None:
    """Refuses what libvirt takes without a word."""
    options = NWFILTER_BINDING.check(merged, there=found.current)
    for name in ("mac", "filterref"):
        if not options.get(name):
            raise Invalid(name, "is missing")
    check_version(NWFILTER_BINDING.too_new(options, found.version), found.version)
    if found.there is False:
        raise Missing(DEVICE, "the host has no device %s; libvirt would take the binding and filter nothing"
                      % found.name)
    name = options["filterref"]["filter"]
    if name not in found.variables:
        raise Missing(FILTER, "there is no filter %s" % name)
    for other in sorted(found.missing.get(name, ())):
        raise Missing(FILTER, "there is no filter %s, which %s refers to" % (other, name))
    refuse_unvalued(options["filterref"], found.variables[name])
    for path, problem in unreadable_values(options["filterref"]):
        raise Invalid(path, problem)


def _document(found: BindingFound, merged: Options) -> Element:
    """The new document; which firewall libvirt makes the rules in, it chooses anew."""
    document = NWFILTER_BINDING.render(merged, found.document)
    for backend in document.findall("backend"):
        document.remove(backend)
    return document


def _removal(desired: NwFilterBinding, found: BindingFound) -> Plan:
    plan = Plan(before=model(found), after={"portdev": {"name": found.name}, "state": "absent"})
    if found.document is not None:
        _refuse_guest(desired, found, "removed")
        if found.guest:
            plan.warnings.append("guest %s is without a filter from now on" % found.guest)
        plan.steps.append(_unbind("unbind the filter of %s", found))
    return plan


def _unbind(title: str, found: BindingFound) -> Step:
    return Step(title % found.name, lambda host: host.libvirt.delete_nwfilter_binding(found.name), piece(found.name),
                writes=("bindings", found.name))


def _create(document: Element) -> Do:
    return with_chains(lambda host: host.libvirt.create_nwfilter_binding(document))


def _refuse_guest(desired: NwFilterBinding, found: BindingFound, done: str) -> None:
    if found.guest and not desired.force:
        raise Invalid(DEVICE, "the binding of %s belongs to the running guest %s and is not %s; change the"
                      " guest's interface, or give force: true" % (found.name, found.guest, done))
