# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many more processes can watch files (inotify), which the kernel tells only by letting one do so."""

from __future__ import annotations

import ctypes
import errno
import os

from . import sysfs

LIMIT = "/proc/sys/fs/inotify/max_user_instances"


def read_watches() -> dict[str, int | None] | None:
    """How many processes of root can watch files, of which each dnsmasq that asks the host's servers is one.

    ``left`` of the ``limit``; None where that is not known, or more than this process can count.
    """
    left = None if os.geteuid() else _left()
    return None if left is None else {"limit": sysfs.number(LIMIT), "left": left}


def _left() -> int | None:
    libc = ctypes.CDLL(None, use_errno=True)
    taken: list[int] = []
    try:
        while True:
            number = libc.inotify_init1(os.O_CLOEXEC)
            if number < 0:
                return len(taken) if ctypes.get_errno() == errno.EMFILE and _can_open() else None
            taken.append(number)
    finally:
        for number in taken:
            os.close(number)


def _can_open() -> bool:
    """Whether this process may have one more file open."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True
