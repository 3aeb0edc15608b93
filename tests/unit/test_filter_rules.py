# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of filters that somebody took away: which there are at least, and what is done where they are not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from unit.fake_host import FakeHost, device

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Coming
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.resource import (
    NwFilterBinding,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.rules import (
    RELOAD,
    Least,
    _least,
    lost_rules,
)

MINE = """<filter name='mine'><filterref filter='base'/><filterref filter='base'/>
<rule action='accept' direction='in'><tcp dstportstart='22'/></rule>
<rule action='accept' direction='in'><tcp srcmacaddr='$MAC'/></rule>
<rule action='accept' direction='in'><icmp type='8'/></rule>
<rule action='accept' direction='out'><udp-ipv6 dstportstart='53'/></rule>
<rule action='drop' direction='inout'/></filter>"""
BASE = """<filter name='base' chain='mac'><rule action='return' direction='out'><mac srcmacaddr='$MAC'/></rule>
<rule action='drop' direction='out'><mac/></rule><rule action='drop' direction='in'><arp/></rule></filter>"""
BINDING = """<filterbinding><owner><name>o</name><uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid></owner>
<portdev name='tap9'/><mac address='52:54:00:00:02:01'/><filterref filter='%s'>%s</filterref></filterbinding>"""
CHAINS: dict[str, list] = {
    "ip filter FORWARD": [["jump libvirt-in"], ["jump libvirt-out"], ["jump libvirt-in-post"]],
    "ip filter INPUT": [["jump libvirt-host-in"]],
    "ip filter libvirt-in": [["xt physdev", "goto FI-tap9"]], "ip filter libvirt-out": [["xt physdev", "goto FO-tap9"]],
    "ip filter libvirt-host-in": [["xt physdev", "goto HI-tap9"]],
    "ip filter FI-tap9": [["tcp sport 22", "return"]], "ip filter FO-tap9": [["tcp dport 22", "accept"]],
    "ip filter HI-tap9": [["tcp sport 22", "return"]],
    "bridge nat PREROUTING": [["iifname tap9", "jump libvirt-I-tap9"]],
    "bridge nat POSTROUTING": [["oifname tap9", "jump libvirt-O-tap9"]],
    "bridge nat libvirt-I-tap9": [["jump I-tap9-mac"], ["drop"], ["accept"]],
    "bridge nat I-tap9-mac": [["ether saddr 52:54:00:00:02:01", "return"], ["drop"], ["accept"]],
    "bridge nat libvirt-O-tap9": [["ether type arp", "drop"], ["drop"], ["accept"]],
}
CHAINS.update({name.replace("ip ", "ip6 ", 1): list(rules) for name, rules in CHAINS.items() if name.startswith("ip ")})


def host(chains: dict | None = None, binding: str = BINDING % ("mine", ""), **there: Any) -> FakeHost:
    state = {"problem": "", "backend": "iptables", "hides": False, "legacy": False,
             "chains": {name: {"rules": rules} for name, rules in (CHAINS if chains is None else chains).items()}}
    filters = {name: {"uuid": "u-" + name, "xml": xml} for name, xml in (("mine", MINE), ("base", BASE))}
    return FakeHost(devices={"tap9": device()}, nwfilters=filters, bindings={"tap9": binding}, firewall=state, **there)


def drifts(*args: Any, **kwargs: Any) -> list:
    return [(str(drift.path), drift.desired, drift.current)
            for drift in lost_rules(host(*args, **kwargs).look(), "tap9")]


def test_what_a_filter_makes_at_least():
    assert _least(host().look(), "tap9") == Least(sent=3, received=2, ip=1, ip6=1)


def test_what_has_all_lacks_nothing():
    assert drifts() == []


@pytest.mark.parametrize(("chain", "place", "expected"), [
    ("bridge nat I-tap9-mac", 1, ("firewall[tap9].sent", "3 rules", "2 rules")),
    ("bridge nat PREROUTING", 0, ("firewall[tap9].sent", "3 rules", "0 rules")),
    ("bridge nat libvirt-O-tap9", 0, ("firewall[tap9].received", "2 rules", "1 rules")),
    ("ip filter FI-tap9", 0, ("firewall[tap9].ip", "1 rules", "0 rules")),
    ("ip filter libvirt-host-in", 0, ("firewall[tap9].ip", "1 rules", "0 rules")),
    ("ip6 filter FORWARD", 2, ("firewall[tap9].ip6", "1 rules", "0 rules")),
])
def test_one_rule_that_is_gone(chain: str, place: int, expected: tuple):
    chains = copy.deepcopy(CHAINS)
    del chains[chain][place]
    assert drifts(chains) == [expected]


def test_a_flushed_ruleset():
    assert [path for path, _desired, current in drifts({}) if current == "0 rules"] == [
        "firewall[tap9].%s" % name for name in ("sent", "received", "ip", "ip6")]


ASKING = {"bridge nat PREROUTING": [["iifname tap9", "jump libvirt-I-tap9"]],
          "bridge nat libvirt-I-tap9": [["ip sport 68", "accept"], ["drop"], ["accept"]]}
SILENCED = dict(ASKING, **{"bridge nat libvirt-I-tap9": [["drop"], ["accept"]]})


@pytest.mark.parametrize(("chains", "is_lost"), [(ASKING, False), (SILENCED, True), (CHAINS, True), ({}, True)])
def test_what_waits_for_an_address_has_rules_to_ask_for_one(chains: dict, is_lost: bool):
    """The filter makes more than CHAINS has: none of one that has its address, and lost its rules, is missed."""
    base = BASE.replace("<arp/>", "<arp arpsrcipaddr='$IP'/>").replace("</filter>", (
        "<rule action='drop' direction='out'><ip srcipaddr='$IP'/></rule></filter>"))
    waiting = host(chains)
    waiting.parts["nwfilters"][""]["base"]["xml"] = base
    lost = lost_rules(waiting.look(), "tap9")
    assert bool(lost) is is_lost and all(isinstance(drift, Coming) for drift in lost)


def test_libvirts_other_backend_is_not_compared():
    assert drifts({"bridge libvirt_nwfilter_ethernet x": []}) == []


@pytest.mark.parametrize("daemon", ["libvirtd", None])
def test_they_come_back_by_who_made_them(daemon: str | None):
    seen = host({}, daemon={"networks": None, "filters": daemon}).look()
    wish = NwFilterBinding("tap9", {"portdev": {"name": "tap9"}, "mac": {"address": "52:54:00:00:02:01"},
                                    "filterref": {"filter": "mine"}})
    found = wish.plan(wish.look(seen))
    assert [step.title for step in found.steps] == [RELOAD] * bool(daemon)
    assert len(found.drift) == 4 and len(found.unrepaired) == (0 if daemon else 4)
