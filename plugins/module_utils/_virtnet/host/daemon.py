# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon of libvirt that starts networks; only one that sees the files that we see, where packages put it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from .errors import KernelError

DAEMONS = (("/run/virtnetworkd.pid", "virtnetworkd"), ("/run/libvirtd.pid", "libvirtd"))
USUAL = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin")


def find_daemon() -> tuple[int, str] | None:
    """Its process and name."""
    for path, name in DAEMONS:
        with suppress(OSError, ValueError):
            with open(path, encoding="ascii") as file:
                pid = int(file.read())
            place = os.readlink("/proc/%d/exe" % pid)
            if os.path.basename(place) == name and place.startswith(USUAL) and _same_files(pid):
                return pid, name
    return None


def daemon_name() -> str | None:
    found = find_daemon()
    return found[1] if found else None


def reload_daemon() -> None:
    """Has it make firewall rules and guests' filters anew, and start each dnsmasq that is gone; it does so later."""
    found = find_daemon()
    if found is None:
        raise KernelError("the daemon of libvirt that starts networks is not seen here")
    os.kill(found[0], signal.SIGHUP)


def _same_files(pid: int) -> bool:
    return os.path.samestat(os.stat("/proc/%d/root" % pid), os.stat("/")) and (
        os.readlink("/proc/%d/ns/mnt" % pid) == os.readlink("/proc/self/ns/mnt"))
