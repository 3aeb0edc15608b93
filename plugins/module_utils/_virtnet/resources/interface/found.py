# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's interfaces, the one among them that a task means, and what of the host matters to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Callable, NamedTuple

from ...host.snapshot import DomainRecord, Snapshot
from ...schema.options import Options, option
from ..network.found import options_of
from .cards import Card, Cards, cards_of
from .meant import Meant, meant

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...schema.nodes import Version


class InterfaceFound(NamedTuple):
    """The guest with all its interfaces, in its configuration and running; None where it has no such layer.

    ``record`` is None when there is no such guest. ``networks`` are the running networks as options, ``ports`` the
    documents of their ports, ``devices`` the host's, None when not known: what only a running guest needs.
    ``traffic`` is what tc limits of the devices of running interfaces with bandwidth and of their bridges.
    """

    record: DomainRecord | None
    version: Version
    config: Cards
    live: Cards
    meant: Meant
    networks: dict[str, Options]
    ports: dict[str, tuple[Element, ...]]
    devices: dict[str, Options] | None
    traffic: dict[str, Options | None]

    @property
    def cards(self) -> tuple[Card, ...]:
        return (self.config or ()) + (self.live or ())

    def port_of(self, card: Card | None) -> Element | None:
        """The document of the port of a running interface, None without one."""
        ports = self.ports.get(card.network, ()) if card else ()
        return next((port for port in ports if card and port.findtext("uuid") == card.port), None)


def look(seen: Snapshot, domain: str, options: Options,
         hides: Callable[[Card], bool] = lambda card: False, absent: bool = False) -> InterfaceFound:
    """Everything about the interfaces of a guest but those that are hidden, for the one that these options mean."""
    record = seen.domain(domain)
    if record is None:
        return InterfaceFound(None, seen.version, None, None, Meant(), {}, {}, None, {})
    every = cards_of(seen, record.uuid)
    config, live = (None if cards is None else tuple(card for card in cards if not hides(card)) for cards in every)
    named = {option(card.options, "source", "network") for cards in every for card in cards or ()}
    networks = _networks(seen, named | {option(options, "source", "network")})
    return InterfaceFound(
        record, seen.version, config, live, meant(options, record, config, live, absent),
        networks=networks,
        ports={name: seen.ports(name) for name in networks} if record.active else {},
        devices=seen.devices if record.active else None,
        traffic=_traffic(seen, live or ()),
    )


def _networks(seen: Snapshot, names: Iterable[str | None]) -> dict[str, Options]:
    """Those of the networks that run, as options."""
    found = {name: options_of(seen, "network_live", name) for name in names if name}
    return {name: options for name, options in found.items() if options is not None}


def _traffic(seen: Snapshot, cards: Iterable[Card]) -> dict[str, Options | None]:
    """What tc limits for interfaces with bandwidth; virtual switches keep limits of their own."""
    limited = [card for card in cards if card.options.get("bandwidth") and card.raw.find("virtualport") is None]
    return {name: seen.traffic(name) for card in limited for name in (card.tap, card.bridge) if name}


def model(domain: str, one: Meant) -> Options:
    """An interface as the module takes it."""
    card = one.config or one.live
    return {"domain": domain, "state": "absent"} if card is None else dict({"domain": domain}, **card.own)
