# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interface a task means: the one with the MAC, else the alias, else the host's device, else the only one of the
source. Where several have the MAC, what else the task says of them decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from ...documents.interface import INTERFACE, NEEDED
from ...host.snapshot import DomainRecord
from ...schema.errors import Invalid, Path, shown
from ...schema.options import Options, is_empty, option
from ...schema.scalars import MAC
from .cards import Card, Cards, macs_of
from .layers import Pair, doubles, pairs_of
from .running import OWN_PREFIXES

SOURCES = ("network", "bridge", "dev")
MAC_ADDRESS, ALIAS = Path("mac", "address"), Path("alias", "name")
# what tells interfaces with one MAC address apart, from the surest on
EVIDENCE = ("alias", "teaming", "target", "address", "source", "type", "model")
TELLING = EVIDENCE[:5]
IDENTITY = ("alias", "target", "address")  # of these, what no two have


class Meant(NamedTuple):
    """The interface that a task means, in each layer; ``mac`` is what it has or, when it is new, will have.

    ``problem`` is why it cannot be told which one that is, ``doubts`` the MAC addresses of those that may be the same
    one in the layer where it is not.
    """

    config: Card | None = None
    live: Card | None = None
    mac: str = ""
    problem: tuple[Path, str] | None = None
    doubts: tuple[str, ...] = ()


def meant(options: Options, record: DomainRecord, config: Cards, live: Cards, absent: bool = False) -> Meant:
    """The interface that options mean, or why that cannot be told."""
    pairs = pairs_of(config, live)
    try:
        pair = _Finding(options, record, pairs, absent).find()
        mac = stated_mac(options) or (pair.cards[0].mac if pair else _new_mac(options, record.uuid, {
            card.mac for one in pairs for card in one.cards}))
    except Invalid as error:
        return Meant(problem=(error.path, error.problem))
    doubts = [one.cards[0].mac for one in doubles(pair, pairs)] if pair else []
    config_card, live_card = pair or (None, None)
    return Meant(config_card, live_card, mac, doubts=tuple(doubts))


# --- what is stated


def stated_mac(options: Options) -> str | None:
    mac = option(options, "mac", "address")
    return MAC.normal(mac) if mac else None


def stated_source(options: Options) -> tuple[str, str] | None:
    """What options say by name that the interface is connected to."""
    return next(((name, option(options, "source", name)) for name in SOURCES if option(options, "source", name)), None)


def stated_name(options: Options) -> tuple[str, ...]:
    """What names an interface among the others of its guest."""
    name = stated_mac(options) or option(options, "alias", "name") or _device(options)
    if name:
        return (name,)
    source = stated_source(options)
    if source:
        return source
    whole = options.get("source")
    return (json.dumps(whole, sort_keys=True, default=str),) if not is_empty(whole) else (options.get("type") or "",)


def _device(options: Options) -> str | None:
    """The host's device, unless the name is one of those that libvirt makes up."""
    name: str | None = option(options, "target", "dev")
    made_up = bool(name) and str(name).startswith(OWN_PREFIXES) and option(options, "target", "managed") is not False
    return None if made_up else name or None


# --- the one that is there


class _Finding:
    """Finds the interface of a guest that options mean, among all as they are in both layers."""

    def __init__(self, options: Options, record: DomainRecord, pairs: list[Pair], absent: bool) -> None:
        self._options, self._guest, self._pairs, self._absent = options, record.name, pairs, absent

    def find(self) -> Pair | None:
        mac, alias = stated_mac(self._options), option(self._options, "alias", "name")
        aliased = self._one(self._having("alias"), ALIAS, "alias %s" % alias) if alias else None
        if mac:
            return self._with_alias(self._by_mac(mac), aliased, mac)
        if alias and (aliased or alias.startswith("ua-")):
            return aliased
        device = _device(self._options)
        if device:
            found = self._one(self._having("target"), Path("target", "dev"), "the device %s" % device)
            if found:
                return found
        return self._by_source()

    def _having(self, name: str) -> list[Pair]:
        return [pair for pair in self._pairs if any(says(card, name, self._options) for card in pair.cards)]

    def _by_mac(self, mac: str) -> Pair | None:
        found = [pair for pair in self._pairs if any(card.mac == mac for card in pair.cards)]
        found = self._narrowed(found, EVIDENCE)
        if self._absent:  # what went already is not to be taken for another one that has its MAC
            found = [pair for pair in found if self._may_go(pair)]
        elif len(found) > 1:
            found = [pair for pair in found if self._is_as_stated(pair)][:1] or found
        return self._one(found, MAC_ADDRESS, "MAC %s" % mac)

    def _with_alias(self, found: Pair | None, aliased: Pair | None, mac: str) -> Pair | None:
        """By the MAC, or where the MAC is to change by the alias; both must not be of two."""
        if found is None or aliased is None or found == aliased:
            return found or aliased
        if not found.is_whole and not aliased.is_whole and (found.config is None) != (aliased.config is None):
            return Pair(found.config or aliased.config, found.live or aliased.live)
        raise Invalid(ALIAS, "%s is the alias of another interface, with MAC %s, and %s is that of one without it"
                      % (option(self._options, "alias", "name"), aliased.cards[0].mac, mac))

    def _by_source(self) -> Pair | None:
        source, kind = stated_source(self._options), self._options.get("type")
        if source:
            found = [pair for pair in self._pairs
                     if any(option(card.options, "source", source[0]) == source[1] for card in pair.cards)]
            return self._only(self._narrowed(found, IDENTITY), Path("source", source[0]), "source %s" % source[1])
        if not is_empty(self._options.get("source")):
            return self._only(self._narrowed(self._having("source"), IDENTITY), Path("source"), "source")
        if kind and kind not in NEEDED:
            found = [pair for pair in self._having("type") if all(is_empty(card.options.get("source")) for card in
                                                                  pair.cards)]
            return self._only(self._narrowed(found, IDENTITY), Path("type"), "type %s" % kind)
        raise Invalid(MAC_ADDRESS, "is missing; give it, or alias.name, or a source that no other interface of the"
                      " guest has; guest %s has %s" % (self._guest, macs_of(pair.cards[0] for pair in self._pairs)))

    def _only(self, found: list[Pair], path: Path, what: str) -> Pair | None:
        if len(found) > 1:
            raise Invalid(path, "several interfaces have the %s; give mac.address, one of %s"
                          % (what, macs_of(pair.cards[0] for pair in found)))
        return found[0] if found else None

    def _one(self, found: list[Pair], path: Path, what: str) -> Pair | None:
        if len(found) > 1:
            raise Invalid(path, "%d interfaces of guest %s have %s: %s; give also what only one of them has" % (
                len(found), self._guest, what, "; ".join(map(_in_words, _tellings(found)))))
        return found[0] if found else None

    def _narrowed(self, found: list[Pair], by: Iterable[str]) -> list[Pair]:
        """Those of which one thing after another is as stated; what none has does not tell them apart."""
        for name in by if len(found) > 1 else ():
            if not is_empty(self._options.get(name)):
                found = [pair for pair in found if any(
                    says(card, name, self._options) for card in pair.cards)] or found
        return found

    def _may_go(self, pair: Pair) -> bool:
        """Whether it has all that tells it from another one and that the task says of it."""
        own = self._options if _device(self._options) else dict(self._options, target=None)
        if not (option(own, "alias", "name") or "").startswith("ua-"):
            own = dict(own, alias=None)
        return all(is_empty(own.get(name)) or any(says(card, name, own) for card in pair.cards) for name in TELLING)

    def _is_as_stated(self, pair: Pair) -> bool:
        return all(says(card, name, self._options) for card in pair.cards for name in self._options)


def says(card: Card, name: str, options: Options) -> bool:
    """Whether a card has what the options say by this name; of alias and device also what libvirt made up."""
    if name == "alias" and option(options, "alias", "name"):
        return bool(card.alias == options["alias"]["name"])
    if name == "target" and card.tap and card.tap == option(options, "target", "dev"):
        return True
    return not list(INTERFACE.differences({name: options[name]}, card.options))


# --- several


def _tellings(pairs: list[Pair]) -> list[Options]:
    """What there is of each that not all have."""
    every = [_evidence(pair.cards[-1]) for pair in pairs]
    return [{name: value for name, value in one.items() if any(other.get(name) != value for other in every)}
            or one for one in every]


def _evidence(card: Card) -> Options:
    found = {name: card.options[name] for name in EVIDENCE if not is_empty(card.options.get(name))}
    if card.alias:
        found["alias"] = {"name": card.alias}
    return found


def _in_words(telling: Options) -> str:
    return ", ".join("%s %s" % (name, " ".join("%s=%s" % (key, part if isinstance(part, str) else shown(part))
                                               for key, part in value.items()) if isinstance(value, dict) else value)
                     for name, value in telling.items())


# --- a new one


def _new_mac(options: Options, uuid: str, taken: set[str]) -> str:
    """A MAC for a new interface, the same at every run and in check mode, so that it is one interface."""
    what = option(options, "alias", "name") or stated_name(options)[-1]
    for number in range(256):
        digest = hashlib.sha256(("%s %s %d" % (uuid, what, number)).encode()).hexdigest()
        mac = "52:54:00:%s:%s:%s" % (digest[:2], digest[2:4], digest[4:6])
        if mac not in taken:
            return mac
    raise Invalid(MAC_ADDRESS, "is missing, and none could be made up")
