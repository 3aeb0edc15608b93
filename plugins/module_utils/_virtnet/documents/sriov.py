# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical function and its virtual functions. No XML is behind these options: they are the kernel's."""

from __future__ import annotations

from ..schema.errors import Invalid
from ..schema.nodes import Field, Group, Many
from ..schema.options import Options, Value, without_empty
from ..schema.scalars import DEVICE, MAC, ON_OFF, PCI_FUNCTION, Scalar, enum, integer, string

RATE = integer(0, 0xFFFFFFFF, "Mbit/s; 0 for none")
DRIVER = string("the name of a driver", r"[A-Za-z0-9_][A-Za-z0-9_-]*")  # which is an argument of modprobe
PCI_ID = string("vendor and device in hexadecimal such as \"8086:1572\", in quotes",
                r"[0-9a-fA-F]{4}:[0-9a-fA-F]{4}")._replace(normal=str.lower)
NAMING = ("device", "address", "match")


def _option(name: str, kind: Scalar, about: Value, required: bool = False) -> Field:
    return Field(name, name, kind, about, required=required, never_empty=True)


def _vlan_has_id(options: Options) -> None:
    if options and "id" not in options:
        raise Invalid("id", "is missing")
    if options and not options["id"] and len(options) > 1:
        raise Invalid("id", "0 takes the VLAN away; %s cannot be given with it"
                      % ", ".join(name for name in options if name != "id"))


def _virtual_function(options: Options) -> None:
    low, high = options.get("min_tx_rate", 0), options.get("max_tx_rate", 0)
    if high and low > high:
        raise Invalid("min_tx_rate", "%d is more than max_tx_rate, which is %d" % (low, high))


VLAN = Group("vlan", "vlan", [
    "VLAN that the card adds and takes away, so that the guest does not see it.",
    "C({}) for none.",
], (
    _option("id", integer(0, 4094), "VLAN; 0 for none. Needed with the others."),
    _option("qos", integer(0, 7), "Priority of the frames (802.1p)."),
    _option("protocol", enum("802.1Q", "802.1ad"), "Kind of VLAN tag."),
), rules=(_vlan_has_id,), simplify=lambda options: options if options.get("id") else {})

VIRTUAL_FUNCTION = Group("vf", "vf", "A virtual function.", (
    _option("index", integer(0, 0xFFFF), "Its number on the physical function, from 0.", required=True),
    _option("mac", MAC, [
        "MAC address, set by the physical function, so that a guest that is not trusted cannot change it.",
        "A driver that the host has on the virtual function takes it up when it is bound the next time.",
    ]),
    VLAN,
    _option("min_tx_rate", RATE, "Bandwidth that it can always send with, for drivers that can do it."),
    _option("max_tx_rate", RATE, "Bandwidth that it can send with at most."),
    _option("spoof_check", ON_OFF, "Whether frames with another sender's MAC address are dropped."),
    _option("trust", ON_OFF, "Whether the guest may change its MAC address and receive what is not for it."),
    _option("link_state", enum("auto", "enable", "disable"),
            "Link that it sees: the card's (V(auto)), always up (V(enable)) or always down (V(disable))."),
    _option("driver", DRIVER, [
        "Driver that it is bound to, such as V(vfio-pci) for guests.",
        "V(default) is the one that the host itself has for it.",
    ]),
), rules=(_virtual_function,))

SRIOV = Group("sriov", "sriov", "A physical function.", (
    _option("device", DEVICE, "The physical function, named by its network device."),
    _option("address", PCI_FUNCTION, "The physical function, named by its PCI address."),
    Group("match", "match", "The physical function, named by what it is. There must be one such.", (
        _option("driver", DRIVER, "Driver of the physical function, such as V(ixgbe)."),
        _option("id", PCI_ID, "Vendor and device as C(lspci -n) shows them."),
    )),
    _option("up", ON_OFF, "Whether its network device is set up. Virtual functions have no link before."),
    _option("num_vfs", integer(0, 0xFFFF), [
        "Number of virtual functions.",
        "The kernel changes it only through zero. All of them are destroyed and made again, with the settings that"
        " they had. That is refused while any is in use, unless O(force) is given.",
    ]),
    _option("drivers_autoprobe", ON_OFF,
            "Whether the host binds drivers to new virtual functions. It does not change those that are there."),
    Many("vfs", "vf", "Virtual functions and their settings.", VIRTUAL_FUNCTION, key=("index",), unique=True,
         partial=True),
))


def tidy(vf: Options) -> Options:
    """A virtual function without what says that nothing is there, such as VLAN 0."""
    tidied: Options = without_empty({name: value for name, value in vf.items()
                                     if name != "vlan" or (value or {}).get("id")})
    return tidied
