# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the steps that make virtual functions as desired. Pure: all that is known comes with what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.sriov import NAMING, SRIOV, VIRTUAL_FUNCTION, tidy
from ...engine.plan import Drift, Plan, Step
from ...schema.errors import Invalid, Missing, Path, inside, not_allowed
from ...schema.options import Options
from . import steps as s
from .boot import files_for, says_boot, settings_after
from .found import Found, NotFound, SriovFound, iommu_advice, problems_of
from .piece import sriov as piece

if TYPE_CHECKING:
    from .resource import Sriov

LIBVIRTS = ("mac", "vlan", "driver")  # what libvirt sets itself for a guest


def plan_sriov(desired: Sriov, found: Found) -> Plan:
    options = desired.options
    if desired.absent and (options.get("num_vfs") or options.get("vfs") or desired.persist):
        raise Invalid("state", "absent leaves no virtual functions; num_vfs, vfs and persist do not go with it")
    if isinstance(found, NotFound):
        raise found.error
    return _Planner(desired, found).plan()


# --- what is desired


def _stated(desired: Sriov, found: SriovFound) -> Options:
    """The options of the task, checked against what the card has."""
    stated = {name: value for name, value in desired.options.items() if name not in NAMING}
    wanted = dict({"num_vfs": 0} if desired.absent else stated, address=found.address)
    number = _checked_number(wanted, found)
    for place, vf in enumerate(wanted.get("vfs") or []):
        if vf["index"] >= number:
            raise Invalid(Path("vfs", place, "index"), "there is no virtual function %d; %s" % (
                vf["index"], "those of %s are 0 to %d" % (found.label, number - 1) if number
                else "%s has none, give num_vfs" % found.label))
    if "vfs" in wanted:
        wanted["vfs"] = [_checked(vf, place, found) for place, vf in enumerate(wanted["vfs"])]
    return wanted


def _checked_number(wanted: Options, found: SriovFound) -> int:
    """How many virtual functions there are to be."""
    total: int = found.function["total_vfs"]
    number: int = wanted["num_vfs"] if "num_vfs" in wanted else found.current["num_vfs"]
    if number and not total:
        raise Invalid("num_vfs", found.problems[0])
    if number > total:
        raise not_allowed("num_vfs", number, "a whole number from 0 to %d, which is what %s has"
                          % (total, found.label))
    return number


def _checked(vf: Options, place: int, found: SriovFound) -> Options:
    """A stated virtual function, of which the driver can tell and the kernel has what is needed."""
    with inside("vfs", place):
        there = next((one for one in found.current["vfs"] if one["index"] == vf["index"]), None)
        for name in s.SETTINGS:
            if name in vf and there is not None and name not in there and name not in ("mac", "vlan"):
                raise Invalid(name, "the driver %s does not tell what it is, so it cannot be managed"
                              % found.function["driver"])
        if found.device is None and any(name in vf for name in s.SETTINGS):
            raise Invalid("", "%s has no network device, by which virtual functions are set" % found.label)
        _check_driver(vf.get("driver"), found)
    return dict(vf, vlan={}) if "vlan" in vf and not vf["vlan"].get("id") else vf


def _check_driver(driver: str | None, found: SriovFound) -> None:
    if not driver or driver == "default":
        return
    if not found.drivers[driver]:
        raise Missing("driver", "the kernel has no driver %s" % driver)
    if driver.startswith("vfio") and not found.pci["iommu"]:
        raise Invalid("driver", iommu_advice(found.pci))


def _with_drivers(stated: Options, found: SriovFound) -> Options:
    """Options in which ``default`` is the name of the driver, where the host has its own on a virtual function."""
    own = {vf["index"]: vf["driver"] for vf in found.function["vfs"] if vf["own_driver"]}
    if "vfs" not in stated:
        return stated
    return dict(stated, vfs=[dict(vf, driver=own.get(vf["index"], "default")) if vf.get("driver") == "default" else vf
                             for vf in stated["vfs"]])


def _merged(wanted: Options, found: SriovFound) -> Options:
    """What there is to be, with every virtual function."""
    current = found.current
    if wanted.get("num_vfs", current["num_vfs"]) != current["num_vfs"]:
        current = dict(current, vfs=_survivors(found))
    merged = SRIOV.merge(wanted, current)
    vfs = {vf["index"]: vf for vf in merged.get("vfs") or []}
    merged["vfs"] = [tidy(vfs.get(index, {"index": index})) for index in range(merged["num_vfs"])]
    for place, vf in enumerate(wanted.get("vfs") or []):
        with inside("vfs", place):
            VIRTUAL_FUNCTION.check(merged["vfs"][vf["index"]])
    return merged


def _survivors(found: SriovFound) -> list[Options]:
    """Virtual functions as they are when all are made anew; without what libvirt had set for a guest."""
    guests = {index for index, users in found.users.items() if any(user.held for user in users)}
    return [{name: value for name, value in vf.items() if not (vf["index"] in guests and name in LIBVIRTS)}
            for vf in found.current["vfs"]]


def _shown(options: Options, boot: Options | None) -> Options:
    return dict(options, boot=boot) if boot else options


# --- what is to be done


class _Planner:
    """Plans one physical function. Every method reads what was found and adds to the plan."""

    def __init__(self, desired: Sriov, found: SriovFound) -> None:
        self.desired, self.found, self.current = desired, found, found.current
        stated = _stated(desired, found)
        self.wanted = _with_drivers(stated, found)
        self.merged = _merged(self.wanted, found)
        self.boot = settings_after(desired, found, stated)
        self._plan = Plan(before=_shown(found.current, found.kept.settings), after=_shown(self.merged, self.boot))
        self._piece = piece(found.address)

    def plan(self) -> Plan:
        self._plan.drift += [Drift("kernel", *one) for one in SRIOV.differences(self.wanted, self.current)]
        self._plan.warnings = self._warnings()
        self._plan_up()
        self._plan_autoprobe()
        if self.merged["num_vfs"] != self.current["num_vfs"]:
            self._plan_number()
        else:
            self._plan_functions()
        self._plan_boot()
        return self._plan

    def _plan_up(self) -> None:
        device, old, new = self.found.device, self.found.up, self.merged.get("up", self.found.up)
        if new == old:
            return
        if device is None:
            raise Invalid("up", "%s has no network device" % self.found.label)
        self._plan.steps.append(Step("set %s %s" % (device, "up" if new else "down"), s.up_step(device, new),
                                     self._piece))

    def _plan_autoprobe(self) -> None:
        address, new, old = self.found.address, self.merged["drivers_autoprobe"], self.current["drivers_autoprobe"]
        if new != old:
            self._plan.steps.append(Step(
                "switch autoprobe of drivers of %s %s" % (self.found.label, "on" if new else "off"),
                s.autoprobe_step(address, new), self._piece))

    # --- the number

    def _plan_number(self) -> None:
        """All virtual functions are made anew; what the task does not ask about becomes as it was."""
        found, old, new = self.found, self.current["num_vfs"], self.merged["num_vfs"]
        used = ["%d (%s)" % (index, ", ".join(user.label for user in users))
                for index, users in found.users.items() if users]
        stuck = any(user.kind == "process" for users in found.users.values() for user in users)
        if used and (stuck or not self.desired.force):
            raise Invalid("state" if self.desired.absent else "num_vfs", (
                "changing the number of virtual functions of %s from %d to %d would destroy all of them, and in use are"
                " %s; %s" % (found.label, old, new, ", ".join(used), "stop what holds them, for the kernel waits for it"
                             if stuck else "give force: true to do it nevertheless")))
        self._take_from_guests()
        self._plan.steps.append(Step(
            "change the number of virtual functions of %s from %d to %d" % (found.label, old, new),
            s.remake_step(found, self.merged["vfs"]), self._piece, "disruptive" if used else "none"))

    def _take_from_guests(self) -> None:
        for index, users in self.found.users.items():
            for held in [user.held for user in users if user.held and user.held.address]:
                self._plan.steps.append(Step(
                    "take virtual function %d out of guest %s" % (index, held.domain),
                    s.take_step(held), self._piece, "disruptive"))

    # --- each

    def _plan_functions(self) -> None:
        there = {vf["index"]: vf for vf in self.current["vfs"]}
        for place, vf in enumerate(self.wanted.get("vfs") or []):
            former = there[vf["index"]]
            names = {difference.path.top for difference in VIRTUAL_FUNCTION.differences(vf, former)}
            with inside("vfs", place):
                self._refuse_held(vf["index"], names)
            self._plan_settings(vf["index"], names)
            if "driver" in names:
                self._plan_driver(vf["index"], vf["driver"])

    def _plan_settings(self, index: int, names: set[str]) -> None:
        found, merged = self.found, self.merged["vfs"][index]
        changed = {name: merged.get(name) for name in s.SETTINGS if name in names}
        if not changed:
            return
        if changed.keys() & set(s.RATES):
            changed.update({name: merged.get(name, 0) for name in s.RATES})
        self._plan.steps.append(Step("set %s of virtual function %d of %s" % (
            ", ".join(name for name in s.SETTINGS if name in names), index, found.label),
            s.settings_step(found, index, changed), self._piece))

    def _plan_driver(self, index: int, driver: str) -> None:
        self._plan.steps.append(Step("bind virtual function %d of %s to %s" % (
            index, self.found.label, "the host's driver" if driver == "default" else driver),
            s.bind_step(self.found, index, driver), self._piece))

    def _refuse_held(self, index: int, names: set[str]) -> None:
        """What a running guest holds is not changed under it, and no driver is taken away from what uses it."""
        users, force = self.found.users[index], self.desired.force
        guests = [user for user in users if user.held]
        if names and guests and not force:
            raise Invalid("", "virtual function %d is held by the running %s; change its interface, or give"
                          " force: true" % (index, ", ".join(user.label for user in guests)))
        holding = [user for user in users if user.kind != "driver"]
        stuck = any(user.kind == "process" or (user.held and user.held.address) for user in users)
        if "driver" in names and holding and (stuck or not force):
            raise Invalid("driver", "virtual function %d is in use by %s; %s" % (
                index, ", ".join(user.label for user in holding),
                "stop that first" if stuck else "give force: true to take it away"))

    # --- the rest

    def _plan_boot(self) -> None:
        kept, boot = self.found.kept, self.boot
        files = files_for(kept, boot) if says_boot(self.desired) else {}
        changed = {path: text for path, text in files.items() if text != kept.files[path]}
        if not changed:
            return
        former = {path: kept.files[path] for path in changed}
        if boot != kept.settings:
            self._plan.drift.append(Drift("boot", Path("settings"), boot, kept.settings))
        else:
            self._plan.drift += [Drift("boot", Path("/" + path), "this version",
                                       None if text is None else "another version") for path, text in former.items()]
        self._plan.steps.append(Step("%s %s at boot" % ("set up" if boot else "no longer set up", self.found.address),
                                     s.boot_step(changed), self._piece))

    def _warnings(self) -> list[str]:
        found, kept, number = self.found, self.found.kept.settings, self.merged["num_vfs"]
        warnings = list(problems_of(found.function, self.merged.get("up", False))) if number else []
        if number and not found.pci["iommu"]:
            warnings.append(iommu_advice(found.pci))
        if not says_boot(self.desired):
            warnings += ["%s sets up the virtual functions of %s too (%s)" % (owner["who"], found.label, owner["file"])
                         for owner in found.owners]
            if kept and kept["num_vfs"] != number:
                warnings.append("a boot brings back %d virtual functions of %s; give persist: true to keep these"
                                % (kept["num_vfs"], found.label))
        if number != self.current["num_vfs"] and found.pools:
            warnings.append("the networks %s still have the former virtual functions; stop and start them"
                            % ", ".join(found.pools))
        return warnings
