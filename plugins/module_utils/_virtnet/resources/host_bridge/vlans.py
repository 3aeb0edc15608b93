# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VLANs that a bridge of the host and its uplink are in, and how they come back into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...engine.plan import Drift
from ...schema.errors import Entry, Path
from ...schema.options import Options
from .found import look

if TYPE_CHECKING:
    from ...host.host import Host
    from .found import HostBridgeFound

OWN = 1  # the VLAN of what has no tag, which is the host's own


def vlan_drift(vlans: list[int], found: HostBridgeFound) -> Iterator[Drift]:
    """What of the VLANs of a bridge that is there, and of an uplink that is inside, is not as stated."""
    for device, there in found.vlans.items():
        wanted = _wanted(device, vlans, found)
        if there != wanted:
            yield Drift("kernel", Path("vlans", Entry(device)), _told(wanted), _told(there))


def put_into_vlans(host: Host, found: HostBridgeFound, vlans: list[int]) -> None:
    """Puts into their VLANs what is not."""
    now = _look(host, found)
    if None in now.vlans.values():
        host.kernel.set_filtering(found.name, True)
        now = _look(host, found)
    for device, there in now.vlans.items():
        wanted = _wanted(device, vlans, now)
        if there != wanted:
            host.kernel.set_vlans(device, wanted)


def have_vlans(host: Host, name: str, vlans: Options) -> None:
    """Has a bridge and its uplink be in these, or filter none."""
    for device, wanted in vlans.items():
        if wanted is not None:
            host.kernel.set_vlans(device, wanted)
    if vlans[name] is None:
        host.kernel.set_filtering(name, False)


def _look(host: Host, found: HostBridgeFound) -> HostBridgeFound:
    return look(host.look(), found.keeper, found.name, found.uplink)


def _wanted(device: str, vlans: list[int], found: HostBridgeFound) -> Options:
    """What a device is to be in, beside others that it is in; whoever has the host itself in another one may do so."""
    there = found.vlans[device] or {"pvid": None, "untagged": [], "vids": []}
    tagged = set(vlans) - {OWN} if device == found.uplink else set()
    if device != found.uplink and there["pvid"]:
        return there
    return {"pvid": OWN, "untagged": sorted({OWN, *there["untagged"]} - tagged),
            "vids": sorted({OWN, *tagged, *there["vids"]})}


def _told(vlans: Options | None) -> list[str] | None:
    """VLANs as people say them; None for a bridge that filters none."""
    return None if vlans is None else ["%d%s%s" % (
        vid, " untagged" * (vid in vlans["untagged"]), " pvid" * (vid == vlans["pvid"])) for vid in vlans["vids"]]
