# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way back: how a host becomes again what it was before the first step.

It looks at what is there, does what differs, and looks again, until nothing differs. What a failed call reported does
not count, and it can be done again and again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..host.errors import HostError
from ..schema.errors import Invalid
from .interrupts import Interrupted
from .plan import Piece
from .record import Record, listed

if TYPE_CHECKING:
    from ..host.host import Host

ROUNDS = 8  # what one round brings back another one needs: a network its guests, a bridge its ports


@dataclass
class Restored:
    """What was done on the way back, what could not be, and what stays as somebody else has changed it meanwhile."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = []
        if self.done:
            said.append("%s: %s." % ("Put back" if self.failed or self.foreign else "All is as it was; put back",
                                     listed(self.done)))
        if self.failed:
            said.append("Could not be put back: %s." % listed(self.failed))
        if self.foreign:
            said.append("Left as somebody else has changed it meanwhile: %s." % listed(self.foreign))
        return " ".join(said) or "Nothing was changed."


def restore(host: Host, record: Record) -> Restored:
    """Has all that was begun be as it was, goes on past what cannot be done, and says what that was."""
    host.reconnect()
    restored, former = Restored(), None
    done: list[str] = []
    for _round in range(ROUNDS):
        done = []
        restored.failed = []
        for piece in reversed(record.begun):
            _bring_back(host, record, piece, done, restored)
        restored.done += [title for title in done if title not in restored.done]
        now = (done, restored.failed)
        if now in (([], []), former):  # what failed once may work the second time
            break
        former = now
    if done and not restored.failed:
        restored.failed = _not_as_it_was(host, record)
    record.lost = bool(restored.failed)
    return restored


def _not_as_it_was(host: Host, record: Record) -> list[str]:
    """What would still be done, though it was done again and again."""
    return ["%s (it does not last)" % step.title for piece in record.begun
            for step in piece.back(record.was, host.look(), piece.name)]


def _bring_back(host: Host, record: Record, piece: Piece, done: list[str], restored: Restored) -> None:
    """What can be done for one piece right now."""
    failed = restored.failed
    try:
        now = host.look()
        restored.foreign += [name for name in record.leave_foreign(piece, now) if name not in restored.foreign]
        steps = list(piece.back(record.was, now, piece.name))
    except Exception as error:
        failed.append("%s %s (%s)" % (piece.kind, piece.name, words_of(error)))
        return
    for step in steps:
        try:
            record.begin(step)
            step.do(host)
            done.append(step.title)
            record.note(host, step)
        except Exception as error:
            failed.append("%s (%s)" % (step.title, words_of(error)))


def words_of(error: BaseException) -> str:
    """What an exception says; of one that nobody expected its type too."""
    expected = isinstance(error, (HostError, Invalid, Interrupted))
    return str(error).rstrip(".") if expected else "%s: %s" % (type(error).__name__, error)
