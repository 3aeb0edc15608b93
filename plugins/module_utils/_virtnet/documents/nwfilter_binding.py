# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<filterbinding>``: a network filter put on one network device."""

from __future__ import annotations

from ..schema.nodes import Field, Group
from ..schema.scalars import DEVICE, LINE, MAC, STR, UUID
from .filterref import filterref

NWFILTER_BINDING = Group("nwfilter_binding", "filterbinding", "A filter on a network device.", (
    Group("owner", "owner", "Whom the device belongs to; without it the device stands for itself.", (
        Field("name", "name", LINE, "Name of the owner.", "4.5.0", required=True),
        Field("uuid", "uuid", UUID, "UUID of the owner.", "4.5.0", required=True),
    ), since="4.5.0", required=True),
    Group("portdev", "portdev", "The device that is filtered: the host's end of a guest's connection.", (
        Field("name", "@name", DEVICE, "Name of the device.", "4.5.0", required=True),
    ), since="4.5.0", required=True),
    Group("linkdev", "linkdev", "The device that a macvtap device is on.", (
        Field("name", "@name", DEVICE, "Name of the device.", "4.5.0", required=True),
    ), since="4.5.0"),
    Group("mac", "mac", "MAC address of the guest's end, which the variable C(MAC) stands for.", (
        Field("address", "@address", MAC, "MAC address.", "4.5.0", required=True),
    ), since="4.5.0", required=True),
    filterref("The filter. Needed unless the binding is to be absent."),
    Field("backend", "backend/@name", STR, "The firewall in which libvirt has made the rules.", readonly=True),
))
