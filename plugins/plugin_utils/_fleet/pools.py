# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned of: subnets, VLAN ids or MACs, each as places that are numbered from 0 on."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple, Union

IpNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Span = tuple[int, int]  # the first and the last place


class Pool(NamedTuple):
    """``value`` is what a place stands for; ``normal`` spells a value so; ``spans`` are the places that a value has
    something of, and raises ValueError for what is none."""

    words: str
    size: int
    value: Callable[[int], Any]
    normal: Callable[[Any], Any]
    spans: Callable[[Any], list[Span]]

    def place(self, value: Any) -> int | None:
        """The place of just this value, None where it is not one of the pool."""
        spans = self.spans(value)
        if len(spans) != 1 or spans[0][0] != spans[0][1]:
            return None
        return spans[0][0] if self.value(spans[0][0]) == self.normal(value) else None


class Spans:
    """Places that are taken."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._all: list[list[int]] = []
        for first, last in sorted(spans):
            if self._all and first <= self._all[-1][1] + 1:
                self._all[-1][1] = max(last, self._all[-1][1])
            else:
                self._all.append([first, last])
        self.count = sum(last - first + 1 for first, last in self._all)

    def end(self, place: int) -> int | None:
        """The last of the places taken in a row of which this is one, None where it is free."""
        at = bisect_right(self._all, [place, float("inf")]) - 1
        return self._all[at][1] if at >= 0 and self._all[at][1] >= place else None


# --- subnets


def subnets(given: Any, prefix: int) -> Pool:
    """Subnets of one size, of one or several larger ones."""
    blocks = [_block(text) for text in (given if isinstance(given, list) else [given])]
    if not blocks or len({block.version for block in blocks}) > 1:
        raise ValueError("pool: %s is not allowed; give subnets of IPv4, or of IPv6" % (given,))
    for one, other in zip(sorted(blocks, key=_first), sorted(blocks, key=_first)[1:]):
        if one.overlaps(other):
            raise ValueError("pool: %s and %s overlap" % (one, other))
    longest = blocks[0].max_prefixlen
    least = max(block.prefixlen for block in blocks)
    if not isinstance(prefix, int) or isinstance(prefix, bool) or not least <= prefix <= longest - 2:
        raise ValueError("prefix: %s is not allowed; give a whole number from %d to %d" % (prefix, least, longest - 2))
    size = 1 << (longest - prefix)
    starts = [0]
    for block in blocks:
        starts.append(starts[-1] + (block.num_addresses // size))

    def value(place: int) -> str:
        at = bisect_right(starts, place) - 1
        return "%s/%d" % (type(blocks[0].network_address)(_first(blocks[at]) + (place - starts[at]) * size), prefix)

    def spans(text: Any) -> list[Span]:
        network = _network(text)
        found = []
        for start, block in zip(starts, blocks):
            if network.version == block.version and network.overlaps(block):
                first = max(_first(network), _first(block))
                last = min(_last(network), _last(block))
                found.append((start + (first - _first(block)) // size, start + (last - _first(block)) // size))
        return found

    return Pool("%s in subnets of /%d" % (", ".join(map(str, blocks)), prefix), starts[-1], value,
                lambda text: str(_network(text)), spans)


def _network(text: Any) -> IpNetwork:
    return ipaddress.ip_network(str(text), strict=False)


def _block(text: Any) -> IpNetwork:
    try:
        return ipaddress.ip_network(str(text))
    except ValueError as error:
        raise ValueError("pool: %s is not allowed; give a subnet such as 10.64.0.0/12" % (text,)) from error


def _first(network: IpNetwork) -> int:
    return int(network.network_address)


def _last(network: IpNetwork) -> int:
    return int(network.broadcast_address)


# --- VLAN ids


def vlans(given: Any) -> Pool:
    """VLAN ids, given as numbers and ranges."""
    ids = sorted({number for part in (given if isinstance(given, list) else str(given).split(","))
                  for number in _ids(str(part).strip())})
    places = {number: place for place, number in enumerate(ids)}

    def spans(value: Any) -> list[Span]:
        number = int(value)
        return [(places[number], places[number])] if number in places else []

    return Pool("VLANs %s" % (given,), len(ids), ids.__getitem__, int, spans)


def _ids(part: str) -> range:
    found = re.fullmatch(r"([0-9]{1,4})(?: *- *([0-9]{1,4}))?", part)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= 4094:
        raise ValueError("pool: %s is not allowed; give VLAN ids and ranges from 1 to 4094, such as 100-199,300" % part)
    return range(first, last + 1)


# --- MACs

OCTET = "[0-9a-f]{2}"


def macs(given: Any) -> Pool:
    """MACs that begin alike."""
    start = str(given).lower().rstrip(":")
    octets = start.split(":")
    if not re.fullmatch("%s(:%s){2,4}" % (OCTET, OCTET), start) or int(octets[0], 16) & 1 or octets[0] == "fe":
        raise ValueError("pool: %s is not allowed; give the first 3 to 5 octets of MACs that are no groups and that"
                         " libvirt does not keep for its taps (fe), such as 52:54:00:aa" % (given,))
    rest = 6 - len(octets)

    def value(place: int) -> str:
        return ":".join([*octets, *("%02x" % octet for octet in place.to_bytes(rest, "big"))])

    def normal(text: Any) -> str:
        return str(text).lower()

    def spans(text: Any) -> list[Span]:
        mac = normal(text)
        if not re.fullmatch("%s(:%s){5}" % (OCTET, OCTET), mac):
            raise ValueError("%s is no MAC" % (text,))
        place = int(mac.replace(":", "")[-2 * rest:], 16)
        return [(place, place)] if mac.startswith(start + ":") else []

    return Pool("MACs of %s" % start, 256 ** rest, value, normal, spans)
