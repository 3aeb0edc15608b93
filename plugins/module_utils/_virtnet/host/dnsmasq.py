# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnsmasq: whether libvirt can start it, for which its version is asked as libvirt does, and what runs for networks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from xml.sax.saxutils import escape

from .daemon import USUAL, find_daemon

MISSING = "is not installed"
FILES = "/var/lib/libvirt/dnsmasq/%s.%s"
PROCESS = "/run/libvirt/network/%s.pid"
LISTS = {"hosts": "hostsfile", "names": "addnhosts"}
ESCAPED = {"'": "&apos;", '"': "&quot;"}  # as libvirt escapes a network's name in all file names but that of conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def dnsmasq_problem() -> str | None:
    """What is wrong with it, empty where it works, None where that cannot be seen."""
    daemon = find_daemon()
    if daemon is None:
        return None
    path = _path(daemon[0])
    if path is None:
        return MISSING
    return "%s does not work (%s --version fails)" % (path, path) if _says(path) is None else ""


def dnsmasq_version() -> list[int] | None:
    """None where it cannot be seen."""
    daemon = find_daemon()
    path = _path(daemon[0]) if daemon else None
    found = re.match(r"Dnsmasq version (\d+)\.(\d+)", (_says(path) if path else None) or "")
    return [int(found[1]), int(found[2])] if found else None


def _path(daemon: int) -> str | None:
    """That which the daemon starts."""
    return next((path for path in (os.path.join(folder, "dnsmasq") for folder in _folders(daemon))
                 if os.path.isfile(path) and os.access(path, os.X_OK)), None)


def _folders(daemon: int) -> list[str]:
    """Where the daemon looks for programs."""
    folders: list[str] = []
    with suppress(OSError), open("/proc/%d/environ" % daemon, "rb") as file:
        for entry in file.read().split(b"\0"):
            if entry.startswith(b"PATH="):
                folders = os.fsdecode(entry[len(b"PATH="):]).split(":")
    return [*folders, *USUAL]


def _says(path: str) -> str | None:
    """What it says of its version, None where it does not work."""
    try:
        done = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def refused_options(lines: str) -> list[Any] | None:
    """The number of the first line that it does not take, counted from 0, and why.

    None where it takes all, and where it is not asked: it would run what ``conf-script`` names.
    """
    daemon = find_daemon()
    path = _path(daemon[0]) if daemon else None
    if path is None or any(line.strip().startswith("conf-script") for line in lines.splitlines()):
        return None
    try:
        done = subprocess.run([path, "--test", "--conf-file=/dev/stdin"], input=lines.encode() + b"\n", timeout=5,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={"LC_ALL": "C"}, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"^(?:dnsmasq: )?(.*) at line (\d+) of /dev/stdin", done.stderr.decode(errors="replace"), re.M)
    return [int(found[2]) - 1, found[1]] if done.returncode != 0 and found else None


# --- that of a network


def read_dnsmasq(network: str) -> dict[str, Any] | None:
    """Whether it ``runs``, and its files: ``conf``, and ``hosts`` and ``names``, empty without one.

    None where they cannot be read.
    """
    try:
        with open(FILES % (network, "conf"), encoding="utf-8", errors="replace") as file:
            conf = file.read()
        return {"runs": _process(network) is not None, "conf": conf,
                **{name: _text(FILES % (escape(network, ESCAPED), ending)) for name, ending in LISTS.items()}}
    except FileNotFoundError:
        there = os.access(os.path.dirname(FILES), os.R_OK | os.X_OK)
        return {"runs": False, "conf": "", "hosts": "", "names": ""} if there else None
    except OSError:
        return None


def _text(path: str) -> str:
    with suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""


def _process(network: str) -> int | None:
    with suppress(OSError, ValueError):
        with open(PROCESS % escape(network, ESCAPED), encoding="ascii") as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            if os.fsencode(FILES % (network, "conf")) in file.read():
                return pid
    return None


def stop_dnsmasq(network: str, seconds: float = 5) -> None:
    """Ends it, so that libvirt writes its files anew when it starts it again."""
    pid, end = _process(network), time.monotonic() + seconds
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        while _process(network) == pid and time.monotonic() < end:
            time.sleep(0.02)
