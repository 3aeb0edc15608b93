# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals that ask a task to end, sent to this process."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.interrupts import (
    ASKED_TO_END,
    Interrupted,
    interruptible,
)


@pytest.mark.parametrize("number", ASKED_TO_END)
def test_a_signal_interrupts_what_can_go_back(number: signal.Signals):
    reached = []
    with pytest.raises(Interrupted, match=r"^the task was ended by %s$" % number.name), interruptible() as signals:
        signals.let_through()
        os.kill(os.getpid(), number)
        reached.append("beyond")
    assert not reached


def test_a_held_signal_interrupts_when_it_is_let_through():
    with interruptible() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted):
            signals.let_through()
        signals.hold()
        os.kill(os.getpid(), signal.SIGTERM)


def test_no_module_is_left_that_is_imported_by_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "imported_by_half.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nNEEDED = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with interruptible() as signals:
        signals.let_through()
        assert importlib.import_module("imported_by_half").NEEDED == 1
        with pytest.raises(Interrupted, match=r"^the task was ended by SIGINT$"):
            signals.check()
