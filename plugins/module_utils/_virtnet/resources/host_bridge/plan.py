# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans what makes a bridge of the host as stated. Pure: all that is known comes with what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.plan import Drift, Plan, Step
from ...schema.errors import Invalid, Missing, Path
from ...schema.options import Options
from .found import Files, HostBridgeFound, differing
from .piece import host_bridge as piece
from .steps import apply_step, vlan_step
from .vlans import vlan_drift

if TYPE_CHECKING:
    from .resource import HostBridge

LAYER = {"etc": "boot", "run": "config"}


def plan_host_bridge(desired: HostBridge, found: HostBridgeFound) -> Plan:
    if not found.local:
        raise Invalid("uri", "is not a libvirt of this host, of which alone the files can be written")
    if desired.uplink and found.inside is None and not desired.absent:
        raise Missing("uplink", "this host has no device %s" % desired.uplink)
    for name in sorted(desired.files.keys() - found.files["etc"].keys()):
        raise Invalid("files.%s" % name, "is not allowed with keeper: %s; give %s" % (
            found.keeper, ", ".join(found.files["etc"])))
    files = _files(desired, found)
    changed = differing(files, found.files)
    there, inside = _place(desired, found)
    plan = Plan(before=found.model, after=_after(found, files, there, inside), drift=[
        *(Drift(LAYER[where], Path("files", name), _told(text), _told(found.files[where][name]))
          for where, texts in changed.items() for name, text in texts.items()),
        *([Drift("kernel", Path("state"), "present" if there else "absent", "present" if found.there else "absent")]
          if there not in (None, found.there) else []),
        *([Drift("kernel", Path("uplink"), *(desired.uplink if there else None for there in (inside, found.inside)))]
          if inside not in (None, found.inside) else []),
    ])
    of = piece(found.keeper, found.name, desired.uplink)
    if plan.drift:
        plan.steps.append(Step(_title(desired), apply_step(found, changed, there, inside, desired.vlans), of, "brief"))
    if desired.vlans is not None and found.there:
        lost = list(vlan_drift(desired.vlans, found))
        if lost and not plan.steps:
            plan.steps.append(Step("put bridge %s%s back into VLANs" % (
                found.name, " and %s" % found.uplink if found.inside else ""), vlan_step(found, desired.vlans), of))
        plan.drift += lost
    return plan


def _files(desired: HostBridge, found: HostBridgeFound) -> Files:
    """What is to stand in the files; on trial are those that differ from what lasts, or that have it go."""
    wanted = {name: desired.files.get(name) for name in found.files["etc"]}
    nothing: dict[str, str | None] = dict.fromkeys(wanted)
    if not desired.trial:
        return {"etc": nothing if desired.absent else wanted, "run": nothing}
    return {"etc": found.files["etc"], "run": {
        name: text if desired.absent or text != found.files["etc"][name] else None for name, text in wanted.items()}}


def _place(desired: HostBridge, found: HostBridgeFound) -> tuple[bool | None, bool | None]:
    """Whether the bridge is to be there, and its uplink in it; None for either."""
    inside = None if not desired.uplink or found.inside is None else not desired.absent
    if desired.absent:
        return (None if desired.trial else False), inside
    return True, inside


def _after(found: HostBridgeFound, files: Files, there: bool | None, inside: bool | None) -> Options:
    after: Options = found._replace(
        files=files, there=found.there if there is None else there,
        inside=found.inside if inside is None else inside).model
    return after


def _told(text: str | None) -> str | None:
    return None if text is None else "%d lines" % len(text.splitlines())


def _title(desired: HostBridge) -> str:
    if desired.absent:
        return ("take %s out of bridge %s, on trial" % (desired.uplink or "nothing", desired.name) if desired.trial
                else "remove bridge %s" % desired.name)
    what = "bridge %s%s" % (desired.name, " with %s" % desired.uplink if desired.uplink else "")
    return "make %s, on trial" % what if desired.trial else "keep %s" % what
