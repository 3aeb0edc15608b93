# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of the host as it is: its files, whether it is there, and whether its uplink is in it."""

from __future__ import annotations

from typing import NamedTuple, Optional

from ...host.snapshot import Snapshot
from ...schema.options import Options

Files = dict[str, dict[str, Optional[str]]]


class HostBridgeFound(NamedTuple):
    """``files`` are by place (etc, run) and name.

    ``inside`` is whether the uplink is in the bridge, None where none is looked at, or it is not there. ``vlans`` are
    those that the bridge itself and an uplink inside are in, None for each where it filters none.
    """

    keeper: str
    name: str
    uplink: str
    files: Files
    there: bool
    inside: bool | None
    vlans: Options
    local: bool = True

    @property
    def model(self) -> Options:
        """The bridge for people: the files that last, those on trial, and what the kernel has."""
        files, trial = ({name: text for name, text in self.files.get(where, {}).items() if text is not None}
                        for where in ("etc", "run"))
        return {"name": self.name, "state": "present" if self.there else "absent",
                **({"uplink": self.uplink} if self.inside else {}), "files": files, "files_on_trial": trial}


def look(seen: Snapshot, keeper: str, name: str, uplink: str) -> HostBridgeFound:
    device = seen.device(uplink)
    files = seen.get("bridge_files", "%s %s" % (keeper, name)) if seen.reaches_kernel else {}
    inside = device["master"] == name if device else None
    vlans = {one: (seen.device(one) or {}).get("vlans") for one in ([name, uplink] if inside else [name])}
    return HostBridgeFound(keeper, name, uplink, files, seen.device(name) is not None, inside, vlans,
                           seen.reaches_kernel)


def differing(wanted: Files, there: Files) -> Files:
    """Of the files that are wanted those that are not there like that."""
    return {where: {name: text for name, text in texts.items() if text != there[where][name]}
            for where, texts in wanted.items()}


def in_force(files: Files) -> dict[str, str | None]:
    """What holds by name: a file on trial stands before one that lasts."""
    return {name: text if files["run"][name] is None else files["run"][name] for name, text in files["etc"].items()}
