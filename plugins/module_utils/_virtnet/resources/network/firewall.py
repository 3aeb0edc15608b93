# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules that running networks have lost. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...host.parts import once
from ...schema.errors import Entry, Invalid, Path
from ...schema.options import Options
from ..repair import drift_of
from .layers import options_of
from .rules import LEGACY, Rule, backend_of, has_rules, missing_chains, rules_of

if TYPE_CHECKING:
    from ...engine.plan import Drift
    from ...host.host import Host
    from ...host.snapshot import Snapshot


COMPLETES_CHECKSUMS = (11, 3, 0)  # the oldest that was seen to; 10.9 does not
NOT_COMPARED = "the firewall rules of network %s are not compared: %s"


def problem_of(seen: Snapshot, name: str) -> str:
    """Why the rules of a running network cannot be compared; empty where they can, and where it has none."""
    live, state = options_of(seen, "network_live", name), seen.firewall
    return str(state["problem"]) if state and live and has_rules(live) else ""


def lost_rules(seen: Snapshot, name: str) -> Iterator[Drift]:
    """The chains that lack rules of a running network."""
    live, state, there = options_of(seen, "network_live", name), seen.firewall, _rules_there(seen)
    if live is None or state is None or state["problem"]:
        return
    by_chain: dict[str, Counter[Rule]] = {}
    backend = backend_of(state)
    for rule in rules_of(live, backend):
        made_as = rule.hidden() if state["hides"] and backend != LEGACY else rule
        by_chain.setdefault(rule.chain, Counter())[made_as] += 1
    for chain, made in by_chain.items():
        if any(there[rule] < number for rule, number in made.items()):
            yield drift_of(Path("firewall", Entry(chain)), _words(made), _words(made & there))


def _words(rules: Counter[Rule]) -> list[str]:
    return sorted(map(str, rules.elements()))


@once
def _rules_there(seen: Snapshot) -> Counter[Rule]:
    chains = (seen.firewall or {}).get("chains", {})
    return Counter(_rule(name, words)
                   for name, chain in chains.items() for words in chain["rules"] if words)


def forget_rules(host: Host, options: Options) -> None:
    """Takes away what libvirt has made for a network of which it knows nothing any more, but what all networks share.
    """
    state = host.look().firewall
    if state is None or state["problem"] or state["hides"]:
        return
    made = {rule for rule in rules_of(options, backend_of(state)) if not rule.does.startswith("jump ")}
    host.firewall.remove_rules(lambda chain, words: bool(words) and _rule(chain, words) in made)


def _rule(chain: str, words: list[str]) -> Rule:
    return Rule(chain, frozenset(words[:-1]), words[-1])


# --- what starting takes


def refuse_without_checksums(seen: Snapshot, options: Options) -> None:
    """With nftables libvirt has tc complete the checksums of DHCP, whether or not a network has any."""
    state = seen.firewall
    if state is None or seen.version < COMPLETES_CHECKSUMS or backend_of(state) != "nftables" or not has_rules(options):
        return
    if seen.has("act_csum") is False:
        raise Invalid("", "firewall: the kernel of this host lacks act_csum, without which libvirt starts no network"
                      " with rules in nftables; install what has it (a module of that name), or have firewall_backend ="
                      ' "iptables" in /etc/libvirt/network.conf and restart libvirt\'s daemon; nothing was stopped')


def start_without_chains(seen: Snapshot, options: Options) -> list[str]:
    """The chains for want of which a network cannot start.

    libvirt makes them once, for the first network that has rules. As long as none runs, it may still be about to.
    """
    state: dict[str, Any] | None = seen.firewall
    if state is None or state["problem"] or not _runs_with_rules(seen.as_it_was):
        return []
    return missing_chains(options, state["chains"], backend_of(state))


@once
def unmakeable_chains(seen: Snapshot) -> list[str]:
    """Those that running networks lack, or lack jumps in, which libvirt makes only when its daemon starts."""
    state: dict[str, Any] | None = seen.firewall
    if state is None or state["problem"] or backend_of(state) != LEGACY:
        return []
    live = (options_of(seen, "network_live", name) for name in seen.network_names())
    made = {rule for options in live if options for rule in rules_of(options, LEGACY)}
    return sorted({rule.chain for rule in made - _rules_there(seen).keys()
                   if rule.chain not in state["chains"] or rule.does.startswith("jump ")})


@once
def _runs_with_rules(seen: Snapshot) -> bool:
    backend = backend_of(seen.firewall) if seen.firewall else ""
    live = (options_of(seen, "network_live", name) for name in seen.network_names())
    return any(any(rules_of(options, backend)) for options in live if options is not None)
