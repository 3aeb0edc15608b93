# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept while a host is changed: a record on disk, and a guardian; and what earlier tasks have left of it."""

from __future__ import annotations

import syslog
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, NamedTuple

from ..host import records
from ..host.errors import HostError
from ..host.host import Host, connected
from ..host.snapshot import Snapshot
from ..schema.options import Options
from .plan import Piece
from .record import UNKNOWN, Record, of_another_boot, place_of
from .restore import Restored, restore, words_of

if TYPE_CHECKING:
    from .guardian import Guardian
    from .plan import Back, Step

CONNECT_SECONDS = 60  # for which a guardian waits for libvirt
PROBE_PAUSE = 0.5
TOLD_SECONDS = 5  # after which it is told again how far a task is


class Confirmation(NamedTuple):
    """What a change waits for: ``probes`` that must answer (address and port), then somebody who confirms it."""

    seconds: int
    probes: list[Options]


class NotKept(HostError):
    """All was done, and then it was seen that nobody could confirm it."""


class Keeper:
    """Keeps the record of a change to a host by a task, ``about`` which people are told; it has the ``lock``.

    ``unconfirmed`` says which record waits for its confirmation now, and for how long.
    """

    def __init__(self, host: Host, lock: records.Lock, about: Options,
                 confirmation: Confirmation | None = None) -> None:
        self._host, self._lock, self._about, self._confirmation = host, lock, about, confirmation
        self.unconfirmed: Options = {}

    @contextmanager
    def __call__(self, record: Record, steps: int) -> Iterator[Watched]:
        from . import guardian  # only who changes something needs it

        watch = None
        kept = records.Kept(dict(self._about, uri=self._host.libvirt.uri, boot=records.boot_id(), at=time.time(),
                                 steps=steps, parts=record.was.recorded(),
                                 pieces=[[piece.kind, piece.name] for piece in record.pieces]))
        try:
            watch = guardian.start(lambda waits: self._take_back(record, kept, waits), [*self._lock.files, kept.file])
        except OSError as error:
            raise HostError("no guardian can be started: %s; nothing was begun" % error.strerror) from error
        finally:
            if watch is None:
                kept.close()
                kept.remove()
        try:
            yield Watched(record, kept, watch, self._confirmation)
            if self._confirmation:
                self.unconfirmed = {"record": kept.place, "timeout": self._confirmation.seconds,
                                    "boot": records.boot_id()}
        finally:
            kept.close()
            if self.unconfirmed:
                watch.hold()
            else:
                if not record.lost:
                    kept.remove()
                watch.release()

    def _take_back(self, record: Record, kept: records.Kept, waits: bool) -> None:
        """What the guardian does, in a process of its own, of which nobody sees more than the journal."""
        try:
            if not (waits and self._confirmation and kept.is_confirmed(self._confirmation.seconds)):
                self._restore(record, kept, waits)
        except Exception as error:
            log("What %s of process %s had begun cannot be put back now; the next task tries it: %s"
                % (self._about.get("module"), self._about.get("pid"), words_of(error)))

    def _restore(self, record: Record, kept: records.Kept, waits: bool) -> None:
        one = kept.read()
        pieces = {(piece.kind, piece.name): piece for piece in record.pieces}
        record.begun = [pieces[kind, name] for kind, name in dict.fromkeys(step[:2] for step in one.begun)]
        record.wrote = one.wrote
        alone = Host(connected(self._host.libvirt.uri, CONNECT_SECONDS), local=self._host.local)
        restored = restore(alone, record)
        if not restored.failed:
            kept.remove()
        if waits:
            kept.tell(str(restored))
        if one.begun:
            log("%s of process %s %s. %s" % (self._about.get("module"), self._about.get("pid"), "was not confirmed"
                                             if waits else "ended without a word", restored))


class Watched:
    """A change that is kept and watched, step by step."""

    def __init__(self, record: Record, kept: records.Kept, watch: Guardian, confirmation: Confirmation | None) -> None:
        self._record, self._kept, self._watch, self._confirmation = record, kept, watch, confirmation
        self._begun, self._told = 0, time.monotonic()

    def begins(self, step: Step) -> None:
        """Notes a step before it is done, and tells the journal of long work how far it is."""
        self._begun += 1
        self._kept.begin(step.of.kind, step.of.name, step.title)
        if step.writes:
            self._kept.wrote(step.writes, UNKNOWN)
        self._watch.is_alive()
        if time.monotonic() - self._told > TOLD_SECONDS:
            self._told = time.monotonic()
            log("step %d: %s" % (self._begun, step.title))

    def wrote(self, step: Step) -> None:
        """Notes how the document is left that a step writes, as the record has it."""
        if step.writes:
            self._kept.wrote(step.writes, self._record.wrote[step.writes])

    def prove(self) -> None:
        """Has all probes answer, and a guardian who waits for the confirmation; raises NotKept."""
        if self._confirmation is None:
            return
        if self._confirmation.probes:
            self._reach(self._confirmation.seconds, self._confirmation.probes)
        if not self._watch.is_alive():
            raise NotKept("the guardian, which would put it back if nobody confirms it, was killed")

    def _reach(self, seconds: int, silent: list[Options]) -> None:
        """Waits until all probes have answered."""
        from ..host.probes import answers

        end = time.monotonic() + seconds
        while True:
            silent = [probe for probe in silent if not answers(probe["address"], probe.get("port"))]
            if not silent:
                return
            if time.monotonic() > end:
                raise NotKept("within %d s there was no answer from %s" % (seconds, ", ".join(map(_named, silent))))
            self._watch.is_alive()
            time.sleep(PROBE_PAUSE)


def _named(probe: Options) -> str:
    return "port %d of %s" % (probe["port"], probe["address"]) if probe.get("port") else str(probe["address"])


def log(text: str) -> None:
    """Tells the system's journal."""
    syslog.openlog("virtnet.libvirt", syslog.LOG_PID)
    syslog.syslog(syslog.LOG_WARNING, text)


# --- what earlier tasks have left


def others(host: Host) -> tuple[list[str], list[str]]:
    """The tasks, in words, that were cut off, for their end and that of their guardian was violent; and who is at work.
    """
    there = [one for one in records.left(host.libvirt.uri) if one.begun or not one.data]
    if there and host.lock().is_free():
        return [_about(one) for one in there], []
    return [], ["%s, %s" % (_about(one), records.how_far(one)) for one in there]


def _about(one: records.Left) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.data["at"])) if "at" in one.data else "some time"
    return "%s of %s" % (one.data.get("module", "a task"), at)


class LeftBehind(HostError):
    """A task was cut off that changed other kinds of objects than this one can put back."""


def put_back(host: Host, way_of: Callable[[str], Back | None]) -> list[str]:
    """Puts back what was begun by tasks that have died, and says of each what became of it; the lock is held.

    Raises LeftBehind where ``way_of`` does not know the way back of a kind.
    """
    said, there = [], records.left(host.libvirt.uri)
    for one in there:
        for kind in sorted({kind for kind, _name in one.data.get("pieces", [])}):
            if way_of(kind) is None:
                raise LeftBehind("%s was cut off; virtnet.libvirt.put_back puts back what it had begun" % _about(one))
    for one in there:
        path = records.claimed(one.path)
        if not path:
            continue  # its guardian was killed, and it is confirmed
        restored = restore(host, _record(host, one, way_of)) if one.data else Restored(failed=["its record is damaged"])
        records.remove(path)
        if one.begun or restored.done or restored.failed:
            said.append("%s was cut off. %s" % (_about(one), restored))
    return said


def _record(host: Host, one: records.Left, way_of: Callable[[str], Back | None]) -> Record:
    was, begun = Snapshot.of_record(one.data["parts"]), [(kind, name) for kind, name, _title in one.begun]
    is_of_this_boot = one.data["boot"] == records.boot_id()
    if not is_of_this_boot:  # what was begun, and how it was left, is written without waiting for the disk
        was, begun = of_another_boot(was, host.look()), [(str(kind), str(name)) for kind, name in one.data["pieces"]]
    pieces = [Piece(kind, name, back) for kind, name in dict.fromkeys(begun) for back in [way_of(kind)] if back]
    return Record(was, pieces, pieces, one.wrote if is_of_this_boot else {
        place: UNKNOWN for place in map(place_of, pieces) if place})
