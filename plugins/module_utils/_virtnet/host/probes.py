# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can reach: a ping, or a connection to a port."""

from __future__ import annotations

import shutil
import socket
import subprocess

PING = "ping"
SECONDS = 2  # which one try may take


def can_ping() -> bool:
    return shutil.which(PING) is not None


def answers(address: str, port: int | None = None) -> bool:
    """Whether an address answers a ping, or takes a connection to a port."""
    return _takes_connection(address, port) if port else _answers_ping(address)


def _answers_ping(address: str) -> bool:
    call = (PING, "-n", "-q", "-c", "1", "-W", str(SECONDS), "--", address)
    try:
        return subprocess.run(call, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=2 * SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _takes_connection(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=SECONDS):
            return True
    except OSError:
        return False
