# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways back of all kinds, for the module that puts back whatever was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .host_bridge.back import back as host_bridge
from .interface.back import back as interface
from .network.back import back as network
from .nwfilter.back import back as nwfilter
from .nwfilter_binding.back import back as nwfilter_binding
from .sriov.back import back as sriov

if TYPE_CHECKING:
    from ..engine.plan import Back

EVERY_WAY: dict[str, Back] = {"host_bridge": host_bridge, "interface": interface, "network": network,
                              "nwfilter": nwfilter, "nwfilter_binding": nwfilter_binding, "sriov": sriov}
