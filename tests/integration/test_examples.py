# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of examples, each made as it stands, and then once more."""

from __future__ import annotations

import subprocess
from pathlib import Path

import libvirt
import pytest
from integration.host import sh
from integration.playbooks import ROOT, playbook

# of each, what there is then, by virsh and ip
SHOWN = {
    "home-lab": ("virsh net-dhcp-leases home && virsh net-dumpxml home", "name='nas'"),
    "lan-bridge": ("virsh net-dumpxml lan", "<bridge name='br0'/>"),
    "vlan-trunk-ovs": ("virsh net-dumpxml trunk", "<tag id='10' nativeMode='untagged'/>"),
    "test-lab": ("virsh net-dumpxml lab", "<srv service='ldap'"),
    "tenants": ("tc class show dev tenant1; virsh nwfilter-dumpxml tenant-acme", "rate 100Mbit"),
    "ipv6-only": ("ip -6 addr show dev virbr-six", "2001:db8:150::1/64"),
    "ci-runners": ("ip addr show dev ci199", "10.200.199.1/24"),
}
IN_THE_LAB = {"sriov-pool"}  # the scenario sriov_pool


def test_none_is_left_out():
    assert {one.parent.name for one in ROOT.glob("examples/*/site.yml")} == {*SHOWN, *IN_THE_LAB}


@pytest.fixture
def what_is_there(clean):
    """The bridges that the examples find on their host."""
    sh("ip link add br0 type bridge")
    yield
    sh("ip link del br0")
    filters = sh("virsh -q nwfilter-list").split()
    for name in sorted((one for one in filters if one.startswith(("virtnet-", "tenant-"))), reverse=True) * 4:
        subprocess.run(["virsh", "nwfilter-undefine", name], check=False, capture_output=True)


@pytest.mark.parametrize("example", sorted(set(SHOWN) - {"vlan-trunk-ovs"}))
def test_a_host_of_the_examples(what_is_there, tmp_path, example):
    made_twice(tmp_path, example)


def test_a_host_of_the_examples_with_open_vswitch(what_is_there, switch, tmp_path):
    made_twice(tmp_path, "vlan-trunk-ovs")


def made_twice(tmp_path: Path, example: str) -> None:
    if libvirt.getVersion() < 11000000:
        pytest.skip("once is enough: they are about Ansible")
    place = ROOT / "examples" / example
    arguments = ("-i", place / "hosts.yml", place / "site.yml", "-e", "host_network_prerequisites=false",
                 "-e", "ansible_become=false")
    assert "changed=0 " not in playbook(tmp_path, *arguments)
    assert "changed=0 " in playbook(tmp_path, *arguments)
    command, shown = SHOWN[example]
    assert shown in sh(command)
