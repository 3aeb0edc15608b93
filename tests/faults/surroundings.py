# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs is taken away before or while a task changes it, or was changed behind its back."""

from __future__ import annotations

import time
from dataclasses import dataclass

from faults import hosts, plans
from faults.bench import SETTLES, Bench
from faults.calls import Breaker
from faults.results import Try
from faults.tasks import Answer, Module, Task, Transaction
from faults.witnesses import Seen, differences, look, offline, sh

READ_ONLY = ("mount -o remount,bind,ro %s", "mount -o remount,bind,rw %s")
FULL = ("mount -o remount,size=4m {0}; dd if=/dev/zero of={0}/full bs=64k status=none; dd if=/dev/zero of={0}/fuller"
        " bs=1 count=4096 status=none", "rm -f {0}/full {0}/fuller; mount -o remount,size=1g {0}")
NO_DNSMASQ = ("mount --bind /bin/false /usr/sbin/dnsmasq", "umount /usr/sbin/dnsmasq")


@dataclass
class Harm:
    """How something is taken away, and how it comes back before it is looked at; nothing where it does not."""

    words: str
    do: str
    undo: str = ""


HARMS = {
    "etc-ro": Harm("/etc/libvirt read-only", *(text % "/etc/libvirt" for text in READ_ONLY)),
    "etc-full": Harm("/etc/libvirt full", *(text.format("/etc/libvirt") for text in FULL)),
    "lib-ro": Harm("/var/lib/libvirt read-only", *(text % "/var/lib/libvirt" for text in READ_ONLY)),
    "lib-full": Harm("/var/lib/libvirt full", *(text.format("/var/lib/libvirt") for text in FULL)),
    "dnsmasq": Harm("no dnsmasq", *NO_DNSMASQ),
    "flush": Harm("nft flush ruleset", "nft flush ruleset"),
}
TASKS: dict[str, Task] = {
    "restart": plans.restarted("lab", mtu={"size": 1300}),
    "waits": plans.network("lab", mtu={"size": 1300}, restart="never"),
    "live": ("dhcp_host", {"network": "lab", "mac": "52:54:00:00:07:41", "ip": "192.168.160.41"}),
    "new": plans.network("new", uuid=hosts.identity("new"), mac={"address": hosts.mac("new")}, state="active",
                         bridge={"name": "new0", "stp": False}, ips=[{
                             "address": "192.168.165.1", "prefix": 24,
                             "dhcp": {"ranges": [{"start": "192.168.165.9", "end": "192.168.165.99"}]}}]),
    "idle": plans.network("idle", domain={"name": "a.example"}),
    "filter": ("nwfilter", {"name": "spare", "entries": [{"filterref": {"filter": "allow-arp"}}]}),
    "interface": ("interface", {"domain": "web", "mac": {"address": "52:54:00:00:01:01"},
                                "source": {"network": "lab", "portgroup": "db"}}),
}
UNDER_RULES = ("restart", "waits", "live", "new")
SHORT = ("etc-ro/restart", "etc-full/waits", "dnsmasq/restart", "flush/restart")

TAP = "$(virsh domiflist web | awk '/lab/ {print $1}')"
# Behind libvirt's back, and the tasks that must see and repair it, or tell of it.
BEHIND = {
    "bridge": Harm("bridge deleted", "ip link del lab0"),
    "tap": Harm("a guest's tap out of its bridge", "ip link set %s nomaster" % TAP),
    "wrong": Harm("a guest's tap in another bridge", "ip link set %s master hostbr1" % TAP),
    "mtu": Harm("a guest's tap with another MTU", "ip link set %s mtu 1280" % TAP),
    "gone": Harm("a guest's tap deleted", "ip link del %s" % TAP),
    "f1": Harm("network stopped and started under guests", "virsh net-destroy lab; virsh net-start lab"),
    "f1-host": Harm("network on a host bridge stopped and started under guests",
                    "virsh net-destroy office; virsh net-start office"),
    "flushed": Harm("nft flush ruleset", "nft flush ruleset"),
    "killed": Harm("dnsmasq of the network killed", "kill $(cat /run/libvirt/network/lab.pid)"),
}
REPAIRS: dict[str, list[tuple[str, Task]]] = {
    which: [("network", plans.network("office" if which == "f1-host" else "lab", state="active")),
            ("always", plans.restarted("office" if which == "f1-host" else "lab", state="active")),
            ("interface", ("interface", {"domain": "db", "mac": {"address": "52:54:00:00:01:12"}, "source": {
                "network": "office"}} if which == "f1-host" else {"domain": "web", "mac": {
                    "address": "52:54:00:00:01:01"}, "source": {"network": "lab"}}))]
    for which in BEHIND}
del REPAIRS["gone"][1]  # nobody can repair that
REPAIRS["flushed"].pop()
REPAIRS["killed"].pop()
SHORT_REPAIRS = ("f1/always", "f1/interface", "mtu/network")


def run(bench: Bench) -> None:
    for which in HARMS:
        for what in TASKS:
            name = "surroundings/%s/%s" % (which, what)
            if which == "flush" and what not in UNDER_RULES:
                continue  # rules of a network are that one's to repair
            if bench.wants(name) and (bench.only.startswith(name) or not bench.short
                                      or name.split("/", 1)[1] in SHORT):
                _harmed(bench, name, HARMS[which], TASKS[what])
    for which, tasks in REPAIRS.items():
        for what, task in tasks:
            name = "surroundings/behind-%s/%s" % (which, what)
            if bench.wants(name) and (bench.only.startswith(name) or not bench.short
                                      or "%s/%s" % (which, what) in SHORT_REPAIRS):
                _behind(bench, name, BEHIND[which], task, what)
    for index in range(1 if bench.short else 12):
        if bench.wants("surroundings/libvirtd/%d" % index):
            _libvirtd(bench, "surroundings/libvirtd/%d" % index)
    if bench.wants("surroundings/tasks"):
        _by_tasks(bench, "surroundings/tasks")


def _shell(script: str) -> None:
    sh("bash", "-c", script)


def _layout(bench: Bench, name: str) -> hosts.Layout:
    layout = hosts.layout("%s/%s" % (bench.seed, name.split("/")[0]))
    layout.waits, layout.mtu, layout.foreign = False, 0, True
    layout.pool = False  # for whose guests' sake libvirt's daemon is not reloaded; see test_upkeep
    return layout


# --- taken away before


_STATED: dict[str, Seen] = {}


def _stated(bench: Bench, name: str, tasks: list[Task]) -> Seen:
    """How the host is after tasks that nothing disturbs."""
    key = plans.in_words(tasks)
    if key not in _STATED:
        bench.host(_layout(bench, name))
        for task in tasks:
            Module(task).wait()
        _STATED[key] = hosts.settled_look()
    return _STATED[key]


def _harmed(bench: Bench, name: str, harm: Harm, task: Task) -> None:
    stated = _stated(bench, name, [task])
    before = bench.host(_layout(bench, name))
    _shell(harm.do)
    before = before if harm.undo else look()
    try:
        answer = Module(task).wait()
    finally:
        _shell(harm.undo)
    bench.judge(Try(name, harm.words, plans.in_words([task])), before, stated, answer, seconds=SETTLES)


# --- changed behind libvirt's back


def _behind(bench: Bench, name: str, harm: Harm, task: Task, what: str) -> None:
    """The task has nothing to do but to repair; one that may not restart can say so instead.

    What nobody can know any more (devices and ports of others) is not there.
    """
    layout = _layout(bench, name)
    layout.foreign = layout.port = False
    good = bench.host(layout)
    _shell(harm.do)
    judge_repair(bench, Try(name, "behind its back: %s" % harm.words, plans.in_words([task])), good, look(), task, what)


def judge_repair(bench: Bench, found: Try, good: Seen, bad: Seen, task: Task, what: str = "") -> None:
    """Runs a task that has only to repair what was good and is bad."""
    assert differences(good, bad), "%s: nothing is broken" % found.name
    answer = Module(task).wait()
    found.message = answer.message if answer else ""
    if bench.sabotage:
        found.sabotaged = hosts.sabotage(bench.chance(found.name), good, bad)
    now = look()
    mine = "tap-000112" if which_of(task) == "db" else "tap-000101"
    left = differences(_part(good, mine), _part(now, mine)) if what == "interface" else differences(good, now)
    found.end, found.left = ("neither", left) if left else ("as stated", [])
    found.off = [one for one in offline(now) if what != "interface" or one[:17].replace(":", "").endswith(mine[4:])]
    if now == bad and answer and answer.told and what != "always":
        found.end, found.off = "as before", []  # nothing is done, and it is said
    elif left:
        found.lies = "says ok" if answer and answer.ok else ""
    bench.add(found)


def which_of(task: Task) -> str:
    return task[1].get("domain", "")


def _part(seen: Seen, tap: str) -> Seen:
    """What a task for one interface answers for."""
    return {name: text for name, text in seen.items() if tap in name and not name.startswith("firewall")}


def _by_tasks(bench: Bench, name: str) -> None:
    """Stopped and started by tasks under its guests: who was connected is connected again, or it is said that not."""
    layout = _layout(bench, name)
    layout.foreign = layout.port = False
    good = bench.host(layout)
    Module(plans.network("lab", state="inactive")).wait()
    answer = Module(plans.network("lab", state="active")).wait()
    bench.judge(Try(name, "stopped by a task, started by another", "network lab inactive, then active"), good, None,
                answer or Answer(False))


# --- libvirtd ends in the middle


def _libvirtd(bench: Bench, name: str) -> None:
    """It is killed at a call and started again, at once or after two seconds."""
    chance, task = bench.chance(name), TASKS[bench.chance(name).choice(("restart", "new", "interface", "live"))]
    stated = _stated(bench, name, [task])
    before = bench.host(_layout(bench, name))
    counted = Transaction([task], Breaker())
    calls = len((counted.wait() or Answer(False)).calls)
    before = bench.host(_layout(bench, name))
    at, after, away = chance.randint(1, max(calls, 1)), chance.random() * 0.02, chance.choice((0, 0, 2))
    process = Transaction([task], Breaker())
    process.note(str(at), 30)
    time.sleep(after)
    hosts.restart_libvirtd(away)
    answer = process.wait()
    how = "%.0f ms after call %d of %d began, away for %d s; %s" % (
        after * 1000, at, calls, away, plans.in_words([task]))
    bench.judge(Try(name, "libvirtd killed and started again", how), before, stated, answer, seconds=SETTLES)
