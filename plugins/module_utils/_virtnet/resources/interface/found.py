# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's interfaces, the one among them that a task means, and what of the host matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ...host.snapshot import DomainRecord, Snapshot
from ...host.uses import limited_here, on_open_vswitch
from ...schema.errors import Missing, Path, there_is_no
from ...schema.options import Options, option
from ..bridges import unfit_bridge
from ..network.filtering import tagless
from ..network.groups import has_group, no_group
from ..network.layers import options_of
from .cards import Card, Cards, cards_of, saved_cards
from .meant import Meant, meant

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...engine.plan import Drift
    from ...schema.nodes import Version


Problem = tuple[Path, str]


class InterfaceFound(NamedTuple):
    """The guest with all its interfaces, in its configuration and running; None where it has no such layer.

    ``record`` is None when there is no such guest. ``networks`` are the running networks as options, ``ports`` the
    documents of their ports, ``devices`` the host's, None when not known: what only a running guest needs.
    ``traffic`` is what is limited of the devices of running interfaces with bandwidth and of their bridges, ``lacks``
    what the options name and the host has not. ``saved`` are the interfaces with which it goes on from a managed save,
    ``configured`` what the networks will be when they are started again. ``unfiltered`` is by tap what the kernel lacks
    of the rules of its filter, ``hindered`` why libvirt's daemon does not put that back, empty where it can. ``switch``
    are the ports of Open vSwitch, where a running interface is on one. ``variables`` are what the filter needs that the
    options name. ``tagless`` are the Linux bridges of the host that heed no VLAN tags.
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
    lacks: tuple[Problem, ...] = ()
    saved: Cards = None
    configured: Mapping[str, Options] = MappingProxyType({})
    unfiltered: Mapping[str, list[Drift]] = MappingProxyType({})
    hindered: str = ""
    switch: Mapping[str, Options] = MappingProxyType({})
    variables: frozenset[str] = frozenset()
    tagless: frozenset[str] = frozenset()

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
        error = unknown_guest(seen, domain)
        return InterfaceFound(None, seen.version, None, None, Meant(), {}, {}, None, {},
                              lacks=((error.path, error.problem),))
    every = cards_of(seen, record.uuid)
    config, live = (None if cards is None else tuple(card for card in cards if not hides(card)) for cards in every)
    named = {option(card.options, "source", "network") for cards in every for card in cards or ()}
    networks = _networks(seen, named | {option(options, "source", "network")})
    one = meant(options, record, config, live, absent)
    there = one.config or one.live
    return InterfaceFound(
        record, seen.version, config, live, one,
        networks=networks,
        ports={name: seen.ports(name) for name in networks} if record.active else {},
        devices=seen.devices if record.active else None,
        traffic=_traffic(seen, live or ()),
        lacks=tuple(_lacks(seen, options, there)),
        saved=saved_cards(seen, record.uuid),
        configured=_networks(seen, networks, "network_config"),
        switch=seen.switch_ports if any(on_open_vswitch(card.raw) for card in live or ()) else {},
        variables=_variables(seen, options.get("filterref") or {}, there),
        tagless=tagless(seen),
        **_filters(seen, live or ()),
    )


def unknown_guest(seen: Snapshot, domain: str) -> Missing:
    return there_is_no("domain", "guest", domain, (found["name"] for found in seen.get("domains").values()))


def _variables(seen: Snapshot, reference: Options, card: Card | None) -> frozenset[str]:
    """What the filter needs to which a task has an interface refer."""
    if not reference:
        return frozenset()
    from ..nwfilter.found import variables_of

    name = reference.get("filter") or option(card.options if card else {}, "filterref", "filter")
    return frozenset(variables_of(seen).get(name or "", ()))


def _filters(seen: Snapshot, cards: Iterable[Card]) -> dict[str, Any]:
    """Which rules are lost of the filters of running interfaces, for whom that matters."""
    taps = [card.tap for card in cards if card.tap and card.options.get("filterref")]
    if not taps:
        return {}
    from ..nwfilter_binding.rules import lost_rules
    from ..reload import hindrance

    lost = {tap: lost_rules(seen, tap) for tap in taps}
    return {"unfiltered": lost, "hindered": hindrance(seen, "filters") if any(lost.values()) else ""}


def _lacks(seen: Snapshot, options: Options, card: Card | None) -> Iterator[Problem]:
    """(path, problem) of what options name that is not there."""
    source, devices = options.get("source") or {}, seen.devices
    network, group, name = source.get("network"), source.get("portgroup"), option(options, "filterref", "filter")
    if group and not network and card is not None:
        network = option(card.options, "source", "network")
    if network and seen.network(network) is None:
        absent = there_is_no(Path("source", "network"), "network", network, seen.network_names())
        yield absent.path, absent.problem
    elif network and group:
        layers = [options_of(seen, part, network) for part in ("network_config", "network_live")]
        if not has_group(group, *layers):
            yield Path("source", "portgroup"), no_group(network, group, *layers)
    if name and seen.filter(name) is None:
        yield Path("filterref", "filter"), "there is no filter %s" % name
    for other in _missing(seen, name) if name else ():
        yield Path("filterref", "filter"), "there is no filter %s, which %s refers to" % (other, name)
    tap = option(options, "target", "dev")
    if option(options, "target", "managed") is False and tap and devices is not None and tap not in devices:
        yield Path("target", "dev"), "the host has no device %s" % tap
    named = {"bridge": source.get("bridge"), "dev": source.get("dev") if options.get("type") == "direct" else None}
    for kind, device in named.items():
        if device and devices is not None and device not in devices:
            yield Path("source", kind), "the host has no device %s" % device
        elif device and devices is not None and kind == "bridge":
            switch = option(options, "virtualport", "type") or (card and option(card.options, "virtualport", "type"))
            problem = unfit_bridge(device, devices[device]["kind"], switch, "type: direct and source: {dev: %s}")
            if problem:
                yield Path("source", kind), problem


def _missing(seen: Snapshot, name: str) -> list[str]:
    """The filters that are not there of those that a filter leads to."""
    from ..nwfilter.found import missing_of

    return sorted(missing_of(seen).get(name, ()))


def _networks(seen: Snapshot, names: Iterable[str | None], layer: str = "network_live") -> dict[str, Options]:
    """Those of the networks that run, or are configured, as options."""
    found = {name: options_of(seen, layer, name) for name in names if name}
    return {name: options for name, options in found.items() if options is not None}


def _traffic(seen: Snapshot, cards: Iterable[Card]) -> dict[str, Options | None]:
    """What is limited of interfaces with bandwidth, and of their bridges."""
    limited = [card for card in cards if card.options.get("bandwidth") and limited_here(card.raw)]
    return {name: seen.traffic(name) for card in limited for name in (card.tap, card.bridge) if name}


def model(domain: str, one: Meant) -> Options:
    """An interface as the module takes it."""
    card = one.config or one.live
    return {"domain": domain, "state": "absent"} if card is None else dict({"domain": domain}, **card.own)
