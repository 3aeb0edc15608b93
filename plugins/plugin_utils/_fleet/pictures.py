# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A graph as text that READMEs and tickets show as a picture: Mermaid and SVG."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from .layout import HEIGHT, WIDTH, positions, shown
from .words import edge_label, short

Options = dict[str, Any]
# by kind the brackets that make its shape in Mermaid
SHAPES = {"guest": ("[[", "]]"), "network": ("([", "])"), "portgroup": ("(", ")"), "bridge": ("{{", "}}"),
          "uplink": ("[/", "/]"), "bond": ("[\\", "\\]"), "filter": (">", "]")}
COLOURS = {"guest": "#2f6fb0", "interface": "#5b7f9e", "network": "#2e7d4f", "portgroup": "#57803a",
           "bridge": "#8a6d1f", "vf": "#7a5195", "bond": "#6b5b4b", "uplink": "#4d4d4d", "filter": "#a23b3b",
           "port": "#777777", "device": "#666666"}
BROKEN = ("missing", "down", "unplugged")
BOX = (170, 32)


def mermaid(graph: Options) -> str:
    """A flow chart from guests to cables."""
    drawn = shown(graph)
    ids = {node["id"]: "n%d" % number for number, node in enumerate(drawn["nodes"])}
    lines = ["flowchart LR"]
    for node in drawn["nodes"]:
        opened, closed = SHAPES.get(node["kind"], ("[", "]"))
        lines.append('  %s%s"%s"%s:::%s' % (ids[node["id"]], opened, _mermaid(
            "%s %s" % (node["kind"], short(node["name"]))), closed, node["kind"]))
    for edge in drawn["edges"]:
        label = edge_label(edge)
        arrow = "-->" if set(edge["layers"]) & {"live", "kernel"} else "-.->"
        lines.append("  %s %s%s %s" % (ids[edge["from"]], arrow, '|"%s"|' % _mermaid(label) if label else "",
                                       ids[edge["to"]]))
    kinds = dict.fromkeys(node["kind"] for node in drawn["nodes"])
    lines += ["  classDef %s stroke:%s,stroke-width:2px" % (kind, COLOURS[kind]) for kind in kinds]
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """Text in quotes: what is no letter, digit or plain sign becomes an entity as Mermaid has it."""
    return re.sub(r"[^\w .:/,=@+-]", lambda found: "#%d;" % ord(found.group()), text, flags=re.ASCII)


def svg(graph: Options) -> str:
    """A drawing without scripts or outside resources."""
    drawn = shown(graph)
    places = positions(drawn)
    left = min((x for x, _y in places.values()), default=0) - WIDTH / 2
    top = min((y for _x, y in places.values()), default=0) - HEIGHT
    width = max((x for x, _y in places.values()), default=0) + WIDTH / 2 - left
    height = max((y for _x, y in places.values()), default=0) + HEIGHT - top
    lines = [_line(edge, places) for edge in drawn["edges"]]
    boxes = [_box(node, *places[node["id"]]) for node in drawn["nodes"]]
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="%d %d %d %d" width="%d" height="%d" role="img" '
            'font-family="sans-serif" font-size="11"><title>Who is connected to what</title>'
            '<rect x="%d" y="%d" width="%d" height="%d" fill="#ffffff"/>\n%s\n</svg>\n') % (
        left, top, width, height, width, height, left, top, width, height, "\n".join(lines + boxes))


def _line(edge: Options, places: dict[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[edge["from"]], places[edge["to"]]
    dashed = "" if set(edge["layers"]) & {"live", "kernel"} else ' stroke-dasharray="4 3"'
    return '<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#999999"%s><title>%s</title></line>' % (
        x1, y1, x2, y2, dashed, _svg("%s %s" % (edge["kind"], edge_label(edge))))


def _box(node: Options, x: int, y: int) -> str:
    width, height = BOX
    name = _svg(short(node["name"], 24))
    return ('<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="#ffffff" stroke="%s" '
            'stroke-width="2"%s/><text x="%d" y="%d" text-anchor="middle" fill="#666666" font-size="9">%s</text>'
            '<text x="%d" y="%d" text-anchor="middle" fill="#111111">%s</text></g>') % (
        _svg("%s %s: %s" % (node["kind"], node["name"], node["state"])), x - width / 2, y - height / 2, width, height,
        COLOURS[node["kind"]], ' stroke-dasharray="4 3"' if node["state"] in BROKEN else "", x, y - 4,
        _svg("%s, %s" % (node["kind"], node["state"])), x, y + 10, name)


def _svg(text: str) -> str:
    return escape(text.strip())
