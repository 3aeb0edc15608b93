# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others on a host have already: subnets, and addresses by lease."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from unit.fake_host import device, parts
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.subnets import Subnets
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

IP = {"address": "10.5.0.1", "prefix": 24}
LAB = {"name": "lab", "bridge": {"name": "lab0"}, "ips": [IP]}
UUID = "2d5ab9ed-ff9d-4b0e-b2fa-c2ba41ff2d11"
MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


def host(**more: Any) -> Snapshot:
    """A host on which network lab runs."""
    text = dump_xml(NETWORK.render(LAB))
    return Snapshot.of_record(parts(**{
        "networks": {"lab": {"uuid": UUID, "active": True, "persistent": True, "autostart": False}},
        "network_config": {"lab": text}, "network_live": {"lab": text}, "ports": {"lab": []},
        "devices": {"lab0": device(kind="bridge", addresses=["10.5.0.1/24"]),
                    "nic0": device(addresses=["10.66.0.1/24"])}, **more}))


def warnings(wish: Network, **more: Any) -> list[str]:
    outcome, = plan_all(host(**more).fork(), [wish])
    return outcome.plan.warnings


def other(address: str, state: str = "present", **options: Any) -> Network:
    return Network("other", {"name": "other", "ips": [{"address": address, "prefix": 25}], **options}, state=state)


@pytest.mark.parametrize(("address", "named"), [
    ("10.5.0.129", "network lab"), ("10.66.0.129", "device nic0 of the host"), ("10.7.0.1", ""),
])
def test_subnets_that_overlap_are_told_with_both_names(address: str, named: str):
    found = [one for one in warnings(other(address, "active")) if "overlaps" in one]
    assert len(found) == bool(named)
    assert all("of network other overlaps with" in one and named in one for one in found)


@pytest.mark.parametrize(("address", "subnet"), [
    ("10.9.0.1", "10.0.0.0/8"), ("172.30.0.1", "172.30.0.0/16"), ("192.168.7.1", "192.168.7.0/24"),
])
def test_the_prefix_that_libvirt_takes_is_told(address: str, subnet: str):
    prefix = subnet.partition("/")[2]
    wish = Network("other", {"name": "other", "ips": [{"address": address}]})
    assert ("ips[0].prefix: is missing, and libvirt takes %s by the class of %s, so that the subnet of network other is"
            " %s; give it if another is meant" % (prefix, address, subnet)) in warnings(wish)


@pytest.mark.parametrize("ip", [{"address": "10.9.0.1", "prefix": 8}, {"address": "10.9.0.1", "netmask": "255.0.0.0"},
                                {"address": "fd00:9::1"}])
def test_a_prefix_that_is_stated_or_usual_is_not_told(ip: dict):
    assert not any("by the class" in one for one in warnings(Network("other", {"name": "other", "ips": [ip]})))


@pytest.mark.parametrize(("prefix", "told"), [(8, False), (24, True)])
def test_the_prefix_of_an_address_that_is_there_is_told_where_it_changes(prefix: int, told: bool):
    there = dict(LAB, ips=[{"address": "10.5.0.1", "prefix": prefix}])
    wish = Network("lab", {"name": "lab", "ips": [{"address": "10.5.0.1"}], "domain": {"name": "example"}})
    text = dump_xml(NETWORK.render(there))
    said = warnings(wish, network_config={"lab": text}, network_live={"lab": text})
    assert any("by the class" in one for one in said) is told


RECORDS = [{"ip": "10.5.0.20", "hostnames": ["web", "www"]}, {"ip": "10.66.0.20", "hostnames": ["elsewhere"]}]


@pytest.mark.parametrize(("ips", "told"), [
    ([dict(IP, address="10.6.0.1")], True), ([IP], False), ([], True), ([dict(IP, prefix=25)], False),
    ([dict(IP, address="10.5.0.129", prefix=25)], True),
])
def test_records_that_stay_behind_are_told(ips: list[dict], told: bool):
    """Those of hosts elsewhere are as good as before."""
    text = dump_xml(NETWORK.render(dict(LAB, dns={"hosts": RECORDS})))
    wish = Network("lab", {"name": "lab", "ips": ips, "domain": {"name": "example"}})
    said = [one for one in warnings(wish, network_config={"lab": text}, network_live={"lab": text}) if "dns" in one]
    assert said == (["dns.hosts[10.5.0.20]: is in 10.5.0.0/24, which network lab no longer has, so that nobody"
                     " is reached by web and www; give the record another address, or remove it"] if told else [])


def test_a_subnet_that_is_in_use_does_not_start_twice():
    with pytest.raises(Invalid, match=r"^ips\[0\].address: 10.5.0.0/24 is the subnet of network lab already"):
        warnings(Network("other", {"name": "other", "ips": [dict(IP, address="10.5.0.9")]}, state="active"))


def test_a_route_to_the_subnet_of_others_does_not_start():
    routes = [{"address": "10.66.0.0", "prefix": 24, "gateway": "10.7.0.2"}]
    with pytest.raises(Invalid, match=r"^routes\[0\].address: 10.66.0.0/24 is the subnet of device nic0 of the host"):
        warnings(other("10.7.0.1", "active", routes=routes))
    assert warnings(other("10.7.0.1", routes=routes)) == []


@pytest.mark.parametrize(("mac", "told"), [(OTHER, True), (MAC, False)])
def test_an_address_that_another_client_has_leased_is_told(mac: str, told: bool):
    lease = {"mac": MAC, "ip": "10.5.0.20", "prefix": 24, "hostname": "old", "client_id": None, "expiry": 0}
    wish = Network("lab", dict(LAB, ips=[dict(IP, dhcp={"hosts": [{"mac": mac, "ip": "10.5.0.20"}]})]))
    found = [one for one in warnings(wish, leases={"lab": [lease]}) if "is leased to" in one]
    assert found == (["10.5.0.20 is leased to %s (old); %s gets it when that client has given it up or its lease has"
                      " ended" % (MAC, OTHER)] if told else [])


@pytest.mark.parametrize(("leased", "told"), [
    (["10.5.0.30"], [MAC + " has a lease of 10.5.0.30; it gets 10.5.0.20 when it renews that or boots"]),
    (["10.5.0.30", "10.5.0.20"], []), (["fd00::5"], []), ([], []),
])
def test_a_client_that_goes_on_with_another_address_is_told(leased: list[str], told: list[str]):
    leases = [{"mac": MAC, "ip": ip, "prefix": 24, "hostname": None, "client_id": None, "expiry": 0} for ip in leased]
    wish = Network("lab", dict(LAB, ips=[dict(IP, dhcp={"hosts": [{"mac": MAC, "ip": "10.5.0.20"}]})]))
    assert [one for one in warnings(wish, leases={"lab": leases}) if "lease" in one] == told


def test_a_device_to_leave_by_may_come_later():
    found = warnings(other("10.7.0.1", "active", forward={"mode": "nat", "dev": "wg0"}))
    assert found == ["forward.dev: the host has no device wg0; guests reach nothing by it until there is one"]


def test_an_index_of_subnets():
    found, wanted = Subnets(), ipaddress.ip_network("10.5.0.0/24")
    found.put("around", ["10.5.0.1/16"])
    found.put("within", ["10.5.0.1/255.255.255.128"])
    found.put("same", ["10.5.0.9/24"])
    found.put("beside", ["10.6.0.1/24", "fd00::1/64"])
    assert sorted(name for name, _subnet in found.overlapping(wanted)) == ["around", "same", "within"]
    found.put("same", None)
    found.put("within", ["10.8.0.1/24"])
    assert [name for name, _subnet in found.overlapping(wanted)] == ["around"]
