# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel should have for a running network, and the steps that repair it. Pure: devices come as data."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator

from ...documents.device import not_a_name, not_an_mtu
from ...documents.network import NETWORK, manages_bridge, mode_of, prefix_of, spelled, spelled_subnet, subnet_of
from ...engine.plan import Drift, Piece, Step
from ...host.uses import GuestInterface
from ...schema.errors import Path
from ...schema.options import Options, Value, option
from ...schema.scalars import MAC, without_odd
from ..bridges import unfit_bridge
from ..repair import Devices, Repair, drift_of
from .filtering import filtering_repairs
from .found import NetworkFound
from .piece import network as piece
from .taps import filter_repairs, guest_repairs
from .upkeep import Upkeep, sysctl_repairs, upkeep_repairs

Problem = tuple[Path, str]
DHCPV6_PREFIX = 64


def expected_delay(bridge: Options) -> int:
    """The forward delay in seconds that the kernel makes of libvirt's: with spanning tree it is from 2 to 30."""
    delay = bridge.get("delay") or 0
    return min(max(delay, 2), 30) if bridge.get("stp", True) else delay


def kernel_repairs(live: Options, devices: Devices, guests: Iterable[GuestInterface], ports: Collection[str],
                   upkeep: Upkeep) -> Iterator[Repair]:
    """Where the kernel differs from a running network, in the order in which it is to be repaired.

    ``live`` are the options of the running definition, ``devices`` those of the host, ``guests`` the
    guest interfaces on the network, ``ports`` the UUIDs of its ports, ``upkeep`` what libvirt keeps up.
    """
    live = without_odd(live)
    name = option(live, "bridge", "name")
    if name and manages_bridge(live):
        yield from _bridge_repairs(name, live, devices.get(name), upkeep)
    elif name and name not in devices:
        yield Repair(drift_of(Path("bridge", "name"), name, None), None, True)
        return
    yield from upkeep_repairs(live, upkeep)  # some name a bridge by its index, and guests wait for them
    yield from filtering_repairs(live, devices)
    yield from guest_repairs(live, devices, guests, ports, upkeep.switch)
    yield from filter_repairs(live, guests, upkeep.unfiltered, upkeep.filters_hindered,
                              upkeep.restarts_filters)


def _bridge_repairs(name: str, live: Options, device: Options | None, upkeep: Upkeep) -> Iterator[Repair]:
    bridge, of = live.get("bridge") or {}, piece(live["name"])
    mac = option(live, "mac", "address")
    is_new = device is None
    if device is None:
        yield Repair(drift_of(Path("bridge"), name, None), Step(
            "make bridge %s again" % name, lambda host: host.kernel.make_bridge(name, mac), of))
        device = {"up": False, "mac": None, "mtu": None, "stp": None, "delay": None, "addresses": [], "routes": []}
    yield from sysctl_repairs(name, live, None if is_new else upkeep.sysctls, upkeep.forwarding)
    if mac and device["mac"] and MAC.normal(mac) != device["mac"]:
        yield Repair(drift_of(Path("mac", "address"), mac, device["mac"]), Step(
            "set MAC address %s of bridge %s" % (mac, name), lambda host: host.kernel.set_mac(name, mac), of))
    stp, delay = bridge.get("stp", True), expected_delay(bridge)
    if (device["stp"], device["delay"]) != (stp, delay):
        for path, desired, current in (("stp", stp, device["stp"]), ("delay", delay, device["delay"])):
            if desired != current:
                yield Repair(drift_of(Path("bridge", path), desired, current), None)
        yield Repair(None, Step(
            "set spanning tree %s and forward delay %d s of bridge %s" % ("on" if stp else "off", delay, name),
            lambda host: host.kernel.set_bridge(name, stp, delay), of))
    mtu = option(live, "mtu", "size")
    if mtu and device["mtu"] != mtu:
        yield Repair(drift_of(Path("mtu", "size"), mtu, device["mtu"]), Step(
            "set MTU %d of bridge %s" % (mtu, name), lambda host: host.kernel.set_mtu(name, mtu), of))
    for index, ip in enumerate(live.get("ips") or []):
        yield from _address_repair(name, "%s/%d" % (spelled(ip["address"]), prefix_of(ip)), index, device,
                                   of)
    if not device["up"]:
        yield Repair(drift_of(Path("bridge", "up"), True, False), Step(
            "set bridge %s up" % name, lambda host: host.kernel.set_up(name, True), of))
    for index, route in enumerate(live.get("routes") or []):
        yield from _route_repair(name, route, index, device, of)


def _address_repair(name: str, address: str, index: int, device: Options, of: Piece) -> Iterator[Repair]:
    if address not in device["addresses"]:
        yield Repair(drift_of(Path("ips", index, "address"), address, None), Step(
            "add address %s to bridge %s" % (address, name), lambda host: host.kernel.add_address(name, address), of))


def _route_repair(name: str, route: Options, index: int, device: Options, of: Piece) -> Iterator[Repair]:
    address = route["address"]
    destination = spelled_subnet(subnet_of(route)) if int(ipaddress.ip_address(address)) else address + "/0"
    gateway = spelled(route["gateway"])
    metric = route.get("metric") or 1
    if {"destination": destination, "gateway": gateway, "metric": metric} not in device["routes"]:
        yield Repair(drift_of(Path("routes", index), "%s via %s" % (destination, gateway), None), Step(
            "add route %s via %s" % (destination, gateway),
            lambda host: host.kernel.add_route(name, destination, gateway, metric), of))


def missing_devices(options: Options, there: Devices) -> Iterator[Problem]:
    """(path, problem) of what a network needs of the host, of which ``there`` are the devices."""
    forward, bridge = options.get("forward") or {}, option(options, "bridge", "name")
    devices = [(Path("forward", "dev"), forward.get("dev")),
               (Path("forward", "pf", "dev"), option(forward, "pf", "dev"))]
    if not forward.get("pf"):
        devices += [(Path("forward", "interfaces", index, "dev"), interface["dev"])
                    for index, interface in enumerate(forward.get("interfaces") or [])
                    if interface["dev"] != forward.get("dev")]
    for path, device in devices:
        if device and device not in there:
            yield path, "the host has no device %s" % device
    if mode_of(options) == "bridge" and bridge:
        if bridge not in there:
            yield Path("bridge", "name"), "the host has no bridge %s" % bridge
            return
        problem = unfit_bridge(bridge, there[bridge]["kind"], option(options, "virtualport", "type"),
                               "leave bridge out and give forward.interfaces: [{dev: %s}]")
        if problem:
            yield Path("bridge", "name"), problem


def place_of(address: Options) -> str:
    """The PCI address that the options of a pool's address mean, as the kernel spells it."""
    parts = NETWORK.node("forward").node("addresses").item.normal(address) or {}
    return "%04x:%02x:%02x.%x" % tuple(parts.get(name) or 0 for name in ("domain", "bus", "slot", "function"))


def missing_functions(options: Options, functions: frozenset[str]) -> Iterator[Problem]:
    """(path, problem) of PCI addresses of a pool that are no virtual functions of the host."""
    for index, address in enumerate(option(options, "forward", "addresses") or []):
        place = place_of(address)
        if place not in functions:
            yield Path("forward", "addresses", index), "%s is no SR-IOV virtual function of the host" % place


def unstartable(options: Options, there: Devices, goes: str | None = None) -> Iterator[Problem]:
    """(path, problem) of what libvirt defines but the kernel does not take when the network starts.

    ``goes`` is the device that goes when the network stops before.
    """
    bridge = option(options, "bridge", "name") or ""
    if not manages_bridge(options):
        return
    if bridge in there and bridge != goes:
        yield Path("bridge", "name"), "the host already has a device %s, which libvirt is to make" % bridge
    forward, mtu = options.get("forward") or {}, option(options, "mtu", "size") or 0
    has_ipv6 = any(":" in ip["address"] for ip in options.get("ips") or [])
    for path, value, problem in (
            (Path("bridge", "name"), bridge, not_a_name(bridge)),
            (Path("forward", "dev"), forward.get("dev"), not_a_name(forward.get("dev") or "")),
            *((Path("forward", "interfaces", index, "dev"), one["dev"], not_a_name(one["dev"]))
              for index, one in enumerate(forward.get("interfaces") or []) if one["dev"] != forward.get("dev")),
            (Path("mtu", "size"), mtu, not_an_mtu(mtu, False, has_ipv6))):
        if problem:
            yield path, "%s %s" % (value, problem)
    seen: dict[Value, int] = {}
    for index, ip in enumerate(options.get("ips") or []):
        address = ipaddress.ip_address(ip["address"])
        if address.version == 6 and ip.get("dhcp") and prefix_of(ip) < DHCPV6_PREFIX:
            yield Path("ips", index, "dhcp"), ("dnsmasq serves DHCPv6 only where the prefix is %d or longer, and that"
                                               " of %s is %d" % (DHCPV6_PREFIX, address, prefix_of(ip)))
        if address in seen:
            yield Path("ips", index, "address"), "%s is already in ips[%d]" % (address, seen[address])
        seen.setdefault(address, index)


# --- limits, and what a pool hands out


def stale_limits(found: NetworkFound, live: Options) -> list[Drift]:
    """Where only a restart helps: tc's limits of the bridge, and what a pool hands out."""
    drift = _pool_drift(found)
    if found.traffic is not None:
        from ..bandwidth import bridge_drift

        drift = [*bridge_drift(live.get("bandwidth"), found.traffic), *drift]
    return drift


def _pool_drift(found: NetworkFound) -> list[Drift]:
    """Where a pool hands out other virtual functions than its physical function has; libvirt looks when it starts."""
    forward = None if found.pool is None or not found.record or found.record.live is None else (
        found.record.live.find("forward"))
    if forward is None:
        return []
    if mode_of(found.live or {}) == "hostdev":
        table = NETWORK.node("forward").node("addresses").item
        handed = {place_of(table.parse(address)) for address in forward.findall("address")}
    else:
        handed = {interface.get("dev") or "" for interface in forward.findall("interface")}
    if handed == set(found.pool or ()):
        return []
    return [Drift("kernel", Path("forward", "pf"), sorted(found.pool or ()), sorted(handed))]


def kernel_drift(found: NetworkFound) -> list[Drift]:
    """Where the kernel differs from the running definition."""
    if found.live is None:
        return []
    repairs = kernel_repairs(found.live, found.devices, found.guests, found.known_ports, found.upkeep) if (
        found.devices is not None) else ()
    return [repair.drift for repair in repairs if repair.drift] + stale_limits(found, found.live)
