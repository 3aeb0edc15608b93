# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt takes into a guest's configuration and then starts no guest with."""

from __future__ import annotations

import pytest
from unit.fake_host import device, parts
from unit.test_interface import CONFIGURED, MAC, NAT, OFF, host_parts, plan, titles

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import INTERFACE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Plan
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

MACVTAP = "<network><name>pool</name><forward mode='bridge'><interface dev='eth0'/></forward></network>"
NETWORKS = {"lab": NAT, "pool": MACVTAP}
ON_LAB = {"type": "network", "source": {"network": "lab"}}
ON_POOL = {"type": "network", "source": {"network": "pool"}}


def guest(*devices: str, kind: str = "qemu") -> str:
    return "<domain type='%s'><os/><devices>%s</devices></domain>" % (kind, "".join(devices))


def seen(config: str, live: str | None = None) -> Snapshot:
    there = host_parts(config, live, networks=NETWORKS)
    there["devices"]["eth0"] = device()
    return Snapshot.of_record(parts(**there, nwfilters={"f": {"uuid": OFF, "xml": "<filter name='f'/>"}}))


def on_off(options: dict, config: str = "", domain: str = "off") -> Plan:
    return plan(seen(config or guest(), guest()), Interface(domain, {"mac": {"address": MAC}, **options}))


@pytest.mark.parametrize(("options", "problem"), [
    (dict(ON_LAB, script={"path": "/x"}), "script: is not taken by type network, only by ethernet"),
    ({"type": "user", "driver": {"queues": 2}, "model": {"type": "virtio"}}, "driver.queues: type user has one queue"),
    (dict(ON_LAB, driver={"queues": 257}), "driver.queues: 257 are too many; the kernel takes at most 256"),
    (dict(ON_LAB, driver={"rx_queue_size": 2048}),
     "driver.rx_queue_size: 2048 is not taken by QEMU; give one of 256, 512, 1024"),
    (dict(ON_LAB, acpi={"index": 16384}), "acpi.index: 16384 is not taken by QEMU; give one from 1 to 16383"),
    ({"type": "mcast", "source": {"address": "10.0.0.1", "port": 5}},
     "source.address: 10.0.0.1 is no multicast address; give one of 224.0.0.0/4"),
    (dict(ON_LAB, filterref={"filter": "f", "parameters": [{"name": "A", "value": "x"}, {"name": "IP", "value": "x"}]}),
     "filterref.parameters[1].value: x is no value for IP; give an IPv4 or IPv6 address"),
    (dict(ON_LAB, filterref={"filter": "f", "parameters": [{"name": "CTRL_IP_LEARNING", "value": "on"}]}),
     "filterref.parameters[0].value: on is no value for CTRL_IP_LEARNING; give one of any, dhcp, none"),
    (dict(ON_POOL, filterref={"filter": "f"}),
     "filterref: is not taken on network pool, whose guests have a macvtap device"),
    (dict(ON_POOL, port={"isolated": True}),
     "port.isolated: is not taken on network pool, whose guests have a macvtap device"),
])
def test_it_is_told_where_the_guest_is_off_and_refused_where_it_runs(options: dict, problem: str):
    assert on_off(options).warnings == [problem + "; guest off does not start so"]
    with pytest.raises(Invalid) as refused:
        on_off(options, domain="on")
    assert str(refused.value) == problem


@pytest.mark.parametrize("options", [
    dict(ON_LAB, driver={"queues": 256, "rx_queue_size": 1024}), {"type": "ethernet", "script": {"path": "/x"}},
    {"type": "mcast", "source": {"address": "230.0.0.1", "port": 5}}, dict(ON_POOL, port={"isolated": False}),
    dict(ON_LAB, filterref={"filter": "f", "parameters": [
        {"name": "IP", "value": "10.0.0.9"}, {"name": "CTRL_IP_LEARNING", "value": "DHCP"}]}),
])
def test_what_guests_start_with_is_not_told(options: dict):
    assert on_off(options).warnings == []


def test_other_hypervisors_take_what_qemu_does_not():
    assert on_off(dict(ON_LAB, script={"path": "/x"}), guest(kind="xen")).warnings == []
    assert on_off(dict(ON_LAB, ips=[{"address": "10.0.0.9", "prefix": 24}]), guest(kind="lxc")).steps


def test_what_was_there_is_not_judged():
    there = guest(CONFIGURED.replace("</interface>", "<script path='/x'/></interface>"))
    planned = on_off({"link": {"state": "down"}}, there)
    assert len(planned.steps) == 1 and planned.warnings == []


@pytest.mark.parametrize(("options", "message"), [
    (dict(ON_LAB, ips=[{"address": "10.0.0.9", "prefix": 24}]), "ips: is not taken by type network with QEMU"),
    ({"type": "user", "ips": [{"address": "fd00::9"}, {"address": "10.0.0.9"}, {"address": "10.0.0.8"}]},
     r"ips\[2\]: is the second of IPv4, of which QEMU takes one"),
    ({"type": "user", "ips": [{"address": "fd00::9", "family": "ipv4"}]}, r"give family: ipv6"),
    (dict(ON_LAB, address={"type": "pci", "bus": "0x0", "slot": 1}),
     "address: 0000:00:01.0 is the place of another device of guest off"),
])
def test_what_libvirt_does_not_define_is_refused(options: dict, message: str):
    disk = "<disk><address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/></disk>"
    with pytest.raises(Invalid, match=message):
        on_off(options, guest(disk))


def test_a_bridge_that_is_none_is_told():
    planned = on_off({"type": "bridge", "source": {"bridge": "eth0"}})
    assert "source.bridge: eth0 is no bridge; give one that eth0 is a port of, or type: direct" in planned.warnings[0]
    with pytest.raises(Invalid, match=r"^source\.bridge: eth0 is no bridge"):
        on_off({"type": "bridge", "source": {"bridge": "eth0"}, "model": {"type": "virtio"}}, domain="on")


def test_a_bridge_of_linux_is_none_of_open_vswitch():
    switch = {"type": "bridge", "source": {"bridge": "br0"}, "virtualport": {"type": "openvswitch"}}
    assert "source.bridge: br0 is a Linux bridge; leave virtualport out" in on_off(switch).warnings[0]


def test_a_device_that_libvirt_is_to_find_is_told():
    assert on_off({"type": "ethernet", "target": {"dev": "tap7", "managed": False}}).warnings == [
        "target.dev: the host has no device tap7; guest off does not start before there is one"]


@pytest.mark.parametrize("ip", [{"address": "10.0.2.15", "prefix": 24}, {"address": "fd00::5/64"},
                                {"address": "10.0.2.15/24", "family": "ipv4"}])
@pytest.mark.parametrize("where", ["ips", "source"])
def test_a_family_that_libvirt_adds_is_no_difference(ip: dict, where: str):
    wanted = {"type": "user", "ips": [ip]} if where == "ips" else {"type": "ethernet", "source": {"ips": [ip]}}
    wanted = INTERFACE.check(wanted)
    element = INTERFACE.render(wanted)
    for shown in element.iter("ip"):
        shown.set("family", "ipv6" if ":" in shown.get("address") else "ipv4")
    assert list(INTERFACE.differences(wanted, INTERFACE.parse(element))) == []


@pytest.mark.parametrize(("tap", "waits"), [("my7", False), ("your7", True)])
def test_the_number_in_a_name_is_no_difference(tap: str, waits: bool):
    config = CONFIGURED.replace("</interface>", "<target dev='my%d'/></interface>")
    live = CONFIGURED.replace("</interface>", "<target dev='%s'/><alias name='net0'/></interface>" % tap)
    there = host_parts(guest(config), guest(live), networks=NETWORKS)
    there["devices"][tap] = device(master="virbr7", kind="tun")
    there["traffic"][tap] = there["traffic"]["vnet3"]
    planned = plan(Snapshot.of_record(parts(**there)), Interface("on", {
        "mac": {"address": MAC}, "target": {"dev": "my%d"}}))
    assert [str(one.path) for one in planned.waiting] == (["target.dev"] if waits else []), titles(planned)
