# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One aspect, bandwidth or VLAN tags, of a network, a portgroup, a port or a guest's interface.

Nothing is planned here: the planner of the whole object is given that one option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ..documents.aspects import TARGETS
from ..engine.converge import Host, Plan
from ..schema.nodes import Group, Invalid, prune
from ..schema.scalars import MAC, UUID
from .interface import Interface
from .interface_read import find
from .network import Network, read_existing
from .network_port import NetworkPort
from .portgroup import Portgroup


@dataclass
class Aspect:
    """The desired ``value`` of the ``option`` of what ``target`` names; ``kind`` is the module's name."""

    kind: str
    option: str
    target: dict
    value: dict
    restart: str | None = None
    layers: list | None = None

    def __post_init__(self) -> None:
        self._owner = self._find_owner()
        for name, value, fits in (("restart", self.restart, Network), ("layers", self.layers, Interface)):
            if value is not None and not isinstance(self._owner, fits):
                raise Invalid(name, "belongs to %s" % ("a network" if fits is Network else "domain and mac"))

    @property
    def name(self) -> str:
        return ", ".join("%s %s" % item for item in self.target.items())

    def _find_owner(self) -> Any:
        target, stated = self.target, {self.option: self.value}
        given = set(target)
        if given == {"network"}:
            return Network(target["network"], stated, restart=self.restart or "when_idle", repair=False)
        if given == {"network", "portgroup"}:
            return Portgroup(target["network"], target["portgroup"], self.option, self.value)
        if given == {"network", "port"}:
            return NetworkPort(target["network"], dict(_port(target["port"]), **stated))
        if given == {"domain", "mac"}:
            return Interface(target["domain"], {"mac": {"address": _mac(target["mac"])}, **stated}, layers=self.layers)
        raise Invalid("network", "give network; network and portgroup; network and port; or domain and mac")

    def read(self, host: Host) -> Any:
        if isinstance(self._owner, Network):
            return read_existing(host, self._owner.name)
        state = self._owner.read(host)
        if isinstance(self._owner, NetworkPort) and state.current is None:
            raise Invalid("port", "network %s has no port %s" % (self._owner.name, self.target["port"]))
        if isinstance(self._owner, Interface):
            self._keep_to_what_is_there(state)
        return state

    def _keep_to_what_is_there(self, state: Any) -> None:
        """An interface is not added to a layer that it is not in."""
        found = find(self._owner.options, state)
        there = [layer for layer, card in (("live", found.live), ("config", found.config)) if card]
        missing = [layer for layer in self.layers or () if layer not in there]
        if missing or not there:
            raise Invalid("mac", "guest %s has no interface with MAC %s%s; there are %s" % (
                state.record.name, self.target["mac"], " in layer %s" % missing[0] if missing else "",
                ", ".join(sorted({card.mac for card in state.cards})) or "none"))
        self._owner = replace(self._owner, layers=self.layers or there)

    def plan(self, state: Any) -> Plan:
        try:
            plan = self._owner.plan(state)
        except Invalid as error:
            raise Invalid(re.sub(r"^(portgroups\[[^]]*\]\.)?((bandwidth|vlan)\.)?", "", error.path),
                          error.problem) from error
        return replace(plan, before=self._shown(plan.before), after=self._shown(plan.after))

    def verify(self, state: Any, plan: Plan) -> list:
        return self._owner.verify(state, plan)

    def model(self, state: Any) -> dict:
        """The aspect as the module takes it."""
        return self._shown(self._owner.model(state))

    def _shown(self, whole: dict) -> dict:
        value = {name: rates for name, rates in (whole.get(self.option) or {}).items() if name != "class_id"}
        layers = {name: whole[name] for name in ("live", "kernel") if name in whole}
        return {**self.target, **value, **layers}


def stated_aspect(kind: str, document: Group, params: dict) -> Aspect:
    """The aspect that a task's parameters state; raises Invalid."""
    value = document.check(prune({node.name: params[node.name] for node in document.nodes}), whole=False)
    names = " or ".join(node.name for node in document.nodes)
    if params["state"] == "absent" and value:
        raise Invalid(sorted(value)[0], "cannot be given with state: absent, which takes all of it away")
    if params["state"] == "present" and not value:
        raise Invalid(names, "is missing")
    target = {name: params[name] for name in TARGETS if params[name] is not None}
    return Aspect(kind, document.name, target, value, params["restart"], params["layers"])


def _port(name: str) -> dict:
    """What names a port: its UUID or its MAC address."""
    try:
        return {"uuid": UUID.coerce(name)}
    except ValueError:
        pass
    try:
        return {"mac": {"address": MAC.coerce(name)}}
    except ValueError as error:
        raise Invalid("port", "%s is not allowed; give a UUID or a MAC address" % name) from error


def _mac(text: str) -> str:
    try:
        return MAC.coerce(text)
    except ValueError as error:
        raise Invalid("mac", "%s is not allowed; give %s" % (text, MAC.allowed)) from error
