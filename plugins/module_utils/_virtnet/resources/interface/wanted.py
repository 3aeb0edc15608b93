# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interface is to be in each layer: what a task states, and of the rest what is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ...documents.device import is_named_by, is_template
from ...documents.interface import INTERFACE, fitting
from ...engine.plan import Drift
from ...host.snapshot import DomainRecord
from ...schema.errors import Invalid, Missing, Path
from ...schema.options import Options, is_empty, option
from .cards import Card
from .found import InterfaceFound
from .running import CONNECTION, OWN_PREFIXES
from .states import STATES

if TYPE_CHECKING:
    from .resource import Interface


class Aim(NamedTuple):
    """A wish for an interface with what was found of it.

    ``options`` are those stated without names that libvirt makes up, ``layers`` those that are managed.
    ``configured`` is what is in the configuration, or will be, where that is managed and has it.
    """

    desired: Interface
    found: InterfaceFound
    record: DomainRecord
    options: Options
    layers: list[str]
    configured: Options | None = None

    @property
    def guest(self) -> str:
        return self.record.name

    @property
    def label(self) -> str:
        return "interface %s of guest %s" % (self.found.meant.mac, self.guest)

    def card(self, layer: str) -> Card | None:
        return self.found.meant.live if layer == "live" else self.found.meant.config


def aim_of(desired: Interface, found: InterfaceFound) -> Aim:
    record = known_guest(desired.domain, found)
    # no options at all would take all of them away
    options = _without_libvirts_own(desired.options) or {"mac": {"address": found.meant.mac}}
    layers, config = _layers(record, desired.layers), found.meant.config
    return Aim(desired, found, record, options, layers, config.options if config and "config" in layers else None)


def known_guest(domain: str, found: InterfaceFound) -> DomainRecord:
    """The guest, when there is one and it can be told which of its interfaces is meant."""
    if found.record is None:
        raise Missing(*found.lacks[0])
    if found.meant.problem:
        raise Invalid(*found.meant.problem)
    return found.record


def _layers(record: DomainRecord, layers: list[str] | None) -> list[str]:
    ends = STATES[record.state].ends
    if ends and (not record.persistent or "live" in (layers or ())):
        raise Invalid("domain", "guest %s %s; wait until it has" % (record.name, ends))
    if layers is None and ends:
        return ["config"]
    if layers is None:
        return [name for name, there in (("live", record.active), ("config", record.persistent)) if there]
    if "config" in layers and not record.persistent:
        raise Invalid("layers", "guest %s is transient and has no configuration; give live" % record.name)
    if "live" in layers and not record.active:
        raise Invalid("layers", "guest %s does not run; give config" % record.name)
    return [name for name in ("live", "config") if name in layers]


def _without_libvirts_own(options: Options) -> Options:
    """The options without names that libvirt makes up for the time that a guest runs."""
    options = dict(options)
    if not (option(options, "alias", "name") or "ua-").startswith("ua-"):
        del options["alias"]
    if (option(options, "target", "dev") or "").startswith(OWN_PREFIXES) and option(
            options, "target", "managed") is not False:
        options["target"] = {name: value for name, value in options["target"].items() if name != "dev"}
        if not options["target"]:
            del options["target"]
    source = options.get("source") or {}
    if source.get("portid") and options.get("type") != "vds" and source.get("network"):
        options["type"] = "network"  # shown as what it became
    shown = set() if options.get("type") == "vds" else {"portid"}
    if source.get("network") and options.get("type", "network") == "network":
        shown |= {"bridge", "dev", "mode"}
    if shown & set(source):
        options["source"] = {name: value for name, value in source.items() if name not in shown}
    return options


def merged(aim: Aim, card: Card | None) -> Options:
    """The whole interface as it is to be in a layer."""
    options, purge = aim.options, aim.desired.purge
    if card is None:
        return fitting(INTERFACE.merge(options, _seed(aim)), options, {})
    current = current_of(aim, card)
    whole = INTERFACE.merge(options, current, purge)
    switch, table = options.get("virtualport") or {}, INTERFACE.node("virtualport")
    if option(whole, "virtualport", "type") != option(current, "virtualport", "type") and "virtualport" in whole:
        whole["virtualport"] = table.merge(switch, {})
    elif purge and not is_empty(switch):
        whole["virtualport"] = table.merge(switch, {"parameters": option(current, "virtualport", "parameters") or {}})
    if "mac" not in whole:
        whole["mac"] = {"address": card.mac}
    return fitting(whole, options, current)


def _seed(aim: Aim) -> Options:
    """What a new interface has in common with the same one in the other layer."""
    other = aim.found.meant.config or aim.found.meant.live
    shared = ("type", "source", "model", "alias") if other else ()
    seed = {name: other.options[name] for name in shared if other and name in other.options}
    return dict(seed, mac={"address": aim.found.meant.mac})


def current_of(aim: Aim, card: Card) -> Options:
    """What a card says; what it has from its network counts only where the task states it."""
    return {name: value for name, value in card.options.items()
            if name not in card.inherited or not is_empty(aim.options.get(name))}


def moves_later(aim: Aim) -> bool:
    """Whether a running interface is not connected as it is configured."""
    configured, live = aim.configured, aim.card("live")
    if configured is None or live is None:
        return False
    there = {name: live.options[name] for name in CONNECTION if name in live.options}
    return bool(list(INTERFACE.differences({name: configured.get(name) or {} for name in CONNECTION}, there)))


def with_connection(aim: Aim, configured: Options | None) -> Aim:
    """What is wanted of the running interface: what a task says of its connection it says of that configured."""
    to_be = aim._replace(configured=configured, options=_numbered(aim.options, aim.card("live")))
    if configured is None or not moves_later(aim) or not set(CONNECTION) & set(aim.options):
        return to_be
    connection = {name: configured[name] for name in CONNECTION if name in configured}
    return to_be._replace(options={**to_be.options, **connection})


def _numbered(options: Options, card: Card | None) -> Options:
    """The options with the name that a running interface got of a template such as tap%d."""
    name = option(options, "target", "dev") or ""
    if card is None or not is_template(name) or not is_named_by(card.tap, name):
        return options
    return dict(options, target=dict(options["target"], dev=card.tap))


def drift_of(aim: Aim, layer: str, card: Card | None, wanted: Options) -> list[Drift]:
    if card is None:
        return [Drift(layer, Path(), "present", "absent")]
    current = current_of(aim, card)
    stated = INTERFACE.whole(wanted, current) if aim.desired.purge else aim.options
    return [Drift(layer, *found) for found in INTERFACE.differences(stated, current)]


def tops(drift: Iterable[Drift]) -> set[str]:
    """The options, by the names that they have in a task, of which some part differs."""
    return {one.path.top for one in drift}
