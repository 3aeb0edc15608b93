# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of one aspect of a network, portgroup, port or interface, made of the tables that these have.

What its options have to do with each other is checked in the document that they are put into.
"""

from __future__ import annotations

from ..schema.nodes import Group
from .interface import INTERFACE
from .vlan import VLAN

QOS = Group("bandwidth", "bandwidth", "Quality of service.", tuple(
    node for node in INTERFACE.node("bandwidth").nodes if node.name != "class_id"))
TAGS = Group("vlan", "vlan", "VLAN tags.", VLAN.nodes)

TARGETS = ("network", "portgroup", "port", "domain", "mac")
# the options of both modules beside those of the aspect
TARGET_OPTIONS = {
    **{name: {"type": "str"} for name in TARGETS},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "restart": {"type": "str", "choices": ["when_idle", "always", "never"]},
    "layers": {"type": "list", "elements": "str", "choices": ["config", "live"]},
}
