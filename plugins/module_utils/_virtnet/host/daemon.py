# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemons of libvirt by their drivers; only those that see the files that we see, from where packages put them.

A driver is in one daemon at a time, whose process it writes down: libvirtd, or the one that has it alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

from . import systemd
from .errors import KernelError

DRIVERS = {"networks": ("/run/libvirt/network/driver.pid", "virtnetworkd"),
           "filters": ("/run/libvirt/nwfilter/driver.pid", "virtnwfilterd")}
PATIENCE = 60  # seconds for its end, and for its start
USUAL = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin")


def find_daemon(drivers: str = "networks") -> tuple[int, str] | None:
    """Its process and name."""
    with suppress(OSError):
        found = _running(drivers)
        return found if found and _same_files(found[0]) else None
    return None


def shares_network() -> bool:
    """Whether we see the devices and rules of the daemon of networks; so we do where the daemon itself is not seen."""
    with suppress(OSError):
        found = _running("networks")
        return not found or os.readlink("/proc/%d/ns/net" % found[0]) == os.readlink("/proc/self/ns/net")
    return True


def _running(drivers: str) -> tuple[int, str] | None:
    """The one that has these drivers, where we can look into it and it is from where packages put it."""
    path, own = DRIVERS[drivers]
    with suppress(OSError, ValueError):
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        place, name = os.path.split(os.readlink("/proc/%d/exe" % pid))
        if name in (own, "libvirtd") and place in USUAL:
            return pid, name
    return None


def daemon_name(drivers: str) -> str | None:
    found = find_daemon(drivers)
    return found[1] if found else None


def reload_daemon(drivers: str) -> None:
    """Has it make rules of networks or of filters anew, and start each dnsmasq that is gone, which it does later."""
    os.kill(_seen(drivers)[0], signal.SIGHUP)


def _seen(drivers: str) -> tuple[int, str]:
    found = find_daemon(drivers)
    if found is None:
        raise KernelError("libvirt's daemon of %s is not seen here" % drivers)
    return found


# --- a restart


def can_restart(drivers: str) -> bool:
    """Whether it is known how the daemon was started: by systemd, or, where that does not run, in the background."""
    found = find_daemon(drivers)
    return found is not None and bool(systemd.service_of(found[0]) or _command(found[0]))


def restart_daemon(drivers: str) -> None:
    """Ends the daemon and starts it as it was started; returns when it is ready."""
    pid, name = _seen(drivers)
    service = systemd.service_of(pid)
    if service:
        systemd.restart_service(service)
        return
    command, place, environment = _command(pid), os.readlink("/proc/%d/exe" % pid), _environment(pid)
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while find_daemon(drivers) == (pid, name):
        if time.monotonic() > end:
            raise KernelError("%s was told to end, and still runs after %d seconds" % (name, PATIENCE))
        time.sleep(0.1)
    try:
        subprocess.run(command, executable=place, env=environment, cwd="/", stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise KernelError("%s does not start again: %s" % (name, error)) from None


def _command(pid: int) -> list[str]:
    """The command line of a daemon that went into the background by itself, and that nobody looks after."""
    if systemd.is_running():
        return []
    command = _strings(pid, "cmdline")
    return command if {"-d", "--daemon"} & set(command) else []


def _environment(pid: int) -> dict[str, str]:
    return {name: value for name, _equals, value in (one.partition("=") for one in _strings(pid, "environ"))}


def _strings(pid: int, name: str) -> list[str]:
    with suppress(OSError), open("/proc/%d/%s" % (pid, name), encoding="utf-8", errors="surrogateescape") as file:
        return file.read().split("\0")[:-1]
    return []


def _same_files(pid: int) -> bool:
    return os.path.samestat(os.stat("/proc/%d/root" % pid), os.stat("/")) and (
        os.readlink("/proc/%d/ns/mnt" % pid) == os.readlink("/proc/self/ns/mnt"))
