# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd, which ends what a session or a service has started together with that."""

from __future__ import annotations

import os
import subprocess

from .errors import KernelError

RUNS = "/run/systemd/system"
PATIENCE = 90  # seconds, as systemd itself has for a service


def is_running() -> bool:
    return os.path.isdir(RUNS)


def own_scope(pid: int) -> None:
    """Has a process outlive the session or the service that it was started in; where systemd runs, and will do it."""
    if not is_running():
        return
    call = ("busctl", "--system", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
            "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))",
            "virtnet-guardian-%d.scope" % pid, "fail", "2", "PIDs", "au", "1", str(pid),
            "Description", "s", "Guardian of a change to libvirt's networking", "0")
    try:
        subprocess.run(call, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=5,
                       check=False)
    except (OSError, subprocess.TimeoutExpired):
        pass


def service_of(pid: int) -> str:
    """The service of the system that a process is of; empty where it is of none."""
    if not is_running():
        return ""
    paths = [line.rpartition(":")[2].split("/") for line in cgroup_of(pid)]
    return next((path[2] for path in paths if path[1:2] == ["system.slice"] and path[-1].endswith(".service")
                 and len(path) == 3), "")


def cgroup_of(pid: int) -> list[str]:
    try:
        with open("/proc/%d/cgroup" % pid, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


def restart_service(name: str) -> None:
    """Returns when it is ready."""
    try:
        done = subprocess.run(("systemctl", "restart", name), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=PATIENCE, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelError("%s cannot be restarted: %s" % (name, error)) from None
    if done.returncode:
        raise KernelError("%s cannot be restarted: %s" % (name, (done.stderr.strip().splitlines() or [""])[0]))
