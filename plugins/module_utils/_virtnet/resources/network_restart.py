# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping and starting a network under running guests, so that they are connected again without being touched.

When libvirt stops a network whose bridge it made, the bridge is deleted and the guests' taps are left over; when
it stops any network, it forgets the ports. Starting it brings nothing back. See "network restart" in docs/design.md.
"""

from __future__ import annotations

import copy
from typing import Any

from ..documents.network import NETWORK, manages_bridge, mode_of
from ..engine.converge import Host, Step
from ..schema.nodes import Invalid


def _connection(options: dict) -> str:
    """How guests are connected: by a bridge, by macvtap, or by PCI devices."""
    mode = mode_of(options)
    if manages_bridge(options) or (mode == "bridge" and (options.get("bridge") or {}).get("name")):
        return "openvswitch" if (options.get("virtualport") or {}).get("type") == "openvswitch" else "bridge"
    return "hostdev" if mode == "hostdev" else "macvtap %s" % mode


def start_step(name: str, options: dict, persistent: bool, base: Any) -> Step:
    """Starts a network: its configuration, or a transient one made of ``options`` and the unknown XML of ``base``."""
    def stop(host: Host) -> None:
        host.libvirt.stop_network(name)

    if persistent:
        return Step("start network %s" % name, lambda host: host.libvirt.start_network(name), stop)
    document = NETWORK.render(options, base)
    return Step("start transient network %s" % name, lambda host: host.libvirt.create_network(document), stop)


class Restart:
    """The restart of one active network: ``old`` and ``new`` are its options before and after."""

    def __init__(self, name: str, state: Any, new: dict) -> None:
        self.name, self.state, self.old, self.new = name, state, state.live, new

    def check(self) -> None:
        """Refuses a restart after which the guests that are there could not be connected."""
        old, new = _connection(self.old), _connection(self.new)
        if self.state.users and old != new:
            raise Invalid("restart", "always cannot take %s from %s to %s while running; stop them, or give"
                          " restart: when_idle" % (", ".join(self.state.users), old, new))

    def other_names(self) -> dict:
        """The devices that stay when the network stops."""
        own = (self.old.get("bridge") or {}).get("name") if manages_bridge(self.old) else None
        return {name: is_bridge for name, is_bridge in (self.state.names or {}).items() if name != own}

    def stop_step(self, disruptive: bool = False) -> Step:
        name, record = self.name, self.state.record

        def undo(host: Host) -> None:
            if record.persistent:
                host.libvirt.start_network(name)
            else:
                host.libvirt.create_network(record.live)
            self._bring_back(host, self.old)

        impact = "disruptive" if disruptive else "brief" if self.state.users else "none"
        return Step("stop network %s" % name, lambda host: host.libvirt.stop_network(name), undo, impact)

    def start_steps(self, persistent: bool) -> list:
        base = None if persistent else self.state.record.live
        steps = [start_step(self.name, self.new, persistent, base)]
        if self.state.users:
            steps.append(Step("connect %s again" % ", ".join(self.state.users),
                              lambda host: self._bring_back(host, self.new), impact="brief"))
        return steps

    def _bring_back(self, host: Host, options: dict) -> None:
        """Connects again what was connected before the network stopped."""
        host.forget()
        remade = manages_bridge(options)
        bridge = host.libvirt.network(self.name).live.find("bridge")
        bridge = bridge.get("name") if bridge is not None else None
        if remade:
            for guest in self.state.guests:
                host.libvirt.plug_in_again(guest.domain_uuid, guest.inactive, bridge)
        ports = self.state.foreign_ports if remade else self.state.record.ports
        for port in ports:
            host.libvirt.reclaim_port(self.name, reclaimable(port, bridge if remade else None))
        if host.kernel and remade:
            self._restore_members(host, bridge)

    def _restore_members(self, host: Host, bridge: str) -> None:
        """Puts every device that was in the bridge back, with its settings as a bridge port, and taps to its MTU.

        Where libvirt fills the bridge's MAC table (macTableManager) it does so only for guests that it starts.
        """
        before = self.state.devices or {}
        host.kernel.forget()
        mtu = host.kernel.device(bridge)["mtu"]
        for guest in self.state.guests:
            tap = host.kernel.device(guest.tap)
            if tap and tap["mtu"] != mtu and guest.inactive.find("mtu") is None:
                host.kernel.set_mtu(guest.tap, mtu)
        for member in self.state.members:
            device = host.kernel.device(member)
            if device is None:
                continue
            if device["master"] != bridge:
                host.kernel.set_master(member, bridge)
            host.kernel.set_port(member, before[member]["port"])
            for mac, vlan in before[member]["fdb"]:
                host.kernel.add_fdb(member, mac, vlan)


def reclaimable(port: Any, bridge: str | None) -> Any:
    """A port as it can be reclaimed: in the bridge as it is called now, and without the traffic class it had."""
    port = copy.deepcopy(port)
    plug = port.find("plug")
    if bridge and plug is not None:
        plug.set("bridge", bridge)
    bandwidth = port.find("bandwidth")
    if bandwidth is not None:
        bandwidth.attrib.pop("classID", None)
        inbound = bandwidth.find("inbound")
        if inbound is not None:
            inbound.attrib.pop("floor", None)
            if not inbound.attrib:
                bandwidth.remove(inbound)
    return port
