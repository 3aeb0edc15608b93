# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks beside tasks, beside other people's edits, and beside guests that come and go."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from dataclasses import dataclass
from typing import Callable

import libvirt
from lxml import etree

from faults import hosts, plans
from faults.bench import Bench
from faults.calls import Breaker
from faults.results import Try
from faults.tasks import Answer, Module, Task, Transaction
from faults.witnesses import Seen, offline, sh


@dataclass
class Check:
    """Something that must be seen when all is over: a pattern in what a command says."""

    words: str
    command: str
    pattern: str

    def missing(self) -> bool:
        return not re.search(self.pattern, sh("bash", "-c", self.command))


def run(bench: Bench) -> None:
    for name, scenario in (*TOGETHER.items(), *EDITS.items(), *GUESTS.items(), *LOCKS.items()):
        for index in range(_rounds(bench, name)):
            one = "beside/%s/%d" % (name, index)
            if bench.wants(one):
                scenario(bench, one)


SHORT = ("same", "options", "restarts", "update-restart", "define-live", "guest-start", "guest-gone", "guest-again",
         "lock-timeout", "lock-wait")


def _rounds(bench: Bench, name: str) -> int:
    if bench.short and not bench.only.startswith("beside/"):
        return int(name in SHORT)
    return 3 if name in LOCKS else 15 if name in TOGETHER else 12


def _host(bench: Bench, name: str) -> Seen:
    layout = hosts.layout("%s/%s" % (bench.seed, name))
    layout.waits = False
    return bench.host(layout)


def _judge(bench: Bench, found: Try, before: Seen, checks: list[Check], wrong: list[str]) -> None:
    """Right is what is checked; all that is wrong is said."""
    if bench.sabotage:
        found.sabotaged = "a tap out of its bridge"
        sh("bash", "-c", hosts.SABOTAGE[found.sabotaged])
    now = bench.settled(before, None, 10)
    found.left = wrong + ["%s: not in force" % check.words for check in checks if check.missing()]
    found.off = [one for one in offline(now) if one not in offline(before)]
    found.end = "neither" if found.left else "as stated"
    bench.add(found)


def _failures(tasks: list[Task], answers: list[Answer | None]) -> list[str]:
    return ["%s %s failed: %s" % (task[0], task[1].get("name") or task[1].get("network", ""), answer.message if answer
                                  else "it died") for task, answer in zip(tasks, answers) if not (answer and answer.ok)]


# --- tasks at once


def _configured(words: str, pattern: str, network: str = "lab") -> Check:
    words = "%s in the configuration of %s" % (words, network)
    return Check(words, "virsh net-dumpxml --inactive %s" % network, pattern)


def _running(words: str, pattern: str, network: str = "lab") -> Check:
    return Check("%s in running %s" % (words, network), "virsh net-dumpxml %s" % network, pattern)


def _reservation(last: int) -> tuple[Task, list[Check]]:
    made = "52:54:00:00:07:%02x" % last
    return (("dhcp_host", {"network": "lab", "mac": made, "ip": "192.168.160.%d" % last}),
            [_configured("reservation %d" % last, made), _running("reservation %d" % last, made)])


def _mtu(size: int) -> tuple[Task, list[Check]]:
    return (plans.restarted("lab", mtu={"size": size}),
            [_running("MTU", "mtu size='%d'" % size),
             Check("MTU of the bridge", "ip link show lab0", "mtu %d" % size)])


OPTIONS: list[tuple[Task, list[Check]]] = [
    _mtu(1300), _reservation(41), _reservation(42),
    (("dns_record", {"network": "lab", "hosts": [{"ip": "192.168.160.210", "hostnames": ["fresh"]}]}),
     [_configured("record", "fresh"), _running("record", "fresh")]),
    (("qos", {"network": "lab", "portgroup": "db", "inbound": {"average": 777}}),
     [_configured("limit", "777"), _running("limit", "777")]),
    (plans.network("lab", autostart=True), [Check("autostart", "virsh net-info lab", "Autostart: +yes")]),
    (plans.restarted("lab", domain={"name": "a.example"}), [_running("domain", "a.example")]),
    (("interface", {"domain": "web", "mac": {"address": "52:54:00:00:01:01"},
                    "source": {"network": "lab", "portgroup": "db"}}),
     [Check("portgroup of web", "virsh dumpxml web", "portgroup='db'")]),
]


def _at_once(bench: Bench, name: str, kind: str, chosen: list[tuple[Task, list[Check]]]) -> None:
    chance, before = bench.chance(name), _host(bench, name)
    started = []
    for task, _checks in chosen:
        started.append(Module(task))
        time.sleep(chance.random() * 0.1)
    answers = [module.wait(120) for module in started]
    tasks, wanted = [task for task, _checks in chosen], [check for _task, checks in chosen for check in checks]
    _judge(bench, Try(name, kind, plans.in_words(tasks)), before, wanted, _failures(tasks, answers))


def _same_network(bench: Bench, name: str) -> None:
    task = plans.network("new", bridge={"name": "new0", "stp": False}, state="active", autostart=True,
                         ips=[{"address": "192.168.165.1", "prefix": 24}])
    checks = [_running("address", "192.168.165.1", "new"), Check("autostart", "virsh net-info new", "Autostart: +yes")]
    _at_once(bench, name, "one new network by four tasks at once", [(task, checks)] * 4)


def _different_options(bench: Bench, name: str) -> None:
    chosen = bench.chance(name + "/which").sample(OPTIONS, 3)
    # A limit that the kernel of this machine lacks is refused where a network starts, or a guest comes, with it.
    if any("restart" in task or kind == "interface" for (kind, task), _checks in chosen):
        chosen = [one for one in chosen if one[0][0] != "qos"]
    _at_once(bench, name, "three tasks for one network at once", chosen)


def _two_restarts(bench: Bench, name: str) -> None:
    _at_once(bench, name, "two restarts at once", [OPTIONS[0], OPTIONS[6]])


def _many_reservations(bench: Bench, name: str) -> None:
    _at_once(bench, name, "six reservations at once", [_reservation(last) for last in range(50, 56)])


# --- edits of others


def _edits(bench: Bench, name: str, kind: str, task: Task, checks: list[Check],
           edit: Callable[[int], list[Check]]) -> None:
    """Five edits at random moments of a task; those that libvirt took must all be there in the end."""
    chance, before = bench.chance(name), _host(bench, name)
    moments = sorted(chance.uniform(0.15, 0.9) for _edit in range(5))
    module, since = Module(task), time.monotonic()
    wanted = []
    for index, moment in enumerate(moments):
        time.sleep(max(0, since + moment - time.monotonic()))
        wanted += edit(60 + index)
    answer = module.wait()
    known = bool(answer and not answer.ok and answer.known and re.search("chang|edit|meanwhile", answer.message))
    found = Try(name, kind, plans.in_words([task]), message=answer.message if answer else "")
    # A task may give up where edits do not end, and say so.
    _judge(bench, found, before, wanted if known else wanted + checks, [] if known else _failures([task], [answer]))


def _by_update(last: int) -> list[Check]:
    made = "52:54:00:00:07:%02x" % last
    words = "virsh net-update lab add-last ip-dhcp-host \"<host mac='%s' ip='192.168.160.%d'/>\" %s && echo taken"
    if "taken" in sh("bash", "-c", words % (made, last, "--live --config")):
        return [_configured("edit %d" % last, made), _running("edit %d" % last, made)]
    if "taken" in sh("bash", "-c", words % (made, last, "--config")):
        return [_configured("edit %d" % last, made)]
    return []


def _by_define(last: int) -> list[Check]:
    """As ``virsh net-edit`` does, but with no time between reading and writing."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            libvirt.registerErrorHandler(lambda _context, _error: None, None)
            connection = libvirt.open("qemu:///system")
            network = connection.networkLookupByName("lab")
            root = etree.fromstring(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
            etree.SubElement(root, "portgroup", name="edit%d" % last)
            connection.networkDefineXML(etree.tostring(root).decode())
            code = 0
        finally:
            os._exit(code)
    taken = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return [_configured("edit %d" % last, "edit%d" % last)] if taken else []


LIVE: Task = plans.network("lab", state="active", forward={"mode": "nat", "dev": "nic0"}, dns={"hosts": [
    {"ip": "192.168.160.219", "hostnames": ["stated"]}]})
LIVE_CHECKS = [_configured("record", "stated"), _running("record", "stated")]


def _edit_scenario(kind: str, task: Task, checks: list[Check], edit: Callable[[int], list[Check]]) \
        -> Callable[[Bench, str], None]:
    return lambda bench, name: _edits(bench, name, kind, task, checks, edit)


# --- guests


ACTS = {
    "start": "virsh start calm --paused", "stop": "virsh destroy db",
    "gone": "virsh destroy web; virsh undefine web", "pause": "virsh suspend db",
    "resume": "virsh resume web", "again": "virsh destroy db; virsh start db --paused",
}


def _guests(bench: Bench, name: str, act: str) -> None:
    """While their network is restarted, at a random moment; whoever runs in the end must be connected."""
    chance, before = bench.chance(name), _host(bench, name)
    task, checks = _mtu(1300)
    module = Module(task)
    moment = chance.uniform(0.2, 0.7)
    time.sleep(moment)
    sh("bash", "-c", ACTS[act])
    answer = module.wait()
    how = "%.2f s after its start: %s; %s" % (moment, ACTS[act], plans.in_words([task]))
    found = Try(name, "a guest beside a restart: %s" % act, how, message=answer.message if answer else "")
    _judge(bench, found, before, checks, _failures([task], [answer]))


# --- the lock


def _held(bench: Bench, name: str, then: Callable[[random.Random, Transaction], list[str]], kind: str) -> None:
    """One task is stopped in the midst of its changes; then others come."""
    chance, before = bench.chance(name), _host(bench, name)
    task, checks = _mtu(1300)
    first = Transaction([task], Breaker())
    wrong = [] if first.note("2", 20) else ["the first task did not begin"]
    first.kill(signal.SIGSTOP)
    wrong += then(chance, first)
    first.kill(signal.SIGCONT)
    wrong += _failures([task], [first.wait()])
    _judge(bench, Try(name, kind, plans.in_words([task])), before, checks, wrong)


def _times_out(_chance: random.Random, _first: Transaction) -> list[str]:
    answer = Module(_with_timeout(_reservation(41)[0], 1)).wait(30)
    if answer is None or answer.ok:
        return ["the second task did not wait"]
    if "nsupported parameters" in answer.message:
        return ["there is no option lock_timeout"]
    wrong = [] if answer.seconds < 6 else ["the second task waited %d s" % answer.seconds]
    named = str(_first.pid) in answer.message
    return wrong + ([] if named else ["the error does not name the first: %s" % answer.message])


def _with_timeout(task: Task, seconds: int) -> Task:
    return task[0], dict(task[1], lock_timeout=seconds)


def _waits(chance: random.Random, first: Transaction) -> list[str]:
    task, checks = _reservation(41)
    second = Module(task)
    time.sleep(chance.uniform(0.8, 1.5))
    first.kill(signal.SIGCONT)
    wrong = _failures([task], [second.wait()])
    return wrong + ["%s: not in force" % check.words for check in checks if check.missing()]


def _reads(_chance: random.Random, _first: Transaction) -> list[str]:
    answer = Module(("network_info", {})).wait(5)
    return [] if answer and answer.ok else ["network_info had to wait"]


TOGETHER = {"same": _same_network, "options": _different_options, "restarts": _two_restarts,
            "reservations": _many_reservations}
EDITS = {
    "update-restart": _edit_scenario("net-update beside a restart", *_mtu(1300), _by_update),
    "update-live": _edit_scenario("net-update beside a change in place", LIVE, LIVE_CHECKS, _by_update),
    "define-restart": _edit_scenario("net-define beside a restart", *_mtu(1300), _by_define),
    "define-live": _edit_scenario("net-define beside a change in place", LIVE, LIVE_CHECKS, _by_define),
}
GUESTS = {"guest-" + act: (lambda bench, name, act=act: _guests(bench, name, act)) for act in ACTS}
LOCKS = {
    "lock-timeout": lambda bench, name: _held(bench, name, _times_out, "a held lock, lock_timeout: 1"),
    "lock-wait": lambda bench, name: _held(bench, name, _waits, "a held lock, the second waits"),
    "lock-read": lambda bench, name: _held(bench, name, _reads, "a held lock, reading"),
}
