# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a network becomes again as it was: its configuration, as it ran, with its ports, its guests and its bridge. Pure.

What runs comes back as it ran, whatever the configuration says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...documents.network import NETWORK, hands_out, manages_bridge
from ...documents.network_port import NETWORK_PORT
from ...engine.plan import Step
from ...host.flags import LIVE
from ...host.snapshot import NetworkRecord, Snapshot
from ...host.uses import bridges_by_name, guests_of, members_of, uncounted
from ...schema.nodes import in_order
from ...schema.options import Options, option
from ..bandwidth import can_set, rates
from ..switch import tags_as_they_were
from .connect import bridge_of, connections, members, set_mtu
from .firewall import forget_rules
from .layers import options_of
from .metadata import metadata_steps, with_metadata
from .piece import network as piece
from .trade import free_step
from .updates import apply_updates, busy_interfaces, plan_updates, update_step
from .upkeep import set_forwarding, set_sysctls, start_with_chains

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...engine.plan import Do, Piece
    from ...host.host import Host


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    yield from _network(was, now, name)
    for family, forwards in was.forwarding.items():
        if now.forwarding.get(family, forwards) != forwards:
            yield Step("switch forwarding of %s %s again" % (family.replace("ip", "IP"), "on" if forwards else "off"),
                       set_forwarding(family, forwards), piece(name))


def _network(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    before, after = was.network(name), now.network(name)
    if before is None or before.live is None:
        yield from _bridge_of_no_network(was, now, after)
    if before is None:
        yield from _go(after)
        return
    yield from _configuration(was, now, before, after)
    if before.live is None:
        if after is not None and after.active:
            yield _stop(name)
        yield from _devices(was, now, name, None)
    elif after is None or not after.active:
        yield from _leftover(now, name, NETWORK.parse(before.live))
        yield _start(before, before.live)
    else:
        yield from _running(was, now, before)


def _go(after: NetworkRecord | None) -> Iterator[Step]:
    if after is not None and after.active:
        yield _stop(after.name)
    if after is not None and after.persistent:
        yield Step("remove network %s" % after.name, lambda host: host.libvirt.undefine_network(after.name),
                   piece(after.name), writes=("network_config", after.name))


def _bridge_of_no_network(was: Snapshot, now: Snapshot, after: NetworkRecord | None) -> Iterator[Step]:
    """libvirt that ended while it started a network has made a bridge of which it knows nothing afterwards."""
    there = was.devices
    if after is None or after.active or after.config is None or there is None:
        return
    options = NETWORK.parse(after.config)
    if option(options, "bridge", "name") not in there:
        yield from _leftover(now, after.name, options)


def _leftover(now: Snapshot, name: str, options: Options) -> Iterator[Step]:
    """The bridge of a network that does not run, which is in the way of its start, with its dnsmasq and rules."""
    bridge = option(options, "bridge", "name")
    if bridge and manages_bridge(options) and now.device(bridge) and not _runs_on(now, bridge):
        def remove(host: Host) -> None:
            host.programs.stop_dnsmasq(name)  # libvirt had begun that too
            host.kernel.remove_device(bridge)
            forget_rules(host, options)

        yield Step("remove bridge %s and its rules" % bridge, remove, piece(name))


def _runs_on(now: Snapshot, bridge: str) -> bool:
    """Whether a network runs that has a bridge."""
    return any(bridge_of(now, name) == bridge for name in bridges_by_name(now).networks.get(bridge, ()))


def _stop(name: str) -> Step:
    return Step("stop network %s" % name, lambda host: host.libvirt.stop_network(name), piece(name))


def _start(before: NetworkRecord, live: Element) -> Step:
    document, config = startable(live), before.config

    def start(host: Host) -> None:
        try:
            start_with_chains(host, lambda: host.libvirt.create_network(document))
        except Exception:
            if config is not None:  # libvirt forgets a network that it could not start by its running definition
                host.libvirt.define_network(config)
            raise

    return Step("start network %s as it ran" % before.name, start, piece(before.name))


def startable(live: Element) -> Element:
    """A running definition without what libvirt counts and finds out."""
    document = uncounted(live)
    forward = document.find("forward")
    if forward is not None and forward.find("pf") is not None:
        for found in [*forward.findall("interface"), *forward.findall("address")]:
            forward.remove(found)
    return document


# --- the configuration


def _configuration(was: Snapshot, now: Snapshot, before: NetworkRecord, after: NetworkRecord | None) -> Iterator[Step]:
    name, config, writes = before.name, before.config, ("network_config", before.name)
    if config is None:
        if after is not None and after.persistent:
            yield Step("make network %s transient again" % name,
                       lambda host: host.libvirt.undefine_network(name), piece(name), writes=writes)
        return
    if after is None or after.config is None or now.get("network_config", name) != was.get("network_config", name):
        if after is not None and after.config is not None and _is_elsewhere(now, name, config):
            yield free_step(name, after.config)  # so that who has it can have the name that this one has now
        yield Step("define network %s as it was" % name, lambda host: host.libvirt.define_network(config), piece(name),
                   writes=writes)
    if before.autostart != (after is not None and after.autostart):
        yield Step("switch autostart of network %s %s" % (name, "on" if before.autostart else "off"),
                   lambda host: host.libvirt.set_network_autostart(name, before.autostart), piece(name))


def _is_elsewhere(now: Snapshot, name: str, config: Element) -> bool:
    """Whether another network has the bridge of a configuration by now."""
    bridge = option(NETWORK.parse(config), "bridge", "name")
    return bool(bridge and bridges_by_name(now).networks.get(bridge, set()) - {name})


# --- what runs


def _running(was: Snapshot, now: Snapshot, before: NetworkRecord) -> Iterator[Step]:
    name = before.name
    old, live = (options_of(seen, "network_live", name) or {} for seen in (was, now))
    if in_order(NETWORK, old) != in_order(NETWORK, live):
        yield from _in_place(now, name, live, old) or [_stop(name)]  # what is stopped is started as it ran
        return
    steps = [] if _lacks_bridge(was, now, name) else [*connections(was, now, name), *_ports(was, now, name)]
    yield from steps or _kernel(was, now, name)


def _lacks_bridge(was: Snapshot, now: Snapshot, name: str) -> bool:
    """Whether the bridge is gone into which guests are to be put."""
    bridge = bridge_of(was, name)
    return was.device(bridge) is not None and now.device(bridge) is None and now.devices is not None


def _in_place(now: Snapshot, name: str, live: Options, old: Options) -> list[Step]:
    """What makes a running network as it was without stopping it; nothing where that cannot be."""
    record = now.network(name)
    calls = plan_updates(live, old, now.version, busy_interfaces(record.live if record else None))
    if calls and hands_out(live) and now.ports(name):  # libvirt would forget which devices are taken
        return []
    after = apply_updates(live, calls)
    steps = [update_step(name, call, LIVE) for call in calls]
    if now.sets_metadata:
        steps += metadata_steps(name, live, old)
        after = with_metadata(after, old)
    return steps if in_order(NETWORK, after) == in_order(NETWORK, old) else []


def _ports(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    """Ports of no guest that came or changed meanwhile; those that went are among the connections."""
    before = {port.findtext("uuid"): _meant(port) for port in was.ports(name)}
    guests = {guest.port for guest in guests_of(now, name)}
    for port in now.ports(name):
        uuid = port.findtext("uuid") or ""
        old, new = before.get(uuid), _meant(port)
        if uuid in guests or old == new:
            continue
        same = old is not None and dict(old, bandwidth=None) == dict(new, bandwidth=None)
        if old is not None and same and can_set(rates(new), rates(old)):
            yield _set_rates(name, uuid, rates(old))
        else:
            yield _remove_port(name, uuid)  # one that was there before is then told again


def _meant(port: Element) -> Options:
    """A port without the traffic class that libvirt chose."""
    options: Options = NETWORK_PORT.parse(port)
    bandwidth = {name: value for name, value in (options.get("bandwidth") or {}).items() if name != "class_id"}
    return dict(options, bandwidth=bandwidth)


def _set_rates(name: str, uuid: str, limits: dict[str, int]) -> Step:
    return Step("set bandwidth of port %s of network %s" % (uuid, name),
                lambda host: host.libvirt.set_port_rates(name, uuid, limits), piece(name))


def _remove_port(name: str, uuid: str) -> Step:
    return Step("remove port %s of network %s" % (uuid, name), lambda host: host.libvirt.delete_port(name, uuid),
                piece(name))


# --- the kernel


def _kernel(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    """The bridge, and what is in it, as the kernel had them."""
    if was.devices is None or now.devices is None:
        return
    bridge = bridge_of(was, name)
    if bridge and manages_bridge(options_of(was, "network_live", name) or {}):
        yield from _bridge(name, bridge, was.devices.get(bridge), now.devices.get(bridge))
        yield from _sysctls(name, bridge, was, now)
    yield from members(was, now, name)
    yield from _devices(was, now, name, bridge)
    for guest in guests_of(now, name):
        yield from tags_as_they_were(was, now, guest.tap, piece(name))


def _devices(was: Snapshot, now: Snapshot, name: str, bridge: str | None) -> Iterator[Step]:
    """The taps of guests, and what else was in the bridge, also where the network did not run."""
    if was.devices is None or now.devices is None:
        return
    known = {*(members_of(was, bridge) if bridge else ()), *(guest.tap for guest in guests_of(was, name))}
    for device in sorted(known):
        before, after = was.devices.get(device), now.devices.get(device)
        if before is None or after is None:
            continue
        if before["mtu"] != after["mtu"]:
            yield set_mtu(name, device, before["mtu"])
        if before["master"] != after["master"] and before["master"] != bridge:
            yield _set_master(name, device, before["master"])
        if before["up"] != after["up"]:
            yield _set_up(name, device, before["up"])


def _set_master(name: str, device: str, master: str | None) -> Step:
    return Step("take %s out of its bridge" % device if master is None else "put %s into %s" % (device, master),
                lambda host: host.kernel.set_master(device, master), piece(name))


def _set_up(name: str, device: str, up: bool) -> Step:
    return Step("set %s %s" % (device, "up" if up else "down"),
                lambda host: host.kernel.set_up(device, up), piece(name))


def _bridge(name: str, bridge: str, before: Options | None, after: Options | None) -> Iterator[Step]:
    of = piece(name)
    if before is None:
        if after is not None:
            yield Step("remove bridge %s" % bridge, lambda host: host.kernel.remove_device(bridge), of)
        return
    if after is None:
        yield Step("make bridge %s again" % bridge, lambda host: host.kernel.make_bridge(bridge, before["mac"]), of)
        return
    if (before["stp"], before["delay"]) != (after["stp"], after["delay"]):
        yield Step("set spanning tree of bridge %s" % bridge,
                   lambda host: host.kernel.set_bridge(bridge, before["stp"], int(before["delay"])), of)
    if before["mac"] and before["mac"] != after["mac"]:
        yield Step("give bridge %s its MAC address" % bridge,
                   lambda host: host.kernel.set_mac(bridge, before["mac"]), of)
    if before["mtu"] != after["mtu"]:
        yield set_mtu(name, bridge, before["mtu"])
    if before["up"] != after["up"]:
        yield _set_up(name, bridge, before["up"])
    yield from _addresses(bridge, before, after, of)
    yield from _routes(bridge, before, after, of)


def _sysctls(name: str, bridge: str, was: Snapshot, now: Snapshot) -> Iterator[Step]:
    before, after = (seen.bridge_sysctls(bridge) if seen.device(bridge) else {} for seen in (was, now))
    changed = {key: value for key, value in before.items() if after.get(key, value) != value}
    if changed:
        yield Step("set the sysctls of bridge %s as they were" % bridge, set_sysctls(bridge, changed), piece(name))


def _addresses(bridge: str, before: Options, after: Options, of: Piece) -> Iterator[Step]:
    for address in _own(after) - _own(before):
        yield Step("remove address %s from bridge %s" % (address, bridge),
                   _address("remove_address", bridge, address), of)
    for address in _own(before) - _own(after):
        yield Step("add address %s to bridge %s" % (address, bridge), _address("add_address", bridge, address), of)


def _own(device: Options) -> set[str]:
    """The addresses of a device but those that the kernel gives to it."""
    return {address for address in device["addresses"] if not address.startswith("fe80:")}


def _address(call: str, bridge: str, address: str) -> Do:
    return lambda host: getattr(host.kernel, call)(bridge, address)


def _routes(bridge: str, before: Options, after: Options, of: Piece) -> Iterator[Step]:
    for call, there, others in (("remove_route", after, before), ("add_route", before, after)):
        for route in there["routes"]:
            if route not in others["routes"]:
                yield Step("%s %s" % (call.replace("_", " "), route["destination"]), _route(call, bridge, route), of)


def _route(call: str, bridge: str, route: Options) -> Do:
    return lambda host: getattr(host.kernel, call)(bridge, route["destination"], route["gateway"], route["metric"])
