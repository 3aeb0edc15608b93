# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd-networkd: the files by which it keeps a bridge of the host, and what has it apply them."""

from __future__ import annotations

import subprocess

from . import boot
from .errors import HostError

PLACES = {"etc": "etc/systemd/network/05-virtnet-%s%s", "run": "run/systemd/network/04-virtnet-%s%s"}
ENDS = {"netdev": ".netdev", "network": ".network", "uplink": "-uplink.network"}
SECONDS = 60

Files = dict[str, dict[str, "str | None"]]  # by place and name, None for one that is not there


def files_of(bridge: str) -> Files:
    """What stands in the files of a bridge; those below /etc last, those below /run a boot forgets."""
    return {where: {name: boot.text_of(path % (bridge, end)) for name, end in ENDS.items()}
            for where, path in PLACES.items()}


def put(bridge: str, files: Files) -> None:
    """Has files of a bridge be so; those that are not named stay."""
    boot.put({PLACES[where] % (bridge, ENDS[name]): text
              for where, texts in files.items() for name, text in texts.items()})


def reload() -> None:
    """Has networkd read its files, and apply what differs."""
    _tell("reload")


def reconfigure(device: str) -> None:
    """Has networkd apply the files of a device anew."""
    _tell("reconfigure", device)


def delete(device: str) -> None:
    """Removes a device that networkd made."""
    _tell("delete", device)


def _tell(*words: str) -> None:
    try:
        done = subprocess.run(("networkctl", *words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS, check=False)
    except FileNotFoundError as error:
        raise HostError("networkctl is not there; install systemd, 250 or later, with its systemd-networkd") from error
    except subprocess.TimeoutExpired as error:
        raise HostError("networkctl %s did not end within %d s" % (" ".join(words), SECONDS)) from error
    if done.returncode:
        raise HostError("networkctl %s: %s" % (" ".join(words), done.stderr.strip() or "it failed"))
