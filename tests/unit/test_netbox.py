# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetBox says becomes a topology that the module takes. The answers are made by the schema of NetBox's API."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.libvirt.plugins.filter.from_netbox import from_netbox
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.topology import LISTS, TOPOLOGY
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import read_topology

MAC = "AA:BB:CC:00:00:%02X"
OFFICE, GUESTS = ({"id": 1, "vid": 10, "name": "office", "display": "office (10)"},
                  {"id": 2, "vid": 20, "name": "guests", "display": "guests (20)"})


def card(number: int = 1, guest: str = "web", version: str = "4.0", **changes: Any) -> dict[str, Any]:
    """An interface as a version of NetBox gives it."""
    mac = MAC % number
    given = {
        "id": number, "url": "https://netbox.example.net/api/virtualization/interfaces/%d/" % number,
        "display": "eth0", "virtual_machine": {"id": 7, "display": guest, "name": guest}, "name": "eth0",
        "enabled": True, "parent": None, "bridge": None, "mtu": None, "mac_address": mac, "description": "",
        "mode": None, "untagged_vlan": None, "tagged_vlans": [], "vrf": None, "l2vpn_termination": None, "tags": [],
        "custom_fields": {}, "count_ip_addresses": 1, "count_fhrp_groups": 0}
    if version == "4.2":
        given.update(mac_address=None, primary_mac_address={"id": 3, "mac_address": mac, "description": ""})
    if version == "2.7":
        given = {name: given[name] for name in ("id", "virtual_machine", "name", "enabled", "mtu", "mac_address",
                                                "description", "mode", "untagged_vlan", "tagged_vlans", "tags")}
    return {**given, **changes}


def mode(name: str) -> dict[str, str]:
    return {"value": name, "label": name.capitalize()}


def address(text: str, of: int = 1, status: str = "active") -> dict[str, Any]:
    return {"id": 40 + of, "family": {"value": 4, "label": "IPv4"}, "address": text, "status": mode(status),
            "assigned_object_type": "virtualization.vminterface", "assigned_object_id": of, "dns_name": ""}


def prefix(text: str, status: str = "active", **changes: Any) -> dict[str, Any]:
    return {"id": 5, "family": {"value": 4}, "prefix": text, "vlan": None, "status": mode(status), "role": None,
            "description": "", **changes}


def made(*given: Any, **arguments: Any) -> dict[str, Any]:
    """What is made, which the module takes."""
    found = from_netbox(list(given), **arguments)
    topology = read_topology({**{node.name: None for node in TOPOLOGY.nodes}, **{
        name: found[name] for name in LISTS if name in found}}, False, pytest.fail)
    assert topology.errors == []
    return found


@pytest.mark.parametrize("version", ["2.7", "4.0", "4.2"])
def test_an_interface_in_a_vlan_is_in_its_portgroup(version):
    found = made(card(version=version, mode=mode("access"), untagged_vlan=OFFICE), bridge="br0")
    assert found["left_out"] == []
    assert found["interfaces"] == [{"domain": "web", "mac": {"address": "aa:bb:cc:00:00:01"}, "type": "network",
                                    "source": {"network": "lan", "portgroup": "office"}, "vlan": {},
                                    "link": {"state": "up"}}]
    assert found["networks"] == [{
        "name": "lan", "state": "active", "autostart": True, "forward": {"mode": "bridge"}, "bridge": {"name": "br0"},
        "portgroups": [{"name": "office", "vlan": {"tags": [{"id": 10}]}}]}]


def test_a_tagged_one_is_a_trunk_that_is_in_no_portgroup():
    found = made(card(mode=mode("tagged"), untagged_vlan=GUESTS, tagged_vlans=[OFFICE, GUESTS]), bridge="br0",
                 network="trunk")
    tags = [{"id": 20, "native_mode": "untagged"}, {"id": 10}]
    assert found["interfaces"][0]["vlan"] == {"trunk": True, "tags": tags}
    assert found["interfaces"][0]["source"] == {"network": "trunk", "portgroup": ""}
    assert [network["name"] for network in found["networks"]] == ["trunk"]


def test_what_else_netbox_knows_of_an_interface():
    found = made(card(mode=mode("access"), untagged_vlan=OFFICE, mtu=9000, enabled=False), bridge="br0",
                 addresses=[address("192.0.2.5/24"), address("2001:db8::5/64"), address("192.0.2.9/24", of=2)],
                 filter="clean-traffic")
    assert found["interfaces"][0]["mtu"] == {"size": 9000} and found["interfaces"][0]["link"] == {"state": "down"}
    assert found["interfaces"][0]["filterref"] == {"filter": "clean-traffic", "parameters": [
        {"name": "IP", "value": "192.0.2.5"}]}


def test_hosts_of_the_inventory_plugin_have_their_interfaces_with_them():
    host = {"inventory_hostname": "web", "interfaces": [
        {**card(mode=mode("access"), untagged_vlan=OFFICE), "virtual_machine": None,
         "ip_addresses": [address("192.0.2.5/24")]}]}
    found = made(host, bridge="br0", filter="clean-traffic")
    assert found["interfaces"][0]["domain"] == "web"
    assert found["interfaces"][0]["filterref"]["parameters"] == [{"name": "IP", "value": "192.0.2.5"}]


def test_a_prefix_of_no_vlan_becomes_a_network_that_hands_out_what_netbox_says():
    found = made(card(1), card(2, "db"), addresses=[address("10.0.0.1/24"), address("10.0.0.7/24", 2, "dhcp")],
                 prefixes=[prefix("10.0.0.0/24", description="lab")], forward="nat")
    assert found["networks"] == [{
        "name": "lab", "state": "active", "autostart": True, "forward": {"mode": "nat"},
        "ips": [{"family": "ipv4", "address": "10.0.0.2", "prefix": 24, "dhcp": {
            "hosts": [{"mac": "aa:bb:cc:00:00:01", "ip": "10.0.0.1", "name": "web"}],
            "ranges": [{"start": "10.0.0.3", "end": "10.0.0.254"}]}}]}]
    assert [one["source"] for one in found["interfaces"]] == [{"network": "lab", "portgroup": ""}] * 2
    assert "forward" not in made(prefixes=[prefix("10.0.0.0/24")], forward="isolated")["networks"][0]


def test_addresses_are_those_of_the_card_in_each_version():
    now, other = address("10.0.0.5/24"), dict(address("10.0.0.6/24"), assigned_object_type="dcim.interface")
    before = {name: value for name, value in now.items() if not name.startswith("assigned")}
    for given in (now, dict(before, interface={"id": 1, "device": None, "virtual_machine": {"id": 7, "name": "web"}})):
        switch = {"id": 1, "device": {"id": 3, "name": "switch"}, "virtual_machine": None}
        addresses = [given, other, dict(before, address="10.0.0.7/24", interface=switch)]
        found = made(card(), addresses=addresses, prefixes=[prefix("10.0.0.0/24")], forward="nat")
        assert [one["ip"] for one in found["networks"][0]["ips"][0]["dhcp"]["hosts"]] == ["10.0.0.5"]


def test_the_host_takes_no_address_that_netbox_knows_and_a_prefix_that_is_full_is_told():
    router = dict(address("10.0.0.1/30"), assigned_object_type=None, assigned_object_id=None)
    found = made(addresses=[router], prefixes=[prefix("10.0.0.0/30")], forward="nat")
    assert found["networks"][0]["ips"][0]["address"] == "10.0.0.2"
    small = made(card(2), addresses=[router, address("10.0.0.9/30", 2, "dhcp")], prefixes=[prefix("10.0.0.8/30")],
                 forward="nat")
    assert small["networks"][0]["ips"][0]["address"] == "10.0.0.10"
    assert small["networks"][0]["ips"][0]["dhcp"]["ranges"] == [{"start": "10.0.0.9", "end": "10.0.0.9"}]
    full = made(addresses=[router, dict(router, address="10.0.0.2/30")], prefixes=[prefix("10.0.0.0/30")],
                forward="nat")
    assert full["networks"] == [] and full["left_out"] == ["prefix 10.0.0.0/30 has no address left for the host"]


def test_a_description_that_is_no_name_of_one_network_is_none():
    found = made(prefixes=[prefix("10.0.%d.0/24" % number, description=text) for number, text in enumerate(
        ("for web / db", "lab", "lab", "guests"))], forward="nat")
    assert [one["name"] for one in found["networks"]] == [
        "net-10.0.0.0-24", "net-10.0.1.0-24", "net-10.0.2.0-24", "guests"]


def test_of_nested_prefixes_the_innermost_are_networks():
    found = made(prefixes=[prefix("10.0.0.0/16"), prefix("10.0.1.0/24"), prefix("fd00::/64")], forward="nat")
    assert [one["name"] for one in found["networks"]] == ["net-10.0.1.0-24", "net-fd00::-64"]
    assert found["left_out"] == ["prefix 10.0.0.0/16 is not a segment, for it has 10.0.1.0/24 in it"]


def test_cards_of_devices_are_nobodys_guest():
    host = {"inventory_hostname": "kvm1", "is_virtual": False, "interfaces": [
        {**card(mode=mode("access"), untagged_vlan=OFFICE), "virtual_machine": None,
         "device": {"id": 3, "name": "kvm1"}}]}
    found = made(host, bridge="br0")
    assert not found["interfaces"] and found["left_out"] == [
        "interface eth0 of kvm1 is of a device and of no virtual machine"]


@pytest.mark.parametrize("given, arguments, said", [
    ([card(mac_address=None)], {}, "interface eth0 of web has no MAC address"),
    ([card(parent={"id": 3, "name": "bond0"})], {}, "is a part of bond0, which the guest makes itself"),
    ([card(bridge={"id": 3, "name": "br7"})], {}, "is a part of br7"),
    ([card(mode=mode("tagged-all"))], {"bridge": "br0"}, "has the mode tagged-all, which libvirt has not"),
    ([card(mode=mode("access"))], {"bridge": "br0"}, "has the mode access and no VLAN"),
    ([card(mode=mode("access"), untagged_vlan=OFFICE)], {}, "is in VLANs that no bridge carries; give bridge"),
    ([card()], {}, "is in no VLAN, and has no address in a prefix that is made a network"),
    ([], {"vlans": [OFFICE]}, "VLAN office is carried by no bridge; give bridge"),
    ([], {"prefixes": [prefix("10.0.0.0/24")]}, "prefix 10.0.0.0/24 is made no network; give forward"),
    ([], {"prefixes": [prefix("10.0.0.0/24", "container")], "forward": "nat"}, "prefix 10.0.0.0/24 is a container"),
    ([], {"prefixes": [prefix("10.0.0.0/24", "reserved")], "forward": "nat"}, "prefix 10.0.0.0/24 is reserved"),
    ([], {"prefixes": [prefix("10.0.0.0/24", vlan=OFFICE)], "forward": "nat"}, "is of VLAN 10"),
])
def test_what_is_left_out_is_told(given, arguments, said):
    found = made(*given, **arguments)
    assert [said in one for one in found["left_out"]] == [True]


def test_a_prefix_whose_addresses_are_all_taken_is_left_out():
    found = made(card(), addresses=[address("10.0.0.1/32")], prefixes=[prefix("10.0.0.1/32")], forward="nat")
    assert found["left_out"][0] == "prefix 10.0.0.1/32 has no address left for the host"
    assert found["interfaces"] == []


@pytest.mark.parametrize("given, arguments, said", [
    ("text", {}, "_input: give a list of dictionaries"),
    ([card(virtual_machine=None)], {}, "eth0 has no virtual machine"),
    ([card(mac_address="xx")], {}, "from_netbox: "),
    ([], {"forward": "bridge"}, "forward: bridge is not allowed; give one of nat, route, open, isolated"),
    ([], {"prefixes": [{}]}, "'prefix' is missing"),
    ([], {"vlans": [OFFICE, dict(GUESTS, name="office")], "bridge": "br0"}, "VLANs 10 and 20 have one name: office"),
])
def test_what_is_none_of_netbox_is_one_error(given, arguments, said):
    with pytest.raises(AnsibleFilterError) as error:
        from_netbox(given, **arguments)
    assert said in str(error.value)
