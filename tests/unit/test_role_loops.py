# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loops of roles, which must leave "item" to a play that includes them in a loop of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class Loader(yaml.SafeLoader):
    """Reads what Ansible reads."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def loops(tasks: Any) -> Iterator[dict]:
    """The tasks with a loop, also those in blocks and plays."""
    for task in tasks or []:
        if any(word == "loop" or word.startswith("with_") for word in task):
            yield task
        for word in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks", "handlers"):
            yield from loops(task.get(word))


def test_each_has_a_variable_of_its_own() -> None:
    files = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("roles/*/handlers/*.yml"), *ROOT.glob("playbooks/*.yml")]
    seen, wrong = 0, []
    for path in files:
        for task in loops(yaml.load(path.read_text(encoding="utf-8"), Loader)):
            seen += 1
            control = task.get("loop_control", {})
            names = [control.get("loop_var", "item"), *([control["index_var"]] if "index_var" in control else [])]
            own = "__%s_" % (path.parts[-3] if "tasks" in path.parts else path.stem)
            wrong += ["%s: %s: %s" % (path, task["name"], name) for name in names if not name.startswith(own)]
    assert wrong == []
    assert seen
