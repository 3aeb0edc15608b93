# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemons of libvirt by their drivers; only those that see the files that we see, from where packages put them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

from .errors import KernelError

DAEMONS = {
    "networks": (("/run/virtnetworkd.pid", "virtnetworkd"), ("/run/libvirtd.pid", "libvirtd")),
    "filters": (("/run/virtnwfilterd.pid", "virtnwfilterd"), ("/run/libvirtd.pid", "libvirtd")),
}
USUAL = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin")


def find_daemon(drivers: str = "networks") -> tuple[int, str] | None:
    """Its process and name."""
    with suppress(OSError):
        return next(((pid, name) for pid, name in _running(drivers) if _same_files(pid)), None)
    return None


def shares_network() -> bool:
    """Whether we see the devices and rules of the daemon of networks; so we do where the daemon itself is not seen."""
    with suppress(OSError):
        return all(os.readlink("/proc/%d/ns/net" % pid) == os.readlink("/proc/self/ns/net")
                   for pid, _name in _running("networks"))
    return True


def _running(drivers: str) -> Iterator[tuple[int, str]]:
    """Those into which we can look, from where packages put them."""
    for path, name in DAEMONS[drivers]:
        with suppress(OSError, ValueError):
            with open(path, encoding="ascii") as file:
                pid = int(file.read())
            place = os.readlink("/proc/%d/exe" % pid)
            if os.path.basename(place) == name and place.startswith(USUAL):
                yield pid, name


def daemon_name(drivers: str) -> str | None:
    found = find_daemon(drivers)
    return found[1] if found else None


def reload_daemon(drivers: str) -> None:
    """Has it make rules of networks or of filters anew, and start each dnsmasq that is gone, which it does later."""
    found = find_daemon(drivers)
    if found is None:
        raise KernelError("libvirt's daemon of %s is not seen here" % drivers)
    os.kill(found[0], signal.SIGHUP)


def _same_files(pid: int) -> bool:
    return os.path.samestat(os.stat("/proc/%d/root" % pid), os.stat("/")) and (
        os.readlink("/proc/%d/ns/mnt" % pid) == os.readlink("/proc/self/ns/mnt"))
