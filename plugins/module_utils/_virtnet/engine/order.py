# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order wishes are carried out: what is needed first, what is to be gone last and the other way round."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from ..host.snapshot import Snapshot
from ..schema.errors import Invalid

if TYPE_CHECKING:
    from .resource import Key, Patch, Wish

    Groups = dict[Key, tuple[Wish, list[Wish]]]
    Wrong = dict[Key, Invalid]

LAST = 100  # the position of patches, behind all kinds


def fold(wishes: list[Wish]) -> Groups:
    """By key, every wish that is carried out, with those that are carried out by it: itself, and patches of it."""
    groups: Groups = {}
    for wish in wishes:
        if wish.key in groups:
            raise Invalid("", "%s is wished for twice" % said(wish.key))
        groups[wish.key] = (wish, [wish])
    for wish in wishes:
        owner = getattr(wish, "owner", None)
        if owner in groups:
            whole, members = groups[owner]
            groups[owner] = (cast("Patch[object]", wish).fold(whole), [*members, wish])
            del groups[wish.key]
    return groups


def in_order(wishes: list[Wish], seen: Snapshot, first: Collection[Key] = ()) -> tuple[list[Wish], Wrong]:
    """Wishes in the order of need, and which of them cannot have what they need.

    Those that need nothing of each other are in the order of their kind and key. What is to be gone ``first``, since
    others take over what it leaves, goes before anything is made, and so does what uses it.
    """
    if len(wishes) < 2:
        return list(wishes), {}
    wrong = _needs_of_what_goes(wishes, seen)
    ranked = sorted(wishes, key=_rank)
    makes = _sorted_by_need([wish for wish in ranked if not wish.absent or _is_patch(wish)], seen, wrong)
    removals = _sorted_by_need([wish for wish in ranked if wish.absent and not _is_patch(wish)], seen, wrong)
    removals.reverse()
    early = max((place for place, wish in enumerate(removals, 1) if wish.key in first), default=0)
    return removals[:early] + makes + removals[early:], wrong


def _needs_of_what_goes(wishes: list[Wish], seen: Snapshot) -> Wrong:
    gone = {wish.key for wish in wishes if wish.absent and not _is_patch(wish)}
    lost = {wish.key: sorted(gone.intersection(wish.needs(seen))) for wish in wishes if not wish.absent}
    return {key: Invalid("", "%s needs %s, which is to be absent" % (said(key), said(needs[0])))
            for key, needs in lost.items() if needs}


def _is_patch(wish: Wish) -> bool:
    return hasattr(wish, "owner")


def _rank(wish: Wish) -> tuple[int, bool, Key]:
    """By kind and key; patches that take something away make room for those that add, and what stops for the rest."""
    makes_room = wish.absent if _is_patch(wish) else getattr(wish, "state", None) == "inactive"
    return getattr(wish, "position", LAST), not makes_room, wish.key


def _sorted_by_need(wishes: list[Wish], seen: Snapshot, wrong: Wrong) -> list[Wish]:
    by_key = {wish.key: wish for wish in wishes}
    done: dict[Key, bool] = {}
    ordered: list[Wish] = []
    for start in wishes:
        way = [(start, iter(start.needs(seen)))] if start.key not in done else []
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
                wrong.setdefault(needed, _circle([one.key for one, _needs in way], needed))
            else:
                done[needed] = False
                way.append((by_key[needed], iter(by_key[needed].needs(seen))))
    return ordered


def _circle(way: list[Key], needed: Key) -> Invalid:
    circle = [*way[way.index(needed):], needed]
    return Invalid("", "these need each other, so none can be first: %s" % " -> ".join(map(said, circle)))


def said(key: Key) -> str:
    """A key in words."""
    return " ".join(key)
