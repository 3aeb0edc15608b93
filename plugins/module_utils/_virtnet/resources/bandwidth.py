# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bandwidth beyond the documents: what the kernel's tc should have of it, and how much floor a network has left.

libvirt limits what a device sends by the HTB class 1:1 and what it receives by a policer. A guest receives what its tap
sends; a macvtap device is on the guest's side of the wire. Pure: what tc has comes as data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..engine.plan import Drift
from ..schema.errors import Invalid, Path
from ..schema.options import Options

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

RATE = 1000  # bytes per second in tc for each kilobyte of libvirt's
BURST = 1024
RATES = ("average", "peak", "burst", "floor")
LARGEST_RATE = 0xFFFFFFFF  # of the field that is read
LONGEST_BURST = 270  # seconds at the average rate, from which on tc cannot say it
BURST_SLACK = 0.02  # a burst is kept as the time that it takes


def _rates(bandwidth: Options | None, direction: str) -> Options:
    """What can be reckoned with."""
    rates = (bandwidth or {}).get(direction) or {}
    return {name: rate for name, rate in rates.items() if isinstance(rate, int)}


def tap_drift(bandwidth: Options | None, traffic: Options | None, macvtap: bool = False) -> Iterator[Drift]:
    """Where the limits of a guest's device differ from its bandwidth."""
    if traffic is None:
        return
    sends, receives = ("outbound", "inbound") if macvtap else ("inbound", "outbound")
    yield from _sent(sends, _rates(bandwidth, sends), traffic)
    yield from _received(receives, _rates(bandwidth, receives), traffic)


def bridge_drift(bandwidth: Options | None, traffic: Options | None) -> Iterator[Drift]:
    """Where the limits of a network's bridge differ from its bandwidth.

    libvirt itself loses the burst of what goes to the guests when one with a floor comes, so that is not compared.
    """
    if traffic is None:
        return
    yield from _sent("inbound", dict(_rates(bandwidth, "inbound"), burst=0), traffic)
    yield from _received("outbound", _rates(bandwidth, "outbound"), traffic)


def _sent(direction: str, rates: Options, traffic: Options) -> Iterator[Drift]:
    if rates.get("average"):
        found = traffic["sent"].get("1")
        yield from _differences(direction, "average", rates["average"], found and found["rate"])
        yield from _differences(direction, "peak", rates.get("peak") or rates["average"], found and found["ceil"])
        yield from _burst(direction, rates, found)


def _received(direction: str, rates: Options, traffic: Options) -> Iterator[Drift]:
    if rates.get("average"):
        found = traffic["received"]
        yield from _differences(direction, "average", rates["average"], found and found["rate"])
        yield from _burst(direction, rates, found)


def floor_drift(floor: int, class_id: int | None, bridge: Options | None) -> Iterator[Drift]:
    """Where the traffic class of a guest in its network's bridge differs from its floor."""
    if floor and class_id and bridge is not None:
        found = bridge["sent"].get(str(class_id))
        yield from _differences("inbound", "floor", floor, found and found["rate"])


def _differences(direction: str, name: str, wanted: int, found: int | None) -> Iterator[Drift]:
    if found != min(wanted * RATE, LARGEST_RATE):
        current = None if found is None else found // RATE if found % RATE == 0 else found / RATE
        yield Drift("kernel", Path("bandwidth", direction, name), wanted, current)


def _burst(direction: str, rates: Options, found: Options | None) -> Iterator[Drift]:
    wanted = (rates.get("burst") or 0) * BURST
    rate = rates["average"] * RATE
    if not wanted or rate > LARGEST_RATE or wanted / rate > LONGEST_BURST:
        return
    if found is None or abs(found["burst"] - wanted) > wanted * BURST_SLACK:
        yield Drift("kernel", Path("bandwidth", direction, "burst"), rates["burst"],
                    found and round(found["burst"] / BURST, 1))


def rates(options: Options) -> dict[str, int]:
    """The bandwidth of a port or interface by libvirt's parameter names (inbound.average, …), 0 for none."""
    bandwidth = options.get("bandwidth")
    return {"%s.%s" % (direction, rate): _rates(bandwidth, direction).get(rate) or 0
            for direction in ("inbound", "outbound") for rate in RATES if (direction, rate) != ("outbound", "floor")}


def refuse_floor(bandwidth: Options | None, name: str, network: Options | None, others: Iterable[int],
                 configured: Options | None = None) -> None:
    """Refuses a floor that the network ``name`` cannot keep; ``others`` are the floors of its other ports.

    ``configured`` is what the network will be when it has been started again.
    """
    floor = _rates(bandwidth, "inbound").get("floor") or 0
    if not floor or network is None:
        return
    rates = _rates(network.get("bandwidth"), "inbound")
    limit, word = (rates["peak"], "peak") if rates.get("peak") else (rates.get("average") or 0, "average")
    path = Path("bandwidth", "inbound", "floor")
    if not limit and _rates((configured or {}).get("bandwidth"), "inbound").get("average"):
        raise Invalid(path, "%d needs bandwidth.inbound.average of network %s, which waits in its configuration until"
                      " the network is started again (module network, restart: always)" % (floor, name))
    if not limit:
        raise Invalid(path, "%d needs a network with bandwidth.inbound.average, which %s has not" % (floor, name))
    if floor + sum(others) > limit:
        raise Invalid(path, "%d is too much; network %s has an inbound %s of %d kB/s, of which %d are guaranteed to"
                      " others" % (floor, name, word, limit, sum(others)))


def floors(ports: Iterable[Element], but: str | None) -> list[int]:
    """The floors in kB/s of ports, given as libvirt's documents, without that of the port with UUID ``but``."""
    found = [port.find("bandwidth/inbound") for port in ports if port.findtext("uuid") != but]
    return [int(inbound.get("floor") or 0) for inbound in found if inbound is not None]


def can_set(old: dict[str, int], new: dict[str, int]) -> bool:
    """libvirt-python sets only the parameters that a port has, so it cannot bring in a direction."""
    return all(any(value for name, value in old.items() if name.startswith(direction))
               for direction in ("inbound", "outbound")
               if any(value for name, value in new.items() if name.startswith(direction)))
