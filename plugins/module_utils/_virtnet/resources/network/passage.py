# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a guest sends passes the host's firewall, and which rule of whom drops it if not. Pure.

The first packet of a connection is followed through the chains. What cannot be told of a rule
(marks, limits, maps) leaves open whether it matches; only what is dropped in any case is told.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from ...host.parts import once
from ...host.snapshot import Snapshot

OUTSIDE = {4: "20.30.40.50", 6: "2600::1"}  # like most, unlike those of documentation, which many drop as bogus
FAMILIES = {4: ("ip", "inet"), 6: ("ip6", "inet")}
NO_EFFECT = ("log", "mangle", "notrack", "set")  # statements that neither match nor end a rule
DROPS, TRANSLATES = ("drop", "reject"), ("masquerade", "snat")
ANSWERS = "xt conntrack"  # nearly all rules with it let answers through, unless they say from where
WHENCE = re.compile("iifname |ip6? saddr ")
BY_NAME = ("@", "{")  # a set by its name, or what has no words
DEEPEST = 20  # chains within chains; the kernel allows 16

Words = list[str]
Truth = Optional[bool]  # None where that cannot be told


class Packet(NamedTuple):
    """The first one of a connection.

    It ``comes`` in by a device and ``goes`` out by another, empty where it is for the host. Without a ``port`` it goes
    to any; without a ``target`` to somebody outside.
    """

    comes: str
    goes: str
    source: str
    target: str = ""
    protocol: str = "tcp"
    port: int = 0

    @property
    def version(self) -> int:
        return ipaddress.ip_address(self.source).version


class End(NamedTuple):
    """What becomes of a packet in a chain: ``verdict`` is a word, empty where the chain says nothing, and by whom.

    ``left`` is the rule by which it left a chain within before that had said anything.
    """

    verdict: str
    by: str = ""
    is_sure: bool = True
    left: str = ""


def dropped_by(seen: Snapshot, packet: Packet) -> str:
    """The rule or policy that drops a packet on its way through or to the host, empty where none does for sure."""
    for name, chain in _base_chains(seen, "forward" if packet.goes else "input", packet.version):
        end = _follow(seen, name, packet, 0)
        if end.verdict in DROPS and end.is_sure:
            return end.by
        if not end.verdict and end.is_sure and chain.get("policy") == "drop":
            return "the policy drop of chain %s" % name
    return ""


def untranslated_by(seen: Snapshot, packet: Packet) -> str:
    """The rule that keeps the address of a packet from being translated, empty where none does for sure."""
    ends = [_follow(seen, name, packet, 0) for name, chain in _base_chains(seen, "postrouting", packet.version)
            if chain.get("type") == "nat"]
    if any(end.verdict in TRANSLATES or not end.is_sure for end in ends):
        return ""
    return next((end.by or end.left for end in ends if end.by or end.left), "")


@once
def _base_chains(seen: Snapshot, hook: str, version: int) -> list[tuple[str, dict[str, Any]]]:
    """The chains of a hook in the order in which packets pass them."""
    chains = (seen.firewall or {}).get("chains", {})
    found = [(name, chain) for name, chain in chains.items()
             if chain.get("hook") == hook and name.split()[0] in FAMILIES[version]]
    return sorted(found, key=lambda one: int(one[1].get("prio", 0)))


def _follow(seen: Snapshot, name: str, packet: Packet, depth: int) -> End:
    """The end of a packet in a chain; a return has no verdict, and is told with its rule."""
    if depth == DEEPEST:
        return End("", is_sure=False)
    is_sure, left = True, ""
    for words in _rules_for(seen, name, packet):
        matches = _matches(words[:-1], packet)
        if matches is False:
            continue
        end = _end_of(seen, name, words, packet, depth)
        left = end.left or left
        if not end.verdict and not end.by:
            is_sure = is_sure and end.is_sure
        elif matches and end.is_sure:
            return end._replace(is_sure=is_sure)
        elif end.verdict not in DROPS:
            is_sure = False  # it may be gone by now
    return End("", is_sure=is_sure, left=left)


def _end_of(seen: Snapshot, name: str, words: Words, packet: Packet, depth: int) -> End:
    """What a rule that matches makes of a packet."""
    does, _space, target = words[-1].partition(" ")
    rule = "the rule %s of chain %s" % (" ".join(words), name)
    if does in ("jump", "goto"):
        inner = _follow(seen, "%s %s" % (name.rpartition(" ")[0], target), packet, depth + 1)
        if inner.verdict or does == "jump":
            return inner if inner.verdict else End("", is_sure=inner.is_sure, left=inner.by or inner.left)
        return End("", rule, inner.is_sure)
    if does in ("accept", *DROPS, *TRANSLATES):
        return End(does, rule)
    if does == "return":
        return End("", rule)
    return End("", is_sure=does in NO_EFFECT)


# --- does a rule match


def _matches(conditions: Words, packet: Packet) -> Truth:
    """Whether all conditions hold; None where that cannot be told, and none of them is known not to."""
    answers = [_holds(condition, packet) for condition in conditions]
    if ANSWERS in conditions:  # what iptables' match says is not shown
        answers.append(None if any(WHENCE.match(condition) for condition in conditions) else False)
    if False in answers:
        return False
    return None if None in answers else True


def _holds(condition: str, packet: Packet) -> Truth:
    if condition in NO_EFFECT:
        return True
    subject, _space, value = condition.rpartition(" ")
    is_negated = subject.endswith(" !=")
    answer = _is(subject[:-3] if is_negated else subject, value, packet)
    return answer if answer is None else answer != is_negated


def _is(subject: str, value: str, packet: Packet) -> Truth:
    if value.startswith(BY_NAME):
        return None
    if subject in ("iifname", "oifname"):
        name = packet.comes if subject == "iifname" else packet.goes
        return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in value.split(","))
    if subject == "protocol":
        return packet.protocol in value.split(",")
    if subject == "ct state":
        return "new" in value.split(",")
    if subject == "ct status":
        return False
    words = subject.split()
    if len(words) == 2 and words[1] in ("saddr", "daddr"):
        return _is_address(words, value, packet)
    if len(words) == 2 and words[0] in ("tcp", "udp"):
        return _is_port(words, value, packet) if words[0] == packet.protocol else False
    return None


def _is_port(words: Words, value: str, packet: Packet) -> Truth:
    if words[1] != "dport" or not packet.port:
        return None
    ends = [one.split("-") for one in value.split(",")]
    return any(int(first[0]) <= packet.port <= int(first[-1]) for first in ends) if all(
        end.isdigit() for one in ends for end in one) else None


def _is_address(words: Words, value: str, packet: Packet) -> Truth:
    if words[0] != ("ip" if packet.version == 4 else "ip6"):
        return False
    address = ipaddress.ip_address(
        packet.source if words[1] == "saddr" else packet.target or OUTSIDE[packet.version])
    try:
        return any(address in ipaddress.ip_network(one) for one in value.split(","))
    except ValueError:  # a range, or the name of a set
        return None


# --- rules by device, so that those of hundreds of networks are not looked at for each of them


@once
def _by_device(seen: Snapshot, name: str) -> dict[str, list[tuple[int, Words]]]:
    """The rules of a chain with their places, by the device that they name first, and by "" for all others."""
    found: dict[str, list[tuple[int, Words]]] = {}
    for place, words in enumerate((seen.firewall or {}).get("chains", {}).get(name, {}).get("rules", ())):
        if words:
            found.setdefault(_device(words), []).append((place, words))
    return found


def _device(words: Words) -> str:
    for word in words[:-1]:
        subject, _space, value = word.partition(" ")
        if subject in ("iifname", "oifname") and not set("*,!@{") & set(value):
            return value
    return ""


def _rules_for(seen: Snapshot, name: str, packet: Packet) -> Iterator[Words]:
    by_device = _by_device(seen, name)
    found = [rule for device in sorted({packet.comes, packet.goes, ""}) for rule in by_device.get(device, ())]
    return (words for _place, words in sorted(found, key=lambda rule: rule[0]))
