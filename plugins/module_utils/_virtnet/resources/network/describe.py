# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual network for people and for modules that only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.network import NETWORK
from ...host.snapshot import Snapshot
from ...schema.options import Options, option
from ...schema.sayable import sayable
from .found import NetworkFound, boot_drift, live_drift, look, model
from .repairs import kernel_drift

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


def describe_network(seen: Snapshot, name: str) -> Options:
    """A network as the module takes it, with ``status``, what can only be read."""
    found = look(seen, name)
    live = NETWORK.parse(found.record.live, readonly=True) if found.record and found.record.live is not None else None
    options, left_out = sayable(NETWORK, model(found))
    return dict(options, status={
        "left_out": left_out,
        "active": found.active,
        "bridge": option(found.live or found.config, "bridge", "name"),
        "config": found.config,
        "live": live,
        "connections": (live or {}).get("connections", 0),
        "ports": [_port(port, found) for port in found.ports],
        "leases": seen.get("leases", name) if found.active else [],
        "drift": [drift.as_result() for drift in [*live_drift(found), *kernel_drift(found), *boot_drift(found)]],
    })


def _port(port: Element, found: NetworkFound) -> Options:
    """A port as plain data, with the guest's device that it belongs to."""
    uuid, plug, mac = port.findtext("uuid"), port.find("plug"), port.find("mac")
    return {
        "uuid": uuid,
        "mac": mac.get("address") if mac is not None else None,
        "owner": {"name": port.findtext("owner/name"), "uuid": port.findtext("owner/uuid")},
        "guest_interface": next((guest.tap for guest in found.guests if guest.port == uuid), None),
        "plug": dict(plug.attrib) if plug is not None else {},
    }
