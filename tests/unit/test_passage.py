# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps guests from reaching what their network promises is told with the rule, and nobody is suspected."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from unit.fake_host import device
from unit.networks import BRIDGE, lab
from unit.test_firewall import state_of
from unit.test_refusals import plan, wish

LIVE = {"name": "lab", "forward": {"mode": "nat"}, "bridge": {"name": "virbr0"}, "dns": {"enable": True},
        "ips": [{"address": "10.0.0.1", "prefix": 24, "dhcp": {"ranges": [{"start": "10.0.0.9", "end": "10.0.0.20"}]}}]}
OUT, BACK = "virbr0 10.0.0.2 20.30.40.50", "  10.0.0.2"
WAY = {OUT: {"device": "eth0", "refused": ""}, BACK: {"device": "virbr0", "refused": ""}}
FORWARD = {"type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}
INPUT = dict(FORWARD, hook="input")
DROPPED = "guests of network lab do not reach eth0: their packets (10.0.0.0/24) end at %s; let what comes from virbr0" \
          " through there"


def warnings(live: dict | None = None, backend: str = "nftables", way: dict | None = None,
             bridge_filter: dict | None = None, **chains: Any) -> list[str]:
    """What is said of a network on a host that has these chains besides, each "family_table_name"."""
    live = live or LIVE
    state = state_of(live, backend=backend)
    for base, hook in (("ip filter FORWARD", "forward"), ("ip libvirt_network forward", "forward"),
                       ("ip nat POSTROUTING", "postrouting"), ("ip libvirt_network guest_nat", "postrouting")):
        if base in state["chains"]:
            state["chains"][base].update(FORWARD, hook=hook, type="nat" if hook == "postrouting" else "filter")
    for name, chain in chains.items():
        there = state["chains"].setdefault(" ".join(name.split("_", 2)), {"rules": []})
        there.update({key: value for key, value in chain.items() if key != "rules"})
        there["rules"] = chain.get("first", []) + there["rules"] + chain.get("rules", [])
    live = dict(live, mac={"address": "52:54:00:00:00:01"})
    up = dict(BRIDGE, addresses=["10.0.0.1/24"], mtu=1500, routes=[])
    seen = lab(live, live, devices={"virbr0": up, "eth0": device(), "br0": device(kind="bridge")}, firewall=state,
               bridge_filter=bridge_filter or {}, way={**WAY, **(way or {})})
    found = plan(seen, wish())[0]
    assert not found.steps
    return found.warnings


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_a_host_of_its_own_drops_nothing(backend: str):
    assert warnings(backend=backend) == []


def test_a_policy_of_another_table():
    assert warnings(inet_own_forward=dict(FORWARD, policy="drop")) == [
        DROPPED % "the policy drop of chain inet own forward"]
    assert warnings(backend="iptables", inet_own_forward=dict(FORWARD, policy="drop"))


def test_docker_with_libvirts_own_table():
    docker = {"rules": [["jump DOCKER-USER"], ["oifname docker0", "xt conntrack", "accept"],
                        ["iifname docker0", "accept"]], **FORWARD, "policy": "drop"}
    user: dict[str, Any] = {"rules": []}
    assert warnings(ip_filter_FORWARD=docker, **{"ip_filter_DOCKER-USER": user}) == [
        DROPPED % "the policy drop of chain ip filter FORWARD"]
    user["rules"] = [["iifname virbr0", "accept"]]
    assert warnings(ip_filter_FORWARD=docker, **{"ip_filter_DOCKER-USER": user}) == []


def test_a_policy_of_the_table_that_has_libvirts_rules_is_none_for_what_they_accept():
    assert warnings(backend="iptables", ip_filter_FORWARD=dict(FORWARD, policy="drop")) == []


def test_a_rule_before_libvirts():
    rule = ["iifname virbr0", "drop"]
    assert warnings(backend="iptables", ip_filter_FORWARD=dict(FORWARD, first=[rule])) == [
        DROPPED % "the rule iifname virbr0 drop of chain ip filter FORWARD"]
    assert warnings(backend="iptables", ip_filter_LIBVIRT_FWO={"first": [rule]}) == [
        DROPPED % "the rule iifname virbr0 drop of chain ip filter LIBVIRT_FWO"]


@pytest.mark.parametrize(("rules", "drops"), [
    ([["ct state established,related", "accept"], ["reject"]], True),
    ([["xt conntrack", "accept"], ["reject"]], True),
    ([["ct status dnat", "accept"], ["reject"]], True),
    ([["iifname virbr0", "accept"], ["drop"]], False),
    ([["iifname virbr*", "accept"], ["drop"]], False),
    ([["iifname eth0,virbr0", "accept"], ["drop"]], False),
    ([["iifname != virbr0", "accept"], ["drop"]], True),
    ([["iifname != docker0", "accept"], ["drop"]], False),
    ([["mark 7", "accept"], ["drop"]], False),
    ([["vmap"], ["drop"]], False),
    ([["limit", "drop"], ["accept"]], False),
    ([["limit", "accept"], ["drop"]], False),
    ([["log", "drop"]], True),
    ([["log"], ["ip saddr 10.0.0.0/8", "drop"]], True),
    ([["ip saddr 10.0.1.0/24", "drop"]], False),
    ([["ip saddr @bad", "drop"]], False),
    ([["ip daddr 192.168.0.0/16", "drop"]], False),
    ([["ip daddr != 192.168.0.0/16", "drop"]], True),
    ([["tcp dport 25", "drop"]], False),
    ([["udp dport 53", "drop"]], False),
    ([["protocol tcp", "drop"]], True),
    ([["protocol udp", "accept"], ["drop"]], True),
    ([["return"], ["drop"]], False),
    ([["mark 7", "return"], ["drop"]], False),
    ([["jump INNER"], ["drop"]], True),
    ([["goto INNER"], ["drop"]], False),
    ([["mark 7", "drop"], ["drop"]], True),
    ([["iifname @inside", "accept"], ["drop"]], False),
    ([["iifname @inside", "accept"], ["iifname docker0", "accept"], ["drop"]], False),
    ([["iifname virbr0", "xt conntrack", "accept"], ["drop"]], False),
    ([["ip saddr 10.0.0.0/24", "xt conntrack", "accept"], ["drop"]], False),
    ([["iifname docker0", "xt conntrack", "accept"], ["drop"]], True),
    ([["ip daddr 192.0.2.0/24,198.51.100.0/24,203.0.113.0/24", "drop"]], False),
    ([["ip6 nexthdr tcp", "drop"]], False),
    ([["unknown", "drop"]], False),
    ([["unknown"], ["drop"]], False),
])
def test_what_a_rule_does_to_a_new_connection(rules: list, drops: bool):
    found = warnings(inet_own_forward=dict(FORWARD, rules=rules), inet_own_INNER={"rules": [["return"], ["accept"]]})
    assert bool(found) is drops, found


def test_chains_that_lead_to_each_other_end():
    assert warnings(inet_own_forward=dict(FORWARD, rules=[["jump A"]]), inet_own_A={"rules": [["jump A"]]}) == []


def test_whose_addresses_are_not_translated():
    assert warnings(backend="iptables", ip_nat_LIBVIRT_PRT={"first": [["ip saddr 10.0.0.0/24", "return"]]}) == [
        "addresses of guests of network lab (10.0.0.0/24) are not translated on their way to eth0, for the sake of the"
        " rule ip saddr 10.0.0.0/24 return of chain ip nat LIBVIRT_PRT; remove that"]
    assert warnings(ip_own_nat=dict(FORWARD, type="nat", hook="postrouting", prio=90, rules=[["accept"]])) == []


@pytest.mark.parametrize(("rules", "expected"), [
    ([], ["DHCP", "DNS"]), ([["iifname virbr0", "accept"]], []), ([["udp dport 53", "accept"]], ["DHCP"]),
    ([["udp dport 53,67-68", "accept"]], []), ([["udp dport 67", "accept"], ["ip saddr 10.0.0.0/24", "accept"]], []),
    ([["udp dport @open", "accept"]], []),
])
def test_services_of_the_host(rules: list, expected: list):
    found = warnings(inet_own_input=dict(INPUT, policy="drop", rules=rules))
    assert [text.split("the host's ")[1].split(" at ")[0] for text in found] == expected
    assert not found or found[0].endswith("end at the policy drop of chain inet own input; let udp port %d of what"
                                          " comes from virbr0 through there" % (67 if expected[0] == "DHCP" else 53))


def test_where_there_is_no_way_out_nothing_is_said_of_it():
    assert warnings(way={OUT: refused("unknown")}, inet_own_forward=dict(FORWARD, policy="drop")) == []
    isolated = {name: value for name, value in LIVE.items() if name != "forward"}
    assert warnings(isolated, inet_own_forward=dict(FORWARD, policy="drop")) == []


def test_a_bridge_of_the_host_whose_packets_pass_the_firewall():
    live = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"}}
    dropping = dict(FORWARD, policy="drop")
    assert warnings(live, ip_filter_FORWARD=dropping) == []
    assert warnings(live, ip_filter_FORWARD=dropping, bridge_filter={"ipv4": True}) == [
        "guests of network lab do not reach anybody in bridge br0: their packets end at the policy drop of chain"
        " ip filter FORWARD; let what comes from and goes to br0 through there, or set"
        " net.bridge.bridge-nf-call-iptables to 0"]


def test_who_lost_rules_is_not_told_of_others():
    """What libvirt lost comes back first; whether packets pass then is told then."""
    state = state_of(LIVE, backend="nftables")
    state = copy.deepcopy(state)
    state["chains"]["ip libvirt_network guest_nat"]["rules"] = []
    state["chains"]["inet own forward"] = dict(FORWARD, policy="drop", rules=[])
    live = dict(LIVE, mac={"address": "52:54:00:00:00:01"})
    up = dict(BRIDGE, addresses=["10.0.0.1/24"], mtu=1500, routes=[])
    found = plan(lab(live, live, devices={"virbr0": up, "eth0": device()}, firewall=state, way=WAY), wish())[0]
    assert found.steps and not found.warnings


def refused(why: str) -> dict:
    return {"device": None, "refused": why}


def by(name: str) -> dict:
    return {"device": name, "refused": ""}


@pytest.mark.parametrize(("way", "forward", "message"), [
    ({OUT: refused("ENETUNREACH")}, {}, "guests of network lab (10.0.0.0/24) get no further than the host, which has no"
     " route to the outside; add a default route"),
    ({OUT: refused("ENETUNREACH")}, {"mode": "route"}, None),
    ({OUT: refused("ENODEV")}, {}, None),
    ({OUT: refused("EINVAL")}, {}, None),
    ({OUT: refused("EACCES")}, {"mode": "open"}, "guests of network lab (10.0.0.0/24) do not reach the outside: a rule"
     " or route of the host prohibits that (ip rule, ip route); remove it"),
    ({OUT: refused("EINVAL"), BACK: by("eth0")}, {}, "what is for guests of network lab (10.0.0.0/24) leaves by eth0,"
     " not by virbr0. rp_filter of virbr0 even drops what they send. Remove the route or address that is in the way"),
    ({BACK: by("eth0")}, {"mode": "route"}, "what is for guests of network lab (10.0.0.0/24) leaves by eth0, not by"
     " virbr0. Remove the route or address that is in the way"),
    ({}, {"dev": "br0"}, "guests of network lab (10.0.0.0/24) do not reach the outside: the host sends them there by"
     " eth0, and the network lets them out by br0 only; route them by that, or change forward.dev"),
    ({}, {"dev": "eth0"}, None),
])
def test_routes_of_the_host(way: dict, forward: dict, message: str | None):
    live = dict(LIVE, forward={**LIVE["forward"], **forward})
    assert warnings(live, way=way) == ([message] if message else [])
