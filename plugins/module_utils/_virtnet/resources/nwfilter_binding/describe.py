# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter on a device for people and for modules that only read."""

from __future__ import annotations

from ...documents.nwfilter_binding import NWFILTER_BINDING
from ...host.snapshot import Snapshot
from ...schema.options import Options, option
from ...schema.sayable import sayable
from .found import look_at_all, model


def describe_binding(seen: Snapshot, name: str) -> Options:
    """A binding as the module takes it, with ``status``, what can only be read."""
    found = look_at_all(seen, name)
    options, left_out = sayable(NWFILTER_BINDING, model(found))
    return dict(options, status={
        "left_out": left_out,
        "device_exists": found.there,
        "guest": found.guest,
        "backend": None if found.document is None else NWFILTER_BINDING.parse(found.document, True).get("backend"),
        "drift": [drift.as_result() for drift in found.lost],
        "variables": sorted(found.variables.get(option(found.current, "filterref", "filter") or "", ())),
    })
