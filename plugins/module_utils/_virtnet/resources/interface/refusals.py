# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to fail of the steps for an interface. Pure: the host comes as data."""

from __future__ import annotations

from ...documents.interface import INTERFACE
from ...host.snapshot import Snapshot
from ..refusals import refuse_unlimitable, refuse_unwritable
from .promise import Change, InterfacePlan


def foresee_interface(seen: Snapshot, plan: InterfacePlan) -> None:
    refuse_unwritable(seen, plan.needs)
    if any(drift.layer == "live" and drift.path.top == "bandwidth" for drift in plan.drift):
        for change in plan.changes:
            if change.layer == "live" and change.element is not None and _is_on_linux_bridge(seen, change):
                refuse_unlimitable(seen, INTERFACE.parse(change.element).get("bandwidth"))


def _is_on_linux_bridge(seen: Snapshot, change: Change) -> bool:
    """Whether the device is limited by tc, which Open vSwitch does by itself."""
    device = seen.device(change.card.tap) if change.card else None
    bridge = seen.device(device["master"]) if device else None
    return bridge is not None and bridge["kind"] == "bridge"
