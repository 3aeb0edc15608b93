# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a device of the host is the bridge that guests are to be put into. Pure."""

from __future__ import annotations

SWITCH_KINDS = ("openvswitch", "tun")  # of bridges of Open vSwitch, in the kernel and in userspace


def unfit_bridge(device: str, kind: str | None, switch: str | None, macvtap: str) -> str:
    """Why no guest gets into a device with a type of virtualport, and what helps; empty where one does.

    ``macvtap`` is how guests are put on a device that is no bridge.
    """
    if switch == "openvswitch" and kind == "bridge":
        return "%s is a Linux bridge; leave virtualport out, or give a bridge of Open vSwitch" % device
    if switch or kind == "bridge":
        return ""
    if kind in SWITCH_KINDS:
        return "%s is not a Linux bridge; for an Open vSwitch bridge give virtualport: {type: openvswitch}" % device
    return "%s is no bridge; give one that %s is a port of, or %s (macvtap)" % (device, device, macvtap % device)
