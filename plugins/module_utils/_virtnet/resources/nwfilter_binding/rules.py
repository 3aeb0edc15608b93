# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules of filters on devices that somebody took away, and how libvirt puts its own back.

How many rules a filter makes for a device is known from below only: each of its own at least one, for what the guest
sends or for what it is sent. Until libvirt has found out an address that a filter needs and nobody gave, it lets the
guest ask for one and has a few rules of its own instead, all in one chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...engine.plan import Coming, Drift, Step
from ...host.parts import once
from ...schema.errors import Entry, Path
from ..nwfilter.found import variables_of
from ..reload import reload
from ..repair import Repair
from .chains import BASES, make_chains
from .piece import nwfilter_binding as piece

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...host.host import Host
    from ...host.snapshot import Snapshot

    Chains = dict[str, dict[str, list[list[str]]]]

RELOAD = "reload the daemon of libvirt, which puts the rules of filters back"
ETHERNET = ("mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6")  # the rest are protocols of IP, or of IPv6 by their end
# of rules with others, and of messages without an answer, some chains have none
PLAIN = frozenset(("match", "comment", *(end + what for end in ("src", "dst") for what in (
    "ipaddr", "ipmask", "ipfrom", "ipto", "portstart", "portend"))))
OWN = (("libvirt-in", "FI"), ("libvirt-out", "FO"), ("libvirt-host-in", "HI"))
HOOKS = {"I": ("PREROUTING", "iifname"), "O": ("POSTROUTING", "oifname")}
TABLE = "bridge nat "
LEARNED = "IP"  # the only variable that libvirt finds out
OTHER_BACKEND = "bridge libvirt_nwfilter"  # of nftables, in libvirt 12


class Least(NamedTuple):
    """How many rules there are at least: for frames that the guest sends and is sent, and for packets."""

    sent: int = 0
    received: int = 0
    ip: int = 0
    ip6: int = 0

    def plus(self, **more: int) -> Least:
        return self._replace(**{name: getattr(self, name) + number for name, number in more.items()})


def lost_rules(seen: Snapshot, device: str) -> list[Drift]:
    """What a device lacks of the rules of its filter."""
    state, wanted = seen.firewall, _least(seen, device)
    if state is None or state["problem"] or state["legacy"] or wanted is None or any(
            name.startswith(OTHER_BACKEND) for name in state["chains"]):
        return []
    kind: type[Drift] = Drift
    if awaits_address(seen, _reference(seen, device)):
        if _lets_ask(state["chains"], device):
            return []
        kind = Coming
    there = _there(state["chains"], device, wanted)
    lacks = [name for name in Least._fields if getattr(there, name) < getattr(wanted, name)]
    return [kind("kernel", Path("firewall", Entry(device), name), "%d rules" % getattr(wanted, name),
                 "%d rules" % getattr(there, name)) for name in lacks]


@once
def _least(seen: Snapshot, device: str) -> Least | None:
    """What the filter of a device makes, None for no filter and for one that lacks values."""
    reference = _reference(seen, device)
    if reference is None or not _not_given(seen, reference) <= {LEARNED}:
        return None
    return _least_of(seen, reference.get("filter") or "")


def _reference(seen: Snapshot, device: str) -> Element | None:
    binding = seen.binding(device)
    return None if binding is None else binding.find("filterref")


def _not_given(seen: Snapshot, reference: Element) -> set[str]:
    """The variables that a filter needs and its binding has no values for."""
    given = {"MAC", *(parameter.get("name") for parameter in reference.findall("parameter"))}
    return variables_of(seen).get(reference.get("filter") or "", set()) - given


def awaits_address(seen: Snapshot, reference: Element | None) -> bool:
    """Whether libvirt finds out an address for a filter; what it found it does not say."""
    return reference is not None and LEARNED in _not_given(seen, reference)


@once
def _least_of(seen: Snapshot, name: str) -> Least:
    """What a filter makes, with all that it refers to."""
    found = Least()
    for rule in _rules_of(seen, name):
        found = _with_rule(found, rule)
    return found


@once
def _rules_of(seen: Snapshot, name: str) -> list[Element]:
    """The rules of a filter, with those of all that it refers to."""
    rules: list[Element] = []
    names, left = {name}, [name]
    while left:
        record = seen.filter(left.pop())
        if record is None:
            continue
        rules += record.document.findall("rule")
        new = {one.get("filter") or "" for one in record.document.findall("filterref")} - names
        names |= new
        left += new
    return rules


def _with_rule(found: Least, rule: Element) -> Least:
    family = _family(rule)
    if not family:
        direction = rule.get("direction")
        return found.plus(sent=int(direction != "in"), received=int(direction != "out"))
    both_ways = not _protocol(rule).startswith("icmp") and all(PLAIN.issuperset(element.attrib) for element in rule)
    return found.plus(**{family: int(both_ways)})


def _protocol(rule: Element) -> str:
    return str(rule[0].tag) if len(rule) else ETHERNET[0]  # of all elements libvirt makes one rule


def _family(rule: Element) -> str:
    """Of packets; empty for a rule for frames."""
    protocol = _protocol(rule)
    if protocol in ETHERNET:
        return ""
    return "ip6" if protocol.endswith("ipv6") or protocol == "icmpv6" else "ip"


def _there(chains: Chains, device: str, wanted: Least) -> Least:
    """The rules that packets of the device get to; none where there is no way to them."""
    def rules(name: str) -> list[list[str]]:
        return chains.get(name, {}).get("rules", [])

    def frames(letter: str) -> int:
        reached = _reached(chains, device, letter)
        return sum(len(_own(one)) for one in [reached, *(rules(TABLE + name) for name in _jumps(reached))])

    def packets(family: str) -> int:
        ways = [["jump %s" % one] in rules("%s filter %s" % (family, base.name)) for base in BASES
                for one in base.jumps]
        ends = [any(rule[-1] == "goto %s-%s" % (letters, device) for rule in rules("%s filter %s" % (family, chain)))
                for chain, letters in OWN]
        if not all(ways + ends):
            return 0
        return min(len(rules("%s filter %s-%s" % (family, letters, device))) for _chain, letters in OWN)

    return Least(frames("I"), frames("O"),
                 packets("ip") if wanted.ip else 0, packets("ip6") if wanted.ip6 else 0)


def _reached(chains: Chains, device: str, letter: str) -> list[list[str]]:
    """The rules of the chain that frames of the device get to first."""
    hook, word = HOOKS[letter]
    chain = "libvirt-%s-%s" % (letter, device)
    leads = ["%s %s" % (word, device), "jump %s" % chain] in chains.get(TABLE + hook, {}).get("rules", [])
    return chains.get(TABLE + chain, {}).get("rules", []) if leads else []


def _jumps(rules: list[list[str]]) -> set[str]:
    """The other chains that they lead to; while libvirt makes rules anew, these have other names for a moment."""
    return {rule[-1][len("jump "):] for rule in rules if rule[-1].startswith("jump ")}


def _lets_ask(chains: Chains, device: str) -> bool:
    """Whether a device has the rules of one whose address is not known yet, and not those of one that may send nothing.

    The latter it has for some tenths of a second while libvirt's daemon is reloaded.
    """
    rules = _reached(chains, device, "I")
    return any(rule[-1] == "accept" for rule in _own(rules)) and not _jumps(rules)


def _own(rules: list[list[str]]) -> list[list[str]]:
    """Without those that lead to other chains, and without the last one, which is the chain's policy."""
    whole = rules[:-1] if rules[-1:] == [["accept"]] else rules
    return [rule for rule in whole if not rule[-1].startswith("jump ")]


# --- mending


def rule_repairs(device: str, lost: Sequence[Drift], hindered: str) -> Iterator[Repair]:
    """``hindered`` is why libvirt's daemon does not put them back, empty where it can."""
    for drift in lost:
        yield Repair(drift, None, remedy=hindered and "rules of the filter of %s are lost: %s" % (device, hindered))
    if lost and not hindered:
        yield Repair(None, Step(RELOAD, put_back, piece(device)))


def put_back(host: Host) -> None:
    """Has libvirt make the rules of all filters anew where some are lost."""
    reload(host, "filters", all_lost, lambda host, seen: make_chains(host, seen, _families(seen)))


def all_lost(seen: Snapshot) -> list[Drift]:
    return [drift for device in _bound(seen) for drift in lost_rules(seen, device)]


def _families(seen: Snapshot) -> set[str]:
    """Of which filters on devices have rules for packets."""
    bindings = [binding for binding in map(seen.binding, _bound(seen)) if binding is not None]
    names = {reference.get("filter") or "" for binding in bindings for reference in binding.findall("filterref")}
    return {_family(rule) for name in names for rule in _rules_of(seen, name)}


def _bound(seen: Snapshot) -> Iterator[str]:
    return (device for device in seen.bindings() if seen.device(device))
