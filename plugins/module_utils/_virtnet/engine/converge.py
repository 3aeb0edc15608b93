# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, apply, verify, and go back on failure; for one wish or for many as one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Protocol

from ..schema.errors import Invalid, Missing, Path, Several, raise_all
from .interrupts import interruptible
from .order import fold, in_order
from .plan import Coming, Drift, Plan, Step
from .record import Changed, Record, take
from .resource import Concludes, Foresees
from .restore import Restored, restore, words_of
from .trades import Taken, in_turn, make_room

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..host.host import Host
    from ..host.snapshot import Snapshot
    from ..schema.options import Options
    from .order import Groups
    from .resource import Key, Wish

    Keep = Callable[[Record, int], AbstractContextManager["Watching"]]


PATIENCE = 5  # seconds for threads of libvirt's
ATTEMPTS = 5  # at planning anew what somebody else changed meanwhile


class ConvergeError(Exception):
    """A step failed; the message says what was restored."""


class Refused(Several):
    """Some wishes of a document cannot be; ``planned`` is what could be planned of the others."""

    def __init__(self, errors: list[Invalid], planned: list[Outcome]) -> None:
        super().__init__(errors)
        self.planned = planned


class NotConverged(Exception):
    """All was done, and the host is not as it was to be."""


@dataclass
class Outcome:
    """What was planned and done for one wish; ``found`` is what is there now, None in check mode.

    ``carried_out_by`` is the wish that it was carried out with, ``turn`` when it is planned and carried out.
    """

    wish: Wish
    plan: Plan
    found: Any
    carried_out_by: Wish | None = None
    turn: int = 0


class Watching(Protocol):
    """Who is told what is done to a host while it is done."""

    def begins(self, step: Step) -> None:
        """A step is about to be done."""

    def wrote(self, step: Step) -> None:
        """A step is done, and the record has how it left what it writes."""

    def prove(self) -> None:
        """All is done, and is kept only if what must be reached can be; raises HostError otherwise."""


class Unkept:
    """Keeps a record nowhere but in this process."""

    def __init__(self) -> None:
        self.unconfirmed: Options = {}

    @contextmanager
    def __call__(self, _record: Record, _steps: int) -> Iterator[Unkept]:
        yield self

    def begins(self, step: Step) -> None:
        """Nobody is told."""

    wrote = begins

    def prove(self) -> None:
        """Nothing has to be reached."""


UNKEPT = Unkept()


class Document(Protocol):
    """What wishes are stated in, all at once, and all that is wrong with it by itself."""

    errors: list[Invalid]

    def place(self, wish: Wish) -> Path:
        """Where a wish stands in it."""

    def more(self, seen: Snapshot) -> list[Wish]:
        """What is wished for besides, by what is there; what is wrong with that comes to the errors."""

    def approve(self, planned: list[Outcome]) -> None:
        """Raises Invalid where what was planned is not to be done."""


def converge(host: Host, wishes: list[Wish], check_mode: bool, keep: Keep = UNKEPT,
             document: Document | None = None) -> list[Outcome]:
    """Makes the host agree with all wishes, or leaves it as it was and raises ConvergeError.

    A ``document`` that they are of knows where each stands in it, wishes for more by what is there, and approves of
    what was planned, or raises Invalid. What is wrong with it and with the plan is raised at once, as Refused.

    ``keep`` keeps the record of what was there while it is needed, with the number of steps, and watches them.
    """
    for attempt in range(ATTEMPTS):
        seen = host.look()
        wanted = [*wishes, *(document.more(seen) if document else ())]
        groups = fold(wanted)
        planned, wrong = plan_each(seen.fork(), [wish for wish, _members in groups.values()], check_mode,
                                   document.place if document else _nowhere)
        if document is None:
            raise_all(wrong)
        elif document.errors or wrong:
            raise Refused(document.errors + wrong, _by_wish(wanted, groups, planned))
        else:
            document.approve(planned)
        try:
            if not check_mode and any(outcome.plan.steps for outcome in planned):
                _apply(host, seen, planned, keep)
        except Changed as error:
            if attempt == ATTEMPTS - 1:
                raise ConvergeError("Somebody else changes %s again and again; nothing of this task was kept"
                                    % error) from error
        else:
            break
    if check_mode:
        for outcome in planned:
            outcome.found = None
    return _by_wish(wanted, groups, planned)


def _nowhere(_wish: Wish) -> Path:
    return Path()


def plan_each(seen: Snapshot, wishes: list[Wish], check_mode: bool,
              place: Callable[[Wish], Path]) -> tuple[list[Outcome], list[Invalid]]:
    """What is to be done for each wish, in order, each planned on what those before it will have made.

    Beside it all that is wrong, but for what only follows from something else that is.
    """
    planned: list[Outcome] = []
    gone = _to_be_gone(wishes)
    room = make_room(seen, wishes)
    ordered, circles = in_order(room.wishes, seen, room.first)
    wrong: dict[Key, Invalid | None] = {
        wish.key: circles[wish.key].within(*place(wish)) for wish in ordered if wish.key in circles}
    for wish in ordered:
        if wish.key in wrong:
            continue
        if not wrong.keys().isdisjoint(wish.needs(seen)):
            wrong[wish.key] = None
            continue
        try:
            planned.append(_plan_one(seen, wish, check_mode, gone))
        except Invalid as error:
            if isinstance(error, Taken) and error.by in room.why:
                error.problem = "%s; it is to be given up, but %s" % (error.problem, room.why[error.by])
            if len(wishes) > 1:
                error.problem = "%s (%s %s)" % (error.problem, wish.kind, wish.name)
            wrong[wish.key] = error.within(*place(wish))
    for turn, outcome in enumerate(planned):
        outcome.turn = turn
    for outcome in planned:
        if outcome.plan.steps and isinstance(outcome.wish, Concludes):
            outcome.wish.conclude(seen, outcome.found, outcome.plan)
    return planned, [error for error in wrong.values() if error]


def _to_be_gone(wishes: list[Wish]) -> set[Key]:
    return {wish.key for wish in wishes if wish.absent}


def _plan_one(seen: Snapshot, wish: Wish, check_mode: bool, gone: set[Key]) -> Outcome:
    found = wish.look(seen)
    try:
        plan = _plan_of(wish, found, seen, gone)
        if plan.steps and isinstance(wish, Foresees):
            wish.foresee(seen, found, plan)
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
        for wish in members if key in by_key else ():
            outcomes[wish.key] = by_key[key] if wish.key == key else Outcome(
                wish, Plan(before={}, after={}), by_key[key].found, by_key[key].wish)
    return [outcomes[wish.key] for wish in wishes if wish.key in outcomes]


# --- doing it


def _apply(host: Host, seen: Snapshot, planned: list[Outcome], keep: Keep) -> None:
    """Does what was planned on what was seen; raises Changed where that is not so any more."""
    steps = in_turn(planned)
    record = take(host.look(), steps)
    changed = record.changed_since(seen)
    if changed:
        raise Changed(changed)
    with interruptible() as signals, keep(record, len(steps)) as watching:
        doing = "start"
        try:
            signals.let_through()
            for step in steps:
                doing = "Could not %s" % step.title
                signals.check()
                watching.begins(step)
                record.refuse_foreign(host, step)  # right before it is done: what comes in between is overwritten
                record.begin(step)
                step.do(host)
                record.note(host, step)
                watching.wrote(step)
            doing = "Could not read back what was done"
            left = _settled(host, planned)
            signals.check()
            if left:
                raise NotConverged("; ".join(left))
            doing = "What was done is not kept"
            watching.prove()
            signals.hold()
        except BaseException as error:
            signals.hold()
            restored = restore(host, record)
            if _again(error, restored):
                raise (error if isinstance(error, Changed) else Changed(restored.foreign)) from error
            raise ConvergeError("%s. %s" % (_said(doing, error), restored)) from error


def _again(error: BaseException, restored: Restored) -> bool:
    """Whether it is somebody else's doing, so that a new plan may succeed."""
    return not restored.failed and (isinstance(error, Changed) or (
        isinstance(error, NotConverged) and restored.foreign != []))


def _said(doing: str, error: BaseException) -> str:
    if isinstance(error, NotConverged):
        return "Not converged: %s" % error
    return "%s: %s" % (doing, words_of(error))


def _settled(host: Host, planned: list[Outcome]) -> list[str]:
    """What is not as it was planned, in words, once libvirt's threads had time for what only they do."""
    end = time.monotonic() + PATIENCE
    left = _verify(host, planned)
    while left and time.monotonic() < end and all(isinstance(drift, Coming) for drift in left):
        time.sleep(0.1)
        left = _verify(host, planned)
    return [str(drift) for drift in left]


def _verify(host: Host, planned: list[Outcome]) -> list[Drift]:
    """What is not as it was planned: a new plan may find nothing but what the first one left."""
    seen, left, gone = host.look(), list[Drift](), _to_be_gone([outcome.wish for outcome in planned])
    for outcome in planned:
        outcome.found = outcome.wish.look(seen)
        left += outcome.plan.left(_plan_of(outcome.wish, outcome.found, seen, gone))
    return left
