# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which subnet, and which of them overlap; as quick with a thousand networks as with one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Union

from ..schema.options import Options
from .snapshot import Snapshot
from .uses import network_documents

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Place = tuple[int, int, int]  # version, prefix, and as many bits of the address


class Subnets:
    """Names by their subnets, which are given as addresses with prefix or netmask."""

    def __init__(self) -> None:
        self._at: dict[Place, dict[str, Subnet]] = {}
        self._within: dict[Place, dict[str, Subnet]] = {}
        self._of: dict[str, list[Subnet]] = {}

    def put(self, name: str, value: Iterable[str] | None) -> None:
        for subnet in self._of.pop(name, ()):
            self._at[_place(subnet, subnet.prefixlen)].pop(name, None)
            for length in range(subnet.prefixlen):
                self._within[_place(subnet, length)].pop(name, None)
        self._of[name] = [ipaddress.ip_network(text, strict=False) for text in value or ()]
        for subnet in self._of[name]:
            self._at.setdefault(_place(subnet, subnet.prefixlen), {})[name] = subnet
            for length in range(subnet.prefixlen):
                self._within.setdefault(_place(subnet, length), {})[name] = subnet

    def overlapping(self, subnet: Subnet) -> Iterator[tuple[str, Subnet]]:
        """Who has a subnet that is this one, around it or within it."""
        for length in range(subnet.prefixlen + 1):
            yield from self._at.get(_place(subnet, length), {}).items()
        yield from self._within.get(_place(subnet, subnet.prefixlen), {}).items()


class DeviceSubnets(Subnets):
    """The same of devices of the host, without what is no subnet of others: loopback, link-local, and single addresses.
    """

    def put(self, name: str, value: Options | None) -> None:  # type: ignore[override]
        addresses = map(ipaddress.ip_interface, (value or {}).get("addresses") or ())
        super().put(name, [str(one) for one in addresses if not (
            one.is_loopback or one.is_link_local or one.network.prefixlen == one.max_prefixlen)])


def _place(subnet: Subnet, length: int) -> Place:
    return subnet.version, length, int(subnet.network_address) >> (subnet.max_prefixlen - length)


def addresses_of_networks(seen: Snapshot) -> dict[str, list[str]]:
    """The addresses that each network has in both layers, with prefix or netmask, without those that state neither."""
    return {name: sorted({"%s/%s" % (ip.get("address"), ip.get("prefix") or ip.get("netmask"))
                          for document in documents for ip in document.findall("ip")
                          if ip.get("prefix") or ip.get("netmask")})
            for name, documents in network_documents(seen)}


def subnets_of_networks(seen: Snapshot) -> Subnets:
    return seen.index("subnets", Subnets)


def subnets_of_devices(seen: Snapshot) -> Subnets:
    return seen.index("devices", DeviceSubnets) if seen.devices is not None else Subnets()
