# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept on the host so that a boot brings the virtual functions back. Pure: the files come as data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, Optional

from ...documents.sriov import SRIOV, tidy
from ...host.snapshot import Snapshot
from ...schema.errors import Invalid
from ...schema.options import Options

if TYPE_CHECKING:
    from .found import SriovFound
    from .resource import Sriov

Files = dict[str, Optional[str]]
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


class Kept(NamedTuple):
    """What is on the host for the next boot: files and links by path, None where there is none.

    ``others`` is whether another physical function is kept too, ``python`` the one that a boot runs. ``settings`` are
    what a boot brings back, None for nothing, or for what no task of this collection has written.
    """

    address: str
    files: Files
    others: bool
    python: str
    settings: Options | None


def look_at_boot(seen: Snapshot, address: str) -> Kept:
    found = seen.get("boot", address)
    return Kept(address, found["files"], found["others"], found["python"], _settings(found["files"], address))


def _settings(files: Files, address: str) -> Options | None:
    from ...host.boot import SETTINGS

    try:
        settings = SRIOV.check(json.loads(files[SETTINGS % address] or "null"))
    except (ValueError, RecursionError):
        return None
    return settings if settings.get("address") == address and "num_vfs" in settings else None


def says_boot(desired: Sriov) -> bool:
    """Whether a wish says what the next boot is to do."""
    return desired.persist is not None or desired.absent


def settings_after(desired: Sriov, found: SriovFound, stated: Options) -> Options | None:
    """The settings that a boot is to bring back: those that tasks with ``persist`` stated."""
    kept = found.kept.settings
    if desired.persist is False or desired.absent:
        return None
    if desired.persist is None:
        return kept
    if found.owners:
        raise Invalid("persist", "the virtual functions of %s are set at boot by %s already; change them there, or"
                      " take them out there" % (found.label, ", ".join(
                          "%(who)s (%(file)s)" % owner for owner in found.owners)))
    boot = SRIOV.merge(stated, kept)
    boot.setdefault("num_vfs", found.current["num_vfs"])
    boot["vfs"] = [tidy(vf) for vf in boot.get("vfs") or [] if vf["index"] < boot["num_vfs"]]
    return boot


def files_for(kept: Kept, settings: Options | None) -> Files:
    """What is to be on the host; the script and the unit serve all physical functions."""
    from ...host.boot import SCRIPT, SETTINGS, UNIT, WANTED

    if settings is not None:
        return {
            SCRIPT: _program(),
            UNIT: UNIT_TEXT % {"settings": SETTINGS % "%i", "python": kept.python, "script": SCRIPT,
                               "seconds": _seconds()},
            SETTINGS % kept.address: json.dumps(settings, indent=2, sort_keys=True) + "\n",
            WANTED % kept.address: "../virtnet-sriov@.service",
        }
    shared = (SCRIPT, UNIT) if kept.others else ()
    return {path: text if path in shared else None for path, text in kept.files.items()}


def _program() -> str:
    """The program that a boot runs."""
    import inspect

    from ...host import sysfs

    return inspect.getsource(sysfs)


def _seconds() -> int:
    from ...host.sysfs import BOOT_SECONDS

    return BOOT_SECONDS + 30
