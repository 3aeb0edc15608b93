# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where libvirt and the kernel have lost how a running interface is connected, as a network's repairs know it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ...documents.interface import INTERFACE
from ...documents.network import manages_bridge, prefix_of, spelled
from ...engine.plan import Do, Drift, Step
from ...host.uses import GuestInterface, on_open_vswitch
from ...schema.errors import Path
from ...schema.options import Options, option
from ..network.taps import (
    device_repairs,
    guest_repairs,
    network_mtu,
    tag_repairs,
    tap_mtu_repairs,
    tap_repairs,
    usual_mtu,
)
from ..repair import Repair, carry_out, drift_of
from .cards import Card
from .piece import interface as piece
from .promise import InterfacePlan
from .wanted import Aim

NO_BRIDGE = ("guest %(guest)s reaches nothing: bridge %(bridge)s of network %(network)s is gone; the module network"
             " (name: %(network)s, state: active) makes it again and puts the guests into it")
REMEDY = "replace: true has it connected again, which takes a moment"


def repair(aim: Aim, plan: InterfacePlan, card: Card, changed: Collection[str]) -> None:
    """Repairs how an interface is connected, but for the options that another step changes."""
    found = [one for one in _repairs(aim, card) if not one.drift or one.drift.path.top not in changed]
    carry_out(found, plan, aim.desired.replace, REMEDY)


def kernel_drift(aim: Aim, card: Card) -> list[Drift]:
    """Where libvirt and the kernel have lost how a running interface is connected."""
    return [one.drift for one in _repairs(aim, card) if one.drift is not None]


def _repairs(aim: Aim, card: Card) -> Iterator[Repair]:
    """What a network knows to repair of its guests, with paths of the interface."""
    source = Path("source", "network" if card.network else "bridge")
    for one in _by_network(aim, card) if card.network else _by_host(aim, card):
        if one.drift is not None and one.drift.path.top == "guests":
            one = one._replace(drift=one.drift._replace(path=Path(*one.drift.path[2:]) or source))
        yield one
    if card.raw.get("type") in ("direct", "ethernet"):
        yield from _of_a_device(aim, card, (aim.found.devices or {}).get(card.tap))
    yield from _unfiltered(aim, card)


def left_behind(aim: Aim, card: Card, now: Options) -> Step | None:
    """Puts a tap into the bridge of a network that it moves to, of the name of the one that is gone.

    From 10.0 on libvirt leaves it in none then.
    """
    devices, network = aim.found.devices, aim.found.networks.get(option(now, "source", "network"))
    if devices is None or network is None or not card.bridge or option(network, "bridge", "name") != card.bridge:
        return None
    tap = devices.get(card.tap)
    if tap is None or tap["master"] is not None:
        return None
    guest, of = _guest(aim, card), piece(aim.record.uuid, card.mac)
    return next((one.step for one in tap_repairs(card.bridge, devices, [guest], of)), None)


def moved_mtu(aim: Aim, card: Card, now: Options) -> Repair | None:
    """What gives a tap the MTU of the network or bridge that its interface moves to, which libvirt does not."""
    devices, network = aim.found.devices, aim.found.networks.get(option(now, "source", "network"))
    if devices is None:
        return None
    bridge = option(network or now, *(("bridge", "name") if network else ("source", "bridge"))) or ""
    usual = network_mtu(bridge, network, devices) if network else usual_mtu(bridge, devices)
    element, of = INTERFACE.render(now, card.element), piece(aim.record.uuid, card.mac)
    guest = GuestInterface(aim.guest, aim.record.uuid, card.mac, card.tap, card.port, element, element)
    return next(tap_mtu_repairs(usual, devices, [guest], of), None)


def _unfiltered(aim: Aim, card: Card) -> Iterator[Repair]:
    """What the kernel lacks of the rules of its filter."""
    lost = aim.found.unfiltered.get(card.tap)
    if lost:
        from ..nwfilter_binding.rules import rule_repairs

        for one in rule_repairs(card.tap, lost, aim.found.hindered):
            yield one._replace(drift=one.drift and one.drift._replace(
                path=Path("filterref", "rules", *one.drift.path[2:])))


def _by_network(aim: Aim, card: Card) -> Iterable[Repair]:
    devices, live = aim.found.devices, aim.found.networks.get(card.network)
    if live is None:
        return [Repair(drift_of(Path("source", "network"), card.network, "not running"), None, True)]
    if devices is None:
        return ()
    bridge = option(live, "bridge", "name")
    if bridge and manages_bridge(live) and bridge not in devices:
        return [Repair(drift_of(Path("source", "network"), card.network, None), None, remedy=NO_BRIDGE % {
            "bridge": bridge, "network": card.network, "guest": aim.guest})]
    ports = {port.findtext("uuid") or "" for port in aim.found.ports.get(card.network, ())}
    return guest_repairs(live, devices, [_guest(aim, card)], ports, aim.found.switch)


def _by_host(aim: Aim, card: Card) -> Iterator[Repair]:
    """An interface of a bridge or of another device of the host."""
    devices, bridge = aim.found.devices, card.bridge
    if on_open_vswitch(card.raw):
        yield from tag_repairs(bridge, aim.found.switch, [_guest(aim, card)], piece(aim.record.uuid, card.mac))
    if devices is None or option(card.options, "virtualport", "type"):
        return
    if card.options.get("type") != "bridge":
        yield from device_repairs(devices, [_guest(aim, card)])
        return
    if bridge not in devices:
        yield Repair(drift_of(Path("source", "bridge"), bridge, None), None, True)
        return
    guest, of = _guest(aim, card), piece(aim.record.uuid, card.mac)
    yield from tap_repairs(bridge, devices, [guest], of)
    yield from tap_mtu_repairs(usual_mtu(bridge, devices), devices, [guest], of)


def _of_a_device(aim: Aim, card: Card, device: Options | None) -> Iterator[Repair]:
    """A device in no bridge of libvirt's is as libvirt made it; that of a guest that stands still may be down."""
    if device is None or option(card.options, "target", "managed") is False or aim.record.state:
        return
    tap, of = card.tap, piece(aim.record.uuid, card.mac)
    if not device["up"]:
        yield Repair(drift_of(Path("up"), True, False), Step(
            "set %s of guest %s up" % (tap, aim.guest), lambda host: host.kernel.set_up(tap, True), of))
    mtu = option(card.options, "mtu", "size")
    if mtu and device["mtu"] != mtu:
        yield Repair(drift_of(Path("mtu"), mtu, device["mtu"]), Step(
            "set MTU %d of %s of guest %s" % (mtu, tap, aim.guest), lambda host: host.kernel.set_mtu(tap, mtu), of))
    for index, ip in enumerate(option(card.options, "source", "ips") or []):
        address = "%s/%d" % (spelled(ip["address"]), prefix_of(ip))
        if not ip.get("peer") and address not in device["addresses"]:
            yield Repair(drift_of(Path("source", "ips", index, "address"), address, None), Step(
                "add address %s to %s of guest %s" % (address, tap, aim.guest), _add_address(tap, address), of))


def _add_address(device: str, address: str) -> Do:
    return lambda host: host.kernel.add_address(device, address)


def _guest(aim: Aim, card: Card) -> GuestInterface:
    own = dict(card.own)
    if "virtualport" in card.options:  # one from the network would get another identity
        own["virtualport"] = card.options["virtualport"]
    return GuestInterface(aim.guest, aim.record.uuid, card.mac, card.tap, card.port, card.raw,
                          INTERFACE.render(own, card.element))
