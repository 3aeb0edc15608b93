# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interface of a guest: plan the steps that make it as desired, in its configuration and while it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ..documents.interface import INTERFACE, fitting, interface_needs, option, refuse_unfit
from ..documents.network import takes_tags, vlan_refusal
from ..engine.converge import Drift, Host, Plan, Step
from ..host.libvirt import CONFIG, LIVE, HypervisorError
from ..schema.nodes import Invalid, check_version, is_empty
from .bandwidth import floor_drift, floors, rates, refuse_floor, tap_drift
from .interface_live import (
    CONNECTION,
    HOTPLUG,
    OWN_PREFIXES,
    exchange,
    find_live,
    given_by,
    in_place,
    network_like,
    only_portgroup,
    plug,
    unplug,
)
from .interface_read import Card, Found, InterfaceState, find, read_interfaces, shares_memory

# libvirt finds an interface by these, and so cannot change them by an update
IDENTITY = ("mac", "alias", "address")
# from here on libvirt refuses what older ones let fail in QEMU: vhost-user beside memory that is not shared
UNSHARED = (11, 1, 0)


@dataclass
class Interface:
    """A desired interface of the guest ``domain``; ``layers`` None stands for all that the guest has.

    ``beside`` are aliases of interfaces that will be there too.
    """

    domain: str
    options: dict
    state: str = "present"
    layers: list | None = None
    replace: bool = False
    purge: bool = False
    beside: tuple = ()
    kind: str = field(default="interface", init=False)

    @property
    def name(self) -> str:
        stated = (option(self.options, path) for path in ("mac.address", "alias.name", "source.network",
                                                          "source.bridge", "source.dev"))
        return "%s of guest %s" % (next(filter(None, stated), ""), self.domain)

    def read(self, host: Host) -> InterfaceState:
        return read_interfaces(host, self.domain, option(self.options, "source.network"))

    def plan(self, state: InterfaceState) -> Plan:
        return _Planner(self, state).plan()

    def verify(self, state: InterfaceState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do, and leave only what this one left."""
        return self.plan(state).unfinished("config", frozenset(drift[:2] for drift in plan.waiting))

    def model(self, state: InterfaceState) -> dict:
        """The interface as this module takes it."""
        return _model(self.domain, find(self.options, state))


def _model(domain: str, found: Found) -> dict:
    card = found.config or found.live
    if card is None:
        return {"domain": domain, "state": "absent"}
    return dict({"domain": domain}, **card.own)


class _Planner:
    """Plans one interface. Every method reads what was given and adds to the plan."""

    def __init__(self, desired: Interface, state: InterfaceState) -> None:
        self.desired, self.state = desired, state
        self.found = find(desired.options, state)
        self.options = self._without_libvirts_own(desired.options)
        self.layers = self._layers()
        self.uuid, self.guest = state.record.uuid, state.record.name
        self.label = "interface %s of guest %s" % (self.found.mac, self.guest)
        before = _model(desired.domain, self.found)
        self._plan = Plan(before=before, after=dict(before))

    def plan(self) -> Plan:
        if self.desired.state == "absent":
            self._remove()
        else:
            self._make()
        return self._plan

    def _layers(self) -> list:
        record, layers = self.state.record, self.desired.layers
        if layers is None:
            return [name for name, there in (("live", record.active), ("config", record.persistent)) if there]
        if "config" in layers and not record.persistent:
            raise Invalid("layers", "guest %s is transient and has no configuration; give live" % record.name)
        if "live" in layers and not record.active:
            raise Invalid("layers", "guest %s does not run; give config" % record.name)
        return [name for name in ("live", "config") if name in layers]

    @staticmethod
    def _without_libvirts_own(options: dict) -> dict:
        """The options without names that libvirt makes up for the time that a guest runs."""
        options = dict(options)
        if (option(options, "alias.name") or "ua-")[:3] != "ua-":
            del options["alias"]
        if (option(options, "target.dev") or "").startswith(OWN_PREFIXES):
            options["target"] = {name: value for name, value in options["target"].items() if name != "dev"}
            if not options["target"]:
                del options["target"]
        if option(options, "source.portid") and options.get("type") != "vds":
            options["source"] = {name: value for name, value in options["source"].items() if name != "portid"}
        return options

    # --- present

    def _make(self) -> None:
        found = self.found
        wanted = {}
        for layer in self.layers:
            card = found.live if layer == "live" else found.config
            wanted[layer] = self._merged(card)
            drift = self._drift(layer, card, wanted[layer])
            if layer == "live" and card is not None and not any(_top(one) == "bandwidth" for one in drift):
                self._limit_again(card)
            if card is not None and not drift:
                INTERFACE.check_changed(wanted[layer], self._current(card))
                continue
            self._plan.drift += drift
            self._check(wanted[layer], card)
            if layer == "config":
                self._configure(card, wanted[layer])
            elif card is None:
                self._plug_in(wanted[layer])
            else:
                self._change_live(card, wanted[layer], drift)
        shown = wanted.get("config") or wanted.get("live") or {}
        self._plan.after = dict({"domain": self.desired.domain}, **shown)
        self._say()

    def _merged(self, card: Card | None) -> dict:
        """The whole interface as it is to be in a layer."""
        if card is None:
            return fitting(INTERFACE.merge(self.options, self._seed()), self.options, {})
        current = self._current(card)
        merged = INTERFACE.merge(self.options, current, self.desired.purge)
        if option(merged, "virtualport.type") != option(current, "virtualport.type") and "virtualport" in merged:
            merged["virtualport"] = INTERFACE.node("virtualport").merge(self.options.get("virtualport", {}), {})
        elif self.desired.purge and not is_empty(self.options.get("virtualport")):
            merged["virtualport"] = INTERFACE.node("virtualport").merge(
                self.options["virtualport"], {"parameters": option(current, "virtualport.parameters") or {}})
        if "mac" not in merged:
            merged["mac"] = {"address": card.mac}
        return fitting(merged, self.options, current)

    def _seed(self) -> dict:
        """What a new interface has in common with the same one in the other layer."""
        other = self.found.config or self.found.live
        seed = {name: other.options[name] for name in ("type", "source", "model", "alias") if name in other.options
                } if other else {}
        return dict(seed, mac={"address": self.found.mac})

    def _current(self, card: Card) -> dict:
        """What a card says; what it has from its network counts only where the task states it."""
        return {name: value for name, value in card.options.items()
                if name not in card.inherited or not is_empty(self.options.get(name))}

    def _drift(self, layer: str, card: Card | None, wanted: dict) -> list:
        if card is None:
            return [Drift(layer, "", "present", "absent")]
        current = self._current(card)
        stated = INTERFACE.whole(wanted, current) if self.desired.purge else self.options
        return [Drift(layer, *found) for found in INTERFACE.differences(stated, current)]

    def _check(self, wanted: dict, card: Card | None) -> None:
        """Refuses what cannot work, before anything is touched."""
        state = self.state
        options = INTERFACE.check(wanted)
        refuse_unfit(options, card.options if card else {})
        check_version(interface_needs(self.options), state.version)
        network = state.networks.get(option(options, "source.network"))
        like = network_like(options, state.networks)
        switch = options.get("virtualport") or given_by(network, options).get("virtualport")
        if options.get("vlan") and like is not None and not takes_tags(like, switch, state.version):
            raise Invalid("vlan", vlan_refusal(state.version))
        self._check_guest(options)
        running = self.found.live if "live" in self.layers else None
        port = self.state.port_of(running)
        name = option(options, "source.network")
        others = floors(state.ports.get(name, ()), port.findtext("uuid") if port is not None else None)
        refuse_floor(options.get("bandwidth"), name, network, others if running else [])
        partner = option(options, "teaming.persistent")
        others = {card.alias for card in state.cards if card not in (self.found.config, self.found.live)}
        if partner and partner not in others.union(self.desired.beside):
            raise Invalid("teaming.persistent", "guest %s has no interface with alias %s" % (self.guest, partner))

    def _check_guest(self, options: dict) -> None:
        """Refuses what does not go together with the rest of the guest."""
        guests = [guest for name, guest in self.state.documents.items() if name in self.layers]
        if options["type"] == "vhostuser" and self.state.version >= UNSHARED and not all(map(shares_memory, guests)):
            raise Invalid("type", "vhostuser needs a guest whose memory is shared (<memoryBacking> with <access"
                          " mode='shared'/>), and that of %s is not" % self.guest)
        if option(options, "boot.order") and any(guest.find("os/boot") is not None for guest in guests):
            raise Invalid("boot.order", "guest %s has its boot order in <os> (<boot dev='...'/>), and libvirt takes no"
                          " order of devices beside that" % self.guest)

    def _check_live(self, wanted: dict) -> None:
        """Refuses what only a running guest needs."""
        network, bridge = option(wanted, "source.network"), option(wanted, "source.bridge")
        if wanted["type"] == "network" and network not in self.state.networks:
            raise Invalid("source.network", "network %s does not run, and guest %s does" % (network, self.guest))
        device = bridge if wanted["type"] == "bridge" else option(wanted, "source.dev")
        if wanted["type"] in ("bridge", "direct") and self.state.devices is not None and (
                device not in self.state.devices):
            raise Invalid("source.bridge" if bridge else "source.dev", "the host has no device %s" % device)

    # --- the configuration

    def _configure(self, card: Card | None, wanted: dict) -> None:
        uuid = self.uuid
        if card is None:
            element = INTERFACE.render(wanted)
            self._plan.steps.append(Step(
                "add %s to its configuration" % self.label,
                lambda host: host.libvirt.attach_interface(uuid, element, CONFIG),
                lambda host: host.libvirt.detach_interface(uuid, element, CONFIG)))
            return
        before, after = card.element, INTERFACE.render(wanted, card.element)
        other = any(drift.layer == "config" and _top(drift) in IDENTITY for drift in self._plan.drift)
        change = _swap if other else _update
        self._plan.steps.append(Step("change the configuration of %s" % self.label,
                                     lambda host: change(host, uuid, before, after),
                                     lambda host: change(host, uuid, after, before)))

    # --- the running guest

    def _plug_in(self, wanted: dict) -> None:
        uuid, element = self.uuid, INTERFACE.render(wanted)
        if wanted["type"] not in HOTPLUG:
            if "config" not in self.layers:
                raise Invalid("type", "QEMU cannot plug in an interface of type %s while guest %s runs"
                              % (wanted["type"], self.guest))
            self._plan.waiting += [drift for drift in self._plan.drift if drift.layer == "live"]
            return
        self._check_live(wanted)
        self._plan.steps.append(Step("plug in %s" % self.label, lambda host: plug(host, uuid, element),
                                     lambda host: unplug(host, uuid, find_live(host, uuid, wanted))))

    def _change_live(self, card: Card, wanted: dict, drift: list) -> None:
        possible = in_place(card, wanted, self.state.networks, self.state.version)
        left = [one for one in drift if _top(one) not in possible]
        if left and self.desired.replace:
            self._exchange(card, wanted)
            return
        if left and "config" not in self.layers:
            raise Invalid(left[0].path, "cannot change while guest %s runs; give replace: true to have the interface"
                          " unplugged and plugged in again" % self.guest)
        self._plan.waiting += left
        done = [one for one in drift if _top(one) in possible]
        if not done:
            return
        # a switch port that came from the network would get another identity, and libvirt refuses that
        now = dict(card.own, **{name: card.options[name] for name in card.inherited if name == "virtualport"})
        network = given_by(self.state.networks.get(option(wanted, "source.network")), wanted)
        for name in {_top(one) for one in done}:
            for part in CONNECTION if name in CONNECTION else (name,):
                now.pop(part, None)
                if not is_empty(wanted.get(part)):
                    now[part] = wanted[part]
        if any(_top(one) == "vlan" for one in done) and "vlan" not in now and "vlan" in network:
            now["vlan"] = network["vlan"]  # libvirt would set no tags, and show those of the network
        self._check_live(now)
        uuid, old, new = self.uuid, card.element, INTERFACE.render(now, card.element)
        limits = {_top(one) for one in done} & {"bandwidth"}
        moves = "source" in now and any(_top(one) in CONNECTION for one in done)

        def update(host: Host, element: Any) -> None:
            if moves and only_portgroup(card.options, now):
                host.libvirt.plug_in_again(uuid, element, card.bridge)
            else:
                host.libvirt.update_interface(uuid, element, LIVE)

        self._plan.steps.append(Step(
            "change %s of the running %s" % (", ".join(sorted(one.path for one in done)), self.label),
            lambda host: update(host, new), lambda host: update(host, old), "brief" if moves else "none",
            # libvirt leaves the first part of new limits when the kernel lacks the second
            (lambda host: host.libvirt.set_interface_rates(uuid, card.tap, rates(card.options))) if limits else None))

    def _limit_again(self, card: Card) -> None:
        """Has libvirt set the limits again that the kernel has lost."""
        if is_empty(self.options.get("bandwidth")):
            return
        limits, port, traffic = rates(card.options), self.state.port_of(card), self.state.traffic
        class_id = port.find("bandwidth").get("classID") if port is not None and limits["inbound.floor"] else None
        floor = list(floor_drift(limits["inbound.floor"], int(class_id or 0), traffic.get(card.bridge)))
        lost = list(tap_drift(card.options.get("bandwidth"), traffic.get(card.tap), card.raw.get("type") == "direct"))
        if not lost and not floor:
            return
        self._plan.drift += lost + floor
        uuid, device = self.uuid, card.tap

        def set_again(host: Host) -> None:
            if floor:  # libvirt makes a class only for a floor that changes
                host.libvirt.set_interface_rates(uuid, device, dict(limits, **{"inbound.floor": 0}))
            host.libvirt.set_interface_rates(uuid, device, limits)

        self._plan.steps.append(Step("limit the traffic of the running %s again" % self.label, set_again))

    def _exchange(self, card: Card, wanted: dict) -> None:
        if wanted["type"] not in HOTPLUG:
            raise Invalid("type", "QEMU cannot plug in an interface of type %s while guest %s runs"
                          % (wanted["type"], self.guest))
        self._check_live(wanted)
        uuid, raw, new = self.uuid, card.raw, INTERFACE.render(wanted, card.element)
        old = card.element
        self._plan.steps.append(Step(
            "unplug %s and plug it in as it is to be" % self.label, lambda host: exchange(host, uuid, raw, new),
            lambda host: exchange(host, uuid, find_live(host, uuid, wanted), old), "disruptive"))

    def _say(self) -> None:
        """Completes the diff and the warnings."""
        plan = self._plan
        left = {drift[:2] for drift in plan.waiting}
        for layer in ("live", "kernel"):
            found = [drift for drift in plan.drift if drift.layer == layer
                     and drift._replace(layer="config") not in plan.drift]
            if found:
                plan.before[layer] = {drift.path or "interface": drift.current for drift in found}
                plan.after[layer] = {drift.path or "interface": drift.current if drift[:2] in left else drift.desired
                                     for drift in found}
        if plan.waiting:
            waits = ", ".join(drift.path or "the interface" for drift in plan.waiting)
            hint = "; replace: true would have the interface unplugged and plugged in" if self.found.live else ""
            plan.warnings.append("%s: %s waits until guest %s is shut down and started again%s"
                                 % (self.label, waits, self.guest, hint))

    # --- absent

    def _remove(self) -> None:
        uuid, found = self.uuid, self.found
        aliases = {card.alias for card in (found.config, found.live) if card}
        for card in self.state.cards:
            if option(card.options, "teaming.persistent") in aliases:
                raise Invalid("state", "%s is one half of a pair; give partner, for the pair to go" % self.label)
        if found.live is not None and "live" in self.layers:
            raw, old = found.live.raw, found.live.element
            self._plan.steps.append(Step("unplug %s" % self.label, lambda host: unplug(host, uuid, raw),
                                         lambda host: plug(host, uuid, old), "disruptive"))
            self._plan.drift.append(Drift("live", "", "absent", "present"))
        if found.config is not None and "config" in self.layers:
            element = found.config.element
            self._plan.steps.append(Step(
                "remove %s from its configuration" % self.label,
                lambda host: host.libvirt.detach_interface(uuid, element, CONFIG),
                lambda host: host.libvirt.attach_interface(uuid, element, CONFIG)))
            self._plan.drift.append(Drift("config", "", "absent", "present"))
        rest = Found(None if "config" in self.layers else found.config,
                     None if "live" in self.layers else found.live, found.mac)
        self._plan.after = _model(self.desired.domain, rest)
        if self._plan.steps and self._plan.after == self._plan.before:
            self._plan.after = dict(self._plan.after)
            self._plan.before["live" if "live" in self.layers else "config"] = "present"
            self._plan.after["live" if "live" in self.layers else "config"] = "absent"


def _top(drift: Drift) -> str:
    return re.split(r"[.\[]", drift.path, maxsplit=1)[0]


def _update(host: Host, uuid: str, old: Any, new: Any) -> None:
    host.libvirt.update_interface(uuid, new, CONFIG)


def _swap(host: Host, uuid: str, old: Any, new: Any) -> None:
    """Removes an interface from the configuration and adds another in its place."""
    host.libvirt.detach_interface(uuid, old, CONFIG)
    try:
        host.libvirt.attach_interface(uuid, new, CONFIG)
    except HypervisorError:
        host.libvirt.attach_interface(uuid, old, CONFIG)
        raise
