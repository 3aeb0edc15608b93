# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules that running networks have lost, and how libvirt puts its own back. Its rules are never made by us."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ...engine.plan import Plan, Step
from ...host.parts import once
from ...schema.errors import Entry, Path
from ...schema.options import Options
from .layers import options_of
from .piece import network as piece
from .repair import Repair, drift_of
from .rules import Rule, commands_for_chains, missing_chains, rules_of

if TYPE_CHECKING:
    from ...host.host import Host
    from ...host.snapshot import Snapshot

TRIES, QUIET, PATIENCE = 3, 3, 3.0  # reloads; looks that find the same; seconds without progress
RELOAD = "reload the daemon of libvirt, which puts its firewall rules back"


class Chain(NamedTuple):
    """A chain that lacks rules of a network: what libvirt makes there for it, and which of that is there."""

    name: str
    made: tuple[str, ...]
    there: tuple[str, ...]


class Firewall(NamedTuple):
    """What is wrong with the rules of a network.

    ``problem`` is why they cannot be seen. ``daemon`` is who could put them back, None where it is not seen.
    ``planned`` is whether somebody else of the same task already has it do so.
    """

    problem: str
    chains: tuple[Chain, ...]
    daemon: str | None
    planned: bool


def firewall_of(seen: Snapshot, name: str) -> Firewall | None:
    """None for a network that has no rules, and where the kernel is out of reach.

    What is to be restarted or started gets its rules with that.
    """
    live = options_of(seen.as_it_was, "network_live", name)
    state = seen.firewall
    if live is None or state is None or not any(rules_of(live, state["backend"])):
        return None
    chains = () if state["problem"] else tuple(lost_rules(seen.as_it_was, name))
    return Firewall(state["problem"], chains, seen.daemon if chains else None, bool(state.get("planned")))


def lost_rules(seen: Snapshot, name: str) -> Iterator[Chain]:
    """The chains that lack rules of a running network."""
    live, state, there = options_of(seen, "network_live", name), seen.firewall, _rules_there(seen)
    by_chain: dict[str, Counter[Rule]] = {}
    for rule in rules_of(live or {}, state["backend"]) if state else ():
        by_chain.setdefault(rule.chain, Counter())[rule] += 1
    for chain, made in by_chain.items():
        if any(there[rule] < number for rule, number in made.items()):
            yield Chain(chain, _words(made), _words(made & there))


def _words(rules: Counter[Rule]) -> tuple[str, ...]:
    return tuple(sorted(map(str, rules.elements())))


@once
def _rules_there(seen: Snapshot) -> Counter[Rule]:
    chains = (seen.firewall or {}).get("chains", {})
    return Counter(Rule(name, frozenset(words[:-1]), words[-1])
                   for name, chain in chains.items() for words in chain["rules"] if words)


# --- mending


def firewall_repairs(name: str, found: Firewall | None) -> Iterator[Repair]:
    if found is None:
        return
    step = None if found.planned or not found.daemon else reload_step(name)
    for chain in found.chains:
        yield Repair(drift_of(Path("firewall", Entry(chain.name)), list(chain.made), list(chain.there)), step,
                     by_people=not found.daemon)
        step = None


def reload_step(name: str) -> Step:
    return Step(RELOAD, put_back, piece(name))


def promise_rules(seen: Snapshot, plan: Plan) -> None:
    """One reload is enough for all networks."""
    if any(step.title == RELOAD for step in plan.steps):
        seen.put("firewall", "", dict(seen.firewall or {}, planned=True))


def put_back(host: Host) -> None:
    """Makes libvirt's chains where they are gone, and has libvirt make the rules of all networks anew where some are.

    A second time where it took fresh rules away by numbers of lost ones (backend nftables).
    """
    for _ in range(TRIES):
        make_chains(host, host.look())
        if not _all_lost(host.look()):
            return
        host.daemon.reload_daemon()
        if _is_settled(host):
            return


def make_chains(host: Host, seen: Snapshot) -> None:
    """Makes the chains that libvirt makes only when its daemon starts, with the jumps to them."""
    state = seen.firewall or {}
    commands = commands_for_chains(state["chains"], state["backend"])
    if commands:
        host.firewall.change_firewall(commands)


def _all_lost(seen: Snapshot) -> list[Chain]:
    return [chain for name in seen.network_names() for chain in lost_rules(seen, name)]


def _is_settled(host: Host) -> bool:
    """Waits while rules come back; whether all are there, and stay."""
    before, quiet, since = None, 0, time.monotonic()
    while time.monotonic() - since < PATIENCE:
        lost = _all_lost(host.look())
        quiet = 0 if lost else quiet + 1
        if quiet == QUIET:
            return True
        if lost != before:
            before, since = lost, time.monotonic()
        time.sleep(0.1)
    return False


def start_without_chains(seen: Snapshot, options: Options) -> list[str]:
    """The chains for want of which a network cannot start.

    libvirt makes them once, for the first network that has rules. As long as none runs, it may still be about to.
    """
    state: dict[str, Any] | None = seen.firewall
    if state is None or state["problem"] or not _runs_with_rules(seen.as_it_was):
        return []
    return missing_chains(options, state["chains"], state["backend"])


@once
def _runs_with_rules(seen: Snapshot) -> bool:
    backend = seen.firewall["backend"] if seen.firewall else ""
    live = (options_of(seen, "network_live", name) for name in seen.network_names())
    return any(any(rules_of(options, backend)) for options in live if options is not None)
