# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that several documents have: ``<address type='pci'>``, and IP addresses with a prefix."""

from __future__ import annotations

import ipaddress

from ..schema.errors import Invalid, shown
from ..schema.nodes import Field
from ..schema.options import Options, is_empty
from ..schema.scalars import ON_OFF, enum, pci_number

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


def split_prefix(options: Options) -> Options:
    """Options in which an address with its prefix or netmask (10.1.0.1/24) is said by two."""
    whole = options.get("address")
    address, slash, length = whole.partition("/") if isinstance(whole, str) else (whole, "", "")
    if not slash:
        return dict(options)
    name = "netmask" if "." in length else "prefix"
    for given in ("prefix", "netmask"):
        if not is_empty(options.get(given)) and (given != name or str(options[given]) != length):
            raise Invalid(given, "%s has another one in address, which is %s; give one of them" % (
                shown(options[given]), shown(whole)))
    return dict(options, address=address, **{name: length})


def with_family(options: Options) -> Options:
    """The same, with the family of an IPv6 address, which libvirt wants to be told."""
    options = split_prefix(options)
    address = options.get("address") or options.get("gateway")
    if isinstance(address, str) and ":" in address and is_empty(options.get("family")):
        options["family"] = "ipv6"
    return options


def fitting_family(options: Options) -> None:
    """Raises Invalid for the family of another address."""
    if options.get("address"):
        version = ipaddress.ip_address(options["address"]).version
        if (options.get("family") or "ipv%d" % version) != "ipv%d" % version:
            raise Invalid("family", "%s is an IPv%d address; give family: ipv%d" % (
                options["address"], version, version))


def without_family(options: Options) -> Options:
    """The same without the family that its address has anyway, and that libvirt shows."""
    family = "ipv6" if ":" in str(options.get("address") or options.get("gateway") or "") else "ipv4"
    return {name: value for name, value in options.items() if (name, value) != ("family", family)}
