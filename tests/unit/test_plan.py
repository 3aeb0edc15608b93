# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets, VLANs and MACs that are planned for many hosts of one pool."""

from __future__ import annotations

import ipaddress
import random
import re

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.fleets import edge, graph_with, host, node

from ansible_collections.virtnet.libvirt.plugins.filter.fleet import fleet
from ansible_collections.virtnet.libvirt.plugins.filter.plan_macs import plan_macs
from ansible_collections.virtnet.libvirt.plugins.filter.plan_subnets import plan_subnets
from ansible_collections.virtnet.libvirt.plugins.filter.plan_vlans import plan_vlans
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet import planned

POOL = "10.64.0.0/16"
KINDS = {"subnets": (plan_subnets, ("10.64.0.0/18", 24)), "vlans": (plan_vlans, ("100-163",)),
         "macs": (plan_macs, ("52:54:00:aa:bb",))}


@pytest.fixture
def told(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(planned, "warn", said.append)
    return said


def with_networks(**subnets: str) -> dict:
    """What a host returned that has these networks."""
    nodes = [node("network", name, mode="nat", subnets=[subnet]) for name, subnet in subnets.items()]
    return {"graph": {"version": 1, "host": {}, "nodes": nodes, "edges": []}}


def on(address: str) -> dict:
    """What a host returned that has an address of its own."""
    return {"graph": {"version": 1, "host": {}, "edges": [], "nodes": [node("uplink", "ens1", addresses=[address])]}}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_hundred_joins_and_leaves(kind: str, seed: int):
    """With the plan before nothing moves, and no two have one; without it only a few do."""
    plan, pool = KINDS[kind]
    chance, names, before = random.Random(seed), ["kvm%d" % number for number in range(20)], {}
    joined, moved, without = 20, 0, plan(["kvm%d" % number for number in range(20)], *pool)
    for _step in range(100):
        if len(names) > 1 and chance.random() < 0.5:
            names.remove(chance.choice(names))
        else:
            names.insert(chance.randrange(len(names) + 1), "kvm%d" % joined)
            joined += 1
        before = {name: value for name, value in before.items() if name in names}
        found = plan(names, *pool, previous=before)
        assert all(found[name] == value for name, value in before.items())
        assert len(set(found.values())) == len(names) == len(found)
        fresh = plan(names, *pool)
        moved += sum(1 for name in names if name in without and without[name] != fresh[name])
        before, without = found, fresh
    assert moved <= 100  # of some 2,000 that could have


@pytest.mark.parametrize("kind", KINDS)
@given(names=st.lists(st.text(min_size=1), max_size=40, unique=True), chance=st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_matter(kind: str, names: list[str], chance: random.Random):
    plan, pool = KINDS[kind]
    mixed = list(names)
    chance.shuffle(mixed)
    assert plan(names, *pool) == plan(mixed, *pool)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_reported_is_plan_enough(seed: int):
    """Hosts join with networks of their own, are given subnets, report them, and leave: nobody who stays ever moves."""
    chance = random.Random(seed)
    reports: dict[str, dict] = {}
    before: dict[str, str] = {}
    for step in range(100):
        if reports and chance.random() < 0.4:
            gone = chance.choice(list(reports))
            del reports[gone]
            before = {name: value for name, value in before.items() if not name.startswith(gone + "/")}
        else:
            used = {ipaddress.ip_network(value) for value in before.values()}
            own = ipaddress.ip_network("10.64.%d.0/%d" % (chance.randrange(256), chance.choice([23, 24, 26])),
                                       strict=False)
            free = not any(own.overlaps(one) for one in used)
            reports["kvm%d" % step] = with_networks(
                own="%s/%d" % (own[1], own.prefixlen)) if free else on("10.99.0.1/16")
        names = ["%s/lab" % name for name in reports]
        found = plan_subnets(names, POOL, 24, reported=reports)
        assert {name: found[name] for name in before} == before
        given_out = [ipaddress.ip_network(one) for one in found.values()]
        owned = [ipaddress.ip_network(one["subnets"][0], strict=False) for read in reports.values()
                 for one in read["graph"]["nodes"] if one["name"] == "own"]
        assert len(set(given_out)) == len(given_out)
        assert not any(one.overlaps(other) for one in given_out for other in owned)
        for name, value in found.items():
            read = reports[name.partition("/")[0]]["graph"]
            read["nodes"] = [one for one in read["nodes"] if one["name"] != "lab"] + with_networks(
                lab=value.replace(".0/", ".1/"))["graph"]["nodes"]
        before = found


def test_a_plan_does_not_change_with_a_release():
    """Whoever has no plan before relies on it."""
    assert plan_subnets(["kvm1/lab", "kvm2/lab"], "10.64.0.0/12", 24) == {
        "kvm1/lab": "10.68.250.0/24", "kvm2/lab": "10.67.78.0/24"}
    assert plan_vlans(["web", "db"], "100-999") == {"web": 542, "db": 608}
    assert plan_macs(["web"], "52:54:00") == {"web": "52:54:00:b9:18:2a"}


@pytest.mark.parametrize("reports", [
    {"kvm1": with_networks(x="10.64.0.1/24")}, {"kvm1": on("10.64.0.9/24")}, {"kvm1": on("10.64.0.200/26")},
    {"kvm1": dict(with_networks(), topology={"networks": [{"name": "x", "ips": [{
        "address": "10.64.0.1", "netmask": "255.255.255.0"}]}]})},
    {"kvm1": dict(with_networks(), topology={"networks": [{"name": "x", "routes": [
        {"address": "10.64.0.0", "prefix": 24}, {"address": "0.0.0.0", "prefix": 0}]}]})},
    fleet([host("kvm1", graph=with_networks(x="10.64.0.1/24")["graph"]), {"name": "kvm2", "read": {"msg": "lost"}}]),
], ids=["network", "host", "part", "configured", "route", "fleet"])
def test_nothing_is_given_what_a_host_reports(reports: dict):
    found = plan_subnets(["a", "b", "c"], "10.64.0.0/22", 24, reported=reports)
    assert sorted(found.values()) == ["10.64.1.0/24", "10.64.2.0/24", "10.64.3.0/24"]
    with pytest.raises(AnsibleFilterError, match=r"4, of which 1 are taken or kept; 4 more are asked for"):
        plan_subnets(["a", "b", "c", "d"], "10.64.0.0/22", 24, reported=reports)


def test_who_has_one_already_keeps_it_once():
    same = {name: with_networks(default="10.64.5.1/24") for name in ("kvm1", "kvm2", "kvm3")}
    found = plan_subnets(["%s/default" % name for name in same], POOL, 24, reported=same)
    assert list(found.values()).count("10.64.5.0/24") == 1 and len(set(found.values())) == 3
    everywhere = plan_subnets(["default"], POOL, 24, reported=same)
    assert everywhere == {"default": "10.64.5.0/24"}


def test_the_plan_before_and_who_has_it_by_now(told):
    before = {"kvm1/lab": "10.64.5.0/24", "gone/lab": "10.64.6.0/24"}
    assert plan_subnets(["kvm1/lab"], POOL, 24, previous=before) == {"kvm1/lab": "10.64.5.0/24"}
    assert plan_subnets(["new"], "10.64.4.0/22", 24, previous=before, taken=["10.64.4.0/24"]) == {"new": "10.64.7.0/24"}
    other = {"kvm2": with_networks(x="10.64.5.1/26")}
    assert plan_subnets(["kvm1/lab"], POOL, 24, previous=before, reported=other)["kvm1/lab"] != "10.64.5.0/24"
    assert told.pop() == ("plan_subnets: 10.64.5.0/24 of kvm1/lab is also of network x on kvm2; kvm1/lab is given"
                          " another")
    both = dict(other, kvm1=with_networks(lab="10.64.5.1/24"))
    assert plan_subnets(["kvm1/lab"], POOL, 24, previous=before, reported=both) == {"kvm1/lab": "10.64.5.0/24"}
    assert told.pop().endswith("kvm1/lab has it and keeps it")
    joins = {"new": with_networks(lab="10.64.5.1/24")}  # is planned itself, so it gives way
    found = plan_subnets(["kvm1/lab", "new/lab"], POOL, 24, previous=before, reported=joins)
    assert found["kvm1/lab"] == "10.64.5.0/24" != found["new/lab"] and not told
    assert plan_subnets(["kvm1/lab"], "10.9.0.0/16", 24, previous=before)["kvm1/lab"].startswith("10.9.")


def test_vlans_of_networks_portgroups_and_those_who_only_use_them(told):
    tag = [{"id": number} for number in (100, 101, 102, 103)]
    nodes = [node("network", "web", vlan={"tags": tag[:1]}),
             node("portgroup", "db", "lan", network="lan", vlan={"tags": tag[1:2]}),
             node("portgroup", "trunk", "lan", network="lan", vlan={"tags": tag[:3]})]
    reports = {"kvm1": {"graph": {"version": 1, "host": {}, "nodes": nodes, "edges": []}}}
    found = plan_vlans(["web", "lan/db", "kvm1/lan/db2", "new"], "100-104", reported=reports)
    assert found["web"] == 100 and found["lan/db"] == 101 and {found["new"], found["kvm1/lan/db2"]} == {103, 104}
    assert plan_vlans(["x"], "100-104", reported=reports, previous={"x": 102}) == {"x": 102} and not told
    assert plan_vlans(["x"], [100, "101", "200-201"], reported=reports, taken=[201]) == {"x": 200}


def test_macs_of_guests_and_of_cards():
    graph = graph_with(["web", "db"], 0xAA)
    graph["nodes"] += [node("uplink", "ib0", mac="80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:09:a2:27"),
                       node("uplink", "ens9", mac="52:54:00:aa:00:07")]
    graph["edges"].append(edge("member", "uplink/ens9", "bridge/lab0", "kernel"))
    reports = {"kvm1": {"graph": graph}}
    names = ["web", "db/lab", "kvm1/web/lab", *("new%d" % number for number in range(253))]
    found = plan_macs(names[1:], "52:54:00:aa:00", reported=reports)
    assert found["db/lab"] == "52:54:00:aa:00:01" and found["kvm1/web/lab"] == "52:54:00:aa:00:00"
    assert len(set(found.values())) == 255 and "52:54:00:aa:00:07" not in found.values()
    assert plan_macs(["web"], "52:54:00:aa:00", reported=reports) == {"web": "52:54:00:aa:00:00"}


def test_a_guest_that_runs_keeps_its_mac_which_its_port_has_too():
    graph = graph_with(["web"])
    card = next(one for one in graph["nodes"] if one["kind"] == "interface")
    graph["nodes"].append(node("port", "1", "lab", network="lab", mac=card["mac"]))
    graph["edges"].append(edge("plugged", "port/lab/1", card["id"], "live"))
    assert plan_macs(["web"], "52:54:00", reported={"kvm1": {"graph": graph}}) == {"web": card["mac"]}


def test_sixes_and_many_blocks():
    assert plan_subnets(["a"], "fd00::/63", 64, taken=["fd00::/64"]) == {"a": "fd00:0:0:1::/64"}
    assert ipaddress.ip_network(plan_subnets(["a"], "::/0", 126)["a"]).prefixlen == 126
    found = plan_subnets(list("abcdef"), ["10.2.0.0/23", "10.1.0.0/22"], 24)
    assert sorted(found.values()) == ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24", "10.2.0.0/24",
                                      "10.2.1.0/24"]


def test_ten_thousand_guests():
    names = ["guest%d" % number for number in range(10_000)]
    found = plan_macs(names, "52:54:00")
    reports = {"kvm1": {"graph": {"version": 1, "host": {}, "edges": [], "nodes": [
        node("interface", mac, name, guest=name, mac=mac) for name, mac in found.items()]}}}
    assert plan_macs([*names, "new"], "52:54:00", reported=reports, previous=found)["new"] not in found.values()
    assert plan_macs(names, "52:54:00", reported=reports) == found


@pytest.mark.parametrize(("call", "words"), [
    (lambda: plan_subnets("a", POOL), "plan_subnets: give a list of names, not 'a'"),
    (lambda: plan_subnets(["a"], "10.64.0.1/16"), "pool: 10.64.0.1/16 is not allowed"),
    (lambda: plan_subnets(["a"], []), "pool: [] is not allowed"),
    (lambda: plan_subnets(["a"], [POOL, "fd00::/48"]), "of IPv4, or of IPv6"),
    (lambda: plan_subnets(["a"], [POOL, "10.64.9.0/24"]), "pool: 10.64.0.0/16 and 10.64.9.0/24 overlap"),
    (lambda: plan_subnets(["a"], POOL, 15), "prefix: 15 is not allowed; give a whole number from 16 to 30"),
    (lambda: plan_subnets(["a"], POOL, "24"), "prefix: 24 is not allowed"),
    (lambda: plan_subnets(["a"], POOL, taken=["lan"]), "taken: lan is not allowed"),
    (lambda: plan_subnets(["a"], POOL, taken="10.0.0.0/8"), "taken: '10.0.0.0/8' is not allowed; give a list"),
    (lambda: plan_subnets(["a"], POOL, previous={"b": None}), "previous.b: None is not allowed"),
    (lambda: plan_subnets(["a"], POOL, previous={"a": "10.64.1.0/24", "b": "10.64.1.0/24"}),
     "previous: a and b both have 10.64.1.0/24"),
    (lambda: plan_vlans(["a"], "0-5"), "pool: 0-5 is not allowed; give VLAN ids and ranges from 1 to 4094"),
    (lambda: plan_vlans(["a"], "5-4095"), "pool: 5-4095"), (lambda: plan_vlans(["a"], "many"), "pool: many"),
    (lambda: plan_vlans(["a"], "7", previous={"a": "x"}), "previous.a: x is not allowed"),
    (lambda: plan_vlans(["a", "b"], "7"), "VLANs 7 are 1, of which 0 are taken or kept; 2 more are asked for"),
    (lambda: plan_macs(["a"], "53:54:00"), "pool: 53:54:00 is not allowed"),
    (lambda: plan_macs(["a"], "fe:54:00"), "pool: fe:54:00 is not allowed"),
    (lambda: plan_macs(["a"], "52:54"), "pool: 52:54 is not allowed"),
    (lambda: plan_macs(["a"], "52:54:00", taken=["52:54"]), "taken: 52:54 is not allowed: 52:54 is no MAC"),
])
def test_what_is_not_taken(call, words: str):
    with pytest.raises(AnsibleFilterError, match=re.escape(words)):
        call()
