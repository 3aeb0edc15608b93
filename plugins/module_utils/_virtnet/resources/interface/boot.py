# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which a guest boots: by kinds of devices in <os>, or by devices themselves. libvirt takes one of both,
and gives a guest that says nothing of it a hard disk in <os>.
"""

from __future__ import annotations

import copy
from itertools import count
from typing import TYPE_CHECKING

from ...schema.xml import etree

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

DISKS = {"hd": ("disk", "lun", None), "cdrom": ("cdrom",), "fd": ("floppy",)}
BOOTABLE = ("disk", "interface", "hostdev", "redirdev")


def kinds_of(document: Element | None) -> list[str]:
    """The kinds of devices in <os>, in their order."""
    return [] if document is None else [boot.get("dev") or "" for boot in document.findall("os/boot")]


def give_orders(document: Element) -> None:
    """Has the kinds in <os> become orders of the devices that they mean, after those that devices have."""
    taken = {boot.get("order") for boot in document.findall("devices/*/boot")}
    orders = (str(number) for number in count(1) if str(number) not in taken)
    for kind in kinds_of(document):
        device = next(iter(_meant(document, kind)), None)
        if device is not None and device.find("boot") is None:
            etree.SubElement(device, "boot", order=next(orders))
    _set_kinds(document, ())


def _meant(document: Element, kind: str) -> list[Element]:
    if kind == "network":
        return document.findall("devices/interface")
    return [disk for disk in document.findall("devices/disk") if disk.get("device") in DISKS.get(kind, ())]


def boot_as(document: Element, former: Element) -> None:
    """Has a guest boot as it did, by kinds and by devices, each in its place."""
    for tag in BOOTABLE:
        for now, was in zip(document.findall("devices/" + tag), former.findall("devices/" + tag)):
            for boot in now.findall("boot"):
                now.remove(boot)
            now.text = now.text if len(now) else None
            now.extend(copy.deepcopy(boot) for boot in was.findall("boot"))
    _set_kinds(document, kinds_of(former))


def _set_kinds(document: Element, kinds: list[str] | tuple[str, ...]) -> None:
    os = document.find("os")
    if os is not None:
        for boot in os.findall("boot"):
            os.remove(boot)
        for kind in kinds:
            etree.SubElement(os, "boot", dev=kind)
