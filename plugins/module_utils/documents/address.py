# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<address type='pci'>``: the place of a PCI device, in pools, ports and interfaces."""

from __future__ import annotations

from ..scalars import ON_OFF, enum, pci_number
from ..schema import Field

PCI_ADDRESS = (
    Field("type", "@type", enum("pci"), "Kind of address.", "0.10.0", implied="pci"),
    Field("domain", "@domain", pci_number(0xFFFFFFFF), "PCI domain (0000 in 0000:03:10.1).", "0.10.0", default=0),
    Field("bus", "@bus", pci_number(0xFF), "PCI bus (0x03 in 0000:03:10.1; without 0x it is decimal).", "0.10.0",
          default=0),
    Field("slot", "@slot", pci_number(0x1F), "PCI slot (0x10 in 0000:03:10.1; without 0x it is decimal).", "0.10.0",
          default=0),
    Field("function", "@function", pci_number(7), "PCI function (1 in 0000:03:10.1).", "0.10.0", default=0),
    Field("multifunction", "@multifunction", ON_OFF, "Whether the slot has several functions; not kept for a pool.",
          "0.10.0", default=False),
)
