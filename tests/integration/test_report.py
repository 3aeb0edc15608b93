# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of several hosts, which are all this one but for what is stated."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

from integration.playbooks import ROOT, program

NETWORK = "<network><name>rep</name><bridge name='rep0'/></network>"
PLAY = """
- hosts: all
  gather_facts: false
  ignore_unreachable: %s
  roles: [{role: virtnet.libvirt.report, report_shapes: [html, json, markdown, prometheus], report_fail_on: [drifted]}]
"""


def report(path: pathlib.Path, ignore: bool = True) -> subprocess.CompletedProcess:
    here = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
    hosts = {
        "same": dict(here, libvirt_topology={"networks": [{"name": "rep"}]}),
        "other": dict(here, libvirt_topology={"networks": [{"name": "rep", "mtu": {"size": 1400}}]}),
        "wrong": dict(here, libvirt_topology={"networks": [{"name": "rep", "mtu": {"size": 70000}},
                                                           {"name": "other", "bridge": {"name": "rep1"}}]}),
        "bare": here, "gone": {"ansible_host": "127.0.0.1", "ansible_port": 1},
        "dead": dict(here, report_uri="qemu+unix:///system?socket=/none")}
    (path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (path / "play.yml").write_text(PLAY % str(ignore).lower())
    return subprocess.run(
        [program("ansible-playbook"), "-i", "inventory.json", "play.yml"], cwd=path, text=True,
        capture_output=True, check=False, env=dict(
            os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"), ANSIBLE_HOME=str(path)))


def test_each_host_is_told_how_it_is(clean, tmp_path):
    clean.networkDefineXML(NETWORK).create()
    done = report(tmp_path)
    assert done.returncode == 2 and "other is drifted" in done.stdout, done.stdout + done.stderr
    files = tmp_path / "report"
    first = json.loads((files / "report.json").read_text())
    assert {one["name"]: one["state"] for one in first["hosts"]} == {
        "same": "in step", "other": "drifted", "wrong": "degraded", "bare": "unstated", "gone": "unreachable",
        "dead": "unreachable"}
    assert first["hosts"][0]["counts"]["networks"] == len(clean.listAllNetworks())
    assert "mtu.size: 70000" in (files / "report.md").read_text()
    assert [one["name"] for one in first["hosts"][2]["objects"]] == ["other"]  # told beside what is refused
    drift = 'virtnet_drift{host="other",kind="network",name="rep",layer="config"} 1'
    assert drift in (files / "virtnet.prom").read_text()
    assert (files / "report.html").read_text().startswith("<!doctype html>")
    clean.networkLookupByName("rep").destroy()
    report(tmp_path, ignore=False)
    again = {one["name"]: one for one in json.loads((files / "report.json").read_text())["hosts"]}
    assert again["same"]["since"] == first["hosts"][0]["since"] and again["gone"]["state"] == "unreachable"
