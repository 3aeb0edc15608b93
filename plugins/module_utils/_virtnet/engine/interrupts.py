# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals that ask a task to end: it ends by going back, as after any other failure."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKED_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(BaseException):
    """The task was asked to end."""


class Signals:
    """What becomes of signals: they are noted, and interrupt what can go back."""

    def __init__(self) -> None:
        self._interrupts = False
        self._number: int | None = None

    def let_through(self) -> None:
        """From now on they interrupt; one that has arrived does at once."""
        self._interrupts = True
        self.check()

    def hold(self) -> None:
        """From now on nothing is interrupted."""
        self._interrupts = False

    def arrived(self, number: int, frame: FrameType | None) -> None:
        if self._number is None:  # one is enough
            self._number = number
            if self._interrupts and not _imports(frame):
                self.check()

    def check(self) -> None:
        """Raises Interrupted where a signal has arrived, which may have been in code that swallows what is raised."""
        if self._number is not None:
            raise Interrupted("the task was ended by %s" % signal.Signals(self._number).name)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported, of which an interruption would leave a part, which going back may need."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interruptible() -> Iterator[Signals]:
    """What is done in here can be interrupted by signals that ask a task to end."""
    signals, former = Signals(), {}
    try:
        for number in ASKED_TO_END:
            former[number] = signal.signal(number, signals.arrived)
    except ValueError:
        pass  # not in the main thread, where there are no signals
    try:
        yield signals
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
