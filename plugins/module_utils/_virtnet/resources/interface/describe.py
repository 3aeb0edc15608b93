# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of a guest for people and for modules that only read."""

from __future__ import annotations

from ...documents.interface import INTERFACE
from ...documents.nwfilter_binding import NWFILTER_BINDING
from ...engine.plan import Drift
from ...host.snapshot import DomainRecord, Snapshot
from ...schema.errors import Missing
from ...schema.options import Options, option
from ...schema.sayable import sayable
from .addresses import addresses_of
from .cards import Card, cards_of
from .found import look, unknown_guest
from .layers import Pair, pairs_of


def describe_interfaces(seen: Snapshot, domain: str, mac: str | None, kernel: bool = False) -> list[Options]:
    """The interfaces of a guest as the module takes them, each with ``status``, what can only be read.

    ``kernel`` is whether it is said too where libvirt and the kernel have lost how a running one is connected.
    """
    record = seen.domain(domain)
    if record is None:
        raise unknown_guest(seen, domain)
    pairs = pairs_of(*cards_of(seen, record.uuid))
    if mac:
        macs = {card.mac for pair in pairs for card in pair.cards}
        pairs = [pair for pair in pairs if any(card.mac == mac for card in pair.cards)]
        if not pairs:
            raise Missing("mac", "guest %s has no interface with MAC %s; there are %s" % (
                domain, mac, ", ".join(sorted(macs)) or "none"))
    addresses = seen.get("addresses", record.uuid) if record.active else {}
    described = [_described(seen, record, pair, addresses, domain) for pair in pairs]
    if kernel and record.active:
        _add_kernel(seen, record, domain, list(zip(described, pairs)))
    return described


def _add_kernel(seen: Snapshot, record: DomainRecord, domain: str, pairs: list[tuple[Options, Pair]]) -> None:
    from .kernel import kernel_drift
    from .resource import Interface
    from .wanted import Aim

    aim = Aim(Interface(domain, {}), look(seen, domain, {}), record, {}, ["live"])
    for described, (_config, live) in pairs:
        described["status"]["drift"] += [drift.as_result() for drift in kernel_drift(aim, live)] if live else []


def _described(seen: Snapshot, record: DomainRecord, pair: Pair, addresses: Options, domain: str) -> Options:
    config, live = pair
    card, waiting = pair.cards[0], _waiting(config, live)
    layers = {} if not _has_own_layers(record, pair, waiting) else {"layers": ["live" if config is None else "config"]}
    options, left_out = sayable(INTERFACE, card.own)
    return dict({"domain": domain}, **options, **layers, status={
        "left_out": left_out,
        "config": config is not None,
        "live": live is not None,
        "running": _running(seen, record.uuid, live, addresses) if live else None,
        "drift": waiting,
    })


def _has_own_layers(record: DomainRecord, pair: Pair, waiting: list[Options]) -> bool:
    """Whether what is shown is so in one layer of the guest only, and so is to be given back to that alone."""
    return bool(waiting) or (record.active and record.persistent and not pair.is_whole)


def _running(seen: Snapshot, uuid: str, card: Card, addresses: Options) -> Options:
    """What there is of a running interface."""
    device, binding = seen.device(card.tap), seen.bindings().get(card.tap)
    return {
        "type": card.raw.get("type"),
        "alias": card.alias,
        "tap": card.tap or None,
        "bridge": device["master"] if device else None,
        "mtu": device["mtu"] if device else None,
        "link": option(card.options, "link", "state") or "up",
        "port": card.port or None,
        "inherited": sorted(card.inherited),
        "addresses": addresses_of(seen, card, addresses),
        "statistics": seen.get("statistics", "%s %s" % (uuid, card.tap or card.mac)),
        "filter": None if binding is None else NWFILTER_BINDING.parse(binding).get("filterref"),
    }


def _waiting(config: Card | None, live: Card | None) -> list[Options]:
    """Where a running interface differs from its configuration."""
    if config is None or live is None:
        return []
    current = {name: value for name, value in live.options.items()
               if name not in live.inherited or name in config.options}
    return [Drift("live", *found).as_result() for found in INTERFACE.differences(
        INTERFACE.whole(config.options, current), current)]
