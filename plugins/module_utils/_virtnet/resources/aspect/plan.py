# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans one aspect of an object: its own kind plans it, being given nothing but that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...engine.plan import Plan
from ...engine.resource import Foresees
from ...schema.errors import Invalid, Missing, Path
from .found import macs_of, shown, with_mac

if TYPE_CHECKING:
    from ...host.snapshot import Snapshot
    from ..interface.found import InterfaceFound
    from .resource import Aspect


def plan_aspect(aspect: Aspect, found: Any) -> Plan:
    with _own_paths(aspect):
        plan: Plan = _wish(aspect, found).plan(found)
    return replace(plan, before=shown(aspect, plan.before), after=shown(aspect, plan.after))


def foresee_aspect(aspect: Aspect, seen: Snapshot, found: Any, plan: Plan) -> None:
    wish = _wish(aspect, found)
    with _own_paths(aspect):
        if isinstance(wish, Foresees):
            wish.foresee(seen, found, plan)


@contextmanager
def _own_paths(aspect: Aspect) -> Iterator[None]:
    try:
        yield
    except Invalid as error:
        error.path = _own(aspect, error.path)
        raise


def _wish(aspect: Aspect, found: Any) -> Any:
    """The wish for the object that was found, to which the aspect alone does not bring it."""
    whole: Any = aspect.whole
    if whole.kind == "network_port" and found.network is not None and found.port is None:
        raise Missing("port", "network %s has no port %s" % (whole.name, aspect.target["port"]))
    if aspect.names_no_interface and found.record is not None:
        macs = macs_of(found)
        if len(macs) != 1:
            raise Invalid("mac", "is missing; the interfaces of guest %s have %s" % (
                found.record.name, ", ".join(macs) or "none, for there are none"))
        whole = with_mac(whole, macs[0])
    if whole.kind == "interface" and found.record is not None and found.meant.problem is None:
        return replace(whole, layers=_layers(aspect, found))
    return whole


def _layers(aspect: Aspect, found: InterfaceFound) -> list[str]:
    """The layers in which an interface is to have it; it is not added to one that it is not in."""
    there = [layer for layer, card in (("live", found.meant.live), ("config", found.meant.config)) if card]
    missing = [layer for layer in aspect.layers or () if layer not in there]
    if found.record and (missing or not there):
        mac = aspect.target.get("mac") or found.meant.mac
        raise Missing("mac", "guest %s has no interface with MAC %s%s; there are %s" % (
            found.record.name, mac, " in layer %s" % missing[0] if missing else "",
            ", ".join(sorted({card.mac for card in found.cards})) or "none"))
    return aspect.layers or there


def _own(aspect: Aspect, path: Path) -> Path:
    """A path among the options of the whole object as one among those of the module."""
    if path.top == "portgroups":
        path = path.after(2)
    return path.after(1) if path.top == aspect.option else path
