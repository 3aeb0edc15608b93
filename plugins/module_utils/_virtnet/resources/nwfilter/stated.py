# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...schema.options import Options
from .resource import NwFilter


def wish_of(settings: Options, options: Options) -> NwFilter:
    """The wish for a filter with these options."""
    return NwFilter(options["name"], options, **settings)
