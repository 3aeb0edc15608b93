# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What graph_as makes, as Mermaid draws it in a browser without network."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fleets import HOSTILE, graph_with

from ansible_collections.virtnet.libvirt.plugins.filter.graph_as import graph_as

NAMES = (*HOSTILE, "end", "graph", "subgraph", "click n0 call alert()", "%%{init: {}}%%", "a;b", "a\nb", "`", "#quot;",
         "http://web/", "1. a", "- a", "**a**", "$$a$$")
DRAWN = """async (chart) => {
  const drawing = await mermaid.render("drawing", chart);
  document.body.innerHTML = drawing.svg;
  return [...document.querySelectorAll(".nodeLabel, .edgeLabel")].map((label) => label.textContent);
}"""


@pytest.fixture
def draw(browser):
    package, = sorted((Path(__file__).parents[2] / ".cache").glob("mermaid-*/package/dist/mermaid.min.js")) or [None]
    if package is None:
        pytest.fail("Mermaid is not there; run: make setup")
    said = []
    page = browser.new_page()
    for event in ("console", "pageerror", "request", "dialog"):
        page.on(event, lambda what: said.append(str(what)))
    page.set_content("<body></body>")
    page.add_script_tag(path=package)
    yield lambda chart: page.evaluate(DRAWN, chart)
    assert said == []
    page.close()


def test_names_are_drawn_as_they_are(draw):
    graph = graph_with(list(NAMES))
    graph["edges"][3].update(vlan={"tags": [{"id": 7}]}, qos={"inbound": {"average": 100}}, state="down")
    labels = draw(graph_as(graph, "mermaid"))
    assert {"guest %s" % name for name in NAMES if len(name) < 60} <= set(labels)
    assert "VLAN 7; inbound 100 kB/s; down" in labels
    assert len([label for label in labels if label.startswith("guest ")]) == len(NAMES)


def test_a_host_without_anything_is_drawn(draw):
    assert draw(graph_as({"version": 1, "host": {}, "nodes": [], "edges": []}, "mermaid")) == []


def test_what_is_no_chart_is_noticed(draw):
    with pytest.raises(Exception, match="Parse error"):
        draw('flowchart LR\n  n0[["a "b" c"]]')
