# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test case is a file: a recorded host in, wishes in, steps out.

``cases/host.json`` is what ``Host.look().complete().recorded()`` gave of a host in a sandbox: the networks lab, which
runs, and spare, the filter web, and a guest on lab. The other files are wishes for it, by kind with what the class of
the wish takes, and the titles of the steps in their order.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.kinds import KINDS

CASES = Path(__file__).parent / "cases"
HOST = json.loads((CASES / "host.json").read_text())


@pytest.mark.parametrize("name", sorted(file.stem for file in CASES.glob("*.json") if file.stem != "host"))
def test_case(name: str):
    case = json.loads((CASES / (name + ".json")).read_text())
    wishes = [KINDS[kind].wish(**dict(settings, options=KINDS[kind].options.check(settings["options"], whole=False)))
              for one in case["wishes"] for kind, settings in one.items()]
    for seed in range(5):
        random.Random(seed).shuffle(wishes)
        planned = plan_all(Snapshot.of_record(HOST).fork(), wishes)
        assert [step.title for outcome in planned for step in outcome.plan.steps] == case["steps"]
