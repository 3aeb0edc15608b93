# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept on the host so that a boot brings the virtual functions back, and who else does that already."""

from __future__ import annotations

import glob
import inspect
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..host import sysfs as pci

SETTINGS = "etc/virtnet-sriov/%s.json"
SCRIPT = "usr/local/lib/virtnet-sriov/boot.py"
UNIT = "etc/systemd/system/virtnet-sriov@.service"
WANTED = "etc/systemd/system/multi-user.target.wants/virtnet-sriov@%s.service"
PYTHONS = ("usr/bin/python3", "usr/libexec/platform-python")
UNIT_TEXT = """\
# Written by the Ansible module virtnet.libvirt.sriov
[Unit]
Description=Virtual functions of %%i
Before=libvirtd.service virtnetworkd.service virtqemud.service virtnodedevd.service
ConditionPathExists=/%(settings)s

[Service]
Type=oneshot
ExecStart=/%(python)s /%(script)s /%(settings)s
TimeoutStartSec=%(seconds)d

[Install]
WantedBy=multi-user.target
"""
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


@dataclass(frozen=True)
class Kept:
    """What is on the host for the next boot: files and links by path, None where there is none."""

    address: str
    files: dict
    others: bool  # whether another physical function is kept too

    @property
    def settings(self) -> dict | None:
        try:
            return json.loads(self.files[SETTINGS % self.address] or "null")
        except ValueError:
            return None


def read_kept(address: str) -> Kept:
    paths = (SCRIPT, UNIT, SETTINGS % address, WANTED % address)
    all_settings = glob.glob(pci.place(SETTINGS % "*"))
    return Kept(address, {path: _read(path) for path in paths},
                any(path != pci.place(SETTINGS % address) for path in all_settings))


def files_for(kept: Kept, settings: dict | None) -> dict:
    """What is to be on the host; the script and the unit serve all physical functions."""
    wanted = dict.fromkeys(kept.files)
    if settings is not None:
        python = next((python for python in PYTHONS if os.path.exists(pci.place(python))), PYTHONS[0])
        wanted = {
            SCRIPT: inspect.getsource(pci),
            UNIT: UNIT_TEXT % {"settings": SETTINGS % "%i", "python": python, "script": SCRIPT,
                               "seconds": pci.BOOT_SECONDS + 30},
            SETTINGS % kept.address: json.dumps(settings, indent=2, sort_keys=True) + "\n",
            WANTED % kept.address: "../virtnet-sriov@.service",
        }
    elif kept.others:
        wanted.update({path: kept.files[path] for path in (SCRIPT, UNIT)})
    return wanted


def put(files: dict) -> None:
    """Writes, links or removes files; those that are so already are left alone."""
    with _only_root_writes():
        for path, text in files.items():
            if _read(path) != text:
                _put(pci.place(path), text)


@contextmanager
def _only_root_writes() -> Iterator[None]:
    """Files of mode 0644 and folders of 0755, whatever the umask; a boot runs the program as root."""
    former = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(former)


def _read(path: str) -> str | None:
    path = pci.place(path)
    if os.path.islink(path):
        return os.readlink(path)
    try:
        with open(path, encoding="utf-8") as file:
            others_write = os.fstat(file.fileno()).st_mode & 0o022
            return "" if others_write else file.read()  # what others can write is not what was put there
    except FileNotFoundError:
        return None


def _put(path: str, text: str | None) -> None:
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
        with open(new, "w", encoding="utf-8") as file:
            file.write(text)
    os.replace(new, path)


def owners(names: Iterable) -> list:
    """Who else sets up a physical function at boot, which has these names (device, PCI address, MAC address)."""
    named = re.compile("|".join(r"(?<![\w:.])%s(?!\w|[:.]\w)" % re.escape(name) for name in names), re.IGNORECASE)
    found = []
    for who, places, marker in OWNERS:
        for path in sorted(path for pattern in places for path in glob.glob(pci.place(pattern))):
            text = pci.read(path) or ""
            if re.search(marker, text, re.MULTILINE) and named.search(text):
                found.append({"who": who, "file": "/" + os.path.relpath(path, pci.ROOT)})
    return found
