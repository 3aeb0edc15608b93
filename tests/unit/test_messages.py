# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to messages quotes messages that the code has."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("messages", ROOT / "docs/site/messages.py")
assert _spec and _spec.loader
messages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(messages)

TEXTS = [text for group in messages.found().values() for text, _kind in group]
GUIDE = (ROOT / "docs/troubleshooting.md").read_text().split("## What is no message")[0]
QUOTED = re.findall(r"^\| `([^`]+)` \|", GUIDE, re.M)


@pytest.mark.parametrize("quoted", QUOTED)
def test_it_is_a_message_of_the_code(quoted: str):
    pattern = ".*".join(map(re.escape, quoted.split("…")))
    assert [text for text in TEXTS if re.search(pattern, text)]


def test_messages_are_found_in_every_room():
    assert len(TEXTS) > 200 and len(QUOTED) > 15
    assert {"Networks", "Interfaces of guests", "SR-IOV", "Filters", "Values of options"} <= set(messages.found())
