# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts networks when the host boots: links to their definitions, and a daemon of libvirt that is started."""

from __future__ import annotations

import glob
import os
from typing import Any

from . import systemd

LINKS = "/etc/libvirt/qemu/networks/autostart"
WANTS = ("/etc/systemd/system/*.wants/%s.service", "/usr/lib/systemd/system/*.wants/%s.service",
         "/lib/systemd/system/*.wants/%s.service")
DAEMONS = ("virtnetworkd", "libvirtd")


def read_start() -> dict[str, Any]:
    """``networks`` are the names of those that have a link, ``daemons`` are those that start; None where not known."""
    try:
        links = [name[:-len(".xml")] for name in os.listdir(LINKS) if name.endswith(".xml")]
    except FileNotFoundError:
        links = []
    except OSError:
        links = None
    daemons = [name for name in DAEMONS if any(glob.glob(place % name) for place in WANTS)]
    return {"networks": None if links is None else sorted(links),
            "daemons": daemons if systemd.is_running() else None}
