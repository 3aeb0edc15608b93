# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps do to virtual functions: their settings, their drivers, their number, and files for the next boot."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...documents.sriov import VIRTUAL_FUNCTION
from ...host.errors import KernelError
from ...schema.errors import Path
from ...schema.options import Options

if TYPE_CHECKING:
    from ...engine.plan import Do
    from ...host.host import Host
    from ...host.uses import HeldDevice
    from .boot import Files
    from .found import SriovFound

SETTINGS = ("mac", "vlan", "min_tx_rate", "max_tx_rate", "spoof_check", "trust", "link_state")
RATES = ("min_tx_rate", "max_tx_rate")  # which the kernel takes together
NOTHING: Options = {"mac": "00:00:00:00:00:00", "vlan": {}, "min_tx_rate": 0, "max_tx_rate": 0}
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
        reason = REASONS.get(error.errno or 0)
        text = "%s: %s" % (error.filename, error.strerror) if error.filename else str(error.strerror)
        raise KernelError("%s; %s" % (text, reason) if reason else text) from error


def _files(action: Do) -> Do:
    def step(host: Host) -> None:
        with _kernel():
            action(host)

    return step


def autoprobe_step(address: str, autoprobe: bool) -> Do:
    return _files(lambda host: host.sysfs.set_autoprobe(address, autoprobe))


def boot_step(files: Files) -> Do:
    return _files(lambda host: host.boot.put(files))


def up_step(device: str, up: bool) -> Do:
    def step(host: Host) -> None:
        host.kernel.set_up(device, up)
        if up:
            host.sysfs.wait_for_link(device)

    return step


def take_step(held: HeldDevice) -> Do:
    """Takes a virtual function out of a running guest."""
    def step(host: Host) -> None:
        from ..interface.steps import unplug

        unplug(host, held.domain_uuid, held.document)

    return step


def give_step(held: HeldDevice) -> Do:
    """Gives it back."""
    def step(host: Host) -> None:
        from ..interface.steps import plug

        plug(host, held.domain_uuid, held.configured)

    return step


# --- settings


def settings_step(found: SriovFound, index: int, wanted: Options) -> Do:
    """Sets what is not so yet, one by one, so that an error names what the driver does not take."""
    def step(host: Host) -> None:
        now = _settings_now(host, found, index)
        for name in SETTINGS:
            if name in wanted and name != "min_tx_rate" and not _same(name, wanted, now):
                _set(host, found, index, {one: wanted.get(one) for one in _together(name)})
        if wanted.get("mac") and wanted.get("trust", now.get("trust")):
            _tell_driver(host, found, index, wanted["mac"])

    return step


def _settings_now(host: Host, found: SriovFound, index: int) -> Options:
    """The settings that a virtual function has right now."""
    settings = host.kernel.vf_settings(found.device or "")
    if str(index) not in settings:
        raise KernelError("%s has no virtual function %d" % (found.label, index))
    return settings[str(index)]


def _together(name: str) -> tuple[str, ...]:
    return RATES if name in RATES else (name,)


def _same(name: str, wanted: Options, now: Options) -> bool:
    return all(VIRTUAL_FUNCTION.node(one).normal(wanted.get(one)) == VIRTUAL_FUNCTION.node(one).normal(now.get(one))
               for one in _together(name))


def _set(host: Host, found: SriovFound, index: int, settings: Options) -> None:
    settings = {name: NOTHING.get(name) if value is None else value for name, value in settings.items()}
    try:
        host.kernel.set_vf(found.device or "", index, settings)
    except KernelError as error:
        hint = "" if found.up else "; %s is down, and some drivers need its link" % found.device
        paths = ", ".join(str(Path("vfs", index, name)) for name in settings)
        raise KernelError("%s: the driver %s refused it: %s%s" % (
            paths, found.function["driver"], error, hint)) from error


def _tell_driver(host: Host, found: SriovFound, index: int, mac: str) -> None:
    """The host's own driver on a trusted virtual function would put its former address back when it is reset."""
    device = host.sysfs.virtual_functions(found.address)[index]["device"]
    try:
        if device:
            host.kernel.set_mac(device, mac)
    except KernelError:
        pass  # some drivers take it only when they are bound; what became of it is read back


# --- drivers


def bind_step(found: SriovFound, index: int, driver: str) -> Do:
    return _files(lambda host: host.sysfs.bind(host.sysfs.virtual_functions(found.address)[index]["address"], driver))


def driver_of(found: SriovFound, index: int) -> str:
    """What binds a virtual function as it is bound now."""
    vf = found.function["vfs"][index]
    return "default" if vf["driver"] and not vf["override"] else vf["driver"] or ""


# --- their number


def remake_step(found: SriovFound, vfs: list[Options]) -> Do:
    """Makes all virtual functions anew: first they get their settings, then their drivers.

    What a driver undid while it came up is set once more.
    """
    address = found.address

    def set_all(host: Host) -> None:
        for vf in vfs:
            if vf.keys() & set(SETTINGS):
                settings_step(found, vf["index"], {name: vf[name] for name in SETTINGS if name in vf})(host)

    def step(host: Host) -> None:
        with _kernel(), host.sysfs.without_autoprobe(address):
            host.sysfs.set_number(address, len(vfs))
            set_all(host)
        with _kernel():
            for vf, now in zip(vfs, host.sysfs.virtual_functions(address)):
                _find_driver(host, found, vf, now)
            host.sysfs.settle(address)
        set_all(host)

    return step


def _find_driver(host: Host, found: SriovFound, vf: Options, now: Options) -> None:
    """Binds a new virtual function to the driver that it is to have; one that had none stays so."""
    former = next((one for one in found.function["vfs"] if one["index"] == vf["index"]), None)
    if "driver" in vf:
        same = former is not None and former["driver"] == vf["driver"]
        driver = driver_of(found, vf["index"]) if same else vf["driver"]
        if not host.sysfs.is_bound(now, driver):
            host.sysfs.bind(now["address"], driver)
    elif former is None or former["driver"]:
        host.sysfs.probe(now["address"])
