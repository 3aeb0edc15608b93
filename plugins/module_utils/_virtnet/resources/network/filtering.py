# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's own Linux bridges make of VLAN tags, which only those that filter VLANs heed. Pure.

Whether a bridge filters them, and which of them its other ports are in, is up to whoever made it: that is told of,
and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...documents.network import connection_of
from ...documents.virtualport import HOST_BRIDGE
from ...documents.vlan import entries_of_port
from ...engine.plan import Others
from ...host.parts import once
from ...host.snapshot import Snapshot
from ...schema.errors import Invalid, Path
from ...schema.options import Options, option
from ..repair import Devices, Repair

UNFILTERED = ("bridge %s of the host filters no VLANs, so that a guest with tags would be among those without; have"
              " what makes it turn that on (ip link set %s type bridge vlan_filtering 1; VLANFiltering=yes in"
              " systemd-networkd, bridge.vlan-filtering in NetworkManager)")
NOT_CARRIED = ("guests in VLAN %s reach one another alone, for %s of bridge %s %s not in it; have what"
               " makes the bridge put it there (bridge vlan add dev %s vid %s)")


def linux_bridge(network: Options) -> str:
    """The Linux bridge of the host to which a network connects its guests, empty where that is another thing."""
    if option(network, "virtualport", "type") or connection_of(network) != HOST_BRIDGE:
        return ""
    return option(network, "bridge", "name") or ""


def is_unfiltered(bridge: str, devices: Devices | None) -> bool:
    """Whether this is a bridge that is there and heeds no VLANs."""
    device = (devices or {}).get(bridge)
    return device is not None and device["kind"] == "bridge" and device.get("vlans") is None


@once
def tagless(seen: Snapshot) -> frozenset[str]:
    """The Linux bridges of the host that heed no VLANs."""
    return frozenset(name for name in seen.devices or () if is_unfiltered(name, seen.devices))


def unfiltered(bridge: str) -> str:
    return UNFILTERED % (bridge, bridge)


def refuse_tags(options: Options, there: Options | None, devices: Devices | None) -> None:
    """Refuses tags in a network that it does not have already, where its bridge would not heed them."""
    bridge = linux_bridge(options)
    known = [vlan for _path, vlan in _tags(there or {})] if linux_bridge(there or {}) == bridge else []
    for path, vlan in _tags(options) if is_unfiltered(bridge, devices) else ():
        if vlan not in known:
            raise Invalid(path, unfiltered(bridge))


def _tags(options: Options) -> Iterator[tuple[Path, Options]]:
    """The tags that a network gives to those of its guests that have no switch port."""
    if options.get("vlan"):
        yield Path("vlan"), options["vlan"]
    for index, group in enumerate(options.get("portgroups") or []):
        if group.get("vlan") and not group.get("virtualport"):
            yield Path("portgroups", index, "vlan"), group["vlan"]


def unheeded(options: Options, devices: Devices | None) -> Iterator[str]:
    """What is to be said of the bridge of a network that is about to be defined or started."""
    yield from dict.fromkeys(repair.remedy for repair in filtering_repairs(options, devices or {}))


def filtering_repairs(live: Options, devices: Devices) -> Iterator[Repair]:
    """Where the bridge of the host does not carry what a running network says."""
    bridge = linux_bridge(live)
    for path, vlan in _tags(live) if bridge in devices else ():
        yield from carrying_repairs(path, vlan, bridge, devices)


def carrying_repairs(path: Path, vlan: Options, bridge: str, devices: Devices) -> Iterator[Repair]:
    """Where a bridge does not heed some tags, or neither a port of it that leads out of the host nor the host has them.
    """
    vids = entries_of_port(vlan)["vids"]
    if is_unfiltered(bridge, devices):
        yield Repair(Others("kernel", path / "filtered", True, False), None, remedy=unfiltered(bridge))
        return
    ways_out = {name: device["vlans"]["vids"] for name, device in devices.items()
                if device["master"] == bridge and device["kind"] != "tun" and device.get("vlans")}
    reached = [devices[bridge]["vlans"]["vids"], *ways_out.values()]  # the host may be the router of some
    carried = [vid for vid in vids if any(vid in there for there in reached)]
    lost = [vid for vid in vids if vid not in carried]
    if ways_out and lost:
        yield Repair(Others("kernel", path / "carried", vids, carried), None,
                     remedy=_not_carried(lost, list(ways_out), bridge))


def _not_carried(lost: list[int], ways_out: list[str], bridge: str) -> str:
    return NOT_CARRIED % (", ".join(map(str, lost)), ", ".join(ways_out), bridge, "is" if len(ways_out) == 1 else "are",
                          ways_out[0], lost[0])
