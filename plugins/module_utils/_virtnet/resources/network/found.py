# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual network as it is: libvirt's record, its documents as options, and what the kernel has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...documents.network import NETWORK, hands_out, manages_bridge, mode_of
from ...engine.plan import Drift
from ...host.parts import once
from ...host.snapshot import NetworkRecord, Snapshot
from ...host.uses import GuestInterface, guests_of, members_of
from ...schema.errors import Missing, Path, there_is_no
from ...schema.options import Options, is_empty, option
from ..refusals import is_system
from .layers import options_of
from .upkeep import Upkeep, upkeep_of

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...schema.nodes import Version


class NetworkFound(NamedTuple):
    """What there is.

    ``devices`` are those of the host, None when the kernel is out of reach. ``functions`` are the PCI addresses of
    virtual functions, None when the network names none. ``traffic`` is what tc limits of the bridge, None for a network
    without bandwidth. ``pool`` is what a pool by physical function would hand out if it were started now, None for
    other networks. ``upkeep`` is what its daemon keeps up for it. ``boots`` is whether a boot finds it among those that
    start, ``enabled`` whether that starts libvirt's daemon of networks; None where that is not known. ``sets_metadata``
    is whether libvirt changes the metadata of a running network. ``members`` are the devices in the bridge that libvirt
    made for the network. ``others`` are the names of all networks where there must be one of this name and is none.
    """

    record: NetworkRecord | None
    config: Options | None
    live: Options | None
    ports: tuple[Element, ...]
    guests: tuple[GuestInterface, ...]
    devices: dict[str, Options] | None
    functions: frozenset[str] | None
    version: Version
    traffic: Options | None = None
    pool: frozenset[str] | None = None
    sets_metadata: bool = False
    members: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    upkeep: Upkeep = Upkeep()
    boots: bool | None = None
    enabled: bool | None = None

    @property
    def active(self) -> bool:
        return bool(self.record and self.record.active)

    @property
    def users(self) -> list[str]:
        """Names of what uses the network: guests, and whatever else is in its bridge."""
        known = {guest.tap for guest in self.guests}
        others = ["port %s" % port.findtext("uuid") for port in self.foreign_ports]
        return [guest.label for guest in self.guests] + others + [
            name for name in self.members if name not in known]

    @property
    def counts_devices(self) -> bool:
        """Whether libvirt counts who is on the devices of this network, which it forgets when it updates the network.

        It would then hand out devices that are taken, and remove some under their guests.
        """
        return bool(self.users) and hands_out(self.live or {})

    @property
    def known_ports(self) -> frozenset[str]:
        """The UUIDs of all ports."""
        return frozenset(port.findtext("uuid") or "" for port in self.ports)

    @property
    def foreign_ports(self) -> list[Element]:
        """Ports that belong to no interface of a running guest."""
        known = {guest.port for guest in self.guests}
        return [port for port in self.ports if port.findtext("uuid") not in known]


def look(seen: Snapshot, name: str, names_functions: bool = False, is_needed: bool = False) -> NetworkFound:
    """Everything about a network.

    ``names_functions`` is whether somebody speaks of virtual functions, ``is_needed`` whether there must be one.
    """
    record = seen.network(name)
    config, live = options_of(seen, "network_config", name), options_of(seen, "network_live", name)
    active = bool(record and record.active)
    ports = seen.ports(name)
    wants_functions = names_functions or bool(option(config, "forward", "addresses"))
    return NetworkFound(
        record=record,
        config=config,
        live=live,
        ports=ports,
        guests=guests_of(seen, name) if record else (),
        devices=seen.devices,
        functions=virtual_functions(seen) if wants_functions and seen.reaches_kernel else None,
        version=seen.version,
        traffic=_traffic(seen, live or {}) if active else None,
        pool=_pool(seen, live or {}) if active else None,
        sets_metadata=seen.sets_metadata,
        members=_members(seen, live) if live else (),
        others=tuple(seen.network_names()) if is_needed and not record else (),
        upkeep=upkeep_of(seen, name, live) if live else Upkeep(),
        **_boot(seen, name) if record and record.autostart and is_system(seen.uri) else {},
    )


def _boot(seen: Snapshot, name: str) -> dict[str, bool | None]:
    networks, daemons = seen.start["networks"], seen.start["daemons"]
    return {"boots": None if networks is None else name in networks,
            "enabled": None if daemons is None else bool(daemons)}


def missing(name: str, there: Iterable[str]) -> Missing:
    return there_is_no("network", "network", name, there)


@once
def virtual_functions(seen: Snapshot) -> frozenset[str]:
    """The PCI addresses (0000:03:10.1) of all SR-IOV virtual functions."""
    return frozenset(vf["address"] for function in seen.physical_functions.values() for vf in function["vfs"])


def _members(seen: Snapshot, live: Options) -> tuple[str, ...]:
    bridge = option(live, "bridge", "name") if manages_bridge(live) else None
    if not bridge or not seen.reaches_kernel:
        return ()
    own = bridge + "-nic"  # which libvirt before 7.0 had in every bridge of its own
    return tuple(name for name in members_of(seen, bridge) if name != own)


def _traffic(seen: Snapshot, live: Options) -> Options | None:
    """What tc limits of a network's Linux bridge; Open vSwitch keeps limits of its own."""
    bridge = option(live, "bridge", "name")
    if not bridge or is_empty(live.get("bandwidth")) or live.get("virtualport"):
        return None
    return seen.traffic(bridge)


def _pool(seen: Snapshot, live: Options) -> frozenset[str] | None:
    """The virtual functions that libvirt would find now by the physical function of a pool."""
    device = option(live, "forward", "pf", "dev")
    function = next((one for one in seen.physical_functions.values() if device in one["devices"]), None) if (
        device) else None
    if function is None:
        return None
    return frozenset(filter(None, (vf["address" if mode_of(live) == "hostdev" else "device"]
                                   for vf in function["vfs"])))


# --- how the layers differ


def live_drift(found: NetworkFound) -> Iterator[Drift]:
    """Where the running definition differs from the configuration."""
    if found.live is not None and found.config is not None:
        for difference in NETWORK.differences(NETWORK.whole(found.config, found.live), found.live):
            yield Drift("live", *difference)


def boot_drift(found: NetworkFound) -> list[Drift]:
    """Where a boot does not start a network that libvirt says it does."""
    return [Drift("boot", Path("autostart"), True, False)] if found.boots is False else []


def model(found: NetworkFound) -> Options:
    """A network as the module takes it."""
    if found.record is None:
        return {"state": "absent"}
    options = dict(found.config if found.config is not None else found.live or {})
    return dict(options, state="active" if found.record.active else "inactive", autostart=found.record.autostart,
                persistent=found.record.persistent)
