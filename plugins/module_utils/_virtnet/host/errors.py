# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host answered when it did not do what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class HostError(Exception):
    """libvirt, the kernel or the file system refused; the message says what it said."""


class HypervisorError(HostError):
    """libvirt refused."""


# what people do about a connection that libvirt does not give, by what it says
REMEDIES = (
    (("Permission denied", "authentication unavailable", "access denied"), "give become: true"),
    (("No such file or directory", "Connection refused"),
     "libvirt does not run there; role virtnet.libvirt.prerequisites installs and starts it"),
)


def remedy(said: str) -> str:
    """What to do about a connection that failed, to follow what libvirt said; empty where that is not known."""
    return next(("; " + what for words, what in REMEDIES if any(word in said for word in words)), "")


class KernelError(HostError):
    """The kernel refused."""


@contextmanager
def by_netlink() -> Iterator[None]:
    """What is refused in here the kernel refused."""
    try:
        yield
    except OSError as error:
        raise KernelError("netlink: %s" % (error.strerror or error)) from error
