# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as one page that carries all it needs.

The table of hosts is there without scripts. What a host's page is made of is packed, and unpacked when it is opened: so
a fleet opens as fast as its table.
"""

from __future__ import annotations

import base64
import json
import pathlib
import zlib
from collections.abc import Iterator
from html import escape

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .layout import implied, laid_out
from .model import STATES
from .pictures import COLOURS
from .words import called, count_words, counts_words, tags

ASSETS = pathlib.Path(__file__).parent / "assets"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';\
 script-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'">
<title>Networking of %(count)s</title><style>%(css)s</style></head><body>
<header><h1>Networking of %(count)s</h1><p>%(time)s: %(counts)s</p></header>
<main><div id="fleet">
<div class="tools"><label>Search <input id="find-host" type="search" size="30"
 placeholder="host, guest, MAC, VLAN 20, bridge"></label>
<label>State <select id="find-state"><option value="">all</option>%(options)s</select></label>
<span id="found-hosts" role="status"></span></div>
<table id="hosts"><caption class="dim">Hosts</caption><thead><tr><th scope="col">host</th><th scope="col">state</th>
<th scope="col">since</th><th scope="col">differ</th><th scope="col">wait</th><th scope="col">objects</th>
<th scope="col">networks</th><th scope="col">guests</th><th scope="col">running</th><th scope="col">libvirt</th>
<th scope="col">what</th></tr></thead><tbody>
%(rows)s
</tbody></table>
<h2 id="across">Across hosts</h2>
%(findings)s
</div><div id="page" hidden></div>
<noscript><p>Pages of hosts need scripts; the table does not.</p></noscript></main>
%(data)s
<script>%(library)s</script><script>%(script)s</script></body></html>
"""
ROW = ('<tr data-state="%s" data-has="%s"><th scope="row"><a href="#host-%d"><bdi>%s</bdi></a></th>'
       '<td class="state %s">%s</td>'
       '<td class="short">%s</td>%s<td class="short">%s</td><td><bdi>%s</bdi><ul class="hits" hidden></ul></td></tr>')
NAMED = 3
# what a host is searched for, and the edges that say more of it
FOUND = ("guest", "interface", "network", "portgroup", "bridge", "bond", "uplink")
TOLD = ("connects", "filtered", "uses", "belongs")
COUNTS = ("drifted", "waiting", "objects", "networks", "guests", "running")


def html(fleet: Options) -> str:
    """The page."""
    hosts = fleet["hosts"]
    return PAGE % {
        "count": count_words(len(hosts), "host"), "css": _asset("report.css"),
        "time": escape(fleet["time"]),
        "counts": escape(counts_words(fleet)),
        "options": "".join("<option>%s</option>" % state for state, count in fleet["counts"].items() if count),
        "rows": "\n".join(_row(number, host) for number, host in enumerate(hosts)),
        "findings": _findings(fleet["findings"], {host["name"]: number for number, host in enumerate(hosts)}),
        "data": "\n".join('<script type="text/plain" id="data-%d">%s</script>' % (number, _packed(host))
                          for number, host in enumerate(hosts)),
        "library": _asset("cytoscape.min.js"),
        "script": _asset("report.js").replace("__COLOURS__", json.dumps(COLOURS)),
    }


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _row(number: int, host: Options) -> str:
    counts = "".join("<td>%d</td>" % host["counts"][name] for name in COUNTS)
    has = "\n".join(sorted(_has(host["graph"]), key=_guests_first))
    return ROW % (host["state"], escape(has), number, escape(host["name"]),
                  host["state"].replace(" ", "-"), host["state"],
                  escape(host["since"][:16].replace("T", " ")), counts,
                  escape(host["libvirt"] or ""), escape(_what(host)))


def _what(host: Options) -> str:
    """The first problem, or what differs, of which the host's page tells more."""
    if host["problems"]:
        return str(host["problems"][0])
    if host["state"] == "unstated":
        return STATES["unstated"]
    names = ["%s %s" % (one["kind"], one["name"]) for one in host["objects"]]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (" and %d more" % more if more > 0 else "")


def _has(graph: Options) -> Iterator[str]:
    """What a host is found by besides its name, a line for each guest's interface, network, bridge and card."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    told: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        if edge["kind"] in TOLD:
            tagged = ["VLAN " + tags(edge["vlan"])] if edge.get("vlan") else []
            told.setdefault(edge["from"], []).extend([called(nodes[edge["to"]]), *tagged])
    shown = {node["guest"] for node in nodes.values() if node["kind"] == "interface"}
    for key, node in nodes.items():
        if node["kind"] not in FOUND or (node["kind"] == "guest" and node["name"] in shown):
            continue
        who = "guest " + node["guest"] if node["kind"] == "interface" else called(node)
        said = [node.get("mac"), *_addresses(node), *told.get(key, [])]
        yield _one_line(": ".join(filter(None, [who, ", ".join(dict.fromkeys(filter(None, said)))])))


def _guests_first(line: str) -> bool:
    return not line.startswith("guest ")


def _addresses(node: Options) -> list[str]:
    found = node.get("addresses") or []
    return [address for told in found.values() for address in told] if isinstance(found, dict) else found


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _findings(findings: list[Options], numbers: dict[str, int]) -> str:
    if not findings:
        return "<p>Nothing differs or clashes between hosts.</p>"
    rows = "\n".join('<tr><td class="short">%s</td><td><bdi>%s</bdi></td><td><bdi>%s</bdi></td><td>%s</td></tr>' % (
        escape(one["kind"]), escape(one["text"]), escape(one["do"]), _hosts(one["hosts"], numbers)) for one in findings)
    return ('<table id="findings"><caption class="dim">What differs or clashes between hosts</caption><thead><tr>'
            '<th scope="col">kind</th><th scope="col">what</th><th scope="col">what to do</th><th scope="col">hosts'
            "</th></tr></thead><tbody>\n%s\n</tbody></table>" % rows)


def _hosts(hosts: Options, numbers: dict[str, int]) -> str:
    """All hosts of a finding, folded away with what each has."""
    every = "".join('<li><a href="#host-%d"><bdi>%s</bdi></a>: <bdi>%s</bdi></li>' % (
        numbers[name], escape(name), escape(has if isinstance(has, str) else ", ".join(has)))
        for name, has in hosts.items())
    few = ", ".join("<bdi>%s</bdi>" % escape(name) for name in hosts)
    return "<details><summary>%s</summary><ul>%s</ul></details>" % (
        few if len(hosts) <= NAMED else "%d hosts" % len(hosts), every)


def _packed(host: Options) -> str:
    graph, said = host["graph"], implied(host["graph"])
    places, bends = laid_out(graph)
    nodes = [dict(node, x=places[node["id"]][0], y=places[node["id"]][1]) for node in graph["nodes"]]
    edges = [dict(edge, **({"bends": bends[ends]} if ends in bends else {"implied": True} if ends in said else {}))
             for edge in graph["edges"] for ends in [(edge["from"], edge["to"])]]
    text = json.dumps(dict(host, graph=dict(graph, nodes=nodes, edges=edges)), ensure_ascii=False,
                      separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode()
