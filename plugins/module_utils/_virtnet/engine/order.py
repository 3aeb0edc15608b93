# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order wishes are carried out: what is needed first, what is to be gone last and the other way round."""

from __future__ import annotations

from typing import Any

from ..schema.errors import Invalid
from .resource import Key

# what others are made of comes first; a kind that is not here comes last
POSITIONS = ("sriov", "nwfilter", "network", "network_port", "nwfilter_binding", "interface")


def fold(wishes: list[Any]) -> dict[Key, tuple[Any, list[Any]]]:
    """By key, every wish that is carried out, with those that are carried out by it: itself, and patches of it."""
    groups: dict[Key, tuple[Any, list[Any]]] = {}
    for wish in wishes:
        if wish.key in groups:
            raise Invalid("", "%s is wished for twice" % said(wish.key))
        groups[wish.key] = (wish, [wish])
    for wish in wishes:
        owner = getattr(wish, "owner", None)
        if owner in groups:
            whole, members = groups[owner]
            groups[owner] = (wish.fold(whole), [*members, wish])
            del groups[wish.key]
    return groups


def in_order(wishes: list[Any]) -> list[Any]:
    """Wishes in the order of need; those that need nothing of each other by their kind and key."""
    ranked = sorted(wishes, key=_rank)
    makes = _sorted_by_need([wish for wish in ranked if not wish.absent or _is_patch(wish)])
    removals = _sorted_by_need([wish for wish in ranked if wish.absent and not _is_patch(wish)])
    return makes + removals[::-1]


def _is_patch(wish: Any) -> bool:
    return hasattr(wish, "owner")


def _rank(wish: Any) -> tuple[int, bool, Key]:
    """By kind and key; patches that take something away make room for those that add."""
    return _position(wish.kind), _is_patch(wish) and not wish.absent, wish.key


def _position(kind: str) -> int:
    return POSITIONS.index(kind) if kind in POSITIONS else len(POSITIONS)


def _sorted_by_need(wishes: list[Any]) -> list[Any]:
    by_key = {wish.key: wish for wish in wishes}
    done: dict[Key, bool] = {}
    ordered: list[Any] = []
    for start in wishes:
        way = [(start, iter(start.needs()))] if start.key not in done else []
        if way:
            done[start.key] = False
        while way:
            wish, needs = way[-1]
            needed = next((key for key in needs if key in by_key and done.get(key) is not True), None)
            if needed is None:
                way.pop()
                done[wish.key] = True
                ordered.append(wish)
            elif needed in done:
                _refuse_circle([one.key for one, _ in way], needed)
            else:
                done[needed] = False
                way.append((by_key[needed], iter(by_key[needed].needs())))
    return ordered


def _refuse_circle(way: list[Key], needed: Key) -> None:
    circle = [*way[way.index(needed):], needed]
    raise Invalid("", "these need each other, so none can be first: %s" % " -> ".join(map(said, circle)))


def said(key: Key) -> str:
    """A key in words."""
    return " ".join(key)
