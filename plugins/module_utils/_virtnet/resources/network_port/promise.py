# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of a network as they will be after a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.network_port import NETWORK_PORT
from ...host.snapshot import Snapshot
from ...schema.xml import dump_xml
from .plan import merged_port

if TYPE_CHECKING:
    from .resource import NetworkPort


def promise_port(desired: NetworkPort, seen: Snapshot) -> None:
    found = desired.look(seen)
    port = found.port
    ports = [text for text in seen.get("ports", desired.name) if port is None or text != port.text]
    if not desired.absent:
        ports.append(dump_xml(NETWORK_PORT.render(merged_port(desired, found), port and port.document)))
    seen.put("ports", desired.name, ports)
