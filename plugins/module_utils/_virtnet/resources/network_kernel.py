# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel should have for a running network, and the steps that repair it. Pure: devices come as data."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..documents.network import NETWORK, manages_bridge, mode_of, prefix_of, subnet_of
from ..engine.converge import Drift, Host, Step


class Repair(NamedTuple):
    """A drift and the step that takes it away; without one, another step does, or only people can."""

    drift: Drift | None
    step: Step | None
    by_people: bool = False


def _drift(path: str, desired: Any, current: Any) -> Drift:
    return Drift("kernel", path, desired, current)


def expected_delay(bridge: dict) -> int:
    """The forward delay in seconds that the kernel makes of libvirt's: with spanning tree it is from 2 to 30."""
    delay = bridge.get("delay") or 0
    return min(max(delay, 2), 30) if bridge.get("stp", True) else delay


def kernel_repairs(live: dict, devices: dict, guests: list) -> Iterator[Repair]:
    """Where the kernel differs from a running network, in the order in which it is to be repaired.

    ``live`` are the options of the running definition, ``devices`` what Kernel.devices() says, ``guests`` the
    guest interfaces on the network.
    """
    name = (live.get("bridge") or {}).get("name")
    if not name:
        return
    if manages_bridge(live):
        yield from _bridge_repairs(name, live, devices.get(name))
    elif name not in devices:
        yield Repair(_drift("bridge.name", name, None), None, True)
        return
    if not live.get("virtualport"):
        yield from _tap_repairs(name, devices, guests)
    if manages_bridge(live):
        yield from _tap_mtu_repairs((live.get("mtu") or {}).get("size"), devices, guests)


def _bridge_repairs(name: str, live: dict, device: dict | None) -> Iterator[Repair]:
    bridge = live.get("bridge") or {}
    mac = (live.get("mac") or {}).get("address")
    if device is None:
        yield Repair(_drift("bridge", name, None), Step(
            "make bridge %s again" % name, lambda host: host.kernel.make_bridge(name, mac),
            lambda host: host.kernel.remove_device(name)))
        device = {"up": False, "mtu": None, "stp": None, "delay": None, "addresses": [], "routes": []}
    stp, delay = bridge.get("stp", True), expected_delay(bridge)
    if (device["stp"], device["delay"]) != (stp, delay):
        for path, desired, current in (("bridge.stp", stp, device["stp"]), ("bridge.delay", delay, device["delay"])):
            if desired != current:
                yield Repair(_drift(path, desired, current), None)
        yield Repair(None, Step(
            "set spanning tree %s and forward delay %d s of bridge %s" % ("on" if stp else "off", delay, name),
            lambda host: host.kernel.set_bridge(name, stp, delay), _bridge_undo(name, device)))
    mtu = (live.get("mtu") or {}).get("size")
    if mtu and device["mtu"] != mtu:
        yield Repair(_drift("mtu.size", mtu, device["mtu"]), Step(
            "set MTU %d of bridge %s" % (mtu, name), lambda host: host.kernel.set_mtu(name, mtu),
            lambda host: device["mtu"] and host.kernel.set_mtu(name, device["mtu"])))
    for index, ip in enumerate(live.get("ips") or []):
        yield from _address_repair(name, "%s/%d" % (ipaddress.ip_address(ip["address"]), prefix_of(ip)), index, device)
    if not device["up"]:
        yield Repair(_drift("bridge.up", True, False), Step(
            "set bridge %s up" % name, lambda host: host.kernel.set_up(name, True),
            lambda host: host.kernel.set_up(name, False)))
    for index, route in enumerate(live.get("routes") or []):
        yield from _route_repair(name, route, index, device)


def _bridge_undo(name: str, device: dict) -> Any:
    return lambda host: device["stp"] is not None and host.kernel.set_bridge(
        name, device["stp"], int(device["delay"]))


def _address_repair(name: str, address: str, index: int, device: dict) -> Iterator[Repair]:
    if address not in device["addresses"]:
        yield Repair(_drift("ips[%d].address" % index, address, None), Step(
            "add address %s to bridge %s" % (address, name), lambda host: host.kernel.add_address(name, address),
            lambda host: host.kernel.remove_address(name, address)))


def _route_repair(name: str, route: dict, index: int, device: dict) -> Iterator[Repair]:
    subnet = subnet_of(route) if int(ipaddress.ip_address(route["address"])) else route["address"] + "/0"
    destination, gateway = str(subnet), str(ipaddress.ip_address(route["gateway"]))
    metric = route.get("metric") or 1
    if {"destination": destination, "gateway": gateway, "metric": metric} not in device["routes"]:
        yield Repair(_drift("routes[%d]" % index, "%s via %s" % (destination, gateway), None), Step(
            "add route %s via %s" % (destination, gateway),
            lambda host: host.kernel.add_route(name, destination, gateway, metric),
            lambda host: host.kernel.remove_route(name, destination, gateway, metric)))


def _tap_repairs(bridge: str, devices: dict, guests: list) -> Iterator[Repair]:
    for guest in guests:
        tap = devices.get(guest.tap)
        if guest.tap and tap is None:
            yield Repair(_drift("guests[%s]" % guest.label, bridge, None), None, True)
        elif tap and tap["master"] != bridge:
            yield Repair(_drift("guests[%s]" % guest.label, bridge, tap["master"]), Step(
                "put %s of guest %s back into bridge %s" % (guest.tap, guest.domain, bridge),
                _set_master(guest.tap, bridge), _set_master(guest.tap, tap["master"])))


def _tap_mtu_repairs(mtu: int | None, devices: dict, guests: list) -> Iterator[Repair]:
    """Taps have the network's MTU, unless the guest's interface has one of its own."""
    for guest in guests:
        tap = devices.get(guest.tap)
        if mtu and tap and tap["mtu"] != mtu and guest.inactive.find("mtu") is None:
            yield Repair(_drift("guests[%s].mtu" % guest.label, mtu, tap["mtu"]), Step(
                "set MTU %d of %s of guest %s" % (mtu, guest.tap, guest.domain),
                _set_mtu(guest.tap, mtu), _set_mtu(guest.tap, tap["mtu"])))


def _set_mtu(device: str, mtu: int) -> Any:
    def step(host: Host) -> None:
        host.kernel.set_mtu(device, mtu)

    return step


def _set_master(tap: str, bridge: str | None) -> Any:
    def step(host: Host) -> None:
        host.kernel.set_master(tap, bridge)

    return step


def missing_devices(options: dict, names: dict) -> Iterator[tuple]:
    """(path, problem) of what a network needs of the host; ``names`` says of every device whether it is a bridge."""
    forward, bridge = options.get("forward") or {}, (options.get("bridge") or {}).get("name")
    devices = [("forward.dev", forward.get("dev")), ("forward.pf.dev", (forward.get("pf") or {}).get("dev"))]
    if not forward.get("pf"):
        devices += [("forward.interfaces[%d].dev" % index, interface["dev"])
                    for index, interface in enumerate(forward.get("interfaces") or [])
                    if interface["dev"] != forward.get("dev")]
    for path, device in devices:
        if device and device not in names:
            yield path, "the host has no device %s" % device
    if mode_of(options) == "bridge" and bridge:
        if bridge not in names:
            yield "bridge.name", "the host has no bridge %s" % bridge
        elif not options.get("virtualport") and not names[bridge]:
            yield "bridge.name", ("%s is not a Linux bridge; for an Open vSwitch bridge give"
                                  " virtualport: {type: openvswitch}" % bridge)


def place_of(address: dict) -> str:
    """The PCI address that the options of a pool's address mean, as the kernel spells it."""
    parts = NETWORK.node("forward").node("addresses").item.normal(address) or {}
    return "%04x:%02x:%02x.%x" % tuple(parts.get(name) or 0 for name in ("domain", "bus", "slot", "function"))


def missing_functions(options: dict, functions: frozenset) -> Iterator[tuple]:
    """(path, problem) of PCI addresses of a pool that are no virtual functions of the host."""
    for index, address in enumerate((options.get("forward") or {}).get("addresses") or []):
        place = place_of(address)
        if place not in functions:
            yield "forward.addresses[%d]" % index, "%s is no SR-IOV virtual function of the host" % place


def unstartable(options: dict, names: dict) -> Iterator[tuple]:
    """(path, problem) of what libvirt defines but the kernel does not take when the network starts."""
    bridge = (options.get("bridge") or {}).get("name") or ""
    if not manages_bridge(options):
        return
    if bridge in names:
        yield "bridge.name", "the host already has a device %s, which libvirt is to make" % bridge
    if len(bridge) > 15:
        yield "bridge.name", "%s is too long; the kernel takes at most 15 characters" % bridge
    seen = {}
    for index, ip in enumerate(options.get("ips") or []):
        address = ipaddress.ip_address(ip["address"])
        if address in seen:
            yield "ips[%d].address" % index, "%s is already in ips[%d]" % (address, seen[address])
        seen.setdefault(address, index)
