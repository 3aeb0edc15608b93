# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps a bridge of the host, by files: those that last stand below /etc, those below /run a boot forgets."""

from __future__ import annotations

import subprocess
import tempfile
from typing import IO, ClassVar

from . import boot
from .errors import HostError

SECONDS = 60

Files = dict[str, dict[str, "str | None"]]  # by place and name, None for one that is not there


class Keeper:
    """What all keepers do; each says where its files are, and has what it keeps be as they say."""

    title: str
    about: str  # what tells of a device
    places: ClassVar[dict[str, str]]
    ends: ClassVar[dict[str, str]]
    mode = 0o644

    def files_of(self, bridge: str) -> Files:
        """What stands in the files of a bridge."""
        return {where: {name: boot.text_of(path % (bridge, end)) for name, end in self.ends.items()}
                for where, path in self.places.items()}

    def put(self, bridge: str, files: Files) -> None:
        """Has files of a bridge be so; those that are not named stay."""
        boot.put({self.places[where] % (bridge, self.ends[name]): text
                  for where, texts in files.items() for name, text in texts.items()}, self.mode)

    def leave(self, device: str, text: str) -> None:
        """Has a device be as others say, before the file with this text goes."""

    def undo(self, device: str, text: str | None) -> None:
        """Has a device not be any more as this text says, that was in force before its files were put in place."""

    def delete(self, device: str) -> None:
        """Removes a device that was made by a file."""
        raise NotImplementedError

    def reload(self) -> None:
        """Has the files read."""
        raise NotImplementedError

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        """Has a device be as its file says, that was just read; ``anew`` where it only seems to be so."""
        raise NotImplementedError

    def holds(self, device: str, text: str) -> bool:
        """Whether a device is as its file says, as far as only its keeper can tell."""
        return True


def tell(*command: str, seconds: int = SECONDS, package: str = "systemd, 250 or later") -> str:
    """What a command prints, that has to do what it is told; into files, which what it leaves running may hold open."""
    with _file() as said, _file() as failed:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=failed, timeout=seconds,
                                  check=False)
        except FileNotFoundError as error:
            raise HostError("%s is not there; install %s" % (command[0], package)) from error
        except subprocess.TimeoutExpired as error:
            raise HostError("%s did not end within %d s" % (" ".join(command), seconds)) from error
        said.seek(0)
        failed.seek(0)
        if done.returncode:
            raise HostError("%s: %s" % (" ".join(command), failed.read().strip() or "it failed"))
        return said.read()


def _file() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
