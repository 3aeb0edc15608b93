# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical function as it will be after a plan: its virtual functions, their settings, and files for the boot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options
from .boot import files_for, says_boot
from .found import NotFound, SriovFound
from .steps import SETTINGS

if TYPE_CHECKING:
    from .resource import Sriov


def promise_sriov(desired: Sriov, seen: Snapshot, plan: Plan) -> None:
    found, after = desired.look(seen), plan.after
    if isinstance(found, NotFound):
        return
    vfs = list(_virtual_functions(found, after["vfs"]))
    link = seen.device(found.device)
    seen.put_entry("physical_functions", found.address, dict(
        found.function, num_vfs=after["num_vfs"], drivers_autoprobe=after["drivers_autoprobe"], vfs=vfs))
    for name in {vf["device"] for vf in found.function["vfs"]} - {vf["device"] for vf in vfs} - {None}:
        seen.put_entry("devices", name, None)
    if found.device and link:
        seen.put_entry("devices", found.device, dict(link, up=after["up"]))
        seen.put("vf_settings", found.device, {str(vf["index"]): _settings(vf) for vf in after["vfs"]})
    if says_boot(desired):
        seen.put("boot", found.address, dict(
            seen.get("boot", found.address), files=files_for(found.kept, after.get("boot"))))


def _settings(vf: Options) -> Options:
    return {name: vf[name] for name in SETTINGS if name in vf}


def _virtual_functions(found: SriovFound, after: list[Options]) -> Iterator[Options]:
    """What sysfs will say of them; of one that will be new it is not known what its network device is called."""
    there = {vf["index"]: vf for vf in found.function["vfs"]}
    for vf in after:
        index = vf["index"]
        yield _with_driver(there.get(index) or {
            "index": index, "address": address_of(found.function, index), "device": None, "elsewhere": False,
            "driver": None, "override": "", "own_driver": False, "iommu_group": None, "shares_group_with": [],
            "uppers": [], "vfio": []}, vf.get("driver"))


def _with_driver(vf: Options, driver: str | None) -> Options:
    """A virtual function that is bound to a driver, of which nobody knows yet whether it makes a network device."""
    if driver == vf["driver"]:
        return vf
    own = driver == "default"  # which stands for the driver's name until it is known
    return dict(vf, driver=driver, override="" if own else driver or "", own_driver=own, device=None)


def address_of(function: Options, index: int) -> str | None:
    """The PCI address that a virtual function will have, by the offset and the stride of its card.

    Some cards say them only when there are virtual functions.
    """
    offset, stride = function["offset"], function["stride"]
    if not offset or (index and not stride):
        return None
    domain, bus, place = function["address"].split(":")
    slot, number = place.split(".")
    found = (int(bus, 16) << 8 | int(slot, 16) << 3 | int(number)) + offset + (stride or 0) * index
    return "%s:%02x:%02x.%d" % (domain, found >> 8, found >> 3 & 0x1F, found & 7)
