# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<bandwidth>``: quality of service, the same element in networks, portgroups, ports and guest interfaces."""

from __future__ import annotations

from ..schema.errors import Invalid, Path
from ..schema.nodes import Field, Group, Rule
from ..schema.options import Options
from ..schema.scalars import UINT64, quantity

# libvirt's kilobytes: tc is told of 1000 bytes for a rate, and of 1024 for a burst
BURST = quantity(0xFFFFFFFF, "KiB", 1024, False)
RATE = quantity(18014398509481984, "kB/s, 1000 bytes per second", 1000, True)


def _needs_average(options: Options) -> None:
    if not options.get("average") and not options.get("floor"):
        for name in ("peak", "burst"):
            if options.get(name):
                raise Invalid(name, "needs average beside it")


def _without_average(options: Options) -> Options:
    """libvirt drops a direction that has neither an average nor a floor."""
    return options if options.get("average") or options.get("floor") else dict.fromkeys(options)


def _direction(name: str, about: str) -> Group:
    return Group(name, name, about, (
        Field("average", "@average", RATE, "Average rate in kB/s. Needed unless there is a floor.", "0.9.4",
              default=0),
        Field("peak", "@peak", RATE, "Highest rate in kB/s. Linux ignores it for outbound traffic.", "0.9.4",
              default=0),
        Field("burst", "@burst", BURST, "How much may be sent in one burst at peak rate, in KiB.", "0.9.4", default=0),
        Field("floor", "@floor", RATE, ["Rate in kB/s that is guaranteed to one guest interface.",
                                        "libvirt takes it only inbound, on an interface or a port of a network that"
                                        " has an inbound average."], "1.0.1", default=0),
    ), since="0.9.4", rules=(_needs_average,), simplify=_without_average)


def _no_floor(where: str, directions: tuple[str, ...]) -> tuple[Rule, ...]:
    def rule(options: Options) -> None:
        for direction in directions:
            if options.get(direction, {}).get("floor"):
                raise Invalid(Path(direction, "floor"), "libvirt does not take a floor %s" % where)

    return (rule,)


def _no_class_id(options: Options) -> None:
    if options.get("class_id"):
        raise Invalid("class_id", "libvirt takes a class only on a port")


def bandwidth(about: str, floor: bool = False, class_id: bool = False) -> Group:
    """The bandwidth element; ``floor`` and ``class_id`` say whether libvirt takes them in this place."""
    rules = _no_floor("outbound", ("outbound",)) if floor else _no_floor("in this place", ("inbound", "outbound"))
    return Group("bandwidth", "bandwidth", about, (
        Field("class_id", "@classID", UINT64, "Traffic class of a port; made by libvirt, taken only on ports.",
              filled=class_id, default=0),
        _direction("inbound", "Traffic to the guests."),
        _direction("outbound", "Traffic from the guests."),
    ), since="0.9.4", rules=rules + (() if class_id else (_no_class_id,)))
