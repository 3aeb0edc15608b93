# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, kills, edits and surroundings on a host with Open vSwitch, of which ovs-vsctl is a witness."""

from __future__ import annotations

import signal
import time

from faults import hosts, plans
from faults.bench import SETTLES, Bench
from faults.calls import Breaker, Fault, FaultsOf
from faults.kills import at_calls
from faults.results import Try
from faults.surroundings import Harm, judge_repair
from faults.tasks import Answer, Module, Task, Transaction
from faults.witnesses import Seen, look, sh

GUEST = {"domain": "db", "mac": {"address": "52:54:00:00:01:15"}}
LIMITS = {"inbound": {"average": 500, "peak": 900, "burst": 64}, "outbound": {"average": 400, "burst": 32}}
RESTART = plans.restarted("vlans", vlan={"tags": [{"id": 50}]}, portgroups=[
    {"name": "red", "vlan": {"tags": [{"id": 17}]}}])
TASKS: dict[str, list[Task]] = {
    "restart": [RESTART],
    "tags": [("interface", dict(GUEST, vlan={"tags": [{"id": 70}]}))],
    "limits": [("qos", {"domain": "web", "mac": "52:54:00:00:01:04", **LIMITS})],
    "all": [RESTART, ("vlan", {"domain": "db", "mac": "52:54:00:00:01:15", "tags": [{"id": 70}]}),
            plans.network("unused", state="active")],
}
TAP = "$(%s)" % hosts.TAP_ON_SWITCH
# What somebody does with ovs-vsctl meanwhile, how that is seen, and how it is taken back to compare the rest.
EDITS = (
    Harm("a tag", "ovs-vsctl set port own0 tag=98", "ovs-vsctl set port own0 tag=99"),
    Harm("a limit", "ovs-vsctl set interface own0 ingress_policing_rate=7000",
         "ovs-vsctl set interface own0 ingress_policing_rate=5000"),
    Harm("a new port", "ovs-vsctl add-port ovsbr0 own1 tag=97 -- set interface own1 type=internal",
         "ovs-vsctl del-port ovsbr0 own1"),
    Harm("a mark of a guest's port", "ovs-vsctl set port %s external_ids:of=somebody" % TAP,
         "ovs-vsctl remove port %s external_ids of" % TAP),
    Harm("a mark of the switch", "ovs-vsctl set bridge ovsbr0 external_ids:of=somebody",
         "ovs-vsctl remove bridge ovsbr0 external_ids of"),
    Harm("limits by somebody", "ovs-vsctl set port own0 qos=@q -- --id=@q create qos type=linux-htb"
         " other_config:max-rate=1000000 queues:0=@u -- --id=@u create queue other_config:max-rate=1000000",
         "ovs-vsctl clear port own0 qos; ovs-vsctl destroy qos $(ovs-vsctl --bare --columns=_uuid find qos"
         " other_config:max-rate=1000000) -- destroy queue $(ovs-vsctl --bare --columns=_uuid find queue"
         " other_config:max-rate=1000000)"),
)
ENDS = ("goes through", "fails", "is killed")

SERVER = ("ovsdb-server /run/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock -vconsole:off --pidfile"
          " --log-file --detach")
SWITCHD = "ovs-vswitchd -vconsole:off --pidfile --log-file --detach"
KILL = "kill -9 $(cat /run/openvswitch/%s.pid); while pgrep -x %s >/dev/null; do sleep 0.01; done"
HARMS = {"switchd": Harm("ovs-vswitchd", KILL % ("ovs-vswitchd", "ovs-vswitchd"), SWITCHD),
         "server": Harm("ovsdb-server", KILL % ("ovsdb-server", "ovsdb-server"), SERVER)}

BEHIND = {
    "tag": Harm("the tag of a guest's port changed", "ovs-vsctl set port %s tag=6" % TAP),
    "trunk": Harm("a guest's port made a trunk", "ovs-vsctl set port %s trunks=5,6 vlan_mode=trunk" % TAP),
    "gone": Harm("a guest's port taken away", "ovs-vsctl del-port %s" % TAP),
    "limits": Harm("the limits of a guest's port taken away", "ovs-vsctl clear port %s qos" % TAP),
}


def run(bench: Bench) -> None:
    for number in range(1 if bench.short else 10):
        name = "switch/calls/%d" % number
        if bench.wants(name):
            FaultsOf(bench, name, switch=True).run()
    for number in range(1 if bench.short else 8):
        name = "switch/kills/%d" % number
        if bench.wants(name):
            at_calls(bench, name, switch=True)
    for kind, scenario, often in (("edits", _edited, 24), ("restarted", _restarted, 16), ("away", _away, 4)):
        for index in range(1 if bench.short and not bench.only.startswith("switch/" + kind) else often):
            name = "switch/%s/%d" % (kind, index)
            if bench.wants(name):
                scenario(bench, name, index)
    for which, harm in BEHIND.items():
        name = "switch/behind/%s" % which
        if bench.wants(name) and (which == "tag" or not bench.short):
            _behind(bench, name, harm)


def _layout(bench: Bench) -> hosts.Layout:
    found = hosts.layout("%s/switch" % bench.seed, switch=True)
    found.waits = found.retagged = found.pool = False
    return found


_STATED: dict[str, tuple[Seen, int]] = {}


def _stated(bench: Bench, which: str) -> tuple[Seen, int]:
    """How the host is after tasks that nothing disturbs, and how many calls they make."""
    if which not in _STATED:
        bench.host(_layout(bench))
        answer = Transaction(TASKS[which], Breaker()).wait() or Answer(False)
        assert answer.ok, "%s: %s" % (which, answer.message)
        _STATED[which] = hosts.settled_look(), len(answer.calls)
    return _STATED[which]


# --- edits of others


def _edited(bench: Bench, name: str, index: int) -> None:
    """Edits at one call each; the task goes through, fails or is killed, and all of them must be there."""
    chance, end = bench.chance(name), ENDS[index % len(ENDS)]
    which = chance.choice(sorted(TASKS))
    stated, calls = _stated(bench, which)
    before = bench.host(_layout(bench))
    at = chance.randint(1, calls)
    edits = chance.sample(EDITS, 3)
    last = Fault(calls, True, "KernelError")
    process = Transaction(TASKS[which], Breaker(last) if end == "fails" else Breaker())
    process.note(str(at), 30)
    for edit in edits:
        sh("bash", "-c", edit.do)
    if end == "is killed":
        process.kill(signal.SIGKILL)
    answer = process.wait()
    bench.settled(before, stated, SETTLES)
    for edit in edits:
        sh("bash", "-c", edit.undo)
    how = "%s at call %d of %d, which %s; %s" % (", ".join(edit.words for edit in edits), at, calls, end,
                                                 plans.in_words(TASKS[which]))
    bench.judge(Try(name, "ovs-vsctl beside a task that %s" % end, how), before, stated, answer, seconds=SETTLES)


# --- its daemons


def _restarted(bench: Bench, name: str, index: int) -> None:
    """One is killed at a call and started again, at once or after two seconds."""
    chance, harm = bench.chance(name), list(HARMS.values())[index % len(HARMS)]
    which = chance.choice(sorted(TASKS))
    stated, calls = _stated(bench, which)
    before = bench.host(_layout(bench))
    at, after, away = chance.randint(1, calls), chance.random() * 0.02, chance.choice((0, 0, 2))
    process = Transaction(TASKS[which], Breaker())
    process.note(str(at), 30)
    time.sleep(after)
    sh("bash", "-c", "%s; sleep %d; %s" % (harm.do, away, harm.undo))
    answer = process.wait()
    how = "%.0f ms after call %d of %d began, away for %d s; %s" % (
        after * 1000, at, calls, away, plans.in_words(TASKS[which]))
    bench.judge(Try(name, "%s killed and started again" % harm.words, how), before, stated, answer, seconds=SETTLES)


def _away(bench: Bench, name: str, index: int) -> None:
    """One is not there from before a task until after it."""
    harm, which = list(HARMS.values())[index % len(HARMS)], ("tags", "restart")[index // len(HARMS)]
    stated, _calls = _stated(bench, which)
    before = bench.host(_layout(bench))
    sh("bash", "-c", harm.do)
    try:
        answer = Module(TASKS[which][0]).wait()
    finally:
        sh("bash", "-c", harm.undo)
    bench.judge(Try(name, "no %s" % harm.words, plans.in_words(TASKS[which])), before, stated, answer, seconds=SETTLES)


# --- changed behind libvirt's back


def _behind(bench: Bench, name: str, harm: Harm) -> None:
    """A task that states nothing new has nothing to do but to repair it, or to say that it cannot."""
    layout = _layout(bench)
    good = bench.host(layout)
    task: Task = ("interface", dict(GUEST, link={"state": "up"}))
    if harm is BEHIND["limits"]:
        task = ("qos", {"domain": "db", "mac": "52:54:00:00:01:15", **LIMITS})
        Module(task).wait()
        good = hosts.settled_look()
    sh("bash", "-c", harm.do)
    judge_repair(bench, Try(name, "behind its back: %s" % harm.words, plans.in_words([task])), good, look(), task)
