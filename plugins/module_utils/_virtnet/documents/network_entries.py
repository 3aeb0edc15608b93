# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of single entries of a network, made of the network's own tables.

To remove an entry a task gives only what identifies it, so nothing is required here; what a new entry needs is
checked by the network's table.
"""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.options import Value
from .network import list_at


def _optional(node: Value) -> Value:
    """The same table with nothing required and no rules; of a list only what is named is meant."""
    if isinstance(node, Field):
        return node._replace(required=False)
    if isinstance(node, Many):
        return node._replace(required=False, partial=True, item=_optional(node.item))
    return node._replace(required=False, rules=(), nodes=tuple(_optional(child) for child in node.nodes))


def _entry(*path: str) -> Group:
    entry: Group = _optional(list_at(path).item)
    return entry


_HOST = _entry("dhcp", "hosts")

DHCP_HOST = Group("dhcp_host", "host", "DHCP reservations.", _HOST.nodes + (
    Many("hosts", "host", "Several reservations, in place of one by the options beside this.", _HOST,
         partial=True),
))
DNS_RECORD = Group("dns_record", "dns", "DNS records.", (
    Many("hosts", "host", "Names of addresses.", _entry("dns", "hosts"), partial=True),
    Many("txts", "txt", "TXT records.", _entry("dns", "txts"), partial=True),
    Many("srvs", "srv", "SRV records.", _entry("dns", "srvs"), partial=True),
))
