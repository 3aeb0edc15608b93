# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booting from an interface of a guest that has its boot devices in <os>."""

from __future__ import annotations

import pytest
from unit.fake_host import FakeHost
from unit.restoring import there_and_back
from unit.test_interface import CONFIGURED, MAC, OFF, ON, SEVENTH, host_parts, titles

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Plan
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.boot import (
    boot_as,
    give_orders,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import load_xml

RUNS_IN_LAB = ("<interface type='bridge'><mac address='%s'/><source network='lab' portid='p' bridge='br0'/>"
               "<target dev='vnet3'/><alias name='net0'/></interface>" % MAC)
GUEST = ("<domain><os><type>hvm</type><boot dev='cdrom'/><boot dev='hd'/><boot dev='network'/></os><devices>"
         "<disk device='disk'/><disk device='cdrom'/><disk/>%s</devices></domain>")


def there(live: str | None = None) -> FakeHost:
    return FakeHost(**host_parts(GUEST % CONFIGURED, live))


def plan(host: FakeHost, guest: str, mac: str = MAC, **settings: object) -> Plan:
    wish = Interface(guest, {"mac": {"address": mac}, "type": "network", "source": {"network": "lab"},
                             "boot": {"order": 1}}, **settings)
    return wish.plan(wish.look(host.look()))


def orders(text: str) -> list:
    document = load_xml(text)
    return [(device.get("device") or device.tag, boot.get("order"))
            for device in document.find("devices") for boot in device.findall("boot")]


def test_an_order_beside_boot_devices_is_refused_and_the_way_is_named():
    with pytest.raises(Invalid, match=r"boot\.order: .* give convert_boot: true"):
        plan(there(), "off")


def test_the_order_of_another_device_is_refused():
    guest = ("<domain><os><type>hvm</type></os><devices><disk device='disk'><boot order='1'/></disk>%s</devices>"
             "</domain>" % CONFIGURED)
    with pytest.raises(Invalid, match=r"^boot.order: 1 is that of another device of guest off; give another"):
        plan(FakeHost(**host_parts(guest)), "off")
    assert plan(FakeHost(**host_parts(guest.replace("order='1'", "order='2'"))), "off").steps


@pytest.mark.parametrize(("mac", "expected"), [
    (MAC, [("disk", "3"), ("cdrom", "2"), ("interface", "1")]),
    (SEVENTH, [("disk", "3"), ("cdrom", "2"), ("interface", "4"), ("interface", "1")]),
])
def test_boot_devices_become_orders_of_the_first_device_of_their_kind(mac: str, expected: list):
    host = there()
    before = host.parts["domain_config"][OFF]
    steps = plan(host, "off", mac, convert_boot=True).steps
    assert len(steps) == 1
    there_and_back(host, steps)
    restored = host.parts["domain_config"][OFF]
    assert (orders(restored), "<boot dev=\"cdrom\"/>" in restored or "<boot dev='cdrom'/>" in restored) == (
        orders(before), True)
    wish = Interface("off", {"mac": {"address": mac}, "type": "network", "source": {"network": "lab"},
                             "boot": {"order": 1}}, convert_boot=True)
    converge(host, [wish], False)
    after = host.parts["domain_config"][OFF]
    assert orders(after) == expected and load_xml(after).find("os/boot") is None
    assert wish.plan(wish.look(host.look())).steps == []


def test_in_a_running_guest_it_waits():
    host = there((GUEST % "").replace("</devices>", RUNS_IN_LAB + "</devices>"))
    planned = plan(host, "on", convert_boot=True)
    assert [str(one.path) for one in planned.waiting] == ["boot.order"] and len(titles(planned)) == 1
    with pytest.raises(Invalid, match=r"boot\.order: .* give layers: \[config\]"):
        plan(host, "on", SEVENTH, convert_boot=True)
    assert host.parts["domain_live"][ON]


def test_a_guest_boots_as_it_did():
    former, document = load_xml(GUEST % CONFIGURED), load_xml(GUEST % CONFIGURED)
    give_orders(document)
    assert document.find("os/boot") is None
    boot_as(document, former)
    assert [boot.get("dev") for boot in document.findall("os/boot")] == ["cdrom", "hd", "network"]
    assert document.findall("devices/*/boot") == []
