# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/migration.md shows: states what is there, where the other tool's text can be run, and is made where not."""

from __future__ import annotations

import json
import re
import subprocess

from integration.host import sh
from integration.playbooks import ROOT, playbook

HOSTS = [{"mac": "52:54:00:00:07:0%d" % number, "name": "h%d" % number, "ip": "192.168.150.1%d" % number}
         for number in (1, 2)]


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```%s\n(.*?)^```$" % language, (ROOT / "docs/migration.md").read_text(), re.M | re.S)
    assert found
    return found


def test_what_the_document_shows(clean, tmp_path):
    [template], [script] = blocks("xml"), blocks("bash")
    (tmp_path / "lab.xml.j2").write_text(template)

    def played(tasks: str) -> str:
        play = tmp_path / "play.yml"
        play.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n" + tasks)
        return playbook(tmp_path, "-i", "localhost,", "-c", "local", "-e", json.dumps({"lab_hosts": HOSTS}), play)

    played("  - command: {cmd: virsh net-define /dev/stdin, stdin: '{{ lookup(\"template\", \"lab.xml.j2\") }}'}")
    sh("virsh net-start lab && virsh net-autostart lab")
    for _time in range(2):
        subprocess.run(["bash", "-c", script], check=True)
    sh("ip link show br0 2>/dev/null || ip link add br0 type bridge")
    said = [played(re.sub("^", "    ", "".join(blocks("yaml")), flags=re.M)) for _time in range(2)]
    assert re.findall(r"^(ok|changed): ", said[0], re.M) == ["ok", "ok", "changed", "changed"]
    assert "changed=0 " in said[1]
    assert sorted(sh("virsh -q net-list --name").split()) == ["k8s", "lab", "lan", "web"]
    sh("virsh net-destroy lan && ip link del br0")
