# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of a guest as they are configured and as they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Optional

from ...documents.interface import INTERFACE
from ...host.parts import once
from ...host.snapshot import Snapshot
from ...host.uses import running_document, tap_of
from ...schema.options import Options, option
from ...schema.scalars import MAC
from ...schema.xml import etree, load_xml
from ..network.layers import options_of
from .running import alias_of, as_configured, inherited

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


class Card(NamedTuple):
    """An interface in one layer, at this ``place`` among those of the guest, with its ``mac`` in normal form.

    ``raw`` is libvirt's element, ``element`` the form in which it was configured. ``inherited`` names the options that
    a running interface has from its network.
    """

    place: int
    mac: str
    raw: Element
    element: Element
    options: Options
    inherited: frozenset[str] = frozenset()

    @property
    def alias(self) -> str:
        """The alias, in a running guest also one that libvirt made up."""
        return alias_of(self.raw)

    @property
    def tap(self) -> str:
        return tap_of(self.raw)

    @property
    def bridge(self) -> str:
        """The bridge that libvirt shows for a running interface."""
        return self._of_source("bridge")

    @property
    def port(self) -> str:
        """The UUID of the port that a running interface has."""
        return self._of_source("portid")

    @property
    def network(self) -> str:
        return self._of_source("network")

    def _of_source(self, name: str) -> str:
        source = self.raw.find("source")
        return (source.get(name) or "") if source is not None else ""

    @property
    def own(self) -> Options:
        """The options without those that it has from its network."""
        return {name: value for name, value in self.options.items() if name not in self.inherited}


Cards = Optional[tuple[Card, ...]]


@once
def cards_of(seen: Snapshot, uuid: str) -> tuple[Cards, Cards]:
    """All interfaces of a guest in its configuration and running, None where it has no such layer."""
    record = seen.domain_of(uuid)
    live = None if record.live is None else running_document(seen, uuid)
    return _cards(seen, record.config, False), _cards(seen, live, True)


def saved_cards(seen: Snapshot, uuid: str) -> Cards:
    """All interfaces with which a guest that has a managed save goes on, None where it has none that can be read."""
    return _cards(seen, seen.domain_of(uuid).saved, False)


def macs_of(cards: Iterable[Card]) -> str:
    """The MAC addresses of interfaces as a message says them."""
    return ", ".join(dict.fromkeys(card.mac for card in cards)) or "none"


def _cards(seen: Snapshot, document: Element | None, live: bool) -> Cards:
    if document is None:
        return None
    texts = [etree.tostring(element, encoding="unicode", with_tail=False)
             for element in document.findall("devices/interface")]
    return tuple(_card(seen, text, live)._replace(place=place) for place, text in enumerate(texts))


@once
def _card(seen: Snapshot, text: str, live: bool) -> Card:
    """A card by its text, since a wish for one interface leaves all others of the guest as they are."""
    raw = load_xml(text)
    element = as_configured(raw) if live else raw
    options = INTERFACE.parse(element)
    network = option(options, "source", "network") if live else None
    given = options_of(seen, "network_live", network) if network else None
    mac = MAC.normal(option(options, "mac", "address") or "")
    return Card(0, mac, raw, element, options, inherited(options, given))
