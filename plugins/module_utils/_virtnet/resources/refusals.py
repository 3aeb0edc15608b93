# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to fail on a host, whatever kind of object it is for. Pure: what the host is like comes as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from ..host.snapshot import Snapshot
from ..schema.errors import Invalid, Path
from ..schema.options import Options
from ..schema.scalars import UUID


class Write(NamedTuple):
    """Where libvirt writes for something; a file that is made takes space and an inode."""

    place: str
    space: bool = True
    inodes: bool = True


NETWORKS, STATUS = "/etc/libvirt/qemu/networks", "/run/libvirt/network"
# by what plans say that they need; each was tried with libvirt 9.0 and 11.3
WRITES = {
    "define network": Write(NETWORKS),
    "undefine network": Write(NETWORKS, False, False),
    "set autostart": Write(NETWORKS + "/autostart", False),  # a link, which fits into its inode
    "clear autostart": Write(NETWORKS + "/autostart", False, False),
    "start network": Write(STATUS),
    "update network": Write(STATUS),
    "make port": Write(STATUS),  # a daemon that cannot dies of it
    "make dnsmasq's files": Write("/var/lib/libvirt/dnsmasq"),
    "write dnsmasq's files": Write("/var/lib/libvirt/dnsmasq", inodes=False),  # which are there
    "define filter": Write("/etc/libvirt/nwfilter"),
    "undefine filter": Write("/etc/libvirt/nwfilter", False, False),
    "configure guest": Write("/etc/libvirt/qemu"),
}


def refuse_unwritable(seen: Snapshot, needs: Iterable[str]) -> None:
    """Refuses what takes writing where libvirt cannot write."""
    for need in sorted(needs) if is_system(seen.uri) else ():
        write = WRITES[need]
        state = seen.places.get(write.place)
        problem = _problem(write, state) if state else ""
        if state and problem:
            raise Invalid("", "%s: libvirt cannot %s, for %s; nothing was stopped" % (state["at"], need, problem))


def _problem(write: Write, state: Options) -> str:
    """Why libvirt cannot write, and what helps; empty where it can."""
    if state["read_only"]:
        return "the file system is read-only; mount it writable (mount -o remount,rw)"
    if state["closed"]:
        return "not even root may write there; see lsattr -d, which chattr -i answers"
    if write.space and state["space"] == 0:
        return "the file system is full; make room"
    if write.inodes and state["inodes"] == 0:
        return "the file system has no inodes left; remove files"
    return ""


def is_system(uri: str) -> bool:
    """Whether this is the libvirt of this host that writes to these places."""
    parts = urlsplit(uri)
    return parts.path == "/system" and not parts.netloc and not parts.query and parts.scheme != "test"


class Uuids:
    """The names of objects by their UUIDs."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._of: dict[str, str] = {}

    def put(self, name: str, value: Options | None) -> None:
        self._names.pop(self._of.pop(name, ""), None)
        if value and value.get("uuid"):
            self._of[name] = UUID.normal(value["uuid"])
            self._names[self._of[name]] = name

    def name_of(self, uuid: str) -> str | None:
        return self._names.get(UUID.normal(uuid))


def refuse_taken_uuid(seen: Snapshot, part: str, options: Options) -> None:
    """Refuses a new object with the UUID of another one, of which libvirt defines no second."""
    uuid = options.get("uuid")
    name = seen.index(part, Uuids).name_of(uuid) if uuid else None
    if name:
        raise Invalid("uuid", "%s is that of %s %s; leave it out to have one made up" % (
            uuid, part.rstrip("s").replace("nwfilter", "filter"), name))


LIMITS = {"inbound": ("sch_htb", "sch_sfq"), "outbound": ("act_police",)}


def refuse_unlimitable(seen: Snapshot, bandwidth: Options | None) -> None:
    """Refuses limits that the kernel cannot set."""
    for direction, modules in LIMITS.items():
        if ((bandwidth or {}).get(direction) or {}).get("average"):
            lacks = [module for module in modules if seen.has(module) is False]
            if lacks:
                raise Invalid(Path("bandwidth", direction), "the kernel of this host lacks %s, without which libvirt"
                              " cannot limit traffic; install what has it (a module of that name), or leave %s out"
                              % (" and ".join(lacks), direction))
