# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wish that a task states."""

from __future__ import annotations

from ...documents.interface import INTERFACE
from ...schema.errors import inside
from ...schema.options import Options, prune
from .pair import InterfacePair
from .resource import Interface


def wish_of(settings: Options, options: Options) -> Interface | InterfacePair:
    """The wish for an interface, or a pair, with these options; raises Invalid."""
    others = {name: value for name, value in settings.items() if name not in ("domain", "partner")}
    interface = Interface(settings["domain"], options, **others)
    if settings.get("partner") is None:
        return interface
    with inside("partner"):
        partner = INTERFACE.check(prune(settings["partner"]), whole=False)
    return InterfacePair(interface, partner)
