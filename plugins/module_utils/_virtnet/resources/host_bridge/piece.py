# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The piece of a host that a bridge and its uplink are; its way back is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator

from ...engine.plan import Piece, Step
from ...host.snapshot import Snapshot


def host_bridge(keeper: str, bridge: str, uplink: str) -> Piece:
    return Piece("host_bridge", ("%s %s %s" % (keeper, bridge, uplink)).rstrip(), _back)


def _back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .back import back

    return back(was, now, name)
