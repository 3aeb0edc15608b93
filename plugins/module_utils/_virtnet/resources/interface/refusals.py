# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to fail of the steps for an interface. Pure: the host comes as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from ...documents.interface import INTERFACE
from ...documents.network import manages_bridge
from ...host.snapshot import Snapshot
from ...host.uses import mac_of
from ...schema.errors import Missing, Path, inside
from ...schema.scalars import MAC
from ..network.layers import options_of
from ..refusals import refuse_unlimitable, refuse_unwritable
from .cards import Card, cards_of
from .promise import Change, InterfacePlan
from .running import OWN_PREFIXES, given_by, is_bridged, named_tap

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

ROM = Path("rom", "file")


def foresee_interface(seen: Snapshot, domain: str, plan: InterfacePlan) -> None:
    live = [change for change in plan.changes if change.layer == "live"]
    lists = any(_changes_port(seen, change) for change in live)
    refuse_unwritable(seen, plan.needs | ({"write dnsmasq's files"} if lists else set()) | (
        {"make port"} if any(map(_makes_port, live)) else set()))
    for change in live:
        if change.element is not None and _makes_port(change):
            _refuse_limits_of_group(seen, change.card, change.element)
    for change in plan.changes:
        _take_rom(seen, domain, change, plan)
    _warn_of_others(seen, domain, plan)
    if any(drift.layer == "live" and drift.path.top == "bandwidth" for drift in plan.drift):
        for change in plan.changes:
            if change.layer == "live" and change.element is not None and _is_limited_by_tc(seen, change):
                refuse_unlimitable(seen, INTERFACE.parse(change.element).get("bandwidth"))


def _makes_port(change: Change) -> bool:
    """Whether libvirt makes a port, be it on trial, which it does with every update of an interface on a network."""
    source = change.element.find("source") if change.element is not None else None
    return source is not None and bool(source.get("network"))


def _refuse_limits_of_group(seen: Snapshot, card: Card | None, element: Element) -> None:
    """Refuses the limits of a portgroup that libvirt sets with an update of an interface that has not got them yet."""
    options = INTERFACE.parse(element)
    network = options_of(seen, "network_live", options["source"]["network"])
    if network is None or not is_bridged(network) or options.get("bandwidth"):
        return
    limits, now = given_by(network, options).get("bandwidth"), card.options if card else {}
    if limits and list(INTERFACE.node("bandwidth").differences(limits, now.get("bandwidth") or {}, Path("bandwidth"))):
        with inside("source", "portgroup"):
            refuse_unlimitable(seen, limits)


def _changes_port(seen: Snapshot, change: Change) -> bool:
    """Whether a network gets or loses a port, of which libvirt keeps a list where it makes the network's bridge."""
    before = change.card.raw.find("source") if change.card else None
    after = change.element.find("source") if change.element is not None else None
    names = {source.get("network") or "" for source in (before, after) if source is not None}
    networks = [options_of(seen, "network_live", name) for name in names if name]
    if not any(live is not None and manages_bridge(live) for live in networks):
        return False
    return before is None or after is None or any(
        before.get(name) != after.get(name) for name in ("network", "portgroup"))


def _is_limited_by_tc(seen: Snapshot, change: Change) -> bool:
    """Whether libvirt limits the device by tc, as it did all before it had Open vSwitch do so with its ports."""
    device = seen.device(change.card.tap) if change.card else None
    if change.card and seen.switch_port(change.card.tap):
        return not seen.limits_switch
    bridge = seen.device(device["master"]) if device else None
    return bridge is not None and bridge["kind"] == "bridge"


def _take_rom(seen: Snapshot, domain: str, change: Change, plan: InterfacePlan) -> None:
    """Refuses a file that QEMU does not find when it plugs the card, and warns of one for the guest's next start.

    One without a folder is among QEMU's own.
    """
    file, before = (_rom(element) for element in (change.element, change.card.element if change.card else None))
    if not file.startswith("/") or file == before or seen.kind_of(file) in ("file", None):
        return
    problem = "%s is no file on this host, and QEMU makes no card without it; put it there first" % file
    if change.layer == "live":
        raise Missing(ROM, problem)
    plan.warnings.append("%s: %s; guest %s does not start so" % (ROM, problem, domain))


def _rom(element: Element | None) -> str:
    rom = element.find("rom") if element is not None else None
    return "" if rom is None else rom.get("file") or ""


def _warn_of_others(seen: Snapshot, domain: str, plan: InterfacePlan) -> None:
    """Warns of a new MAC address or device name that another guest has, and of a device that is in the way."""
    macs = _new(plan, lambda element: MAC.normal(mac_of(element)))
    devices = {name for name in _new(plan, named_tap) if name and not name.startswith(OWN_PREFIXES)}
    mine = seen.domain(domain)
    for uuid, guest in seen.get("domains").items() if (macs or devices) and mine else ():
        for card in _cards(seen, uuid) if mine and uuid != mine.uuid else ():
            if card.mac in macs:
                plan.warnings.append("mac.address: %s is that of an interface of guest %s too; both cannot be on one"
                                     " network" % (card.mac, guest["name"]))
            if card.tap in devices:
                plan.warnings.append("target.dev: %s is that of an interface of guest %s too; both cannot run at once"
                                     % (card.tap, guest["name"]))
                devices.discard(card.tap)
            macs.discard(card.mac)
    own = {card.tap for card in _cards(seen, mine.uuid)} if mine and devices else set()
    plan.warnings += ["target.dev: the host already has a device %s, which libvirt is to make; guest %s does not start"
                      " while there is one" % (name, domain) for name in sorted(devices - own) if seen.device(name)]


def _new(plan: InterfacePlan, of: Callable[[Element], str]) -> set[str]:
    """What interfaces will have that they did not have before."""
    return ({of(change.element) for change in plan.changes if change.element is not None}
            - {of(change.card.element) for change in plan.changes if change.card is not None})


def _cards(seen: Snapshot, uuid: str) -> list[Card]:
    return [card for cards in cards_of(seen, uuid) for card in cards or ()]
