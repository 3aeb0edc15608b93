# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of object by the name of its module, in the order in which what others are made of comes first.

A task knows its own kind and does not load this; it is for who wants all of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..documents.interface import INTERFACE
from ..documents.network import NETWORK
from ..documents.network_port import NETWORK_PORT
from ..documents.nwfilter import NWFILTER
from ..documents.nwfilter_binding import NWFILTER_BINDING
from ..documents.sriov import SRIOV
from ..schema.nodes import Group
from .interface.resource import Interface
from .network.resource import Network
from .network_port.resource import NetworkPort
from .nwfilter.resource import NwFilter
from .nwfilter_binding.resource import NwFilterBinding
from .sriov.resource import Sriov


class Kind(NamedTuple):
    """The wish for an object of a kind, and the table of its options."""

    wish: Any
    options: Group


KINDS = {
    "sriov": Kind(Sriov, SRIOV),
    "nwfilter": Kind(NwFilter, NWFILTER),
    "network": Kind(Network, NETWORK),
    "network_port": Kind(NetworkPort, NETWORK_PORT),
    "nwfilter_binding": Kind(NwFilterBinding, NWFILTER_BINDING),
    "interface": Kind(Interface, INTERFACE),
}
