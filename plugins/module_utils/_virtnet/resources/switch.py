# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of ports of Open vSwitch. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..engine.plan import Piece, Step

if TYPE_CHECKING:
    from ..host.host import Host
    from ..host.snapshot import Snapshot
    from ..schema.options import Options

TAGS = ("tag", "trunks", "vlan_mode")
DATABASE_SECONDS = 10  # for which it may be away, for it was there


def tags_as_they_were(was: Snapshot, now: Snapshot, port: str, of: Piece) -> Iterator[Step]:
    """The tags of a port, also where the database cannot say now what they are; one that is gone stays so."""
    before, after = was.switch_port(port), now.switch_port(port)
    if before is None or (after is None and now.get("switch_ports") is not None):
        return
    tags: Options = {name: before[name] for name in TAGS}
    if after is not None and tags == {name: after[name] for name in TAGS}:
        return

    def set_them(host: Host) -> None:
        host.switch.set_tags(port, tags, DATABASE_SECONDS)

    yield Step("set the VLAN tags of %s as they were" % port, set_them, of)
