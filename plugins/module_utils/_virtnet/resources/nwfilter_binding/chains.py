# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chains that all filters of guests share.

libvirt 11.6 and later makes them, with the jumps to them, when it needs them first; where they are lost afterwards no
filter with rules for packets comes on a device until its daemon is restarted.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ...host.errors import HypervisorError
from ..chains import Base, commands_for

if TYPE_CHECKING:
    from ...engine.plan import Do
    from ...host.host import Host
    from ...host.snapshot import Snapshot

FAMILIES = ("ip", "ip6")
BASES = (Base("filter", "FORWARD", "filter", "forward", 0, ("libvirt-in", "libvirt-out", "libvirt-in-post")),
         Base("filter", "INPUT", "filter", "input", 0, ("libvirt-host-in",)))
NAMES = tuple(name for base in BASES for name in base.jumps)


def make_chains(host: Host, seen: Snapshot, families: Collection[str] = ()) -> bool:
    """Makes those that are lost, of these families and of those that have some; whether there were any."""
    state = seen.firewall
    if state is None or state["problem"] or state["legacy"]:
        return False
    there = state["chains"]
    begun = {family for family in FAMILIES for name in NAMES if "%s filter %s" % (family, name) in there}
    commands = [command for family in FAMILIES if family in begun.union(families)
                for base in BASES for command in commands_for(there, family, base)]
    if commands:
        host.firewall.change_firewall(commands)
    return bool(commands)


def with_chains(do: Do) -> Do:
    """Does what has libvirt make rules of filters; where that fails since chains are gone, once more with them."""
    def do_so(host: Host) -> None:
        make_chains(host, host.look())
        try:
            do(host)
        except HypervisorError as error:
            if not any(name in str(error) for name in NAMES) or not make_chains(host, host.look(), FAMILIES):
                raise
            do(host)

    return do_so
