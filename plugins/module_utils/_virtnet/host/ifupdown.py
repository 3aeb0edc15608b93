# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ifupdown: the stanzas by which it keeps a bridge of the host, and ifup and ifdown, which apply them."""

from __future__ import annotations

import os
import re
import tempfile
from typing import ClassVar

from . import sysfs, systemd
from .keeper import Keeper, tell

SECONDS = 120  # that DHCP and scripts of the host have
STATE = "run/network/ifstate"
# What is started here, as a client of DHCP, outlives the session or the service of who started it.
SCOPE = ("systemd-run", "--scope", "--quiet", "--collect", "--")


class Ifupdown(Keeper):
    """It reads its files whenever it is called, and knows itself what it brought up, by which stanza.

    The uplink's own stanza stays where it is: a mapping to another one stands before it.
    """

    title = "ifupdown"
    about = "ifquery --state %s"
    places: ClassVar = {"etc": "etc/network/interfaces.d/virtnet-%s%s", "run": "run/network/virtnet-%s%s"}
    ends: ClassVar = {"network": "", "uplink": "-uplink"}

    def undo(self, device: str, text: str | None) -> None:
        stanza = _stanza_of(device)
        if stanza:
            _run("ifdown", device, text if _has(text, stanza) else None, "--ignore-errors")

    def delete(self, device: str) -> None:
        _tell("ip", "link", "delete", device)

    def reload(self) -> None:
        """It does that itself."""

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        force = ("--force",) if anew or not os.path.exists(sysfs.place("sys/class/net", device)) else ()
        if force:
            self.undo(device, text)
        _run("ifup", device, text, *force)

    def holds(self, device: str, text: str) -> bool:
        return _has(text, _stanza_of(device))


def _stanza_of(device: str) -> str:
    """The name of the stanza by which a device is up; empty where it is not."""
    lines = (sysfs.read(sysfs.place(STATE)) or "").splitlines()
    return next((line.partition("=")[2] for line in lines if line.startswith(device + "=")), "")


def _has(text: str | None, stanza: str) -> bool:
    return bool(stanza) and re.search("^iface %s " % re.escape(stanza), text or "", re.MULTILINE) is not None


def _run(program: str, device: str, text: str | None, *options: str) -> None:
    """By the stanzas of a text, or else by those of the host."""
    if text is None:
        _tell(program, *options, device)
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="virtnet-") as file:
        file.write(text)
        file.flush()
        _tell(program, *options, "--interfaces=" + file.name, device)


def _tell(*command: str) -> None:
    tell(*(SCOPE if systemd.is_running() else ()), *command, seconds=SECONDS, package="ifupdown")
