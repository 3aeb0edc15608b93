# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept while a host is changed: a record on disk, and a guardian; and what earlier tasks have left of it."""

from __future__ import annotations

import syslog
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

from ..host import records
from ..host.errors import HostError
from ..host.host import Host, connected
from ..host.snapshot import Snapshot
from ..schema.options import Options
from .plan import Piece, Step
from .restore import Record, Restored, of_another_boot, restore

if TYPE_CHECKING:
    from .plan import Back

CONNECT_SECONDS = 60  # for which a guardian waits for libvirt


class Keeper:
    """Keeps the record of a change to a host by a task, ``about`` which people are told; it has the ``lock``."""

    def __init__(self, host: Host, lock: records.Lock, about: Options) -> None:
        self._host, self._lock, self._about = host, lock, about

    @contextmanager
    def __call__(self, record: Record) -> Iterator[Callable[[Step], None]]:
        from . import guardian  # only who changes something needs it

        watch = None
        kept = records.Kept(dict(self._about, uri=self._host.libvirt.uri, boot=records.boot_id(), at=time.time(),
                                 parts=record.was.recorded(),
                                 pieces=[[piece.kind, piece.name] for piece in record.pieces]))
        try:
            watch = guardian.start(lambda begun: self._take_back(record, kept, begun), [self._lock.file])
        except OSError as error:
            raise HostError("no guardian can be started: %s; nothing was begun" % error.strerror) from error
        finally:
            if watch is None:
                kept.close()
                kept.remove()

        def begins(step: Step) -> None:
            kept.begin(step.of.kind, step.of.name)
            watch.tell(record.pieces.index(step.of))

        try:
            yield begins
        finally:
            kept.close()
            if not record.lost:
                kept.remove()
            watch.release()

    def _take_back(self, record: Record, kept: records.Kept, begun: list[int]) -> None:
        """What the guardian does, in a process of its own, of which nobody sees more than the journal."""
        record.begun = list(dict.fromkeys(record.pieces[place] for place in begun))
        alone = Host(connected(self._host.libvirt.uri, CONNECT_SECONDS), local=self._host.local)
        restored = restore(alone, record)
        if not restored.failed:
            kept.remove()
        if not begun:
            return
        syslog.openlog("virtnet.libvirt", syslog.LOG_PID)
        syslog.syslog(syslog.LOG_WARNING, "%s of process %s ended without a word. %s" % (
            self._about.get("module"), self._about.get("pid"), restored))


# --- what earlier tasks have left


def left_behind(uri: str) -> list[str]:
    """What tasks were, in words, that have left a record, for their end and that of their guardian was violent."""
    return [_about(one) for one in records.left(uri) if one.begun or not one.data]


def _about(one: records.Left) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.data["at"])) if "at" in one.data else "some time"
    return "%s of %s" % (one.data.get("module", "a task"), at)


def put_back(host: Host, ways: Mapping[str, Back]) -> list[str]:
    """Puts back what was begun by tasks that have died, and says of each what became of it; the lock is held."""
    said = []
    for one in records.left(host.libvirt.uri):
        restored = restore(host, _record(host, one, ways)) if one.data else Restored(failed=["its record is damaged"])
        records.remove(one.path)
        if one.begun or restored.done or restored.failed:
            said.append("%s was cut off. %s" % (_about(one), restored))
    return said


def _record(host: Host, one: records.Left, ways: Mapping[str, Back]) -> Record:
    was, begun = Snapshot.of_record(one.data["parts"]), one.begun
    if one.data["boot"] != records.boot_id():
        # what was begun is written without waiting for the disk
        was, begun = of_another_boot(was, host.look()), [(str(kind), str(name)) for kind, name in one.data["pieces"]]
    pieces = [Piece(kind, name, ways[kind]) for kind, name in dict.fromkeys(begun)]
    return Record(was, pieces, pieces)
