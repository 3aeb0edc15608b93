# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the steps that make a virtual network as desired. Pure: all that is known comes with what was found."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ...documents.network import (
    NETWORK,
    manages_bridge,
    merge_network,
    refused_by_driver,
    refused_of_open,
    refused_vlan,
    vlan_refusal,
)
from ...documents.without_effect import refuse_new
from ...engine.plan import FREES, Drift, Plan, Shared, Step
from ...schema.errors import Invalid, Missing, Path
from ...schema.nodes import check_version, in_order
from ...schema.options import Options, is_empty, option
from ..repair import carry_out
from .filtering import refuse_tags, unheeded
from .firewall import NOT_COMPARED
from .found import NetworkFound, boot_drift, missing, model
from .piece import network as piece
from .repairs import kernel_repairs, missing_devices, missing_functions, stale_limits
from .taps import unset_mtu

if TYPE_CHECKING:
    from ...engine.plan import Do
    from ...host.host import Host
    from .resource import Network

# a call takes libvirt about 0.15 s, a new definition of the configuration as long as one of them
FEW_CALLS = 8


def plan_network(desired: Network, found: NetworkFound) -> Plan:
    if not desired.makes and found.record is None:
        raise missing(desired.name, found.others)
    if desired.absent:
        return _removal(desired, found)
    return _Planner(desired, found).plan()


def merged_options(desired: Network, current: Options | None) -> Options:
    """What a layer is to be: what is desired, and of the rest what is there."""
    merged = merge_network(desired.options, current, desired.purge)
    for edit in desired.edits:
        merged = edit(merged)
    return merged


def runs_after(desired: Network, found: NetworkFound) -> bool:
    return {"active": True, "inactive": False, "absent": False}.get(desired.state, found.active)


def persists_after(desired: Network, found: NetworkFound) -> bool:
    if desired.persistent is not None:
        return desired.persistent
    needed = desired.autostart or desired.state == "inactive"  # a transient one can do neither
    return found.record.persistent or bool(needed) if found.record else True


def _stop(desired: Network, found: NetworkFound, plan: Plan) -> None:
    from .restart import Restart

    if found.users:
        plan.warnings.append("network %s is stopped under %s" % (desired.name, ", ".join(found.users)))
    plan.steps.append(Restart(desired.name, found, found.live or {}).stop_step(disruptive=bool(found.users)))


def _removal(desired: Network, found: NetworkFound) -> Plan:
    plan = Plan(before=model(found), after={"state": "absent"})
    if found.active:
        _stop(desired, found, plan)
    if found.record and found.record.persistent:
        plan.needs.add("undefine network")
        plan.steps.append(Step("remove network %s" % desired.name,
                               lambda host: host.libvirt.undefine_network(desired.name), piece(desired.name),
                               writes=("network_config", desired.name)))
    return plan


def _named(desired: Network, found: NetworkFound) -> Network:
    """The same wish with the bridge that libvirt has made of a name such as ``lab%d``."""
    stated = option(desired.options, "bridge", "name") or ""
    made = option(found.config or found.live or {}, "bridge", "name") or ""
    if "%d" not in stated or not re.fullmatch(re.escape(stated).replace("%d", "[0-9]+"), made):
        return desired
    bridge = dict(desired.options["bridge"], name=made)
    return replace(desired, options=dict(desired.options, bridge=bridge))


class _Planner:
    """Plans one network that is to be there. Every method reads what was found and adds to the plan."""

    def __init__(self, desired: Network, found: NetworkFound) -> None:
        desired = _named(desired, found)
        self.desired, self.found, self.name = desired, found, desired.name
        self.runs, self.persistent = runs_after(desired, found), persists_after(desired, found)
        self.merged = merged_options(desired, found.config if found.config is not None else found.live)
        self._plan = Plan(before=model(found), after={})
        self._of = "network %s" % desired.name
        self._blocked: tuple[str, ...] = ()  # said last: nothing of it is the task's

    def plan(self) -> Plan:
        found = self.found
        if found.config is not None:
            self._plan.drift += _drift("config", self._stated(found.config), found.config)
        self._check()
        left = self._plan_running()
        self._autostart()
        self._say(left)
        if self.desired.trades:
            self._plan.trades = True
            self._plan.steps.sort(key=lambda step: step.stage)
        return self._plan

    # --- what it is to be

    def _stated(self, layer: Options) -> Options:
        """What a layer is compared with: what the task says, with purge everything."""
        if self.desired.purge:
            return NETWORK.whole(merged_options(self.desired, layer), layer)
        if not self.desired.edits:
            return self.desired.options
        merged, kept = merged_options(self.desired, layer), merge_network(self.desired.options, layer, False)
        edited, before = ({name: options[name] for name in options if merged.get(name) != kept.get(name)}
                          for options in (merged, kept))
        return {**self.desired.options, **NETWORK.whole(edited, before)}

    def _check(self) -> None:
        """Refuses what cannot work, before anything is touched."""
        found, options = self.found, self.desired.options
        for check in self.desired.checks:
            check(self.merged, found.version)
        if found.config is None or self._plan.drift:
            self._check_definition()
        else:
            NETWORK.check_changed(self.merged, found.config)
        check_version(NETWORK.too_new(options, found.version), found.version)
        record, uuid, node = found.record, options.get("uuid"), NETWORK.node("uuid")
        if record and uuid and node.normal(uuid) != node.normal(record.uuid):
            raise Invalid("uuid", "network %s exists with UUID %s, which cannot change" % (self.name, record.uuid))
        if not self.persistent and not self.runs:
            raise Invalid("persistent", "false needs state: active; a transient network is gone when it stops")
        if not self.persistent and self.desired.autostart:
            raise Invalid("autostart", "true needs persistent: true")

    def _check_definition(self) -> None:
        """Refuses what libvirt would not define; what it has defined already is not judged."""
        options, found = NETWORK.check(self.merged, there=self.found.config), self.found
        refused_by_driver(options)
        refuse_new(options, found.config)
        refused_of_open(options, found.version)
        vlan = refused_vlan(options, found.version)
        if vlan:
            raise Invalid(vlan, vlan_refusal(found.version))
        refuse_tags(options, found.config, found.devices)
        if found.functions is not None:
            for path, problem in missing_functions(options, found.functions):
                raise Missing(path, problem)

    # --- the configuration

    def _define_steps(self) -> list[Step]:
        """Steps that make the configuration as it is to be."""
        name, found, of, writes = self.name, self.found, piece(self.name), ("network_config", self.name)
        if not self.persistent:
            if found.config is None:
                return []
            return [Step("make network %s transient" % name, lambda host: host.libvirt.undefine_network(name), of,
                         writes=writes)]
        if found.config is None:
            document = NETWORK.render(self.merged, found.record.live if found.record else None)
            return [Step("define network %s" % name, lambda host: host.libvirt.define_network(document), of,
                         writes=writes)]
        return self._change_steps(found.config) if self._plan.drift else []

    def _change_steps(self, config: Options) -> list[Step]:
        from ...host.flags import CONFIG
        from .trade import free_step
        from .updates import apply_updates, change_step, plan_updates, update_step

        calls = plan_updates(config, self.merged, self.found.version)
        if 0 < len(calls) <= FEW_CALLS and in_order(NETWORK, apply_updates(config, calls)) == in_order(
                NETWORK, self.merged):
            return [update_step(self.name, call, CONFIG) for call in calls]
        base = self.found.record.config if self.found.record else None
        steps = [change_step(self.name, NETWORK.render(self.merged, base))]
        if self.desired.trades == "takes" and base is not None and manages_bridge(config) and (
                option(config, "bridge", "name") != option(self.merged, "bridge", "name")):
            steps.insert(0, free_step(self.name, base))
        return steps

    # --- the running network

    def _plan_running(self) -> list[Drift]:
        """Adds the steps for configuration and running network; gives the live drift that is left."""
        define = self._define_steps()
        if self.desired.trades == "gives":
            define = [step._replace(stage=FREES) for step in define]
        if define:
            self._plan.needs.add("define network" if self.persistent else "undefine network")
        if self.found.live is not None and self.runs:
            return self._change_running(self.found.live, define)
        self._plan.steps += define
        if self.found.active:
            _stop(self.desired, self.found, self._plan)
        elif self.runs:
            self._start()
        else:
            for path, problem in self._problems():
                self._plan.warnings.append("%s: %s; network %s needs it before it can start"
                                           % (path, problem, self.name))
            self._plan.warnings += unheeded(self.merged, self.found.devices)
        return []

    def _change_running(self, live: Options, define: list[Step]) -> list[Drift]:
        plan, found = self._plan, self.found
        drift = _drift("live", self._stated(live), live)
        plan.drift += drift
        steps, after = self._change_live(live) if drift else ([], live)
        left = _drift("live", self._stated(after), after)
        stale = stale_limits(found, after)
        plan.drift += stale
        plan.follows = [one for one in left if self._follows(one)]
        reasons = [one for one in left if one not in plan.follows] + stale
        if reasons and self._may_restart():
            self._restart(define)
            return []
        plan.steps += define + steps
        if steps:
            plan.needs.add("update network")
        self._repair(after)
        plan.waiting = reasons
        return left

    def _follows(self, drift: Drift) -> bool:
        """Whether this is metadata of a running network that libvirt changes only at its next start."""
        from .metadata import NAMES

        return drift.path.top in NAMES and not self.found.sets_metadata

    def _change_live(self, live: Options) -> tuple[list[Step], Options]:
        """What changes the running network in place, and what it will be then."""
        from ...host.flags import LIVE
        from .metadata import metadata_steps, with_metadata
        from .updates import apply_updates, busy_interfaces, plan_updates, update_step

        wanted, record = merged_options(self.desired, live), self.found.record
        busy = busy_interfaces(record.live if record else None)
        calls = [] if self.found.counts_devices else plan_updates(live, wanted, self.found.version, busy)
        steps, after = [update_step(self.name, call, LIVE) for call in calls], apply_updates(live, calls)
        if self.found.sets_metadata:
            steps += metadata_steps(self.name, live, wanted)
            after = with_metadata(after, wanted)
        return steps, after

    def _may_restart(self) -> bool:
        policy = self.desired.restart
        return policy == "always" or (policy == "when_idle" and not self.found.users)

    def _restart(self, define: list[Step]) -> None:
        """Changes the configuration, stops the network and starts it, so that it is away for no longer than needed."""
        from .restart import Restart

        restart = Restart(self.name, self.found, self.merged)
        restart.check()
        self._refuse_lacks()
        self._plan.needs.add("start network")
        self._plan.connects = [guest.label for guest in self.found.guests]
        self._plan.steps += [*define, restart.stop_step(), *restart.start_steps(self.persistent)]

    def _repair(self, live: Options) -> None:
        """Repairs the kernel; what only people can repair is reported."""
        plan, found = self._plan, self.found
        plan.unconnected = [guest.label for guest in found.guests if guest.port not in found.known_ports]
        live = self._with_mtu(live)
        upkeep = found.upkeep.with_restart() if self.desired.restart == "always" else found.upkeep
        repairs = kernel_repairs(live, found.devices, found.guests, found.known_ports, upkeep) if (
            self.desired.repair and found.devices is not None) else ()
        self._blocked = found.upkeep.blocked
        if found.upkeep.problem:
            plan.warnings.append(Shared(
                NOT_COMPARED % (self.name, found.upkeep.problem), found.upkeep.problem, self._of))
        carry_out(repairs, plan, self.desired.restart == "always", "restart: always repairs it")
        for path, problem in self._problems():
            plan.warnings.append("%s: %s, which the running network %s needs" % (path, problem, self.name))

    def _with_mtu(self, live: Options) -> Options:
        """What runs with the MTU that its bridge is to have where the task states that the network has none."""
        bridge, stated = option(live, "bridge", "name"), self.desired.options.get("mtu")
        if stated is None or not is_empty(stated) or not manages_bridge(live) or live.get("mtu"):
            return live
        return dict(live, mtu={"size": unset_mtu(bridge or "", self.found.devices or {})})

    def _start(self) -> None:
        from .restart import connect_step, start_step

        self._refuse_lacks()
        base = self.found.record.config if self.found.record else None
        self._plan.needs.add("start network")
        self._plan.steps.append(start_step(self.name, self.merged, self.persistent, base))
        if self.found.guests:
            self._plan.connects = [guest.label for guest in self.found.guests]
            self._plan.steps.append(connect_step(self.name, self.found))

    def _refuse_lacks(self) -> None:
        for path, problem in self._problems():
            if not manages_bridge(self.merged):
                raise Missing(path, problem)
            self._plan.warnings.append("%s: %s; guests reach nothing by it until there is one" % (path, problem))
        self._plan.warnings += unheeded(self.merged, self.found.devices)

    def _problems(self) -> list[tuple[Path, str]]:
        """What the host lacks for the network to run."""
        devices = self.found.devices
        return [] if devices is None else list(missing_devices(self.merged, devices))

    # --- the rest

    def _autostart(self) -> None:
        name, autostart, found = self.name, self.desired.autostart, self.found
        is_on = bool(found.record and found.record.autostart)
        if autostart is None or autostart == is_on:
            self._boot(is_on)
            return
        if found.record:
            self._plan.drift.append(Drift("config", Path("autostart"), autostart, is_on))
        self._plan.needs.add("set autostart" if autostart else "clear autostart")
        self._plan.steps.append(Step("switch autostart of network %s %s" % (name, "on" if autostart else "off"),
                                     lambda host: host.libvirt.set_network_autostart(name, autostart), piece(name)))

    def _boot(self, is_on: bool) -> None:
        """Has a boot do what libvirt says of a network that keeps its autostart."""
        name, drift = self.name, boot_drift(self.found)
        if not is_on or not self.persistent:
            return
        if drift:
            self._plan.drift += drift
            self._plan.needs.add("set autostart")
            self._plan.steps.append(Step("switch autostart of network %s on again" % name, _start_again(name),
                                         piece(name)))
        if self.found.enabled is False:
            self._plan.warnings.append(Shared(
                "network %s starts at boot only with libvirt's daemon, which no boot starts;"
                " enable it (systemctl enable libvirtd, or virtnetworkd)" % name, "daemon", self._of))

    def _say(self, left: list[Drift]) -> None:
        """Completes the diff and the warnings."""
        found, plan, autostart = self.found, self._plan, self.desired.autostart
        if autostart is None:
            autostart = bool(found.record and found.record.autostart) and self.persistent
        # what the task does not change keeps its spelling, what it changes has the spelling of the task
        plan.after = dict(self.merged, state="active" if self.runs else "inactive", autostart=autostart,
                          persistent=self.persistent)
        plan.show_layers(*left)
        if plan.waiting:
            why = "restart: never was given" if self.desired.restart == "never" else (
                "it is used by %s; restart: always does it" % ", ".join(found.users))
            plan.wait_for("network", [self.name], "network %s must be restarted before %s is in force, and was not"
                          " because %s" % (self.name, ", ".join(str(drift.path) for drift in plan.waiting), why))
        self._report_guests(left)
        plan.warnings += self._blocked

    def _report_guests(self, left: list[Drift]) -> None:
        """Names the guests that have other tags or limits than their portgroup as the task states it."""
        stays = self.found.active and self.runs and not self._plan.connects
        if not stays or "portgroups" not in self.desired.options or any(one.path.top == "portgroups" for one in left):
            return
        from .groups import report_guests

        before = len(self._plan.waiting)
        for group in self.merged.get("portgroups") or []:
            tags = group.get("vlan") or self.merged.get("vlan") or {}
            for name, value in (("vlan", tags), ("bandwidth", group.get("bandwidth") or {})):
                report_guests(group, name, value, self.found, self._plan)
        self._plan.follows += self._plan.waiting[before:]


def _start_again(name: str) -> Do:
    def do(host: Host) -> None:
        for autostart in (False, True):  # libvirt does nothing where it believes it done
            host.libvirt.set_network_autostart(name, autostart)

    return do


def _drift(layer: str, stated: Options, current: Options) -> list[Drift]:
    return [Drift(layer, *found) for found in NETWORK.differences(stated, current)]
