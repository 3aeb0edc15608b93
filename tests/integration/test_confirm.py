# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that wait to be confirmed: they are kept when somebody does, and taken back when nobody does in time."""

from __future__ import annotations

import glob
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from integration.host import sh, within
from integration.lab import LAB, answers
from integration.modules import Failed, run
from integration.playbooks import ROOT, program
from integration.test_guardian import CHANGE, cut_off, settled, task, when, witness

FILES = "/var/lib/virtnet/*"
NEW_CONNECTIONS = "tcp dport 2222 ct state new"
HERE = {"ansible_connection": "local"}


def mtu() -> str:
    return sh("cat /sys/class/net/lab0/mtu").strip()


def files() -> list[str]:
    """All but the locks of hosts elsewhere, which stay."""
    return sorted({os.path.basename(path).rpartition(".")[2] for path in glob.glob(FILES)} - {"lock"})


def test_what_is_confirmed_stays(guest):
    waits = run("network", **CHANGE, confirm={"timeout": 30})["unconfirmed"]
    assert waits["timeout"] == 30 and files() == ["record"]
    with pytest.raises(Failed, match=r"which runs since .*, at step \d of \d: "):
        run("network", **LAB, lock_timeout=0)
    os.rename(waits["record"] + ".record", waits["record"] + ".confirmed")
    assert settled() and mtu() == "1400" and answers()
    os.unlink(waits["record"] + ".confirmed")
    again = run("network", **CHANGE, confirm={"timeout": 30})
    assert not again["changed"] and "unconfirmed" not in again and files() == []


def test_what_nobody_confirms_is_taken_back(guest):
    before = witness(guest)
    waits = run("network", **CHANGE, confirm={"timeout": 1})["unconfirmed"]
    assert settled()
    assert witness(guest) == before and answers()
    outcome = Path(waits["record"] + ".outcome")
    assert outcome.read_text().startswith("All is as it was; put back: ") and files() == ["outcome"]
    outcome.unlink()


def test_a_probe_that_does_not_answer_takes_all_back(guest):
    before = witness(guest)
    refused = "What was done is not kept: within 1 s there was no answer from 192.0.2.9, port 1 of 127.0.0.1. All is as"
    with pytest.raises(Failed, match=re.escape(refused)):
        run("network", **CHANGE, confirm={"timeout": 1, "probes": [
            {"address": "192.0.2.9"}, {"address": "127.0.0.1", "port": 1}, {"address": "127.0.0.1"}]})
    assert settled() and files() == [] and witness(guest) == before and answers()
    with socket.create_server(("127.0.0.1", 0)) as server:
        waits = run("network", **CHANGE, confirm={"probes": [
            {"address": "localhost", "port": server.getsockname()[1]}, {"address": "127.0.0.1"}]})["unconfirmed"]
    os.rename(waits["record"] + ".record", waits["record"] + ".confirmed")
    assert waits["timeout"] == 60 and settled() and mtu() == "1400"
    os.unlink(waits["record"] + ".confirmed")


def test_what_no_guardian_watches_any_more_is_not_kept(guest):
    before = witness(guest)
    process = task("network", **CHANGE, confirm={"timeout": 60})
    when(lambda: not os.path.exists("/sys/class/net/lab0"), process)
    os.kill(process.pid, signal.SIGSTOP)
    sh("pkill -KILL -x virtnet-guard")
    os.kill(process.pid, signal.SIGCONT)
    said = process.communicate(timeout=120)[0]
    assert "What was done is not kept: the guardian, which" in said and "All is as it was; put back" in said, said
    assert files() == [] and witness(guest) == before and answers()


@pytest.mark.parametrize(("confirm", "message"), [
    ({"probes": [{"address": "-f"}]}, r'confirm\.probes\[0\]\.address: "-f" is not allowed; give an IP address or the'),
    ({"probes": [{"port": 22}]}, r"confirm\.probes\[0\]\.address: is missing"),
    ({"timeout": 0}, r"confirm\.timeout: 0 is not allowed; give a whole number from 1 to 3600"),
])
def test_what_cannot_be_probed_is_refused(clean, confirm: dict, message: str):
    with pytest.raises(Failed, match="^" + message):
        run("network", **LAB, confirm=confirm)
    assert sh("virsh -q net-list --all --name").strip() == ""


# --- by Ansible


TASK = {"virtnet.libvirt.network": dict(CHANGE, confirm={"timeout": 20})}
FILTER = {"virtnet.libvirt.nwfilter": {"name": "lab", "chain": "root"}}


def play(tmp_path: Path, reached: dict, task: dict, *names: str, **environment: str) -> subprocess.Popen:
    """A play of one task, on hosts of these names that are all reached in that way."""
    play_file, inventory = tmp_path / "play.yml", tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {name: dict(
        reached, ansible_python_interpreter="/usr/bin/python3") for name in names or ("a",)}}}))
    play_file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    return subprocess.Popen(
        [program("ansible-playbook"), "-i", inventory, play_file], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(tmp_path / "home"),
                                           ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"), **environment))


@pytest.mark.parametrize(("ssh", "keywords", "environment"), [
    (False, {}, {}),
    (True, {}, {}),
    (True, {"become": True, "become_method": "su"}, {"ANSIBLE_PIPELINING": "1"}),
    (True, {}, {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_PIPELINING": "1"}),
])
def test_ansible_confirms_by_itself(clean, tmp_path, over_ssh, ssh: bool, keywords: dict, environment: dict):
    run("network", **LAB)
    said = play(tmp_path, over_ssh if ssh else HERE, dict(TASK, **keywords), **environment).communicate(timeout=120)[0]
    assert "changed=1 " in said and "failed=0" in said, said
    assert settled() and mtu() == "1400" and files() == []


def test_a_shell_that_says_things_of_its_own(clean, tmp_path, over_ssh):
    """As that of su does where systemd 258 has it tell terminals who is at work."""
    noisy = tmp_path / "noisy"
    noisy.write_text("#!/bin/sh\nsu \"$@\"\nended=$?\nprintf '\\033]3008;end=0\\033\\\\'\nexit $ended\n")
    noisy.chmod(0o755)
    run("network", **LAB)
    task = dict(TASK, become=True, become_method="su")
    said = play(tmp_path, dict(over_ssh, ansible_become_exe=str(noisy)), task).communicate(timeout=120)[0]
    assert "changed=1 " in said and "failed=0" in said, said
    assert settled() and mtu() == "1400" and files() == []


def test_several_names_of_one_host(clean, tmp_path, over_ssh):
    run("network", **LAB)
    said = play(tmp_path, over_ssh, TASK, "a", "b", "c", ANSIBLE_STRATEGY="free").communicate(timeout=90)[0]
    assert said.count("failed=0") == 3 and said.count("changed=1 ") == 1, said
    assert settled() and mtu() == "1400" and files() == []


def test_a_host_that_cannot_be_reached_any_more_goes_back(clean, tmp_path, over_ssh):
    """What is open stays open; only a new connection shows it."""
    run("network", **LAB)
    before = sh("virsh net-dumpxml lab")
    sh("nft add table inet cut; nft add chain inet cut input '{ type filter hook input priority 0; }'")
    playing = play(tmp_path, over_ssh, {"virtnet.libvirt.network": dict(CHANGE, confirm={"timeout": 3})})
    assert within(30, lambda: files() != [])
    sh("nft add rule inet cut input %s drop" % NEW_CONNECTIONS)
    assert within(30, lambda: files() == ["outcome"])
    sh("nft delete table inet cut")
    said = playing.communicate(timeout=120)[0]
    assert "Not confirmed by a new connection within 3 s. All is as it was; put back: " in said, said
    assert settled() and sh("virsh net-dumpxml lab") == before and files() == []


def test_nobody_confirms_over_a_boot(clean, tmp_path, over_ssh):
    """Which may have forgotten what was changed, and whose record the next task puts back."""
    run("network", **LAB)
    before = sh("virsh net-dumpxml --inactive lab")
    sh("nft add table inet cut; nft add chain inet cut input '{ type filter hook input priority 0; }'")
    playing = play(tmp_path, over_ssh, {"virtnet.libvirt.network": dict(CHANGE, confirm={"timeout": 30})})
    assert within(30, lambda: files() == ["record"])
    sh("nft add rule inet cut input %s drop" % NEW_CONNECTIONS)
    process = glob.glob(FILES[:-1] + "*.record")[0].partition(".")[0].rpartition("-")[2]
    assert within(30, lambda: not os.path.exists("/proc/%s" % process))
    sh("pkill -KILL -x virtnet-guard; echo another >/run/boot; mount --bind /run/boot /proc/sys/kernel/random/boot_id")
    try:
        sh("nft delete table inet cut")
        said = playing.communicate(timeout=120)[0]
        assert "Not confirmed: the host was booted meanwhile. What is configured is put back by the next" in said, said
        assert files() == ["record"] and sh("virsh net-dumpxml --inactive lab") != before
        told = run("network", name="other")["warnings"]
        assert any("was cut off. All is as it was; put back: define network lab" in one for one in told), told
    finally:
        sh("umount /proc/sys/kernel/random/boot_id")
    assert files() == [] and sh("virsh net-dumpxml --inactive lab") == before


def test_nobody_is_there_to_confirm_what_ansible_does_not_wait_for(clean, tmp_path):
    said = play(tmp_path, HERE, {**TASK, "async": 60, "poll": 0}).communicate(timeout=120)[0]
    assert "confirm: cannot be given together with async" in said
    assert sh("virsh -q net-list --all --name").strip() == ""


def test_what_another_module_had_begun_is_put_back_first(guest, tmp_path):
    before = witness(guest)
    cut_off()
    said = play(tmp_path, HERE, FILTER).communicate(timeout=120)[0]
    assert " of 20" in said and "was cut off. All is as it was; put back: " in said, said
    assert "changed=1 " in said and "failed=0" in said and sh("virsh nwfilter-dumpxml lab")
    assert witness(guest) == before and answers() and files() == []
    sh("virsh nwfilter-undefine lab")
