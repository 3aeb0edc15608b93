# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interface of a running guest is which of its configuration. Pure."""

from __future__ import annotations

from typing import Callable, NamedTuple

from ...schema.options import option
from .cards import Card, Cards


class Pair(NamedTuple):
    """An interface as it is configured and as it runs, None where it is not."""

    config: Card | None
    live: Card | None

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(card for card in self if card is not None)

    @property
    def is_whole(self) -> bool:
        return None not in self


def _teaming(card: Card) -> str | None:
    found: str | None = option(card.options, "teaming", "type")
    return found


def _own_alias(card: Card) -> str:
    return card.alias if card.alias.startswith("ua-") else ""


def _is_other_half(one: Card, other: Card) -> bool:
    return {_teaming(one), _teaming(other)} == {"persistent", "transient"}


def _alias_waits(one: Card, other: Card) -> bool:
    """Whether one that is configured was given an alias, and with that another MAC address, while it ran without."""
    return bool(_own_alias(one)) and not _own_alias(other) and is_in_place_of(one, other) and _is_alike(one, other)


# from the surest on; what is left by one of them is matched by the next
WAYS: tuple[Callable[[Card, Card], bool], ...] = (
    lambda one, other: bool(_own_alias(one)) and one.alias == other.alias,
    lambda one, other: one.mac == other.mac and _teaming(one) == _teaming(other) and is_in_place_of(one, other),
    lambda one, other: one.mac == other.mac and _teaming(one) == _teaming(other),
    lambda one, other: one.mac == other.mac and not _is_other_half(one, other),
    _alias_waits,
)


def is_in_place_of(one: Card, other: Card) -> bool:
    place = one.options.get("address")
    return bool(place) and other.options.get("address") == place


def pairs_of(config: Cards, live: Cards) -> list[Pair]:
    """Every interface of a guest, each once. Two with different MAC addresses are two, unless an alias says otherwise.

    libvirt may give one place in the guest to two: to one that is plugged in and to another that is configured.
    """
    pairs, left = [Pair(card, None) for card in config or ()], list(live or ())
    for is_same in WAYS:
        for place, (card, other) in enumerate(pairs):
            found = next((one for one in left if card and other is None and is_same(card, one)), None)
            if found is not None:
                pairs[place] = Pair(card, found)
                left.remove(found)
    return [*pairs, *(Pair(None, card) for card in left)]


def doubles(pair: Pair, pairs: list[Pair]) -> list[Pair]:
    """What may be the same interface in the layer where this one is not: all that tells them apart is the MAC address.
    """
    if pair.is_whole:
        return []
    mine = pair.cards[0]
    layer = "config" if pair.config is None else "live"
    others = [other for other in pairs if not other.is_whole and getattr(other, layer) is not None]
    return [other for other in others if is_in_place_of(mine, other.cards[0]) and _is_alike(mine, other.cards[0])]


def _is_alike(one: Card, other: Card) -> bool:
    if _own_alias(one) and _own_alias(other):
        return False
    return all(one.options.get(name) == other.options.get(name) for name in ("type", "source", "model"))
