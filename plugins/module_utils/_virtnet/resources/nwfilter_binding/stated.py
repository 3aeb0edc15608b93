# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...schema.errors import Invalid, Path
from ...schema.options import Options, option
from .resource import NwFilterBinding


def wish_of(settings: Options, options: Options) -> NwFilterBinding:
    """The wish for a binding with these options; raises Invalid."""
    name = option(options, "portdev", "name")
    if not name:
        raise Invalid(Path("portdev", "name"), "is missing")
    return NwFilterBinding(name, options, **settings)
