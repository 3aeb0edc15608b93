# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network filter for people and for modules that only read."""

from __future__ import annotations

from ...documents.nwfilter import NWFILTER
from ...host.snapshot import Snapshot
from ...schema.options import Options
from ...schema.sayable import sayable
from .found import look_at_all, model, variables_of
from .tree import FILLED_BY_LIBVIRT, shown


def describe_filter(seen: Snapshot, name: str) -> Options:
    """A filter as the module takes it, with ``status``, what can only be read."""
    found = look_at_all(seen, name)
    needed = sorted(variables_of(seen).get(name, ()))
    options, left_out = sayable(NWFILTER, model(found))
    return dict(options, status={
        "left_out": left_out,
        "tree": shown(name, found.filters),
        "variables": [{"name": variable, "filled_by_libvirt": variable in FILLED_BY_LIBVIRT} for variable in needed],
        "referenced_by": list(found.referrers),
        "guests": [{"domain": user.domain, "mac": user.mac, "interface": user.tap or None} for user in found.guests],
        "bindings": list(found.bindings),
    })
