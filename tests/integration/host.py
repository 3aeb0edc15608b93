# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for tests that look at the host by another way than the modules."""

from __future__ import annotations

import subprocess
import time

import libvirt


def sh(command: str) -> str:
    """The output of a shell command that must succeed."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, "%s: %s" % (command, done.stderr)
    return done.stdout


def within(seconds: float, true) -> bool:
    """Whether something becomes true in that time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def remove_everything(connection) -> None:
    for domain in connection.listAllDomains():
        if domain.isActive():
            domain.destroy()
    for domain in connection.listAllDomains():
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
    for network in connection.listAllNetworks():
        persistent = network.isPersistent()
        if network.isActive():
            network.destroy()
        if persistent:
            network.undefine()
