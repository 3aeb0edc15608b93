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


class KernelError(HostError):
    """The kernel refused."""


@contextmanager
def by_netlink() -> Iterator[None]:
    """What is refused in here the kernel refused."""
    try:
        yield
    except OSError as error:
        raise KernelError("netlink: %s" % (error.strerror or error)) from error
