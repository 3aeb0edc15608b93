# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules of networks: how they are read, which there are to be, and what is done where some are lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.fake_host import FakeHost, device
from unit.networks import BRIDGE, LAB, TAP, guest, lab, lab_host
from unit.test_refusals import plan, refusal, wish

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import firewall
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError, KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.chains import Base, commands_for
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.rules import (
    BACKENDS,
    LEGACY,
    commands_for_chains,
    has_rules,
    missing_chains,
    rules_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.upkeep import (
    RELOAD,
    start_with_chains,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

DEVICES = {"virbr0": BRIDGE, "vnet0": TAP, "nic0": device()}
IP, IP6 = {"address": "10.0.0.1", "prefix": 24}, {"family": "ipv6", "address": "fd00::1", "prefix": 64}
NAT = {"name": "lab", "bridge": {"name": "virbr0"}, "forward": {"mode": "nat"}, "ips": [IP]}
RESTART = wish(mtu={"size": 9000}, restart="always")


def state_of(*networks: dict, backend: str = "iptables") -> dict[str, Any]:
    """The firewall of a host on which these networks run."""
    chains: dict[str, Any] = {}
    for family in ("ip", "ip6"):
        for base in BACKENDS[backend].bases:
            for name in (base.name, *base.jumps):
                chains["%s %s %s" % (family, base.table, name)] = {"rules": []}
            chains["%s %s %s" % (family, base.table, base.name)]["rules"] = [["jump %s" % one] for one in base.jumps]
    for network in networks:
        for rule in rules_of(network, backend):
            if not rule.does.startswith("jump "):
                chains[rule.chain]["rules"].insert(0, [*rule.conditions, rule.does])  # as libvirt does
    return {"problem": "", "backend": backend, "chains": chains, "hides": False, "legacy": False}


def used(state: dict | None, **there: Any) -> Any:
    return lab(LAB, LAB, guests=(guest(),), devices=DEVICES, firewall=state, **there)


def without(state: dict, chain: str, *words: str) -> dict:
    """The same with the rules gone that have all these words."""
    changed = copy.deepcopy(state)
    rules = changed["chains"][chain]["rules"]
    changed["chains"][chain]["rules"] = [rule for rule in rules if not set(words) <= set(rule)]
    assert len(changed["chains"][chain]["rules"]) < len(rules)
    return changed


WHOLE = state_of(NETWORK.check(LAB))


# --- as words


@pytest.mark.parametrize(("statement", "word"), [
    ({"counter": {"packets": 1, "bytes": 40}}, ""),
    ({"accept": None}, "accept"),
    ({"reject": {"type": "icmp", "expr": "port-unreachable"}}, "reject"),
    ({"masquerade": {"port": {"range": [1024, 65535]}}}, "masquerade"),
    ({"jump": {"target": "guest_nat"}}, "jump guest_nat"),
    ({"goto": {"target": "x"}}, "goto x"),
    ({"xt": {"type": "target", "name": "MASQUERADE"}}, "masquerade"),
    ({"xt": {"type": "match", "name": "conntrack"}}, "xt conntrack"),
    ({"xt": None}, "xt"),
    ({"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "virbr0"}}, "iifname virbr0"),
    ({"match": {"op": "==", "left": {"meta": {"key": "oif"}}, "right": 7}}, "oifname 7"),
    ({"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 53}}, "udp dport 53"),
    ({"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"range": [1, 9]}}},
     "udp dport 1-9"),
    ({"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "daddr"}},
                "right": {"prefix": {"addr": "10.0.0.0", "len": 24}}}}, "ip daddr != 10.0.0.0/24"),
    ({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": "tcp"}},
     "ip protocol tcp"),
    ({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": [17, 6, 1]}}}, "protocol 1,udp,tcp"),
    ({"xt": {"type": "match", "name": "comment"}}, ""), ("jump { accept; }", "unknown"),
    ({"set": {"op": "update", "elem": "a", "set": "@d", "stmt": [{"limit": {"rate": 5, "per": "second"}}]}}, "unknown"),
    ({"set": {"op": "add", "elem": "a", "set": "@d"}}, "set"),
    ({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": {"set": ["udp", "tcp"]}}},
     "protocol tcp,udp"),
    ({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
     "ct state established,related"),
    ({"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, 1]}, "right": {"&": [1, 2]}}},
     '{"&": [{"meta": {"key": "mark"}}, 1]} {"&": [1, 2]}'),
])
def test_a_statement_of_a_rule_as_words(statement: dict, word: str):
    assert firewall._word(statement) == word


@pytest.mark.parametrize(("family", "word"), [("ip", "protocol tcp"), ("inet", "ip protocol tcp")])
def test_a_protocol_of_ipv4_is_any_where_there_is_only_ipv4(family: str, word: str):
    match = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": 6}}
    of = {"family": family, "table": "t"}
    chains = firewall.chains_of({"nftables": [{"chain": dict(of, name="c")},
                                              {"rule": dict(of, chain="c", expr=[match])}]})
    assert chains["%s t c" % family]["rules"] == [[word]]


def test_a_table_that_is_dormant_has_no_base_chains():
    of = {"family": "ip", "table": "t"}
    chains = firewall.chains_of({"nftables": [{"table": {"family": "ip", "name": "t", "flags": ["dormant"]}},
                                              {"chain": dict(of, name="c", hook="forward", policy="drop")}]})
    assert chains == {"ip t c": {"rules": []}}


def test_chains_of_a_ruleset():
    of = {"family": "ip", "table": "filter"}
    found = firewall.chains_of({"nftables": [
        {"metainfo": {}}, {"table": {"family": "ip", "name": "filter"}},
        {"chain": dict(of, name="FORWARD", handle=1, type="filter", hook="forward", prio=0, policy="drop")},
        {"chain": dict(of, name="OWN", handle=2)},
        {"rule": dict(of, chain="FORWARD", handle=3, expr=[{"counter": None}, {"jump": {"target": "OWN"}}])}]})
    assert found == {"ip filter FORWARD": {"type": "filter", "hook": "forward", "prio": 0, "policy": "drop",
                                           "rules": [["jump OWN"]]}, "ip filter OWN": {"rules": []}}


def test_legacy_iptables_needs_no_nftables(monkeypatch: pytest.MonkeyPatch, tmp_path):
    tool = tmp_path / "xtables-legacy-multi"
    tool.touch()
    monkeypatch.setattr(firewall, "IPTABLES", (str(tool),))
    monkeypatch.setattr(firewall, "LIBRARY", "libnowhere.so.1")
    found = firewall.read_firewall()
    assert found["legacy"] and not found["problem"]


def legacy_state(**changed: Any) -> dict[str, Any]:
    """A host with legacy iptables on which LAB runs; libvirt calls its backend iptables."""
    return {**state_of(NETWORK.check(LAB), backend=LEGACY), "backend": "iptables", "legacy": True, **changed}


def test_rules_lost_in_tables_of_legacy_iptables_come_back_as_others_do():
    state = legacy_state()
    assert not plan(used(state), wish())[0].steps
    less = without(state, "ip legacy-filter LIBVIRT_FWX", "accept")
    planned = plan(used(less), wish())[0]
    assert [step.title for step in planned.steps] == [RELOAD]
    assert [str(drift.path) for drift in planned.drift] == ["firewall[ip legacy-filter LIBVIRT_FWX]"]


@pytest.mark.parametrize("lost", ["ip legacy-filter LIBVIRT_FWX", "ip legacy-filter FORWARD"])
def test_chains_of_legacy_iptables_only_libvirts_start_makes(lost: str):
    state = legacy_state()
    state["chains"][lost] = {"rules": []}
    if lost.endswith("FWX"):
        del state["chains"][lost]
    planned = plan(used(state), wish())[0]
    assert not planned.steps
    assert "chains of legacy iptables and the jumps to them again (%s)" % lost in planned.warnings[0]


def test_without_the_library_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(firewall, "IPTABLES", ())
    monkeypatch.setattr(firewall, "LIBRARY", "libnowhere.so.1")
    assert "libnowhere.so.1 is not installed (package libnftables1" in firewall.read_firewall()["problem"]
    with pytest.raises(KernelError):
        firewall.change_firewall([])


def test_the_backend_is_what_running_networks_say(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(firewall, "STATUS", str(tmp_path / "*.xml"))
    monkeypatch.setattr(firewall, "SETTING", str(tmp_path / "network.conf"))
    assert firewall._backend() == ""
    (tmp_path / "network.conf").write_text('# firewall_backend = "x"\nfirewall_backend = "iptables"\n')
    assert firewall._backend() == "iptables"
    (tmp_path / "a.xml").write_text("<networkstatus><network/></networkstatus>")
    (tmp_path / "b.xml").write_text("no XML")
    (tmp_path / "c.xml").write_text("<networkstatus><firewall name='fwRemoval' backend='nftables'/></networkstatus>")
    assert firewall._backend() == "nftables"


# --- which there are to be


@pytest.mark.parametrize(("mode", "expected"), [
    (None, True), ("nat", True), ("route", True), ("open", False), ("bridge", False), ("hostdev", False)])
def test_who_has_rules(mode: str, expected: bool):
    options = {"forward": {"mode": mode}} if mode else {}
    assert has_rules(options) is expected
    assert any(rules_of(dict(options, bridge={"name": "virbr0"}), "nftables")) is expected


def texts(options: dict, backend: str, chain: str) -> set[str]:
    return {str(rule) for rule in rules_of({"bridge": {"name": "br"}, **options}, backend) if rule.chain == chain}


def test_rules_of_an_isolated_network():
    assert texts({}, "iptables", "ip filter LIBVIRT_FWO") == {"iifname br reject"}
    assert texts({}, "nftables", "ip libvirt_network guest_input") == {"oifname br reject"}
    assert texts({}, "nftables", "ip libvirt_network guest_cross") == {"iifname br oifname br accept"}
    assert not texts({}, "iptables", "ip filter LIBVIRT_INP") ^ {
        "iifname br %s accept" % word for word in ("udp dport 53", "tcp dport 53", "udp dport 67", "tcp dport 67")}
    assert not any(rule.chain.startswith("ip6") for rule in rules_of({"bridge": {"name": "br"}}, "iptables"))


@pytest.mark.parametrize(("forward", "uplink", "does"), [
    ({"mode": "nat"}, "", "masquerade"), ({"mode": "nat", "dev": "eth0"}, "oifname eth0 ", "masquerade"),
    ({"mode": "nat", "interfaces": [{"dev": "eth1"}]}, "oifname eth1 ", "masquerade"),
    ({"mode": "nat", "nat": {"address": {"start": "10.9.0.1", "end": "10.9.0.2"}}}, "", "snat")])
def test_translated_addresses(forward: dict, uplink: str, does: str):
    options = {"forward": forward, "ips": [IP]}
    net = "10.0.0.0/24"
    for backend, chain in (("iptables", "ip nat LIBVIRT_PRT"), ("nftables", "ip libvirt_network guest_nat")):
        found = texts(options, backend, chain)
        assert "ip daddr != %s ip saddr %s %s%s" % (net, net, uplink, does) in found
        assert "ip daddr 255.255.255.255 ip saddr %s %sreturn" % (net, uplink) in found
        assert len(found) - any(text.startswith("jump") for text in found) == 5
    answers = texts(options, "nftables", "ip libvirt_network guest_input")
    assert any("ct state established,related" in text for text in answers)


def test_routed_subnets_and_ipv6():
    routed = texts({"forward": {"mode": "route"}, "ips": [IP]}, "iptables", "ip filter LIBVIRT_FWI")
    assert "ip daddr 10.0.0.0/24 oifname br accept" in routed
    both = {"forward": {"mode": "nat"}, "ips": [IP, IP6]}
    assert "ip6 daddr fd00::/64 oifname br accept" in texts(both, "iptables", "ip6 filter LIBVIRT_FWI")
    assert texts(both, "iptables", "ip6 nat LIBVIRT_PRT") == set()
    both["forward"]["nat"] = {"ipv6": True}
    assert "ip6 daddr ff02::/16 ip6 saddr fd00::/64 return" in texts(both, "iptables", "ip6 nat LIBVIRT_PRT")


def test_services_of_the_host():
    options: dict[str, Any] = {"ips": [dict(IP, dhcp={"ranges": [{}]}, tftp={"root": "/srv"}), IP6]}
    assert "iifname br udp dport 69 accept" in texts(options, "iptables", "ip filter LIBVIRT_INP")
    assert "oifname br udp dport 546 accept" in texts(options, "iptables", "ip6 filter LIBVIRT_OUT")
    assert texts(options, "iptables", "ip mangle LIBVIRT_PRT") == {"oifname br udp dport 68 checksum"}
    assert texts({"ips": [IP]}, "iptables", "ip mangle LIBVIRT_PRT") == set()


@pytest.mark.parametrize(("options", "expected"), [
    ({}, ["ip filter"]), ({"ips": [IP6]}, ["ip filter", "ip6 filter"]), ({"ipv6": True}, ["ip filter", "ip6 filter"]),
    ({"forward": {"mode": "nat"}, "ips": [IP]}, ["ip filter", "ip nat"]),
    ({"forward": {"mode": "nat"}, "ips": [IP6]}, ["ip filter", "ip6 filter"]),
    ({"forward": {"mode": "nat", "nat": {"ipv6": True}}, "ips": [IP6]}, ["ip filter", "ip6 filter", "ip6 nat"]),
    ({"forward": {"mode": "open"}, "ips": [IP]}, []),
])
def test_which_chains_a_network_needs(options: dict, expected: list):
    options = {"bridge": {"name": "br"}, **options}
    found = missing_chains(options, {}, "iptables")
    assert sorted({chain.rpartition(" ")[0] for chain in found}) == expected
    assert not missing_chains(options, state_of()["chains"], "iptables")
    other = missing_chains(options, {}, "nftables")
    assert {chain.split()[0] for chain in other} == {chain.split()[0] for chain in found}


# --- what is done


def test_nothing_where_all_are_there_or_the_kernel_is_out_of_reach():
    assert plan(used(WHOLE), wish())[0].drift == plan(used(None), wish())[0].drift == []


def test_what_is_iptables_own_may_be_hidden():
    """libnftables before 1.0 shows it as nothing but xt."""
    state = dict(copy.deepcopy(WHOLE), hides=True)
    for chain in state["chains"].values():
        for words in chain["rules"]:
            own = [word for word in words if word.startswith(("xt", "udp", "tcp")) or word in ("reject", "masquerade")]
            words[:] = ["protocol " + word[:3] for word in own if word[:3] in ("udp", "tcp")] + [
                word for word in words if word not in own]
            words[:] = words + ["xt"] if own and own[-1] in ("reject", "masquerade") else ["xt"] * bool(own) + words
    assert not plan(used(state), wish())[0].drift
    state["chains"]["ip filter LIBVIRT_INP"]["rules"].pop()
    assert [str(drift.path) for drift in plan(used(state), wish())[0].drift] == ["firewall[ip filter LIBVIRT_INP]"]


def test_what_cannot_be_read_is_said():
    found = plan(used(dict(WHOLE, problem="no library")), wish())[0]
    assert found.warnings == ["the firewall rules of network lab are not compared: no library"] and not found.steps


def test_a_lost_rule_is_drift_and_comes_back():
    found = plan(used(without(WHOLE, "ip filter LIBVIRT_FWO", "reject")), wish())[0]
    drift, = found.drift
    assert str(drift.path) == "firewall[ip filter LIBVIRT_FWO]" and drift.layer == "kernel"
    assert set(drift.desired) - set(drift.current) == {"iifname virbr0 reject"}
    assert [(step.title, step.impact) for step in found.steps] == [(RELOAD, "none")]


def test_the_bridge_of_another_index_has_lost_its_rules():
    """Rules of the backend nftables then name a number that is no device, or another one."""
    state = state_of(NETWORK.check(LAB), backend="nftables")
    assert not plan(used(state), wish())[0].drift
    for chain in state["chains"].values():
        chain["rules"] = [[word.replace("virbr0", "7") for word in rule] for rule in chain["rules"]]
    found = plan(used(state), wish())[0]
    assert {str(drift.path) for drift in found.drift} == {
        "firewall[ip libvirt_network guest_%s]" % end for end in ("input", "output", "cross")}


def test_rules_follow_a_bridge_that_is_made_again_before_guests_are_connected():
    there = {"vnet0": dict(TAP, master=None), "nic0": device()}
    state = without(WHOLE, "ip filter LIBVIRT_FWO", "reject")
    found = plan(lab(LAB, LAB, guests=(guest(),), devices=there, firewall=state), wish())[0]
    titles = [step.title for step in found.steps]
    assert titles.index("make bridge virbr0 again") < titles.index(RELOAD) < titles.index(
        next(title for title in titles if title.startswith("put vnet0")))


def test_who_has_nobody_to_put_them_back_is_told():
    found = plan(used(without(WHOLE, "ip filter LIBVIRT_FWO", "reject"), daemon={"networks": None}), wish())[0]
    assert not found.steps and found.unrepaired and "is not seen from here" in found.warnings[0]


POOL = {"name": "pool", "forward": {"mode": "private", "interfaces": [{"dev": "nic0"}]}}


def with_pool(state: dict, *ports: str) -> Any:
    """A host that also has a pool of devices, on which there are guests where it has ports."""
    there = lab_host(LAB, LAB, guests=(guest(),), devices=DEVICES, firewall=state)
    there.parts["networks"][""]["pool"] = {"uuid": "u", "active": True, "persistent": False, "autostart": False}
    there.parts["network_live"]["pool"] = dump_xml(NETWORK.render(NETWORK.check(POOL)))
    there.parts["ports"]["pool"] = list(ports)
    return there.look()


def test_a_daemon_that_would_forget_who_has_which_device_is_not_reloaded():
    state, port = without(WHOLE, "ip filter LIBVIRT_FWO", "reject"), "<networkport><uuid>p</uuid></networkport>"
    idle = plan(with_pool(state), wish())[0]
    assert [step.title for step in idle.steps] == [RELOAD] and not idle.warnings
    busy = plan(with_pool(state, port), wish())[0]
    assert not busy.steps and busy.unrepaired == busy.drift and len(busy.drift) == 1
    assert "devices of network pool guests have; restart it (restart: always of a network" in busy.warnings[0]
    allowed = plan(with_pool(state, port), wish(restart="always"))[0]
    assert [step.title for step in allowed.steps] == [
        "restart libvirtd, which puts its firewall rules and dnsmasq back"]
    assert not allowed.warnings and not allowed.unrepaired
    both = plan(with_pool(state, port), wish(restart="always"), wish("lab"))
    assert sum(len(one.steps) for one in both) == 1
    unknown = with_pool(state, port)
    unknown.put("restartable", "networks", False)
    told = plan(unknown, wish(restart="always"))[0]
    assert not told.steps and "guests have; restart it (systemctl restart libvirtd)" in told.warnings[0]
    del state["chains"]["ip filter LIBVIRT_FWX"]
    restarted = plan(with_pool(state, port), RESTART)[0]
    assert [step.title for step in restarted.steps][:3] == [
        "make libvirt's firewall chains again", "change the configuration of network lab", "stop network lab"]
    assert restarted.warnings[0].startswith("rules of other networks are lost too: a reload of libvirtd")


def test_one_reload_is_enough_for_a_task():
    found = plan(used(without(WHOLE, "ip filter FORWARD", "jump LIBVIRT_FWX")), wish(), wish("new", state="active"))
    assert [step.title for one in found for step in one.steps].count(RELOAD) == 1


@pytest.mark.parametrize("chain", ["ip filter LIBVIRT_FWX", "ip filter LIBVIRT_INP"])
def test_a_restart_makes_missing_chains_first(chain: str):
    state = copy.deepcopy(WHOLE)
    del state["chains"][chain]
    titles = [step.title for step in plan(used(state), RESTART)[0].steps]
    assert titles[0] == RELOAD and "stop network lab" in titles
    text = refusal(used(state, daemon={"networks": None}), RESTART)
    assert text.startswith("firewall: libvirt's chains are gone (%s)" % chain) and "systemctl restart" in text


def test_what_neither_starts_nor_has_rules_needs_no_chains():
    empty = dict(state_of(), chains={})
    titles = [step.title for step in plan(used(empty), wish("hb", state="active", forward={"mode": "bridge"}))[0].steps]
    assert RELOAD not in titles
    (found,) = plan(lab(LAB, devices=DEVICES, firewall=empty), wish(bridge={"name": "virbr1"}, state="active"))
    assert RELOAD not in [step.title for step in found.steps]


@pytest.mark.parametrize(("message", "backend", "made"), [
    ("iptables -w --table filter --insert LIBVIRT_INP failed", "", True), ("no such device", "", False),
    ("nft -ae insert rule ip libvirt_network guest_output failed", "", True), ("no such device", "iptables", True)])
def test_a_start_that_fails_for_want_of_chains_is_tried_once_more(message: str, backend: str, made: bool):
    there, tried = FakeHost(firewall=dict(state_of(), chains={}, backend=backend)), []
    there.parts["host"][""]["version"] = [11, 3, 0]

    def start() -> None:
        tried.append(len(there.calls))
        if not there.calls:
            raise HypervisorError(message)

    if made:
        start_with_chains(there, start)
        (call, commands), = there.calls
        assert call == "change_firewall" and commands and tried == [0, 1]
    else:
        with pytest.raises(HypervisorError, match=message):
            start_with_chains(there, start)


def apply(commands: list, chains: dict) -> dict:
    """The chains after what libnftables would do."""
    chains = copy.deepcopy(chains)
    for command in commands:
        (verb, what), = command.items()
        if "chain" in what:
            chains["%(family)s %(table)s %(name)s" % what["chain"]] = {"rules": []}
        elif "rule" in what:
            rule = what["rule"]
            rules = chains["%(family)s %(table)s %(chain)s" % rule]["rules"]
            place = rule.get("index", 0 if verb == "insert" else len(rules))
            rules.insert(place, ["jump %s" % rule["expr"][1]["jump"]["target"]])
    return chains


@given(st.data(), st.sampled_from(sorted(BACKENDS.keys() - {LEGACY})))
def test_whatever_of_the_chains_is_lost_comes_back(data: Any, backend: str):
    whole = state_of(backend=backend)["chains"]
    there = {name: {"rules": data.draw(st.lists(st.sampled_from(chain["rules"]), unique_by=str))
                    if chain["rules"] else []}
             for name, chain in whole.items() if data.draw(st.booleans())}
    after = apply(commands_for_chains(there, backend), there)
    assert after.keys() == whole.keys()
    assert all(sorted(map(str, after[name]["rules"])) == sorted(map(str, whole[name]["rules"])) for name in whole)
    assert not commands_for_chains(after, backend)
    assert apply(commands_for_chains({}, backend), {}) == whole


@given(st.sets(st.sampled_from("abcd")), st.integers(0, 2))
def test_jumps_that_come_back_are_in_order_and_others_rules_stay_where_they_are(left: set[str], foreign: int):
    base = Base("filter", "FORWARD", "filter", "forward", 0, ("a", "b", "c", "d"))
    rules = [["jump %s" % name] for name in sorted(left)]
    rules[foreign:foreign] = [["accept"]]
    there = {"ip filter %s" % name: {"rules": []} for name in base.jumps} | {"ip filter FORWARD": {"rules": rules}}
    after = apply(list(commands_for(there, "ip", base)), there)["ip filter FORWARD"]["rules"]
    assert [rule for rule in after if rule != ["accept"]] == [["jump %s" % name] for name in base.jumps]
    assert [rule for rule in after if rule == ["accept"] or rule in rules] == rules
