# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which subnets, VLANs and MACs already, by what hosts report."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import subnet_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .twice import subnets_of
from .words import called

LENGTH = len("52:54:00:00:00:00")  # a card of another kind may have a longer address


class Had(NamedTuple):
    """A value that something has. ``names`` are those by which a plan may call it; what only uses a value, as a trunk
    does, does not ``claim`` it."""

    value: Any
    names: frozenset[str]
    what: str
    claim: bool = True


def reports_of(given: Options) -> Options:
    """By host what topology_info returned; also of a model of the filter fleet."""
    if isinstance(given.get("hosts"), list) and "version" in given:
        return {host["name"]: host for host in given["hosts"] if host["state"] != "unreachable"}
    return {host: read for host, read in given.items() if isinstance(read, dict) and "graph" in read}


def subnets_had(reports: Options) -> Iterator[Had]:
    for host, read in reports.items():
        for subnet in subnets_of(host, read["graph"]):
            kind, _space, name = subnet.what.partition(" ")
            yield Had(subnet.network, _names(host, name) if kind == "network" else frozenset(), _on(subnet.what, host))
        for network in (read.get("topology") or {}).get("networks") or []:
            routes = [one for one in network.get("routes") or [] if int(ipaddress.ip_address(one["address"]))]
            for ip in [*(network.get("ips") or []), *routes]:
                yield Had(subnet_of(ip), _names(host, network["name"]), _on("network %s" % network["name"], host))


def vlans_had(reports: Options) -> Iterator[Had]:
    for host, read in reports.items():
        for node in read["graph"]["nodes"]:
            ids = [tag["id"] for tag in (node.get("vlan") or {}).get("tags") or []]
            claims = len(ids) == 1 and node["kind"] in ("network", "portgroup")
            within = ["%s/%s" % (node["network"], node["name"])] if node["kind"] == "portgroup" else []
            for number in ids:
                yield Had(number, _names(host, node["name"], *within) if claims else frozenset(),
                          _on(called(node), host), claims)


def macs_had(reports: Options) -> Iterator[Had]:
    for host, read in reports.items():
        ends = {edge["from"]: edge["to"].split("/")[1] for edge in read["graph"]["edges"]
                if edge["kind"] == "connects" and edge["to"].startswith(("network/", "portgroup/"))}
        plugged = {edge["from"] for edge in read["graph"]["edges"] if edge["kind"] == "plugged"}  # a guest's own ports
        for node in read["graph"]["nodes"]:
            if not isinstance(node.get("mac"), str) or len(node["mac"]) != LENGTH or node["id"] in plugged:
                continue
            if node["kind"] == "interface":
                guest = node["guest"]
                forms = [guest] + (["%s/%s" % (guest, ends[node["id"]])] if node["id"] in ends else [])
                yield Had(node["mac"], _names(host, *forms), _on("guest %s" % guest, host))
            else:
                yield Had(node["mac"], frozenset(), _on(called(node), host))


def _names(host: str, *forms: str) -> frozenset[str]:
    return frozenset([*forms, *("%s/%s" % (host, form) for form in forms)])


def _on(what: str, host: str) -> str:
    return "%s on %s" % (what, host)
