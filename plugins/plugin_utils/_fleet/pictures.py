# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A graph as text that READMEs and tickets show as a picture: Mermaid and SVG."""

from __future__ import annotations

import re
from html import escape

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .layout import HEIGHT, WIDTH, Layout, laid_out, shown
from .words import edge_label, short

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
        runs, ends = set(edge["layers"]) & {"live", "kernel"}, [ids[edge["from"]], ids[edge["to"]]]
        arrow = "-->" if runs else "-.->"
        if edge["kind"] == "member" and not edge["from"].startswith("interface/"):  # the cable is on the right
            arrow, ends = arrow.rstrip(">") + ("-" if runs else ""), ends[::-1]
        lines.append("  %s %s%s %s" % (ends[0], arrow, '|"%s"|' % _mermaid(label) if label else "", ends[1]))
    kinds = dict.fromkeys(node["kind"] for node in drawn["nodes"])
    lines += ["  classDef %s stroke:%s,stroke-width:2px" % (kind, COLOURS[kind]) for kind in kinds]
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """Text in quotes: what is no letter, digit or plain sign becomes an entity as Mermaid has it."""
    return re.sub(r"[^\w .:/,=@+-]", lambda found: "#%d;" % ord(found.group()), text, flags=re.ASCII)


def svg(graph: Options) -> str:
    """A drawing without scripts or outside resources."""
    drawn = shown(graph)
    layout = laid_out(drawn)
    places = layout.places
    left = min((x for x, _y in places.values()), default=0) - WIDTH / 2
    top = min((y for _x, y in places.values()), default=0) - HEIGHT
    width = max((x for x, _y in places.values()), default=0) + WIDTH / 2 - left
    height = max((y for _x, y in places.values()), default=0) + HEIGHT - top
    lines = [_line(edge, layout) for edge in drawn["edges"]]
    boxes = [_box(node, *places[node["id"]]) for node in drawn["nodes"]]
    return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="%d %d %d %d" width="%d" height="%d" role="img" '
            'font-family="sans-serif" font-size="11"><title>Who is connected to what</title>'
            '<rect x="%d" y="%d" width="%d" height="%d" fill="#ffffff"/>\n%s\n</svg>\n') % (
        left, top, width, height, width, height, left, top, width, height, "\n".join(lines + boxes))


def _line(edge: Options, layout: Layout) -> str:
    start, end = edge["from"], edge["to"]
    points = [layout.places[start], *layout.bends.get((start, end), ()), layout.places[end]]
    dashed = "" if set(edge["layers"]) & {"live", "kernel"} else ' stroke-dasharray="4 3"'
    said = _svg(edge_label(edge))
    (x1, y1), (x2, y2) = points[:2]
    label = ('<text x="%d" y="%d" text-anchor="middle" font-size="9" fill="#111111" stroke="#ffffff" stroke-width="3"'
             ' paint-order="stroke">%s</text>' % ((x1 + x2) / 2, (y1 + y2) / 2 + 3, said)) if said else ""
    return '<polyline points="%s" fill="none" stroke="#999999"%s><title>%s</title></polyline>%s' % (
        " ".join("%d,%d" % point for point in points), dashed, " ".join([edge["kind"], said]).strip(), label)


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
