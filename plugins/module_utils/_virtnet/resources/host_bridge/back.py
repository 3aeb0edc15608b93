# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a bridge of the host becomes again as it was, with its uplink."""

from __future__ import annotations

from collections.abc import Iterator

from ...engine.plan import Step
from ...host.snapshot import Snapshot
from .found import differing, look
from .piece import host_bridge as piece
from .steps import apply_step, keep_step
from .vlans import have_vlans


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    keeper, bridge, uplink = (name + " ").split(" ")[:3]
    before, after = look(was, keeper, bridge, uplink), look(now, keeper, bridge, uplink)
    files = differing(before.files, after.files)
    if "run" not in before.files and any(files.values()):
        yield Step("have the files of bridge %s as they were, for the next boot" % bridge, keep_step(before, files),
                   piece(keeper, bridge, uplink))
    elif any(files.values()) or before.there != after.there or before.inside != after.inside:
        yield Step("have bridge %s%s as it was" % (bridge, " and %s" % uplink if uplink else ""),
                   apply_step(before, files, before.there, before.inside), piece(keeper, bridge, uplink))
    elif before.there and before.vlans != after.vlans:
        yield Step("have the VLANs of bridge %s as they were" % bridge,
                   lambda host: have_vlans(host, bridge, before.vlans), piece(keeper, bridge, uplink))
