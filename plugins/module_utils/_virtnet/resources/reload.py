# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload of libvirt's daemon (SIGHUP), by which it puts back what somebody took from it; guests do not notice.

A restart does that too, where a reload would do harm and the task allows it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Callable

from ..documents.network import hands_out
from .network.firewall import unmakeable_chains
from .network.layers import options_of

if TYPE_CHECKING:
    from ..host.host import Host
    from ..host.snapshot import Snapshot

    Lost = Callable[[Snapshot], Sequence[object]]

TRIES, QUIET, PATIENCE = 3, 3, 3.0  # reloads; looks that find nothing; seconds without progress


def hindrance(seen: Snapshot, drivers: str) -> str:
    """Why the daemon of ``drivers`` is not reloaded, with what to do; empty where it can be.

    With that libvirt forgets who is on which device of its pools, and hands out some that are taken.
    """
    daemon = seen.daemon(drivers)
    if daemon is None:
        return "libvirt's daemon, which would put that back, is not seen from here"
    why = _why_not(seen, drivers, daemon)
    if not why:
        return ""
    by_task = "restart: always of a network does, or " if restartable(seen, drivers) else ""
    return "a reload of %s%s; restart it (%ssystemctl restart %s), which puts all back while guests go on" % (
        daemon, why, by_task, daemon)


def restartable(seen: Snapshot, drivers: str) -> str:
    """The daemon of ``drivers`` where it cannot be reloaded, and a task that may do so can restart it; else empty."""
    daemon = seen.daemon(drivers)
    return daemon if daemon and _why_not(seen, drivers, daemon) and seen.can_restart(drivers) else ""


def _why_not(seen: Snapshot, drivers: str, daemon: str) -> str:
    """What speaks against a reload, as the rest of a sentence; empty where nothing does."""
    pools = _pools_in_use(seen, daemon)
    if pools:
        return (", which would put that back, would have it forget which devices of network %s guests have"
                % ", ".join(pools))
    gone = ", ".join(unmakeable_chains(seen)) if drivers == "networks" else ""
    return gone and " does not make its chains of legacy iptables and the jumps to them again (%s)" % gone


def _pools_in_use(seen: Snapshot, daemon: str) -> list[str]:
    """Networks whose devices guests have, of those that a daemon looks after."""
    return [] if daemon == "virtnwfilterd" else [name for name in seen.network_names() if _hands_out(seen, name)]


def _hands_out(seen: Snapshot, name: str) -> bool:
    """Whether guests have devices of a network."""
    return hands_out(options_of(seen, "network_live", name) or {}) and bool(seen.ports(name))


def reload(host: Host, drivers: str, lost: Lost, prepare: Callable[[Host, Snapshot], object] | None = None) -> None:
    """Has the daemon of ``drivers`` put back what is ``lost`` of all that it keeps up; nothing where nothing is.

    A second time where it took fresh rules away by numbers of lost ones (backend nftables).
    """
    for _try in range(TRIES):
        if prepare:
            prepare(host, host.look())
        seen = host.look()
        if not lost(seen) or hindrance(seen, drivers):
            return
        host.daemon.reload_daemon(drivers)
        if _is_settled(host, lost):
            return


def restart(host: Host, drivers: str, lost: Lost) -> None:
    """The same by a restart of the daemon, which makes its chains by itself."""
    for _try in range(TRIES):
        if not lost(host.look()):
            return
        host.daemon.restart_daemon(drivers)
        host.reconnect()
        if _is_settled(host, lost):
            return


def _is_settled(host: Host, lost: Lost) -> bool:
    """Waits while things come back; whether all are there, and stay."""
    before, quiet, since = None, 0, time.monotonic()
    while time.monotonic() - since < PATIENCE:
        left = list(lost(host.look()))
        quiet = 0 if left else quiet + 1
        if quiet == QUIET:
            return True
        if left != before:
            before, since = left, time.monotonic()
        time.sleep(0.1)
    return False
