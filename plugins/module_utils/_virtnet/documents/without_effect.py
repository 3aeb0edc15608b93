# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt takes of a network, and dnsmasq or the kernel then do not do, without a word.

It is refused where a task says it. What a network has already is not judged, for it may be somebody else's.
``docs/refusals.md`` is made of the table at the end.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Callable, NamedTuple, Union

from ..schema.errors import Invalid, Path
from ..schema.options import Options, Value, option
from ..schema.scalars import DUID, MAC
from .device import LARGEST_MTU_OF_TAP, not_an_mtu
from .network import Subnet, connection_of, subnet_of
from .virtualport import NO_ISOLATION, unfit_type

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Problem = tuple[Path, str]
LONGEST_LABEL, EVERYONE = 63, ipaddress.ip_address("255.255.255.255")
NAMES_IN_DNS = {"txts": ("name",), "srvs": ("domain", "target"), "forwarders": ("domain",)}


class Refusal(NamedTuple):
    """What is refused, why, and who finds it in the options of a network."""

    what: str
    why: str
    find: Callable[[Options], Iterator[Problem]]


def refuse_new(wanted: Options, current: Options | None = None) -> None:
    """Raises Invalid for the first thing without effect that is wanted and not there yet."""
    known = {problem for _path, problem in without_effect(current)} if current else ()
    for path, problem in without_effect(wanted):
        if problem not in known:
            raise Invalid(path, problem)


def without_effect(options: Options) -> Iterator[Problem]:
    """(path, problem) of all that has no effect."""
    for refusal in REFUSALS:
        yield from refusal.find(options)


# --- addresses


def unfit_for_a_host(address: Address, subnet: Subnet) -> str:
    """Why no host can have an address, empty where one can."""
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        kind = "unspecified" if address.is_unspecified else "multicast" if address.is_multicast else "loopback"
        return "%s is %s %s address, which no host on a network can have" % (
            address, "a" if kind[0] in "ml" else "an", kind)
    if address == EVERYONE:
        return "%s is the broadcast address, which no host can have" % address
    if subnet.version == 4 and subnet.prefixlen < 31:
        for name, taken in (("network", subnet.network_address), ("broadcast", subnet.broadcast_address)):
            if address == taken:
                return "%s is the %s address of %s, which no host can have" % (address, name, subnet)
    return ""


def _ips(options: Options) -> Iterator[tuple[int, Options, Address, Subnet]]:
    for index, ip in enumerate(options.get("ips") or []):
        yield index, ip, ipaddress.ip_address(ip["address"]), subnet_of(ip)


def _addresses(options: Options) -> Iterator[Problem]:
    for index, _ip, address, subnet in _ips(options):
        problem = unfit_for_a_host(address, subnet)
        if problem:
            yield Path("ips", index, "address"), problem


def _gateways(options: Options) -> Iterator[Problem]:
    for index, route in enumerate(options.get("routes") or []):
        gateway = ipaddress.ip_address(route["gateway"])
        for _place, _ip, own, subnet in _ips(options):
            problem = "%s is the network's own address; give that of a guest" % own if gateway == own else (
                unfit_for_a_host(gateway, subnet) if gateway in subnet else "")
            if problem:
                yield Path("routes", index, "gateway"), problem


# --- DHCP


def unreservable(host: Options, ip: Options) -> str:
    """Why dnsmasq cannot give the address of a reservation on an address of the network, empty where it can."""
    address, subnet = ipaddress.ip_address(host["ip"]), subnet_of(ip)
    if address.version != subnet.version or address not in subnet:
        return "%s is not in %s, and would never be given" % (address, subnet)
    if address == ipaddress.ip_address(ip["address"]):
        return "%s is the network's own address, which dnsmasq gives to no client" % address
    return unfit_for_a_host(address, subnet)


def _reservations(options: Options) -> Iterator[Problem]:
    for place, ip, _address, _subnet in _ips(options):
        for index, host in enumerate(option(ip, "dhcp", "hosts") or []):
            problem = unreservable(host, ip)
            if problem:
                yield Path("ips", place, "dhcp", "hosts", index, "ip"), problem


def _twice_reserved(options: Options) -> Iterator[Problem]:
    for place, ip, _address, _subnet in _ips(options):
        seen: dict[tuple[str, str], int] = {}
        for index, host in enumerate(option(ip, "dhcp", "hosts") or []):
            for name, value in _said(host):
                first = seen.setdefault((name, value), index)
                if first != index:
                    yield (Path("ips", place, "dhcp", "hosts", index, name),
                           "%s is in ips[%d].dhcp.hosts[%d] already; each client, address and name is reserved once"
                           % (host[name], place, first))


def _said(host: Options) -> Iterator[tuple[str, str]]:
    forms: dict[str, Callable[[Value], Value]] = {"mac": MAC.normal, "id": DUID.normal, "name": str.lower,
                                                  "ip": ipaddress.ip_address}
    for name, normal in forms.items():
        if host.get(name):
            yield name, str(normal(host[name]))


def _twice_given(options: Options) -> Iterator[Problem]:
    for place, ip, _address, _subnet in _ips(options):
        seen: dict[tuple[Address, Address], int] = {}
        for index, given in enumerate(option(ip, "dhcp", "ranges") or []):
            limits = ipaddress.ip_address(given["start"]), ipaddress.ip_address(given["end"])
            first = seen.setdefault(limits, index)
            if first != index:
                yield (Path("ips", place, "dhcp", "ranges", index),
                       "the range from %s to %s is in ranges[%d] already" % (*limits, first))


def _boots(options: Options) -> Iterator[Problem]:
    for index, ip, _address, subnet in _ips(options):
        if subnet.version == 6 and option(ip, "dhcp", "bootp"):
            yield Path("ips", index, "dhcp", "bootp"), "is not for IPv6 addresses; libvirt drops it"


# --- DNS


def _wildcards(options: Options) -> Iterator[Problem]:
    for index, host in enumerate(option(options, "dns", "hosts") or []):
        for place, name in enumerate(host.get("hostnames") or []):
            if "*" in name:
                yield (Path("dns", "hosts", index, "hostnames", place),
                       "%s would be that very name, for records have no wildcards; for all names of a domain give"
                       " dnsmasq_options: [\"address=/%s/%s\"]" % (name, name.lstrip("*.") or "#", host["ip"]))
    for index, txt in enumerate(option(options, "dns", "txts") or []):
        if "*" in txt["name"]:
            yield (Path("dns", "txts", index, "name"),
                   "%s would be that very name, for records have no wildcards" % txt["name"])


def _long_labels(options: Options) -> Iterator[Problem]:
    for path, name in _dns_names(options):
        if any(len(label.encode()) > LONGEST_LABEL for label in name.split(".")):
            yield path, "%s has a part of more than %d bytes between its dots, which DNS cannot hold" % (
                name, LONGEST_LABEL)


def _dns_names(options: Options) -> Iterator[tuple[Path, str]]:
    """Every name that dnsmasq takes for one of DNS, with its path."""
    dns = options.get("dns") or {}
    for index, host in enumerate(dns.get("hosts") or []):
        yield from ((Path("dns", "hosts", index, "hostnames", place), name)
                    for place, name in enumerate(host.get("hostnames") or []))
    named: list[tuple[Path, Options, tuple[str, ...]]] = [(Path("domain"), options.get("domain") or {}, ("name",))]
    for listed, parts in NAMES_IN_DNS.items():
        named += [(Path("dns", listed, index), one, parts) for index, one in enumerate(dns.get(listed) or [])]
    for place, ip, _address, _subnet in _ips(options):
        named += [(Path("ips", place, "dhcp", "hosts", index), host, ("name",))
                  for index, host in enumerate(option(ip, "dhcp", "hosts") or [])]
    for path, one, parts in named:
        yield from ((path / part, one[part]) for part in parts if one.get(part))


# --- switch ports


def _virtualports(options: Options) -> Iterator[Problem]:
    connection, own = connection_of(options), option(options, "virtualport", "type")
    problem = unfit_type(own, connection)
    if problem:
        yield Path("virtualport", "type"), problem
    for index, group in enumerate(options.get("portgroups") or []):
        problem = unfit_type(option(group, "virtualport", "type"), connection, own)
        if problem:
            yield Path("portgroups", index, "virtualport", "type"), problem


def _mtus(options: Options) -> Iterator[Problem]:
    size = option(options, "mtu", "size") or 0
    if size > LARGEST_MTU_OF_TAP:
        yield Path("mtu", "size"), "%d %s" % (size, not_an_mtu(size, True))


def _isolation(options: Options) -> Iterator[Problem]:
    if option(options, "virtualport", "type") == "openvswitch" and option(options, "port", "isolated") is not None:
        yield Path("port", "isolated"), NO_ISOLATION


REFUSALS = (
    Refusal("`ips[].address`: a network, broadcast, multicast, loopback or unspecified address",
            "libvirt starts the network; no guest can reach the host there", _addresses),
    Refusal("`ips[].dhcp.hosts[]`: an address outside of the subnet, the host's own one, or one that no host can have",
            "dnsmasq never gives it", _reservations),
    Refusal("`ips[].dhcp.hosts[]`: a MAC address, DUID, name or address that another reservation there has",
            "dnsmasq does one of them and drops the other", _twice_reserved),
    Refusal("`ips[].dhcp.ranges[]`: one range twice", "the second has no effect, and no update can tell them apart",
            _twice_given),
    Refusal("`ips[].dhcp.bootp` of an IPv6 address", "libvirt drops it", _boots),
    Refusal("`dns.hosts[].hostnames`, `dns.txts[].name`: a name with `*`", "dnsmasq takes it for that very name",
            _wildcards),
    Refusal("`domain.name`, `dns.hosts[].hostnames`, `dns.txts[].name`, `dns.srvs[].domain` and `target`,"
            " `dns.forwarders[].domain`, `ips[].dhcp.hosts[].name`: one with a part of more than 63 bytes",
            "dnsmasq leaves it out, or does not start", _long_labels),
    Refusal("`routes[].gateway`: the network's own address, or one that no host can have",
            "the kernel has no such route, or one that leads nowhere", _gateways),
    Refusal("`virtualport.type`, `portgroups[].virtualport.type`: one that the forward mode does not take, or another"
            " one than the network's", "no guest on it starts", _virtualports),
    Refusal("`mtu.size` of more than %d" % LARGEST_MTU_OF_TAP, "the bridge has it, and no guest on it starts", _mtus),
    Refusal("`port.isolated` beside `virtualport.type: openvswitch`, true or false", "no port is isolated, and libvirt"
            " fails to change an interface of a guest that runs there", _isolation),
)
