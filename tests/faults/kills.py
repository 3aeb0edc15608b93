# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task is killed or signalled in the midst of its changes.

One that dies without a word must leave the host as it was within ten seconds; one that can answer says so itself. And
the same task again must end well, whatever was left.
"""

from __future__ import annotations

import glob
import random
import re
import signal
import tempfile
import time
from pathlib import Path
from typing import Callable

from sshd import served

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine import guardian
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from faults import hosts, plans
from faults.bench import SETTLES, Bench
from faults.calls import Breaker, a_plan_that_works
from faults.results import Try, judge
from faults.tasks import Answer, Module, Playbook, Task, Transaction
from faults.witnesses import Seen, differences

# The signal, whether the whole group has it, and how often.
KILLS = (("SIGKILL", False, 5), ("SIGKILL", True, 3), ("SIGTERM", False, 2), ("SIGINT", False, 1),
         ("SIGHUP", False, 1), ("SIGSTOP, then SIGKILL", False, 1), ("SIGSTOP, then SIGCONT", False, 1))


def run(bench: Bench) -> None:
    for number in range(2 if bench.short else 16):
        if bench.wants("kills/%d" % number):
            at_calls(bench, "kills/%d" % number)
    for index in range(6):
        for name, scenario in (("stopped", _stopped), ("hangs", _hangs)):
            one = "kills/%s/%d" % (name, index)
            if bench.wants(one) and (not bench.short or bench.only.startswith("kills/" + name)):
                scenario(bench, one)
    _modules(bench)
    if bench.wants("kills/ansible"):
        _ansible(bench)
    if bench.wants("kills/ssh"):
        with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as reached:
            _over_ssh(bench, reached)


def _deadly(chance: random.Random) -> tuple[str, bool]:
    name, group, _often = chance.choices(KILLS, weights=[often for _name, _group, often in KILLS])[0]
    return name, group


def _send(process: Transaction | Module, words: str, group: bool) -> None:
    first, _between, then = words.partition(", then ")
    process.kill(getattr(signal, first), group)
    if then:
        time.sleep(0.5)
        process.kill(getattr(signal, then), group)


def _kind(words: str, group: bool, what: str) -> str:
    return "%s%s, %s" % (words, " to its group" if group else "", what)


# --- transactions, killed at a call


def at_calls(bench: Bench, name: str, switch: bool = False) -> None:
    """A plan that is killed at random calls."""
    layout = hosts.layout("%s/%s" % (bench.seed, name), switch=switch)
    tasks, _before, stated, calls = a_plan_that_works(bench, name, layout)
    for index in range(2 if bench.short else 8):
        one = "%s/%d" % (name, index)
        if bench.wants(one):
            _at_call(bench, one, layout, tasks, stated, len(calls))


def _at_call(bench: Bench, name: str, layout: hosts.Layout, tasks: list[Task], stated: Seen, calls: int) -> None:
    chance = bench.chance(name)
    words, group = _deadly(chance)
    at, after = chance.randint(1, calls), chance.random() * 0.02
    before = bench.host(layout)
    process = Transaction(tasks, Breaker())
    came = process.note(str(at), 30)
    time.sleep(after)
    _send(process, words, group)
    answer = process.wait()
    how = "%.0f ms after call %d of %d began%s; %s" % (
        after * 1000, at, calls, "" if came else " (it did not)", plans.in_words(tasks))
    found = bench.judge(Try(name, _kind(words, group, "at a call"), how), before, stated, answer, seconds=SETTLES)
    if found.end == "neither" or index_of(name) % 4 == 0:
        _again(bench, name + "/again", before, stated, lambda: Transaction(tasks).wait(), how)


def index_of(name: str) -> int:
    return int(name.rsplit("/", 1)[1])


def _again(bench: Bench, name: str, before: Seen, stated: Seen, run_it: Callable[[], Answer | None], how: str) -> None:
    """The same task once more, on what was left: it must say that it did it, and have done it."""
    answer = run_it() or Answer(False, "it died", known=False)
    found = Try(name, "the same task again after a kill", how)
    if not bench.sabotage:
        judge(found, before, stated, bench.settled(stated, None, 2), answer)
        found.lies = found.lies or ("" if answer.ok else "says that it failed")
        bench.add(found)


# --- modules that are stopped and never go on, or say nothing any more


PATIENCE = 4  # seconds in place of the guardian's ten minutes


def _stopped(bench: Bench, name: str) -> None:
    """SIGSTOP and nothing after it: the guardian ends the module, after ten seconds, and puts all back."""
    _never_ends(bench, name, "SIGSTOP for ever, at a call", Breaker(), lambda process: process.kill(signal.SIGSTOP))


def _hangs(bench: Bench, name: str) -> None:
    """A call of a library that does not return."""
    _never_ends(bench, name, "a call that never returns", _Hang(), lambda process: None)


class _Hang(Breaker):
    """Has a changing call hang; the guardian is less patient than else."""

    hangs_at = 0

    def __call__(self, host: Host, note: Callable[[str], None]) -> list[str]:
        guardian.SILENT_SECONDS = PATIENCE
        return super().__call__(host, note)

    def _call(self, name: str, call: Callable[[], object]) -> object:
        result = super()._call(name, call)
        if len(self.calls) == self.hangs_at:
            signal.pause()
        return result


def _never_ends(bench: Bench, name: str, kind: str, breaker: Breaker,
                then: Callable[[Transaction], None]) -> None:
    chance, layout = bench.chance(name), hosts.layout("%s/%s" % (bench.seed, name))
    tasks, _before, stated, calls = a_plan_that_works(bench, name, layout)
    at = chance.randint(1, len(calls))
    if isinstance(breaker, _Hang):
        breaker.hangs_at = at
    before = bench.host(layout)
    process = Transaction(tasks, breaker)
    process.note(str(at), 30)
    then(process)
    answer = process.wait()
    how = "call %d of %d; %s" % (at, len(calls), plans.in_words(tasks))
    bench.judge(Try(name, kind, how), before, stated, answer, seconds=SETTLES)


# --- modules as Ansible starts them, killed at a random moment


MODULES: dict[str, Task] = {
    "mtu": plans.restarted("lab", mtu={"size": 1300}),
    "bridge": plans.restarted("lab", bridge={"name": "lab1"}),
    "isolated": plans.restarted("office", port={"isolated": True}),
    "address": plans.restarted("lab", ips=[{"address": "192.168.160.2", "prefix": 24}]),
    "portgroup": ("interface", {"domain": "web", "mac": {"address": "52:54:00:00:01:01"},
                                "source": {"network": "lab", "portgroup": "db"}}),
}


def _modules(bench: Bench) -> None:
    for which, task in list(MODULES.items())[:1 if bench.short else None]:
        name = "kills/module-%s" % which
        if bench.wants(name):
            _module(bench, name, task)


def _module(bench: Bench, name: str, task: Task) -> None:
    layout = hosts.layout("%s/%s" % (bench.seed, name))
    layout.waits = False
    before = bench.host(layout)
    answer = Module(task).wait() or Answer(False)
    stated = hosts.settled_look()
    if not answer.ok:
        bench.add(judge(Try(name, "no fault of ours", plans.in_words([task])), before, None, stated, answer))
        return
    for index in range(3 if bench.short else 12):
        one = "%s/%d" % (name, index)
        if bench.wants(one):
            _one_module(bench, one, layout, task, stated, answer.seconds)


def _one_module(bench: Bench, name: str, layout: hosts.Layout, task: Task, stated: Seen, takes: float) -> None:
    chance = bench.chance(name)
    words, group = _deadly(chance)
    after = takes * chance.uniform(0.35, 1.0)  # before, it only loads what it needs
    before = bench.host(layout)
    process = Module(task)
    time.sleep(after)
    _send(process, words, group)
    answer = process.wait()
    how = "%.2f s of %.2f s after its start; %s" % (after, takes, plans.in_words([task]))
    found = Try(name, _kind(words, group, "a module"), how)
    bench.judge(found, before, stated, answer, seconds=SETTLES)
    if found.end == "neither" or index_of(name) % 4 == 0:
        _again(bench, name + "/again", before, stated, Module(task).wait, how)


# --- and by Ansible, which removes the module's files when it is gone


def _ansible(bench: Bench) -> None:
    layout = hosts.layout("%s/kills/ansible" % bench.seed)
    layout.waits = False
    task = MODULES["bridge"]
    for index in range(1 if bench.short else 12):
        name = "kills/ansible/%d" % index
        if bench.wants(name):
            _one_of_ansible(bench, name, layout, task)


def _one_of_ansible(bench: Bench, name: str, layout: hosts.Layout, task: Task) -> None:
    chance = bench.chance(name)
    before = bench.host(layout)
    stated = _stated_by_ansible(bench, layout, task)
    before = bench.host(layout)
    process, after = Playbook(task), chance.uniform(0.15, 1.0)
    end = time.monotonic() + 30
    while not (pid := process.module_pid()) and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(after)
    signal_it = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
    hosts.end_of(pid, signal_it)
    since = time.monotonic()
    process.wait()  # Ansible must not hang on what the module left running
    took = time.monotonic() - since
    how = "%.2f s after it was there; %s" % (after, plans.in_words([task]))
    found = Try(name, "%s, a module of Ansible" % signal_it.name, how)
    bench.judge(found, before, stated, None, seconds=SETTLES)
    if took > 5:
        found.lies = "comes %d s after the kill" % took


# --- and over ssh, where the session may end instead


RECORDS = "/var/lib/virtnet/*.record"
SESSION, CLIENT = rb"sshd(-session)?: root", rb"([^\0 ]*/)?ssh(\0|: )"  # how their processes call themselves


def _over_ssh(bench: Bench, reached: dict) -> None:
    layout = hosts.layout("%s/kills/ansible" % bench.seed)
    layout.waits = False
    for index in range(1 if bench.short else 12):
        name = "kills/ssh/%d" % index
        if bench.wants(name):
            _one_over_ssh(bench, name, layout, MODULES["bridge"], reached)


def _one_over_ssh(bench: Bench, name: str, layout: hosts.Layout, task: Task, reached: dict) -> None:
    """The module is killed, or the session at either end; a pipelined module does not even notice that."""
    chance = bench.chance(name)
    stated = _stated_by_ansible(bench, layout, task)
    before = bench.host(layout)
    victim = chance.choice(("the module", "the session", "the session", "the client"))
    pipelining, after = chance.random() < 0.5, chance.uniform(0, 0.4)
    process = Playbook(task, reached, pipelining)
    end = time.monotonic() + 30
    while not (records := glob.glob(RECORDS)) and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(after)
    module = [int(Path(record).stem.rpartition("-")[2]) for record in records]
    killed = {"the module": module, "the session": _named(SESSION), "the client": _named(CLIENT)}[victim]
    for pid in killed:
        hosts.end_of(pid)
    since = time.monotonic()
    process.wait()
    took = time.monotonic() - since
    how = "%.2f s after the record was there, %s; %s" % (
        after, "pipelined" if pipelining else "not pipelined", plans.in_words([task]))
    found = Try(name, "over ssh, SIGKILL of %s" % victim, how)
    bench.judge(found, before, stated, None, seconds=SETTLES)
    if took > 5 or not killed:
        found.lies = "comes %d s after the kill" % took if killed else "came too late to be killed"


def _named(pattern: bytes) -> list[int]:
    """The processes whose command line begins so."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            if re.match(pattern, Path(path).read_bytes()):
                found.append(int(path.split("/")[2]))
        except OSError:
            pass  # it has just ended
    return found


_STATED: dict[str, Seen] = {}


def _stated_by_ansible(bench: Bench, layout: hosts.Layout, task: Task) -> Seen:
    """How the host is after the task; it is run once."""
    if repr(layout) not in _STATED:
        before = bench.host(layout)
        Playbook(task).wait()
        _STATED[repr(layout)] = hosts.settled_look()
        assert differences(before, _STATED[repr(layout)]), "the playbook changed nothing"
    return _STATED[repr(layout)]
