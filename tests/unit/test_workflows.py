# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows of a forge run all stages of "make test-all", by the same targets."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
STAGES = re.search(r"^ALL := ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE).group(1).replace("\\", "").split()
TARGETS = {name for line in re.findall(r"^([a-z0-9 -]+):(?!=)", MAKEFILE, re.MULTILINE) for name in line.split()}


def called() -> set[str]:
    """The targets that jobs of the workflows make."""
    found: set[str] = set()
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            target = job.get("with", {}).get("target", "")
            found.update(job["strategy"]["matrix"]["target"] if "matrix.target" in target else [target])
    return found - {""}


def test_what_they_make_are_targets():
    assert called() <= TARGETS


def test_they_make_all_stages():
    assert [stage for stage in STAGES
            if not any(target == stage or target.startswith(stage + "-") for target in called())] == []
