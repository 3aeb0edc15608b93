# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<networkport>``: what connects one guest interface to a virtual network (libvirt's "Network port XML format")."""

from __future__ import annotations

from ..schema.errors import Invalid
from ..schema.nodes import Field, Group
from ..schema.options import Options
from ..schema.scalars import DEVICE, LINE, MAC, STR, UUID, YES_NO, enum
from .address import PCI_ADDRESS
from .bandwidth import bandwidth
from .virtualport import virtualport
from .vlan import VLAN

PLUG_OPTIONS = {
    "network": ("bridge", "mac_table_manager"),
    "bridge": ("bridge", "mac_table_manager"),
    "direct": ("dev", "mode"),
    "hostdev-pci": ("managed", "driver", "address"),
}
PLUG_NEEDS = {"network": ("bridge",), "bridge": ("bridge",), "direct": ("dev", "mode"), "hostdev-pci": ("address",)}


def _of_type(plug: Options) -> None:
    kind = plug["type"]
    for name in plug:
        if name != "type" and name not in PLUG_OPTIONS[kind]:
            raise Invalid(name, "does not belong to type %s, which takes %s"
                          % (kind, ", ".join(PLUG_OPTIONS[kind])))
    for name in PLUG_NEEDS[kind]:
        if not plug.get(name):
            raise Invalid(name, "is missing; type %s needs it" % kind)


PLUG = Group("plug", "plug", "What the port is plugged into; libvirt chooses it for a new port.", (
    Field("type", "@type", enum("network", "bridge", "direct", "hostdev-pci"), "Kind of plug.", "5.5.0", required=True),
    Field("bridge", "@bridge", DEVICE, "Bridge (network: libvirt's own; bridge: one of the host).", "5.5.0"),
    Field("mac_table_manager", "@macTableManager", enum("kernel", "libvirt"), "Who fills the bridge's MAC table.",
          "5.5.0", default="kernel"),
    Field("dev", "@dev", DEVICE, "Device of the host (direct).", "5.5.0"),
    Field("mode", "@mode", enum("vepa", "bridge", "private", "passthrough"), "Mode of macvtap (direct).", "5.5.0"),
    Field("managed", "@managed", YES_NO, "Whether libvirt detaches the device from the host's driver (hostdev-pci).",
          "5.5.0", default=False),
    Group("driver", "driver", "Driver that assigns the device (hostdev-pci).", (
        Field("name", "@name", enum("vfio", "kvm", "xen"), "Kind of device assignment.", "5.5.0"),
        Field("model", "@model", STR, "VFIO variant driver.", "10.0.0"),
        Field("iommufd", "@iommufd", YES_NO, "Whether the device is assigned by IOMMUFD.", "12.1.0", default=False),
    ), since="5.5.0"),
    Group("address", "address", "Address of the device (hostdev-pci).", PCI_ADDRESS[1:], since="5.5.0",
          simplify=lambda options: dict(options, multifunction=None)),
), since="5.5.0", rules=(_of_type,))

NETWORK_PORT = Group("network_port", "networkport", "A port of a virtual network.", (
    Field("uuid", "uuid", UUID, "UUID of the port.", "5.5.0", filled=True),
    Group("owner", "owner", "Whom the port belongs to.", (
        Field("name", "name", LINE, "Name of the owner.", "5.5.0", required=True),
        Field("uuid", "uuid", UUID, "UUID of the owner.", "5.5.0", required=True),
    ), since="5.5.0", required=True),
    Field("group", "group", LINE, "Portgroup of the network.", "5.5.0"),
    Group("mac", "mac", "MAC address that the guest sees.", (
        Field("address", "@address", MAC, "MAC address; it cannot begin with fe.", "5.5.0", required=True),
    ), since="5.5.0", required=True),
    virtualport("Switch port.", type_required=False),
    bandwidth("Bandwidth of the port.", floor=True, class_id=True),
    VLAN,
    Group("rxfilters", "rxfilters", "Receive filters.", (
        Field("trust_guest", "@trustGuest", YES_NO, "Whether changes that the guest makes are followed.", "5.5.0",
              required=True, default=False),
    ), since="5.5.0"),
    Group("port", "port", "Properties of the port.", (
        Field("isolated", "@isolated", YES_NO, "Whether other isolated ports cannot be reached.", "6.1.0",
              default=False),
    ), since="6.1.0"),
    PLUG,
))
