# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans single entries of a network's lists. The configuration and the running definition are each edited as they are;
entries that are not named stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...documents.network import NETWORK, refused_by_driver
from ...documents.without_effect import refuse_new
from ...engine.plan import Drift, Plan
from ...schema.errors import Invalid
from ...schema.options import Options
from ..network.edit import EDITS, edit_steps, layers
from ..network.found import NetworkFound, missing
from .edited import Edited
from .found import given_at, lists_of

if TYPE_CHECKING:
    from .resource import NetworkEntries


def plan_entries(desired: NetworkEntries, found: NetworkFound) -> Plan:
    if found.record is None:
        raise missing(desired.name, found.others)
    plan = Plan(before={}, after={})
    for layer, current in layers(found).items():
        wanted = edited(desired, current)
        with _as_given(desired, wanted):
            NETWORK.check(wanted)
            refused_by_driver(wanted)
            refuse_new(wanted, current)
        _show(plan.before, layer, lists_of(desired.entries, current))
        _show(plan.after, layer, lists_of(desired.entries, wanted))
        steps = edit_steps(found, layer, wanted)
        plan.steps += steps
        if steps:
            plan.needs.add(EDITS[layer])
        plan.drift += [Drift(layer, *one) for one in NETWORK.differences(_stated(current, wanted), current)]
    return plan


def _stated(current: Options, wanted: Options) -> Options:
    """What a layer is to have, with what it is to have no more as empty."""
    stated = {name: wanted.get(name, "") for name in ("ips", "dns") if current.get(name) or wanted.get(name)}
    if wanted.get("dns"):
        stated["dns"] = {**dict.fromkeys(current.get("dns") or {}, ""), **wanted["dns"]}
    return stated


def edited(desired: NetworkEntries, current: Options) -> Options:
    """A layer as it is to be; raises Invalid."""
    edit = Edited(current)
    for entries in desired.entries:
        edit.edit(entries, desired.absent)
    return edit.options


@contextmanager
def _as_given(desired: NetworkEntries, wanted: Options) -> Iterator[None]:
    """What is found to be wrong with an entry of the task is wrong where the task has it."""
    try:
        yield
    except Invalid as error:
        for entries in desired.entries:
            error.path = given_at(entries, error.path, wanted)
        raise


def _show(model: Options, layer: str, lists: Options) -> None:
    """Adds a layer's lists to the diff; the running ones only where they differ from the configuration's."""
    if not model:
        model.update(lists)
    elif lists != model:
        model[layer] = lists
