# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests of hypervisors as an inventory has them, of the graphs of these. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

SOURCES = ("lease", "agent", "arp")
CARDS = ("uplink", "bond", "device")  # what a guest leaves by, whatever the host has made of it


def guests_of(graphs: Options, sources: list[str]) -> list[Options]:
    """Every guest with the variables that it has; the address to reach it by is of the first source that has one.

    One whose name several hypervisors have is called GUEST.HYPERVISOR.
    """
    found = [(host, variables) for host, graph in graphs.items() for variables in _guests(host, graph, sources)]
    names = Counter(variables["libvirt_guest"] for _host, variables in found)
    return [{"name": variables["libvirt_guest"] if names[variables["libvirt_guest"]] == 1
             else "%s.%s" % (variables["libvirt_guest"], host), "variables": variables} for host, variables in found]


def _guests(host: str, graph: Options, sources: list[str]) -> Iterator[Options]:
    nodes = {node["id"]: node for node in graph["nodes"]}
    cards: dict[str, list[Options]] = {}
    connected: dict[str, Options] = {}
    for edge in graph["edges"]:
        if edge["kind"] == "has":
            cards.setdefault(edge["from"], []).append(nodes[edge["to"]])
        elif edge["kind"] == "connects" and (edge["from"] not in connected or "live" in edge["layers"]):
            connected[edge["from"]] = edge
    for key, guest in nodes.items():
        if guest["kind"] == "guest":
            interfaces = [_interface(card, connected.get(card["id"]), nodes) for card in cards.get(key, ())]
            yield _variables(host, guest, interfaces, sources)


def _interface(card: Options, edge: Options | None, nodes: Options) -> Options:
    end = nodes[edge["to"]] if edge else {}
    said = {"mac": card.get("mac"), "state": card["state"], "device": card.get("device"),
            "addresses": card.get("addresses") or {},
            "vlans": [tag["id"] for tag in ((edge or {}).get("vlan") or {}).get("tags") or []]}
    if end:
        said["uplink" if end["kind"] in CARDS else end["kind"]] = end["name"]
    if end and end["kind"] == "portgroup":
        said["network"] = end["network"]
    return said


def _variables(host: str, guest: Options, interfaces: list[Options], sources: list[str]) -> Options:
    addresses = [dict(one, mac=interface["mac"], network=interface.get("network"))
                 for source in sources for interface in interfaces
                 for one in _addresses(interface["addresses"].get(source) or [], source)]
    addresses.sort(key=lambda one: one["family"] != "ipv4")  # what every network has first; sources stay in order
    reached = {"ansible_host": addresses[0]["address"], "libvirt_address_source": addresses[0]["source"]} if (
        addresses) else {}
    return {
        "libvirt_guest": guest["name"], "libvirt_hypervisor": host, "libvirt_uuid": guest.get("uuid"),
        "libvirt_state": guest["state"], "libvirt_interfaces": interfaces, "libvirt_addresses": addresses,
        "libvirt_networks": sorted({one["network"] for one in interfaces if one.get("network")}),
        "libvirt_vlans": sorted({tag for one in interfaces for tag in one["vlans"]}),
        "libvirt_macs": [one["mac"] for one in interfaces if one["mac"]], **reached}


def _addresses(told: list[str], source: str) -> Iterator[Options]:
    for text in told:
        try:
            address = ipaddress.ip_interface(text).ip
        except ValueError:  # of an agent, which is the guest's
            continue
        if not (address.is_link_local or address.is_loopback):
            yield {"address": str(address), "family": "ipv%d" % address.version, "source": source}
