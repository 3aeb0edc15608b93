# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt takes into a guest's configuration, and then starts no guest with.

``docs/refusals.md`` is made of the table at the end.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Callable, NamedTuple

from ...documents.filterref import LEARNING, unreadable_values
from ...documents.interface import TAPS
from ...documents.network import connection_of
from ...schema.errors import Invalid, Path
from ...schema.options import Options, is_empty, option
from ...schema.scalars import without_odd
from .cards import Card
from .promise import InterfacePlan
from .running import network_like
from .wanted import Aim

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

Problem = tuple[Path, str]
SEVERAL_QUEUES = (*TAPS, "direct", "hostdev", "vhostuser", "vdpa")
# what QEMU takes, and the kernel of the queues of a tap
MOST_QUEUES, QUEUE_SIZES, MOST_INDEXES = 256, (256, 512, 1024), 16383
HYPERVISORS = ("qemu", "kvm", "hvf")
PLACE = ("domain", "bus", "slot", "function")


def refuse_unstartable(aim: Aim, plan: InterfacePlan, layer: str, wanted: Options, card: Card | None) -> None:
    """Refuses it where the guest runs, and warns of it where it does not; what was there before is not judged."""
    known = set(_problems(aim, card.options)) if card else set()
    for path, problem in _problems(aim, wanted):
        if (path, problem) in known:
            continue
        if layer == "live":
            raise Invalid(path, problem)
        plan.warnings.append("%s: %s; guest %s does not start so" % (path, problem, aim.guest))


def refuse_taken_place(aim: Aim, layer: str, wanted: Options, card: Card | None) -> None:
    """Refuses the PCI address that another device of the guest has."""
    place, guest = _place(wanted), aim.record.config if layer == "config" else aim.record.live
    if guest is None or place is None or (card and place == _place(card.options)):
        return
    if any(place == _numbers(address) for address in guest.iterfind("devices/*/address[@type='pci']")):
        raise Invalid("address", "%s is the place of another device of guest %s; leave it out to have one found"
                      % ("%04x:%02x:%02x.%x" % place, aim.guest))


def refuse_addresses(aim: Aim, wanted: Options, card: Card | None) -> None:
    """Refuses what QEMU cannot tell a guest of its addresses."""
    wanted = without_odd(wanted)
    passt, versions = option(wanted, "backend", "type") == "passt", []
    if not _is_of_qemu(aim) or (card and wanted.get("ips") == card.options.get("ips")):
        return
    for index, ip in enumerate(wanted.get("ips") or []):
        if wanted["type"] != "user" and not (wanted["type"] == "vhostuser" and passt):
            raise Invalid("ips", "is not taken by type %s with QEMU, only by user; a guest gets its addresses from its"
                          " network" % wanted["type"])
        version = ipaddress.ip_address(ip["address"]).version
        if version in versions:
            raise Invalid(Path("ips", index), "is the second of IPv%d, of which QEMU takes one" % version)
        versions.append(version)


def _is_of_qemu(aim: Aim) -> bool:
    document = aim.record.config if aim.record.live is None else aim.record.live
    return document is not None and document.get("type") in HYPERVISORS


def _place(options: Options) -> tuple[int, ...] | None:
    address = options.get("address") or {}
    if address.get("type") != "pci" or is_empty(address.get("slot")):
        return None
    return tuple(_number(address.get(part)) for part in PLACE)


def _numbers(address: Element) -> tuple[int, ...]:
    return tuple(_number(address.get(part)) for part in PLACE)


def _number(text: object) -> int:
    return int(str(text), 0) if text is not None else 0


def _problems(aim: Aim, options: Options) -> Iterator[Problem]:
    options = without_odd(options)
    for _what, of_qemu, find in UNSTARTABLE:
        if _is_of_qemu(aim) or not of_qemu:
            yield from find(aim, options)


def _scripts(_aim: Aim, options: Options) -> Iterator[Problem]:
    if options.get("script") and options["type"] != "ethernet":
        yield Path("script"), "is not taken by type %s, only by ethernet" % options["type"]


def _queues(_aim: Aim, options: Options) -> Iterator[Problem]:
    kind, queues = options["type"], option(options, "driver", "queues") or 1
    if queues > 1 and kind not in SEVERAL_QUEUES:
        yield Path("driver", "queues"), "type %s has one queue" % kind
    elif queues > MOST_QUEUES:
        yield Path("driver", "queues"), "%d are too many; the kernel takes at most %d" % (queues, MOST_QUEUES)


def _queue_sizes(_aim: Aim, options: Options) -> Iterator[Problem]:
    for name in ("rx_queue_size", "tx_queue_size"):
        size = option(options, "driver", name)
        if size and size not in QUEUE_SIZES:
            yield Path("driver", name), "%d is not taken by QEMU; give one of %s" % (
                size, ", ".join(map(str, QUEUE_SIZES)))


def _indexes(_aim: Aim, options: Options) -> Iterator[Problem]:
    index = option(options, "acpi", "index") or 0
    if index > MOST_INDEXES:
        yield Path("acpi", "index"), "%d is not taken by QEMU; give one from 1 to %d" % (index, MOST_INDEXES)


def _groups(_aim: Aim, options: Options) -> Iterator[Problem]:
    group = option(options, "source", "address")
    if options["type"] == "mcast" and group and not ipaddress.ip_address(group).is_multicast:
        yield Path("source", "address"), "%s is no multicast address; give one of 224.0.0.0/4" % group


def _values(_aim: Aim, options: Options) -> Iterator[Problem]:
    return unreadable_values(options.get("filterref") or {})


def _of_taps(aim: Aim, options: Options) -> Iterator[Problem]:
    network = network_like(options, aim.found.networks) if options["type"] == "network" else None
    connection = connection_of(network) if network is not None else ""
    for path in (Path("filterref"), Path("port", "isolated")):
        if connection and "bridge" not in connection and option(options, *path):
            yield path, "is not taken on network %s, whose guests have %s" % (
                option(options, "source", "network"), connection)


class Unstartable(NamedTuple):
    """What no guest starts with, whether only QEMU does not, and who finds it in the options of an interface."""

    what: str
    of_qemu: bool
    find: Callable[[Aim, Options], Iterator[Problem]]


UNSTARTABLE = (
    Unstartable("`script` of another type than ethernet", True, _scripts),
    Unstartable("`driver.queues`: several of a type without a tap, a queue of vhost or a function, or more than %d"
                % MOST_QUEUES, True, _queues),
    Unstartable("`driver.rx_queue_size`, `driver.tx_queue_size`: another one than %s" % (
        ", ".join(map(str, QUEUE_SIZES))), True, _queue_sizes),
    Unstartable("`acpi.index` of more than %d" % MOST_INDEXES, True, _indexes),
    Unstartable("`source.address` of type mcast that is no multicast address", True, _groups),
    Unstartable("`filterref.parameters[]`: IP, IPV6 or DHCPSERVER that is no address, CTRL_IP_LEARNING other than %s"
                % ", ".join(LEARNING), False, _values),
    Unstartable("`filterref`, `port.isolated` on a network of macvtap devices or PCI functions", False, _of_taps),
)
