# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans one option of a portgroup, changed in each layer of its network that has the portgroup, while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.network import NETWORK, refused_by_driver, refused_vlan, vlan_refusal
from ...engine.plan import Drift, Plan
from ...schema.errors import Invalid, Missing
from ...schema.nodes import Group, Version, check_version
from ...schema.options import Options, is_empty
from ..network.edit import EDITS, edit_steps, layers, main_layer
from ..network.filtering import refuse_tags
from ..network.found import NetworkFound, missing
from ..network.groups import no_group, report_guests
from .found import group_of, shown

if TYPE_CHECKING:
    from .resource import Portgroup

TABLE: Group = NETWORK.node("portgroups").item


def plan_portgroup(desired: Portgroup, found: NetworkFound) -> Plan:
    if found.record is None:
        raise missing(desired.name, found.others)
    refuse_missing(desired, main_layer(found))
    plan, held = Plan(before=desired.model(found), after={}), []
    for layer, current in layers(found).items():
        if group_of(current, desired.portgroup) is None:
            continue
        wanted = edited(desired, current)
        plan.after = plan.after or shown(desired.portgroup, desired.option, wanted)
        drift = [Drift(layer, *one) for one in NETWORK.differences(
            {"portgroups": wanted["portgroups"]}, {"portgroups": current["portgroups"]})]
        if drift or group_of(wanted, desired.portgroup) != group_of(current, desired.portgroup):
            refused_by_driver(NETWORK.check(wanted))
            refuse(desired, wanted, found.version)
            refuse_tags(wanted, current, found.devices)
        if drift:
            plan.drift += drift
            if stays(found, layer):
                held = drift
                continue
            steps = edit_steps(found, layer, wanted)
            plan.steps += steps
            if steps:
                plan.needs.add(EDITS[layer])
    group = group_of(found.live or {}, desired.portgroup)
    if group:
        report_guests(group, desired.option, plan.after.get(desired.option) or {}, found, plan)
    if held:
        plan.waiting += held
        plan.wait_for("network", [desired.name], "%s of portgroup %s waits until network %s is restarted, for libvirt"
                      " would forget which devices are taken by %s" % (
                          desired.option, desired.portgroup, desired.name, ", ".join(found.users)))
    return plan


def stays(found: NetworkFound, layer: str) -> bool:
    """Whether a layer stays as it is until the network is restarted."""
    return layer == "live" and found.counts_devices


def refuse_missing(desired: Portgroup, options: Options) -> None:
    if group_of(options, desired.portgroup) is None:
        raise Missing("portgroup", no_group(desired.name, desired.portgroup, options))


def edited(desired: Portgroup, current: Options) -> Options:
    """A layer as it is to be; one without the portgroup stays as it is."""
    if group_of(current, desired.portgroup) is None:
        return current
    groups = [TABLE.merge({"name": desired.portgroup, desired.option: desired.value}, group)
              if group["name"] == desired.portgroup else group for group in current["portgroups"]]
    groups = [{name: value for name, value in group.items() if not is_empty(value)} for group in groups]
    return dict(current, portgroups=groups)


def refuse(desired: Portgroup, wanted: Options, version: Version) -> None:
    """Refuses what libvirt of this version, or the network as it is to be, does not take of a portgroup."""
    check_version(TABLE.too_new({desired.option: desired.value}, version), version)
    group = group_of(wanted, desired.portgroup)
    if desired.option == "vlan" and desired.value and refused_vlan(
            dict(wanted, vlan=None, portgroups=[group]), version):
        raise Invalid("vlan", vlan_refusal(version))
