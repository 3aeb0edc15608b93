# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which guests could not move to which hosts, for what these lack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .words import called

Options = dict[str, Any]
NEEDED = ("network", "portgroup", "filter", "bridge", "uplink", "vf")


def unmigratable(graphs: Options) -> Iterator[tuple[str, dict[str, set[str]], dict[str, str]]]:
    """A thing that guests need, these by their hosts, and the hosts that lack it, each with why."""
    needed: dict[str, dict[str, set[str]]] = {}
    there = {host: {node["id"]: node for node in graph["nodes"] if node["state"] != "missing"}
             for host, graph in graphs.items()}
    free = {host: _free(graph) for host, graph in graphs.items()}
    named: dict[str, Options] = {}
    for host, graph in graphs.items():
        for thing, guest in _needs(graph):
            named.setdefault(thing["id"], thing)
            needed.setdefault(thing["id"], {}).setdefault(host, set()).add(guest)
    for key, guests in needed.items():
        lacking = {host: why for host in graphs
                   if host not in guests or len(guests) > 1
                   for why in [_lack(named[key], there[host].get(key), free[host])]
                   if why and not _follows(named[key], there[host])}
        movable = {host: names for host, names in guests.items() if set(lacking) - {host}}
        if lacking and movable:
            yield called(named[key]), movable, lacking


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


def _lack(thing: Options, other: Options | None, free: dict[str, int]) -> str:
    """Why a host does not have a thing, empty where it has; ``other`` is what it has of that name."""
    if other is None:
        return "is not there"
    if thing["kind"] == "network" and other["state"] != "active":
        return "is not active there"
    if thing["kind"] == "vf" and other["state"] == "used":
        return "is in use there"
    if free.get(other["id"]) == 0:
        return "has no free VF there"
    return ""


def _follows(thing: Options, there: Options) -> bool:
    """Whether a host lacks a portgroup since it lacks the network."""
    return thing["kind"] == "portgroup" and "network/%s" % thing["network"] not in there


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
