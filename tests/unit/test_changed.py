# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests "make quick" runs of a file that changed."""

from __future__ import annotations

import pytest
from changed import changed_lines, concerned

TEXT = '''import pytest

VALUE = 1


@pytest.mark.parametrize("one", [
    1, 2])
def test_one(one):
    assert one


def helper():
    return 1


def test_two():
    assert helper()
'''


@pytest.mark.parametrize(("changed", "tests"), [
    ({9}, ["test_one"]),
    ({7}, ["test_one"]),  # what it is given
    ({14, 15, 16, 17}, ["test_two"]),  # a new test, and the blank lines before it
    ({9, 17}, ["test_one", "test_two"]),
    ({3}, None), ({9, 13}, None), (set(), None), ({99}, None), ({0}, None), ({5}, None),
])
def test_what_changed_beside_tests_concerns_all(changed: set, tests: list | None):
    assert concerned(TEXT, changed) == tests


@pytest.mark.parametrize(("head", "lines"), [
    ("@@ -1 +1 @@ def x", {1}), ("@@ -1,2 +4,3 @@", {4, 5, 6}), ("@@ -7,2 +6,0 @@", {6}), ("", set())])
def test_lines_of_a_diff(head: str, lines: set):
    assert changed_lines("--- a/x\n+++ b/x\n%s\n+text @@ -1 +9 @@" % head) == lines
