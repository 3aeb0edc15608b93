# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md names all that there is, and docs/README.md every guide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THERE = [path.stem for kind in ("modules", "filter", "inventory", "lookup", "test")
         for path in ROOT.glob("plugins/%s/*.py" % kind)]
THERE += [path.stem for path in [*ROOT.glob("roles/*"), *ROOT.glob("playbooks/*.yml")]]
GUIDES = [str(path.relative_to(ROOT / "docs")) for path in ROOT.glob("docs/**/*.md") if path.name != "README.md"]
GUIDES += ["../" + str(path.relative_to(ROOT)) for path in ROOT.glob("roles/*/README.md")]


@pytest.mark.parametrize("name", sorted(set(THERE)))
def test_it_is_named(name: str):
    listed = (ROOT / "README.md").read_text().split("## What there is")[1]
    assert "`%s`" % name in listed


@pytest.mark.parametrize("guide", sorted(GUIDES))
def test_it_is_in_the_table_of_contents(guide: str):
    assert re.search(r"^- \[.+\]\(%s\)$" % re.escape(guide), (ROOT / "docs/README.md").read_text(), re.M)
