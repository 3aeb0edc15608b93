# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each node of a graph stands: a column a kind, from guests to cables, near what it is connected to."""

from __future__ import annotations

import re
from typing import Any

Options = dict[str, Any]
Positions = dict[str, tuple[int, int]]
# what is hidden at first is on the left, and leaves no gap
COLUMNS = ("port", "filter", "guest", "interface", "portgroup", "network", "bridge", "vf", "bond", "uplink")
PLACES = {**{kind: column for column, kind in enumerate(COLUMNS)}, "device": COLUMNS.index("bond")}
WIDTH, HEIGHT = 270, 46


def shown(graph: Options) -> Options:
    """A graph without what is not looked for in a picture: ports, which are between what is shown, and filters and
    devices that nothing refers to."""
    ends = {end for edge in graph["edges"] for end in (edge["from"], edge["to"]) if edge["kind"] != "includes"}
    kept = {node["id"] for node in graph["nodes"]
            if node["kind"] != "port" and (node["kind"] != "filter" or node["id"] in ends)}
    return dict(graph, nodes=[node for node in graph["nodes"] if node["id"] in kept],
                edges=[edge for edge in graph["edges"] if edge["from"] in kept and edge["to"] in kept])


def positions(graph: Options) -> Positions:
    """The middle of each node. Columns are ordered from the cables on, each by what its nodes are connected to there.
    """
    columns: dict[int, list[str]] = {}
    for node in graph["nodes"]:
        columns.setdefault(PLACES[node["kind"]], []).append(node["id"])
    beside: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        beside.setdefault(edge["from"], []).append(edge["to"])
        beside.setdefault(edge["to"], []).append(edge["from"])
    rows: dict[str, float] = {}
    found: Positions = {}
    for number, column in enumerate(sorted(columns, reverse=True)):
        known = {key: [rows[other] for other in beside.get(key, ()) if other in rows] for key in columns[column]}
        ordered = sorted(columns[column], key=lambda key: (_mean(known[key]), _as_people_sort(key)))
        first = number % 2 / 2 - len(ordered) // 2  # by half a row, so that what passes a column by is seen between
        for place, key in enumerate(ordered):
            rows[key] = first + place
            found[key] = (-number * WIDTH, round(rows[key] * HEIGHT))
    return found


def _as_people_sort(key: str) -> list[tuple[int, str]]:
    """web2 before web10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", key)]


def _mean(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0
