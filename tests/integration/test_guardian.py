# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that die: what they had begun is taken back by their guardian, or by the next task."""

from __future__ import annotations

import glob
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from integration.host import sh, within
from integration.lab import GUEST, LAB, answers, tap_of
from integration.modules import Failed, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt

RECORDS = "/var/lib/virtnet/*.record"
CHANGE = dict(LAB, restart="always", mtu={"size": 1400})


TASK = """
import json, sys
sys.path.insert(0, "tests")
from integration.modules import Failed, run
try:
    print(json.dumps(run(sys.argv[1], **json.loads(sys.argv[2]))))
except Failed as failed:
    print(json.dumps(failed.result))
"""


def task(module: str, /, **options: object) -> subprocess.Popen:
    """A task in a process of its own, which leads a group."""
    return subprocess.Popen([sys.executable, "-c", TASK, module, json.dumps(options)], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True)


def witness(domain) -> list[str]:
    """The host by other tools, without what a restart is free to change."""
    tap = tap_of(domain)
    link = json.loads(sh("ip -j link show %s" % tap))[0]
    return [sh("virsh net-dumpxml lab"), sh("virsh net-dumpxml --inactive lab"), link["master"], link["mtu"],
            json.loads(sh("ip -j link show lab0"))[0]["mtu"], len(sh("virsh net-port-list lab").splitlines())]


def begun(record: str) -> list[str]:
    """What a record says was begun: the lines behind the first."""
    with open(record, encoding="utf-8") as file:
        return file.read().splitlines()[1:]


def guardians() -> str:
    return sh("pgrep -x virtnet-guard || true").strip()


def settled() -> bool:
    return within(20, lambda: not guardians())


def test_the_guardian_goes_when_all_is_well(guest):
    ended = task("network", **CHANGE)
    said = json.loads(ended.communicate(timeout=60)[0])
    assert said["changed"] is True and settled()
    assert glob.glob(RECORDS) == []
    assert sh("cat /sys/class/net/lab0/mtu").strip() == "1400"


def when(condition, process) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and not condition() and time.monotonic() < end:
        time.sleep(0.002)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("moment", ["record", "down", "random"])
def test_a_task_that_dies_leaves_all_as_it_was(guest, number: int, moment: str):
    before = witness(guest)
    process = task("network", **CHANGE)
    if moment == "record":
        when(lambda: glob.glob(RECORDS), process)
    elif moment == "down":
        when(lambda: not os.path.exists("/sys/class/net/lab0"), process)
    else:
        when(lambda: glob.glob(RECORDS), process)
        time.sleep(random.uniform(0, 0.4))
    os.killpg(process.pid, number)
    said = process.communicate(timeout=60)[0]
    assert settled()
    assert not any(begun(record) for record in glob.glob(RECORDS)), said
    after = witness(guest)
    if "changed" in said and '"failed": true' not in said:  # it was faster
        assert after[3] == 1400
    else:
        assert after == before, said
    assert answers()


def test_a_task_that_is_stopped_is_ended_and_taken_back(guest):
    before = witness(guest)
    process = task("network", **CHANGE)
    when(lambda: not os.path.exists("/sys/class/net/lab0"), process)
    os.kill(process.pid, signal.SIGSTOP)
    assert within(30, lambda: process.poll() is not None) and settled()
    assert witness(guest) == before and answers()


def test_what_somebody_else_has_configured_meanwhile_stays(guest):
    process = task("network", **CHANGE)
    when(lambda: not os.path.exists("/sys/class/net/lab0"), process)
    os.kill(process.pid, signal.SIGSTOP)
    sh("virsh net-dumpxml --inactive lab | sed 's,</network>,<portgroup name=\"theirs\"/></network>,' >/run/theirs.xml")
    sh("virsh net-define /run/theirs.xml")
    theirs = sh("virsh net-dumpxml --inactive lab")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    assert settled()
    assert "theirs" in theirs and sh("virsh net-dumpxml --inactive lab") == theirs
    assert "theirs" not in sh("virsh net-dumpxml lab") and answers()


def cut_off() -> None:
    """Has a task and its guardian die while the network is down."""
    process = task("network", **CHANGE)
    when(lambda: not os.path.exists("/sys/class/net/lab0"), process)
    os.kill(process.pid, signal.SIGSTOP)
    sh("pkill -KILL -x virtnet-guard")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    assert settled()
    assert all(begun(record) for record in glob.glob(RECORDS))
    assert glob.glob(RECORDS)


def test_what_nobody_could_take_back_a_module_does(guest):
    before = witness(guest)
    assert run("put_back") == {"changed": False, "put_back": [], "failed": False, "warnings": []}
    cut_off()
    told = run("put_back", check=True)
    assert told["changed"] and told["put_back"][0].endswith("would be put back first") and glob.glob(RECORDS)
    done = run("put_back")
    assert done["changed"] and "was cut off. All is as it was; put back: " in done["put_back"][0]
    assert witness(guest) == before and answers() and glob.glob(RECORDS) == []


def test_what_nobody_could_take_back_the_next_task_does(guest):
    before = witness(guest)
    cut_off()
    warned = run("network_info", names=["lab"])["warnings"]
    assert any("was cut off; the next task" in warning for warning in warned) and glob.glob(RECORDS)
    checked = run("network", check=True, **LAB)
    assert any("would be put back first" in warning for warning in checked["warnings"])
    done = run("network", **LAB)
    assert any("was cut off. All is as it was" in warning for warning in done["warnings"]) and done["changed"]
    assert witness(guest) == before and answers() and glob.glob(RECORDS) == []


def test_one_task_at_a_time(guest):
    holder = subprocess.Popen(["flock", "/run/libvirt", "sleep", "30"])
    time.sleep(0.3)
    try:
        first = r"another task changes .* \(process %d, which runs since 20.*lock_timeout" % holder.pid
        with pytest.raises(Failed, match=first):
            run("network", **CHANGE, lock_timeout=1)
        assert run("network", check=True, **CHANGE)["changed"] is True
        assert run("network_info", names=["lab"])["networks"]
    finally:
        holder.kill()
        sh("pkill sleep || true")
    changes = ({"mtu": {"size": 1400}}, {"domain": {"name": "example"}}, {"autostart": True},
               {"dns": {"txts": [{"name": "a", "value": "b"}]}})
    many = [task("network", **dict(LAB, restart="always", **change)) for change in changes]
    ended = [json.loads(one.communicate(timeout=120)[0]) for one in many]
    assert [one.get("msg") for one in ended if one["failed"]] == []
    found = run("network_info", names=["lab"])["networks"][0]
    assert (found["mtu"]["size"], found["domain"]["name"], found["autostart"], found["dns"]["txts"][0]["value"]) == (
        1400, "example", True, "b")
    assert answers(GUEST)


def test_who_comes_by_ssh_and_who_is_there_wait_for_each_other(clean, over_ssh):
    port, key = over_ssh["ansible_port"], over_ssh["ansible_ssh_private_key_file"]
    first, second = ("qemu+ssh://root@%s:%d/system?no_verify=1&no_tty=1&keyfile=%s" % (name, port, key)
                     for name in ("127.0.0.1", "localhost"))
    made = run("network", uri=first, name="lab", bridge={"name": "lab0"}, state="active")
    assert not [one for one in made["warnings"] if "do not wait" in one]
    holder = Host(Libvirt(first)).lock()
    holder.acquire(0)
    try:
        with pytest.raises(Failed, match=r"another task changes .* \(process %d, which runs since" % os.getpid()):
            run("network", uri=second, name="lab", mtu={"size": 1400}, lock_timeout=1)
        with pytest.raises(Failed, match=r"another task changes .* \(process \d+, which runs since 20"):
            run("network", name="lab", mtu={"size": 1400}, lock_timeout=1)
    finally:
        holder.release()
    assert run("network", name="lab", autostart=True)["changed"]
    near = subprocess.Popen(["flock", "/run/libvirt", "sleep", "30"], start_new_session=True)
    time.sleep(0.3)
    try:
        with pytest.raises(Failed, match=r"\(process %d, which runs since 20.*lock_timeout" % near.pid):
            run("network", uri=second, name="lab", autostart=False, lock_timeout=1)
    finally:
        os.killpg(near.pid, signal.SIGKILL)
        near.wait()
    assert run("network", uri=second, name="lab", autostart=False)["changed"]


def test_where_the_lock_is_not_to_be_had_there_that_is_told(clean, over_ssh, tmp_path):
    (tmp_path / "flock").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "flock").chmod(0o755)
    sh("mount --bind %s /usr/bin/flock" % (tmp_path / "flock"))
    uri = "qemu+ssh://root@127.0.0.1:%d/system?no_verify=1&no_tty=1&keyfile=%s" % (
        over_ssh["ansible_port"], over_ssh["ansible_ssh_private_key_file"])
    try:
        told = run("network", uri=uri, name="lab", bridge={"name": "lab0"})["warnings"]
    finally:
        sh("umount /usr/bin/flock")
    assert "tasks on other machines that change %s do not wait for this one; see docs/reliability.md" % uri in told
