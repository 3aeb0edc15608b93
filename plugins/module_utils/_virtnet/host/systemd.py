# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd, which ends what a session or a service has started together with that."""

from __future__ import annotations

import os
import subprocess


def own_scope(pid: int) -> None:
    """Has a process outlive the session or the service that it was started in; where systemd runs, and will do it."""
    if not os.path.isdir("/run/systemd/system"):
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
