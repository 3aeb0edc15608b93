# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only one network can have: a bridge of its name, and a subnet while it runs."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ...documents.network import subnet_of
from ...engine.plan import FREES, Plan, Step
from ...host.snapshot import Snapshot
from ...host.subnets import subnets_of_networks
from ...host.uses import bridges_by_name
from ...schema.errors import Invalid
from ...schema.options import Options, option
from ...schema.xml import drop_attribute
from .layers import options_of
from .overlaps import addresses_of
from .piece import network as piece
from .promise import bridge_made_for, bridges_of

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from .resource import Network


def holders(seen: Snapshot, name: str, options: Options) -> set[str]:
    """The other networks that have now, in whichever layer, the bridge or a subnet that this one has not in both."""
    layers = [options_of(seen, part, name) for part in ("network_config", "network_live")]
    bridge = option(options, "bridge", "name")
    holding: set[str] = set()
    if bridge and any(bridge not in bridges_of(layer) for layer in layers):
        holding.update(bridges_by_name(seen).networks.get(bridge, ()))
    for ip in options.get("ips") or []:
        if any(not {*addresses_of({"ips": [ip]})}.issubset(addresses_of(layer)) for layer in layers):
            holding.update(other for other, _taken in subnets_of_networks(seen).overlapping(subnet_of(ip)))
    return holding - {name}


def give_up(desired: Network, seen: Snapshot) -> Plan:
    """Has a snapshot lack what the network will have given up; the plan trades where that is anything."""
    after, found = seen.fork(), desired.look(seen)
    try:
        plan = desired.plan(found)
    except Invalid:  # which is told when its turn comes
        return Plan(before={}, after={})
    desired.promise(after, plan)
    for part in ("bridges", "subnets"):
        has, keeps = seen.get(part).get(desired.name, []), after.get(part).get(desired.name, [])
        kept = [one for one in has if one in keeps]
        if kept != has:
            plan.trades = True
            seen.put_entry(part, desired.name, kept)
    bridge = bridge_made_for(found.live)
    if bridge and seen.device(bridge) and not after.device(bridge):
        seen.put_entry("devices", bridge, None)
    return plan


def free_step(name: str, config: Element) -> Step:
    """Gives another network the chance to take the name of the bridge: libvirt makes up another one meanwhile."""
    document = copy.deepcopy(config)
    for bridge in document.findall("bridge"):
        drop_attribute(bridge, "name")
    return Step("free the bridge name of network %s" % name, lambda host: host.libvirt.define_network(document),
                piece(name), writes=("network_config", name), stage=FREES)
