# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as hosts of an inventory, asked of libvirt and of what was read before, as ansible-inventory shows them."""

from __future__ import annotations

import json
import os
import pathlib
import re
import socket
import subprocess
import time

from guest.domain import domain_xml
from integration.host import sh
from integration.lab import INTERFACE, LAB
from integration.modules import run
from integration.playbooks import ROOT, program
from unit.fleets import HOSTILE, graph_with, host

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.model import fleet_of
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.texts import as_json


def inventory(path: pathlib.Path, **options: object) -> tuple[dict, dict, str]:
    """The variables of hosts, the groups, and what went wrong."""
    file = path / "kvm.libvirt_guests.yml"
    file.write_text(json.dumps(dict(options, plugin="virtnet.libvirt.guests")))
    done = subprocess.run([program("ansible-inventory"), "-i", file, "--list"], text=True, capture_output=True,
                          check=False, env=dict(os.environ, ANSIBLE_HOME=str(path), ANSIBLE_COLLECTIONS_PATH=str(
                              ROOT / ".cache/collections")))
    found = json.loads(done.stdout, object_hook=lambda one: one.get("__ansible_unsafe", one))  # is not templated
    return found["_meta"]["hostvars"], found, done.stderr


def test_guests_as_virsh_sees_them(clean, tmp_path):
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", INTERFACE, cmdline="guest.dhcp=1")).create()
    clean.defineXML(domain_xml("off", ""))
    run("interface_info", domain="guest", wait_for_address={"network": "lab"})
    asked = {"here": "qemu:///system", "gone": "qemu+unix:///system?socket=/none"}
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    for _again in range(2):  # the second time of the cache, when the guest is gone
        found, groups, said = inventory(tmp_path, hypervisors=asked, **cache, keyed_groups=[
            {"key": "libvirt_networks", "prefix": "net"}])
        assert set(found) == {"guest", "off"} and groups["net_lab"]["hosts"] == ["guest"]
        guest = found["guest"]
        if clean.lookupByName("guest").isActive():
            assert "hypervisors.gone: " in " ".join(said.split())
            assert guest["ansible_host"] + "/24" in sh("virsh domifaddr guest --source lease")
            assert guest["libvirt_uuid"] == sh("virsh domuuid guest").strip()
            clean.lookupByName("guest").destroy()
        assert (guest["libvirt_address_source"], guest["libvirt_networks"]) == ("lease", ["lab"])
        assert guest["libvirt_macs"] == ["52:54:00:00:01:01"] and guest["libvirt_state"] == "running"
    assert set(inventory(tmp_path, hypervisors=asked, running=True)[0]) == set()


def test_many_hypervisors_over_ssh_and_some_that_do_not_answer(clean, tmp_path, over_ssh):
    clean.defineXML(domain_xml("off", ""))
    pathlib.Path("/etc/ssh/ssh_config.d/test.conf").write_text("UserKnownHostsFile /dev/null\n")  # of the sandbox
    key = "?no_verify=1&no_tty=1&keyfile=" + over_ssh["ansible_ssh_private_key_file"]
    uri = "qemu+ssh://root@127.0.0.1:%d/system"
    there = {"kvm%d" % number: uri % over_ssh["ansible_port"] + key for number in range(6)}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        others = {"closed": uri % 1 + key, "silent": uri % silent.getsockname()[1] + key,
                  "strange": uri % over_ssh["ansible_port"] + "?no_verify=1&no_tty=1"}
        since = time.monotonic()
        found, _groups, said = inventory(tmp_path, hypervisors={**others, **there}, timeout=8)
        assert time.monotonic() - since < 30  # less than libvirt's library would wait
    assert set(found) == {"off.%s" % name for name in there}
    said = " ".join(said.split())
    told = dict(re.findall(r"hypervisors\.(\w+): (.*?); its guests are left out", said))
    assert set(told) == set(others) and told["silent"] == "it does not answer within 8 seconds", said
    assert "Connection refused" in told["closed"] and "Permission denied" in told["strange"], said


def test_guests_of_a_report(tmp_path):
    lost = {"name": "kvm2", "read": {"msg": "no route to host"}}
    model = fleet_of([host("kvm1", graph=graph_with(list(HOSTILE))), lost], "2026-11-27T08:30:00+00:00")
    (tmp_path / "report.json").write_text(as_json(model))
    (tmp_path / "kvm7.json").write_text(json.dumps({"graph": graph_with(["web"])}))
    found, groups, said = inventory(tmp_path, saved=["report.json", "kvm7.json"], keyed_groups=[
        {"key": "libvirt_hypervisor", "prefix": "on"}], compose={"at": "libvirt_hypervisor ~ '!'"})
    assert set(found) == {*HOSTILE, "web"} and groups["on_kvm7"]["hosts"] == ["web"]
    assert found["web"]["at"] == "kvm7!"
    assert "kvm2: no route to host; its guests are left out" in said.replace("\n", " ")
    (tmp_path / "bad.json").write_text("[]")
    assert "bad.json has no graphs" in inventory(tmp_path, saved=["bad.json"])[2].replace("\n", " ")
