# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a host that is reached by ssh, the very one of tasks that run there.

A program there has it, for as long as somebody here has the other end of its pipe open.
"""

from __future__ import annotations

import select
import shlex
import subprocess
import time
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import HostError

PLACE = "/run/libvirt"  # whoever can talk to libvirt can open this folder
CONNECTS, ENDS = 30, 5  # seconds that a connection may take, and its end
SAYS = "virtnet:"  # before what is meant, for shells say things of their own
HAS, HELD = "has it", "held by "
PROGRAM = """\
flock -E 75 -w {seconds} {place} sh -c 'echo "{says}{has}"; exec cat >/dev/null'
[ $? = 75 ] || exit
pid=$(sed -n "s/^[0-9]*: FLOCK .* \\([0-9]*\\) [^ ]*:$(stat -c %i {place}) .*/\\1/p" /proc/locks | head -n 1)
echo "{says}{held}process $pid, which runs since $(stat -c %y /proc/$pid | cut -c 1-19)"
"""


class Locked(HostError):
    """Another task is changing the host."""


class Held:
    """The lock, which is held until all who have ``file`` have closed it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.file = process.stdin.fileno() if process.stdin else -1

    def leave(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()

    def release(self) -> None:
        """Returns when it is free, or the other side does not answer."""
        self.leave()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS)


def can_be_taken(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme.endswith("+ssh") and parts.path.endswith("/system")


def take(uri: str, seconds: float) -> Held | None:
    """The lock of the host of a ``uri``, waited for so long; None where there it cannot be had. Raises Locked."""
    try:
        process = subprocess.Popen(_command(uri, seconds), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, bufsize=0, start_new_session=True)
    except OSError:
        return None
    said = _said(process, time.monotonic() + seconds + CONNECTS)
    if said == HAS:
        return Held(process)
    Held(process).release()
    if said.startswith(HELD):
        raise Locked(said[len(HELD):])
    return None


def _command(uri: str, seconds: float) -> list[str]:
    """As libvirt's library calls ssh, but for questions, which nobody would answer."""
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query))
    program = PROGRAM.format(seconds="%.2f" % seconds, place=PLACE, says=SAYS, has=HAS, held=HELD)
    return ["ssh", "-T", "-e", "none", "-o", "BatchMode=yes",
            *(["-p", str(parts.port)] if parts.port else []),
            *(["-l", unquote(parts.username)] if parts.username else []),
            *(["-i", query["keyfile"]] if "keyfile" in query else []),
            *(["-o", "StrictHostKeyChecking=no"] if query.get("no_verify") == "1" else []),
            "--", parts.hostname or "localhost", "sh", "-c", shlex.quote(program)]


def _said(process: subprocess.Popen[bytes], end: float) -> str:
    """What the program says first; nothing where it does not, or not in time."""
    text = b""
    while process.stdout and select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
        chunk = process.stdout.read(4096)
        text += chunk
        for line in text.decode(errors="replace").splitlines(keepends=True):
            if SAYS in line and line.endswith("\n"):
                return line.partition(SAYS)[2].strip()
        if not chunk:
            break
    return ""
