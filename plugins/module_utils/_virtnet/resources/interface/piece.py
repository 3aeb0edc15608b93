# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The piece of a host that interfaces of a guest are; its way back is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator

from ...engine.plan import Piece, Step
from ...host.snapshot import Snapshot


def interface(uuid: str, *macs: str, limits: bool = False) -> Piece:
    """The interfaces of a guest with these MAC addresses; with ``limits`` what the kernel limits too."""
    names = [uuid, *sorted({mac.lower() for mac in macs}), *(["limits"] if limits else [])]
    return interface_named(" ".join(names))


def interface_named(name: str) -> Piece:
    return Piece("interface", name, _back)


def _back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .back import back

    return back(was, now, name)
