# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guests could not move to which hosts, for what these lack."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .words import called

DEVICES = ("bridge", "bond", "uplink", "device")  # a guest looks for one by its name, of whichever kind it is there
NEEDED = ("network", "portgroup", "filter", "vf", *DEVICES)
Lack = tuple[str, str]  # why a host does not have a thing, and what to do about it there


def unmigratable(graphs: Options) -> Iterator[tuple[str, dict[str, set[str]], dict[str, Lack]]]:
    """A thing that guests need, these by their hosts, and the hosts that lack it, each with why and what to do."""
    needed: dict[str, dict[str, set[str]]] = {}
    there = {host: _Host(graph) for host, graph in graphs.items()}
    named: dict[str, Options] = {}
    for host, graph in graphs.items():
        for thing, guest in _needs(graph):
            named.setdefault(_key(thing), thing)
            needed.setdefault(_key(thing), {}).setdefault(host, set()).add(guest)
    for key, guests in needed.items():
        lacking = {host: lack for host in graphs
                   if host not in guests or len(guests) > 1
                   for lack in [there[host].lack(named[key])] if lack}
        movable = {host: names for host, names in guests.items() if set(lacking) - {host}}
        if lacking and movable:
            yield called(named[key]), movable, lacking


def _key(node: Options) -> str:
    return "device/%s" % node["name"] if node["kind"] in DEVICES else str(node["id"])


class _Host:
    """What a host has for the guests of others."""

    def __init__(self, graph: Options) -> None:
        nodes = {node["id"]: node for node in graph["nodes"]}
        self.devices = graph["host"].get("devices")  # None where nobody can know
        self.has = {_key(node): node for node in graph["nodes"] if node["state"] != "missing"}
        self.free = _free(graph)
        self.gone = {edge["from"]: nodes[edge["to"]] for edge in graph["edges"]
                     if edge["kind"] == "uses" and nodes[edge["to"]]["state"] == "missing" and "live" in edge["layers"]}

    def lack(self, thing: Options) -> Lack | None:
        """Why it could not give a guest a thing."""
        what, other = called(thing), self.has.get(_key(thing))
        if thing["kind"] in DEVICES:  # of which a graph has those that something refers to
            there = self.devices is None or thing["name"] in self.devices
            return None if there else ("is not there", "make %s" % what)
        if other is None:  # a portgroup goes with its network, which is told
            follows = thing["kind"] == "portgroup" and "network/%s" % thing["network"] not in self.has
            return None if follows else ("is not there", "make %s" % what)
        if thing["kind"] == "network" and other["state"] != "active":
            return "is not active there", "start %s" % what
        if other["id"] in self.gone:
            gone = called(self.gone[other["id"]])
            return "has no %s there" % gone, "make %s" % gone
        if thing["kind"] == "vf" and other["state"] == "used":
            return "is in use there", "free %s" % what
        if self.free.get(other["id"]) == 0:
            return "has no free VF there", "free a VF of %s" % what
        return None


def _needs(graph: Options) -> Iterator[tuple[Options, str]]:
    """What the running guests of a host need there, each with the guest's name."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    for edge in graph["edges"]:
        start, end = nodes[edge["from"]], nodes[edge["to"]]
        if start["kind"] != "interface" or "live" not in edge["layers"] or edge["kind"] not in ("connects", "filtered"):
            continue
        if end["kind"] in NEEDED:
            yield end, start["guest"]
        if end["kind"] == "portgroup" and "network/%s" % end["network"] in nodes:
            yield nodes["network/%s" % end["network"]], start["guest"]


def _free(graph: Options) -> dict[str, int]:
    """How many virtual functions are free, by the network that is a pool of them."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    by_uplink: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        if edge["kind"] == "belongs" and nodes[edge["from"]]["kind"] == "vf":
            by_uplink.setdefault(edge["to"], []).append(edge["from"])
    pools: dict[str, set[str]] = {}
    for edge in graph["edges"]:
        if edge["kind"] == "uses" and nodes[edge["from"]].get("mode") in ("hostdev", "passthrough"):
            kind = nodes[edge["to"]]["kind"]
            pools.setdefault(edge["from"], set()).update([edge["to"]] if kind == "vf" else by_uplink.get(
                edge["to"], []))
    return {network: sum(1 for vf in vfs if nodes[vf]["state"] == "free") for network, vfs in pools.items()}
