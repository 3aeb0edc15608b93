# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd-networkd: the files by which it keeps a bridge of the host, and what has it apply them."""

from __future__ import annotations

from typing import ClassVar

from .keeper import Keeper, tell


class Networkd(Keeper):
    """It applies what differs when it reads its files."""

    title = "systemd-networkd"
    about = "networkctl status %s"
    places: ClassVar = {"etc": "etc/systemd/network/05-virtnet-%s%s", "run": "run/systemd/network/04-virtnet-%s%s"}
    ends: ClassVar = {"netdev": ".netdev", "network": ".network", "uplink": "-uplink.network"}

    def delete(self, device: str) -> None:
        tell("networkctl", "delete", device)

    def reload(self) -> None:
        tell("networkctl", "reload")

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        if anew:
            tell("networkctl", "reconfigure", device)
