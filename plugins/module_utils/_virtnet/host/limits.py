# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel has what traffic control takes, by netlink; numbers of linux/rtnetlink.h, pkt_sched.h, pkt_cls.h.

It is asked for one with options that are cut off, on the device that needs none. That it refuses as invalid where it
has the kind, and as unknown where it has not. It changes nothing; at most it loads the module, as for a real one.
"""

from __future__ import annotations

import errno
from struct import Struct

from .netlink import ACKNOWLEDGE, ATTRIBUTE, aligned, ask

QUEUE = Struct("=B3xiIII")  # tcmsg: family, index of the device, handle, parent, info
ACTION = Struct("=B3x")  # tcamsg: family
NEW_QUEUE, NEW_ACTION = 36, 48
CREATE = 0x600  # NLM_F_CREATE and NLM_F_EXCL
LOOPBACK, ROOT = 1, 0xFFFFFFFF  # the index of lo, and TC_H_ROOT
KIND, OPTIONS = 1, 2
ACTIONS, FIRST = 1, 1
REFUSALS = {errno.ENOENT: False, errno.EINVAL: True}


def attribute(number: int, data: bytes) -> bytes:
    length = ATTRIBUTE.size + len(data)
    return ATTRIBUTE.pack(length, number) + data + bytes(aligned(length) - length)


def queue(kind: str) -> tuple[int, bytes]:
    return NEW_QUEUE, QUEUE.pack(0, LOOPBACK, 0, ROOT, 0) + _named(kind) + attribute(OPTIONS, b"\0")


def action(kind: str) -> tuple[int, bytes]:
    return NEW_ACTION, ACTION.pack(0) + attribute(ACTIONS, attribute(FIRST, _named(kind)))


def _named(kind: str) -> bytes:
    return attribute(KIND, kind.encode() + b"\0")


# each was seen to refuse; some kinds, as ingress, take any options
REQUESTS = {"sch_htb": queue("htb"), "sch_sfq": queue("sfq"), "act_police": action("police"),
            "act_csum": action("csum")}


def has(module: str) -> bool | None:
    """Whether the kernel has what is in a module, whether or not it is one; None where it does not tell."""
    request, body = REQUESTS[module]
    try:
        ask(0, request, ACKNOWLEDGE | CREATE, body)
    except OSError as error:
        return REFUSALS.get(error.errno or 0)
    return None
