# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the libvirt of this host has a dnsmasq that it can start. It asks for dnsmasq's version, as libvirt does."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

DAEMONS = (("/run/virtnetworkd.pid", "virtnetworkd"), ("/run/libvirtd.pid", "libvirtd"))
USUAL = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin")
MISSING = "is not installed"


def dnsmasq_problem() -> str | None:
    """What is wrong with it, empty where it works, None where that cannot be seen."""
    daemon = _daemon()
    if daemon is None:
        return None
    found = [path for path in (os.path.join(folder, "dnsmasq") for folder in _folders(daemon))
             if os.path.isfile(path) and os.access(path, os.X_OK)]
    return _fails(found[0]) if found else MISSING


def _daemon() -> int | None:
    """The process that starts networks; only one that sees the files that we see, and that is where packages put it."""
    for path, name in DAEMONS:
        with suppress(OSError, ValueError):
            with open(path, encoding="ascii") as file:
                pid = int(file.read())
            place = os.readlink("/proc/%d/exe" % pid)
            if os.path.basename(place) == name and place.startswith(USUAL) and _same_files(pid):
                return pid
    return None


def _same_files(pid: int) -> bool:
    return os.path.samestat(os.stat("/proc/%d/root" % pid), os.stat("/")) and (
        os.readlink("/proc/%d/ns/mnt" % pid) == os.readlink("/proc/self/ns/mnt"))


def _folders(daemon: int) -> list[str]:
    """Where the daemon looks for programs."""
    folders: list[str] = []
    with suppress(OSError), open("/proc/%d/environ" % daemon, "rb") as file:
        for entry in file.read().split(b"\0"):
            if entry.startswith(b"PATH="):
                folders = os.fsdecode(entry[len(b"PATH="):]).split(":")
    return [*folders, *USUAL]


def _fails(path: str) -> str:
    try:
        code = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=5, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        code = -1
    return "%s does not work (%s --version fails)" % (path, path) if code else ""
