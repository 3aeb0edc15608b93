# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Physical and virtual functions of PCI cards, in sysfs.

This file needs nothing but Python. With ``persist`` a copy of it is kept on the host, which systemd runs at boot
with the settings of one physical function.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Callable

ROOT = "/"  # unit tests have another
SETTLE_SECONDS = 15
BOOT_SECONDS = 90
IFF_UP = 1
ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
# what texts in the settings for a boot are like; they go into paths and commands
TEXTS = {
    "address": ADDRESS,
    "mac": re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}"),
    "protocol": re.compile(r"802\.1(Q|ad)"),
    "link_state": re.compile(r"auto|enable|disable"),
    "driver": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*"),
}


def place(*parts: str) -> str:
    """A path of the host."""
    return os.path.join(ROOT, *parts)


def sysfs(address: str, *parts: str) -> str:
    """A path of a PCI device."""
    return place("sys/bus/pci/devices", address, *parts)


def read(path: str) -> str | None:
    """The text of a file without its line break, None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\n\0 ")
    except OSError:
        return None


def number(path: str) -> int | None:
    text = read(path)
    return None if text is None else int(text)


def write(path: str, value: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write("%s\n" % value)


def names_in(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def target(path: str) -> str | None:
    """The last part of what a link points to."""
    return os.path.basename(os.path.realpath(path)) if os.path.lexists(path) else None


# --- reading


def all_devices() -> dict[str, list[str]]:
    """The names of the network devices of every PCI device, by its address."""
    return {address: names_in(sysfs(address, "net")) for address in names_in(place("sys/bus/pci/devices"))}


def all_functions() -> dict[str, dict[str, Any]]:
    """What sysfs says of every physical function, by PCI address."""
    return {address: function(address) for address in names_in(place("sys/bus/pci/devices"))
            if os.path.exists(sysfs(address, "sriov_totalvfs"))}


def function(address: str) -> dict[str, Any]:
    """What sysfs says of a physical function."""
    return {
        "address": address,
        "devices": names_in(sysfs(address, "net")),
        "driver": target(sysfs(address, "driver")),
        "id": ":".join((read(sysfs(address, name)) or "0x").replace("0x", "", 1) for name in ("vendor", "device")),
        "numa_node": number(sysfs(address, "numa_node")),  # -1 for none
        "total_vfs": number(sysfs(address, "sriov_totalvfs")) or 0,
        "num_vfs": number(sysfs(address, "sriov_numvfs")) or 0,
        "offset": number(sysfs(address, "sriov_offset")),  # of the first virtual function's address
        "stride": number(sysfs(address, "sriov_stride")),  # from there to the next
        "drivers_autoprobe": has_autoprobe(address),
        "vfs": virtual_functions(address),
    }


def has_autoprobe(address: str) -> bool:
    return read(sysfs(address, "sriov_drivers_autoprobe")) != "0"


def facts() -> dict[str, Any]:
    """What of SR-IOV concerns the whole host."""
    return {"iommu": has_iommu(), "intel": is_intel(), "command_line": command_line()}


def virtual_functions(address: str) -> list[dict[str, Any]]:
    """The virtual functions of a physical one, in their order."""
    links = sorted(int(name[len("virtfn"):]) for name in names_in(sysfs(address)) if re.fullmatch(r"virtfn\d+", name))
    found = [(index, target(sysfs(address, "virtfn%d" % index))) for index in links]
    return [virtual_function(index, virtual) for index, virtual in found if virtual]


def virtual_function(index: int, address: str) -> dict[str, Any]:
    devices = names_in(sysfs(address, "net"))
    group, driver = target(sysfs(address, "iommu_group")), target(sysfs(address, "driver"))
    override = (read(sysfs(address, "driver_override")) or "").replace("(null)", "")
    return {
        "index": index,
        "address": address,
        "device": devices[0] if devices else None,
        "elsewhere": os.path.isdir(sysfs(address, "net")) and not devices,  # in another network namespace
        "driver": driver,
        "override": override,
        "own_driver": driver is not None and not driver.startswith("vfio") and not override,  # nobody chose it
        "iommu_group": int(group) if group else None,
        "shares_group_with": [other for other in names_in(sysfs(address, "iommu_group/devices"))
                              if other != address and not _is_bridge(other)],
        "uppers": [name[len("upper_"):] for device in devices for name in names_in(place("sys/class/net", device))
                   if name.startswith("upper_")],
        "vfio": [group or ""] + ["devices/" + name for name in names_in(sysfs(address, "vfio-dev"))],
    }


def _is_bridge(address: str) -> bool:
    return (read(sysfs(address, "class")) or "").startswith("0x0604")


def is_up(device: str) -> bool:
    """Whether a network device is set up, with a link or without."""
    return bool(int(read(place("sys/class/net", device, "flags")) or "0", 16) & IFF_UP)


def has_carrier(device: str) -> bool:
    return read(place("sys/class/net", device, "carrier")) == "1"


def vfio_holders() -> dict[str, list[str]]:
    """The processes that have files of VFIO open, by the file's name below /dev/vfio."""
    holders: dict[str, set[str]] = {}
    for folder in glob.glob(place("proc/[0-9]*/fd")):
        process = os.path.dirname(folder)
        for name in names_in(folder):
            try:
                file = os.readlink(os.path.join(folder, name))
            except OSError:
                continue
            if file.startswith("/dev/vfio/"):
                who = "process %s (%s)" % (os.path.basename(process), read(os.path.join(process, "comm")))
                holders.setdefault(file[len("/dev/vfio/"):], set()).add(who)
    return {name: sorted(found) for name, found in holders.items()}


def has_iommu() -> bool:
    return bool(names_in(place("sys/kernel/iommu_groups")))


def has_driver(driver: str) -> bool:
    """Whether a PCI driver is loaded or can be."""
    if os.path.isdir(place("sys/bus/pci/drivers", driver)):
        return True
    folder = place("lib/modules", os.uname().release)
    known = "\n".join(read(os.path.join(folder, name)) or "" for name in ("modules.dep", "modules.builtin"))
    spelled = "[-_]".join(map(re.escape, re.split("[-_]", driver)))
    return re.search(r"/%s\.ko" % spelled, known) is not None


def is_intel() -> bool:
    return "GenuineIntel" in (read(place("proc/cpuinfo")) or "")


def command_line() -> str:
    return read(place("proc/cmdline")) or ""


# --- changing; what the kernel refuses is an OSError


def set_autoprobe(address: str, autoprobe: bool) -> None:
    write(sysfs(address, "sriov_drivers_autoprobe"), int(autoprobe))


def set_number(address: str, wanted: int) -> None:
    """Makes that many virtual functions, through zero.

    Drivers of physical functions such as igb take the link down for a moment, and refuse settings until it is up again;
    a link that comes up under virtual functions has drivers undo settings of theirs.
    """
    file = sysfs(address, "sriov_numvfs")
    if number(file) == wanted:
        return
    devices = [device for device in names_in(sysfs(address, "net")) if wanted and is_up(device)]
    wait_for_link(*devices)
    linked = [device for device in devices if has_carrier(device)]
    if number(file):
        write(file, 0)
    if wanted:
        write(file, wanted)
    settle(address)
    if number(file) != wanted:
        raise OSError(errno.EIO, "the driver %s made %s of %d virtual functions without saying why"
                      % (target(sysfs(address, "driver")), number(file), wanted))
    wait_for_link(*linked)


@contextmanager
def without_autoprobe(address: str) -> Iterator[None]:
    """Keeps drivers off new virtual functions until they have their settings, also one that udev loads meanwhile."""
    autoprobe = has_autoprobe(address)
    try:
        set_autoprobe(address, False)
        yield
    finally:
        set_autoprobe(address, autoprobe)


def probe(address: str) -> None:
    """Has the kernel look for a driver of a virtual function, unless autoprobe is off."""
    write(place("sys/bus/pci/drivers_probe"), address)


def settle(address: str) -> None:
    """Waits until udev has named the network devices of all virtual functions, and loaded the drivers it knows."""
    if os.path.exists(place("run/udev/control")):
        _wait(lambda: all(_is_settled(vf) for vf in virtual_functions(address))
              and not os.path.exists(place("run/udev/queue")))


def _wait(condition: Callable[[], bool]) -> None:
    """Waits for something, in bounded time."""
    end = time.monotonic() + SETTLE_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def wait_for_link(*devices: str) -> None:
    """Waits a while for what may have no cable."""
    _wait(lambda: all(map(has_carrier, devices)))


def _is_settled(vf: dict[str, Any]) -> bool:
    files = ["+pci:" + vf["address"]]
    if vf["device"]:
        files.append("n%s" % read(place("sys/class/net", vf["device"], "ifindex")))
    return all(os.path.exists(place("run/udev/data", name)) for name in files)


def bind(address: str, driver: str) -> None:
    """Binds a virtual function to a driver, ``default`` for the host's own, or to none with an empty name."""
    if driver not in ("", "default") and not os.path.isdir(place("sys/bus/pci/drivers", driver)):
        load(driver)
    if os.path.exists(sysfs(address, "driver")):
        write(sysfs(address, "driver/unbind"), address)
    write(sysfs(address, "driver_override"), "" if driver == "default" else driver)
    if driver:
        parent = target(sysfs(address, "physfn")) or ""
        _probe(address, parent)
        found = target(sysfs(address, "driver"))
        if found is None or driver not in ("default", found):
            raise OSError(errno.ENODEV, "the host has no driver for it" if driver == "default" else
                          "the driver %s does not take it" % driver)
        settle(parent)


def _probe(address: str, parent: str) -> None:
    """Has the kernel look for a driver; without autoprobe it looks at no virtual function unless told by name."""
    autoprobe = has_autoprobe(parent)
    if not autoprobe:
        set_autoprobe(parent, True)
    try:
        probe(address)
    finally:
        if not autoprobe:
            set_autoprobe(parent, False)


def load(driver: str) -> None:
    """Loads the module of a driver."""
    run(["modprobe", "--", driver])


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(errno.EIO, "%s: %s" % (" ".join(command), done.stderr.strip()))


# --- at boot


def at_boot(settings: dict[str, Any]) -> None:
    """Has a physical function as its settings say. What is so already is left alone."""
    check(settings)
    address = settings["address"]
    end = time.monotonic() + BOOT_SECONDS

    def set_up() -> None:
        _has_device(address)
        if "up" in settings:  # by the name that it has right now, for udev may be about to give it another
            run(["ip", "link", "set", "dev", names_in(sysfs(address, "net"))[0], "up" if settings["up"] else "down"])

    _until(end, set_up)
    device = names_in(sysfs(address, "net"))[0]
    if settings.get("up"):
        wait_for_link(device)
    if "drivers_autoprobe" in settings:
        set_autoprobe(address, settings["drivers_autoprobe"])
    there = number(sysfs(address, "sriov_numvfs"))
    if there not in (0, settings["num_vfs"]):
        raise OSError(errno.EBUSY, "%s has %s virtual functions, not %d; changing that would destroy them"
                      % (address, there, settings["num_vfs"]))
    wanted = {vf["index"]: vf for vf in settings["vfs"]}
    with without_autoprobe(address):
        # Some drivers make none, or refuse a setting, until the link is up.
        _until(end, lambda: set_number(address, settings["num_vfs"]))
        holders = vfio_holders()
        free = [vf for vf in virtual_functions(address) if not any(name in holders for name in vf["vfio"])]
        for vf in free:
            for arguments in ip_arguments(wanted.get(vf["index"], {})):
                command = ["ip", "link", "set", "dev", device, "vf", str(vf["index"]), *arguments]
                _until(end, partial(run, command))
    for vf in free:
        driver = wanted.get(vf["index"], {}).get("driver")
        if driver and not is_bound(vf, driver):
            bind(vf["address"], driver)
        elif not driver and not there:
            probe(vf["address"])


def check(settings: Any, name: str = "") -> None:
    """Refuses texts that do not look like what they are to be: they go into paths and commands."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            check(value, key)
    elif isinstance(settings, list):
        for value in settings:
            check(value, name)
    elif isinstance(settings, str) and not (name in TEXTS and TEXTS[name].fullmatch(settings)):
        raise OSError(errno.EINVAL, "the settings have %s: %s" % (json.dumps(name), json.dumps(settings)))


def is_bound(vf: dict[str, Any], driver: str) -> bool:
    """Whether a virtual function has its driver; ``default`` is any that nobody chose for it."""
    return bool(vf["own_driver"] if driver == "default" else vf["driver"] == driver)


def _has_device(address: str) -> None:
    """Raises OSError until the physical function is there and udev has named its network device."""
    devices = os.listdir(sysfs(address, "net"))
    if not devices:
        raise OSError(errno.ENODEV, "%s has no network device" % address)
    for device in devices:
        os.stat(place("run/udev/data", "n%s" % read(place("sys/class/net", device, "ifindex"))))


def _until(end: float, action: Callable[[], None]) -> None:
    """Tries until it works or the time is over."""
    while True:
        try:
            action()
            return
        except OSError:
            if time.monotonic() > end:
                raise
        time.sleep(0.5)


def ip_arguments(vf: dict[str, Any]) -> list[list[str]]:
    """The settings of a virtual function as arguments of ip, one list a setting."""
    commands: list[list[str]] = []
    if "mac" in vf:
        commands.append(["mac", vf["mac"]])
    if "vlan" in vf:
        vlan = vf["vlan"]
        commands.append(["vlan", str(vlan.get("id", 0)), "qos", str(vlan.get("qos", 0)),
                         "proto", vlan.get("protocol", "802.1Q")])
    rates = [part for name in ("min_tx_rate", "max_tx_rate") if name in vf for part in (name, str(vf[name]))]
    commands += [rates] if rates else []
    for name, word in (("spoof_check", "spoofchk"), ("trust", "trust")):
        if name in vf:
            commands.append([word, "on" if vf[name] else "off"])
    if "link_state" in vf:
        commands.append(["state", vf["link_state"]])
    return commands


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as settings_file:
        try:
            at_boot(json.load(settings_file))
        except OSError as error:
            raise SystemExit("virtnet-sriov: %s" % error) from error
