# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to the interface of a running guest: in place, by unplugging it, or at the guest's next start."""

from __future__ import annotations

from ...documents.interface import INTERFACE
from ...engine.plan import Drift, Step
from ...host.uses import on_open_vswitch
from ...schema.errors import Invalid
from ...schema.options import Options, is_empty, option
from ..bandwidth import RATES, floor_drift, rates, tap_drift
from .cards import Card
from .checks import check_live, refuse_hotplug, refuse_model
from .kernel import left_behind, moved_mtu, repair
from .promise import Change, InterfacePlan
from .running import CONNECTION, HOTPLUG, OF_CONNECTION, OPENS, as_running, given_by, in_place
from .states import refuse_unplugging
from .steps import Steps
from .wanted import Aim, moves_later, tops


def plug_in(aim: Aim, plan: InterfacePlan, wanted: Options, drift: list[Drift]) -> None:
    if wanted["type"] not in HOTPLUG and "config" in aim.layers:
        plan.waiting += drift
        return
    refuse_hotplug(aim, wanted)
    check_live(aim, wanted)
    refuse_model(aim, wanted)
    element = INTERFACE.render(wanted)
    plan.steps.append(_steps(aim).plug_in(element))
    plan.changes.append(Change("live", None, element))


def change_running(aim: Aim, plan: InterfacePlan, card: Card, wanted: Options, drift: list[Drift]) -> None:
    """Changes in place what can be; the rest waits, or the interface is unplugged and plugged in."""
    possible = _possible(aim, card, wanted, drift)
    left = [one for one in drift if one.path.top not in possible]
    if left and aim.desired.replace:
        _exchange(aim, plan, card, wanted)
        return
    if left and "config" not in aim.layers:
        raise Invalid(left[0].path, "cannot change while guest %s runs; give replace: true to have the interface"
                      " unplugged and plugged in again" % aim.guest)
    plan.waiting += left
    done = [one for one in drift if one.path.top in possible]
    if done:
        now = _changed(aim, card, wanted, tops(done))
        check_live(aim, now)
        step = _steps(aim).change(card, now, [one.path for one in done])
        plan.steps += _moved(aim, plan, card, now, step) if set(CONNECTION) & tops(done) else [step]
        plan.changes.append(Change("live", card, as_running(INTERFACE.render(now, card.element), card.raw)))


def _moved(aim: Aim, plan: InterfacePlan, card: Card, now: Options, move: Step) -> list[Step]:
    lost = left_behind(aim, card, now)
    return [*_with_mtu(aim, plan, card, now, move), *([lost] if lost else ())]


def _with_mtu(aim: Aim, plan: InterfacePlan, card: Card, now: Options, move: Step) -> list[Step]:
    """A move with the MTU of where it leads: a tap is never the one of a bridge that has the smaller."""
    mtu = moved_mtu(aim, card, now)
    if mtu is None or mtu.drift is None or mtu.step is None:
        return [move]
    plan.warnings.append("%s: its device gets MTU %d; what runs in guest %s keeps its own until that is shut down and"
                         " started again" % (aim.label, mtu.drift.desired, aim.guest))
    return [mtu.step, move] if mtu.drift.desired > mtu.drift.current else [move, mtu.step]


def _possible(aim: Aim, card: Card, wanted: Options, drift: list[Drift]) -> set[str]:
    """What changes now; where the connection changes later, what belongs to it does too, and what opens it."""
    possible = in_place(card.raw, wanted, aim.found.networks, aim.found.version)
    stays = set(CONNECTION) & (tops(drift) - possible) or (moves_later(aim) and not set(CONNECTION) & tops(drift))
    if not stays:
        return possible
    return {name for name in possible - set(OF_CONNECTION) if name not in OPENS or not OPENS[name](wanted.get(name))}


def _changed(aim: Aim, card: Card, wanted: Options, names: set[str]) -> Options:
    """A running interface with these options as they are wanted, and all others as they are."""
    # a switch port that came from the network would get another identity, and libvirt refuses that
    now = dict(card.own, **{name: card.options[name] for name in card.inherited if name == "virtualport"})
    for name in names:
        for part in CONNECTION if name in CONNECTION else (name,):
            now.pop(part, None)
            if not is_empty(wanted.get(part)):
                now[part] = wanted[part]
    network = given_by(aim.found.networks.get(option(wanted, "source", "network")), wanted)
    if "vlan" in names and "vlan" not in now and "vlan" in network:
        now["vlan"] = network["vlan"]  # libvirt would set no tags, and show those of the network
    return now


def _exchange(aim: Aim, plan: InterfacePlan, card: Card, wanted: Options) -> None:
    refuse_unplugging(aim.record)
    refuse_hotplug(aim, wanted)
    check_live(aim, wanted)
    element = INTERFACE.render(wanted, card.element)
    plan.steps.append(_steps(aim).exchange(card, element))
    plan.changes.append(Change("live", card, as_running(element, card.raw)))


def keep_running(aim: Aim, plan: InterfacePlan, card: Card, wanted: Options, drift: list[Drift]) -> None:
    """Repairs what libvirt and the kernel have lost of a running interface and no other step brings back."""
    changed = tops(drift)
    possible = _possible(aim, card, wanted, drift)
    if aim.desired.replace and changed - possible:
        return
    done = changed & possible
    repair(aim, plan, card, done | {"source", "port", "mtu"} if done & set(CONNECTION) else done)
    if "bandwidth" not in changed:
        _limit_again(aim, plan, card)


def _limit_again(aim: Aim, plan: InterfacePlan, card: Card) -> None:
    """Has libvirt set the limits again that the kernel has lost."""
    if is_empty(aim.options.get("bandwidth")):
        return
    wanted, traffic = rates(card.options)["inbound.floor"], aim.found.traffic
    floor = list(floor_drift(wanted, _class_id(aim, card) if wanted else None, traffic.get(card.bridge)))
    lost = list(tap_drift(card.options.get("bandwidth"), traffic.get(card.tap), card.raw.get("type") == "direct"))
    if lost or floor:
        plan.drift += lost + floor
        anew = {"inbound.floor"} if floor else set()
        if on_open_vswitch(card.raw):
            anew |= {"inbound.%s" % name for name in RATES if any(one.path[1] == "inbound" for one in lost)}
        plan.steps.append(_steps(aim).limit_again(card, anew))


def _class_id(aim: Aim, card: Card) -> int:
    """The traffic class of a running interface in the bridge of its network, 0 without one."""
    port = aim.found.port_of(card)
    bandwidth = port.find("bandwidth") if port is not None else None
    return int(bandwidth.get("classID") or 0) if bandwidth is not None else 0


def _steps(aim: Aim) -> Steps:
    return Steps(aim.record.uuid, aim.label)
