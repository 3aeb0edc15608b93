# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting a network under running guests, so that they are connected again without being touched."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Callable

from ...documents.network import NETWORK, manages_bridge, mode_of
from ...engine.plan import STARTS, STOPS, Step
from ...host.errors import HostError
from ...schema.errors import Invalid
from ...schema.options import Options, option
from .connect import bridge_of, connections, every_connection, members, tap_mtus
from .found import NetworkFound
from .piece import network as piece
from .upkeep import start_with_chains

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...host.host import Host
    from ...host.snapshot import Snapshot


def _connection(options: Options) -> str:
    """How guests are connected: by a bridge, by macvtap, or by PCI devices."""
    mode = mode_of(options)
    if manages_bridge(options) or (mode == "bridge" and option(options, "bridge", "name")):
        return "openvswitch" if option(options, "virtualport", "type") == "openvswitch" else "bridge"
    return "hostdev" if mode == "hostdev" else "macvtap %s" % mode


def start_step(name: str, options: Options, persistent: bool, base: Element | None) -> Step:
    """Starts a network: its configuration, or a transient one made of ``options`` and the unknown XML of ``base``."""
    document = None if persistent else NETWORK.render(options, base)

    def start(host: Host) -> None:
        start_with_chains(host, lambda: host.libvirt.start_network(name) if document is None else
                          host.libvirt.create_network(document))
        _set_mtu(host, name, option(options, "mtu", "size"))

    return Step("start %snetwork %s" % ("" if persistent else "transient ", name), start, piece(name), stage=STARTS)


def _set_mtu(host: Host, name: str, mtu: int | None) -> None:
    """libvirt 7.0 starts a network without the MTU that it states."""
    if not mtu or not host.local:
        return
    seen = host.look()
    bridge = bridge_of(seen, name)
    device = seen.device(bridge)
    if bridge and device and device["mtu"] != mtu:
        host.kernel.set_mtu(bridge, mtu)


class Restart:
    """The restart of one active network: ``old`` and ``new`` are its options before and after."""

    def __init__(self, name: str, found: NetworkFound, new: Options) -> None:
        self.name, self.found, self.old, self.new = name, found, found.live or {}, new
        self._was: Snapshot

    def check(self) -> None:
        """Refuses a restart after which the guests that are there could not be connected."""
        old, new = _connection(self.old), _connection(self.new)
        if self.found.users and old != new:
            raise Invalid("restart", "always cannot take %s from %s to %s while running; stop them, or give"
                          " restart: when_idle" % (", ".join(self.found.users), old, new))
        bridges = [option(options, "bridge", "name") for options in (self.old, self.new)]
        if self.found.guests and new == "openvswitch" and bridges[0] != bridges[1]:
            raise Invalid("restart", "always cannot take %s from %s to %s while running, for libvirt moves no ports of"
                          " Open vSwitch; stop them, or give restart: when_idle" % (
                              ", ".join(guest.label for guest in self.found.guests), *bridges))

    def stop_step(self, disruptive: bool = False) -> Step:
        impact = "disruptive" if disruptive else "brief" if self.found.users else "none"
        return Step("stop network %s" % self.name, self._stop, piece(self.name), impact, ("network_live", self.name),
                    STOPS)

    def _stop(self, host: Host) -> None:
        self._was = host.look()
        for ways in (connections, members):  # what is read here is gone afterwards
            list(ways(self._was, self._was, self.name))
        host.libvirt.stop_network(self.name)

    def start_steps(self, persistent: bool) -> list[Step]:
        base = self.found.record.live if self.found.record and not persistent else None
        steps = [start_step(self.name, self.new, persistent, base)]
        if self.found.users:
            steps.append(connect_step(self.name, self.found, lambda: self._was))
        return steps


def connect_step(name: str, found: NetworkFound, before: Callable[[], Snapshot] | None = None) -> Step:
    """Connects what was connected ``before`` the network stopped, and whoever else is on it."""
    def connect(host: Host) -> None:
        was = before() if before else host.look()
        # a bridge takes over the smallest MTU of what is put into it
        for ways in (lambda _was, now, name: tap_mtus(now, name), every_connection, members, members):
            _do(host, partial(ways, was, name=name))

    return Step("connect %s again" % ", ".join(found.users), connect, piece(name), "brief", stage=STARTS)


def _do(host: Host, ways: Callable[[Snapshot], Iterable[Step]]) -> None:
    """Does steps; what cannot be done for a guest that has gone meanwhile need not be."""
    for step in ways(host.look()):
        try:
            step.do(host)
        except HostError:
            if step.title in [again.title for again in ways(host.look())]:
                raise
