# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chains of the kernel's firewall as plain data, by netlink; numbers of linux/netfilter/nfnetlink.h, nf_tables.h.

Those of legacy iptables are not among them.
"""

from __future__ import annotations

import os
from struct import Struct

from .netlink import attributes, dump, fields, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .netlink import Table

NETFILTER = 12  # the protocol
NEW_CHAIN = 10 << 8 | 3  # of the subsystem nftables
GET = 1
CHAIN = Struct("=B3x")  # nfgenmsg: family
FAMILIES = {2: "ip", 10: "ip6"}
OF_CHAIN: Table = {1: ("table", text), 3: ("name", text)}
IPTABLES = ("/usr/sbin/iptables", "/sbin/iptables")


def chains(bodies: Iterable[bytes]) -> list[list[str]]:
    """Family, table and name of the chains of IP, of the bodies of messages."""
    found = []
    for body in bodies:
        family, chain = FAMILIES.get(fields(body, CHAIN)[0]), attributes(body, OF_CHAIN, CHAIN.size)
        if family and "table" in chain and "name" in chain:
            found.append([family, chain["table"], chain["name"]])
    return sorted(found)


def read_chains() -> list[list[str]] | None:
    """All chains; None where some cannot be seen: by who is not root, without nftables, with legacy iptables."""
    if any("nft" not in os.path.realpath(path) for path in IPTABLES if os.path.exists(path)):
        return None
    try:
        return chains(dump(NEW_CHAIN, CHAIN.pack(0), GET, NETFILTER))
    except OSError:
        return None
