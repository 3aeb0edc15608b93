# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration and the running definition of a network as options."""

from __future__ import annotations

from ...documents.network import NETWORK
from ...host.parts import once
from ...host.snapshot import Snapshot
from ...schema.options import Options


@once
def options_of(seen: Snapshot, part: str, name: str) -> Options | None:
    """The options of a network's configuration or running definition, None where it has none."""
    record = seen.network(name)
    document = None if record is None else record.config if part == "network_config" else record.live
    if document is None:
        return None
    options = NETWORK.parse(document)
    return _without_found(options) if part == "network_live" else options


def _without_found(live: Options) -> Options:
    """A running pool without the virtual functions that libvirt found by its physical function."""
    forward = live.get("forward") or {}
    if not forward.get("pf"):
        return live
    return dict(live, forward={name: value for name, value in forward.items()
                               if name not in ("interfaces", "addresses")})
