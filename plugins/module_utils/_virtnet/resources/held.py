# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tap that carries nothing while it changes places, or its filter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .nwfilter_binding.rules import awaits_address

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ..engine.plan import Do
    from ..host.host import Host


@contextmanager
def held(host: Host, tap: str, *interfaces: Element) -> Iterator[None]:
    """Has a tap be down meanwhile, where it was up; ``interfaces`` are what its interface is and what becomes of it.

    libvirt and the kernel take several steps to put one into a bridge. In between it is not isolated there, in the VLAN
    of what says none, or without its filter: where the guest was not before, and is not to be. Of a filter that
    changes, libvirt takes the old rules away before it makes the new ones.
    """
    there = host.kernel.devices().get(tap) if host.local else None
    if there is None or not there["up"] or _is_listened_on(host, interfaces):
        yield
        return
    host.kernel.set_up(tap, False)
    try:
        yield
    finally:
        if tap in host.kernel.devices():
            host.kernel.set_up(tap, True)


def _is_listened_on(host: Host, interfaces: tuple[Element, ...]) -> bool:
    """Whether libvirt finds out the guest's address on its tap, for the filter of now or the one to be.

    It does not begin that on a device that is down, and ends it when one goes down: the guest would be cut off.
    """
    seen = host.look()
    return any(awaits_address(seen, interface.find("filterref")) for interface in interfaces)


def moving(tap: str, do: Do, *interfaces: Element) -> Do:
    def move(host: Host) -> None:
        with held(host, tap, *interfaces):
            do(host)

    return move
