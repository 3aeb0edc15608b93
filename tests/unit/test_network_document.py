# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network document: what libvirt refuses, each with its path, and what libvirt treats as the same."""

from __future__ import annotations

import re

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import (
    NETWORK,
    manages_bridge,
    merge_network,
    mode_of,
    prefix_of,
    refused_by_driver,
    refused_of_open,
    refused_vlan,
    subnet_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import load_xml

IP4 = {"address": "10.0.0.1", "prefix": 24}
IP6 = {"family": "ipv6", "address": "fd00::1", "prefix": 64}
NAT = {"name": "lab", "forward": {"mode": "nat"}, "ips": [IP4]}


def network(**options) -> dict:
    return dict({"name": "lab"}, **options)


def of_mode(mode: str, **options) -> dict:
    return network(forward={"mode": mode}, **options)


def with_dhcp(subnet: dict | None = None, /, **dhcp) -> dict:
    return network(ips=[dict(subnet or IP4, dhcp=dhcp)])


def with_range(start: str, end: str, subnet: dict | None = None, **more) -> dict:
    return with_dhcp(subnet, ranges=[dict(more, start=start, end=end)])


def with_host(subnet: dict | None = None, /, **host) -> dict:
    return with_dhcp(subnet, hosts=[host])


def with_route(**route) -> dict:
    return network(ips=[IP4, IP6], routes=[route])


def with_bandwidth(**bandwidth) -> dict:
    return network(bandwidth=bandwidth)


REFUSED = [
    # addresses
    (network(ips=[{"address": "fd00::1", "family": "ipv4"}]),
     "ips[0].family: fd00::1 is an IPv6 address; give family: ipv6"),
    (network(ips=[{"address": "10.0.0.1/24", "prefix": 25}]),
     'ips[0].prefix: 25 has another one in address, which is "10.0.0.1/24"; give one of them'),
    (network(ips=[{"address": "10.0.0.1/x"}]), 'ips[0].prefix: "x" is not allowed; give a whole number from 1 to 128'),
    (network(ips=[{"address": "10.0.0.010"}]),
     'ips[0].address: "10.0.0.010" is not allowed; give an IPv4 or IPv6 address'),
    (network(ips=[{"address": "fe80::1%a\nb"}]),
     'ips[0].address: "fe80::1%a\\nb" is not allowed; give an IPv4 or IPv6 address'),
    (network(ips=[dict(IP4, family="ipv6")]), "ips[0].family: 10.0.0.1 is an IPv4 address; give family: ipv4"),
    (network(ips=[IP4, {"family": "ipv6", "address": "fd00::1", "netmask": "255.0.0.0"}]),
     "ips[1].netmask: an IPv6 address takes a prefix, not a netmask"),
    (network(ips=[dict(IP4, netmask="255.0.0.0")]), "ips[0].netmask: give either netmask or prefix, not both"),
    (network(ips=[{"address": "10.0.0.1", "prefix": 33}]),
     "ips[0].prefix: 33 is not allowed; give a number from 1 to 32 for IPv4"),
    (network(ips=[{"address": "10.0.0.1", "prefix": 0}]),
     "ips[0].prefix: 0 is not allowed; give a whole number from 1 to 128"),
    (network(ips=[{"prefix": 24}]), "ips[0].address: is missing"),
    (network(ips=[dict(IP6, tftp={"root": "/srv"})]), "ips[0].tftp: is not for IPv6 addresses"),
    (network(ips=[dict(IP4, tftp={"root": ""})]), "ips[0].tftp.root: \"\" is not allowed; give a"
     " path of at most 900 bytes without commas, quotes and ' #'"),
    # dhcp ranges
    (with_range("10.0.1.5", "10.0.0.9"), "ips[0].dhcp.ranges[0].start: 10.0.1.5 is not in 10.0.0.0/24"),
    (with_range("10.0.0.5", "10.0.1.9"), "ips[0].dhcp.ranges[0].end: 10.0.1.9 is not in 10.0.0.0/24"),
    (with_range("fd00::5", "fd00::9"), "ips[0].dhcp.ranges[0].start: fd00::5 is not in 10.0.0.0/24"),
    (with_range("10.0.0.9", "10.0.0.5"), "ips[0].dhcp.ranges[0]: the range from 10.0.0.9 to 10.0.0.5 is reversed"),
    (with_range("10.0.0.1", "10.1.0.0", {"address": "10.0.0.1", "prefix": 8}),
     "ips[0].dhcp.ranges[0]: the range from 10.0.0.1 to 10.1.0.0 is too large; libvirt takes ranges in which only the"
     " last 16 bits differ"),
    (with_range("10.0.0.0", "10.0.0.9"), "ips[0].dhcp.ranges[0].start: 10.0.0.0 is the network address of 10.0.0.0/24"),
    (with_range("10.0.0.9", "10.0.0.255"),
     "ips[0].dhcp.ranges[0].end: 10.0.0.255 is the broadcast address of 10.0.0.0/24"),
    (with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 1}),
     "ips[0].dhcp.ranges[0].lease.expiry: 1 is not allowed; give at least 2 minutes, or 0 for no end"),
    (with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 119, "unit": "seconds"}),
     "ips[0].dhcp.ranges[0].lease.expiry: 119 is not allowed; give at least 2 minutes, or 0 for no end"),
    (with_range("10.0.0.5", "10.0.0.9", lease={"unit": "hours"}), "ips[0].dhcp.ranges[0].lease.expiry: is missing"),
    # dhcp hosts
    (with_host(ip="10.0.0.5"), "ips[0].dhcp.hosts[0]: give mac or name"),
    (with_host(IP6, ip="fd00::5"), "ips[0].dhcp.hosts[0]: give id or name"),
    (with_host(IP6, ip="fd00::5", mac="52:54:00:00:00:01"),
     "ips[0].dhcp.hosts[0].mac: a DHCPv6 host is known by id or name, not by mac"),
    (with_host(ip="fd00::5", name="a"), "ips[0].dhcp.hosts[0].ip: fd00::5 is not an IPv4 address"),
    (with_host(name="a"), "ips[0].dhcp.hosts[0].ip: is missing"),
    (with_host(name="a&b", ip="10.0.0.5"),
     'ips[0].dhcp.hosts[0].name: "a&b" is not allowed; give a host name of at most 255 letters, digits, '
     "'-', '_' and '.', which begins with a letter or digit and is no number, address, ignore or infinite"),
    (with_dhcp(bootp={"server": "10.0.0.9"}), "ips[0].dhcp.bootp.file: is missing"),
    # routes
    (with_route(address="10.1.0.0", gateway="10.0.0.2"),
     "routes[0].prefix: is missing; only the default route goes without prefix and netmask"),
    (with_route(address="10.1.0.1", prefix=24, gateway="10.0.0.2"),
     "routes[0].address: 10.1.0.1 is not a network address; 10.1.0.0 is"),
    (with_route(address="10.1.0.0", prefix=24, gateway="fd00::2"), "routes[0].gateway: fd00::2 is not an IPv4 address"),
    (with_route(address="10.1.0.0", prefix=24, gateway="10.9.0.2"),
     "routes[0].gateway: 10.9.0.2 is in no subnet of ips"),
    (with_route(address="10.1.0.0", prefix=24), "routes[0].gateway: is missing"),
    (with_route(address="10.1.0.0", prefix=24, gateway="10.0.0.2", metric=0),
     "routes[0].metric: 0 is not allowed; give a whole number from 1 to 4294967295"),
    (with_route(family="ipv4", address="fd01::", prefix=64, gateway="fd00::2"),
     "routes[0].family: fd01:: is an IPv6 address; give family: ipv6"),
    # dns
    (network(dns={"srvs": [{"service": "x", "protocol": "tcp", "port": 5}]}),
     "dns.srvs[0].port: needs a target beside it"),
    (network(dns={"srvs": [{"service": "x", "protocol": "tcp", "priority": 0}]}),
     "dns.srvs[0].priority: needs a target beside it"),
    (network(dns={"enable": False, "txts": [{"name": "a", "value": "b"}]}),
     "dns.txts: is not allowed with dns.enable: false"),
    (network(dns={"forwarders": [{}]}), "dns.forwarders[0]: give addr, domain or both"),
    (network(dns={"forwarders": [{"domain": "a", "port": 5}]}), "dns.forwarders[0].port: needs addr beside it"),
    (network(dns={"txts": [{"name": "a b", "value": "c"}]}),
     'dns.txts[0].name: "a b" is not allowed; give a word of at most 255 ASCII letters and signs without commas and'
     " quotes"),
    (network(dns={"hosts": [{"ip": "10.0.0.1"}]}), "dns.hosts[0].hostnames: is missing"),
    (network(domain={"name": "a", "register": True}), "domain.register: true needs domain.local_only: true"),
    (network(domain={"local_only": True}), "domain.name: is missing"),
    # forward
    (network(ips=[IP4], forward={"mode": "route", "nat": {"ipv6": True}}),
     "forward.nat: belongs to mode nat, not to route"),
    (network(ips=[IP4], forward={"mode": "open", "dev": "eth0"}), "forward.dev: is not allowed in mode open"),
    (network(ips=[IP4], forward={"mode": "open", "interfaces": [{"dev": "eth0"}]}),
     "forward.interfaces: is not allowed in mode open"),
    (network(ips=[IP4], forward={"mode": "nat", "interfaces": [{"dev": "eth0"}, {"dev": "eth1"}]}),
     "forward.interfaces: mode nat takes one interface"),
    (network(forward={"mode": "passthrough", "dev": "eth0", "pf": {"dev": "eth0"}}),
     "forward.dev: cannot be given with pf or addresses"),
    (network(forward={"mode": "bridge", "dev": "eth1", "interfaces": [{"dev": "eth0"}]}),
     "forward.dev: eth1 must be the first of interfaces, which is eth0"),
    (network(forward={"mode": "bridge", "interfaces": [{"dev": "eth0"}, {"dev": "eth0"}]}),
     "forward.interfaces[1]: eth0 is already in interfaces[0]; give it once"),
    (network(ips=[IP4], forward={"mode": "nat", "nat": {"port": {"start": 9, "end": 8}}}),
     "forward.nat.port: the range from 9 to 8 is reversed"),
    (network(ips=[IP4], forward={"mode": "nat", "nat": {"address": {"start": "10.0.0.10", "end": "10.0.0.9"}}}),
     "forward.nat.address: the range from 10.0.0.10 to 10.0.0.9 is reversed"),
    (network(forward={"nat": {"address": {"start": "10.0.255.255", "end": "10.1.0.0"}}}, ips=[IP4]),
     "forward.nat.address: the range from 10.0.255.255 to 10.1.0.0 is too large; libvirt takes ranges in which only the"
     " last 16 bits differ"),
    (network(uuid=""), "uuid: cannot be empty, since libvirt makes it up; leave it out to keep what there is"),
    (network(bridge={"name": ""}),
     "bridge.name: cannot be empty, since libvirt makes it up; leave it out to keep what there is"),
    (of_mode("nat"), "ips: is missing; forward mode nat needs an address"),
    (network(forward={"dev": "eth0"}), "ips: is missing; forward mode nat needs an address"),
    (of_mode("route"), "ips: is missing; forward mode route needs an address"),
    (of_mode("bridge", mtu={"size": 1400}), "mtu.size: is not allowed in forward mode bridge"),
    (of_mode("bridge", bridge={"name": "br0", "stp": False}),
     "bridge.stp: is not allowed in forward mode bridge, where libvirt does not make the bridge"),
    (of_mode("bridge", bridge={"name": "br0", "delay": 3}),
     "bridge.delay: is not allowed in forward mode bridge, where libvirt does not make the bridge"),
    (of_mode("vepa", bridge={"zone": "dmz"}),
     "bridge.zone: is not allowed in forward mode vepa, where libvirt does not make the bridge"),
    (of_mode("private", bridge={"name": "br0"}), "bridge.name: is not allowed in forward mode private"),
    (of_mode("hostdev", bridge={"mac_table_manager": "libvirt"}),
     "bridge.mac_table_manager: is not allowed in forward mode hostdev"),
    (network(forward={"mode": "bridge", "interfaces": [{"dev": "eth0"}]}, bridge={"name": "br0"}),
     "bridge.name: is not allowed with forward.dev, forward.interfaces or forward.pf"),
    # bandwidth, vlan, virtualport
    (with_bandwidth(inbound={"peak": 5}), "bandwidth.inbound.peak: needs average beside it"),
    (with_bandwidth(outbound={"burst": 5}), "bandwidth.outbound.burst: needs average beside it"),
    (with_bandwidth(inbound={"average": 5, "floor": 1}),
     "bandwidth.inbound.floor: libvirt does not take a floor in this place"),
    (with_bandwidth(class_id=3), "bandwidth.class_id: libvirt takes a class only on a port"),
    (network(vlan={"trunk": True}), "vlan.tags: is missing; give at least one tag"),
    (network(vlan={"tags": [{"id": 1, "native_mode": "tagged"}, {"id": 2, "native_mode": "untagged"}]}),
     "vlan.tags[1].native_mode: is already given in tags[0]; one tag can be native"),
    (network(vlan={"trunk": False, "tags": [{"id": 1}, {"id": 2}]}),
     "vlan.trunk: false is not allowed; several tags or a native tag make a trunk"),
    (network(mac={"address": "00:00:00:00:00:00"}),
     "mac.address: 00:00:00:00:00:00 is not allowed, for no bridge can have it"),
    (network(vlan={"tags": [{"id": 4096}]}),
     "vlan.tags[0].id: 4096 is not allowed; give a whole number from 0 to 4095"),
    (network(virtualport={"type": "midonet", "parameters": {"profileid": "x"}}),
     "virtualport.parameters.profileid: does not belong to type midonet, which takes interfaceid"),
    (network(virtualport={"parameters": {"profileid": "x"}}), "virtualport.type: is missing"),
    (network(portgroups=[{"name": "a"}, {"name": "a"}]),
     "portgroups[1]: a is already in portgroups[0]; give it once"),
    (network(portgroups=[{"default": True}]), "portgroups[0].name: is missing"),
]

REFUSED_BY_DRIVER = [
    (of_mode("bridge", mac={"address": "52:54:00:00:00:01"}), "mac: is not allowed in forward mode bridge"),
    (of_mode("vepa", ips=[IP4]), "ips: is not allowed in forward mode vepa"),
    (of_mode("hostdev", domain={"name": "x"}), "domain: is not allowed in forward mode hostdev"),
    (of_mode("bridge", dns={"hosts": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}),
     "dns: is not allowed in forward mode bridge"),
    (of_mode("bridge", bandwidth={"inbound": {"average": 5}}),
     "bandwidth: is not allowed in forward mode bridge without bridge.name"),
    (of_mode("hostdev", portgroups=[{"name": "a"}, {"name": "b", "bandwidth": {"inbound": {"average": 5}}}]),
     "portgroups[1].bandwidth: is not allowed in forward mode hostdev"),
    (network(ips=[dict(IP4, dhcp={"ranges": [{"start": "10.0.0.5", "end": "10.0.0.6"}]}), IP6,
                  {"address": "10.1.0.1", "prefix": 24, "dhcp": {"hosts": [{"name": "a", "ip": "10.1.0.5"}]}}]),
     "ips[2].dhcp: ips[0] has DHCP already; libvirt serves one IPv4 address"),
    (network(forward={"mode": "passthrough", "addresses": [{"slot": "1"}]}),
     "forward.addresses: belongs to mode hostdev, not to passthrough"),
    (network(forward={"mode": "hostdev", "interfaces": [{"dev": "eth0"}]}),
     "forward.interfaces: is not allowed in mode hostdev; give pf or addresses"),
    (network(portgroups=[{"name": "a", "default": True}, {"name": "b", "default": True}]),
     "portgroups[1].default: portgroups[0] is the default already"),
]

TAKEN = [
    NAT,
    network(),
    network(ips=[{"address": "10.0.0.1"}, IP6]),
    with_range("10.0.0.1", "10.0.255.255", {"address": "10.1.0.1", "prefix": 8}),
    with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 0}),
    with_range("10.0.0.5", "10.0.0.5"),
    network(ips=[{"address": "10.0.0.1", "prefix": 32}, {"family": "ipv6", "address": "fd00::1", "prefix": 128}]),
    network(ips=[IP4], forward={"nat": {"address": {"start": "10.9.0.1", "end": "10.9.0.1"},
                                        "port": {"start": 9, "end": 9}}}),
    with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 120, "unit": "seconds"}),
    with_range("fd00::5", "fd00::ff", IP6),
    with_host(IP6, ip="fd00::5", id="0:1:2"),
    with_host(ip="192.168.9.9", name="elsewhere"),
    with_route(address="0.0.0.0", gateway="10.0.0.2"),
    with_route(family="ipv6", address="::", gateway="fd00::2"),
    with_route(family="ipv6", address="fd01::", prefix=64, gateway="fd00::2", metric=7),
    network(dns={"enable": False}),
    network(dns={"srvs": [{"service": "x", "protocol": "tcp", "target": ".", "port": 5}]}),
    of_mode("bridge", bridge={"name": "br0", "stp": True, "delay": 0}),
    network(forward={"mode": "bridge", "interfaces": [{"dev": "eth0"}, {"dev": "eth1"}]}),
    network(forward={"mode": "bridge", "dev": "eth0", "interfaces": [{"dev": "eth0"}, {"dev": "eth1"}]}),
    network(forward={"mode": "hostdev", "managed": True, "addresses": [{"bus": "3", "slot": "0x10"}]}),
    of_mode("bridge", bridge={"name": "br0"}, bandwidth={"inbound": {"average": 5, "peak": 6, "burst": 7}}),
    network(vlan={"tags": [{"id": 1, "native_mode": "tagged"}, {"id": 2}]}),
    network(virtualport={"type": "802.1Qbg", "parameters": {"managerid": "0xb", "typeid": 1193047}}),
    network(portgroups=[{"name": "a", "virtualport": {"parameters": {"profileid": "x"}}}]),
    network(ips=[dict(IP4, dhcp={"ranges": [{"start": "10.0.0.5", "end": "10.0.0.6"}]}),
                 dict(IP6, dhcp={"ranges": [{"start": "fd00::5", "end": "fd00::6"}]})]),
]


def title(options: dict) -> str:
    return re.sub(r"[^\w.:,=-]+", " ", str(options))[:70]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message[:70] for options, message in REFUSED])
def test_what_libvirts_parser_refuses_is_refused_by_path(options: dict, message: str):
    with pytest.raises(Invalid) as error:
        NETWORK.check(options)
    assert str(error.value) == message
    assert message.startswith(str(error.value.path) + ": ")


@pytest.mark.parametrize(("options", "message"), REFUSED_BY_DRIVER,
                         ids=[message[:70] for options, message in REFUSED_BY_DRIVER])
def test_what_libvirts_driver_refuses_is_refused_by_path(options: dict, message: str):
    checked = NETWORK.check(options)
    with pytest.raises(Invalid) as error:
        refused_by_driver(checked)
    assert str(error.value) == message


@pytest.mark.parametrize("options", TAKEN, ids=title)
def test_what_libvirt_takes_is_taken(options: dict):
    refused_by_driver(NETWORK.check(options))


def test_a_device_of_a_pool_is_given_once_however_it_is_spelled():
    addresses = [{"bus": "0x0a", "slot": "1"}, {"bus": "10", "slot": "0x1"}]
    with pytest.raises(Invalid, match=r"^forward\.addresses\[1\]: .* already in addresses\[0\]; "):
        NETWORK.check(network(forward={"mode": "hostdev", "addresses": addresses}))


@pytest.mark.parametrize("value", ["a\x00b", "a\x07b", "a\ud800b", "a\ufffeb"])
def test_text_that_xml_cannot_hold_is_refused_by_path(value: str):
    with pytest.raises(Invalid, match=r"^description: "):
        NETWORK.render(NETWORK.check(network(description=value)))


# --- VLAN tags, by version and mode

OVS = {"type": "openvswitch"}
TAG = {"tags": [{"id": 5}]}


@pytest.mark.parametrize(("options", "old", "new"), [
    (network(vlan=TAG), "vlan", "vlan"),
    (of_mode("nat", ips=[IP4], vlan=TAG), "vlan", "vlan"),
    (of_mode("bridge", bridge={"name": "br0"}, vlan=TAG, virtualport={"type": "802.1Qbh"}), "vlan", "vlan"),
    (of_mode("bridge", bridge={"name": "br0"}, vlan=TAG), "vlan", None),
    (of_mode("bridge", bridge={"name": "br0"}, vlan=TAG, virtualport=OVS), None, None),
    (network(forward={"mode": "bridge", "dev": "eth0"}, vlan=TAG), "vlan", "vlan"),
    (of_mode("hostdev", vlan=TAG), None, None),
    (of_mode("passthrough", vlan=TAG), None, None),
    (of_mode("private", vlan=TAG), "vlan", "vlan"),
    (of_mode("bridge", bridge={"name": "br0"}, portgroups=[{"name": "a"}, {"name": "b", "vlan": TAG}]),
     "portgroups[1].vlan", None),
    (of_mode("bridge", bridge={"name": "br0"}, portgroups=[{"name": "b", "vlan": TAG, "virtualport": OVS}]),
     None, None),
    (of_mode("bridge", virtualport=OVS, portgroups=[{"name": "b", "vlan": TAG, "virtualport": {"profileid": "x"}}]),
     "portgroups[0].vlan", "portgroups[0].vlan"),
    (of_mode("hostdev", portgroups=[{"name": "b", "vlan": TAG, "virtualport": OVS}]),
     "portgroups[0].vlan", "portgroups[0].vlan"),
    (of_mode("vepa", portgroups=[{"name": "b", "vlan": TAG}]), "portgroups[0].vlan", "portgroups[0].vlan"),
])
def test_vlan_tags_are_taken_by_mode_and_version(options: dict, old: str, new: str):
    for version, path in (((10, 10, 0), old), ((11, 0, 0), new)):
        found = refused_vlan(options, version)
        assert (None if found is None else str(found)) == path


# --- what is the same

SAME = [
    (network(ips=[IP4]), network(ips=[{"address": "10.0.0.1", "netmask": "255.255.255.0"}])),
    (network(ips=[IP4]), network(ips=[dict(IP4, family="ipv4", local_ptr=False)])),
    (network(ips=[{"address": "10.0.0.1"}]), network(ips=[{"address": "10.0.0.1", "prefix": 8}])),
    (network(ips=[{"address": "172.16.0.1"}]), network(ips=[{"address": "172.16.0.1", "prefix": 16}])),
    (network(ips=[{"address": "192.168.0.1"}]), network(ips=[{"address": "192.168.0.1", "prefix": 24}])),
    (network(ips=[{"family": "ipv6", "address": "FD00:0::1"}]), network(ips=[IP6])),
    (network(ips=[IP4, IP6]), network(ips=[IP6, IP4])),
    (with_route(address="0.0.0.0", gateway="10.0.0.2"),
     with_route(address="0.0.0.0", prefix=0, gateway="10.0.0.2", metric=1)),
    (with_route(address="10.1.0.0", prefix=16, gateway="10.0.0.2"),
     with_route(address="10.1.0.0", netmask="255.255.0.0", gateway="10.0.0.2")),
    (with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 2}),
     with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 120, "unit": "seconds"})),
    (with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 2, "unit": "hours"}),
     with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 120})),
    (with_dhcp(bootp={"file": "x"}), network(ips=[IP4])),
    (with_host(mac="52:54:00:AA:00:01", ip="10.0.0.5"), with_host(mac="52:54:0:aa:0:1", ip="10.0.0.5")),
    (of_mode("nat", ips=[IP4]),
     network(ips=[IP4], forward={"mode": "nat", "nat": {"port": {"start": 1024, "end": 65535}}})),
    (of_mode("nat", ips=[IP4]), network(ips=[IP4], forward={"mode": "nat", "nat": {"ipv6": False}, "managed": False})),
    (network(ips=[IP4], forward={"mode": "nat", "dev": "e0"}),
     network(ips=[IP4], forward={"mode": "nat", "interfaces": [{"dev": "e0"}]})),
    (network(forward={"mode": "bridge", "dev": "e0", "interfaces": [{"dev": "e0"}, {"dev": "e1"}]}),
     network(forward={"mode": "bridge", "interfaces": [{"dev": "e1"}, {"dev": "e0"}]})),
    (network(forward={"mode": "passthrough", "interfaces": [{"dev": "vf0"}]}),
     network(forward={"mode": "passthrough", "pf": {"dev": "e0"}, "interfaces": [{"dev": "vf0"}]})),
    (network(forward={"mode": "hostdev", "addresses": [{"slot": "1"}]}),
     network(forward={"mode": "hostdev", "addresses": [{"slot": "1"}], "pf": {"dev": "e0"}})),
    (network(forward={"mode": "hostdev", "addresses": [{"bus": "0x0a", "slot": "0x10", "function": "1"}]}),
     network(forward={"mode": "hostdev", "addresses": [{"type": "pci", "domain": "0x0000", "bus": "10", "slot": "16",
                                                        "function": "0x1", "multifunction": True}]})),
    (of_mode("nat", ips=[IP4]), network(ips=[IP4], forward={"mode": "nat", "managed": True})),
    (network(), network(bridge={"stp": True, "delay": 0, "mac_table_manager": "kernel"})),
    (network(), network(ipv6=False, trust_guest_rx_filters=False, mtu={"size": 0}, port={"isolated": False})),
    (network(), network(dns={"enable": True, "forward_plain_names": True})),
    (network(), network(bandwidth={"inbound": {"average": 0}})),
    (network(vlan={"tags": [{"id": 1}, {"id": 2}]}), network(vlan={"trunk": True, "tags": [{"id": 2}, {"id": 1}]})),
    (network(vlan=TAG), network(vlan=dict(TAG, trunk=False))),
    (network(virtualport={"type": "802.1Qbg", "parameters": {"instanceid": "3E3FCE454F534FA7BB3211F34168B82B"}}),
     network(virtualport={"type": "802.1Qbg",
                          "parameters": {"instanceid": "3e3fce45-4f53-4fa7-bb32-11f34168b82b"}})),
    (network(portgroups=[{"name": "a", "default": False}]), network(portgroups=[{"name": "a"}])),
    (network(uuid="3E3FCE454F534FA7BB3211F34168B82B"), network(uuid="3e3fce45-4f53-4fa7-bb32-11f34168b82b")),
]

DIFFERENT = [
    (network(ips=[IP4]), network(ips=[{"address": "10.0.0.1", "prefix": 25}]), "ips[10.0.0.1].prefix"),
    (with_range("10.0.0.5", "10.0.0.9"), with_range("10.0.0.5", "10.0.0.9", lease={"expiry": 60}),
     "ips[10.0.0.1].dhcp.ranges[10.0.0.5].lease"),
    (with_dhcp(ranges=[{"start": "10.0.0.5", "end": "10.0.0.6"}], bootp={"file": "x"}),
     with_range("10.0.0.5", "10.0.0.6"), "ips[10.0.0.1].dhcp.bootp.file"),
    (network(dns={"forwarders": [{"addr": "10.0.0.1"}, {"addr": "10.0.0.2"}]}),
     network(dns={"forwarders": [{"addr": "10.0.0.2"}, {"addr": "10.0.0.1"}]}), "dns.forwarders"),
    (network(dnsmasq_options=["a", "b"]), network(dnsmasq_options=["b", "a"]), "dnsmasq_options"),
    (network(bridge={"stp": False}), network(bridge={"stp": True}), "bridge.stp"),
    (network(portgroups=[{"name": "a", "trust_guest_rx_filters": False}]), network(portgroups=[{"name": "a"}]),
     "portgroups[a].trust_guest_rx_filters"),
    (network(forward={"mode": "hostdev", "managed": True}), of_mode("hostdev"), "forward.managed"),
    (network(ips=[IP4], forward={"mode": "nat", "dev": "e0"}), of_mode("nat", ips=[IP4]), "forward.interfaces"),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=lambda options: title(options)[10:])
def test_libvirt_treats_both_as_the_same(one: dict, other: dict):
    assert list(NETWORK.differences(one, other)) == []
    assert list(NETWORK.differences(other, one)) == []


@pytest.mark.parametrize(("one", "other", "path"), DIFFERENT, ids=[path for one, other, path in DIFFERENT])
def test_these_differ_in_one_place(one: dict, other: dict, path: str):
    assert [str(found.path) for found in NETWORK.differences(one, other)] == [path]


# --- questions about a network


@pytest.mark.parametrize(("options", "mode", "manages"), [
    (network(), None, True), (network(forward={}), None, True), (network(forward={"dev": "e0"}), "nat", True),
    (of_mode("nat"), "nat", True), (of_mode("open"), "open", True), (of_mode("route"), "route", True),
    (of_mode("bridge"), "bridge", False), (of_mode("hostdev"), "hostdev", False), (of_mode("vepa"), "vepa", False),
])
def test_the_mode_decides_who_makes_the_bridge(options: dict, mode: str, manages: bool):
    assert mode_of(options) == mode
    assert manages_bridge(options) is manages


def test_prefix_and_subnet_come_from_prefix_netmask_or_class():
    assert prefix_of({"address": "10.0.0.1", "netmask": "255.255.254.0"}) == 23
    assert prefix_of({"address": "fd00::1"}) == 64
    assert [prefix_of({"address": first + ".0.0.1"}) for first in ("127", "128", "191", "192")] == [8, 16, 16, 24]
    assert str(subnet_of({"address": "10.0.5.1", "prefix": 16})) == "10.0.0.0/16"


# --- what a network is to be

HERE = network(uuid="3e3fce45-4f53-4fa7-bb32-11f34168b82b", forward={"mode": "nat"}, ips=[IP4], ipv6=True,
               bridge={"name": "virbr0", "stp": False}, mac={"address": "52:54:00:00:00:01"})


def test_purge_keeps_uuid_bridge_name_and_mac():
    assert merge_network({"name": "lab"}, HERE, True) == {
        "name": "lab", "uuid": HERE["uuid"], "bridge": {"name": "virbr0"}, "mac": HERE["mac"]}


def test_a_bridge_that_libvirt_made_goes_with_its_mode():
    merged = merge_network(of_mode("bridge", bridge={"name": "br0"}, ips=[]), HERE, False)
    assert merged["bridge"] == {"name": "br0"} and "mac" not in merged and "ips" not in merged


def test_a_bridge_of_the_host_is_not_made_libvirts():
    merged = merge_network(network(forward={}), of_mode("bridge", bridge={"name": "br0"}), False)
    assert merged == {"name": "lab"}


def test_devices_replace_the_bridge_of_the_host():
    devices = network(forward={"interfaces": [{"dev": "eth0"}]})
    merged = merge_network(devices, of_mode("bridge", bridge={"name": "br0"}), False)
    assert merged == network(forward={"mode": "bridge", "interfaces": [{"dev": "eth0"}]})


def test_a_device_replaces_the_pool_that_was_there():
    pool = network(forward={"mode": "passthrough", "pf": {"dev": "eth0"}})
    assert merge_network(network(forward={"interfaces": [{"dev": "eth1"}]}), pool, False)["forward"] == {
        "mode": "passthrough", "interfaces": [{"dev": "eth1"}]}


def test_merge_keeps_the_spelling_that_is_there():
    current = network(ips=[{"address": "10.0.0.1", "netmask": "255.255.255.0"}])
    assert merge_network(network(ips=[IP4]), current, False) == current


# --- namespaces


@pytest.mark.parametrize("prefix", ["dnsmasq", "d"])
def test_dnsmasq_options_are_read_whatever_their_prefix(prefix: str):
    text = ("<network xmlns:P='http://libvirt.org/schemas/network/dnsmasq/1.0'><name>lab</name><P:options>"
            "<P:option value='a=1'/><P:option value='b'/></P:options></network>").replace("P:", prefix + ":").replace(
                "xmlns:P", "xmlns:" + prefix)
    assert NETWORK.parse(load_xml(text)) == {"name": "lab", "dnsmasq_options": ["a=1", "b"]}


def test_dnsmasq_options_are_in_libvirts_namespace():
    options = NETWORK.render(network(dnsmasq_options=["a"]))[-1]
    assert options.tag == "{http://libvirt.org/schemas/network/dnsmasq/1.0}options"
    assert options[0].tag == "{http://libvirt.org/schemas/network/dnsmasq/1.0}option"
    assert options[0].get("value") == "a"


@pytest.mark.parametrize(("options", "message"), [
    (of_mode("open"), "ips: is missing; before libvirt 10.8.0 forward mode open needs an address"),
    (of_mode("open", ips=[IP4], bridge={"zone": "public"}),
     "bridge.zone: would not be set; before libvirt 10.8.0 bridges of forward mode open have none"),
])
def test_mode_open_takes_more_since_10_8(options: dict, message: str):
    options = NETWORK.check(options)
    refused_of_open(options, (10, 8, 0))
    with pytest.raises(Invalid) as error:
        refused_of_open(options, (10, 7, 0))
    assert str(error.value) == message
