# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules of filters on devices that somebody took away, and how libvirt puts its own back.

How many rules a filter makes for a device is known from below only: each of its own at least one, for what the guest
sends or for what it is sent. What depends on an address that libvirt has to find out first is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...engine.plan import Drift, Step
from ...host.parts import once
from ...schema.errors import Entry, Path
from ..nwfilter.found import variables_of
from ..reload import reload
from ..repair import Repair
from .piece import nwfilter_binding as piece

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...host.host import Host
    from ...host.snapshot import Snapshot

RELOAD = "reload the daemon of libvirt, which puts the rules of filters back"
ETHERNET = ("mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6")  # the rest are protocols of IP, or of IPv6 by their end
# of rules with others, and of messages without an answer, some chains have none
PLAIN = frozenset(("match", "comment", *(end + what for end in ("src", "dst") for what in (
    "ipaddr", "ipmask", "ipfrom", "ipto", "portstart", "portend"))))
BASES = {"FORWARD": ("libvirt-in", "libvirt-out", "libvirt-in-post"), "INPUT": ("libvirt-host-in",)}
OWN = (("libvirt-in", "FI"), ("libvirt-out", "FO"), ("libvirt-host-in", "HI"))
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
    if state is None or state["problem"] or wanted is None or any(
            name.startswith(OTHER_BACKEND) for name in state["chains"]):
        return []
    there = _there(state["chains"], device, wanted)
    lacks = [name for name in Least._fields if getattr(there, name) < getattr(wanted, name)]
    return [Drift("kernel", Path("firewall", Entry(device), name), "%d rules" % getattr(wanted, name),
                  "%d rules" % getattr(there, name)) for name in lacks]


@once
def _least(seen: Snapshot, device: str) -> Least | None:
    """What the filter of a device makes, None for no filter and for what waits for an address."""
    binding = seen.binding(device)
    reference = None if binding is None else binding.find("filterref")
    if reference is None:
        return None
    name = reference.get("filter") or ""
    given = {"MAC", *(parameter.get("name") for parameter in reference.findall("parameter"))}
    if not variables_of(seen).get(name, set()) <= given:
        return None
    return _least_of(seen, name)


@once
def _least_of(seen: Snapshot, name: str) -> Least:
    """What a filter makes, with all that it refers to."""
    found, names, left = Least(), {name}, [name]
    while left:
        record = seen.filter(left.pop())
        if record is None:
            continue
        for rule in record.document.findall("rule"):
            found = _with_rule(found, rule)
        new = {one.get("filter") or "" for one in record.document.findall("filterref")} - names
        names |= new
        left += new
    return found


def _with_rule(found: Least, rule: Element) -> Least:
    protocol = str(rule[0].tag) if len(rule) else ETHERNET[0]  # of all elements libvirt makes one rule
    if protocol in ETHERNET:
        direction = rule.get("direction")
        return found.plus(sent=int(direction != "in"), received=int(direction != "out"))
    family = "ip6" if protocol.endswith("ipv6") or protocol == "icmpv6" else "ip"
    both_ways = not protocol.startswith("icmp") and all(PLAIN.issuperset(element.attrib) for element in rule)
    return found.plus(**{family: int(both_ways)})


def _there(chains: dict[str, dict[str, list[list[str]]]], device: str, wanted: Least) -> Least:
    """The rules that packets of the device get to; none where there is no way to them."""
    def rules(name: str) -> list[list[str]]:
        return chains.get(name, {}).get("rules", [])

    def frames(letter: str, hook: str, word: str) -> int:
        if ["%s %s" % (word, device), "jump libvirt-%s-%s" % (letter, device)] not in rules("bridge nat " + hook):
            return 0
        own = [name for name in chains if name == "bridge nat libvirt-%s-%s" % (letter, device)
               or name.startswith("bridge nat %s-%s-" % (letter, device))]
        return sum(len(_own(rules(name))) for name in own)

    def packets(family: str) -> int:
        ways = [["jump %s" % one] in rules("%s filter %s" % (family, base)) for base, ones in BASES.items()
                for one in ones]
        ends = [any(rule[-1] == "goto %s-%s" % (letters, device) for rule in rules("%s filter %s" % (family, chain)))
                for chain, letters in OWN]
        if not all(ways + ends):
            return 0
        return min(len(rules("%s filter %s-%s" % (family, letters, device))) for _chain, letters in OWN)

    return Least(frames("I", "PREROUTING", "iifname"), frames("O", "POSTROUTING", "oifname"),
                 packets("ip") if wanted.ip else 0, packets("ip6") if wanted.ip6 else 0)


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
    reload(host, "filters", _all_lost)


def _all_lost(seen: Snapshot) -> list[Drift]:
    return [drift for device in _bound(seen) for drift in lost_rules(seen, device)]


def _bound(seen: Snapshot) -> Iterator[str]:
    return (device for device in seen.bindings() if seen.device(device))
