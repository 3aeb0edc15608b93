# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the libvirt of this host has a dnsmasq that it can start. It asks for dnsmasq's version, as libvirt does."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

from .daemon import USUAL, find_daemon

MISSING = "is not installed"


def dnsmasq_problem() -> str | None:
    """What is wrong with it, empty where it works, None where that cannot be seen."""
    daemon = find_daemon()
    if daemon is None:
        return None
    found = [path for path in (os.path.join(folder, "dnsmasq") for folder in _folders(daemon[0]))
             if os.path.isfile(path) and os.access(path, os.X_OK)]
    return _fails(found[0]) if found else MISSING


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
