# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tests may take: limits of time that mean the same on a slow machine, and how much is tried at all."""

from __future__ import annotations

import os
import time

STEPS = 1_000_000
SECONDS = 0.1  # that they take on the machine on which the limits were set


def slower() -> float:
    """How often longer this machine takes, at this moment, than the one on which the limits were set; at least 1."""
    started = time.process_time()
    counted: dict[int, int] = {}
    for number in range(STEPS):
        counted[number % 1000] = counted.get(number % 1000, 0) + number
    return max(1.0, (time.process_time() - started) / SECONDS)


def examples(count: int) -> int:
    """How many inputs are tried: all of them, or of halves of the tests, which are to be quick, a third."""
    return count // 3 if "VIRTNET_HALVES" in os.environ else count
