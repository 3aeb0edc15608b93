# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""changed.py REVISION FILE...: what pytest is to run of files of tests that changed since then, a line each.

That is the tests in which something changed, and the whole file where something changed beside them.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path


def changed_lines(diff: str) -> set[int]:
    """The lines that are new, and those after which some are gone, by a diff without context."""
    found: set[int] = set()
    for start, count in re.findall(r"^@@ .* \+(\d+)(?:,(\d+))? @@", diff, re.MULTILINE):
        found.update(range(int(start), int(start) + max(int(count or 1), 1)))
    return found


def concerned(text: str, changed: set[int]) -> list[str] | None:
    """The tests that these lines are of, None where one of them is of something else."""
    lines, tests = text.splitlines(), []
    left = {number for number in changed if not 0 < number <= len(lines) or lines[number - 1].strip()}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            own = set(range(first, (node.end_lineno or node.lineno) + 1))
            tests += [node.name] if own & left else []
            left -= own
    return None if left or not tests else tests


def main(revision: str, files: list[str]) -> None:
    for file in files:
        diff = subprocess.run(["git", "diff", "-U0", revision, "--", file], capture_output=True, text=True, check=True)
        tests = concerned(Path(file).read_text(encoding="utf-8"), changed_lines(diff.stdout))
        print(*([file] if tests is None else ["%s::%s" % (file, test) for test in tests]), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
