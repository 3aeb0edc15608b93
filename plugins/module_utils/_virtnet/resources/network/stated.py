# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...schema.options import Options
from .resource import Network


def wish_of(settings: Options, options: Options) -> Network:
    """The wish for a network with these options."""
    return Network(options["name"], options, **settings)
