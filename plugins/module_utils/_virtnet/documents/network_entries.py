# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of single entries of a network, made of the network's own tables.

To remove an entry a task gives only what identifies it, so nothing is required here; what a new entry needs is
checked by the network's table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..schema.nodes import Field, Group, Many
from .network import NETWORK


def _optional(node: Any) -> Any:
    """The same table with nothing required and no rules."""
    if isinstance(node, Field):
        return replace(node, required=False)
    if isinstance(node, Many):
        return replace(node, required=False, item=_optional(node.item))
    return replace(node, required=False, rules=(), nodes=tuple(_optional(child) for child in node.nodes))


def _entry(*path: str) -> Group:
    node = NETWORK
    for name in path:
        node = node.item.node(name) if isinstance(node, Many) else node.node(name)
    return _optional(node.item)


_HOST = _entry("ips", "dhcp", "hosts")

DHCP_HOST = Group("dhcp_host", "host", "DHCP reservations.", _HOST.nodes + (
    Many("hosts", "host", "Several reservations, in place of one by the options beside this.", _HOST),
))
DNS_RECORD = Group("dns_record", "dns", "DNS records.", (
    Many("hosts", "host", "Names of addresses.", _entry("dns", "hosts")),
    Many("txts", "txt", "TXT records.", _entry("dns", "txts")),
    Many("srvs", "srv", "SRV records.", _entry("dns", "srvs")),
))
