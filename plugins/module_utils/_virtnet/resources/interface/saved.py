# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with a managed save goes on as it was saved, whatever is configured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...engine.plan import Drift
from ...schema.errors import Path
from ...schema.options import Options
from .cards import Card
from .found import InterfaceFound
from .layers import pairs_of
from .wanted import Aim, drift_of

if TYPE_CHECKING:
    from .promise import InterfacePlan


def wait_for_saved(aim: Aim, plan: InterfacePlan, wanted: Options | None) -> None:
    """Says what of the interface as it is ``wanted``, None for none, the guest will not have when it goes on."""
    if aim.found.saved is None or "config" not in aim.layers:
        return
    card = _saved_card(aim.found, aim.found.saved)
    found = drift_of(aim, "saved", card, wanted) if wanted is not None else (
        [Drift("saved", Path(), "absent", "present")] if card else [])
    if found:
        plan.waiting += found
        plan.drift += found
        plan.wait_for("guest", [aim.guest], "%s: %s waits, for guest %s has a managed save and goes on with the"
                      " interfaces that it had; start it and shut it down, or drop what it was doing (virsh"
                      " managedsave-remove %s)" % (aim.label, ", ".join(
                          str(one.path) or "the interface" for one in found), aim.guest, aim.guest))


def _saved_card(found: InterfaceFound, saved: Iterable[Card]) -> Card | None:
    """The interface as it was saved."""
    config = found.meant.config
    if config is None:
        return next((card for card in saved if card.mac == found.meant.mac), None)
    return next(pair.live for pair in pairs_of(found.config, tuple(saved)) if pair.config == config)
