# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of its own that takes back what a module had begun, when that has died without a word.

It is forked before the first step and so has in memory all that going back takes; whatever becomes of the module's
files, its session or its connection, it goes on. See "guardian" in docs/reliability.md.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import syslog
from collections.abc import Callable, Iterable

from ..host.systemd import own_scope

STOPPED_SECONDS = 10  # a module that is stopped for so long is taken for dead
SILENT_SECONDS = 600  # and one that says nothing for so long
IGNORED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGTSTP)
RELEASE, HOLD = b"release", b"hold"


class Guardian:
    """The module's end of it."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def is_alive(self) -> bool:
        """Says that the module is at work, and whether there is somebody to hear it."""
        return self._say(b"")

    def release(self) -> None:
        """All is done, or taken back by the module itself."""
        self._say(RELEASE)
        os.close(self._pipe)

    def hold(self) -> None:
        """All is done and waits to be confirmed."""
        self._say(HOLD)
        os.close(self._pipe)

    def _say(self, word: bytes) -> bool:
        try:
            os.write(self._pipe, word + b"\n")
        except OSError:
            return False  # the guardian was killed; the record on disk is what is left
        return True


TakeBack = Callable[[bool], None]


def start(take_back: TakeBack, keeps: Iterable[int] = ()) -> Guardian:
    """Forks the guardian, which ``keeps`` these files.

    ``take_back`` is called in it when it is not released, with whether what was done waits to be confirmed.
    """
    said, says = os.pipe()
    stands, ready = os.pipe()
    module, former = os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
    child = os.fork()  # what a signal raises here would be swallowed by what is called after a fork
    if child == 0:
        _become_guardian(module, said, ready, {*keeps}, take_back)
    signal.pthread_sigmask(signal.SIG_SETMASK, former)
    os.close(said)
    os.close(ready)
    os.waitpid(child, 0)
    pid = os.read(stands, 32)
    os.close(stands)
    if pid:
        own_scope(int(pid))
    return Guardian(says)


def _become_guardian(module: int, said: int, ready: int, keeps: set[int], take_back: TakeBack) -> None:
    """Never returns, for the module's own end is still on the stack."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        gc.freeze()  # what is freed here of libvirt's former connection waits for an answer that never comes
        _let_go({said, ready, *keeps})
        os.write(ready, b"%d" % os.getpid())
        os.close(ready)
        words = _listen(said, module)
        if RELEASE not in words:
            take_back(HOLD in words)
    finally:
        os._exit(0)


def _let_go(keeps: set[int]) -> None:
    """Leaves all that the module has: signals, folder, the standard files, for which Ansible waits, and libvirt."""
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN if number in IGNORED else signal.SIG_DFL)
        except (OSError, ValueError):
            pass  # KILL and STOP, and those that the C library keeps
    os.chdir("/")
    syslog.closelog()  # else what is told later goes to whatever has the number of that file by then
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for number in [int(name) for name in os.listdir("/proc/self/fd")]:
        if number > 2 and number not in keeps:
            try:
                os.close(number)
            except OSError:
                pass  # the one by which they were listed
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write("virtnet-guard")


def _listen(said: int, module: int) -> list[bytes]:
    """What a module said until it was gone."""
    text, stopped, silent, waiting = b"", 0, 0, select.poll()
    waiting.register(said, select.POLLIN)
    while True:
        if not waiting.poll(1000):
            silent += 1
            stopped = stopped + 1 if _is_stopped(module) else 0
            if stopped >= STOPPED_SECONDS or silent >= SILENT_SECONDS:
                os.kill(module, signal.SIGKILL)
            continue
        chunk, silent = os.read(said, 4096), 0
        if not chunk:
            break
        text += chunk
    return text.split()


def _is_stopped(pid: int) -> bool:
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in ("T", "t")
    except OSError:
        return False
