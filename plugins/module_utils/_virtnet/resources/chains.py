# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chains that libvirt makes once and does not look at again, and how they are made where they are gone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Chains = Mapping[str, Mapping[str, Any]]  # by "family table chain"
Command = dict[str, Any]  # of libnftables


class Base(NamedTuple):
    """A base chain, and the chains that it jumps to, in the order in which packets are to get there."""

    table: str
    name: str
    type: str
    hook: str
    prio: int
    jumps: tuple[str, ...] = ()


def commands_for(there: Chains, family: str, base: Base) -> Iterator[Command]:
    """What libnftables is to do for a base chain, what it jumps to, and the jumps to be there.

    A jump is put beside those that are left, so that all are in order and rules of others stay where they are.
    """
    of = {"family": family, "table": base.table}

    def lacks(chain: str) -> bool:
        return "%s %s %s" % (family, base.table, chain) not in there

    if any(map(lacks, (base.name, *base.jumps))):
        yield {"add": {"table": {"family": family, "name": base.table}}}
    if lacks(base.name):
        yield {"add": {"chain": dict(of, name=base.name, type=base.type, hook=base.hook, prio=base.prio,
                                     policy="accept")}}
    for target in filter(lacks, base.jumps):
        yield {"add": {"chain": dict(of, name=target)}}
    rules = list(there.get("%s %s %s" % (family, base.table, base.name), {}).get("rules", []))
    for number, target in enumerate(base.jumps):
        if _jump(target) not in rules:
            place = _place(rules, base.jumps, number)
            at = {"index": place} if 0 < place < len(rules) else {}  # counted with those of commands before
            yield {"add" if rules and place == len(rules) else "insert": {"rule": dict(
                of, chain=base.name, expr=[{"counter": None}, {"jump": {"target": target}}], **at)}}
            rules.insert(place, _jump(target))


def _place(rules: list[list[str]], jumps: tuple[str, ...], number: int) -> int:
    """Where a jump belongs: after the one before it, before those after it, else at the top."""
    before = [rules.index(_jump(target)) for target in jumps[:number] if _jump(target) in rules]
    after = [rules.index(_jump(target)) for target in jumps[number:] if _jump(target) in rules]
    return before[-1] + 1 if before else min(after, default=0)


def _jump(target: str) -> list[str]:
    return ["jump %s" % target]
