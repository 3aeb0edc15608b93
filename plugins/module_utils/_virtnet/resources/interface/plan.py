# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the steps that make an interface of a guest as desired, in its configuration and while it runs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.interface import INTERFACE, TYPES
from ...engine.plan import Drift
from ...schema.errors import Invalid, Missing, Path
from ...schema.options import Options, option
from .boot import kinds_of
from .cards import Card, macs_of
from .checks import check, unheeded_tags
from .found import InterfaceFound, model
from .live import change_running, keep_running, plug_in
from .meant import Meant
from .promise import Change, InterfacePlan
from .saved import wait_for_saved
from .startable import refuse_addresses, refuse_taken_place, refuse_unstartable
from .states import refuse_unplugging
from .steps import Steps
from .wanted import Aim, aim_of, current_of, drift_of, merged, tops, with_connection

if TYPE_CHECKING:
    from .resource import Interface

# libvirt finds an interface by these, and so cannot change them by an update
IDENTITY = {"mac", "alias", "address"}


def plan_interface(desired: Interface, found: InterfaceFound) -> InterfacePlan:
    aim = aim_of(desired, found)
    before = model(desired.domain, found.meant)
    plan = InterfacePlan(before=before, after=dict(before))
    if desired.absent:
        _remove(aim, plan)
    else:
        _make(aim, plan)
    return plan


# --- present


def _make(aim: Aim, plan: InterfacePlan) -> None:
    wanted: dict[str, Options] = {}
    _refuse_doubts(aim)
    _refuse_unknown(aim)
    stated = aim
    configured = merged(aim, aim.card("config")) if "config" in aim.layers else None
    for layer in aim.layers:
        aim = with_connection(stated, configured) if layer == "live" else stated
        card = aim.card(layer)
        wanted[layer] = merged(aim, card)
        drift = drift_of(aim, layer, card, wanted[layer])
        if layer == "live" and card is not None:
            keep_running(aim, plan, card, wanted[layer], drift)
        if card is not None and not drift:
            INTERFACE.check_changed(wanted[layer], current_of(aim, card))
            continue
        plan.drift += drift
        check(aim, wanted[layer], card)
        refuse_addresses(aim, wanted[layer], card)
        refuse_taken_place(aim, layer, wanted[layer], card)
        refuse_unstartable(aim, plan, layer, wanted[layer], card)
        if layer == "config":
            _configure(aim, plan, card, wanted[layer], drift)
        elif card is None:
            plug_in(aim, plan, wanted[layer], drift)
        else:
            change_running(aim, plan, card, wanted[layer], drift)
    wait_for_saved(aim, plan, wanted.get("config"))
    plan.after = dict({"domain": aim.desired.domain}, **wanted.get("config", wanted.get("live", {})))
    _say(aim, plan)


def _refuse_doubts(aim: Aim) -> None:
    """An interface that is in one layer only is not made in the other beside one that may be the same."""
    meant = aim.found.meant
    if meant.doubts and any(aim.card(layer) is None for layer in aim.layers):
        where = ("running guest", "configuration") if meant.config is None else ("configuration", "running guest")
        raise Invalid(Path("mac", "address"), "%s is in the %s only, and %s in the same place of the %s; whether they"
                      " are one interface whose MAC address is to change cannot be told: give layers if they are two,"
                      " alias.name if it is one" % (meant.mac, where[0], ", ".join(meant.doubts), where[1]))


def _refuse_unknown(aim: Aim) -> None:
    """What does not say enough to make an interface means one that is there."""
    if aim.options.get("type") is None and not any(aim.card(layer) for layer in ("config", "live")):
        raise Missing("type", "is missing, and guest %s has no interface %s to change, but %s; to make it, give one of"
                      " %s" % (aim.guest, aim.found.meant.mac, macs_of(aim.found.cards), ", ".join(TYPES)))


def _configure(aim: Aim, plan: InterfacePlan, card: Card | None, wanted: Options, drift: list[Drift]) -> None:
    plan.needs.add("configure guest")
    steps, element = Steps(aim.record.uuid, aim.label), INTERFACE.render(wanted, card.element if card else None)
    if option(wanted, "boot", "order") and kinds_of(aim.record.config):
        plan.steps.append(steps.convert_boot(card, element))
    elif card is None:
        plan.steps.append(steps.add(element))
    else:
        plan.steps.append(steps.configure(card.element, element, bool(tops(drift) & IDENTITY)))
    plan.changes.append(Change("config", card, element))


def _say(aim: Aim, plan: InterfacePlan) -> None:
    """Completes the diff and the warnings."""
    for path, problem in aim.found.lacks:
        if path == Path("source", "portgroup"):
            if plan.steps:
                raise Missing(path, "%s, and the interface would be on it without what that gives" % problem)
            plan.warnings.append("%s: %s; what %s had from it is gone when it is connected anew"
                                 % (path, problem, aim.label))
        elif plan.steps:
            plan.warnings.append("%s: %s; guest %s does not start before there is one"
                                 % (path, problem, aim.guest))
    plan.warnings += [one for one in unheeded_tags(aim, plan.after) if plan.steps and one not in plan.warnings]
    plan.show_layers(whole="interface")
    waits = ", ".join(str(drift.path) or "the interface" for drift in plan.waiting if drift.layer == "live")
    if waits:
        hint = "; replace: true would have the interface unplugged and plugged in" if aim.card("live") else ""
        plan.wait_for("guest", [aim.guest], "%s: %s waits until guest %s is shut down and started again%s"
                      % (aim.label, waits, aim.guest, hint))


# --- absent


def _remove(aim: Aim, plan: InterfacePlan) -> None:
    _refuse_half(aim)
    steps, meant = Steps(aim.record.uuid, aim.label), aim.found.meant
    for layer in aim.layers:
        card = aim.card(layer)
        if card is not None:
            if layer == "live":
                refuse_unplugging(aim.record)
            plan.needs |= {"configure guest"} if layer == "config" else set()
            plan.steps.append(steps.unplug(card) if layer == "live" else steps.remove(card.element))
            plan.drift.append(Drift(layer, Path(), "absent", "present"))
            plan.changes.append(Change(layer, card, None))
    wait_for_saved(aim, plan, None)
    plan.after = model(aim.desired.domain, Meant(None if "config" in aim.layers else meant.config,
                                                 None if "live" in aim.layers else meant.live))
    if plan.steps and plan.after == plan.before:
        layer = "live" if "live" in aim.layers else "config"
        plan.before[layer], plan.after[layer] = "present", "absent"


def _refuse_half(aim: Aim) -> None:
    aliases = {card.alias for card in (aim.card("config"), aim.card("live")) if card}
    if any(option(card.options, "teaming", "persistent") in aliases for card in aim.found.cards):
        raise Invalid("state", "%s is one half of a pair; give partner, for the pair to go" % aim.label)
