# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of what a host was, kept as files while it is changed, and the lock that only one task has at a time.

A record is a file that only its owner can read: a line of JSON, and a line for each step that was begun and for how
each has left the document that it writes. What its name ends with says what it is: "record", "confirmed" (by who
changed the host), "expired" (nobody did in time, and it is being put back), and "outcome", the words for who comes to
confirm too late.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import json
import os
import time
from contextlib import suppress
from typing import NamedTuple

from ..schema.options import Options
from . import ssh_lock
from .errors import HostError
from .parts import Place
from .ssh_lock import Locked

SYSTEM = "/var/lib/virtnet"
WROTE = "wrote"
PAUSE = 0.05
DAY = 86400


def directory() -> str:
    """Where records are: of root's tasks for the whole system, else in the user's own state."""
    if os.geteuid() == 0:
        return SYSTEM
    return os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "virtnet")


def boot_id() -> str:
    """What is another one after each boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _made(folder: str) -> str:
    """A folder that only its owner can read, also where somebody else has made it."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if os.stat(folder).st_mode & 0o077:
        os.chmod(folder, 0o700)
    return folder


class Kept:
    """A record that is kept; raises HostError where that cannot be."""

    def __init__(self, data: Options) -> None:
        self.place = os.path.join(directory(), "%s-%d" % (_digest(data["uri"]), os.getpid()))
        self._path = self.place + ".record"
        try:
            _sweep(_made(directory()))
            self.file = os.open(self._path + ".new", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            self._add(data)
            os.fsync(self.file)
            os.rename(self._path + ".new", self._path)
            _sync(directory())
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._path + ".new")
            raise HostError("no record of what is there can be kept in %s: %s; nothing was begun"
                            % (directory(), error.strerror)) from error

    def _add(self, data: Options | list[str | None]) -> None:
        text = json.dumps(data).encode() + b"\n"
        if os.write(self.file, text) < len(text):  # as where a disk gets full in the midst of it
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def begin(self, kind: str, name: str, title: str) -> None:
        self._add([kind, name, title])

    def wrote(self, place: Place, left: str | None) -> None:
        """Notes how a step has left a document, or UNKNOWN while one is at it."""
        self._add([WROTE, *place, left])

    def read(self) -> Left:
        """What is in it, also where its file was removed."""
        return _parsed(self._path, os.pread(self.file, os.fstat(self.file).st_size, 0).decode())

    def close(self) -> None:
        os.close(self.file)

    def remove(self) -> None:
        remove(self._path)

    def is_confirmed(self, seconds: float) -> bool:
        """Waits so long for who confirms it. Both rename it, so that only one of them can be the first."""
        end = time.monotonic() + seconds
        while os.path.exists(self._path):
            if time.monotonic() >= end:
                expired = claimed(self._path)
                if expired:
                    self._path = expired
                    return False
            time.sleep(PAUSE)
        return True

    def tell(self, outcome: str) -> None:
        """Leaves words for who comes to confirm it too late."""
        with suppress(OSError), open(self.place + ".outcome.new", "w", encoding="utf-8") as file:
            file.write(" ".join(outcome.split()) + "\n")
            os.rename(file.name, self.place + ".outcome")


class Left(NamedTuple):
    """A record that is there: its file, what is in it, the kind, name and title of each step that was begun, and how
    the documents were left that steps have written."""

    path: str
    data: Options
    begun: list[tuple[str, str, str]]
    wrote: dict[Place, str | None]

    @property
    def pid(self) -> str:
        """The process that kept it."""
        return os.path.basename(self.path).rpartition(".")[0].rpartition("-")[2]


def how_far(one: Left) -> str:
    """Which of how many steps was begun last, in words."""
    return "at step %d of %s: %s" % (len(one.begun), one.data.get("steps", "some"), one.begun[-1][2] if one.begun
                                     else "none yet")


def left(uri: str) -> list[Left]:
    """The records of a host that are there, the oldest first; of one that cannot be read its file is all there is."""
    paths = [path for end in ("record", "expired")
             for path in glob.glob(os.path.join(directory(), "%s-*.%s" % (_digest(uri), end)))]
    return [_read(path) for path in sorted(paths, key=os.path.getmtime)]


def _read(path: str) -> Left:
    try:
        with open(path, encoding="utf-8") as file:
            return _parsed(path, file.read())
    except OSError:
        return Left(path, {}, [], {})


def _parsed(path: str, text: str) -> Left:
    begun, wrote = [], {}
    try:
        data, *lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        for word, *more in lines:
            if word == WROTE:
                part, key, left_so = more
                wrote[str(part), str(key)] = left_so
            else:
                name, title = more
                begun.append((str(word), str(name), str(title)))
    except (TypeError, ValueError):
        return Left(path, {}, [], {})
    return Left(path, data, begun, wrote)


def claimed(path: str) -> str:
    """Where a record is from now on, which nobody can confirm any more; nowhere where somebody has just done so."""
    expired = path.rpartition(".")[0] + ".expired"
    try:
        os.rename(path, expired)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise HostError("%s cannot be renamed before what it is the record of is put back: %s"
                        % (path, error.strerror)) from error
    return expired


def remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _sweep(folder: str) -> None:
    """Removes what was left for somebody who has not come for a day."""
    for end in ("confirmed", "outcome"):
        for path in glob.glob(os.path.join(folder, "*." + end)):
            with suppress(OSError):
                if time.time() - os.path.getmtime(path) > DAY:
                    os.unlink(path)


def _digest(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:12]


def _sync(folder: str) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


# --- the lock


class Lock:
    """The lock of a host, which is held until this process and those that it forked are gone, or it is released.

    That of a host elsewhere is one of this machine, and, where it is reached by ssh, the one of that host too.
    """

    def __init__(self, uri: str, local: bool, place: str) -> None:
        """``place`` is one name of a libvirt elsewhere, however its ``uri`` is written."""
        self._uri, self._local = uri, local
        self._there: ssh_lock.Held | None = None
        if local and uri.endswith("/system") and os.path.isdir(ssh_lock.PLACE):
            self._file = os.open(ssh_lock.PLACE, os.O_RDONLY | os.O_DIRECTORY)
        else:
            path = os.path.join(_made(directory()), _digest(place) + ".lock")
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    @property
    def files(self) -> list[int]:
        """Who has these, has the lock."""
        return [self._file, *([self._there.file] if self._there else [])]

    @property
    def is_known_there(self) -> bool:
        """Whether tasks on the host itself wait for it."""
        return self._local or self._there is not None

    def acquire(self, seconds: float) -> None:
        """Waits for the lock no longer than so many seconds; raises Locked."""
        end = time.monotonic() + seconds
        try:
            self._acquire_here(end)
            if not self._local and ssh_lock.can_be_taken(self._uri):
                self._there = ssh_lock.take(self._uri, max(0, end - time.monotonic()))
        except Locked as error:
            os.close(self._file)
            raise Locked("another task changes the networking of this host (%s); it was waited for %g s, which"
                         " lock_timeout says" % (error, seconds)) from None

    def _acquire_here(self, end: float) -> None:
        while not self._acquired():
            if time.monotonic() >= end:
                raise Locked(self._holder())
            time.sleep(PAUSE)

    def _acquired(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_free(self) -> bool:
        """Whether no task has it; it cannot be used afterwards."""
        free = self._acquired()
        os.close(self._file)  # which releases it
        return free

    def release(self) -> None:
        if self._there:
            self._there.release()
        fcntl.flock(self._file, fcntl.LOCK_UN)
        os.close(self._file)

    def leave(self) -> None:
        """Leaves it to the guardian, which has it too."""
        if self._there:
            self._there.leave()
        os.close(self._file)

    def _holder(self) -> str:
        """Who has the lock, as the kernel tells it to everyone, since when that process runs, and how far it is."""
        place = os.fstat(self._file)
        device = "%02x:%02x:%d" % (os.major(place.st_dev), os.minor(place.st_dev), place.st_ino)
        with open("/proc/locks", encoding="ascii") as file:
            found = [line.split() for line in file]
        pids = [line[4] for line in found if line[1] == "FLOCK" and line[5] == device]
        try:
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(os.stat("/proc/%s" % pids[0]).st_mtime))
            return ", ".join(["process %s, which runs since %s" % (pids[0], since),
                              *(how_far(one) for one in left(self._uri) if one.pid == pids[0])])
        except IndexError:
            return "it has just ended"
        except OSError:
            return ("process %s, which has ended; what it changed waits to be confirmed, or is being put back"
                    % pids[0])
