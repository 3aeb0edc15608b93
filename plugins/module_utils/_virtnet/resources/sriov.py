# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual functions of a physical function: read them, and plan the steps that make them as desired."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..documents.sriov import NAMING, SRIOV, VIRTUAL_FUNCTION
from ..engine.converge import Drift, Host, Plan, Step
from ..host import sysfs as pci
from ..host.kernel import KernelError
from ..schema.nodes import Invalid, join, not_allowed, without_empty
from .interface_live import plug, unplug
from .sriov_persist import files_for, put
from .sriov_read import (
    FunctionState,
    find_function,
    iommu_advice,
    kernel_of,
    problems_of,
    read_function,
    settings_of,
)

SETTINGS = ("mac", "vlan", "min_tx_rate", "max_tx_rate", "spoof_check", "trust", "link_state")
RATES = ("min_tx_rate", "max_tx_rate")
LIBVIRTS = ("mac", "vlan", "driver")  # what libvirt sets itself for a guest
REASONS = {
    errno.ENOENT: "its driver cannot make virtual functions in this way",
    errno.ENOMEM: "the BIOS left no room for them; look for SR-IOV and \"Above 4G decoding\" there",
    errno.ENOSPC: "the BIOS left no room for them; look for SR-IOV and \"Above 4G decoding\" there",
    errno.EBUSY: "something uses them",
}


@contextmanager
def _kernel() -> Iterator[None]:
    """What sysfs refuses is the kernel's answer too."""
    try:
        yield
    except OSError as error:
        reason = REASONS.get(error.errno)
        text = "%s: %s" % (error.filename, error.strerror) if error.filename else error.strerror
        raise KernelError("%s; %s" % (text, reason) if reason else text) from error


@dataclass
class Sriov:
    """Desired virtual functions; ``name`` is what the task calls the physical one."""

    options: dict
    state: str = "present"
    persist: bool | None = None
    force: bool = False
    kind: str = field(default="sriov", init=False)

    @property
    def name(self) -> str:
        return self.options.get("device") or self.options.get("address") or "match"

    def read(self, host: Host) -> FunctionState:
        kernel_of(host)
        return read_function(host, find_function(self.options), self.options.get("device"))

    def plan(self, state: FunctionState) -> Plan:
        stated = self._stated(state)
        wanted = _with_drivers(stated, state)
        merged = self._merged(wanted, state)
        boot = self._boot(stated, state)
        plan = Plan(before=self._shown(state.current, state.kept.settings), after=self._shown(merged, boot))
        plan.drift = [Drift("kernel", *found) for found in SRIOV.differences(wanted, state.current)]
        plan.warnings = self._warnings(state, merged)
        self._plan_up(plan, state, merged)
        self._plan_autoprobe(plan, state, merged)
        if merged["num_vfs"] != state.current["num_vfs"]:
            self._plan_number(plan, state, merged)
        else:
            self._plan_functions(plan, state, wanted, merged)
        self._plan_boot(plan, state, boot)
        return plan

    def verify(self, state: FunctionState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do."""
        return self.plan(state).unfinished("kernel")

    def model(self, state: FunctionState) -> dict:
        """The physical function as this module takes it."""
        return state.current

    @staticmethod
    def _shown(options: dict, boot: dict | None) -> dict:
        return dict(options, boot=boot) if boot else options

    # --- what is desired

    def _stated(self, state: FunctionState) -> dict:
        """The options of the task, checked against what the card has."""
        stated = {name: value for name, value in self.options.items() if name not in NAMING}
        wanted = dict({"num_vfs": 0} if self.state == "absent" else stated, address=state.function["address"])
        total, number = state.function["total_vfs"], wanted.get("num_vfs", state.current["num_vfs"])
        if number and not total:
            raise Invalid("num_vfs", state.problems[0])
        if number > total:
            raise not_allowed("num_vfs", number, "a whole number from 0 to %d, which is what %s has"
                              % (total, state.label))
        for index, vf in enumerate(wanted.get("vfs") or []):
            if vf["index"] >= number:
                raise Invalid("vfs[%d].index" % index, "there is no virtual function %d; %s" % (
                    vf["index"], "those of %s are 0 to %d" % (state.label, number - 1) if number
                    else "%s has none, give num_vfs" % state.label))
        if "vfs" in wanted:
            wanted["vfs"] = [self._checked(vf, "vfs[%d]" % index, state) for index, vf in enumerate(wanted["vfs"])]
        return wanted

    def _checked(self, vf: dict, path: str, state: FunctionState) -> dict:
        """A stated virtual function, of which the driver can tell and the kernel has what is needed."""
        there = {one["index"]: one for one in state.current["vfs"]}.get(vf["index"])
        if there is not None:
            for name in SETTINGS:
                if name in vf and name not in there and name not in ("mac", "vlan"):
                    raise Invalid(join(path, name), "the driver %s does not tell what it is, so it cannot be managed"
                                  % state.function["driver"])
        if state.device is None and any(name in vf for name in SETTINGS):
            raise Invalid(path, "%s has no network device, by which virtual functions are set" % state.label)
        if "vlan" in vf and not vf["vlan"].get("id"):
            vf = dict(vf, vlan={})
        driver = vf.get("driver")
        if driver and driver != "default":
            self._check_driver(driver, join(path, "driver"))
        return vf

    @staticmethod
    def _check_driver(driver: str, path: str) -> None:
        if not pci.has_driver(driver):
            raise Invalid(path, "the kernel has no driver %s" % driver)
        if driver.startswith("vfio") and not pci.has_iommu():
            raise Invalid(path, iommu_advice())

    @staticmethod
    def _survivors(state: FunctionState) -> list:
        """Virtual functions as they are when all are made anew; without what libvirt had set for a guest."""
        guests = {index for index, users in state.users.items() if any(user.guest for user in users)}
        return [{name: value for name, value in vf.items() if not (vf["index"] in guests and name in LIBVIRTS)}
                for vf in state.current["vfs"]]

    def _merged(self, wanted: dict, state: FunctionState) -> dict:
        remade = wanted.get("num_vfs", state.current["num_vfs"]) != state.current["num_vfs"]
        merged = SRIOV.merge(wanted, dict(state.current, vfs=self._survivors(state)) if remade else state.current)
        number = merged["num_vfs"]
        vfs = {vf["index"]: vf for vf in merged.get("vfs") or []}
        merged["vfs"] = [_tidy(vfs.get(index, {"index": index})) for index in range(number)]
        for place, vf in enumerate(wanted.get("vfs") or []):
            VIRTUAL_FUNCTION.check(merged["vfs"][vf["index"]], "vfs[%d]" % place)
        return merged

    # --- steps for the kernel

    def _plan_up(self, plan: Plan, state: FunctionState, merged: dict) -> None:
        device, new = state.device, merged.get("up", state.up)
        if new != state.up and device is None:
            raise Invalid("up", "%s has no network device" % state.label)

        def set_up(host: Host) -> None:
            host.kernel.set_up(device, new)
            if new:
                pci.wait_for_link(device)

        if new != state.up:
            plan.steps.append(Step("set %s %s" % (device, "up" if new else "down"), set_up,
                                   lambda host: host.kernel.set_up(device, not new)))

    def _plan_autoprobe(self, plan: Plan, state: FunctionState, merged: dict) -> None:
        address, new, old = state.function["address"], merged["drivers_autoprobe"], state.current["drivers_autoprobe"]
        if new != old:
            plan.steps.append(Step("switch autoprobe of drivers of %s %s" % (state.label, "on" if new else "off"),
                                   _sysfs(pci.set_autoprobe, address, new), _sysfs(pci.set_autoprobe, address, old)))

    def _plan_number(self, plan: Plan, state: FunctionState, merged: dict) -> None:
        """All virtual functions are made anew; what the task does not ask about becomes as it was."""
        old, new = state.current["num_vfs"], merged["num_vfs"]
        used = ["%d (%s)" % (vf["index"], ", ".join(user.label for user in state.users[vf["index"]]))
                for vf in state.function["vfs"] if state.users[vf["index"]]]
        stuck = any(user.kind == "process" for users in state.users.values() for user in users)
        if used and (stuck or not self.force):
            raise Invalid("state" if self.state == "absent" else "num_vfs", (
                "changing the number of virtual functions of %s from %d to %d would destroy all of them, and in use are"
                " %s; %s" % (state.label, old, new, ", ".join(used), "stop what holds them, for the kernel waits for it"
                             if stuck else "give force: true to do it nevertheless")))
        for index, users in state.users.items():
            plan.steps += [_take(user.guest, index) for user in users if user.guest and user.guest.address]
        back = _remake_step(state, state.current["vfs"])
        plan.steps.append(Step("change the number of virtual functions of %s from %d to %d" % (state.label, old, new),
                               _remake_step(state, merged["vfs"]), back,
                               "disruptive" if used else "none", back))

    def _plan_functions(self, plan: Plan, state: FunctionState, wanted: dict, merged: dict) -> None:
        there = {vf["index"]: vf for vf in state.current["vfs"]}
        for place, vf in enumerate(wanted.get("vfs") or []):
            index, former = vf["index"], there[vf["index"]]
            names = {found.path.split(".")[0] for found in VIRTUAL_FUNCTION.differences(vf, former)}
            self._refuse_held(state, index, "vfs[%d]" % place, names)
            changed = {name: merged["vfs"][index].get(name) for name in SETTINGS if name in names}
            if changed.keys() & set(RATES):
                changed.update({name: merged["vfs"][index].get(name, 0) for name in RATES})
            if changed:
                undo = _settings_step(state, index, {name: former.get(name) for name in changed})
                plan.steps.append(Step("set %s of virtual function %d of %s" % (
                    ", ".join(name for name in SETTINGS if name in names), index, state.label),
                    _settings_step(state, index, changed), undo, clean_up=undo))
            if "driver" in names:
                undo = _bind_step(state, index, _driver_of(state, index))
                plan.steps.append(Step("bind virtual function %d of %s to %s" % (
                    index, state.label, "the host's driver" if vf["driver"] == "default" else vf["driver"]),
                    _bind_step(state, index, vf["driver"]), undo, clean_up=undo))

    def _refuse_held(self, state: FunctionState, index: int, path: str, names: set) -> None:
        """What a running guest holds is not changed under it, and no driver is taken away from what uses it."""
        users = state.users[index]
        guests = [user for user in users if user.guest]
        if names and guests and not self.force:
            raise Invalid(path, "virtual function %d is held by the running %s; change its interface, or give"
                          " force: true" % (index, ", ".join(user.label for user in guests)))
        holding = [user for user in users if user.kind != "driver"]
        stuck = any(user.kind == "process" or (user.guest and user.guest.address) for user in users)
        if "driver" in names and holding and (stuck or not self.force):
            raise Invalid(join(path, "driver"), "virtual function %d is in use by %s; %s" % (
                index, ", ".join(user.label for user in holding),
                "stop that first" if stuck else "give force: true to take it away"))

    # --- for the next boot

    def _boot(self, stated: dict, state: FunctionState) -> dict | None:
        """The settings that a boot is to bring back: those that tasks with ``persist`` stated."""
        kept = state.kept.settings
        if self.persist is False or self.state == "absent":
            return None
        if self.persist is None:
            return kept
        if state.owners:
            raise Invalid("persist", "the virtual functions of %s are set at boot by %s already; change them there, or"
                          " take them out there" % (state.label, ", ".join(
                              "%(who)s (%(file)s)" % owner for owner in state.owners)))
        boot = SRIOV.merge(stated, kept)
        boot.setdefault("num_vfs", state.current["num_vfs"])
        boot["vfs"] = [_tidy(vf) for vf in boot.get("vfs") or [] if vf["index"] < boot["num_vfs"]]
        return boot

    def _plan_boot(self, plan: Plan, state: FunctionState, boot: dict | None) -> None:
        if self.persist is None and self.state == "present":
            return
        files = files_for(state.kept, boot)
        changed = {path: text for path, text in files.items() if text != state.kept.files[path]}
        if not changed:
            return
        address = state.function["address"]
        former = {path: state.kept.files[path] for path in changed}
        if boot != state.kept.settings:
            plan.drift.append(Drift("boot", "settings", boot, state.kept.settings))
        else:
            plan.drift += [Drift("boot", "/" + path, "this version", None if text is None else "another version")
                           for path, text in former.items()]
        plan.steps.append(Step("%s %s at boot" % ("set up" if boot else "no longer set up", address),
                               _sysfs(put, changed), _sysfs(put, former), clean_up=_sysfs(put, former)))

    def _warnings(self, state: FunctionState, merged: dict) -> list:
        warnings = list(problems_of(state.function, merged.get("up", False))) if merged["num_vfs"] else []
        if merged["num_vfs"] and not pci.has_iommu():
            warnings.append(iommu_advice())
        if self.persist is None and self.state == "present":
            warnings += ["%(who)s sets up the virtual functions of " % owner + state.label + " too (%(file)s)" % owner
                         for owner in state.owners]
            if state.kept.settings and state.kept.settings["num_vfs"] != merged["num_vfs"]:
                warnings.append("a boot brings back %d virtual functions of %s; give persist: true to keep these"
                                % (state.kept.settings["num_vfs"], state.label))
        if merged["num_vfs"] != state.current["num_vfs"] and state.pools:
            warnings.append("the networks %s still have the former virtual functions; stop and start them"
                            % ", ".join(state.pools))
        return warnings


def _with_drivers(stated: dict, state: FunctionState) -> dict:
    """Options in which ``default`` is the name of the driver, where the host has its own on a virtual function."""
    own = {vf["index"]: vf["driver"] for vf in state.function["vfs"] if pci.is_bound(vf, "default")}
    if "vfs" not in stated:
        return stated
    return dict(stated, vfs=[dict(vf, driver=own.get(vf["index"], "default")) if vf.get("driver") == "default" else vf
                             for vf in stated["vfs"]])


def _tidy(vf: dict) -> dict:
    """A virtual function without a VLAN that says that there is none."""
    return without_empty({name: value for name, value in vf.items() if name != "vlan" or (value or {}).get("id")})


# --- what steps do


def _sysfs(action, *arguments):
    def step(host: Host) -> None:
        with _kernel():
            action(*arguments)

    return step


def _settings_step(state: FunctionState, index: int, wanted: dict):
    """Sets what is not so yet, one by one, so that an error names what the driver does not take."""
    def step(host: Host) -> None:
        now = settings_of(host, state, index)
        for name in SETTINGS:
            if name in wanted and name != "min_tx_rate" and not _same(name, wanted, now):
                _set(host, state, index, {one: wanted.get(one) for one in (RATES if name in RATES else (name,))})
        if wanted.get("mac") and wanted.get("trust", now.get("trust")):
            _tell_driver(host, state, index, wanted["mac"])

    return step


def _tell_driver(host: Host, state: FunctionState, index: int, mac: str) -> None:
    """The host's own driver on a trusted virtual function would put its former address back when it is reset."""
    device = pci.virtual_functions(state.function["address"])[index]["device"]
    try:
        if device:
            host.kernel.set_mac(device, mac)
    except KernelError:
        pass  # some drivers take it only when they are bound; what became of it is read back


def _same(name: str, wanted: dict, now: dict) -> bool:
    names = RATES if name in RATES else (name,)
    return all(VIRTUAL_FUNCTION.node(one).normal(wanted.get(one)) == VIRTUAL_FUNCTION.node(one).normal(now.get(one))
               for one in names)


def _set(host: Host, state: FunctionState, index: int, settings: dict) -> None:
    empty = {"mac": "00:00:00:00:00:00", "vlan": {}, "min_tx_rate": 0, "max_tx_rate": 0}
    settings = {name: empty.get(name) if value is None else value for name, value in settings.items()}
    try:
        host.kernel.set_vf(state.device, index, settings)
    except KernelError as error:
        hint = "" if state.up else "; %s is down, and some drivers need its link" % state.device
        paths = ", ".join("vfs[%d].%s" % (index, name) for name in settings)
        raise KernelError("%s: the driver %s refused it: %s%s" % (
            paths, state.function["driver"], error, hint)) from error


def _bind_step(state: FunctionState, index: int, driver: str):
    def step(host: Host) -> None:
        with _kernel():
            pci.bind(pci.virtual_functions(state.function["address"])[index]["address"], driver)

    return step


def _driver_of(state: FunctionState, index: int) -> str:
    """What binds a virtual function as it is bound now."""
    vf = state.function["vfs"][index]
    return "default" if vf["driver"] and not vf["override"] else vf["driver"] or ""


def _remake_step(state: FunctionState, vfs: list):
    """Makes all virtual functions anew: first they get their settings, then their drivers.

    What a driver undid while it came up is set once more.
    """
    address = state.function["address"]

    def set_all(host: Host) -> None:
        for vf in vfs:
            if vf.keys() & set(SETTINGS):
                _settings_step(state, vf["index"], {name: vf[name] for name in SETTINGS if name in vf})(host)

    def step(host: Host) -> None:
        with _kernel(), pci.without_autoprobe(address):
            pci.set_number(address, len(vfs))
            set_all(host)
        with _kernel():
            for vf, now in zip(vfs, pci.virtual_functions(address)):
                _find_driver(state, vf, now)
            pci.settle(address)
        set_all(host)

    return step


def _find_driver(state: FunctionState, vf: dict, now: dict) -> None:
    """Binds a new virtual function to the driver that it is to have; one that had none stays so."""
    former = next((one for one in state.function["vfs"] if one["index"] == vf["index"]), None)
    if "driver" in vf:
        same = former is not None and former["driver"] == vf["driver"]
        driver = _driver_of(state, vf["index"]) if same else vf["driver"]
        if not pci.is_bound(now, driver):
            pci.bind(now["address"], driver)
    elif former is None or former["driver"]:
        pci.probe(now["address"])


def _take(guest, index: int) -> Step:
    """Takes a virtual function out of a running guest."""
    return Step("take virtual function %d out of guest %s" % (index, guest.domain),
                lambda host: unplug(host, guest.domain_uuid, guest.document),
                lambda host: plug(host, guest.domain_uuid, guest.configured), "disruptive")
