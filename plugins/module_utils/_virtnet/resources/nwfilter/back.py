# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a filter becomes again as it was. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ...documents.nwfilter import NWFILTER, definable
from ...engine.plan import Step
from ...host.snapshot import Snapshot
from ..pieces import nwfilter as piece


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    before, after = was.filter(name), now.filter(name)
    if before is None:
        if after is not None:
            yield Step("remove filter %s" % name, lambda host: host.libvirt.undefine_nwfilter(name), piece(name))
    elif after is None or was.get("nwfilters")[name] != now.get("nwfilters")[name]:
        document = NWFILTER.render(definable(NWFILTER.parse(before.document)))  # a form in which libvirt loses nothing
        yield Step("define filter %s as it was" % name, lambda host: host.libvirt.define_nwfilter(document),
                   piece(name))
