# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of object by the name of its module, in the order in which what others are made of comes first.

A task knows its own kind and does not load this; it is for who wants all of them.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ..documents.interface import INTERFACE
from ..documents.network import NETWORK
from ..documents.network_port import NETWORK_PORT
from ..documents.nwfilter import NWFILTER
from ..documents.nwfilter_binding import NWFILTER_BINDING
from ..documents.sriov import SRIOV
from ..schema.nodes import Group
from ..schema.options import Options
from .interface.resource import Interface
from .interface.stated import wish_of as interface
from .network.resource import Network
from .network.stated import wish_of as network
from .network_port.resource import NetworkPort
from .network_port.stated import wish_of as network_port
from .nwfilter.resource import NwFilter
from .nwfilter.stated import wish_of as nwfilter
from .nwfilter_binding.resource import NwFilterBinding
from .nwfilter_binding.stated import wish_of as nwfilter_binding
from .sriov.resource import Sriov
from .sriov.stated import wish_of as sriov


class Kind(NamedTuple):
    """The wish for an object of a kind, the table of its options, and what makes the wish of what a task states."""

    wish: Any
    options: Group
    wish_of: Callable[[Options, Options], Any]


KINDS = {
    "sriov": Kind(Sriov, SRIOV, sriov),
    "nwfilter": Kind(NwFilter, NWFILTER, nwfilter),
    "network": Kind(Network, NETWORK, network),
    "network_port": Kind(NetworkPort, NETWORK_PORT, network_port),
    "nwfilter_binding": Kind(NwFilterBinding, NWFILTER_BINDING, nwfilter_binding),
    "interface": Kind(Interface, INTERFACE, interface),
}
