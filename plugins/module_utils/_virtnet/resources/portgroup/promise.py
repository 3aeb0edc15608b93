# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as it will be after a portgroup's plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...host.snapshot import Snapshot
from ..network.edit import layers, promise_layers
from .plan import edited, stays

if TYPE_CHECKING:
    from .resource import Portgroup


def promise_portgroup(desired: Portgroup, seen: Snapshot) -> None:
    found = desired.look(seen)
    promise_layers(seen, found, {layer: edited(desired, current) for layer, current in layers(found).items()
                                 if not stays(found, layer)})
