# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An aspect as the whole object has it; what there is of that is found by its own kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...host.snapshot import Snapshot
from ...schema.options import Options

if TYPE_CHECKING:
    from ..interface.found import InterfaceFound
    from .resource import Aspect


def look(seen: Snapshot, aspect: Aspect) -> Any:
    """Everything about the object that it is an aspect of, of a guest the only interface where none is named."""
    found: Any = aspect.whole.look(seen)
    macs = macs_of(found) if aspect.names_no_interface else []
    return with_mac(aspect.whole, macs[0]).look(seen) if len(macs) == 1 else found


def macs_of(found: InterfaceFound) -> list[str]:
    """The MAC addresses of a guest's interfaces."""
    return sorted({card.mac for card in found.cards})


def with_mac(whole: Any, mac: str) -> Any:
    """The wish for the interface with that MAC address."""
    return replace(whole, options={"mac": {"address": mac}, **whole.options})


def model(aspect: Aspect, found: Any) -> Options:
    return shown(aspect, aspect.whole.model(found))


def shown(aspect: Aspect, whole: Options) -> Options:
    """The aspect of an object, as its module takes it, and of the layers that a diff shows beside."""
    value = {name: rates for name, rates in (whole.get(aspect.option) or {}).items() if name != "class_id"}
    layers = {name: whole[name] for name in ("live", "kernel") if name in whole}
    return {**aspect.target, **value, **layers}
