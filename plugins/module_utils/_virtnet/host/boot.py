# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for the next boot: what is kept there of virtual functions, and what others keep."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import sysfs

SETTINGS = "etc/virtnet-sriov/%s.json"
SCRIPT = "usr/local/lib/virtnet-sriov/boot.py"
UNIT = "etc/systemd/system/virtnet-sriov@.service"
WANTED = "etc/systemd/system/multi-user.target.wants/virtnet-sriov@%s.service"
PYTHONS = ("usr/bin/python3", "usr/libexec/platform-python")
# who, its files, and what is in a file that sets up virtual functions
OWNERS = (
    ("NetworkManager", ("etc/NetworkManager/system-connections/*", "run/NetworkManager/system-connections/*",
                        "usr/lib/NetworkManager/system-connections/*"), r"^\[sriov\]"),
    ("netplan", ("etc/netplan/*.yaml", "run/netplan/*.yaml", "lib/netplan/*.yaml"), r"virtual-function-count"),
    ("nmstate", ("etc/nmstate/*",), r"total-vfs"),
    ("systemd-networkd", ("etc/systemd/network/*", "run/systemd/network/*", "usr/lib/systemd/network/*"),
     r"^SR-IOVVirtualFunctions|^\[SR-IOV\]"),
    ("udev", ("etc/udev/rules.d/*.rules", "run/udev/rules.d/*.rules", "usr/lib/udev/rules.d/*.rules"), r"sriov_numvfs"),
    ("ifupdown", ("etc/network/interfaces", "etc/network/interfaces.d/*"), r"sriov_numvfs"),
    ("systemd", ("etc/systemd/system/*.service",), r"sriov_numvfs"),
    ("rc.local", ("etc/rc.local",), r"sriov_numvfs"),
)


def kept(address: str) -> dict[str, Any]:
    """What is kept of a physical function: files and links by path, null where there is none.

    ``others`` says whether another physical function is kept too, ``python`` is the one that a boot runs.
    """
    paths = (SCRIPT, UNIT, SETTINGS % address, WANTED % address)
    return {
        "files": {path: text_of(path) for path in paths},
        "others": any(path != sysfs.place(SETTINGS % address) for path in glob.glob(sysfs.place(SETTINGS % "*"))),
        "python": next((python for python in PYTHONS if os.path.exists(sysfs.place(python))), PYTHONS[0]),
    }


def put(files: dict[str, str | None], mode: int = 0o644) -> None:
    """Writes, links or removes files; those that are so already are left alone."""
    with _only_root_writes():
        for path, text in files.items():
            if text_of(path) != text:
                _put(sysfs.place(path), text, mode)


@contextmanager
def _only_root_writes() -> Iterator[None]:
    """Files of no more than mode 0644 and folders of 0755, whatever the umask; a boot runs the program as root."""
    former = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(former)


def text_of(path: str) -> str | None:
    """What stands in a file of the host, or where a link leads; None where there is none."""
    path = sysfs.place(path)
    if os.path.islink(path):
        return os.readlink(path)
    try:
        with open(path, encoding="utf-8") as file:
            others_write = os.fstat(file.fileno()).st_mode & 0o022
            return "" if others_write else file.read()  # what others can write is not what was put there
    except FileNotFoundError:
        return None


def _put(path: str, text: str | None, mode: int) -> None:
    if text is None:
        os.unlink(path)
        folder = os.path.dirname(path)
        if folder.endswith("virtnet-sriov") and not os.listdir(folder):
            os.rmdir(folder)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = path + ".new"
    if ".wants/" in path:
        os.symlink(text, new)
    else:
        with open(new, "w", encoding="utf-8", opener=lambda place, flags: os.open(place, flags, mode)) as file:
            file.write(text)
    os.replace(new, path)


def owners(address: str) -> list[dict[str, str]]:
    """Who else sets up a physical function at boot, by its PCI address, or by a name or MAC address of a device of it.

    The texts of the files stay here, for there may be passwords in them.
    """
    devices = sysfs.names_in(sysfs.sysfs(address, "net"))
    macs = [sysfs.read(sysfs.place("sys/class/net", device, "address")) for device in devices]
    names = "|".join(re.escape(name) for name in (address, *devices, *macs) if name)
    named = re.compile(r"(?<![\w:.])(?:%s)(?!\w|[:.]\w)" % names, re.IGNORECASE)
    found = []
    for who, places, marker in OWNERS:
        for path in sorted(path for pattern in places for path in glob.glob(sysfs.place(pattern))):
            text = sysfs.read(path) or ""
            if re.search(marker, text, re.MULTILINE) and named.search(text):
                found.append({"who": who, "file": "/" + os.path.relpath(path, sysfs.ROOT)})
    return found
