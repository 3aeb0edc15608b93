# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A portgroup of a network."""

from __future__ import annotations

from ...host.snapshot import Snapshot
from ...schema.options import Options, Value
from ..network import found as network
from ..network.edit import main_layer


def look(seen: Snapshot, name: str) -> network.NetworkFound:
    """Everything about the network."""
    return network.look(seen, name, is_needed=True)


def model(portgroup: str, option: str, found: network.NetworkFound) -> Options:
    """The option as the portgroup has it."""
    return shown(portgroup, option, main_layer(found))


def shown(portgroup: str, option: str, options: Options) -> Options:
    value: Value = (group_of(options, portgroup) or {}).get(option)
    return {option: value} if value else {}


def group_of(options: Options, portgroup: str) -> Options | None:
    """The portgroup among the options of a network, or None."""
    return next((group for group in options.get("portgroups") or [] if group["name"] == portgroup), None)
