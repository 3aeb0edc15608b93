# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of a guest as they are configured and as they run, and which one a task means."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from ..documents.interface import INTERFACE, option
from ..documents.network import NETWORK
from ..documents.nwfilter_binding import NWFILTER_BINDING
from ..engine.converge import Drift, Host
from ..host.libvirt import DomainRecord
from ..schema.nodes import Invalid
from ..schema.scalars import MAC
from .interface_live import as_configured, inherited

SOURCES = ("network", "bridge", "dev")


@dataclass(frozen=True)
class Card:
    """An interface in one layer. ``raw`` is libvirt's element, ``element`` the form in which it was configured.

    ``inherited`` names the options that a running interface has from its network.
    """

    raw: Any
    element: Any
    options: dict
    inherited: frozenset = frozenset()

    @property
    def mac(self) -> str:
        return MAC.normal(self.options["mac"]["address"])

    @property
    def alias(self) -> str:
        """The alias, in a running guest also one that libvirt made up."""
        found = self.raw.find("alias")
        return found.get("name") if found is not None else ""

    @property
    def tap(self) -> str:
        target = self.raw.find("target")
        return (target.get("dev") or "") if target is not None else ""

    @property
    def bridge(self) -> str:
        """The bridge that libvirt shows for a running interface."""
        source = self.raw.find("source")
        return (source.get("bridge") or "") if source is not None else ""

    @property
    def own(self) -> dict:
        """The options without those that it has from its network."""
        return {name: value for name, value in self.options.items() if name not in self.inherited}


@dataclass(frozen=True)
class InterfaceState:
    """The guest with all its interfaces, in its configuration and running; None where it has no such layer.

    ``networks`` are the running networks as options, ``ports`` the documents of their ports, ``devices`` the names of
    the host's, None when not known. ``traffic`` is what tc limits of the devices of running interfaces with bandwidth
    and of their bridges.
    """

    record: DomainRecord
    config: tuple | None
    live: tuple | None
    networks: dict
    devices: dict | None
    version: tuple
    ports: dict = field(default_factory=dict)
    traffic: dict = field(default_factory=dict)

    def port_of(self, card: Card | None) -> Any:
        """The document of the port of a running interface, None without one."""
        source = None if card is None else card.raw.find("source")
        name, uuid = (source.get("network"), source.get("portid")) if source is not None else (None, None)
        return next((port for port in self.ports.get(name, ()) if port.findtext("uuid") == uuid), None)

    @property
    def cards(self) -> tuple:
        return (self.config or ()) + (self.live or ())

    @property
    def documents(self) -> dict:
        """The documents of the guest in each layer that it has."""
        layers = {"config": self.record.config, "live": self.record.live}
        return {layer: document for layer, document in layers.items() if document is not None}


def shares_memory(domain: Any) -> bool:
    """Whether other processes can have the memory of a guest, which vhost-user needs."""
    access = domain.find("memoryBacking/access")
    usual = access.get("mode") if access is not None else None
    cells = domain.findall("cpu/numa/cell")
    return all(cell.get("memAccess", usual) == "shared" for cell in cells) if cells else usual == "shared"


def read_interfaces(host: Host, domain: str, *named: str | None) -> InterfaceState:
    """Everything about the interfaces of a guest, read once, and about networks that are named beside theirs.

    Raises Invalid when there is no such guest.
    """
    record = host.libvirt.domain(domain)
    if record is None:
        raise Invalid("domain", "there is no guest %s" % domain)
    sources = [source for document in (record.live, record.config) if document is not None
               for source in document.findall("devices/interface/source")]
    networks = _networks(host, {source.get("network") for source in sources}.union(named))
    live = None
    if record.live is not None:
        live = tuple(_live_card(element, networks) for element in record.live.findall("devices/interface"))
    config = None
    if record.config is not None:
        config = tuple(Card(element, element, INTERFACE.parse(element))
                       for element in record.config.findall("devices/interface"))
    return InterfaceState(record, config, live, networks, host.kernel.names() if host.kernel else None,
                          host.libvirt.version, {name: host.libvirt.network(name).ports for name in networks},
                          _traffic(host, live or ()))


def _traffic(host: Host, cards: tuple) -> dict:
    """What tc limits for interfaces with bandwidth; virtual switches keep limits of their own."""
    limited = [card for card in cards if card.options.get("bandwidth") and card.raw.find("virtualport") is None]
    devices = {name for card in limited for name in (card.tap, card.bridge) if name}
    return {name: host.kernel.traffic(name) for name in devices} if host.kernel else {}


def _networks(host: Host, wanted: set) -> dict:
    records = [host.libvirt.network(name) for name in host.libvirt.network_names() if name in wanted]
    return {record.name: NETWORK.parse(record.live) for record in records if record.live is not None}


def _live_card(raw: Any, networks: dict) -> Card:
    element = as_configured(raw)
    options = INTERFACE.parse(element)
    return Card(raw, element, options, inherited(options, networks.get(option(options, "source.network"))))


@dataclass(frozen=True)
class Found:
    """The interface that a task means, in each layer; ``mac`` is what it has or, when it is new, will have."""

    config: Card | None
    live: Card | None
    mac: str


def find(options: dict, state: InterfaceState) -> Found:
    """The interface with the MAC, else with the alias, else the only one of the source; raises Invalid."""
    mac, alias = option(options, "mac.address"), option(options, "alias.name")
    wanted = MAC.normal(mac) if mac else None
    config, live = (_in_layer(cards, options, wanted, alias) for cards in (state.config, state.live))
    if config and not live:
        live = _same(config, state.config, state.live)
    if live and not config:
        config = _same(live, state.live, state.config)
    if wanted:
        _refuse_taken(wanted, alias, (config, live), state)
        return Found(config, live, wanted)
    if alias and not alias.startswith("ua-") and not live:
        raise Invalid("alias.name", "no running interface of guest %s is %s; an alias of your own begins with ua-"
                      % (state.record.name, alias))
    there = config or live
    return Found(config, live, there.mac if there else _new_mac(options, state))


def _in_layer(cards: tuple | None, options: dict, mac: str | None, alias: str | None) -> Card | None:
    found = [card for card in cards or () if mac and card.mac == mac]
    if len(found) > 1 and alias:
        found = [card for card in found if card.alias == alias]
    if not found and alias:
        found = [card for card in cards or () if card.alias == alias]
    if len(found) > 1:
        raise Invalid("mac.address", "%d interfaces have MAC %s; give alias.name to say which" % (len(found), mac))
    if found or mac or alias:
        return found[0] if found else None
    return _by_source(cards or (), options)


def _by_source(cards: tuple, options: dict) -> Card | None:
    name = next((name for name in SOURCES if option(options, "source." + name)), None)
    if name is None:
        raise Invalid("mac.address", "is missing; give it, or alias.name, or a source that no other interface of the"
                      " guest has")
    path = "source." + name
    found = [card for card in cards if option(card.options, path) == option(options, path)]
    if len(found) > 1:
        raise Invalid(path, "several interfaces have the source %s; give mac.address, one of %s"
                      % (option(options, path), ", ".join(card.mac for card in found)))
    return found[0] if found else None


def _same(card: Card, layer: tuple, others: tuple | None) -> Card | None:
    """The same interface in the other layer: by an alias of one's own, by MAC, or by its place in the guest."""
    macs, place = {one.mac for one in layer}, card.options.get("address")
    teaming = option(card.options, "teaming.type")
    ways = (
        lambda other: card.alias.startswith("ua-") and other.alias == card.alias,
        lambda other: other.mac == card.mac and option(other.options, "teaming.type") == teaming,
        lambda other: place and other.options.get("address") == place and other.mac not in macs,
    )
    return next((other for way in ways for other in others or () if way(other)), None)


def _refuse_taken(mac: str, alias: str | None, cards: tuple, state: InterfaceState) -> None:
    """What the task gives to one interface must not be another's."""
    for layer, card in zip((state.config, state.live), cards):
        for other in (layer or ()) if card else ():
            if other is not card and other.mac == mac and not alias:
                raise Invalid("mac.address", "%s is the MAC of several interfaces" % mac)
            if other is not card and alias and other.alias == alias:
                raise Invalid("alias.name", "%s is the alias of another interface, with MAC %s" % (alias, other.mac))


def _new_mac(options: dict, state: InterfaceState) -> str:
    """A MAC for a new interface, the same at every run and in check mode, so that it is one interface."""
    what = option(options, "alias.name") or next(
        filter(None, (option(options, "source." + name) for name in SOURCES)), "")
    taken = {card.mac for card in state.cards}
    for number in range(256):
        digest = hashlib.sha256(("%s %s %d" % (state.record.uuid, what, number)).encode()).hexdigest()
        mac = "52:54:00:%s:%s:%s" % (digest[:2], digest[2:4], digest[4:6])
        if mac not in taken:
            return mac
    raise Invalid("mac.address", "is missing, and none could be made up")


def describe_interfaces(host: Host, domain: str, mac: str | None) -> list:
    """The interfaces of a guest as the module takes them, each with ``status``, what can only be read."""
    state = read_interfaces(host, domain)
    pairs = [(card, _same(card, state.config, state.live)) for card in state.config or ()]
    known = [live for _config, live in pairs]
    pairs += [(None, card) for card in state.live or () if card not in known]
    if mac:
        wanted = MAC.normal(MAC.coerce(mac))
        pairs = [pair for pair in pairs if any(card and card.mac == wanted for card in pair)]
        if not pairs:
            raise Invalid("mac", "guest %s has no interface with MAC %s; there are %s" % (
                domain, mac, ", ".join(sorted({card.mac for card in state.cards})) or "none"))
    addresses = host.libvirt.interface_addresses(state.record.uuid) if state.record.active else {}
    return [dict({"domain": domain}, **(config or live).own, status={
        "config": config is not None,
        "live": live is not None,
        "running": _running(host, state, live, addresses) if live else None,
        "drift": _waiting(config, live),
    }) for config, live in pairs]


def _running(host: Host, state: InterfaceState, card: Card, addresses: dict) -> dict:
    """What there is of a running interface."""
    device = host.kernel.device(card.tap) if host.kernel and card.tap else None
    source, binding = card.raw.find("source"), host.libvirt.nwfilter_bindings().get(card.tap)
    return {
        "type": card.raw.get("type"),
        "alias": card.alias,
        "tap": card.tap or None,
        "bridge": device["master"] if device else None,
        "mtu": device["mtu"] if device else None,
        "link": option(card.options, "link.state") or "up",
        "port": (source.get("portid") if source is not None else None) or None,
        "inherited": sorted(card.inherited),
        "addresses": {name: found.get(card.mac, []) for name, found in addresses.items()},
        "statistics": host.libvirt.interface_statistics(state.record.uuid, card.tap or card.mac),
        "filter": None if binding is None else NWFILTER_BINDING.parse(binding).get("filterref"),
    }


def _waiting(config: Card | None, live: Card | None) -> list:
    """Where a running interface differs from its configuration."""
    if config is None or live is None:
        return []
    current = {name: value for name, value in live.options.items()
               if name not in live.inherited or name in config.options}
    return [Drift("live", *found)._asdict() for found in INTERFACE.differences(
        INTERFACE.whole(config.options, current), current)]
