# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<virtualport>``: parameters of Open vSwitch, MidoNet and 802.1Qbg/Qbh switch ports."""

from __future__ import annotations

from ..schema.errors import Invalid, Path
from ..schema.nodes import Field, Group
from ..schema.options import Options
from ..schema.scalars import UUID, enum, integer, string

PARAMETERS = {
    "802.1Qbg": ("managerid", "typeid", "typeidversion", "instanceid"),
    "802.1Qbh": ("profileid",),
    "midonet": ("interfaceid",),
    "openvswitch": ("interfaceid", "profileid"),
}

HOST_BRIDGE = "a bridge of the host in a network (forward.mode: bridge)"
# By what a guest is connected to, the types with which it is. libvirt defines networks and guests with any,
# and then starts no guest, or one whose tap is in no bridge.
CONNECTS_WITH = {
    "a bridge that libvirt makes": (),
    HOST_BRIDGE: ("openvswitch",),
    "a bridge of the host": ("openvswitch", "midonet"),
    "a macvtap device": ("802.1Qbg", "802.1Qbh"),
    "a device of its own (hostdev)": ("802.1Qbg", "802.1Qbh"),
}


NO_ISOLATION = ("is of Linux bridges; Open vSwitch isolates no port, and libvirt then fails to change an interface of a"
                " guest that runs; leave it out")


def unfit_type(kind: str | None, connection: str, network: str | None = None) -> str:
    """Why no guest starts with a type of virtualport, beside that of its network; empty where one does."""
    if not kind:
        return ""
    takes = CONNECTS_WITH[connection]
    if kind not in takes:
        elsewhere = next(place for place, kinds in CONNECTS_WITH.items() if kind in kinds)
        return "%s is not taken by %s, which takes %s; no guest would be connected; %s takes it" % (
            kind, connection, " or ".join(takes) or "none", elsewhere)
    if network and kind != network:
        return "%s and that of the network, which is %s, cannot both be; no guest would be connected" % (kind, network)
    return ""


def _of_type(options: Options) -> None:
    kind = options.get("type") or ""
    for name in options.get("parameters") or {} if kind else {}:
        if name not in PARAMETERS[kind] and options["parameters"][name] != "":
            raise Invalid(Path("parameters", name), "does not belong to type %s, which takes %s"
                          % (kind, ", ".join(PARAMETERS[kind])))


def virtualport(about: str, type_required: bool = True) -> Group:
    """The virtualport element; where it is merged with another one the type may be left to that."""
    return Group("virtualport", "virtualport", about, (
        Field("type", "@type", enum(*PARAMETERS),
              "Kind of switch port; openvswitch since libvirt 0.9.11, midonet since 1.2.13.", "0.9.4",
              required=type_required),
        Group("parameters", "parameters", "Parameters of the port; which ones there are depends on the type.", (
            Field("managerid", "@managerid", integer(0, 255, hexadecimal=True),
                  "VSI manager (802.1Qbg); hexadecimal with 0x or decimal.", "0.9.4"),
            Field("typeid", "@typeid", integer(0, 0xFFFFFF, hexadecimal=True),
                  "VSI type (802.1Qbg); hexadecimal with 0x or decimal.", "0.9.4"),
            Field("typeidversion", "@typeidversion", integer(0, 255, hexadecimal=True),
                  "VSI type version (802.1Qbg); hexadecimal with 0x or decimal.", "0.9.4"),
            Field("instanceid", "@instanceid", UUID, "VSI instance (802.1Qbg).", "0.9.4"),
            Field("profileid", "@profileid", string("a name of at most 39 bytes without single quotes, & and <",
                                                    r"[^'&<]+", longest=39),
                  "Port profile (802.1Qbh, openvswitch).", "0.9.4"),
            Field("interfaceid", "@interfaceid", UUID, "Interface (openvswitch, midonet).", "0.9.11"),
        ), since="0.9.4"),
    ), since="0.9.4", rules=(_of_type,))
