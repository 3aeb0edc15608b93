# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of wishes that stand in no document."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import Outcome, plan_each
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Path, raise_all


def plan_all(seen: Snapshot, wishes: list[Any], check_mode: bool = False) -> list[Outcome]:
    """What is to be done for each; raises all that is wrong at once."""
    planned, wrong = plan_each(seen, wishes, check_mode, lambda _wish: Path())
    raise_all(wrong)
    return planned
