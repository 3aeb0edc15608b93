# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical function as it is: which one is meant, its settings, who uses what it has, what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Union

from ...documents.sriov import NAMING, SRIOV
from ...host.snapshot import Snapshot
from ...host.uses import FunctionUser, function_users, pools_of
from ...schema.errors import Invalid, Missing
from ...schema.options import Options
from .boot import Kept, look_at_boot

OFF = "has no SR-IOV; the card has none, or it is switched off in the firmware of the card or in the BIOS"


class NotFound(NamedTuple):
    """No physical function: which option names none, and why; ``missing`` when the host has nothing of the kind."""

    option: str
    problem: str
    missing: bool = False

    @property
    def error(self) -> Invalid:
        return (Missing if self.missing else Invalid)(self.option, self.problem)


class SriovFound(NamedTuple):
    """A physical function: what sysfs says, its options as they are, and its surroundings.

    ``device`` is the network device by which virtual functions are set. ``users`` are those of each virtual function
    by index, ``pools`` the active networks that hand them out, ``owners`` who else sets them up at boot. ``pci`` is
    what concerns the whole host, ``drivers`` which of the drivers that the wish names the kernel has.
    """

    function: Options
    device: str | None
    current: Options
    up: bool
    users: dict[int, list[FunctionUser]]
    pools: list[str]
    owners: list[dict[str, str]]
    kept: Kept
    pci: Options
    drivers: dict[str, bool]

    @property
    def address(self) -> str:
        return str(self.function["address"])

    @property
    def label(self) -> str:
        return self.device or self.address

    @property
    def problems(self) -> list[str]:
        return list(problems_of(self.function, self.up))


Found = Union[SriovFound, NotFound]


def look(seen: Snapshot, options: Options) -> Found:
    """The physical function that is named by ``device``, ``address`` or ``match``, or why there is none."""
    found = out_of_reach(seen) or find_function(seen, options)
    if isinstance(found, NotFound):
        return found
    drivers = {vf["driver"] for vf in options.get("vfs") or [] if vf.get("driver")} - {"default"}
    return look_at(seen, found, options.get("device"), drivers)


def look_at(seen: Snapshot, address: str, device: str | None = None, drivers: Iterable[str] = ()) -> SriovFound:
    """A physical function; ``device`` is the one of its network devices that is meant, else the first."""
    function = seen.physical_functions[address]
    device = device or next(iter(function["devices"]), None)
    link = seen.device(device)
    return SriovFound(
        function=function,
        device=device,
        current=_options(seen, function, device),
        up=bool(link and link["up"]),
        users=function_users(seen, address),
        pools=pools_of(seen, {vf["device"] for vf in function["vfs"] if vf["device"]},
                       {vf["address"] for vf in function["vfs"]}, set(function["devices"])),
        owners=seen.get("boot_owners", address),
        kept=look_at_boot(seen, address),
        pci=seen.get("pci"),
        drivers={driver: seen.get("driver", driver) for driver in sorted(drivers)},
    )


def model(found: Found) -> Options:
    """The physical function as this module takes it."""
    return {} if isinstance(found, NotFound) else found.current


def _options(seen: Snapshot, function: Options, device: str | None) -> Options:
    settings = seen.get("vf_settings", device) if device and function["vfs"] else {}
    vfs = []
    for vf in function["vfs"]:
        options = {"index": vf["index"], **settings.get(str(vf["index"]), {})}
        vfs.append(dict(options, driver=vf["driver"]) if vf["driver"] else options)
    link = seen.device(device)
    return {"address": function["address"], **({"up": link["up"]} if link else {}), "num_vfs": function["num_vfs"],
            "drivers_autoprobe": function["drivers_autoprobe"], "vfs": vfs}


# --- which one


def out_of_reach(seen: Snapshot) -> NotFound | None:
    """All of this is about the kernel of the host."""
    return None if seen.reaches_kernel else NotFound("uri", "%s is not this host; give a local one" % seen.uri)


def find_function(seen: Snapshot, options: Options) -> str | NotFound:
    """The PCI address of the physical function that options name."""
    if options.get("device"):
        return _by_device(seen, options["device"])
    if options.get("address"):
        address = SRIOV.node("address").normal(options["address"])
        return _checked(seen, "address", address, address)
    if options.get("match"):
        return _by_match(seen, SRIOV.node("match").normal(options["match"]))
    return NotFound(next((name for name in NAMING if name in options), NAMING[0]), "is empty")


def _by_device(seen: Snapshot, device: str) -> str | NotFound:
    for address, function in seen.physical_functions.items():
        if device in function["devices"]:
            return address
    if seen.device(device) is None:
        return NotFound("device", "the host has no device %s; those with SR-IOV are %s"
                        % (device, _named(seen.physical_functions.values())), missing=True)
    for address, devices in seen.get("pci_devices").items():
        if device in devices:
            return _checked(seen, "device", device, address)
    return NotFound("device", "%s is no PCI device" % device)


def _by_match(seen: Snapshot, wanted: Options) -> str | NotFound:
    there = list(seen.physical_functions.values())
    found = [function for function in there if all(function[name] == value for name, value in wanted.items())]
    if len(found) == 1:
        return str(found[0]["address"])
    return NotFound("match", "%s such physical functions; there are %s" % (
        len(found) or "there are no", _named(found or there)), missing=not found)


def _checked(seen: Snapshot, option: str, name: str, address: str) -> str | NotFound:
    for parent, function in seen.physical_functions.items():
        if any(vf["address"] == address for vf in function["vfs"]):
            return NotFound(option, "%s is a virtual function; name the physical one, %s" % (name, parent))
    if address in seen.physical_functions:
        return address
    if address not in seen.get("pci_devices"):
        return NotFound(option, "the host has no PCI device %s; those with SR-IOV are %s"
                        % (address, _named(seen.physical_functions.values())), missing=True)
    return NotFound(option, "%s %s" % (name, OFF))


def _named(functions: Iterable[Options]) -> str:
    return ", ".join("%s (%s, driver %s, id %s)" % (
        function["address"], "/".join(function["devices"]) or "no device", function["driver"] or "none",
        function["id"]) for function in functions) or "none"


# --- what is in the way


def iommu_options(pci: Options) -> str:
    """What switches the IOMMU on, on the kernel's command line."""
    return "%s iommu=pt" % ("intel_iommu=on" if pci["intel"] else "amd_iommu=on")


def iommu_advice(pci: Options) -> str:
    in_bios = "VT-d" if pci["intel"] else "AMD-Vi (IOMMU)"
    switch = iommu_options(pci).split()[0]
    if switch in pci["command_line"].split():
        return "the IOMMU is off although the kernel's command line has %s; switch on %s in the BIOS" % (
            switch, in_bios)
    return ("the IOMMU is off, so no device can be given to a guest; put %s on the kernel's command line, switch on %s"
            " in the BIOS, and boot" % (iommu_options(pci), in_bios))


def problems_of(function: Options, up: bool) -> Iterator[str]:
    name = "/".join(function["devices"]) or function["address"]
    if not function["total_vfs"]:
        yield "%s can have no virtual functions; switch on SR-IOV in the BIOS or in the firmware of the card" % name
    if function["driver"] is None:
        yield "%s has no driver, and so no virtual functions" % name
    elif not function["devices"]:
        yield "%s has no network device, by which virtual functions are set" % name
    elif not up:
        yield "%s is down; its virtual functions have no link, and guests with them do not start" % name
    for vf in function["vfs"]:
        if vf["shares_group_with"]:
            yield "virtual function %d (%s) shares IOMMU group %d with %s; a guest can only be given all of them" % (
                vf["index"], vf["address"], vf["iommu_group"], ", ".join(vf["shares_group_with"]))
