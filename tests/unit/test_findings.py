# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only shows when hosts are held against each other: each planted difference is found, and nothing else."""

from __future__ import annotations

import copy

import pytest
from unit.fleets import edge, graph_with, host, node

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.findings import findings_of

TAGS = {"tags": [{"id": 7}]}


def fleet(count: int = 20) -> list[dict]:
    """Hosts that are alike, each with guests of its own."""
    return [host("kvm%02d" % number, graph=graph_with(["web%d" % number, "db%d" % number], number))
            for number in range(count)]


def graph(hosts: list[dict], number: int = 3) -> dict:
    return hosts[number]["read"]["graph"]


def find(graph: dict, key: str) -> dict:
    return next(one for one in graph["nodes"] if one["id"] == key)


def card(graph: dict, number: int = 0) -> dict:
    return [one for one in graph["nodes"] if one["kind"] == "interface"][number]


def without(graph: dict, *keys: str) -> None:
    graph["nodes"] = [one for one in graph["nodes"] if one["id"] not in keys]
    graph["edges"] = [one for one in graph["edges"] if not {one["from"], one["to"]} & set(keys)]


def emptied(graph: dict) -> dict:
    without(graph, *(one["id"] for one in graph["nodes"] if one["kind"] in ("guest", "interface")))
    return graph


def on_bridge(hosts: list[dict], *numbers: int, vlan: dict | None = None) -> None:
    for number in range(len(hosts)):
        find(graph(hosts, number), "network/lab").update(mode="bridge", subnets=[])
        for place in (0, 1):
            card(graph(hosts, number), place)["addresses"] = {}
    for number in numbers:
        card(graph(hosts, number))["addresses"] = {"agent": ["192.0.2.9/24"]}
        connected = next(one for one in graph(hosts, number)["edges"] if one["kind"] == "connects")
        connected.update({"vlan": vlan} if vlan else {})


def routed(hosts: list[dict], number: int, name: str, subnet: str, mode: str = "route") -> None:
    graph(hosts, number)["nodes"].append(node("network", name, mode=mode, subnets=[subnet], state="active"))


def plant_portgroups(hosts: list[dict]) -> None:
    for number in range(20):
        graph(hosts, number)["nodes"].append(node("portgroup", "web", "lab", network="lab",
                                                  vlan={"tags": [{"id": 8}]} if number == 3 else TAGS))


def plant_filters(hosts: list[dict]) -> None:
    for number, one in enumerate(hosts):
        one["read"]["topology"] = {"nwfilters": [{"name": "strict", "uuid": str(number), "chain": "root",
                                                  "priority": 3 if number == 3 else 0}]}


def plant_pool(hosts: list[dict], used: bool) -> None:
    for number in range(20):
        drawn = graph(hosts, number)
        drawn["nodes"] += [node("network", "pool", mode="hostdev", state="active"),
                           node("vf", "0000:03:10.1", state="used" if used and number == 3 else "free")]
        drawn["edges"].append(edge("uses", "network/pool", "vf/0000:03:10.1"))
    graph(hosts, 0)["edges"].append(edge("connects", card(graph(hosts, 0))["id"], "network/pool"))


def plant_macvtap(hosts: list[dict], *kinds: str, but: int | None = None) -> None:
    """A guest of the first host on a device that each host has, in turn as each of the kinds."""
    for number in range(20):
        names = ["ens1", "lab0", *(["bond9.10"] if number != but else [])]
        graph(hosts, number)["host"]["devices"] = names
        if number % 2 == 0:  # elsewhere nothing refers to it
            graph(hosts, number)["nodes"].append(node(kinds[number % len(kinds)], "bond9.10", layers=["kernel"]))
    graph(hosts, 0)["edges"].append(edge("connects", card(graph(hosts, 0))["id"], kinds[0] + "/bond9.10"))


def plant_same_guest(hosts: list[dict], runs: bool) -> None:
    hosts[4]["read"]["graph"] = copy.deepcopy(graph(hosts, 3))
    if not runs:
        for one in graph(hosts, 4)["nodes"]:
            if one["kind"] in ("guest", "interface"):
                one["layers"] = ["config"]


PLANTED = {
    "subnet": (lambda hosts: find(graph(hosts), "network/lab").update(subnets=["10.9.0.1/24"]), ["differs"], "subnets"),
    "mode": (lambda hosts: find(graph(hosts), "network/lab").update(mode="open"), ["differs"], "mode"),
    "VLAN": (lambda hosts: find(graph(hosts), "network/lab").update(vlan=TAGS), ["differs"], "VLAN"),
    "MTU": (lambda hosts: find(graph(hosts), "network/lab").update(mtu=9000), ["differs"], "MTU"),
    "portgroup": (plant_portgroups, ["differs"], "8 on kvm03"),
    "filter": (plant_filters, ["differs"], "filter strict"),
    "release": (lambda hosts: graph(hosts)["host"].update(libvirt="11.3.0"), ["differs"], "11.3.0 on kvm03"),
    "MAC": (lambda hosts: card(graph(hosts)).update(mac=card(graph(hosts, 5))["mac"]), ["twice"],
            "guest web5 on kvm05"),
    "guest runs twice": (lambda hosts: plant_same_guest(hosts, True), ["twice"] * 2, "guest web3 on kvm04"),
    "address on a bridge": (lambda hosts: on_bridge(hosts, 3, 5), ["twice"], "192.0.2.9"),
    "address in one network": (lambda hosts: card(graph(hosts), 1).update(
        addresses=card(graph(hosts))["addresses"]), ["twice"], "guest db3 on kvm03"),
    "subnets of a host": (lambda hosts: routed(hosts, 3, "other", "10.0.0.129/25", "nat"), ["overlap"],
                          "10.0.0.128/25"),
    "routed subnets": (lambda hosts: (routed(hosts, 3, "a", "10.7.0.1/16"), routed(hosts, 5, "b", "10.7.5.1/24")),
                       ["overlap"], "10.7.5.0/24"),
    "no network": (lambda hosts: without(emptied(graph(hosts)), "network/lab"), ["migration"], "is not there"),
    "network off": (lambda hosts: find(emptied(graph(hosts)), "network/lab").update(state="inactive"), ["migration"],
                    "is not active there"),
    "no filter": (lambda hosts: without(emptied(graph(hosts)), "filter/strict"), ["migration"], "filter strict"),
    "no free VF": (lambda hosts: plant_pool(hosts, True), ["migration"], "has no free VF there"),
    "no bridge of the network": (lambda hosts: find(emptied(graph(hosts)), "bridge/lab0").update(
        state="missing", layers=[]), ["migration"], "network lab has no bridge lab0 there"),
    "no card": (lambda hosts: plant_macvtap(hosts, "device", "uplink", but=3), ["migration"],
                "guest web0 of kvm00 could not move to kvm03: device bond9.10 is not there"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_and_nothing_else(name):
    plant, kinds, words = PLANTED[name]
    hosts = fleet()
    plant(hosts)
    found = findings_of(hosts)
    assert [one["kind"] for one in found] == kinds, found
    assert any(words in one["text"] for one in found), found
    assert all(one["do"] and "kvm03" in one["hosts"] for one in found)


ALIKE = {
    "nothing": lambda hosts: None,
    "unreachable": lambda hosts: hosts[3].update(read={"msg": "no route to host"}),
    "usual MTU": lambda hosts: find(graph(hosts), "network/lab").update(mtu=1500),
    "a guest that moved": lambda hosts: plant_same_guest(hosts, False),
    "one address, two VLANs": lambda hosts: (on_bridge(hosts, 3), on_bridge(hosts, 5, vlan=TAGS)),
    "free VFs": lambda hosts: plant_pool(hosts, False),
    "a card here, a bond there": lambda hosts: plant_macvtap(hosts, "uplink", "device", "bond"),
    "a host of which nobody knows its cards": lambda hosts: (
        plant_macvtap(hosts, "uplink", but=3), graph(hosts)["host"].pop("devices")),
    "a routed network of all": lambda hosts: [routed(hosts, number, "r", "10.7.0.1/24") for number in range(20)],
    "link-local addresses": lambda hosts: [card(graph(hosts, number)).update(addresses={"agent": ["fe80::1/64"]})
                                           for number in (3, 5)],
    "what an agent says": lambda hosts: card(graph(hosts)).update(
        addresses={"agent": ["fe80::1%eth0/64", "nonsense/8"]}),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_right_is_not_told_of(name):
    hosts = fleet()
    ALIKE[name](hosts)
    assert findings_of(hosts) == []


def test_what_to_do_about_a_guest_that_could_not_move():
    hosts = fleet(4)
    find(emptied(graph(hosts, 1)), "network/lab").update(state="inactive")
    without(emptied(graph(hosts, 2)), "network/lab")
    found, = findings_of(hosts)
    assert found["text"] == (
        "guests db0 of kvm00, db3 of kvm03, web0 of kvm00, web3 of kvm03 could not move to kvm01: network lab is not"
        " active there; to kvm02: network lab is not there")
    assert found["do"] == "To move them there, start network lab on kvm01; make network lab on kvm02."
    assert found["hosts"] == {"kvm00": ["db0", "web0"], "kvm01": "is not active there", "kvm02": "is not there",
                              "kvm03": ["db3", "web3"]}


def test_a_reserved_address_that_a_guest_of_another_mac_has():
    hosts = fleet(2)
    reserved = {"mac": "52:54:00:ff:00:01", "ip": "10.0.0.0"}  # which web0 has
    hosts[0]["read"]["topology"] = {"networks": [{"name": "lab", "ips": [
        {"address": "10.0.0.1", "prefix": 16, "dhcp": {"hosts": [reserved]}}]}]}
    found, = findings_of(hosts)
    assert found["about"] == "address 10.0.0.0" and found["hosts"] == {"kvm00": [
        "guest web0", "reservation of 52:54:00:ff:00:01 in network lab"]}


def test_ten_thousand_guests_take_no_time_to_speak_of():
    assert findings_of([host("kvm%d" % number, graph=graph_with(
        ["g%d-%d" % (number, index) for index in range(50)], number)) for number in range(200)]) == []


def test_a_portgroup_of_a_network_that_is_not_there_is_not_told_beside_it():
    hosts = fleet(2)
    graph(hosts, 0)["nodes"].append(node("portgroup", "web", "lab", network="lab"))
    for one in graph(hosts, 0)["edges"]:
        if one["kind"] == "connects":
            one["to"] = "portgroup/lab/web"
    emptied(graph(hosts, 1))
    told = [one["text"] for one in findings_of(hosts) if one["kind"] == "migration"]
    assert len(told) == 1 and "portgroup web of lab is not there" in told[0]
    without(graph(hosts, 1), "network/lab")
    told = [one["text"] for one in findings_of(hosts) if one["kind"] == "migration"]
    assert len(told) == 1 and "network lab is not there" in told[0]
