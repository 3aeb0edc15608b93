# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interface a task means: the one with the MAC, else with the alias, else the only one of the source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Callable, NamedTuple

from ...host.snapshot import DomainRecord
from ...schema.errors import Invalid, Path
from ...schema.options import Options, Value, option
from ...schema.scalars import MAC
from .cards import Card, Cards

SOURCES = ("network", "bridge", "dev")
MAC_ADDRESS, ALIAS = Path("mac", "address"), Path("alias", "name")


class Meant(NamedTuple):
    """The interface that a task means, in each layer; ``mac`` is what it has or, when it is new, will have.

    ``problem`` is why it cannot be told which one that is.
    """

    config: Card | None = None
    live: Card | None = None
    mac: str = ""
    problem: tuple[Path, str] | None = None


def meant(options: Options, record: DomainRecord, config: Cards, live: Cards) -> Meant:
    """The interface that options mean, or why that cannot be told."""
    try:
        return _find(options, record, config, live)
    except Invalid as error:
        return Meant(problem=(error.path, error.problem))


def stated_mac(options: Options) -> str | None:
    mac = option(options, "mac", "address")
    return MAC.normal(mac) if mac else None


def stated_source(options: Options) -> tuple[str, str] | None:
    """What options say by name that the interface is connected to."""
    return next(((name, option(options, "source", name)) for name in SOURCES if option(options, "source", name)), None)


def _find(options: Options, record: DomainRecord, configured: Cards, running: Cards) -> Meant:
    mac, alias = stated_mac(options), option(options, "alias", "name")
    config, live = (_in_layer(cards or (), options, mac, alias) for cards in (configured, running))
    if config and not live:
        live = same(config, configured, running)
    if live and not config:
        config = same(live, running, configured)
    if mac:
        for cards, card in ((configured, config), (running, live)):
            _refuse_taken(mac, alias, card, cards or ())
        return Meant(config, live, mac)
    if alias and not alias.startswith("ua-") and not live:
        raise Invalid(ALIAS, "no running interface of guest %s is %s; an alias of your own begins with ua-"
                      % (record.name, alias))
    there = config or live
    return Meant(config, live, there.mac if there else _new_mac(
        options, record.uuid, {card.mac for card in (configured or ()) + (running or ())}))


def _in_layer(cards: Iterable[Card], options: Options, mac: str | None, alias: str | None) -> Card | None:
    found = [card for card in cards if mac and card.mac == mac]
    if len(found) > 1 and alias:
        found = [card for card in found if card.alias == alias]
    if not found and alias:
        found = [card for card in cards if card.alias == alias]
    if len(found) > 1:
        raise Invalid(MAC_ADDRESS, "%d interfaces have MAC %s; give alias.name to say which" % (len(found), mac))
    if found or mac or alias:
        return found[0] if found else None
    return _by_source(cards, options)


def _by_source(cards: Iterable[Card], options: Options) -> Card | None:
    source = stated_source(options)
    if source is None:
        raise Invalid(MAC_ADDRESS, "is missing; give it, or alias.name, or a source that no other interface of the"
                      " guest has")
    kind, name = source
    found = [card for card in cards if option(card.options, "source", kind) == name]
    if len(found) > 1:
        raise Invalid(Path("source", kind), "several interfaces have the source %s; give mac.address, one of %s"
                      % (name, ", ".join(card.mac for card in found)))
    return found[0] if found else None


def same(card: Card, layer: Cards, others: Cards) -> Card | None:
    """The same interface in the other layer: by an alias of one's own, by MAC, or by its place in the guest."""
    macs, place = {one.mac for one in layer or ()}, card.options.get("address")
    teaming = option(card.options, "teaming", "type")
    ways: tuple[Callable[[Card], Value], ...] = (
        lambda other: card.alias.startswith("ua-") and other.alias == card.alias,
        lambda other: other.mac == card.mac and option(other.options, "teaming", "type") == teaming,
        lambda other: place and other.options.get("address") == place and other.mac not in macs,
    )
    return next((other for way in ways for other in others or () if way(other)), None)


def _refuse_taken(mac: str, alias: str | None, card: Card | None, cards: Iterable[Card]) -> None:
    """What the task gives to one interface must not be another's."""
    for other in cards if card else ():
        if other is not card and other.mac == mac and not alias:
            raise Invalid(MAC_ADDRESS, "%s is the MAC of several interfaces" % mac)
        if other is not card and alias and other.alias == alias:
            raise Invalid(ALIAS, "%s is the alias of another interface, with MAC %s" % (alias, other.mac))


def _new_mac(options: Options, uuid: str, taken: set[str]) -> str:
    """A MAC for a new interface, the same at every run and in check mode, so that it is one interface."""
    _kind, source = stated_source(options) or ("", "")
    what = option(options, "alias", "name") or source
    for number in range(256):
        digest = hashlib.sha256(("%s %s %d" % (uuid, what, number)).encode()).hexdigest()
        mac = "52:54:00:%s:%s:%s" % (digest[:2], digest[2:4], digest[4:6])
        if mac not in taken:
            return mac
    raise Invalid(MAC_ADDRESS, "is missing, and none could be made up")
