# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, apply, verify, and undo on failure; for one wish or for many as one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..host.errors import HostError
from ..schema.errors import Invalid, Missing
from .order import fold, in_order
from .plan import Plan, Step

if TYPE_CHECKING:
    from ..host.host import Host
    from ..host.snapshot import Snapshot
    from .order import Groups
    from .resource import Key, Wish


class ConvergeError(Exception):
    """A step failed; the message says what was restored."""


@dataclass
class Outcome:
    """What was planned and done for one wish; ``found`` is what is there now, None in check mode.

    ``carried_out_by`` is the wish that it was carried out with.
    """

    wish: Wish
    plan: Plan
    found: Any
    carried_out_by: Wish | None = None


def converge(host: Host, wishes: list[Wish], check_mode: bool) -> list[Outcome]:
    """Makes the host agree with all wishes, or leaves it as it was and raises ConvergeError."""
    groups = fold(wishes)
    seen = host.look()
    planned = plan_all(seen.fork(), [wish for wish, _members in groups.values()], check_mode)
    if not check_mode and any(outcome.plan.steps for outcome in planned):
        _apply(host, planned)
    elif check_mode:
        for outcome in planned:
            outcome.found = None
    return _by_wish(wishes, groups, planned)


def plan_all(seen: Snapshot, wishes: list[Wish], check_mode: bool = False) -> list[Outcome]:
    """What is to be done for each wish, in order, each planned on what those before it will have made."""
    planned, gone = [], _to_be_gone(wishes)
    for wish in in_order(wishes, seen):
        try:
            planned.append(_plan_one(seen, wish, check_mode, gone))
        except Invalid as error:
            if len(wishes) > 1:
                error.problem = "%s (%s %s)" % (error.problem, wish.kind, wish.name)
            raise
    return planned


def _to_be_gone(wishes: list[Wish]) -> set[Key]:
    return {wish.key for wish in wishes if wish.absent}


def _plan_one(seen: Snapshot, wish: Wish, check_mode: bool, gone: set[Key]) -> Outcome:
    found = wish.look(seen)
    try:
        plan = _plan_of(wish, found, seen, gone)
    except Missing as error:
        if not check_mode:
            raise
        return Outcome(wish, _when_it_is_there(error), found)
    if plan.steps:
        wish.promise(seen, plan)
    return Outcome(wish, plan, found)


def _plan_of(wish: Wish, found: Any, seen: Snapshot, gone: set[Key]) -> Plan:
    """The plan of a wish; what goes together with what it needs has nothing to do where that is gone already."""
    try:
        plan: Plan = wish.plan(found)
    except Missing:
        if wish.absent and not gone.isdisjoint(wish.needs(seen)):
            return Plan(before={}, after={})
        raise
    return plan


def _when_it_is_there(error: Missing) -> Plan:
    return Plan(before={}, after={}, extra={"changed": True}, warnings=[until_it_is_there(error)])


def until_it_is_there(error: Exception) -> str:
    """What check mode can say of a task that needs what an earlier one would make."""
    return "%s; where an earlier task makes it, this one has something to do; check mode can say no more of it" % error


def _by_wish(wishes: list[Wish], groups: Groups, planned: list[Outcome]) -> list[Outcome]:
    """The outcomes in the order of the wishes; one that was carried out by another has that one's."""
    by_key = {outcome.wish.key: outcome for outcome in planned}
    outcomes = {}
    for key, (_wish, members) in groups.items():
        for wish in members:
            outcomes[wish.key] = by_key[key] if wish.key == key else Outcome(
                wish, Plan(before={}, after={}), by_key[key].found, by_key[key].wish)
    return [outcomes[wish.key] for wish in wishes]


# --- doing it


def _apply(host: Host, planned: list[Outcome]) -> None:
    done: list[Step] = []
    for step in [step for outcome in planned for step in outcome.plan.steps]:
        try:
            step.do(host)
        except Exception as error:
            left_behind = _clean_up(host, step)
            done += [step] if _took_effect(host, planned, step) else []
            said = left_behind + _undo(host, done)
            raise ConvergeError("Could not %s: %s. %s" % (step.title, words_of(error), said)) from error
        done.append(step)
    try:
        left = _verify(host, planned)
    except Exception as error:
        raise ConvergeError("Could not read back what was done: %s. %s" % (
            words_of(error), _undo(host, done))) from error
    if left:
        raise ConvergeError("Not converged: %s. %s" % ("; ".join(left), _undo(host, done)))


def _took_effect(host: Host, planned: list[Outcome], step: Step) -> bool:
    """Whether a failed step did what it is for, as one whose answer was lost: its wish asks for it no more."""
    try:
        wish = next(outcome.wish for outcome in planned if step in outcome.plan.steps)
        return step.title not in {again.title for again in wish.plan(wish.look(host.look())).steps}
    except Exception:
        return False


def _verify(host: Host, planned: list[Outcome]) -> list[str]:
    """What is not as it was planned, in words: a new plan may find nothing but what the first one left."""
    seen, left, gone = host.look(), [], _to_be_gone([outcome.wish for outcome in planned])
    for outcome in planned:
        outcome.found = outcome.wish.look(seen)
        left += [str(drift) for drift in outcome.plan.left(_plan_of(outcome.wish, outcome.found, seen, gone))]
    return left


def _clean_up(host: Host, step: Step) -> str:
    """Takes away what a failed step left behind; says so only when it cannot."""
    try:
        if step.clean_up:
            step.clean_up(host)
    except Exception as error:
        return "What it left behind could not be taken away: %s. " % words_of(error)
    return ""


def _undo(host: Host, done: list[Step]) -> str:
    """Undoes steps in reverse; says what became of them."""
    if not done:
        return "Nothing was changed."
    restored, kept = [], []
    for step in reversed(done):
        try:
            if step.undo:
                step.undo(host)
                restored.append(step.title)
        except Exception as error:
            kept.append("%s (%s)" % (step.title, words_of(error)))
    said = []
    if restored:
        said.append("Undone, last first: %s." % "; ".join(restored))
    if kept:
        said.append("Could not be undone: %s." % "; ".join(kept))
    return " ".join(said) or "What was done stays: %s." % "; ".join(step.title for step in done)


def words_of(error: Exception) -> str:
    """What an exception says; of one that nobody expected its type too."""
    expected = isinstance(error, (HostError, Invalid, ConvergeError))
    return str(error).rstrip(".") if expected else "%s: %s" % (type(error).__name__, error)
