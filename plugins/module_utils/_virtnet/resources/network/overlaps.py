# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the subnets of a network meet: who else has them, and what stays in former ones. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from ...documents.network import Subnet, prefix_of, subnet_of
from ...engine.plan import Plan
from ...engine.trades import Taken
from ...host.snapshot import Snapshot
from ...host.subnets import subnets_of_devices, subnets_of_networks
from ...host.uses import bridges_by_name
from ...schema.errors import Entry, Path
from ...schema.options import Options, option
from .found import NetworkFound
from .layers import options_of

if TYPE_CHECKING:
    from ...engine.resource import Key


def addresses_of(*layers: Options | None) -> list[str]:
    """The addresses of layers of a network with their prefixes."""
    return sorted({"%s/%d" % (ip["address"], prefix_of(ip)) for layer in layers if layer
                   for ip in layer.get("ips") or []})


def warn_of_classes(name: str, found: NetworkFound, options: Options, plan: Plan) -> None:
    """Says which subnet libvirt takes for a new address of IPv4 that states none."""
    known = set(addresses_of(found.config, found.live))
    for index, ip in enumerate(options.get("ips") or []):
        states = ":" in ip["address"] or ip.get("prefix") or ip.get("netmask")
        if not states and not known.issuperset(addresses_of({"ips": [ip]})):
            plan.warnings.append("%s: is missing, and libvirt takes %d by the class of %s, so that the subnet of"
                                 " network %s is %s; give it if another is meant" % (
                                     Path("ips", index, "prefix"), prefix_of(ip), ip["address"], name, subnet_of(ip)))


def warn_of_records(name: str, found: NetworkFound, options: Options, plan: Plan) -> None:
    """Names the DNS records that stay behind in a subnet that the network will not have any more."""
    now = [subnet_of(ip) for ip in options.get("ips") or []]
    lost = [ip_network(one, strict=False) for one in addresses_of(found.config, found.live)]
    lost = [subnet for subnet in lost if subnet not in now]
    for host in option(options, "dns", "hosts") or [] if lost else ():
        address = ip_address(host["ip"])
        former = next((subnet for subnet in lost if address in subnet), None)
        if former and not any(address in subnet for subnet in now):
            plan.warnings.append("%s: is in %s, which network %s no longer has, so that nobody is reached by %s; give"
                                 " the record another address, or remove it" % (
                                     Path("dns", "hosts", Entry(host["ip"])), former, name,
                                     " and ".join(host.get("hostnames") or ["its names"])))


def refuse_overlaps(seen: Snapshot, name: str, found: NetworkFound, options: Options, plan: Plan) -> None:
    """Refuses the subnet of what runs, with which libvirt starts nothing else, and warns of others that overlap."""
    known = set(addresses_of(found.config, found.live))
    starts = "start network" in plan.needs
    for index, ip in enumerate(options.get("ips") or []):
        subnet, path = subnet_of(ip), Path("ips", index, "address")
        if not starts and known.issuperset(addresses_of({"ips": [ip]})):
            continue
        for other, taken, runs in _others(seen, name, subnet):
            if starts and runs and taken == subnet and subnet.version == 4:
                raise Taken(path, "%s is the subnet of %s already, and libvirt starts no other network with it; give"
                            " another" % (subnet, other), _key(other))
            if not known.issuperset(addresses_of({"ips": [ip]})):
                plan.warnings.append("%s: %s of network %s overlaps with %s of %s; what is in both is reached by one of"
                                     " them only" % (path, subnet, name, taken, other))
    for index, route in enumerate(options.get("routes") or [] if starts else []):
        subnet = subnet_of(route)
        for other, taken, runs in _others(seen, name, subnet):
            if runs and taken == subnet and subnet.version == 4:
                raise Taken(Path("routes", index, "address"), "%s is the subnet of %s, and libvirt starts no network"
                            " with a route to it; give another" % (subnet, other), _key(other))


def _key(other: str) -> Key:
    """The key of who was named in words."""
    kind, name = other.split(" ", 1)
    return kind, name


def _others(seen: Snapshot, name: str, subnet: Subnet) -> Iterator[tuple[str, Subnet, bool]]:
    """Who has a subnet that overlaps with this one, in words: with its subnet, and whether it is in force."""
    for other, taken in subnets_of_networks(seen).overlapping(subnet):
        if other != name:
            live = options_of(seen, "network_live", other)
            yield "network %s" % other, taken, taken in [subnet_of(ip) for ip in (live or {}).get("ips") or []]
    bridges = bridges_by_name(seen).networks
    for other, taken in subnets_of_devices(seen).overlapping(subnet):
        device = seen.device(other)
        if other not in bridges and device:
            yield "device %s of the host" % other, taken, device["up"]
