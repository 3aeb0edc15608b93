# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...documents.host_bridge import HOST_BRIDGE
from ...schema.options import Options
from .resource import HostBridge


def wish_of(settings: Options, options: Options) -> HostBridge:
    """The wish for a bridge with these options; raises Invalid."""
    return HostBridge(HOST_BRIDGE.check(options), **settings)
