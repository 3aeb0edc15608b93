# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...documents.sriov import NAMING, SRIOV
from ...schema.errors import Invalid
from ...schema.options import Options
from .resource import Sriov


def wish_of(settings: Options, options: Options) -> Sriov:
    """The wish for a physical function with these options; raises Invalid."""
    if sum(name in options for name in NAMING) != 1:
        raise Invalid("", "give one of %s" % ", ".join(NAMING))
    return Sriov(SRIOV.check(options), **settings)
