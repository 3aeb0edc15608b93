# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...schema.errors import Invalid, Path
from ...schema.options import Options
from .resource import NetworkPort


def wish_of(settings: Options, options: Options) -> NetworkPort:
    """The wish for a port with these options; raises Invalid."""
    if not options.get("uuid") and not options.get("mac"):
        raise Invalid(Path("mac", "address"), "is missing; give it or uuid")
    others = {name: value for name, value in settings.items() if name != "network"}
    return NetworkPort(settings["network"], options, **others)
