# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tap that carries nothing while it changes places, or its filter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.plan import Do
    from ..host.host import Host


@contextmanager
def held(host: Host, tap: str) -> Iterator[None]:
    """Has a tap be down meanwhile, where it was up.

    libvirt and the kernel take several steps to put one into a bridge. In between it is not isolated there, in the VLAN
    of what says none, or without its filter: where the guest was not before, and is not to be. Of a filter that
    changes, libvirt takes the old rules away before it makes the new ones.
    """
    there = host.kernel.devices().get(tap) if host.local else None
    if there is None or not there["up"]:
        yield
        return
    host.kernel.set_up(tap, False)
    try:
        yield
    finally:
        if tap in host.kernel.devices():
            host.kernel.set_up(tap, True)


def moving(tap: str, do: Do) -> Do:
    def move(host: Host) -> None:
        with held(host, tap):
            do(host)

    return move
