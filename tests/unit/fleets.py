# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets to look at: hosts as modules return them."""

from __future__ import annotations

from typing import Any

HOSTILE = ('<script>document.title="owned"</script>', '"\'><img src=x onerror=alert(1)>', "\u202eright to left",
           "עברית", "long-" * 60, "{{ 1 // 0 }}", "a|b`c*d\\e&amp;", "</pre></script><b>")


def node(kind: str, name: str, *within: str, **more: Any) -> dict[str, Any]:
    return {"id": "/".join((kind, *within, name)), "kind": kind, "name": name, "state": "up", "layers": ["live"],
            **more}


def edge(kind: str, start: str, end: str, *layers: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "from": start, "to": end, "layers": list(layers or ("config", "live")), **more}


def graph_with(guests: list[str], number: int = 0, **network: Any) -> dict[str, Any]:
    """Guests on a network with a bridge and an uplink."""
    of = dict({"mode": "nat", "subnets": ["10.0.0.1/24"], "state": "active", "layers": ["config", "live"]}, **network)
    nodes = [node("network", "lab", **of), node("bridge", "lab0"), node("uplink", "ens1"),
             node("filter", "strict", state="defined", layers=["config"])]
    edges = [edge("uses", "network/lab", "bridge/lab0"), edge("member", "uplink/ens1", "bridge/lab0", "kernel")]
    for index, name in enumerate(guests):
        mac = "52:54:00:%02x:%02x:%02x" % (number, index >> 8, index & 255)
        card = "interface/%s/%s" % (name, mac)
        nodes += [node("guest", name, state="running", layers=["config", "live"], uuid="%d-%d" % (number, index)),
                  node("interface", mac, name, guest=name, mac=mac, layers=["config", "live"],
                       addresses={"lease": ["10.0.%d.%d/16" % (index >> 8, index & 255)]})]
        edges += [edge("has", "guest/" + name, card), edge("connects", card, "network/lab", state="up"),
                  edge("filtered", card, "filter/strict")]
    return {"version": 1, "host": {"libvirt": "9.0.0", "uri": "qemu:///system"}, "nodes": nodes, "edges": edges}


def host(name: str, objects: list | None = None, graph: dict | None = None, **more: Any) -> dict[str, Any]:
    """A host of which a network is stated, as it is unless ``objects`` say otherwise."""
    same = [{"kind": "network", "name": "lab", "changed": False}]
    return {"name": name, "read": {"graph": graph or graph_with([])},
            "checked": {"objects": same if objects is None else objects},
            "stated": {"networks": [{"name": "lab", "mtu": {"size": 9000}}]}, **more}


def differs(name: str = "lab", *, waits: bool = False, current: Any = 1500, kind: str = "network") -> dict[str, Any]:
    field = {"layer": "live" if waits else "config", "path": "mtu.size", "desired": 9000, "current": current}
    return {"kind": kind, "name": name, "changed": not waits, "steps": [] if waits else ["define " + name],
            "drift": [field], "waiting": [field] if waits else [], "impact": "none"}
