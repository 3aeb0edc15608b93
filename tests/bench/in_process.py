# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What planning and converging cost by number of objects, in one process without Ansible's controller.

tests/bench/run starts this in a sandbox, with the system's Python and libraries, as a managed host has them. A case is
a function of a size that does the work once; it is listed with its sizes in CASES.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Callable, NamedTuple

REPEATS = 5


class Case(NamedTuple):
    title: str
    sizes: tuple
    work: Callable[[int], object]


CASES: tuple = ()  # e.g. Case("plan so many changed DHCP hosts", (1000, 2000), plan_hosts)


def cpu_of(work: Callable[[int], object], size: int) -> float:
    start = time.process_time()
    work(size)
    return time.process_time() - start


def report() -> Iterator[str]:
    """One line for each case and size: the median of its CPU seconds."""
    for case in CASES:
        for size in case.sizes:
            seconds = median(cpu_of(case.work, size) for _repeat in range(REPEATS))
            yield "%5d  %-60s CPU %.3f s" % (size, case.title, seconds)


if __name__ == "__main__":
    for line in report():
        print(line, flush=True)
