# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a bridge of the host and its uplink become as they are to be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...host.errors import HostError
from .found import in_force, look
from .vlans import put_into_vlans

if TYPE_CHECKING:
    from ...engine.plan import Do
    from ...host.host import Host
    from .found import Files, HostBridgeFound

SECONDS, PAUSE = 30, 0.2  # that a keeper has for it


def apply_step(found: HostBridgeFound, files: Files, there: bool | None, inside: bool | None,
               vlans: list[int] | None = None) -> Do:
    """Has the keeper apply these files, and waits until the bridge is ``there`` and its uplink ``inside``.

    None is for what is not waited for. A bridge that is not to be there is deleted, which keepers leave to others.
    What it does not put into ``vlans`` is put there then.
    """

    def step(host: Host) -> None:
        keeper, former = host.keeper(found.keeper), _look(host, found)
        was = in_force(former.files)
        now = in_force({where: {**texts, **files.get(where, {})} for where, texts in former.files.items()})
        if found.uplink and was["uplink"] is not None and now["uplink"] is None and former.inside is not None:
            keeper.leave(found.uplink, was["uplink"])
        keeper.put(found.name, files)
        for device, name in ((found.uplink, "uplink"), (found.name, "network")):
            if device and was[name] != now[name]:
                keeper.undo(device, was[name])
        if there is False and _look(host, found).there:
            keeper.delete(found.name)
        keeper.reload()
        if there is not False:
            keeper.bring(found.name, now["network"], False)
        if inside is not None:
            keeper.bring(found.uplink, now["uplink"], not any(files.values()))
        _wait(host, found, there, inside, now["uplink"])
        if vlans is not None:
            put_into_vlans(host, found, vlans)

    return step


def vlan_step(found: HostBridgeFound, vlans: list[int]) -> Do:
    return lambda host: put_into_vlans(host, found, vlans)


def keep_step(found: HostBridgeFound, files: Files) -> Do:
    """Puts files in place that the next boot applies."""
    return lambda host: host.keeper(found.keeper).put(found.name, files)


def _look(host: Host, found: HostBridgeFound) -> HostBridgeFound:
    return look(host.look(), found.keeper, found.name, found.uplink)


def _wait(host: Host, found: HostBridgeFound, there: bool | None, inside: bool | None, text: str | None) -> None:
    end, keeper = time.monotonic() + SECONDS, host.keeper(found.keeper)
    while True:
        now = _look(host, found)
        if there in (None, now.there) and (inside is None or inside == bool(now.inside)) and (
                not inside or text is None or keeper.holds(found.uplink, text)):
            return
        if time.monotonic() > end:
            raise HostError("within %d s %s did not %s; see %s" % (
                SECONDS, keeper.title, _undone(found, there, inside, now.there),
                keeper.about % (found.uplink or found.name)))
        time.sleep(PAUSE)


def _undone(found: HostBridgeFound, there: bool | None, inside: bool | None, is_there: bool) -> str:
    if there not in (None, is_there):
        return "%s %s" % ("make" if there else "remove", found.name)
    return "%s %s" % ("put %s into" % found.uplink if inside else "take %s out of" % found.uplink, found.name)
