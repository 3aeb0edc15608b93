# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories that libvirt writes to and files that it is told of, as plain data. Looking writes nothing."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class Place(TypedDict):
        at: str  # the directory, or the one in which libvirt will make it
        read_only: bool
        closed: bool  # not even root may write
        space: int | None  # blocks that are free for root, None where that is not limited
        inodes: int | None


PLACES = ("/etc/libvirt/qemu", "/etc/libvirt/qemu/networks", "/etc/libvirt/qemu/networks/autostart",
          "/etc/libvirt/nwfilter", "/var/lib/libvirt/dnsmasq", "/run/libvirt/network")


def read_places() -> dict[str, Place]:
    """What there is to be known of each place; nothing of those that are not there or cannot be looked at."""
    found = {path: _state(path) for path in PLACES}
    return {path: state for path, state in found.items() if state}


def _state(path: str) -> Place | None:
    at = path
    while not os.path.isdir(at):
        at = os.path.dirname(at)
        if "libvirt" not in at:
            return None
    try:
        system, device = os.statvfs(at), os.stat(at).st_dev
    except OSError:
        return None
    return {
        "at": at,
        "read_only": bool(system.f_flag & os.ST_RDONLY),
        "closed": os.geteuid() == 0 and not os.access(at, os.W_OK | os.X_OK),
        "space": max(system.f_bfree - _kept_back(device), 0) if system.f_blocks else None,
        "inodes": system.f_ffree if system.f_files else None,
    }


def kind_of(path: str) -> str | None:
    """"folder" or "file", empty where nothing is, None where that cannot be seen."""
    try:
        return "folder" if stat.S_ISDIR(os.stat(path).st_mode) else "file"
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError):
        return None


def _kept_back(device: int) -> int:
    """The blocks that ext4 counts as free and gives to nobody."""
    name = os.path.basename(os.path.realpath("/sys/dev/block/%d:%d" % (os.major(device), os.minor(device))))
    try:
        with open("/sys/fs/ext4/%s/reserved_clusters" % name) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
