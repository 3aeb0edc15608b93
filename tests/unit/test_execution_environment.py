# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an execution environment installs is what the modules say that they need."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.virtnet.libvirt.plugins.doc_fragments.connection import ModuleDocFragment

ROOT = Path(__file__).parents[2]


def test_the_files_that_it_names_are_there():
    text = (ROOT / "meta/execution-environment.yml").read_text()
    named = re.findall(r"^  (?:python|system): (\S+)$", text, re.MULTILINE)
    assert named == ["meta/ee-requirements.txt", "meta/ee-bindep.txt"]
    assert all((ROOT / name).is_file() for name in named)


def test_it_has_the_libraries_of_the_modules():
    needed = set(re.findall(r"^  - (\S+) \(python3-", ModuleDocFragment.DOCUMENTATION, re.MULTILINE))
    lines = (ROOT / "meta/ee-requirements.txt").read_text().splitlines()
    assert needed and {line.split()[0] for line in lines} == needed
