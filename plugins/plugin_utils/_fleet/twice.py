# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MACs, addresses and subnets that several have, over the graphs of hosts.

What is behind a network of its own of a host (NAT, isolated) meets nothing of other hosts: there an address may be on
each. Bridges and cards are taken for one segment a VLAN, and routed networks for subnets that all hosts are to tell
apart.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple, Union

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

Users = dict[str, list[str]]  # by host
IpInterface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]
IpNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
OWN_SEGMENT = ("nat", "isolated", "route", "open")  # a network of such a mode has a bridge of its own
ROUTED = ("route", "open")


def macs_twice(graphs: Options) -> Iterator[tuple[str, Users]]:
    """A MAC of several guests; or of one guest that runs on several hosts."""
    found: dict[str, dict[tuple[str, str], Options]] = {}
    for host, graph in graphs.items():
        guests = {node["name"]: node for node in graph["nodes"] if node["kind"] == "guest"}
        for node in graph["nodes"]:
            if node["kind"] == "interface" and node.get("mac"):
                guest = guests.get(node["guest"], {})
                found.setdefault(node["mac"], {})[host, node["guest"]] = guest
    for mac, users in found.items():
        guests_of_it = {guest.get("uuid") or place for place, guest in users.items()}
        running = [place for place, guest in users.items() if "live" in guest.get("layers", ())]
        if len(users) > 1 and (len(guests_of_it) > 1 or len(running) > 1):
            yield mac, _by_host(("guest " + name, host) for host, name in users)


def addresses_twice(graphs: Options, described: Options) -> Iterator[tuple[str, Users]]:
    """An address that several MACs have on one segment, by what guests report and what is reserved."""
    found: dict[tuple[str, str], dict[str, set[tuple[str, str]]]] = {}
    for host, graph in graphs.items():
        for segment, address, mac, who in (*_reported(host, graph), *_reserved(host, described.get(host, {}))):
            found.setdefault((segment, address), {}).setdefault(mac, set()).add((who, host))
    for (_segment, address), by_mac in found.items():
        if len(by_mac) > 1:
            yield address, _by_host(sorted({user for users in by_mac.values() for user in users}))


def _by_host(users: Any) -> Users:
    found: Users = {}
    for who, host in users:
        found.setdefault(host, []).append(who)
    return found


def _reported(host: str, graph: Options) -> Iterator[tuple[str, str, str, str]]:
    nodes = {node["id"]: node for node in graph["nodes"]}
    for edge in graph["edges"]:
        node = nodes[edge["from"]]
        if edge["kind"] != "connects" or "live" not in edge["layers"] or not isinstance(node.get("addresses"), dict):
            continue
        segment = _segment(host, nodes[edge["to"]], edge, nodes)
        for told in node["addresses"].values():
            for text in told:
                found = _interface(text)
                if found and not (found.ip.is_link_local or found.ip.is_loopback):
                    yield segment, str(found.ip), node["mac"], "guest " + node["guest"]


def _interface(text: str) -> IpInterface | None:
    """An address with its prefix length, None for what a guest's agent says that is none."""
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def _segment(host: str, end: Options, edge: Options, nodes: Options) -> str:
    """A name of what frames of an interface reach."""
    name = end.get("network") if end["kind"] == "portgroup" else end["name"]
    network = nodes.get("network/%s" % name, {}) if end["kind"] in ("network", "portgroup") else {}
    if network.get("mode") in OWN_SEGMENT:
        return "%s/%s" % (host, name)
    return "vlan/%s" % sorted(tag["id"] for tag in (edge.get("vlan") or {}).get("tags") or [])


def _reserved(host: str, lists: Options) -> Iterator[tuple[str, str, str, str]]:
    for network in lists.get("networks") or []:
        for ip in network.get("ips") or []:
            for one in (ip.get("dhcp") or {}).get("hosts") or []:
                who = one.get("mac") or one.get("id") or one.get("name") or ""
                yield ("%s/%s" % (host, network["name"]), str(ipaddress.ip_address(one["ip"])), who,
                       "reservation of %s in network %s" % (who, network["name"]))


class Subnet(NamedTuple):
    """A subnet of a host, and what has it there."""

    host: str
    what: str
    mode: str
    network: IpNetwork


def overlaps(graphs: Options) -> Iterator[tuple[Subnet, Subnet]]:
    """Two subnets that one host, or the network between hosts, cannot tell apart."""
    every = sorted((subnet for host, graph in graphs.items() for subnet in subnets_of(host, graph)),
                   key=lambda one: (one.network.version, int(one.network.network_address), one.network.prefixlen))
    open_ones: list[Subnet] = []
    for subnet in every:
        open_ones = [one for one in open_ones if one.network.version == subnet.network.version
                     and int(one.network.broadcast_address) >= int(subnet.network.network_address)]
        for one in open_ones:
            if _clash(one, subnet):
                yield one, subnet
        open_ones.append(subnet)


def _clash(one: Subnet, other: Subnet) -> bool:
    if one.host == other.host:
        return one.what != other.what and not one.mode == other.mode == "host"
    same = one.what == other.what and one.network == other.network  # the same network, stated for many hosts
    return one.mode in ROUTED and other.mode in ROUTED and not same


def subnets_of(host: str, graph: Options) -> Iterator[Subnet]:
    """Those of a host's networks, and of its own addresses but on the bridges of these."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    own = {edge["to"] for edge in graph["edges"] if edge["kind"] == "uses"
           and nodes[edge["from"]].get("mode") in OWN_SEGMENT and nodes[edge["to"]]["kind"] == "bridge"}
    for node in graph["nodes"]:
        if node["kind"] == "network":
            for text in node.get("subnets") or []:
                yield Subnet(host, "network %s" % node["name"], str(node.get("mode")),
                             ipaddress.ip_interface(text).network)
        elif isinstance(node.get("addresses"), list) and node["id"] not in own:
            for text in node["addresses"]:
                network = ipaddress.ip_interface(text).network
                if not network.is_link_local and network.prefixlen < network.max_prefixlen:
                    yield Subnet(host, "%s %s" % (node["kind"], node["name"]), "host", network)
