# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How hosts are, and the shapes that show it."""

from __future__ import annotations

import json
import pathlib
import re
from xml.etree import ElementTree

import jsonschema
import pytest
from ansible.errors import AnsibleFilterError
from prometheus_client.parser import text_string_to_metric_families
from unit.fleets import HOSTILE, differs, edge, graph_with, host, node

from ansible_collections.virtnet.libvirt.plugins.filter.fleet import fleet
from ansible_collections.virtnet.libvirt.plugins.filter.fleet_as import fleet_as
from ansible_collections.virtnet.libvirt.plugins.filter.graph_as import graph_as
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.layout import implied, laid_out

SCHEMAS = pathlib.Path(__file__).parents[2] / "docs/schemas"
TIME, LATER = "2026-11-27T08:30:00+00:00", "2026-11-28T08:30:00+00:00"
BROKEN = dict(graph_with([]), nodes=[*graph_with([])["nodes"], node("bridge", "gone", state="missing", layers=[]),
                                     node("interface", "m", "web", guest="web")],
              edges=[edge("connects", "interface/web/m", "bridge/gone", "live")])
STATES = {
    "in step": host("a"),
    "waiting": host("b", [differs(waits=True)]),
    "drifted": host("c", [differs()]),
    "degraded": host("d", graph=BROKEN),
    "unreachable": {"name": "e", "read": {"unreachable": True, "msg": "no route to host"}, "stated": {"networks": [1]}},
    "unstated": host("f", [], stated=None),
}


def validate(found: dict) -> None:
    schema, graph = (json.loads((SCHEMAS / name).read_text()) for name in ("fleet-1.json", "graph-1.json"))
    of_host = schema["$defs"]["host"]["properties"]
    assert of_host["graph"]["anyOf"][0] == {"$ref": "graph-1.json"}
    del of_host["graph"]  # it has references of its own
    jsonschema.validate(found, schema)
    for one in found["hosts"]:
        jsonschema.validate(one["graph"], schema["$defs"]["unread"] if one["state"] == "unreachable" else graph)


def model(*hosts: dict, **more: object) -> dict:
    found = fleet(list(hosts), TIME, **more)
    validate(found)
    return found


@pytest.mark.parametrize("state", STATES)
def test_each_state(state):
    found, = model(STATES[state])["hosts"]
    assert found["state"] == state
    assert bool(found["problems"]) == (state in ("degraded", "unreachable"))


def test_what_waits_is_not_told_twice():
    checked = {"objects": [differs(waits=True)], "warnings": ["mtu.size waits", "no route"],
               "restarts": [{"kind": "network", "name": "lab", "why": "mtu.size waits"}]}
    told, = model(host("a", checked=checked))["hosts"]
    assert told["warnings"] == ["no route"] and [one["why"] for one in told["restarts"]] == ["mtu.size waits"]


def test_a_host_says_what_is_wrong():
    refused = host("a", checked={"failed": True, "msg": "networks[0].mtu.size: 1 is not allowed"})
    assert model(refused)["hosts"][0]["problems"] == ["networks[0].mtu.size: 1 is not allowed"]
    both = {"failed": True, "msg": "a\nb", "refused": ["a", "b"], "objects": [differs()]}
    told, = model(host("a", checked=both))["hosts"]
    assert (told["state"], told["problems"], told["counts"]["drifted"]) == ("degraded", ["a", "b"], 1)
    assert told["objects"][0]["fields"]
    assert model(STATES["degraded"])["hosts"][0]["problems"] == [
        "interface m of web runs and needs bridge gone, which is not there"]
    assert model(STATES["unreachable"])["hosts"][0]["problems"] == ["no route to host"]
    cut = host("a", read={"graph": graph_with([]), "warnings": ["network (pid 3) was cut off; the next task …"]})
    assert model(cut)["worst"] == "degraded"


def test_counts_and_fields_and_what_is_stated():
    found = model(*STATES.values())
    assert found["counts"] == dict.fromkeys(STATES, 1) and found["worst"] == "unreachable"
    drifted = found["hosts"][2]
    assert drifted["counts"]["drifted"] == 1 and drifted["counts"]["objects"] == 1
    one, = drifted["objects"]
    assert one["fields"] == [{"layer": "config", "path": "mtu.size", "desired": 9000, "current": 1500, "waits": False}]
    assert one["stated"] == "name: lab\nmtu:\n  size: 9000\n"
    assert found["hosts"][1]["objects"][0]["fields"][0]["waits"]


def test_what_differs_as_a_whole_says_what_is_to_be_done():
    whole = {"kind": "network", "name": "lab", "changed": True, "steps": ["start network lab"], "drift": []}
    started, absent = (model(host("a", [one]))["hosts"][0]["objects"][0]["fields"][0] for one in (
        whole, dict(whole, steps=[])))
    assert (started["current"], started["desired"]) == ("not so", "start network lab")
    assert (absent["current"], absent["desired"]) == ("absent", "present")


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_a_line_that_passes_a_column_by_is_not_behind_its_boxes(groups):
    nodes = [node("interface", "m", "web"), node("network", "lab"), node("uplink", "ens1"),
             *(node("portgroup", "g%d" % number, "lan") for number in range(groups))]
    ends = [("interface/web/m", "network/lab"), ("interface/web/m", "uplink/ens1")]
    found = laid_out({"nodes": nodes, "edges": [edge("connects", *one) for one in ends]})
    points = [point for way in found.bends.values() for point in way]
    assert [len(found.bends[one]) for one in ends] == [1, 2]
    assert len({*points, *found.places.values()}) == len(points) + len(nodes)  # each has a place of its own


def test_a_tap_in_the_bridge_of_its_network_is_not_drawn_twice():
    graph = graph_with(["web", "db"])
    cards = [one["id"] for one in graph["nodes"] if one["kind"] == "interface"]
    graph["nodes"] += [node("bridge", "other"), node("portgroup", "pg", "lab", network="lab")]
    graph["edges"] += [edge("member", cards[0], "bridge/lab0", "kernel"),
                       edge("member", cards[1], "bridge/other", "kernel"),
                       edge("belongs", "portgroup/lab/pg", "network/lab")]
    assert implied(graph) == {(cards[0], "bridge/lab0")}  # the other one was moved
    next(one for one in graph["edges"] if one["kind"] == "connects")["to"] = "portgroup/lab/pg"
    assert implied(graph) == {(cards[0], "bridge/lab0")}


def test_cables_are_on_the_right_of_a_chart():
    lines = graph_as(graph_with([]), "mermaid").splitlines()
    bridge, uplink = (next(line.split("[")[0].split("{")[0].strip() for line in lines if name in line)
                      for name in ('"bridge lab0"', '"uplink ens1"'))
    assert "  %s --- %s" % (bridge, uplink) in lines


def test_since_when():
    first = model(host("a"), host("b"))
    again = fleet([host("a"), host("b", [differs()])], LATER, first)
    assert [one["since"] for one in again["hosts"]] == [TIME, LATER]
    assert fleet([host("a")], LATER, json.loads(fleet_as(again, "json")))["hosts"][0]["since"] == TIME


@pytest.mark.parametrize(("call", "words"), [
    (lambda: fleet([], "yesterday"), "time"), (lambda: fleet([{}]), "name"),
    (lambda: fleet([], None, {"version": 2}), "version 2"),
    (lambda: fleet_as(model(), "pdf"), "pdf is not allowed; give one of html, json, markdown, prometheus"),
    (lambda: graph_as({}, "svg"), "a graph of topology_info"),
])
def test_what_is_not_taken(call, words):
    with pytest.raises(AnsibleFilterError, match=re.escape(words)):
        call()


def hostile() -> dict:
    return model(*(host(name, [differs(name, current=name)], graph_with([name])) for name in HOSTILE))


def test_json_is_as_its_schemas_say_graphs_too():
    for fleet_model in (hostile(), model(*STATES.values()), model()):
        validate(json.loads(fleet_as(fleet_model, "json")))
    with pytest.raises(jsonschema.ValidationError):
        validate(dict(model(), version=2))
    broken = model(host("a"))
    broken["hosts"][0]["graph"]["nodes"][0]["kind"] = "cloud"
    with pytest.raises(jsonschema.ValidationError):
        validate(broken)


def test_metrics_are_of_prometheus_text_format():
    text = fleet_as(hostile(), "prometheus")
    families = list(text_string_to_metric_families(text))
    series = [(one.name, *sorted(one.labels.items())) for family in families for one in family.samples]
    assert text.endswith("\n") and len(set(series)) == len(series) == text.count("\n") - 2 * len(families)
    assert {(family.type, bool(family.documentation)) for family in families} == {("gauge", True)}
    assert {"virtnet_drift", "virtnet_last_run_timestamp_seconds"} <= {family.name for family in families}
    hosts = {one.labels.get("host") for family in families for one in family.samples} - {None}
    assert hosts == {one["name"] for one in hostile()["hosts"]}


def test_metrics_say_what_differs_and_when():
    drifted = fleet_as(model(STATES["drifted"]), "prometheus")
    assert 'virtnet_drift{host="c",kind="network",name="lab",layer="config"} 1\n' in drifted
    assert 'virtnet_last_run_timestamp_seconds{host="c"} 1795768200\n' in drifted


def test_two_objects_of_one_name_are_one_series():
    port = differs(kind="network_port")
    assert 'name="lab",layer="config"} 2\n' in fleet_as(model(host("a", [port, port])), "prometheus")


def test_markdown_has_a_row_a_host_and_nothing_else_becomes_markup():
    text = fleet_as(hostile(), "markdown")
    rows = [line for line in text.splitlines() if re.match(r"\| .*drifted", line)]
    assert len(rows) == len(HOSTILE)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 8 for row in rows)
    assert not re.search(r"(?<!\\)<", text)


@pytest.mark.parametrize("name", HOSTILE)
def test_drawings_show_names_and_no_more(name):
    graph = graph_with([name])
    drawing = ElementTree.fromstring(graph_as(graph, "svg"))
    tags = {element.tag.rpartition("}")[2] for element in drawing.iter()}
    assert tags == {"svg", "title", "rect", "polyline", "g", "text"}
    assert "guest %s: running" % name in {element.text for element in drawing.iter() if element.text}
    chart = graph_as(graph, "mermaid").splitlines()
    assert len(chart) == 1 + len(graph["nodes"]) + len(graph["edges"]) + len({one["kind"] for one in graph["nodes"]})
    assert all(line.count('"') in (0, 2) for line in chart)


def test_an_edge_says_vlan_and_qos_and_that_it_is_down():
    graph = graph_with(["web"])
    graph["edges"][3].update(vlan={"tags": [{"id": 7}]}, qos={"inbound": {"average": 100}}, state="down")
    assert '|"VLAN 7#59; inbound 100 kB/s#59; down"|' in graph_as(graph, "mermaid")
    assert "VLAN 7; inbound 100 kB/s; down" in graph_as(graph, "svg")


def test_an_empty_host_is_drawn_too():
    empty = {"version": 1, "host": {}, "nodes": [], "edges": []}
    assert graph_as(empty, "mermaid") == "flowchart LR\n" and ElementTree.fromstring(graph_as(empty, "svg")) is not None
