# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every block of documentation does what it says, and does nothing more when it is run again.

In a sandbox with Open vSwitch: PYTHONPATH=.cache/pylib tests/sandbox --ovs .venv/bin/python -m pytest tests/blocks
-k README.md takes one page; what was said is in .cache/blocks-*.log.
"""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from blocks.extract import Block, pages
from blocks.play import commands, play, tag

RUN = [block for blocks in pages().values() for block in blocks if block.runs]


@pytest.fixture(scope="session")
def ended(request) -> dict[str, list[dict[str, Any]]]:
    if not os.environ.get("VIRTNET_SANDBOX"):
        pytest.fail("this test changes networks: run it inside tests/sandbox --ovs (make blocks)")
    wanted = {item.callspec.params["block"].page for item in request.session.items if hasattr(item, "callspec")}
    return play({page: blocks for page, blocks in pages().items() if page in wanted})


def what_failed(tasks: list[dict[str, Any]]) -> list[str]:
    return ["%(task)s: %(says)s %(output)s %(errors)s" % one for one in tasks if one["failed"]]


def plain(line: str) -> str:
    return re.sub(r"\*{3,}", "***", line.strip())


@pytest.mark.parametrize("block", RUN, ids=[block.name for block in RUN])
def test_it_runs_twice(ended, block: Block) -> None:
    first, second = (ended.get(tag(block, turn), []) for turn in (1, 2))
    assert what_failed(ended["reset " + block.page]) == []
    assert first, "it was not run; see .cache/blocks-*.log"
    assert what_failed(first) == []
    if block.kind == "shell":
        lines = iter(plain(line) for line in "\n".join(one["output"] for one in first).splitlines())
        wanted = [line for line in map(plain, commands(block)[1]) if line]
        missing = [line for line in wanted if line not in lines]  # each after the one before
        assert missing == [], first
    if block.word == "once":
        return
    assert second and what_failed(second) == []
    if block.kind in ("shell", "inventory"):
        end = second[0]["output"].rpartition("PLAY RECAP")[2]
        only_looked = "--check" in commands(block)[0].splitlines()[-1]
        assert only_looked or not re.search(r"changed=[1-9]|\| CHANGED", end), second
    else:
        assert [one for one in second if one["changed"]] == []
