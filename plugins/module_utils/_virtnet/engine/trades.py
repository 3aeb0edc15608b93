# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one object gives up and another one takes over in the same transaction, so that the end of it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from ..schema.errors import Invalid, Where
from .plan import Step
from .resource import Trades

if TYPE_CHECKING:
    from ..host.snapshot import Snapshot
    from .converge import Outcome
    from .resource import Key, Wish


class Taken(Invalid):
    """What only one can have, and the object of this key has."""

    def __init__(self, where: Where, problem: str, by: Key) -> None:
        super().__init__(where, problem)
        self.by = by


class Room(NamedTuple):
    """``wishes`` of which some trade, the removals that go ``first`` because others take over what they leave, and by
    key ``why`` others keep for now what they are to give up.
    """

    wishes: list[Wish]
    first: set[Key]
    why: dict[Key, str]


def make_room(seen: Snapshot, wishes: list[Wish]) -> Room:
    """Has a snapshot lack what wishes give up that others of them take over."""
    traders = {wish.key: cast("Trades", wish) for wish in wishes if isinstance(wish, Trades)}
    room = Room(list(wishes), set(), {})
    if len(traders) < 2:
        return room
    gone = {wish.key for wish in wishes if wish.absent}
    takers = _takers(seen, {key: one for key, one in traders.items() if key not in gone}, traders)
    trading: set[Key] = set()
    room.first.update(gone & takers.keys())
    for giver in sorted(takers.keys() - gone):
        plan = traders[giver].give_up(seen)
        if plan.trades:
            trading.update((giver, *takers[giver]))
        if plan.waiting:
            room.why[giver] = "; ".join(restart.why for restart in plan.restarts)
    taking = {key for giver in trading & takers.keys() for key in takers[giver]}
    room.wishes[:] = [traders[wish.key].trading(wish.key in taking) if wish.key in trading else wish
                      for wish in wishes]
    return room


def _takers(seen: Snapshot, wishes: dict[Key, Trades], traders: dict[Key, Trades]) -> dict[Key, list[Key]]:
    """By key, who of these is to have what that one has now."""
    takers: dict[Key, list[Key]] = {}
    for taker, wish in wishes.items():
        for giver in wish.takes_from(seen):
            if giver in traders:
                takers.setdefault(giver, []).append(taker)
    return takers


def in_turn(outcomes: list[Outcome]) -> list[Step]:
    """All steps as they are done: those of objects that trade stage by stage, where the first of these stands."""
    first = next((number for number, outcome in enumerate(outcomes) if outcome.plan.trades), 0)
    placed = [((first, step.stage) if outcome.plan.trades else (number, 0), step)
              for number, outcome in enumerate(outcomes) for step in outcome.plan.steps]
    return [step for _place, step in sorted(placed, key=lambda one: one[0])]
