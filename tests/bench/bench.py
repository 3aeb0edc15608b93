# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task costs that has nothing to do: ours beside what community.libvirt needs for the same network.

tests/bench/run starts this in a sandbox. It reads no times out of Ansible's output; it measures processes. It fails
when a playbook fails or changes something, and never on time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

PLAYBOOKS = Path(__file__).parent / "playbooks"
LOG = Path(".cache/bench/log")

# The playbooks, in the order of their turns.
CONTESTANTS = {
    "ping": "ansible.builtin.ping",
    "define": "virt_net: define",
    "three": "virt_net: define, active, autostart",
    "network": "network: running",
    "defined": "network: only defined",
}


class Cost(NamedTuple):
    """Seconds: user and system CPU of all processes, and of the clock on the wall."""

    cpu: float
    wall: float


class Goal(NamedTuple):
    """Ours over another's."""

    ours: str
    other: str
    most: float


GOALS = (Goal("network", "define", 1.25), Goal("network", "three", 0.5), Goal("defined", "define", 1.25))
ONE_TASK = 0.2  # seconds on the wall that one task of ours may take longer than a ping

Costs = dict[tuple[str, int], list[Cost]]  # by playbook and number of tasks, one for each round


def measure(command: list) -> Cost:
    """Runs a command; what its children and theirs take counts, as they are waited for."""
    with LOG.open("w") as log:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        _pid, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("bench: failed: %s\n%s" % (" ".join(command), LOG.read_text()))
    return Cost(used.ru_utime + used.ru_stime, wall)


def play(name: str, tasks: int = 0, folder: Path = PLAYBOOKS) -> Cost:
    """The cost of a playbook with so many turns of its loop, if it has one."""
    return measure([
        "ansible-playbook", "-i", "localhost,", "-c", "local", str(folder / ("%s.yml" % name)),
        "-e", '{"n": %d, "ansible_python_interpreter": "/usr/bin/python3"}' % tasks])


def refuse_changes(name: str) -> None:
    """Ends where the playbook that was played last has changed something."""
    if " changed=0 " not in LOG.read_text():
        raise SystemExit("bench: %s changed something\n%s" % (name, LOG.read_text()))


def prepare() -> None:
    """Makes the networks, and sees that from then on nothing is left to do for anyone."""
    for name in ("network", "defined"):
        play(name, 1)
    for name in CONTESTANTS:
        play(name, 1)
        refuse_changes(name)


def take_turns(sizes: list, rounds: int) -> Costs:
    """Measures all contestants in turns, so that what slows the machine down for a while slows all of them."""
    turns = [("empty", 0)] + [(name, size) for size in sizes for name in CONTESTANTS]
    costs: Costs = {turn: [] for turn in turns}
    for number in range(rounds):
        print("bench: round %d of %d" % (number + 1, rounds), flush=True)
        for turn in turns:
            costs[turn].append(play(*turn))
    return costs


def middle(costs: list) -> Cost:
    return Cost(*map(median, zip(*costs)))


def a_task(costs: Costs, name: str, size: int) -> Cost:
    """What one of the tasks of a loop costs, without what a playbook costs anyway."""
    return middle([Cost((cost.cpu - empty.cpu) / size, (cost.wall - empty.wall) / size)
                   for cost, empty in zip(costs[name, size], costs["empty", 0])])


def ratio(costs: Costs, ours: str, other: str, size: int) -> Cost:
    """The median of the ratios of the rounds, of whole playbooks."""
    return middle([Cost(one.cpu / two.cpu, one.wall / two.wall)
                   for one, two in zip(costs[ours, size], costs[other, size])])


def table(costs: Costs, sizes: list) -> Iterator[str]:
    """Each playbook by size: its cost, that of one task, and both as a multiple of define's."""
    yield "tasks  playbook                               CPU s  wall s   a task: CPU ms  wall ms   / define: CPU   wall"
    yield "    0  nothing                             %8.2f%8.2f" % middle(costs["empty", 0])
    for size in sizes:
        for name, title in CONTESTANTS.items():
            whole, one, times = middle(costs[name, size]), a_task(costs, name, size), ratio(costs, name, "define", size)
            yield "%5d  %-36s%8.2f%8.2f%17.0f%9.0f%16.2f%7.2f" % (
                size, title, *whole, one.cpu * 1000, one.wall * 1000, *times)


def goals(costs: Costs, sizes: list) -> Iterator[str]:
    """How near the goals are; of whole playbooks, and of their tasks alone."""
    for size in filter(lambda size: size > 1, sizes):
        for goal in GOALS:
            whole = ratio(costs, goal.ours, goal.other, size)
            ours, other = (a_task(costs, name, size) for name in (goal.ours, goal.other))
            yield "%5d  %s / %-8s CPU %.2f  wall %.2f   tasks alone: CPU %.2f  wall %.2f   goal %.2f" % (
                size, goal.ours, goal.other, *whole, ours.cpu / other.cpu, ours.wall / other.wall, goal.most)
    if 1 in sizes:
        longer = median(ours.wall - ping.wall for ours, ping in zip(costs["network", 1], costs["ping", 1]))
        yield "    1  network - ping    wall %.2f s   goal %.2f s" % (longer, ONE_TASK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[1, 30, 50])
    options = parser.parse_args()
    prepare()
    costs = take_turns(options.sizes, options.rounds)
    print("\nNo-op tasks, medians of %d rounds" % options.rounds)
    print("\n".join(table(costs, options.sizes)))
    print("\nGoals")
    print("\n".join(goals(costs, options.sizes)))


if __name__ == "__main__":
    main()
