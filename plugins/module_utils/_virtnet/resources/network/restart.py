# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting a network under running guests, so that they are connected again without being touched.

When libvirt stops a network whose bridge it made, the bridge is deleted and the guests' taps are left over; when
it stops any network, it forgets the ports. Starting it brings nothing back. See "network restart" in docs/design.md.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ...documents.network import NETWORK, manages_bridge, mode_of
from ...engine.plan import Step
from ...schema.errors import Invalid
from ...schema.options import Options, option
from ...schema.xml import drop_attribute, load_xml
from .found import NetworkFound

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...host.host import Host


def _connection(options: Options) -> str:
    """How guests are connected: by a bridge, by macvtap, or by PCI devices."""
    mode = mode_of(options)
    if manages_bridge(options) or (mode == "bridge" and option(options, "bridge", "name")):
        return "openvswitch" if option(options, "virtualport", "type") == "openvswitch" else "bridge"
    return "hostdev" if mode == "hostdev" else "macvtap %s" % mode


def start_step(name: str, options: Options, persistent: bool, base: Element | None) -> Step:
    """Starts a network: its configuration, or a transient one made of ``options`` and the unknown XML of ``base``."""
    def stop(host: Host) -> None:
        host.libvirt.stop_network(name)

    if persistent:
        return Step("start network %s" % name, lambda host: host.libvirt.start_network(name), stop)
    document = NETWORK.render(options, base)
    return Step("start transient network %s" % name, lambda host: host.libvirt.create_network(document), stop)


class Restart:
    """The restart of one active network: ``old`` and ``new`` are its options before and after."""

    def __init__(self, name: str, found: NetworkFound, new: Options) -> None:
        self.name, self.found, self.old, self.new = name, found, found.live or {}, new

    def check(self) -> None:
        """Refuses a restart after which the guests that are there could not be connected."""
        old, new = _connection(self.old), _connection(self.new)
        if self.found.users and old != new:
            raise Invalid("restart", "always cannot take %s from %s to %s while running; stop them, or give"
                          " restart: when_idle" % (", ".join(self.found.users), old, new))

    @property
    def goes(self) -> str | None:
        """The device that goes when the network stops."""
        return option(self.old, "bridge", "name") if manages_bridge(self.old) else None

    def stop_step(self, disruptive: bool = False) -> Step:
        name, record = self.name, self.found.record

        def undo(host: Host) -> None:
            if record is not None and record.live is not None and not record.persistent:
                host.libvirt.create_network(record.live)
            else:
                host.libvirt.start_network(name)
            self._bring_back(host, self.old)

        impact = "disruptive" if disruptive else "brief" if self.found.users else "none"
        return Step("stop network %s" % name, lambda host: host.libvirt.stop_network(name), undo, impact)

    def start_steps(self, persistent: bool) -> list[Step]:
        base = self.found.record.live if self.found.record and not persistent else None
        steps = [start_step(self.name, self.new, persistent, base)]
        if self.found.users:
            steps.append(Step("connect %s again" % ", ".join(self.found.users),
                              lambda host: self._bring_back(host, self.new), impact="brief"))
        return steps

    def _bring_back(self, host: Host, options: Options) -> None:
        """Connects again what was connected before the network stopped."""
        remade, bridge = manages_bridge(options), self._bridge(host)
        if remade:
            for guest in self.found.guests:
                host.libvirt.plug_in_again(guest.domain_uuid, guest.inactive, bridge)
        ports = self.found.foreign_ports if remade else self.found.ports
        for port in ports:
            host.libvirt.reclaim_port(self.name, reclaimable(port, bridge if remade else ""))
        if remade:
            self._restore_members(host, bridge)

    def _bridge(self, host: Host) -> str:
        """The bridge that the network has now, empty for none."""
        found = load_xml(host.libvirt.network_xml(self.name, True) or "<network/>").find("bridge")
        return (found.get("name") or "") if found is not None else ""

    def _restore_members(self, host: Host, bridge: str) -> None:
        """Puts every device that was in the bridge back, with its settings as a bridge port, and taps to its MTU.

        Where libvirt fills the bridge's MAC table (macTableManager) it does so only for guests that it starts.
        """
        if not host.local:
            return
        before, now = self.found.devices or {}, host.kernel.devices()
        mtu = now[bridge]["mtu"] or 0
        for guest in self.found.guests:
            tap = now.get(guest.tap)
            if tap and tap["mtu"] != mtu and guest.inactive.find("mtu") is None:
                host.kernel.set_mtu(guest.tap, mtu)
        for member in self.found.members:
            device = now.get(member)
            if device is None:
                continue
            if device["master"] != bridge:
                host.kernel.set_master(member, bridge)
            host.kernel.set_port(member, before[member]["port"])
            for mac, vlan in before[member]["fdb"]:
                host.kernel.add_fdb(member, mac, vlan)


def reclaimable(port: Element, bridge: str) -> Element:
    """A port as it can be reclaimed: in the bridge as it is called now, and without the traffic class it had."""
    port = copy.deepcopy(port)
    plug = port.find("plug")
    if bridge and plug is not None:
        plug.set("bridge", bridge)
    bandwidth = port.find("bandwidth")
    if bandwidth is not None:
        drop_attribute(bandwidth, "classID")
        inbound = bandwidth.find("inbound")
        if inbound is not None:
            drop_attribute(inbound, "floor")
            if not inbound.attrib:
                bandwidth.remove(inbound)
    return port
