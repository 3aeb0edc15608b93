# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetworkManager: the keyfiles by which it keeps a bridge of the host, and what has it apply them, over D-Bus."""

from __future__ import annotations

import json
import os
import re
from typing import Any, ClassVar

from . import sysfs
from .errors import HostError
from .keeper import Keeper, tell

NAME = "org.freedesktop.NetworkManager"
ROOT = "/org/freedesktop/NetworkManager"
NOTHING = "/"  # the path of no object
ACTIVATED = "2"


class NetworkManager(Keeper):
    """It reads its files when it is told, and applies a profile when that is activated."""

    title = "NetworkManager"
    about = "nmcli device show %s"
    places: ClassVar = {"etc": "etc/NetworkManager/system-connections/virtnet-%s%s",
                        "run": "run/NetworkManager/system-connections/virtnet-%s%s"}
    ends: ClassVar = {"network": ".nmconnection", "uplink": "-uplink.nmconnection"}
    mode = 0o600  # it takes no others, for there may be passwords in them

    def leave(self, device: str, text: str) -> None:
        """The best of the other profiles becomes active; NetworkManager takes none that is active already."""
        path = _device(device)
        if _active(path) == _uuid(text):
            _activate(NOTHING, path)

    def delete(self, device: str) -> None:
        _call(_device(device), "Device", "Delete")

    def reload(self) -> None:
        _call(ROOT + "/Settings", "Settings", "ReloadConnections")

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        """A profile that is active takes over what differs, as far as it can without the device going down."""
        if text is None:
            return
        path, uuid = _device(device), _uuid(text)
        if anew or _active(path) != uuid or not _reapplied(path):
            _activate(_call(ROOT + "/Settings", "Settings", "GetConnectionByUuid", "s", uuid), path)

    def holds(self, device: str, text: str) -> bool:
        """A device stays in its bridge also when its profile has failed; NetworkManager then leaves it to others."""
        return _active(_device(device)) == _uuid(text) and _active(_device(device), "State") == ACTIVATED


def _uuid(text: str) -> str:
    found = re.search(r"^uuid=(\S+)$", text, re.MULTILINE)
    if found is None:
        raise HostError("a keyfile of NetworkManager has no line uuid=")
    return found.group(1)


def _device(name: str) -> str:
    return _call(ROOT, "", "GetDeviceByIpIface", "s", name) if os.path.exists(
        sysfs.place("sys/class/net", name)) else NOTHING


def _active(device: str, name: str = "Uuid") -> str:
    """What is told of the profile that is active on a device; empty where there is none."""
    found = NOTHING if device == NOTHING else _property(device, "Device", "ActiveConnection")
    return "" if found == NOTHING else _property(found, "Connection.Active", name)


def _activate(profile: str, device: str) -> None:
    _call(ROOT, "", "ActivateConnection", "ooo", profile, device, NOTHING)


def _reapplied(device: str) -> bool:
    try:
        _call(device, "Device", "Reapply", "a{sa{sv}}tu", "0", "0", "0")
    except HostError:
        return False
    return True


def _call(path: str, interface: str, method: str, *arguments: str) -> str:
    """What a method answers first."""
    said = _busctl("call", NAME, path, ".".join(filter(None, (NAME, interface))), method, *arguments)
    return str(said["data"][0]) if said.get("data") else ""


def _property(path: str, interface: str, name: str) -> str:
    return str(_busctl("get-property", NAME, path, ".".join((NAME, interface)), name)["data"])


def _busctl(*words: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(tell("busctl", "--system", "--json=short", *words) or "{}")
    return said
