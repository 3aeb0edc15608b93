# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual network as it will be after a plan: its documents, what the lists say of it, and its bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.network import NETWORK, manages_bridge
from ...host.snapshot import Snapshot
from ...host.uses import members_of
from ...schema.options import Options, option
from ...schema.xml import dump_xml
from .overlaps import addresses_of
from .plan import merged_options, persists_after, runs_after

if TYPE_CHECKING:
    from .found import NetworkFound
    from .resource import Network

NEW_BRIDGE: Options = {"index": 0, "up": True, "mtu": 1500, "mac": None, "master": None, "kind": "bridge", "vlan": None,
                       "stp": True, "delay": 2.0, "port": {}, "addresses": [], "routes": [], "fdb": []}


def promise_network(desired: Network, seen: Snapshot, starts: bool) -> None:
    """``starts`` is whether it is started by the plan."""
    found, name = desired.look(seen), desired.name
    record, config, live = None, None, None
    if not desired.absent:
        runs, persists = runs_after(desired, found), persists_after(desired, found)
        before = seen.get("networks").get(name) or {"uuid": desired.options.get("uuid") or "", "autostart": False}
        autostart = before["autostart"] if desired.autostart is None else desired.autostart
        record = dict(before, active=runs, persistent=persists, autostart=autostart and persists)
        config = merged_options(desired, _first(found.config, found.live)) if persists else None
        live = merged_options(desired, _first(found.live, found.config)) if runs else None
        if live is not None and found.live is not None and not starts:
            live = _without_restart(found.live, live)
    seen.put_entry("networks", name, record)
    bridges = bridges_of(config, live)
    if desired.absent or bridges != bridges_of(found.config, found.live):
        seen.put_entry("bridges", name, None if desired.absent else sorted(bridges))
    addresses = addresses_of(config, live)
    if desired.absent or addresses != addresses_of(found.config, found.live):
        seen.put_entry("subnets", name, None if desired.absent else addresses)
    seen.put("network_config", name, _text(config, found))
    seen.put("network_live", name, _text(live, found))
    if live is None or not found.active:
        seen.put("ports", name, [])
    if found.devices is not None:
        _promise_bridge(seen, found.live, live)


def _without_restart(was: Options, live: Options) -> Options:
    """What runs keeps its bridge and its subnets until it is started again."""
    kept = {name: was.get(name) for name, of in (("bridge", bridges_of), ("ips", addresses_of)) if of(live) != of(was)}
    return {**live, **kept}


def bridges_of(*layers: Options | None) -> set[str]:
    """The names of the bridges of layers of a network, empty for one that libvirt makes up."""
    names = {option(layer, "bridge", "name") or ("" if manages_bridge(layer) else None) for layer in layers if layer}
    return {name for name in names if name is not None}


def _first(layer: Options | None, other: Options | None) -> Options | None:
    return other if layer is None else layer


def _text(options: Options | None, found: NetworkFound) -> str | None:
    if options is None:
        return None
    base = found.record and (found.record.live if found.record.config is None else found.record.config)
    return dump_xml(NETWORK.render(options, base))


def bridge_made_for(live: Options | None) -> str | None:
    """The bridge that libvirt has made for what runs."""
    return option(live, "bridge", "name") if live and manages_bridge(live) else None


def _promise_bridge(seen: Snapshot, before: Options | None, after: Options | None) -> None:
    """libvirt makes the bridge of a network that runs, and takes it away when the network stops."""
    old, new = bridge_made_for(before), bridge_made_for(after)
    if old and old != new:
        seen.put_entry("devices", old, None)
        for member in members_of(seen, old):
            device = seen.device(member)
            if device and device["master"] == old:
                seen.put_entry("devices", member, dict(device, master=new))
    if new and new != old:
        seen.put_entry("devices", new, dict(NEW_BRIDGE))
