# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces of a host that steps change, each with its way back, which is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.plan import Piece, Step
from ..host.snapshot import Snapshot


def network(name: str) -> Piece:
    """A network with its ports, its bridge and what is in that."""
    return Piece("network", name, _network)


def _network(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .network.back import back

    return back(was, now, name)


def nwfilter(name: str) -> Piece:
    return Piece("nwfilter", name, _nwfilter)


def _nwfilter(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .nwfilter.back import back

    return back(was, now, name)


def nwfilter_binding(device: str) -> Piece:
    return Piece("nwfilter_binding", device, _nwfilter_binding)


def _nwfilter_binding(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .nwfilter_binding.back import back

    return back(was, now, name)


def interface(uuid: str, *macs: str, limits: bool = False) -> Piece:
    """The interfaces of a guest with these MAC addresses; with ``limits`` what the kernel limits too."""
    names = [uuid, *sorted({mac.lower() for mac in macs}), *(["limits"] if limits else [])]
    return interface_named(" ".join(names))


def interface_named(name: str) -> Piece:
    return Piece("interface", name, _interface)


def _interface(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .interface.back import back

    return back(was, now, name)


def sriov(address: str) -> Piece:
    """A physical function with its virtual functions, and its files for the next boot."""
    return Piece("sriov", address, _sriov)


def _sriov(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    from .sriov.back import back

    return back(was, now, name)


WAYS = {"network": _network, "nwfilter": _nwfilter, "nwfilter_binding": _nwfilter_binding, "interface": _interface,
        "sriov": _sriov}
