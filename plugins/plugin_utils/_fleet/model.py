# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hosts are, by what modules returned of them: docs/report.md tells what it says, docs/schemas/fleet-1.json how.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.topology import LISTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.report import to_yaml
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .findings import findings_of
from .words import OTHERWISE, called

VERSION = 1
# from the worst on, each with what it means
STATES = {
    "unreachable": "was not read",
    "degraded": "cannot become as stated, or what runs lacks something",
    "drifted": "applying what is stated would change something",
    "waiting": "as stated, and something is in force only after a restart",
    "unstated": "nothing is stated to compare it with",
    "in step": "as stated",
}
EMPTY_GRAPH: Options = {"version": 1, "host": {}, "nodes": [], "edges": []}
# what an object of a kind is called in a result, of its item in the document
CALLED: dict[str, Callable[[Options], Any]] = {
    "interface": lambda item: "%s of guest %s" % (_part(item, "mac", "address"), item.get("domain")),
    "network_port": lambda item: item.get("network"),
    "nwfilter_binding": lambda item: _part(item, "portdev", "name"),
    "sriov": lambda item: item.get("device") or item.get("address") or "match",
}


def fleet_of(gathered: list[Options], time: str, previous: Options | None = None) -> Options:
    """The fleet at a ``time``; ``previous`` is how it was, by which a host says since when it has been as it is.

    Each that was ``gathered`` has its ``name``, ``read`` and ``checked``, what topology_info and topology in check mode
    returned, and what is ``stated``.
    """
    before = {host["name"]: host for host in (previous or {}).get("hosts", [])}
    hosts = [_since(host_of(one), before.get(one["name"]), time) for one in gathered]
    found = findings_of(gathered)
    counts = Counter(host["state"] for host in hosts)
    return {"version": VERSION, "time": time, "counts": {state: counts[state] for state in STATES},
            "worst": next((state for state in STATES if counts[state]), "in step"), "findings": found, "hosts": hosts}


def host_of(gathered: Options) -> Options:
    """One host."""
    read, checked = gathered.get("read") or {}, gathered.get("checked") or {}
    stated = {name: items for name, items in (gathered.get("stated") or {}).items() if name in LISTS and items}
    graph = read.get("graph") or EMPTY_GRAPH
    objects = [_object(one, stated) for one in checked.get("objects") or []]
    differing = [one for one in objects if one["state"] != "in step"]
    problems = _problems(read, checked, bool(stated), graph)
    told = Counter(one["state"] for one in objects)
    nodes = Counter(node["kind"] for node in graph["nodes"])
    reasons = {one.get("why") for one in checked.get("restarts") or []}  # a warning says them too
    return {
        "name": gathered["name"],
        "state": _state(read, stated, problems, told),
        "libvirt": graph["host"].get("libvirt"),
        "problems": problems,
        "counts": {
            "objects": len(objects),
            **{state.replace(" ", "_"): told[state] for state in ("in step", "waiting", "drifted")},
            **{kind + "s": nodes[kind] for kind in ("guest", "network", "interface")},
            "running": sum(1 for node in graph["nodes"] if node["kind"] == "guest" and "live" in node["layers"])},
        "objects": differing,
        "restarts": checked.get("restarts") or [],
        "warnings": [one for one in map(str, checked.get("warnings") or []) if one not in reasons],
        "stated": to_yaml(stated) if stated else "",
        "graph": graph,
    }


def _state(read: Options, stated: Options, problems: list[str], told: Counter[str]) -> str:
    if "graph" not in read:
        return "unreachable"
    if problems:
        return "degraded"
    worst = next((state for state in ("drifted", "waiting") if told[state]), None)
    return worst or ("in step" if stated else "unstated")


def _problems(read: Options, checked: Options, stated: bool, graph: Options) -> list[str]:
    if "graph" not in read:
        return [_message(read) or "topology_info has not run on it"]
    found = [str(one) for one in checked.get("refused") or []]
    if stated and "objects" not in checked:
        found.append(_message(checked) or "topology has not run on it in check mode")
    found += [warning for warning in map(str, read.get("warnings") or []) if "was cut off" in warning]
    missing = {node["id"]: node for node in graph["nodes"] if node["state"] == "missing"}
    names = {node["id"]: node for node in graph["nodes"]}
    for edge in graph["edges"]:
        if edge["to"] in missing and "live" in edge["layers"]:
            found.append("%s runs and needs %s, which is not there" % (
                called(names[edge["from"]]), called(missing[edge["to"]])))
    return found


def _message(result: Options) -> str:
    return str(result.get("msg") or "")


def _object(one: Options, stated: Options) -> Options:
    """An object of a result, with what differs field by field, and what is stated of it."""
    waiting = one.get("waiting") or []
    drift = [dict(field, waits=False) for field in one.get("drift") or [] if field not in waiting]
    fields = drift + [dict(field, waits=True) for field in waiting]
    changes = one["changed"] or bool(one.get("steps"))
    if changes and not drift:
        steps = "; ".join(one.get("steps") or [])
        drift = [{"layer": "config", "path": "", "desired": steps or "present",
                  "current": OTHERWISE if steps else "absent", "waits": False}]
        fields = drift + fields
    state = "drifted" if changes or drift else "waiting" if waiting else "in step"
    item = _stated_item(one, stated) if state != "in step" else None
    return {"kind": one["kind"], "name": one["name"], "state": state, "steps": one.get("steps") or [],
            "impact": one.get("impact", "none"), "fields": fields, "stated": to_yaml(item) if item else ""}


def _stated_item(one: Options, stated: Options) -> Options | None:
    lists = {kind: name for name, kind in LISTS.items()}
    items = [item for item in stated.get(lists.get(one["kind"], ""), []) if isinstance(item, dict)]
    named = {str(CALLED[one["kind"]](item) if one["kind"] in CALLED else item.get("name")): item for item in items}
    return named.get(one["name"])


def _part(item: Options, name: str, part: str) -> Any:
    return (item.get(name) or {}).get(part)


def _since(host: Options, before: Options | None, time: str) -> Options:
    same = before is not None and before.get("state") == host["state"]
    return dict(host, since=before.get("since") or time if same and before else time)
