# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way back: what was there before the first step, and how the host becomes so again.

It looks at what is there, does what differs, and looks again, until nothing differs. What a failed call reported does
not count, and it can be done again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..host.errors import HostError
from ..host.parts import Data, NotRecorded
from ..host.snapshot import Snapshot
from ..host.uses import same_document
from ..schema.errors import Invalid
from .interrupts import Interrupted
from .plan import Piece, Step

if TYPE_CHECKING:
    from ..host.host import Host

ROUNDS = 8  # what one round brings back another one needs: a network its guests, a bridge its ports
SAID = 8  # of a long list no more than so many are told
VOLATILE = ("devices", "traffic", "vf_settings", "ports")  # parts that change by themselves
DOCUMENTS = ("network_config", "network_live", "domain_config", "domain_live")
CONFIGURED = ("host", "network_config", "domain_config", "nwfilters", "boot", "boot_owners")
LAYERS = {"network_config": "persistent", "network_live": "active"}  # what a network is that has them
WHOLE = ("nwfilters", "bindings")  # parts that are read all at once


class Changed(Exception):
    """Somebody else has changed what a plan was made on."""

    def __init__(self, what: list[str]) -> None:
        super().__init__(listed(what))


@dataclass
class Record:
    """What the pieces of a host were that a plan touches, as plain data; those ``begun`` are brought back.

    ``lost`` is whether some of it could not be.
    """

    was: Snapshot
    pieces: list[Piece]
    begun: list[Piece] = field(default_factory=list)
    written: set[tuple[str, str]] = field(default_factory=set)
    lost: bool = False

    def begin(self, piece: Piece) -> None:
        if piece not in self.begun:
            self.begun.append(piece)

    def changed_since(self, seen: Snapshot) -> list[str]:
        """What is not any more as it was seen when it was planned."""
        then = seen.recorded()
        return sorted({named(part, key) for part, by_key in self.was.recorded().items() if part not in VOLATILE
                       for key, value in by_key.items()
                       if not _same(part, then.get(part, {}).get(key, value), value)})

    def refuse_foreign(self, host: Host, step: Step) -> None:
        """Raises Changed where somebody else has changed what a step is to change; that is not taken back then."""
        if step.writes is None or step.writes in self.written:
            return
        self.written.add(step.writes)
        part, key = step.writes
        now = host.look()
        value = _document(now, part, key)
        if same_document(_document(self.was, part, key), value):
            return
        if part in WHOLE:
            self.was.put_entry(part, key, now.get(part).get(key))
        else:
            self.was.put(part, key, value)
        if part in LAYERS:
            self.was.put_entry("networks", key, now.get("networks").get(key))
        raise Changed([named(part, key)])


@dataclass
class Restored:
    """What was done on the way back, and what could not be."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = []
        if self.done:
            said.append("%s: %s." % ("Put back" if self.failed else "All is as it was; put back", listed(self.done)))
        if self.failed:
            said.append("Could not be put back: %s." % listed(self.failed))
        return " ".join(said) or "Nothing was changed."


def listed(words: list[str]) -> str:
    """A list in words, of which the end is only counted when it is long."""
    more = len(words) - SAID
    return "; ".join(words if more <= 1 else [*words[:SAID], "and %d more" % more])


def _document(seen: Snapshot, part: str, key: str) -> str | None:
    """A document as text, None where there is none."""
    if part in WHOLE:
        entry = seen.get(part).get(key)
        return str(entry["xml"] if isinstance(entry, dict) else entry) if entry else None
    if part in LAYERS and not seen.get("networks").get(key, {}).get(LAYERS[part]):
        return None
    text: str | None = seen.get(part, key)
    return text


def _same(part: str, old: Data, new: Data) -> bool:
    return same_document(old, new) if part in DOCUMENTS else bool(old == new)


def named(part: str, key: str) -> str:
    """A part of a snapshot in words."""
    return "%s %s" % (part.split("_")[0].rstrip("s"), key) if key else part


def take(seen: Snapshot, steps: Iterable[Step]) -> Record:
    """The record of all that these steps touch: what the ways back ask for, which now find nothing to do."""
    was = Snapshot(seen.get)
    pieces = list(dict.fromkeys(step.of for step in steps))
    for piece in pieces:
        list(piece.back(was, was, piece.name))
    return Record(was, pieces)


def restore(host: Host, record: Record) -> Restored:
    """Has all that was begun be as it was, goes on past what cannot be done, and says what that was."""
    restored, former = Restored(), None
    done: list[str] = []
    host.reconnect()
    for _round in range(ROUNDS):
        done = []
        restored.failed = []
        for piece in reversed(record.begun):
            _bring_back(host, record.was, piece, done, restored.failed)
        restored.done += [title for title in done if title not in restored.done]
        now = (done, restored.failed)
        if now in (([], []), former):  # what failed once may work the second time
            break
        former = now
    if done and not restored.failed:
        restored.failed = _not_as_it_was(host, record)
    record.lost = bool(restored.failed)
    return restored


def of_another_boot(was: Snapshot, now: Snapshot) -> Snapshot:
    """What is still worth bringing back after a boot: what is configured. What ran then is what runs now."""
    def read(part: str, key: str) -> Data:
        try:
            then = was.get(part, key)
        except NotRecorded:
            return now.get(part, key)
        if part not in ("networks", "domains"):
            return then if part in CONFIGURED else now.get(part, key)
        there = now.get(part)
        kept = {name: dict(entry, active=there.get(name, {}).get("active", False))
                for name, entry in then.items() if entry["persistent"]}
        return {**{name: there[name] for name in then if name in there}, **kept}

    return Snapshot(read)


def _not_as_it_was(host: Host, record: Record) -> list[str]:
    """What would still be done, though it was done again and again."""
    return ["%s (it does not last)" % step.title for piece in record.begun
            for step in piece.back(record.was, host.look(), piece.name)]


def _bring_back(host: Host, was: Snapshot, piece: Piece, done: list[str], failed: list[str]) -> None:
    """What can be done for one piece right now."""
    try:
        steps = list(piece.back(was, host.look(), piece.name))
    except Exception as error:
        failed.append("%s %s (%s)" % (piece.kind, piece.name, words_of(error)))
        return
    for step in steps:
        try:
            step.do(host)
            done.append(step.title)
        except Exception as error:
            failed.append("%s (%s)" % (step.title, words_of(error)))


def words_of(error: BaseException) -> str:
    """What an exception says; of one that nobody expected its type too."""
    expected = isinstance(error, (HostError, Invalid, Interrupted))
    return str(error).rstrip(".") if expected else "%s: %s" % (type(error).__name__, error)
