# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is connected to what, as nodes and edges."""

from __future__ import annotations

import json
import pathlib

import jsonschema
import pytest
from unit.fake_host import device, parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.graph import graph_of

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/schemas/graph-1.json").read_text())
UUID, WEB, DB = ("09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4%d" % number for number in range(3))
MAC = "52:54:00:00:00:0%d"
LAB = ("<network><name>lab</name><uuid>%s</uuid><bridge name='lab0'/><ip address='10.0.0.1' netmask='255.255.255.0'/>"
       "<portgroup name='web' default='yes'><vlan><tag id='7'/></vlan><bandwidth><inbound average='100'/></bandwidth>"
       "</portgroup></network>" % UUID)
POOL = ("<network><name>pool</name><uuid>%s</uuid><forward mode='hostdev'><pf dev='ens1'/>"
        "<address type='pci' domain='0' bus='3' slot='16' function='1'/></forward></network>" % UUID)
PORT = ("<networkport><uuid>%s</uuid><owner><name>web</name><uuid>%s</uuid></owner><mac address='%s'/>"
        "<group>web</group></networkport>" % (UUID, WEB, MAC % 1))
FILTERS = {"strict": {"uuid": UUID, "xml": "<filter name='strict'><filterref filter='gone'/></filter>"}}
CONFIG = ("<domain><devices>"
          "<interface type='network'><mac address='%s'/><source network='lab'/><filterref filter='strict'/></interface>"
          "<interface type='bridge'><mac address='%s'/><source bridge='br0'/></interface></devices></domain>"
          % (MAC % 1, MAC % 2))
LIVE = ("<domain><devices>"
        "<interface type='network'><mac address='%s'/><source network='lab' portid='%s' bridge='lab0'/>"
        "<target dev='vnet0'/><filterref filter='strict'/><link state='down'/></interface>"
        "<interface type='bridge'><mac address='%s'/><source bridge='br1'/><target dev='vnet1'/></interface>"
        "</devices></domain>" % (MAC % 1, UUID, MAC % 2))
NETWORK = {"uuid": UUID, "active": True, "persistent": True, "autostart": True}


def host(**changes: object) -> Snapshot:
    whole = {
        "networks": {"lab": NETWORK, "pool": dict(NETWORK, active=False)},
        "network_config": {"lab": LAB, "pool": POOL}, "network_live": {"lab": LAB}, "ports": {"lab": [PORT]},
        "nwfilters": FILTERS, "addresses": {WEB: {"lease": {MAC % 1: ["10.0.0.9/24"]}}},
        "domains": {WEB: {"name": "web", "active": True, "persistent": True},
                    DB: {"name": "db", "active": False, "persistent": True}},
        "domain_config": {WEB: CONFIG, DB: CONFIG}, "domain_live": {WEB: LIVE},
        "devices": {"lo": device(), "lab0": device(kind="bridge"), "br0": device(kind="bridge"),
                    "ens1": device(), "bond0": device(kind="bond", master="br0"),
                    "ens2": device(master="bond0", up=False),
                    "vnet0": device(kind="tun", master="lab0"), "vnet1": device(kind="tun", master="br0")},
        "physical_functions": {"0000:03:00.0": {"devices": ["ens1"], "vfs": [{
            "index": 0, "address": "0000:03:10.1", "device": "ens1v0", "driver": "vf", "vfio": [], "elsewhere": False,
            "uppers": []}]}},
        **changes}
    return Snapshot.of_record(parts(**whole))


@pytest.fixture
def graph() -> dict:
    found = graph_of(host())
    jsonschema.validate(found, SCHEMA)
    return found


def nodes(graph: dict) -> dict:
    return {node["id"]: node for node in graph["nodes"]}


def edges(graph: dict, kind: str) -> list[tuple]:
    return [(edge["from"], edge["to"], edge["layers"]) for edge in graph["edges"] if edge["kind"] == kind]


def test_every_kind_is_there_and_edges_end_at_nodes(graph):
    found = nodes(graph)
    assert len(found) == len(graph["nodes"])
    assert {node["kind"] for node in graph["nodes"]} == {
        "uplink", "bond", "bridge", "network", "portgroup", "port", "vf", "guest", "interface", "filter"}
    assert {end for edge in graph["edges"] for end in (edge["from"], edge["to"])} <= set(found)


def test_a_guest_is_connected_with_vlan_qos_and_state_and_layers_that_disagree_are_two_edges(graph):
    card = "interface/web/" + MAC % 1
    found = [edge for edge in graph["edges"] if edge["from"] == card and edge["kind"] == "connects"]
    assert found == [
        {"kind": "connects", "from": card, "to": "portgroup/lab/web", "layers": [layer], "state": state,
         "vlan": {"tags": [{"id": 7}]}, "qos": {"inbound": {"average": 100}}}
        for layer, state in (("live", "down"), ("config", "up"))]
    other = "interface/web/" + MAC % 2
    assert [edge[1:] for edge in edges(graph, "connects") if edge[0] == other] == [
        ("bridge/br1", ["live"]), ("bridge/br0", ["config"])]
    assert edges(graph, "filtered")[0] == (card, "filter/strict", ["config", "live"])
    assert nodes(graph)[card]["addresses"] == {"lease": ["10.0.0.9/24"]}


def test_the_kernel_says_what_is_in_what(graph):
    assert edges(graph, "member") == [
        ("bond/bond0", "bridge/br0", ["kernel"]), ("uplink/ens2", "bond/bond0", ["kernel"]),
        ("interface/web/" + MAC % 1, "bridge/lab0", ["kernel"]), ("interface/web/" + MAC % 2, "bridge/br0", ["kernel"])]
    assert nodes(graph)["uplink/ens2"]["state"] == "down"
    assert nodes(graph)["bridge/br1"] == {"id": "bridge/br1", "kind": "bridge", "name": "br1", "state": "missing",
                                          "layers": []}


def test_devices_are_listed_where_the_kernel_is_within_reach(graph):
    assert graph["host"]["devices"] == ["bond0", "br0", "ens1", "ens2", "lab0"]
    assert "devices" not in graph_of(host(devices=None))["host"]


def test_an_address_by_arp_has_no_prefix_length():
    found = graph_of(host(addresses={WEB: {"arp": {MAC % 1: ["10.0.0.9/0"]}}}))
    assert nodes(found)["interface/web/" + MAC % 1]["addresses"] == {"arp": ["10.0.0.9"]}


def test_open_vswitch_says_what_is_in_its_bridges():
    port = {"tag": None, "trunks": [], "vlan_mode": None, "traffic": {}}
    ports = {"ovs0": dict(port, bridge="ovs0", devices=["ovs0"]), "vnet1": dict(port, bridge="ovs0", devices=["vnet1"]),
             "bond9": dict(port, bridge="ovs0", devices=["ens1", "ens2"])}
    in_kernel = {name: device(kind=kind, master="ovs-system") for name, kind in (
        ("ens1", None), ("ens2", None), ("vnet1", "tun"))}
    for own in (device(kind="openvswitch"), device(kind="tun")):  # the kernel forwards, or the switch itself
        found = graph_of(host(switch_ports=ports, devices={
            "ovs-system": device(kind="openvswitch"), "ovs0": own, **in_kernel}))
        jsonschema.validate(found, SCHEMA)
        assert edges(found, "member") == [(start, "bridge/ovs0", ["kernel"]) for start in (
            "uplink/ens1", "uplink/ens2", "interface/web/" + MAC % 2)]
        assert not {"bridge/ovs-system", "device/ovs0"} & set(nodes(found))


def test_a_vlan_device_is_between_its_bridge_and_the_cable():
    tagged, outer = ({"kind": "vlan", "vlan": {"id": number, "link": link}} for number, link in (
        (10, "ens1"), (20, "ens1.10")))
    devices = {"ens1": device(), "ens1.10": device(**tagged), "ens1.10.20": device(**outer, master="br0"),
               "br0": device(kind="bridge"), "idle.7": device(kind="vlan", vlan={"id": 7, "link": "ens1"})}
    found = graph_of(host(devices=devices))
    jsonschema.validate(found, SCHEMA)
    assert edges(found, "member") == [("device/ens1.10.20", "bridge/br0", ["kernel"])]
    assert [(edge["from"], edge["to"], edge["vlan"]) for edge in found["edges"] if edge["kind"] == "tags"] == [
        ("device/ens1.10", "uplink/ens1", {"tags": [{"id": 10}]}),
        ("device/ens1.10.20", "device/ens1.10", {"tags": [{"id": 20}]})]
    assert nodes(found)["device/ens1.10"]["vlan"] == {"tags": [{"id": 10}]}
    assert "device/idle.7" not in nodes(found)  # nothing refers to it
    of_another_namespace = device(kind="vlan", vlan={"id": 10, "link": None}, master="br0")
    lone = graph_of(host(devices={"br0": device(kind="bridge"), "eth0.10": of_another_namespace}))
    assert nodes(lone)["device/eth0.10"]["vlan"] and not edges(lone, "tags")


def test_networks_say_by_which_layers_they_are_what(graph):
    found = nodes(graph)
    assert found["network/lab"]["layers"] == ["config", "live", "boot"]
    assert found["network/lab"]["subnets"] == ["10.0.0.1/24"]
    assert ("network/lab", "bridge/lab0", ["config", "live", "kernel"]) in edges(graph, "uses")
    assert ("network/pool", "vf/0000:03:10.1", ["config"]) in edges(graph, "uses")
    assert ("vf/0000:03:10.1", "uplink/ens1", ["kernel"]) in edges(graph, "belongs")
    assert edges(graph, "plugged") == [("port/lab/" + UUID, "interface/web/" + MAC % 1, ["live"])]


def test_guests_and_what_is_only_named(graph):
    found = nodes(graph)
    assert (found["guest/web"]["state"], found["guest/db"]["state"]) == ("running", "shut off")
    assert found["filter/gone"]["state"] == "missing" and found["interface/db/" + MAC % 1]["state"] == "off"


def test_a_host_whose_kernel_is_out_of_reach():
    far = {"version": [9, 0, 0], "uri": "qemu+ssh://kvm1/system", "local": False, "sets_metadata": False}
    found = graph_of(host(host=far))
    jsonschema.validate(found, SCHEMA)
    assert nodes(found)["bridge/lab0"]["state"] == "unknown" and not edges(found, "member")


def test_two_of_one_address_are_two():
    twice = "<domain><devices>%s</devices></domain>" % (2 * (
        "<interface type='network'><mac address='%s'/><source network='lab'/></interface>" % (MAC % 1)))
    found = graph_of(host(domains={DB: {"name": "db", "active": False, "persistent": True}}, domain_config={DB: twice}))
    assert [end for _start, end, _layers in edges(found, "has")] == [
        "interface/db/" + MAC % 1, "interface/db/" + MAC % 1 + "#2"]
