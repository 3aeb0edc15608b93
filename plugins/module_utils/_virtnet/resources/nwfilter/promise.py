# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network filter as it will be after a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.nwfilter import NWFILTER
from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.xml import dump_xml

if TYPE_CHECKING:
    from .resource import NwFilter


def promise_filter(desired: NwFilter, seen: Snapshot, plan: Plan) -> None:
    record = None
    if not desired.absent:
        record = {"uuid": plan.after.get("uuid", ""), "xml": dump_xml(NWFILTER.render(plan.after))}
    seen.put_entry("nwfilters", desired.name, record)
