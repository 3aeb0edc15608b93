# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the interfaces of a guest with some MAC addresses become again as they were. Pure.

A guest that is gone, or was shut down meanwhile, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...documents.interface import INTERFACE
from ...documents.network_port import NETWORK_PORT
from ...engine.plan import Step
from ...host.snapshot import Snapshot
from ...schema.options import Options
from ...schema.xml import dump_xml
from ..bandwidth import rates
from ..held import moving
from ..network.connect import out_of_vlans
from ..network.layers import options_of
from ..switch import tags_as_they_were
from .boot import boot_as, kinds_of
from .cards import Card, cards_of
from .piece import interface_named as named
from .running import changes_portgroup, in_place, is_refiltered
from .steps import let_go, plug, update_running

if TYPE_CHECKING:
    from ...engine.plan import Do
    from ...host.host import Host


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    uuid, *macs = name.split(" ")
    there, known = now.get("domains"), was.get("domains")
    if uuid not in there or uuid not in known:
        return
    before, after = cards_of(was, uuid), cards_of(now, uuid)
    target = _Target(uuid, name, "interface %s of guest %s" % (macs[0], known[uuid]["name"]), macs)
    if before[0] is not None and after[0] is not None:
        yield from _configuration(target, before[0], after[0])
        former = was.domain_of(uuid).config
        if former is not None and kinds_of(former) != kinds_of(now.domain_of(uuid).config):
            yield target.configuring("have the guest of %s boot as it did", lambda host: host.libvirt.edit_domain(
                uuid, lambda document: boot_as(document, former)))
    if before[1] is not None and after[1] is not None:
        yield from _Live(was, now, target).steps(before[1], after[1])


class _Target(NamedTuple):
    """The interfaces of a guest that are brought back, by their MAC addresses."""

    uuid: str
    name: str
    label: str
    macs: list[str]

    def of(self, cards: tuple[Card, ...]) -> list[Card]:
        return [card for card in cards if card.mac in self.macs]

    def step(self, title: str, do: Do) -> Step:
        return Step(title % self.label, do, named(self.name))

    def configuring(self, title: str, do: Do) -> Step:
        return self.step(title, do)._replace(writes=("domain_config", self.uuid))


def _configuration(target: _Target, before: tuple[Card, ...], after: tuple[Card, ...]) -> Iterator[Step]:
    old, new = target.of(before), target.of(after)
    if [dump_xml(card.raw) for card in old] == [dump_xml(card.raw) for card in new]:
        return
    elements = [card.raw for card in _in_places(target, before, after)]
    yield target.configuring("configure %s as it was",
                             lambda host: host.libvirt.define_interfaces(target.uuid, elements))


def _in_places(target: _Target, before: tuple[Card, ...], after: tuple[Card, ...]) -> list[Card]:
    """What was, and of all others what is now; in the old places, for a guest may name its devices by their order."""
    others = [card for card in after if card.mac not in target.macs]
    cards = []
    for card in before:
        same = [card] if card.mac in target.macs else [other for other in others if other.mac == card.mac][:1]
        cards += same
        others = [other for other in others if other not in same]
    return cards + others


def _pairs(before: list[Card], after: list[Card]) -> list[tuple[Card | None, Card | None]]:
    """What was and what is now, by alias; libvirt gives another one to what is plugged in again."""
    pairs: list[tuple[Card | None, Card | None]] = []
    left = list(after)
    for old in before:
        same = [new for new in left if new.alias == old.alias]
        pairs.append((old, same[0] if same else None))
        left = [new for new in left if new not in same]
    for place, pair in enumerate(pairs):
        if pair[1] is None and left:
            pairs[place] = (pair[0], left.pop(0))
    return pairs + [(None, new) for new in left]


class _Live:
    """The way back of a running guest's interfaces; what the kernel limits too where that was to change."""

    def __init__(self, was: Snapshot, now: Snapshot, target: _Target) -> None:
        self._was, self._now, self._target, self._uuid = was, now, target, target.uuid
        self._step = target.step

    def steps(self, before: tuple[Card, ...], after: tuple[Card, ...]) -> Iterator[Step]:
        """First what is to go, for it may be in the place of what is to come back."""
        pairs = _pairs(self._target.of(before), self._target.of(after))
        yield from (self._unplug(new) for old, new in pairs if new is not None and old is None)
        for old, new in pairs:
            if old is not None:
                yield from [self._plug_in(old)] if new is None else self._change(old, new)

    def _unplug(self, card: Card) -> Step:
        return self._step("unplug %s", lambda host: let_go(host, self._uuid, card.raw))

    def _plug_in(self, card: Card) -> Step:
        return self._step("plug in %s as it was", lambda host: plug(host, self._uuid, card.element))

    def _change(self, old: Card, new: Card) -> Iterator[Step]:
        before, after = INTERFACE.normal(old.own), INTERFACE.normal(new.own)
        names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        if not names:
            if old.tap == new.tap:
                yield from self._device(old.tap)
                yield from tags_as_they_were(self._was, self._now, old.tap, named(self._target.name))
            yield from self._limit(old, new) if "limits" in self._target.macs else ()
        elif not names <= in_place(new.raw, old.options, self._networks(old, new), self._now.version):
            yield self._unplug(new)  # the next round plugs in what was there
        elif changes_portgroup(new.options, old.options):
            yield self._step("connect %s as it was", moving(new.tap, lambda host: host.libvirt.plug_in_again(
                self._uuid, old.element, new.bridge, new.raw), new.raw, old.element))
        else:
            def update(host: Host) -> None:
                update_running(host, self._uuid, old.element, old.raw)

            if "source" in names or is_refiltered(new.raw, new.options, old.options):
                yield self._step("change %s to what it was", moving(new.tap, update, new.raw, old.element))
            else:
                yield self._step("change %s to what it was", update)

    def _device(self, tap: str) -> Iterator[Step]:
        """A tap comes back into the bridge that it was in, as it was there."""
        before, after = self._was.device(tap), self._now.device(tap)
        if before is None or after is None:
            return
        master = before["master"]
        if master != after["master"]:
            if master is None or self._now.device(master):
                yield self._step("put the device of %s where it was", lambda host: host.kernel.set_master(tap, master))
        elif master and before["port"] != after["port"]:
            yield self._step("set up the port of %s as it was", lambda host: host.kernel.set_port(tap, before["port"]))
        elif master and out_of_vlans(before, after):
            yield self._step("put %s into its VLANs", lambda host: host.kernel.set_vlans(tap, before["vlans"]))
        if before["mtu"] != after["mtu"]:
            yield self._step("give %s its MTU", lambda host: host.kernel.set_mtu(tap, before["mtu"]))
        if before["up"] != after["up"]:
            yield self._step("set the device of %s as it was", lambda host: host.kernel.set_up(tap, before["up"]))

    def _networks(self, *cards: Card) -> dict[str, Options]:
        found = {card.network: options_of(self._now, "network_live", card.network) for card in cards if card.network}
        return {name: options for name, options in found.items() if options is not None}

    def _limit(self, old: Card, new: Card) -> Iterator[Step]:
        """A port that libvirt changed before the tap, and the first part of limits of which the kernel lacks more."""
        limits = rates(old.options)
        port, now = _rates_of(self._was, old), _rates_of(self._now, new)
        if port is not None and now is not None and port != now:
            yield self._step("limit the port of %s again",
                             lambda host: host.libvirt.set_port_rates(new.network, new.port, port or {}))
        if self._was.traffic(old.tap) != self._now.traffic(new.tap):
            yield self._step("limit the traffic of %s again",
                             lambda host: host.libvirt.set_interface_rates(self._uuid, new.tap, limits))


def _rates_of(seen: Snapshot, card: Card) -> dict[str, int] | None:
    """The bandwidth of the port that an interface has."""
    port = next((port for port in seen.ports(card.network) if port.findtext("uuid") == card.port), None) if (
        card.network and card.port) else None
    return None if port is None else rates(NETWORK_PORT.parse(port))
