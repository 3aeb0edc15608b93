# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of a virtual network: read it, and plan the steps that make it as desired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..documents.network import NETWORK, refused_vlan, vlan_refusal
from ..documents.network_port import NETWORK_PORT
from ..engine.converge import Drift, Host, Plan, Step
from ..host.libvirt import GuestInterface
from ..schema.nodes import Invalid, check_version, is_empty
from .bandwidth import floors, rates, refuse_floor, tap_drift
from .network import existing
from .network_restart import reclaimable
from .owner import stable_uuid, stand_in


@dataclass(frozen=True)
class PortState:
    """A port, and the running guest's interface that it belongs to.

    ``network`` are the options of the running network, ``floors`` those of its other ports in kB/s. ``traffic`` is what
    tc limits of the guest's device, None when it is not known.
    """

    document: Any
    current: dict | None
    guest: GuestInterface | None
    version: tuple
    network: dict | None = None
    floors: tuple = ()
    traffic: dict | None = None


def ports_of(host: Host, network: str) -> list:
    """The documents of an active network's ports."""
    return list(existing(host, network).ports)


def port_state(host: Host, network: str, document: Any) -> PortState:
    """A port with what belongs to it."""
    current = None if document is None else NETWORK_PORT.parse(document)
    guests = host.libvirt.guests_of(network) if current else []
    guest = next((guest for guest in guests if guest.port == current["uuid"]), None)
    record = host.libvirt.network(network)
    live = NETWORK.parse(record.live) if record.active else None
    others = floors(record.ports, current and current["uuid"])
    return PortState(document, current, guest, host.libvirt.version, live, tuple(others), _traffic(host, guest))


def _traffic(host: Host, guest: GuestInterface | None) -> dict | None:
    """What tc limits of a guest's tap; virtual switches keep limits of their own."""
    if guest is None or host.kernel is None or guest.live.find("virtualport") is not None:
        return None
    return host.kernel.traffic(guest.tap)


@dataclass
class NetworkPort:
    """A desired port; ``name`` is its network's."""

    name: str
    options: dict
    state: str = "present"
    force: bool = False
    kind: str = field(default="network_port", init=False)

    def read(self, host: Host) -> PortState:
        ports = ports_of(host, self.name)
        if not host.libvirt.network(self.name).active and self.state == "present":
            raise Invalid("network", "network %s is not active; only an active network has ports" % self.name)
        found = [port for port in ports if self._is_named(NETWORK_PORT.parse(port))]
        if len(found) > 1:
            raise Invalid("uuid", "is missing; network %s has %d ports with MAC address %s" % (
                self.name, len(found), self.options["mac"]["address"]))
        return port_state(host, self.name, found[0] if found else None)

    def _is_named(self, port: dict) -> bool:
        """Whether a port is the one that the task names: by its uuid, or its MAC address and owner."""
        names = ("uuid",) if self.options.get("uuid") else ("mac", "owner")
        return all(NETWORK_PORT.node(name).normal(self.options[name]) == NETWORK_PORT.node(name).normal(port.get(name))
                   for name in names if self.options.get(name))

    def plan(self, state: PortState) -> Plan:
        plan = Plan(before=self.model(state), after={"network": self.name, "state": "absent"})
        if self.state == "absent":
            if state.current:
                self._refuse_guest(state)
                plan.steps.append(self._remove(state))
            return plan
        merged = self._merged(state)
        plan.after = dict(merged, network=self.name)
        if state.current is None:
            plan.steps.append(self._create(merged))
            return plan
        plan.drift = [Drift("live", *found) for found in NETWORK_PORT.differences(self.options, state.current)]
        if not is_empty(self.options.get("bandwidth")) and not any(
                drift.path.startswith("bandwidth") for drift in plan.drift):
            plan.drift += tap_drift(merged.get("bandwidth"), state.traffic,
                                    bool(state.guest) and state.guest.live.get("type") == "direct")
        if plan.drift:
            self._change(plan, state, merged)
        return plan

    def _merged(self, state: PortState) -> dict:
        options = dict(self.options)
        if state.current is None:
            if not options.get("mac"):
                raise Invalid("mac.address", "is missing")
            name = "%s/%s" % (self.name, NETWORK_PORT.node("mac").normal(options["mac"])["address"])
            options.setdefault("owner", stand_in(name))
            options.setdefault("uuid", stable_uuid("port " + name))
        merged = NETWORK_PORT.merge(options, state.current)
        NETWORK_PORT.check(merged)
        check_version(NETWORK_PORT.needs(self.options), state.version)
        if merged["mac"]["address"].lower().startswith("fe"):
            raise Invalid("mac.address", "%s begins with fe, which is for the host's side" % merged["mac"]["address"])
        refuse_floor(merged.get("bandwidth"), self.name, state.network, list(state.floors))
        self._refuse_vlan(state)
        return merged

    def _refuse_vlan(self, state: PortState) -> None:
        network = dict(state.network or {}, portgroups=[], vlan=self.options.get("vlan"))
        if self.options.get("virtualport"):
            network["virtualport"] = self.options["virtualport"]
        if state.network is not None and refused_vlan(network, state.version):
            raise Invalid("vlan", vlan_refusal(state.version))

    def verify(self, state: PortState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do."""
        return self.plan(state).unfinished("live")

    def model(self, state: PortState) -> dict:
        """The port as this module takes it."""
        if state.current is None:
            return {"network": self.name, "state": "absent"}
        return dict(state.current, network=self.name)

    # --- steps

    def _label(self, options: dict) -> str:
        return "port %s of network %s" % (options["mac"]["address"], self.name)

    def _create(self, merged: dict) -> Step:
        document = NETWORK_PORT.render(merged)
        return Step("create %s" % self._label(merged),
                    lambda host: host.libvirt.create_port(self.name, document, bool(merged.get("plug"))),
                    lambda host: host.libvirt.delete_port(self.name, merged["uuid"]))

    def _remove(self, state: PortState) -> Step:
        uuid = state.current["uuid"]
        return Step("remove %s" % self._label(state.current), lambda host: host.libvirt.delete_port(self.name, uuid),
                    lambda host: host.libvirt.create_port(self.name, reclaimable(state.document, None), True))

    def _refuse_guest(self, state: PortState) -> None:
        if state.guest and not self.force:
            raise Invalid("state", "the port belongs to the running guest %s, which would lose the network; change the"
                          " guest's interface, or give force: true" % state.guest.label)

    def _change(self, plan: Plan, state: PortState, merged: dict) -> None:
        """Bandwidth is changed in place where libvirt can; for the rest the port is made again."""
        only_bandwidth = all(drift.path.startswith("bandwidth") for drift in plan.drift)
        if state.guest and not only_bandwidth:
            raise Invalid(next(drift.path for drift in plan.drift if not drift.path.startswith("bandwidth")),
                          "the port belongs to the running guest %s; change the guest's interface" % state.guest.label)
        old, new = rates(state.current), rates(merged)
        if state.guest:
            plan.steps.append(self._tune(state.guest, merged, old, new))
        elif only_bandwidth and _can_set(old, new):
            plan.steps.append(Step("set bandwidth of %s" % self._label(merged),
                                   lambda host: host.libvirt.set_port_rates(self.name, merged["uuid"], new),
                                   lambda host: host.libvirt.set_port_rates(self.name, merged["uuid"], old)))
        else:
            again = {name: value for name, value in merged.items() if name != "plug" or "plug" in self.options}
            plan.steps += [self._remove(state), self._create(again)]

    def _tune(self, guest: GuestInterface, merged: dict, old: dict, new: dict) -> Step:
        def clean_up(host: Host) -> None:
            """Puts back the port, which libvirt changes before the tap, and what the tap has got."""
            host.libvirt.set_port_rates(self.name, merged["uuid"], old)
            host.libvirt.set_interface_rates(guest.domain_uuid, guest.mac, old)

        return Step("set bandwidth of guest %s on network %s" % (guest.label, self.name),
                    lambda host: host.libvirt.set_interface_rates(guest.domain_uuid, guest.mac, new),
                    lambda host: host.libvirt.set_interface_rates(guest.domain_uuid, guest.mac, old),
                    clean_up=clean_up)


def _can_set(old: dict, new: dict) -> bool:
    """libvirt-python sets only the parameters that a port has, so it cannot bring in a direction."""
    return all(any(value for name, value in old.items() if name.startswith(direction))
               for direction in ("inbound", "outbound")
               if any(value for name, value in new.items() if name.startswith(direction)))


def describe_port(host: Host, network: str, document: Any) -> dict:
    """A port as the module takes it, with ``status``, what can only be read."""
    state = port_state(host, network, document)
    return dict(state.current, network=network, status={
        "guest": state.guest.label if state.guest else None,
        "guest_interface": state.guest.tap if state.guest else None,
    })
