# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses what on a recorded host."""

from __future__ import annotations

import pytest
from unit.fake_host import UUID, device, parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import uses
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

LIVE = """<domain><devices>
<interface type='bridge'><mac address='52:54:00:00:00:01'/>
  <source network='lab' portgroup='a' portid='p-1' bridge='virbr0'/>
  <target dev='vnet3'/><alias name='net0'/><filterref filter='clean'/></interface>
<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/><target dev='vnet4'/></interface>
<interface type='user'><mac address='52:54:00:00:00:03'/></interface>
<interface type='hostdev'><mac address='52:54:00:00:00:04'/><source network='pool' portid='p-2'/></interface>
<interface type='direct'><mac address='52:54:00:00:00:05'/><source dev='eth1' mode='bridge'/></interface>
</devices></domain>"""
INACTIVE = """<domain><devices>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab' portgroup='a'/><model type='e1000'/>
<filterref filter='clean'/></interface></devices></domain>"""
RUNNING = """<domain><devices><interface type='hostdev'><mac address='52:54:00:00:00:06'/><source>
<address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='%s'/></source></interface></devices></domain>"""
PORT = """<networkport><uuid>p-9</uuid><owner><name>one</name><uuid>%s</uuid></owner><group>a</group>
<plug type='hostdev-pci' managed='yes'><address domain='0' bus='59' slot='16' function='1'/></plug></networkport>""" % (
    UUID)
POOL = "<network><name>pool</name><forward mode='hostdev'><pf dev='eth0'/></forward></network>"
NETWORK = {"uuid": UUID, "active": True, "persistent": True, "autostart": False}


def host(live: str | None = LIVE, inactive: str = INACTIVE, **more) -> Snapshot:
    """A host with one guest that has these documents."""
    return Snapshot.of_record(parts(**dict({
        "domains": {UUID: {"name": "one", "active": live is not None, "persistent": True}},
        "domain_live": {UUID: live}, "domain_config": {UUID: inactive}}, **more)))


def with_pool(function: str = "0x1") -> Snapshot:
    return host(RUNNING % function, networks={"pool": NETWORK}, network_config={"pool": POOL},
                network_live={"pool": POOL}, ports={"pool": [PORT]})


def test_interfaces_of_networks_are_found_with_device_and_port():
    seen = host()
    found, = uses.guests_of(seen, "lab")
    pool, = uses.guests_of(seen, "pool")
    assert [(one.label, one.tap, one.port) for one in (found, pool)] == [
        ("one (52:54:00:00:00:01)", "vnet3", "p-1"), ("one (52:54:00:00:00:04)", "", "p-2")]
    assert found.inactive.find("model").get("type") == "e1000"
    assert uses.guests_of(seen, "other") == ()


def test_a_guest_that_does_not_run_uses_no_network():
    assert uses.guests_of(host(None), "lab") == ()


def test_a_guest_that_went_away_while_the_host_was_read_is_left_out():
    gone = host(domain_live={UUID: None})
    assert uses.guests_of(gone, "lab") == () and uses.held_devices(gone) == []


@pytest.mark.parametrize(("function", "known"), [
    ("0x1", {"network": "pool", "portgroup": "a", "portid": "p-9"}), ("0x2", {}),
])
def test_a_device_from_a_pool_is_known_by_its_port(function: str, known: dict):
    seen = with_pool(function)
    assert dict(uses.running_document(seen, UUID).find("devices/interface/source").attrib) == known
    assert seen.document("domain_live", UUID).find("devices/interface/source").attrib == {}
    assert [one.port for one in uses.guests_of(seen, "pool")] == ([known["portid"]] if known else [])


def test_an_interface_that_is_in_no_configuration_is_made_one_of_the_network():
    seen = host(inactive="<domain/>")
    found = uses.guests_of(seen, "lab")[0].inactive
    assert found.get("type") == "network"
    assert dict(found.find("source").attrib) == {"network": "lab", "portgroup": "a"}
    assert [child.tag for child in found] == ["mac", "source", "filterref"]
    assert dump_xml(seen.document("domain_live", UUID)) == dump_xml(load_xml(LIVE))


def test_members_of_a_bridge_are_the_devices_in_it():
    devices = {"virbr0": device(kind="bridge"), "vnet1": device(master="virbr0"), "vnet0": device(master="virbr0")}
    seen = host(devices=devices)
    assert uses.members_of(seen, "virbr0") == ["vnet0", "vnet1"] and uses.members_of(seen, "br9") == []


def test_members_of_a_bridge_stay_what_they_were_where_a_bridge_is_to_be():
    fork = host(devices={"vnet0": device(master="virbr0")}).fork()
    fork.put_entry("devices", "vnet0", None)
    assert uses.members_of(fork, "virbr0") == ["vnet0"]


def test_users_of_filters_are_those_of_guests_that_run_and_of_those_that_do_not():
    off, on = uses.filter_users(host())
    assert (off.label, off.tap, off.filter) == ("one (52:54:00:00:00:01)", "", "clean")
    assert (on.label, on.tap, on.filter) == ("one (52:54:00:00:00:01)", "vnet3", "clean")
    assert [user.tap for user in uses.filter_users(host(None))] == [""]


def test_devices_that_guests_hold():
    held, = uses.held_devices(host())
    assert (held.domain, held.device, held.address, held.configured) == ("one", "eth1", "", held.document)
    held, = uses.held_devices(with_pool())
    assert (held.device, held.address) == ("", "0000:3b:10.1")


def test_ports_are_known_by_the_devices_that_they_are_plugged_into():
    assert uses.ports_by_pci(with_pool()) == {"0000:3b:10.1": "port p-9 of network pool"}


@pytest.mark.parametrize(("given", "pools"), [
    ((set(), set(), {"eth0"}), ["pool"]), ((set(), set(), {"eth1"}), []), (({"eth0"}, {"0000:3b:10.1"}, set()), []),
])
def test_pools_that_have_a_device(given: tuple, pools: list):
    assert uses.pools_of(with_pool(), *given) == pools


@pytest.mark.parametrize(("forward", "given"), [
    ("<interface dev='eth0'/>", ({"eth0"}, set(), set())),
    ("<address type='pci' domain='0' bus='0x3b' slot='0x10' function='0x1'/>", (set(), {"0000:3b:10.1"}, set())),
])
def test_pools_that_list_a_device(forward: str, given: tuple):
    seen = host(networks={"pool": NETWORK}, network_config={"pool": POOL}, network_live={
        "pool": "<network><forward mode='passthrough'>%s</forward></network>" % forward})
    assert uses.pools_of(seen, *given) == ["pool"]
    assert uses.pools_of(seen, {"eth1"}, {"0000:3b:10.2"}, {"eth0"}) == []


@pytest.mark.parametrize(("text", "address"), [
    ("<address type='pci' domain='0x0000' bus='0x3b' slot='0x10' function='0x1'/>", "0000:3b:10.1"),
    ("<address domain='1' bus='59' slot='16' function='1'/>", "0001:3b:10.1"),
    ("<address type='drive' controller='0' bus='0'/>", ""),
])
def test_pci_addresses_as_the_kernel_spells_them(text: str, address: str):
    assert uses.pci_address(load_xml(text)) == address
    assert uses.pci_address(None) == ""
