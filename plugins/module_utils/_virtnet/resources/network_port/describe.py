# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of virtual networks for people and for modules that only read."""

from __future__ import annotations

from ...documents.network_port import NETWORK_PORT
from ...host.snapshot import Snapshot
from ...schema.options import Options
from ...schema.sayable import sayable
from .found import found_of, model, ports_of


def describe_ports(seen: Snapshot, network: str) -> list[Options]:
    """The ports of a network as the module takes them, with ``status``, what can only be read."""
    described = []
    for port in ports_of(seen, network):
        found = found_of(seen, network, port)
        options, left_out = sayable(NETWORK_PORT, model(network, found))
        described.append(dict(options, status={
            "left_out": left_out,
            "guest": found.guest.label if found.guest else None,
            "guest_interface": found.guest.tap if found.guest else None,
        }))
    return described
