# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a bridge of the host and its uplink become as they are to be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...host.errors import HostError
from .found import look

if TYPE_CHECKING:
    from ...engine.plan import Do
    from ...host.host import Host
    from .found import Files, HostBridgeFound

SECONDS, PAUSE = 30, 0.2  # that networkd has for it


def apply_step(found: HostBridgeFound, files: Files, there: bool | None, inside: bool | None) -> Do:
    """Has networkd apply these files, and waits until the bridge is ``there`` and its uplink ``inside``.

    None is for what is not waited for. A bridge that is not to be there is deleted, which networkd leaves to others.
    """

    def step(host: Host) -> None:
        host.networkd.put(found.name, files)
        if there is False and look(host.look(), found.name, found.uplink).there:
            host.networkd.delete(found.name)
        host.networkd.reload()
        if not any(files.values()) and inside is not None:
            host.networkd.reconfigure(found.uplink)
        _wait(host, found, there, inside)

    return step


def keep_step(name: str, files: Files) -> Do:
    """Puts files in place that the next boot applies."""
    return lambda host: host.networkd.put(name, files)


def _wait(host: Host, found: HostBridgeFound, there: bool | None, inside: bool | None) -> None:
    end = time.monotonic() + SECONDS
    while True:
        now = look(host.look(), found.name, found.uplink)
        if there in (None, now.there) and (inside is None or inside == bool(now.inside)):
            return
        if time.monotonic() > end:
            raise HostError("within %d s systemd-networkd did not %s; see networkctl status %s" % (
                SECONDS, _undone(found, there, inside, now.there), found.uplink or found.name))
        time.sleep(PAUSE)


def _undone(found: HostBridgeFound, there: bool | None, inside: bool | None, is_there: bool) -> str:
    if there not in (None, is_there):
        return "%s %s" % ("make" if there else "remove", found.name)
    return "%s %s" % ("put %s into" % found.uplink if inside else "take %s out of" % found.uplink, found.name)
