# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of documentation: how many are not run, and why; tests/blocks runs the others."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml
from blocks.extract import of_markdown, pages

BLOCKS = [block for blocks in pages().values() for block in blocks]
# A reason that is new, or that more blocks have, is to be written down here, with good cause.
NOT_RUN = {
    "a shell to type in": 1,
    "needs a card with SR-IOV": 13,
    "needs a kernel with sch_sfq": 2,
    "needs Docker": 1,
    "needs NetBox": 2,
    "needs Prometheus": 1,
    "needs a report of before": 1,
    "needs another host; the scenario default_nat of molecule does it": 1,
    "needs libvirt 11; the scenario lab_host_bridge of the lab does it": 1,
    "needs other hosts": 1,
    "needs passt, which is on no test host": 1,
    "needs systemd; the scenario lab_pull of the lab does it": 2,
    "needs systemd-networkd or NetworkManager; scenarios of the lab do it": 2,
    "needs systemd-networkd; the scenario lab_host_bridge of the lab does it": 2,
    "options without their task": 2,
    "shown on a host of its own": 1,
    "tests/examples does it, each in a sandbox of its own": 1,
    "the check of a release does it": 2,
    "what a task returns": 6,
    "writes outside of the sandbox": 1,
}
ONCE = {
    "a cable that is pulled is a change each time": 1,
    "it takes away what the task puts back": 1,
    "the report has its time in it": 4,
    "the second time it is gone": 1,
}


def counted(word: str) -> dict[str, int]:
    return dict(Counter(block.why for block in BLOCKS if block.word == word))


def test_what_is_not_run_is_counted():
    assert counted("not run") == NOT_RUN


def test_what_is_run_once_is_counted():
    assert counted("once") == ONCE


def test_nothing_that_could_be_run_is_only_shown():
    assert [block.name for block in BLOCKS if block.kind == "shown"
            and re.search(r"^ *(- )?virtnet\.libvirt\.\w+:|^\$ ", block.text, re.M)] == []


def test_most_is_run():
    assert sum(block.runs for block in BLOCKS) > 3 * sum(NOT_RUN.values())


@pytest.mark.parametrize("block", [one for one in BLOCKS if one.language == "yaml" and one.word == "not run"],
                         ids=lambda block: block.name)
def test_what_is_not_run_is_yaml_all_the_same(block):
    assert yaml.safe_load(block.text)


def test_a_block_without_a_marker_that_nobody_can_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("blocks.extract.ROOT", tmp_path)
    page = tmp_path / "page.md"
    for text in ("```yaml\nsteps: []\n```\n", "```fish\nls\n```\n", "```yaml\na: b: c\n```\n"):
        page.write_text(text)
        with pytest.raises(ValueError, match=r"page\.md:1: "):
            assert of_markdown(page)[0].kind


def test_markers_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("blocks.extract.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: no card -->\n```yaml\na: 1\n```\n\n```console\nls\n```\n"
                    "<!-- add to: x.yml -->\n```yaml\n  b: 2\n```\n")
    assert [(one.kind, one.why, one.text) for one in of_markdown(page)] == [
        ("not run", "no card", "a: 1\n"), ("shell", "", "ls\n"), ("add to", "x.yml", "  b: 2\n")]
