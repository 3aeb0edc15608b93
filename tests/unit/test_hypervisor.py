# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the libvirt layer that need no libvirt."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import (
    Hypervisor,
    _as_configured,
    _interfaces,
    _Snapshot,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import load_xml


class Domain:
    def name(self) -> str:
        return "one"

    def UUIDString(self) -> str:
        return "3e3fce45-4f53-4fa7-bb32-11f34168b82b"


LIVE = load_xml("""<domain><devices>
<interface type='bridge'><mac address='52:54:00:00:00:01'/>
  <source network='lab' portgroup='a' portid='p-1' bridge='virbr0'/>
  <target dev='vnet3'/><alias name='net0'/></interface>
<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/><target dev='vnet4'/></interface>
<interface type='user'><mac address='52:54:00:00:00:03'/></interface>
<interface type='hostdev'><mac address='52:54:00:00:00:04'/><source network='pool' portid='p-2'/></interface>
</devices></domain>""")
INACTIVE = load_xml("""<domain><devices>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab' portgroup='a'/><model type='e1000'/>
</interface></devices></domain>""")


def hypervisor(uri: str) -> Hypervisor:
    found = object.__new__(Hypervisor)
    found.uri = uri
    return found


@pytest.mark.parametrize(("uri", "local"), [
    ("qemu:///system", True), ("qemu:///session", True), ("network:///system", True), ("lxc:///system", True),
    ("qemu+unix:///system?socket=/run/x", True), ("qemu+ssh://host/system", False), ("qemu+tls://host/system", False),
    ("test:///default", False),
])
def test_a_uri_tells_whether_the_kernel_is_at_hand(uri: str, local: bool):
    assert hypervisor(uri).is_local is local


def test_interfaces_of_networks_are_found_with_device_and_port():
    found = list(_interfaces(Domain(), LIVE, INACTIVE))
    assert [(one.label, one.tap, one.port) for one in found] == [
        ("one (52:54:00:00:00:01)", "vnet3", "p-1"), ("one (52:54:00:00:00:04)", "", "p-2")]
    assert found[0].inactive.find("model").get("type") == "e1000"


RUNNING = """<domain><devices><interface type='hostdev'><source>
<address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='%s'/></source></interface></devices></domain>"""
PORT = load_xml("""<networkport><uuid>p-9</uuid><owner><name>one</name><uuid>%s</uuid></owner><group>a</group>
<plug type='hostdev-pci' managed='yes'><address domain='0' bus='59' slot='16' function='1'/></plug></networkport>"""
                % Domain().UUIDString())


@pytest.mark.parametrize(("function", "known"), [
    ("0x1", {"network": "pool", "portgroup": "a", "portid": "p-9"}), ("0x2", {}),
])
def test_a_device_from_a_pool_is_known_by_its_port(function: str, known: dict):
    class Running(Domain):
        def XMLDesc(self, flags: int) -> str:
            return RUNNING % function

    there = hypervisor("qemu:///system")
    there._snapshot = _Snapshot(networks={"pool": None}, records={"pool": SimpleNamespace(ports=(PORT,))})
    assert dict(there._running(Running()).find("devices/interface/source").attrib) == known


def test_an_interface_that_is_in_no_configuration_is_made_one_of_the_network():
    found = _as_configured(LIVE.find("devices/interface"))
    assert found.get("type") == "network"
    assert dict(found.find("source").attrib) == {"network": "lab", "portgroup": "a"}
    assert [child.tag for child in found] == ["mac", "source"]
    assert LIVE.find("devices/interface").get("type") == "bridge"
