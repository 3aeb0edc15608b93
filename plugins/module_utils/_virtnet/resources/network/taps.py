# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt and the kernel should have of guests whose taps are in a bridge, of a network's or of the host. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...documents.network import manages_bridge
from ...documents.vlan import VLAN, tags_of_port
from ...engine.plan import Do, Drift, Piece, Step
from ...host.uses import GuestInterface
from ...schema.errors import Entry, Path
from ...schema.options import Options, option
from ..repair import Devices, Repair, drift_of
from .connect import is_isolated, isolate, plug_in_again, put_into, vlans_of
from .filtering import carrying_repairs
from .piece import network as piece

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

USUAL_MTU = 1500  # of a bridge that libvirt makes


def guest_repairs(live: Options, devices: Devices, guests: Iterable[GuestInterface],
                  ports: Collection[str], switch: Mapping[str, Options]) -> Iterator[Repair]:
    """Where guests are not connected to a running network as libvirt once connected them."""
    name, of = option(live, "bridge", "name"), piece(live["name"])
    yield from _lost_ports(live["name"], name, devices, guests, ports)
    if name and not live.get("virtualport"):
        connected = [guest for guest in guests if guest.port in ports]
        yield from tap_repairs(name, devices, connected, of)
        yield from tap_mtu_repairs(network_mtu(name, live, devices), devices, guests, of)
    elif name:
        yield from tag_repairs(name, switch, [guest for guest in guests if guest.port in ports], of)
    else:
        yield from device_repairs(devices, guests)


def device_repairs(devices: Devices, guests: Iterable[GuestInterface]) -> Iterator[Repair]:
    """Guests on macvtap have their device, which nobody can give back while they run."""
    for guest in guests:
        if guest.live.get("type") == "direct" and guest.tap.startswith("macvtap") and guest.tap not in devices:
            yield Repair(drift_of(_of(guest, "target", "dev"), guest.tap, None), None, True)


def _lost_ports(network: str, bridge: str | None, devices: Devices, guests: Iterable[GuestInterface],
                ports: Collection[str]) -> Iterator[Repair]:
    """Guests of which libvirt has forgotten that they are on the network, as it does when that is stopped."""
    for guest in guests:
        if guest.port not in ports:
            tap = devices.get(guest.tap)
            moves = bridge and tap and guest.live.find("virtualport") is None  # libvirt moves none with a switch port
            step = plug_in_again(network, bridge or "", guest) if moves else None
            there = bool(tap and tap["master"] == bridge)
            yield Repair(drift_of(_of(guest), "connected", "unknown to libvirt" if there else None), step, step is None,
                         there)


def tap_repairs(bridge: str, devices: Devices, guests: Iterable[GuestInterface], of: Piece) -> Iterator[Repair]:
    """Taps are in the bridge, isolated there where libvirt shows that, and up."""
    for guest in guests:
        tap = devices.get(guest.tap)
        if guest.tap and tap is None:
            yield Repair(drift_of(_of(guest), bridge, None), None, True)
        if tap is None:
            continue
        if tap["master"] != bridge:
            yield Repair(drift_of(_of(guest), bridge, tap["master"]), Step(
                "put %s of guest %s back into bridge %s" % (guest.tap, guest.domain, bridge),
                _put_into(guest, bridge), of))
        elif is_isolated(guest) and not tap["port"].get("brport_isolated"):
            yield Repair(drift_of(_of(guest, "port", "isolated"), True, False), Step(
                "isolate %s of guest %s again" % (guest.tap, guest.domain), _isolate(guest), of))
        if not tap["up"]:
            yield Repair(drift_of(_of(guest, "up"), True, False), Step(
                "set %s of guest %s up" % (guest.tap, guest.domain), _set_up(guest.tap), of))
        vlan = guest.live.find("vlan")
        if tap["master"] == bridge and vlan is not None:
            if tap.get("vlans"):
                yield from _vlan_repairs(guest, tap["vlans"], of)
            yield from carrying_repairs(_of(guest, "vlan"), VLAN.parse(vlan), bridge, devices)


def _vlan_repairs(guest: GuestInterface, there: Options, of: Piece) -> Iterator[Repair]:
    """A tap in a bridge that filters VLANs is in those of its guest's interface, where that says which."""
    wanted = vlans_of(guest)
    lost = _vlan_drift(guest, wanted, there)
    step = Step("put %s of guest %s into its VLANs" % (guest.tap, guest.domain),
                lambda host: host.kernel.set_vlans(guest.tap, wanted), of)
    yield from (Repair(drift, step if drift is lost[0] else None) for drift in lost)


def _vlan_drift(guest: GuestInterface, wanted: Options, there: Options) -> list[Drift]:
    return [drift_of(_of(guest, "vlan", name), value, there[name]) for name, value in wanted.items()
            if there[name] != value]


def tag_repairs(bridge: str, switch: Mapping[str, Options], guests: Iterable[GuestInterface],
                of: Piece) -> Iterator[Repair]:
    """Ports of Open vSwitch are in their bridge, and have the tags of their guest's interface.

    A bridge that is a VLAN of another one gives tags of its own, and is not compared.
    """
    if (switch.get(bridge) or {}).get("bridge") != bridge:
        return
    for guest in guests:
        port, vlan = switch.get(guest.tap), guest.live.find("vlan")
        if port is None or port["bridge"] != bridge:
            yield Repair(drift_of(_of(guest), bridge, port and port["bridge"]), None, True)
            continue
        tags = tags_of_port(VLAN.parse(vlan) if vlan is not None else {})
        lost = _vlan_drift(guest, tags, port)
        yield from (Repair(drift, None) for drift in lost)
        if lost:
            yield Repair(None, Step("set the VLAN tags of %s of guest %s" % (guest.tap, guest.domain),
                                    _set_tags(guest.tap, tags), of))


def filter_repairs(live: Options, guests: Iterable[GuestInterface], unfiltered: Mapping[str, Sequence[Drift]],
                   hindered: str, come_back: bool = False) -> Iterator[Repair]:
    """Guests have the rules of their filters, ``unfiltered`` are those that the kernel has lost by tap.

    ``come_back`` is whether they do so by another step.
    """
    if not unfiltered:
        return
    from ..nwfilter_binding.rules import RELOAD, put_back, rule_repairs

    for guest in guests:
        for repair in rule_repairs(guest.tap, unfiltered.get(guest.tap, ()), hindered):
            if repair.drift:
                yield repair._replace(drift=repair.drift._replace(path=_of(guest, "filterref", "rules",
                                                                           *repair.drift.path[2:])))
    if not hindered and not come_back:
        yield Repair(None, Step(RELOAD, put_back, piece(live["name"])))


def network_mtu(bridge: str, live: Options, devices: Devices) -> int:
    """The MTU of taps in the bridge of a network, where their interfaces state none."""
    stated = option(live, "mtu", "size")
    return int(stated) if stated else usual_mtu(bridge, devices, USUAL_MTU if manages_bridge(live) else 0)


def usual_mtu(bridge: str, devices: Devices, least: int = 0) -> int:
    """The MTU of a bridge without what it has of its taps."""
    return max(devices[bridge]["mtu"] if bridge in devices else 0, unset_mtu(bridge, devices, least))


def unset_mtu(bridge: str, devices: Devices, least: int = USUAL_MTU) -> int:
    """The MTU that a bridge has where nobody sets one: the least of its ports, of which taps follow the bridge."""
    return min((device["mtu"] for device in devices.values()
                if device["master"] == bridge and device["kind"] != "tun"), default=least)


def tap_mtu_repairs(usual: int, devices: Devices, guests: Iterable[GuestInterface], of: Piece) -> Iterator[Repair]:
    """Taps have the MTU of their guest's interface, else the usual one."""
    for guest in guests:
        tap, own = devices.get(guest.tap), _mtu_of(guest.live)
        mtu = own if own and guest.inactive.find("mtu") is not None else usual
        if tap and mtu and tap["mtu"] not in (mtu, own):
            yield Repair(drift_of(_of(guest, "mtu"), mtu, tap["mtu"]), Step(
                "set MTU %d of %s of guest %s" % (mtu, guest.tap, guest.domain), _set_mtu(guest.tap, mtu), of))


def _mtu_of(interface: Element) -> int:
    found = interface.find("mtu")
    return int(found.get("size") or 0) if found is not None else 0


def _of(guest: GuestInterface, *steps: str) -> Path:
    return Path("guests", Entry(guest.label), *steps)


def _set_tags(port: str, tags: Options) -> Do:
    return lambda host: host.switch.set_tags(port, tags)


def _set_mtu(device: str, mtu: int) -> Do:
    return lambda host: host.kernel.set_mtu(device, mtu)


def _set_up(device: str) -> Do:
    return lambda host: host.kernel.set_up(device, True)


def _isolate(guest: GuestInterface) -> Do:
    return lambda host: isolate(host, guest)


def _put_into(guest: GuestInterface, bridge: str) -> Do:
    return lambda host: put_into(host, guest, bridge)
