# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reload of libvirt's daemon (SIGHUP), by which it puts back what somebody took from it; guests do not notice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from ..host.host import Host
    from ..host.snapshot import Snapshot

    Lost = Callable[[Snapshot], Sequence[object]]

TRIES, QUIET, PATIENCE = 3, 3, 3.0  # reloads; looks that find nothing; seconds without progress


def reload(host: Host, drivers: str, lost: Lost, prepare: Callable[[Host, Snapshot], object] | None = None) -> None:
    """Has the daemon of ``drivers`` put back what is ``lost`` of all that it keeps up; nothing where nothing is.

    A second time where it took fresh rules away by numbers of lost ones (backend nftables).
    """
    for _try in range(TRIES):
        if prepare:
            prepare(host, host.look())
        if not lost(host.look()):
            return
        host.daemon.reload_daemon(drivers)
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
