# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on a device as it will be after a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.nwfilter_binding import NWFILTER_BINDING
from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.xml import dump_xml

if TYPE_CHECKING:
    from .resource import NwFilterBinding


def promise_binding(desired: NwFilterBinding, seen: Snapshot, plan: Plan) -> None:
    text = None
    if not desired.absent:
        text = dump_xml(NWFILTER_BINDING.render(plan.after, seen.binding(desired.name)))
    seen.put_entry("bindings", desired.name, text)
