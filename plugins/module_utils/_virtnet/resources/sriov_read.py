# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical function as it is: which one is meant, its settings, who uses what it has, what is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..documents.sriov import SRIOV
from ..engine.converge import Host
from ..host import sysfs as pci
from ..host.kernel import KernelError
from ..host.libvirt import pci_address
from ..schema.nodes import Invalid
from .sriov_persist import Kept, owners, read_kept

OFF = ("has no SR-IOV; the card has none, or it is switched off in the firmware of the card or in the BIOS")


class User(NamedTuple):
    """What uses a virtual function: guest (with its HeldDevice), process, port, driver, namespace, device, address."""

    kind: str
    label: str
    guest: Any = None


@dataclass(frozen=True)
class FunctionState:
    """A physical function: what sysfs says, its options as they are, and its surroundings.

    ``users`` are those of each virtual function by index, ``pools`` the active networks that hand them out.
    """

    function: dict
    device: str | None
    current: dict
    up: bool
    users: dict
    pools: list
    owners: list
    kept: Kept
    problems: list

    @property
    def label(self) -> str:
        return self.device or self.function["address"]


# --- which one


def find_function(options: dict) -> str:
    """The PCI address of the physical function that is named by ``device``, ``address`` or ``match``."""
    if options.get("device"):
        return _by_device(options["device"])
    if options.get("address"):
        address = SRIOV.node("address").normal(options["address"])
        return _checked("address", address, address)
    wanted = SRIOV.node("match").normal(options["match"])
    found = [function for function in map(pci.function, pci.physical_functions())
             if all(function[name] == value for name, value in wanted.items())]
    if len(found) != 1:
        raise Invalid("match", "%s such physical functions; there are %s" % (
            len(found) or "there are no", _named(found or map(pci.function, pci.physical_functions()))))
    return found[0]["address"]


def _by_device(device: str) -> str:
    if device not in pci.names_in(pci.place("sys/class/net")):
        raise Invalid("device", "the host has no device %s; those with SR-IOV are %s" % (
            device, _named(map(pci.function, pci.physical_functions()))))
    address = pci.address_of(device)
    if address is None:
        raise Invalid("device", "%s is no PCI device" % device)
    return _checked("device", device, address)


def _checked(path: str, name: str, address: str) -> str:
    parent = pci.parent_of(address)
    if parent:
        raise Invalid(path, "%s is a virtual function; name the physical one, %s" % (name, parent))
    if address not in pci.names_in(pci.place("sys/bus/pci/devices")):
        raise Invalid(path, "the host has no PCI device %s; those with SR-IOV are %s" % (
            address, _named(map(pci.function, pci.physical_functions()))))
    if address not in pci.physical_functions():
        raise Invalid(path, "%s %s" % (name, OFF))
    return address


def _named(functions: Any) -> str:
    return ", ".join("%s (%s, driver %s, id %s)" % (
        function["address"], "/".join(function["devices"]) or "no device", function["driver"] or "none",
        function["id"]) for function in functions) or "none"


# --- reading


def read_function(host: Host, address: str, device: str | None = None) -> FunctionState:
    """A physical function; ``device`` is the one of its network devices that is meant, else the first."""
    function = pci.function(address)
    device = device or next(iter(function["devices"]), None)
    link = host.kernel.device(device) if device else None
    names = [name for name in (address, *function["devices"], link["mac"] if link else None) if name]
    up = bool(link and link["up"])
    return FunctionState(function, device, _options(host, function, device), up, users_of(host, function["vfs"]),
                         _pools(host, function), owners(names), read_kept(address), list(problems_of(function, up)))


def _options(host: Host, function: dict, device: str | None) -> dict:
    settings = host.kernel.vf_settings(device) if device and function["vfs"] else {}
    vfs = []
    for vf in function["vfs"]:
        options = dict({"index": vf["index"]}, **settings.get(vf["index"], {}))
        vfs.append(dict(options, driver=vf["driver"]) if vf["driver"] else options)
    link = host.kernel.device(device) if device else None
    return dict({"address": function["address"]}, **({"up": link["up"]} if link else {}), num_vfs=function["num_vfs"],
                drivers_autoprobe=function["drivers_autoprobe"], vfs=vfs)


def users_of(host: Host, vfs: list) -> dict:
    """Who uses each virtual function, by index."""
    if not vfs:
        return {}
    held, ports, holders = host.libvirt.held_devices(), _ports(host), pci.vfio_holders()
    return {vf["index"]: list(_users(host, vf, held, ports, holders)) for vf in vfs}


def _users(host: Host, vf: dict, held: list, ports: dict, holders: dict) -> Iterator[User]:
    guests = [one for one in held if one.address == vf["address"] or (one.device and one.device == vf["device"])]
    for guest in guests:
        yield User("guest", "guest %s" % guest.domain, guest)
    if not guests:
        for who in sorted({who for name in vf["vfio"] for who in holders.get(name, ())}):
            yield User("process", who)
        if vf["address"] in ports:
            yield User("port", ports[vf["address"]])
        if (vf["driver"] or "").startswith("vfio"):
            yield User("driver", "driver %s" % vf["driver"])
    if vf["elsewhere"]:
        yield User("namespace", "another network namespace")
    device = host.kernel.device(vf["device"]) if vf["device"] else None
    if device:
        if device["master"]:
            yield User("device", "device %s, of which %s is a member" % (device["master"], vf["device"]))
        for name in vf["uppers"]:
            if name != device["master"]:
                yield User("device", "device %s on %s" % (name, vf["device"]))
        for address in device["addresses"]:
            if not address.startswith("fe80:"):
                yield User("address", "address %s on %s" % (address, vf["device"]))


def _ports(host: Host) -> dict:
    """The ports of networks by the PCI address of the device that they are plugged into."""
    found = {}
    for name in host.libvirt.network_names():
        for port in host.libvirt.network(name).ports:
            address = pci_address(port.find("plug/address"))
            if address:
                found[address] = "port %s of network %s" % (port.findtext("uuid"), name)
    return found


def _pools(host: Host, function: dict) -> list:
    """The active networks whose list of devices libvirt made of these virtual functions."""
    addresses = {vf["address"] for vf in function["vfs"]}
    devices = {vf["device"] for vf in function["vfs"] if vf["device"]}
    pools = []
    for name in host.libvirt.network_names():
        live = host.libvirt.network(name).live
        forward = None if live is None else live.find("forward")
        if forward is not None and (any(pf.get("dev") in function["devices"] for pf in forward.findall("pf"))
                                    or any(pci_address(one) in addresses for one in forward.findall("address"))
                                    or any(one.get("dev") in devices for one in forward.findall("interface"))):
            pools.append(name)
    return pools


# --- what is in the way


def host_status() -> dict:
    """What of SR-IOV concerns the whole host."""
    iommu, vfio = pci.has_iommu(), pci.has_driver(pci.VFIO)
    problems = [] if iommu else [iommu_advice()]
    if not vfio:
        problems.append("the kernel has no driver vfio-pci, which gives devices to guests; install the package with the"
                        " kernel's extra modules")
    return {"iommu": iommu, "vfio_pci": vfio, "kernel_options": iommu_options(), "problems": problems}


def iommu_options() -> str:
    """What switches the IOMMU on, on the kernel's command line."""
    return "%s iommu=pt" % ("intel_iommu=on" if pci.is_intel() else "amd_iommu=on")


def iommu_advice() -> str:
    option = iommu_options().split()[0]
    if option in pci.command_line().split():
        return ("the IOMMU is off although the kernel's command line has %s; switch on %s in the BIOS"
                % (option, "VT-d" if pci.is_intel() else "AMD-Vi (IOMMU)"))
    return ("the IOMMU is off, so no device can be given to a guest; put %s on the kernel's command line, switch on %s"
            " in the BIOS, and boot" % (iommu_options(), "VT-d" if pci.is_intel() else "AMD-Vi (IOMMU)"))


def problems_of(function: dict, up: bool) -> Iterator[str]:
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


def describe_function(state: FunctionState) -> dict:
    """A physical function as the module takes it, with ``status``, what can only be read."""
    function = state.function
    return dict(state.current, status={
        "device": state.device,
        "driver": function["driver"],
        "id": function["id"],
        "total_vfs": function["total_vfs"],
        "numa_node": function["numa_node"] if (function["numa_node"] or 0) >= 0 else None,
        "up": state.up,
        "carrier": pci.has_carrier(state.device) if state.device else None,
        "networks": state.pools,
        "boot": state.kept.settings,
        "owners": state.owners,
        "problems": state.problems,
        "vfs": [{name: vf[name] for name in ("index", "address", "device", "iommu_group", "shares_group_with")}
                | {"used_by": [user.label for user in state.users.get(vf["index"], [])]} for vf in function["vfs"]],
    })


def kernel_of(host: Host) -> None:
    """Refuses a remote libvirt: all of this is about the kernel of the host."""
    if host.kernel is None:
        raise Invalid("uri", "%s is not this host; give a local one" % host.libvirt.uri)


def settings_of(host: Host, state: FunctionState, index: int) -> dict:
    """The settings that a virtual function has right now."""
    found = host.kernel.vf_settings(state.device)
    if index not in found:
        raise KernelError("%s has no virtual function %d" % (state.label, index))
    return found[index]
