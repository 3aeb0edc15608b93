# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each node of a graph stands: a column a kind, from guests to cables, near what it is connected to."""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

Positions = dict[str, tuple[int, int]]
# what is hidden at first is on the left, and leaves no gap
COLUMNS = ("port", "filter", "guest", "interface", "portgroup", "network", "bridge", "vf", "bond", "uplink")
PLACES = {**{kind: column for column, kind in enumerate(COLUMNS)}, "device": COLUMNS.index("bond")}
WIDTH, HEIGHT = 270, 46
BENT = ("connects", "uses", "belongs", "member", "tags")  # lines to filters and ports, hidden at first, are straight


class Layout(NamedTuple):
    """The middle of each node, and the points that the line from one to another goes by in columns that it passes."""

    places: Positions
    bends: dict[tuple[str, str], list[tuple[int, int]]]


def shown(graph: Options) -> Options:
    """A graph without what is not looked for in a picture: ports, which are between what is shown, filters that nothing
    refers to, and edges that others say already."""
    ends = {end for edge in graph["edges"] for end in (edge["from"], edge["to"]) if edge["kind"] != "includes"}
    kept = {node["id"] for node in graph["nodes"]
            if node["kind"] != "port" and (node["kind"] != "filter" or node["id"] in ends)}
    said = implied(graph)
    return dict(graph, nodes=[node for node in graph["nodes"] if node["id"] in kept],
                edges=[edge for edge in graph["edges"] if edge["from"] in kept and edge["to"] in kept
                       and (edge["from"], edge["to"]) not in said])


def implied(graph: Options) -> set[tuple[str, str]]:
    """Guests whose tap is in the very bridge that their network uses: the line by way of the network tells it."""
    after: dict[str, set[str]] = {}
    for edge in graph["edges"]:
        if edge["kind"] in ("connects", "uses", "belongs"):
            after.setdefault(edge["from"], set()).add(edge["to"])

    def reached(key: str, steps: int) -> set[str]:
        ends = after.get(key, set())
        return ends.union(*(reached(end, steps - 1) for end in ends)) if steps else ends

    return {(edge["from"], edge["to"]) for edge in graph["edges"]
            if edge["kind"] == "member" and edge["from"] in after and edge["to"] in reached(edge["from"], 2)
            and edge["to"] not in after[edge["from"]]}


def laid_out(graph: Options) -> Layout:
    """Columns are ordered from the cables on, each by what its nodes are connected to there. A line that passes one by
    has a row of its own there, as if it were a node, and so is never behind one."""
    used = sorted({PLACES[node["kind"]] for node in graph["nodes"]}, reverse=True)
    column = {node["id"]: used.index(PLACES[node["kind"]]) for node in graph["nodes"]}
    columns: dict[int, list[str]] = {number: [] for number in range(len(used))}
    for key, number in column.items():
        columns[number].append(key)
    beside: dict[str, list[str]] = {}
    passing: dict[tuple[str, str], list[str]] = {}
    said = implied(graph)
    for start, end in dict.fromkeys((edge["from"], edge["to"]) for edge in graph["edges"] if edge["kind"] in BENT):
        if (start, end) not in said:
            way = 1 if column[end] > column[start] else -1
            between = {"%s>%s>%d" % (start, end, number): number
                       for number in range(column[start] + way, column[end], way)}
            passing[start, end] = [*between]
            for key, number in between.items():
                columns[number].append(key)
            _link(beside, [start, *between, end])
    for edge in graph["edges"]:
        if edge["kind"] not in BENT:
            _link(beside, [edge["from"], edge["to"]])
    places = _placed(columns, beside)
    return Layout({key: places[key] for key in column},
                  {ends: [places[key] for key in keys] for ends, keys in passing.items() if keys})


def _link(beside: dict[str, list[str]], chain: list[str]) -> None:
    for one, other in zip(chain, chain[1:]):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)


def _placed(columns: dict[int, list[str]], beside: dict[str, list[str]]) -> Positions:
    rows: dict[str, float] = {}
    found: Positions = {}
    for number, keys in columns.items():
        known = {key: [rows[other] for other in beside.get(key, ()) if other in rows] for key in keys}
        ordered = sorted(keys, key=lambda key: (_mean(known[key]), _as_people_sort(key)))
        first = number % 2 / 2 - len(ordered) // 2  # by half a row, so that lines to filters are seen between
        for place, key in enumerate(ordered):
            rows[key] = first + place
            found[key] = (-number * WIDTH, round(rows[key] * HEIGHT))
    return found


def _as_people_sort(key: str) -> list[tuple[int, str]]:
    """web2 before web10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", key)]


def _mean(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0
