# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's layer will have of an interface: what a plan promises."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.xml import etree, load_xml, make
from .cards import Card

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

PARTS = {"config": "domain_config", "live": "domain_live"}


class Change(NamedTuple):
    """What becomes of an interface in a layer: without a ``card`` it is new, without an ``element`` gone."""

    layer: str
    card: Card | None
    element: Element | None


@dataclass
class InterfacePlan(Plan):
    """A plan for interfaces of one guest, with what it ``changes`` of the guest's documents."""

    changes: list[Change] = field(default_factory=list)


def promise_changes(seen: Snapshot, domain: str, plan: InterfacePlan) -> None:
    """Has a guest's documents be as they will be, and ports go with the interfaces that they belong to."""
    record = seen.domain(domain)
    for layer, part in PARTS.items() if record else ():
        changes = [change for change in plan.changes if change.layer == layer]
        document = seen.document(part, record.uuid) if record and changes else None
        if record and document is not None:
            seen.put(part, record.uuid, _changed(document, changes))
    for change in plan.changes:
        if change.layer == "live" and change.card and change.card.port and not _keeps_port(change):
            _promise_gone(seen, change.card.network, change.card.port)


def _changed(document: Element, changes: Iterable[Change]) -> str:
    """A guest's document after these changes, in which all that does not change has the same text."""
    document = copy.deepcopy(document)
    devices = make(document, "devices")
    there = devices.findall("interface")
    for change in changes:
        element = copy.deepcopy(change.element)
        if change.card is not None:
            old = there[change.card.place]
            if element is None:
                devices.remove(old)
            else:
                devices.replace(old, element)
        elif element is not None:
            devices.append(element)
    return str(etree.tostring(document, encoding="unicode"))


def _keeps_port(change: Change) -> bool:
    source = change.element.find("source") if change.element is not None else None
    return source is not None and change.card is not None and source.get("portid") == change.card.port


def _promise_gone(seen: Snapshot, network: str, port: str) -> None:
    if network in seen.get("networks"):
        seen.put("ports", network, [text for text in seen.get("ports", network)
                                    if load_xml(text).findtext("uuid") != port])
