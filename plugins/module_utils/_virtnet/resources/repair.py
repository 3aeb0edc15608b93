# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the kernel, what mends it, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..engine.plan import Drift, Plan, Step
from ..schema.errors import Path
from ..schema.options import Options, Value

Devices = dict[str, Options]


class Repair(NamedTuple):
    """A drift and the step that takes it away; without one, another step does, or only people can.

    ``disturbs`` is whether guests that are connected notice. ``remedy`` says why it is left to people, and what to do.
    """

    drift: Drift | None
    step: Step | None
    by_people: bool = False
    disturbs: bool = False
    remedy: str = ""


def drift_of(path: Path, desired: Value, current: Value) -> Drift:
    return Drift("kernel", path, desired, current)


def carry_out(repairs: Iterable[Repair], plan: Plan, may_disturb: bool = False, remedy: str = "") -> None:
    """Puts repairs into a plan; of what only people can repair, or who says that guests may notice, it warns."""
    for repair in repairs:
        waits = repair.disturbs and not may_disturb
        if repair.step and not waits:
            plan.steps.append(repair.step)
        if repair.drift:
            plan.drift.append(repair.drift)
            if repair.remedy:
                plan.unrepaired.append(repair.drift)
                plan.warnings += [repair.remedy] if repair.remedy not in plan.warnings else []
            elif waits or (repair.by_people and not repair.step):
                plan.unrepaired.append(repair.drift)
                plan.warnings.append("%s; %s" % (repair.drift, remedy if waits else
                                                 "that cannot be repaired from here"))
