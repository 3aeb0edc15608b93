# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel takes of the devices that libvirt makes; libvirt itself defines all, and then starts nothing."""

from __future__ import annotations

import re

LONGEST = 15  # name of a device
NO_NAMES = (".", "..", "all", "default")
LEAST_MTU, LEAST_MTU_IPV6, LARGEST_MTU_OF_TAP = 68, 1280, 65521


def not_a_name(device: str) -> str:
    """Why the kernel makes no device of this name, or nothing."""
    if len(device) > LONGEST:
        return "is too long; the kernel takes at most %d characters" % LONGEST
    wild = "%" in device and not is_template(device)
    return "is no name that the kernel takes" if device in NO_NAMES or wild or "/" in device or ":" in device else ""


def is_template(device: str) -> bool:
    """Whether libvirt or the kernel puts a number into a name."""
    return device.count("%") == 1 and "%d" in device


def is_named_by(device: str, template: str) -> bool:
    before, after = template.split("%d")
    return bool(re.fullmatch(r"%s\d+%s" % (re.escape(before), re.escape(after)), device))


def not_an_mtu(size: int, of_tap: bool, has_ipv6: bool = False) -> str:
    """Why the kernel gives no such MTU to a device, or nothing; 0 is the usual one."""
    if 0 < size < LEAST_MTU or (of_tap and size > LARGEST_MTU_OF_TAP):
        return "is no MTU that the kernel takes; give one from %d to %d" % (LEAST_MTU, LARGEST_MTU_OF_TAP)
    if has_ipv6 and 0 < size < LEAST_MTU_IPV6:
        return "is too small for IPv6; give at least %d" % LEAST_MTU_IPV6
    return ""
