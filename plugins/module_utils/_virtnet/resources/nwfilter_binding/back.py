# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the filter on a device becomes again what it was. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...documents.nwfilter_binding import NWFILTER_BINDING
from ...engine.plan import Step
from ...host.snapshot import Snapshot
from .chains import with_chains
from .found import with_learned_ip
from .piece import nwfilter_binding as piece

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    before, after = was.binding(name), now.binding(name)
    if after is not None and (before is None or not _alike(before, after)):
        yield Step("unbind the filter of %s" % name, lambda host: host.libvirt.delete_nwfilter_binding(name),
                   piece(name))
        after = None
    if before is not None and after is None:
        yield Step("bind the filter to %s again" % name,
                   with_chains(lambda host: host.libvirt.create_nwfilter_binding(before)), piece(name))


def _alike(before: Element, after: Element) -> bool:
    """Whether they say the same, apart from an address that libvirt has found out since."""
    old, new = NWFILTER_BINDING.parse(before), NWFILTER_BINDING.parse(after)
    return bool(NWFILTER_BINDING.normal(with_learned_ip(old, new)) == NWFILTER_BINDING.normal(new))
