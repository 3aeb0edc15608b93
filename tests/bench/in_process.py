# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What planning costs by number of objects, in one process without Ansible's controller and without libvirt.

tests/bench/run starts this with the system's Python and libraries, as a managed host has them. The cases are those of
which the unit tests count the operations.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Callable

from unit.test_linear import changed_in_both_layers, new, unchanged
from unit.test_linear_entries import changed_hosts, network_with_changed_hosts, network_with_the_same_hosts

REPEATS = 3
Prepare = Callable[[int], Callable[[], object]]
CASES: dict[str, Prepare] = {
    "new networks": new,
    "networks that change": changed_in_both_layers,
    "networks that are as stated": unchanged,
    "changed DHCP hosts of a network": network_with_changed_hosts,
    "changed DHCP hosts by dhcp_host": changed_hosts,
    "DHCP hosts that are as stated": network_with_the_same_hosts,
}
SIZES = (1000, 2000)


def cpu_of(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def report() -> Iterator[str]:
    """One line for each case and size: the median of its CPU seconds."""
    for title, prepare in CASES.items():
        for size in SIZES:
            seconds = median(cpu_of(prepare(size)) for _repeat in range(REPEATS))
            yield "%5d  %-50s CPU %.3f s" % (size, title, seconds)


if __name__ == "__main__":
    for line in report():
        print(line, flush=True)
