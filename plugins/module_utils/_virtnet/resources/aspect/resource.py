# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wish for one aspect, bandwidth or VLAN tags, of a network, a portgroup, a port or a guest's interface.

Nothing is planned here: the wish for the whole object is given that one option.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from ...documents.aspects import TARGETS
from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.errors import Invalid
from ...schema.nodes import Group
from ...schema.options import Options, prune
from ...schema.scalars import MAC, UUID
from ..network.resource import Network
from ..network_port.resource import NetworkPort
from ..portgroup.resource import Portgroup
from . import found as f

if TYPE_CHECKING:
    from ...engine.resource import Key
    from ..interface.resource import Interface

Whole = Union[Network, Portgroup, NetworkPort, "Interface"]


@dataclass
class Aspect:
    """The ``value`` of the ``option`` of what ``target`` names; ``kind`` is the module's name."""

    kind: str
    option: str
    target: dict[str, str]
    value: Options
    restart: str | None = None
    layers: list[str] | None = None

    def __post_init__(self) -> None:
        self.whole = self._find_whole()
        for name, belongs, to in (("restart", "network", "a network"), ("layers", "interface", "domain and mac")):
            if getattr(self, name) is not None and self.whole.kind != belongs:
                raise Invalid(name, "belongs to %s" % to)

    def _find_whole(self) -> Whole:
        """The wish for the object that it is an aspect of, which states nothing but that."""
        target, stated = self.target, {self.option: self.value}
        given = set(target)
        if given == {"network"}:
            return Network(target["network"], stated, restart=self.restart or "when_idle", repair=False, makes=False)
        if given == {"network", "portgroup"}:
            return Portgroup(target["network"], target["portgroup"], self.option, self.value)
        if given == {"network", "port"}:
            return NetworkPort(target["network"], dict(_port(target["port"]), **stated))
        if given == {"domain", "mac"}:
            from ..interface.resource import Interface

            return Interface(target["domain"], {"mac": {"address": _mac(target["mac"])}, **stated}, layers=self.layers)
        if given == {"domain"}:  # its only interface, which is found when the guest is looked at
            from ..interface.resource import Interface

            return Interface(target["domain"], dict(stated), layers=self.layers)
        raise Invalid("network", "give network; network and portgroup; network and port; or domain and mac")

    @property
    def names_no_interface(self) -> bool:
        """Whether it is for the only interface of a guest."""
        return set(self.target) == {"domain"}

    @property
    def name(self) -> str:
        return ", ".join("%s %s" % item for item in self.target.items())

    @property
    def key(self) -> Key:
        return (self.kind, *self.whole.key)

    @property
    def owner(self) -> Key:
        return self.whole.owner if isinstance(self.whole, Portgroup) else self.whole.key

    @property
    def absent(self) -> bool:
        return not self.value

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        return [self.owner, *self.whole.needs(seen)]

    def fold(self, owner: Any) -> Any:
        from .fold import fold_aspect

        return fold_aspect(self, self.whole, owner)

    def look(self, seen: Snapshot) -> Any:
        return f.look(seen, self)

    def plan(self, found: Any) -> Plan:
        from .plan import plan_aspect

        return plan_aspect(self, found)

    def foresee(self, seen: Snapshot, found: Any, plan: Plan) -> None:
        from .plan import foresee_aspect

        foresee_aspect(self, seen, found, plan)

    def promise(self, seen: Snapshot, plan: Any) -> None:
        self.whole.promise(seen, plan)

    def model(self, found: Any) -> Options:
        """The aspect as its module takes it."""
        return f.model(self, found)


def stated_aspect(kind: str, document: Group, params: Options) -> Aspect:
    """The aspect that a task's parameters state; raises Invalid."""
    value = document.check(prune({node.name: params[node.name] for node in document.nodes}), whole=False)
    names = " or ".join(node.name for node in document.nodes)
    if params["state"] == "absent" and value:
        raise Invalid(sorted(value)[0], "cannot be given with state: absent, which takes all of it away")
    if params["state"] == "present" and not value:
        raise Invalid(names, "is missing")
    target = {name: params[name] for name in TARGETS if params[name] is not None}
    return Aspect(kind, document.name, target, value, params["restart"], params["layers"])


def _port(name: str) -> Options:
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
        return str(MAC.coerce(text))
    except ValueError as error:
        raise Invalid("mac", "%s is not allowed; give %s" % (text, MAC.allowed)) from error
