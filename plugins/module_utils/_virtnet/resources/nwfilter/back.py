# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a filter becomes again as it was. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...documents.nwfilter import NWFILTER, definable
from ...engine.plan import Step
from ...host.snapshot import FilterRecord, Snapshot
from ...schema.nodes import in_order
from ...schema.options import Value
from ..nwfilter_binding.chains import with_chains
from .piece import nwfilter as piece


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    before, after = was.filter(name), now.filter(name)
    if before is None:
        if after is not None:
            yield Step("remove filter %s" % name, lambda host: host.libvirt.undefine_nwfilter(name), piece(name),
                       writes=("nwfilters", name))
    elif after is None or (was.get("nwfilters")[name] != now.get("nwfilters")[name]
                           and _meant(before) != _meant(after)):
        document = NWFILTER.render(definable(NWFILTER.parse(before.document)))  # a form in which libvirt loses nothing
        yield Step("define filter %s as it was" % name,
                   with_chains(lambda host: host.libvirt.define_nwfilter(document)), piece(name),
                   writes=("nwfilters", name))


def _meant(record: FilterRecord) -> Value:
    """What a filter says, in the form in which it is defined."""
    return in_order(NWFILTER, definable(NWFILTER.parse(record.document)))
