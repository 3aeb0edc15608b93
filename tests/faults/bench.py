# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part needs to run: the seed, which tries are wanted, the host, and what becomes of each try."""

from __future__ import annotations

import random
import time

from faults import hosts
from faults.results import Try, details, judge
from faults.tasks import Answer
from faults.witnesses import Seen, look

SETTLES = 10.0  # seconds within which a host is right after a kill, as docs/reliability.md promises
STAYS = 3.0  # seconds that a guardian may need to end


class Bench:
    """One run of one part; ``sabotage`` breaks the host after each try, to show that it is seen."""

    def __init__(self, seed: str, short: bool, only: str, sabotage: bool = False) -> None:
        self.seed, self.short, self.only, self.sabotage = seed, short, only, sabotage
        self.tries: list[Try] = []
        self._built: tuple[str, Seen] | None = None

    def chance(self, name: str) -> random.Random:
        """The same numbers for the same name, whatever else is run."""
        return random.Random("%s/%s" % (self.seed, name))

    def wants(self, name: str) -> bool:
        """Whether a try, or any within it, is to be run."""
        return not self.only or name.startswith(self.only) or self.only.startswith(name + "/")

    def host(self, chosen: hosts.Layout) -> Seen:
        """A host of this layout: what there is where that is as it was built, else a new one."""
        if self._built and self._built[0] == repr(chosen) and look() == self._built[1] \
                and not hosts.processes_of_product():
            return self._built[1]
        self._built = repr(chosen), hosts.build(chosen)
        return self._built[1]

    def judge(self, found: Try, before: Seen, stated: Seen | None, answer: Answer | None, told: bool = False,
              seconds: float = 0) -> Try:
        """Looks at the host, which has so many seconds to become as before or as stated."""
        since = time.monotonic()
        now = self.settled(before, stated, seconds)
        found.seconds = time.monotonic() - since
        if self.sabotage:
            found.sabotaged = hosts.sabotage(self.chance("sabotage of %s" % found.name), before, stated)
            now = look()
        judge(found, before, stated, now, answer, told)
        if not gone_within(STAYS):
            found.end, found.left = "neither", [*found.left, "processes of the collection are still there"]
        if ended(before, now):
            found.kind, found.end = "a guest ended, which no task does: disturbed from outside?", "neither"
        return self.add(found)

    def add(self, found: Try) -> Try:
        self.tries.append(found)
        if found.right == self.sabotage:
            print(details(found, self.seed), flush=True)
        return found

    def settled(self, before: Seen, stated: Seen | None, seconds: float) -> Seen:
        """How the host is when it is as before or as stated, or nobody works on it any more, or the time is over."""
        end = time.monotonic() + seconds
        while True:
            busy = bool(hosts.processes_of_product())
            now = look()
            if now in (before, stated) or not busy or time.monotonic() > end:
                return now
            time.sleep(0.1)

    @property
    def failed(self) -> bool:
        """Whether anything is not right; where the host was broken on purpose, whether anything seems right."""
        return any(one.right == self.sabotage for one in self.tries)


def ended(before: Seen, now: Seen) -> bool:
    """Whether a guest runs no more."""
    up = ("running", "paused")
    return any(name.startswith("guest ") and text in up and now.get(name) not in up for name, text in before.items())


def gone_within(seconds: float) -> bool:
    """Whether the collection's processes end in that time."""
    end = time.monotonic() + seconds
    while hosts.processes_of_product():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
