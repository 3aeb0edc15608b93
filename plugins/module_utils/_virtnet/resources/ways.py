# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways back that a module has with it: those of the kinds that its own plans touch, which Ansible packs with it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.plan import Back


def way_of(kind: str) -> Back | None:
    """The way back of a kind; None where this module has it not."""
    if not kind.isidentifier():
        return None
    try:
        back: Back = import_module("%s.%s.back" % (__package__, kind)).back
    except ImportError:
        return None
    return back
