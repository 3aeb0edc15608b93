# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual network: read it from libvirt and the kernel, and plan the steps that make it as desired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..documents.network import (
    NETWORK,
    manages_bridge,
    merge_network,
    mode_of,
    refused_by_driver,
    refused_vlan,
    vlan_refusal,
)
from ..engine.converge import Drift, Host, Plan, Step
from ..host import sysfs as pci
from ..host.libvirt import CONFIG, LIVE, NetworkRecord
from ..schema.nodes import Invalid, check_version, in_order, is_empty
from .bandwidth import bridge_drift
from .network_kernel import kernel_repairs, missing_devices, missing_functions, place_of, unstartable
from .network_metadata import NAMES as METADATA
from .network_metadata import metadata_steps, with_metadata
from .network_restart import Restart, start_step
from .network_updates import Update, apply_updates, plan_updates

# a call takes libvirt about 0.15 s, a new definition of the configuration as long as one of them
FEW_CALLS = 8


@dataclass(frozen=True)
class NetworkState:
    """What there is: libvirt's record, its documents as options, and what the kernel has.

    ``devices`` is what Kernel.devices() says, None when it was not asked; ``names`` says of every device whether it
    is a Linux bridge, ``functions`` are the PCI addresses of virtual functions; None when the kernel is out of reach.
    ``traffic`` is what tc limits of the bridge, None for a network without bandwidth. ``pool`` is what a pool by
    physical function would hand out if it were started now, None for other networks. ``sets_metadata`` is whether
    libvirt changes the metadata of a running network.
    """

    record: NetworkRecord | None
    config: dict | None
    live: dict | None
    guests: tuple
    devices: dict | None
    names: dict | None
    functions: frozenset | None
    version: tuple
    traffic: dict | None = None
    pool: frozenset | None = None
    sets_metadata: bool = False

    @property
    def active(self) -> bool:
        return bool(self.record and self.record.active)

    def follows(self, drift: Drift) -> bool:
        """Whether this is metadata of a running network that libvirt changes only at its next start."""
        return drift.layer == "live" and drift.path.split("[")[0] in METADATA and not self.sets_metadata

    @property
    def users(self) -> list:
        """Names of what uses the network: guests, and whatever else is in its bridge."""
        known = {guest.tap for guest in self.guests}
        others = ["port %s" % port.findtext("uuid") for port in self.foreign_ports]
        return [guest.label for guest in self.guests] + others + [
            name for name in self.members if name not in known]

    @property
    def foreign_ports(self) -> list:
        """Ports that belong to no interface of a running guest."""
        known = {guest.port for guest in self.guests}
        return [port for port in (self.record.ports if self.record else ()) if port.findtext("uuid") not in known]

    @property
    def members(self) -> list:
        """Devices in the bridge that libvirt made for the network."""
        bridge = ((self.live or {}).get("bridge") or {}).get("name")
        if not bridge or not self.devices or not manages_bridge(self.live):
            return []
        own = bridge + "-nic"  # which libvirt before 7.0 had in every bridge of its own
        return sorted(name for name, device in self.devices.items() if device["master"] == bridge and name != own)


def read_network(host: Host, name: str) -> NetworkState:
    """Everything about a network, read once."""
    record = host.libvirt.network(name)
    active = bool(record and record.active)
    live = _without_found(NETWORK.parse(record.live)) if active else None
    return NetworkState(
        record=record,
        config=NETWORK.parse(record.config) if record and record.config is not None else None,
        live=live,
        guests=tuple(host.libvirt.guests_of(name)) if active and record.ports else (),
        devices=host.kernel.devices() if host.kernel and active else None,
        names=host.kernel.names() if host.kernel else None,
        functions=host.kernel.virtual_functions() if host.kernel else None,
        version=host.libvirt.version,
        traffic=_traffic(host, live) if active else None,
        pool=_pool(live) if active and host.kernel else None,
        sets_metadata=host.libvirt.sets_metadata,
    )


def existing(host: Host, name: str) -> NetworkRecord:
    """libvirt's record of a network; raises Invalid when there is none of that name."""
    record = host.libvirt.network(name)
    if record is None:
        raise Invalid("network", "there is no network %s; there are %s"
                      % (name, ", ".join(host.libvirt.network_names()) or "none"))
    return record


def read_existing(host: Host, name: str) -> NetworkState:
    """Everything about a network; raises Invalid when there is none of that name."""
    return read_network(host, existing(host, name).name)


def _pool(live: dict) -> frozenset | None:
    """The virtual functions that libvirt would find now by the physical function of a pool."""
    device = ((live.get("forward") or {}).get("pf") or {}).get("dev")
    address = pci.address_of(device) if device else None
    if address is None:
        return None
    return frozenset(filter(None, (vf["address" if mode_of(live) == "hostdev" else "device"]
                                   for vf in pci.virtual_functions(address))))


def pool_drift(state: NetworkState) -> list:
    """Where a pool hands out other virtual functions than its physical function has; libvirt looks when it starts."""
    if state.pool is None:
        return []
    forward = state.record.live.find("forward")
    if mode_of(state.live) == "hostdev":
        table = NETWORK.node("forward").node("addresses").item
        handed = {place_of(table.parse(address)) for address in forward.findall("address")}
    else:
        handed = {interface.get("dev") for interface in forward.findall("interface")}
    if handed == state.pool:
        return []
    return [Drift("kernel", "forward.pf", sorted(state.pool), sorted(handed))]


def _traffic(host: Host, live: dict) -> dict | None:
    """What tc limits of a network's Linux bridge; Open vSwitch keeps limits of its own."""
    bridge = (live.get("bridge") or {}).get("name")
    if not host.kernel or not bridge or is_empty(live.get("bandwidth")) or live.get("virtualport"):
        return None
    return host.kernel.traffic(bridge)


def _without_found(live: dict) -> dict:
    """A running pool without the virtual functions that libvirt found by its physical function."""
    forward = live.get("forward") or {}
    if not forward.get("pf"):
        return live
    return dict(live, forward={name: value for name, value in forward.items()
                               if name not in ("interfaces", "addresses")})


def live_drift(state: NetworkState) -> Iterator[Drift]:
    """Where the running definition differs from the configuration."""
    if state.live is not None and state.config is not None:
        for found in NETWORK.differences(NETWORK.whole(state.config, state.live), state.live):
            yield Drift("live", *found)


def kernel_drift(state: NetworkState) -> list:
    """Where the kernel differs from the running definition."""
    found = [repair.drift for repair in _repairs(state, state.live) if repair.drift]
    return found + list(bridge_drift((state.live or {}).get("bandwidth"), state.traffic)) + pool_drift(state)


def _repairs(state: NetworkState, live: dict | None) -> list:
    if live is None or state.devices is None:
        return []
    return list(kernel_repairs(live, state.devices, list(state.guests)))


@dataclass
class Network:
    """A desired network. Options that are None leave that aspect as it is.

    Without ``repair`` the kernel is left alone but for bandwidth.
    """

    name: str
    options: dict
    state: str = "present"
    autostart: bool | None = None
    persistent: bool | None = None
    restart: str = "when_idle"
    purge: bool = False
    repair: bool = True
    kind: str = field(default="network", init=False)

    def read(self, host: Host) -> NetworkState:
        return read_network(host, self.name)

    def plan(self, state: NetworkState) -> Plan:
        return _Planner(self, state).plan()

    def verify(self, state: NetworkState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do, and leave only what this one left."""
        again = _Planner(self, state).plan()
        follows = [drift for drift in again.drift if state.follows(drift)]
        left = again.unfinished("config", frozenset(
            drift[:2] for drift in plan.waiting + plan.unrepaired + follows))
        there = {guest.label for guest in state.guests}
        return left + [Drift("live", "guests[%s]" % label, "connected", None)
                       for label in plan.guests if label not in there]

    def model(self, state: NetworkState) -> dict:
        """The network as this module takes it."""
        return model(state)


def model(state: NetworkState) -> dict:
    """A network as the module takes it."""
    if state.record is None:
        return {"state": "absent"}
    options = dict(state.config if state.config is not None else state.live)
    return dict(options, state="active" if state.record.active else "inactive", autostart=state.record.autostart,
                persistent=state.record.persistent)


class _Planner:
    """Plans one network. Every method reads what was given and adds to the plan."""

    def __init__(self, desired: Network, state: NetworkState) -> None:
        self.desired, self.state, self.name = desired, state, desired.name
        record = state.record
        self.runs = {"active": True, "inactive": False, "absent": False}.get(desired.state, state.active)
        self.persistent = desired.persistent
        if self.persistent is None:
            self.persistent = record.persistent if record else True
        self._plan = Plan(before=model(state), after={})

    def plan(self) -> Plan:
        if self.desired.state == "absent":
            self._remove()
            return self._plan
        self.merged = self._merged()
        self._config_drift()
        self._check()
        live_left = self._plan_running()
        self._autostart()
        self._say(live_left)
        return self._plan

    def _add(self, title: str, do: Any, undo: Any = None, impact: str = "none") -> None:
        self._plan.steps.append(Step(title, do, undo, impact))

    # --- what it is to be

    def _merged(self) -> dict:
        """The whole network as it is to be defined."""
        current = self.state.config if self.state.config is not None else self.state.live
        return merge_network(self.desired.options, current, self.desired.purge)

    def _stated(self, layer: dict) -> dict:
        """What a layer is compared with: what the task says, with purge everything."""
        if not self.desired.purge:
            return self.desired.options
        return NETWORK.whole(merge_network(self.desired.options, layer, True), layer)

    def _check(self) -> None:
        """Refuses what cannot work, before anything is touched."""
        if self.state.config is None or self._plan.drift:
            self._check_definition()
        else:
            NETWORK.check_changed(self.merged, self.state.config)
        check_version(NETWORK.needs(self.desired.options), self.state.version)
        record, uuid = self.state.record, self.desired.options.get("uuid")
        node = NETWORK.node("uuid")
        if record and uuid and node.normal(uuid) != node.normal(record.uuid):
            raise Invalid("uuid", "network %s exists with UUID %s, which cannot change" % (self.name, record.uuid))
        if not self.persistent and not self.runs:
            raise Invalid("persistent", "false needs state: active; a transient network is gone when it stops")
        if not self.persistent and self.desired.autostart:
            raise Invalid("autostart", "true needs persistent: true")

    def _check_definition(self) -> None:
        """Refuses what libvirt would not define; what it has defined already is not judged."""
        options = NETWORK.check(self.merged)
        refused_by_driver(options)
        vlan = refused_vlan(options, self.state.version)
        if vlan:
            raise Invalid(vlan, vlan_refusal(self.state.version))
        if self.state.functions is not None:
            for path, problem in missing_functions(options, self.state.functions):
                raise Invalid(path, problem)

    # --- the configuration

    def _config_drift(self) -> None:
        if self.state.config is not None:
            self._plan.drift += [Drift("config", *found) for found in
                                 NETWORK.differences(self._stated(self.state.config), self.state.config)]

    def _define_steps(self) -> list:
        """Steps that make the configuration as it is to be."""
        name, state = self.name, self.state
        if not self.persistent:
            if state.config is None:
                return []
            return [Step("make network %s transient" % name, lambda host: host.libvirt.undefine_network(name),
                         self._define_again())]
        if state.config is None:
            base = state.record.live if state.record else None
            document = NETWORK.render(self.merged, base)
            return [Step("define network %s" % name, lambda host: host.libvirt.define_network(document),
                         lambda host: host.libvirt.undefine_network(name))]
        if not any(drift.layer == "config" for drift in self._plan.drift):
            return []
        calls = plan_updates(state.config, self.merged, state.version)
        if 0 < len(calls) <= FEW_CALLS and in_order(NETWORK, apply_updates(state.config, calls)) == in_order(
                NETWORK, self.merged):
            return [update_step(self.name, call, CONFIG) for call in calls]
        document = NETWORK.render(self.merged, state.record.config)
        return [Step("change the configuration of network %s" % name,
                     lambda host: host.libvirt.define_network(document), self._define_again())]

    def _define_again(self) -> Any:
        name, record = self.name, self.state.record

        def undo(host: Host) -> None:
            host.libvirt.define_network(record.config)
            if record.autostart:
                host.libvirt.set_network_autostart(name, True)

        return undo

    # --- the running network

    def _plan_running(self) -> list:
        """Adds the steps for configuration and running network; gives the live drift that is left."""
        state, define = self.state, self._define_steps()
        if not state.active:
            self._plan.steps += define
            if self.runs:
                self._start()
            for path, problem in [] if self.runs else self._problems():
                self._plan.warnings.append("%s: %s; network %s needs it before it can start"
                                           % (path, problem, self.name))
            return []
        if not self.runs:
            self._plan.steps += define
            self._stop()
            return []
        live = [Drift("live", *found) for found in NETWORK.differences(self._stated(state.live), state.live)]
        self._plan.drift += live
        wanted = merge_network(self.desired.options, state.live, self.desired.purge)
        calls = plan_updates(state.live, wanted, state.version, _busy(state.record.live)) if live else []
        steps = [update_step(self.name, call, LIVE) for call in calls]
        after = apply_updates(state.live, calls)
        if live and state.sets_metadata:
            steps += metadata_steps(self.name, state.live, wanted)
            after = with_metadata(after, wanted)
        left = [Drift("live", *found) for found in NETWORK.differences(self._stated(after), after)]
        stale = list(bridge_drift(after.get("bandwidth"), state.traffic)) + pool_drift(state)
        self._plan.drift += stale
        reasons = [drift for drift in left if not state.follows(drift)] + stale
        if reasons and self._may_restart():
            self._restart(define)
            return []
        self._plan.steps += define + steps
        self._repair(after)
        self._plan.waiting = reasons
        return left

    def _may_restart(self) -> bool:
        policy = self.desired.restart
        return policy == "always" or (policy == "when_idle" and not self.state.users)

    def _restart(self, define: list) -> None:
        """Stops the network, changes the configuration and starts it, in an order that can be undone at each step."""
        restart = Restart(self.name, self.state, self.merged)
        restart.check()
        for path, problem in self._problems() + list(unstartable(self.merged, restart.other_names())):
            raise Invalid(path, problem)
        self._plan.guests = [guest.label for guest in self.state.guests]
        self._plan.steps.append(restart.stop_step())
        self._plan.steps += define
        self._plan.steps += restart.start_steps(self.persistent)

    def _repair(self, live: dict) -> None:
        """Repairs the kernel; what only people can repair is reported."""
        plan = self._plan
        for repair in _repairs(self.state, live) if self.desired.repair else ():
            if repair.step:
                plan.steps.append(repair.step)
            if repair.drift:
                plan.drift.append(repair.drift)
                if not repair.step and repair.by_people:
                    plan.unrepaired.append(repair.drift)
                    plan.warnings.append("%s; that cannot be repaired from here" % (repair.drift,))
        for path, problem in self._problems():
            plan.warnings.append("%s: %s, which the running network %s needs" % (path, problem, self.name))

    def _start(self) -> None:
        for path, problem in self._problems() + list(unstartable(self.merged, self.state.names or {})):
            raise Invalid(path, problem)
        base = self.state.record.config if self.state.record else None
        self._plan.steps.append(start_step(self.name, self.merged, self.persistent, base))

    def _stop(self) -> None:
        restart = Restart(self.name, self.state, self.state.live)
        if self.state.users:
            self._plan.warnings.append("network %s is stopped under %s" % (self.name, ", ".join(self.state.users)))
        self._plan.steps.append(restart.stop_step(disruptive=bool(self.state.users)))

    def _problems(self) -> list:
        """What the host lacks for the network to run."""
        return [] if self.state.names is None else list(missing_devices(self.merged, self.state.names))

    # --- the rest

    def _autostart(self) -> None:
        name, autostart = self.name, self.desired.autostart
        if autostart is None or autostart == bool(self.state.record and self.state.record.autostart):
            return
        self._add("switch autostart of network %s %s" % (name, "on" if autostart else "off"),
                  lambda host: host.libvirt.set_network_autostart(name, autostart),
                  lambda host: host.libvirt.set_network_autostart(name, not autostart))

    def _remove(self) -> None:
        if self.state.active:
            self._stop()
        if self.state.record and self.state.record.persistent:
            self._add("remove network %s" % self.name, lambda host: host.libvirt.undefine_network(self.name),
                      self._define_again())
        self._plan.after = {"state": "absent"} if self.state.record else self._plan.before

    def _say(self, live_left: list) -> None:
        """Completes the diff and the warnings."""
        state, plan = self.state, self._plan
        autostart = self.desired.autostart
        if autostart is None:
            autostart = bool(state.record and state.record.autostart) and self.persistent
        # what the task does not change keeps its spelling, what it changes has the spelling of the task
        plan.after = dict(self.merged, state="active" if self.runs else "inactive", autostart=autostart,
                          persistent=self.persistent)
        left = {drift[:2] for drift in plan.waiting + plan.unrepaired + live_left}
        for layer in ("live", "kernel"):
            found = [drift for drift in plan.drift if drift.layer == layer
                     and drift._replace(layer="config") not in plan.drift]
            if found:
                plan.before[layer] = {drift.path: drift.current for drift in found}
                plan.after[layer] = {drift.path: drift.current if drift[:2] in left else drift.desired
                                     for drift in found}
        if plan.waiting:
            why = "restart: never was given" if self.desired.restart == "never" else "it is used by %s" % ", ".join(
                state.users)
            plan.warnings.append("network %s must be restarted before %s is in force, and was not because %s"
                                 % (self.name, ", ".join(drift.path for drift in plan.waiting), why))


def update_step(name: str, call: Update, flag: int) -> Step:
    """One call of virNetworkUpdate on the configuration or on the running network."""
    def send(one: Update) -> Any:
        return lambda host: host.libvirt.update_network(
            name, one.command, one.section.number, one.parent, one.element(), flag)

    where = "configuration of network" if flag == CONFIG else "running network"
    return Step("%s (%s %s)" % (call.title, where, name), send(call), send(call.undo()))


def _busy(live: Any) -> frozenset:
    """The forward interfaces that guests are on."""
    return frozenset(interface.get("dev") for interface in live.findall("forward/interface")
                     if int(interface.get("connections") or 0))


def describe_network(host: Host, name: str) -> dict:
    """A network as the module takes it, with ``status``, what can only be read."""
    state = read_network(host, name)
    live = NETWORK.parse(state.record.live, readonly=True) if state.active else None
    bridge = ((state.live or state.config or {}).get("bridge") or {}).get("name")
    drift = list(live_drift(state)) + kernel_drift(state)
    return dict(model(state), status={
        "active": state.active,
        "bridge": bridge,
        "config": state.config,
        "live": live,
        "connections": (live or {}).get("connections", 0),
        "ports": [_port(port, state.guests) for port in state.record.ports],
        "leases": host.libvirt.leases(name),
        "drift": [found._asdict() for found in drift],
    })


def _port(port: Any, guests: tuple) -> dict:
    """A port as plain data, with the guest's device that it belongs to."""
    uuid = port.findtext("uuid")
    plug = port.find("plug")
    return {
        "uuid": uuid,
        "mac": port.find("mac").get("address"),
        "owner": {"name": port.findtext("owner/name"), "uuid": port.findtext("owner/uuid")},
        "guest_interface": next((guest.tap for guest in guests if guest.port == uuid), None),
        "plug": dict(plug.attrib) if plug is not None else {},
    }
