# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<vlan>``: VLAN tags, the same element in networks, portgroups, ports and guest interfaces."""

from __future__ import annotations

from ..schema.errors import Invalid, Path
from ..schema.nodes import Field, Group, Many
from ..schema.options import Options
from ..schema.scalars import YES_NO, enum, integer


def _consistent(options: Options) -> None:
    tags = options.get("tags") or []
    if not tags:
        raise Invalid("tags", "is missing; give at least one tag")
    native = [index for index, tag in enumerate(tags) if tag.get("native_mode")]
    if len(native) > 1:
        raise Invalid(Path("tags", native[1], "native_mode"), "is already given in tags[%d]; one tag can be native"
                      % native[0])
    if options.get("trunk") is False and (len(tags) > 1 or native):
        raise Invalid("trunk", "false is not allowed; several tags or a native tag make a trunk")


def _is_one(options: Options) -> bool:
    """Several tags, or a native one, make a trunk without saying so."""
    tags = options.get("tags") or []
    return len(tags) > 1 or any(tag.get("native_mode") for tag in tags)


def _trunk(options: Options) -> Options:
    return dict(options, trunk=True) if _is_one(options) else options


def _without_saying(options: Options) -> Options:
    """Without what libvirt adds, which would outlive the tags that it follows from."""
    return {name: value for name, value in options.items() if name != "trunk"} if _is_one(options) else options


VLAN = Group("vlan", "vlan", [
    "VLAN tags that guests do not see.",
    "Where libvirt supports it: Open vSwitch bridges, SR-IOV virtual functions (hostdev and macvtap passthrough),"
    " from libvirt 11.0.0 also Linux bridges of the host that filter VLANs, not those that libvirt makes.",
], (
    Field("trunk", "@trunk", YES_NO, "Whether this is a trunk; several tags, or a native one, make one.", "0.10.0",
          default=False),
    Many("tags", "tag", "The tags.", Group("tag", "tag", "A tag.", (
        Field("id", "@id", integer(0, 4095), "VLAN tag.", "0.10.0", required=True),
        Field("native_mode", "@nativeMode", enum("tagged", "untagged"),
              "Makes this the native VLAN of a trunk, its frames tagged or untagged (Open vSwitch).", "1.1.0"),
    )), since="0.10.0", key=("id",), unique=True),
), since="0.10.0", rules=(_consistent,), simplify=_trunk, lasting=_without_saying)


def entries_of_port(vlan: Options) -> Options:
    """What libvirt makes of some tags for a port of a Linux bridge that filters VLANs."""
    tags, trunk = vlan["tags"], _is_one(vlan) or vlan.get("trunk")
    native: Options = next((tag for tag in tags if tag.get("native_mode")), {}) if trunk else tags[0]
    pvid = native.get("id")
    return {"pvid": pvid, "untagged": [pvid] if native and native.get("native_mode") != "tagged" else [],
            "vids": sorted(tag["id"] for tag in tags) if trunk else [pvid]}


def tags_of_port(vlan: Options) -> Options:
    """The columns that libvirt fills of a port of Open vSwitch for these tags."""
    tags = vlan.get("tags") or []
    native: Options = next((tag for tag in tags if tag.get("native_mode")), {})
    if _is_one(vlan) or vlan.get("trunk"):
        return {"tag": native.get("id"), "trunks": sorted(tag["id"] for tag in tags),
                "vlan_mode": "native-%s" % native["native_mode"] if native else None}
    return {"tag": tags[0]["id"] if tags else None, "trunks": [], "vlan_mode": None}
