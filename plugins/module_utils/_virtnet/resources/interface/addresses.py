# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of a running interface."""

from __future__ import annotations

import ipaddress

from ...documents.network import subnet_of
from ...host.parts import once
from ...host.snapshot import Snapshot
from ...schema.options import Options
from ..network.layers import options_of
from .cards import Card


def addresses_of(seen: Snapshot, card: Card, told: Options) -> dict[str, list[str]]:
    """What each source says of it, but leases of a subnet that its network had before: nobody reaches it by these."""
    found = {source: by_mac.get(card.mac, []) for source, by_mac in told.items()}
    subnets = _subnets(seen, card.network) if card.network and "lease" in found else ()
    if subnets:
        found["lease"] = [address for address in found["lease"]
                          if any(ipaddress.ip_interface(address).ip in subnet for subnet in subnets)]
    return found


@once
def _subnets(seen: Snapshot, network: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(map(subnet_of, (options_of(seen, "network_live", network) or {}).get("ips") or ()))
