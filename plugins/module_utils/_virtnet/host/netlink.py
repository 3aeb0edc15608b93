# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of this network namespace as plain data, by netlink, with the standard library alone.

Every task reads them, and a library for netlink takes longer to import than this takes to answer. The upper part is
pure, from the bytes of messages to data; the lower part asks the kernel. The numbers are those of the kernel's
linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h and neighbour.h.
"""

from __future__ import annotations

import errno
import os
import socket
from struct import Struct

TYPE_CHECKING = False  # as typing has it, which is not imported for it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypedDict

    Table = dict[int, tuple[str, Callable[[bytes], Any]]]

    class Route(TypedDict):
        destination: str
        gateway: str
        metric: int

    class Vlan(TypedDict):
        id: int
        link: str | None  # the name of the device whose frames it tags; None where that is in another namespace

    class Vlans(TypedDict):
        pvid: int | None  # the VLAN of what comes in without a tag
        untagged: list[int]  # those that go out without one
        vids: list[int]  # all

    class Device(TypedDict):
        index: int
        up: bool
        mtu: int | None
        mac: str | None
        master: str | None  # the name of the device that it is in
        kind: str | None  # bridge, veth, tun; None of hardware
        vlan: Vlan | None  # None unless it is a VLAN device
        stp: bool | None  # None unless it is a bridge, as is the delay
        delay: float | None  # in seconds
        port: dict[str, int]  # the settings that it has as a port of a bridge
        vlans: Vlans | None  # those that it is in, as a port of a bridge that filters them or as such a bridge itself
        addresses: list[str]
        routes: list[Route]  # those with a gateway, of all tables
        fdb: list[list[str | int | None]]  # MAC addresses, with their VLANs, that its bridge was told to find there

    class Way(TypedDict):
        device: str | None  # by which it leaves the host
        refused: str  # the kernel's error, by its name, where it does not


HZ = 100  # the unit of bridge timers in netlink is 1/100 s
BUFFER = 0x10000  # a message is no longer, and the kernel sends up to 32 KiB at once
ATTEMPTS = 10
TIMEOUT = 60  # seconds; the kernel answers at once, but no task shall hang

# nlmsghdr: length, type, flags, sequence number, port
MESSAGE = Struct("=IHHII")
NOOP, ERROR, DONE, OVERRUN = 1, 2, 3, 4
REQUEST, ACKNOWLEDGE, DUMP, DUMP_INTERRUPTED = 0x001, 0x004, 0x300, 0x010
NEW_LINK, NEW_ADDRESS, NEW_ROUTE, NEW_NEIGHBOUR = 16, 20, 24, 28
GET = 2  # from the type of an answer to that of its request
SET_LINK, PORT_INFO = 19, 12 | 0x8000  # a nested attribute
DELETE_LINK, SPECIFIC, VLAN_INFO = 17, 26, 2
VLANS_OF, VLANS_OF_BRIDGE = 0, b"\2\0"  # IFLA_BRIDGE_FLAGS: BRIDGE_FLAGS_SELF
EXTENDED, VLANS_COMPRESSED = 29, 4  # else those of a trunk are too many for a message

CODE = Struct("=i")
ATTRIBUTE = Struct("=HH")  # nlattr: length, number
NUMBER = 0x3FFF  # of an attribute, without the flags for nested and network byte order

LINK = Struct("=B3xiI4x")  # ifinfomsg: family, index, flags
ADDRESS = Struct("=BB2xI")  # ifaddrmsg: family, length of the prefix, index
ROUTE = Struct("=BB6xI")  # rtmsg: family, length of the destination, flags
WAY = Struct("=BBB5xI")  # the same of a request: family, lengths of destination and source, flags
NEIGHBOUR = Struct("=B3xiHBx")  # ndmsg: family, index, state, flags
VLAN = Struct("=HH")  # bridge_vlan_info: flags, id
PVID, UNTAGGED, FIRST, LAST = 0x02, 0x04, 0x08, 0x10

UP = 0x1
CLONED = 0x200  # of a route: what the kernel learned of one destination of another route
SELF, STATIC = 0x02, 0x40  # NTF_SELF and NUD_NOARP
FAMILIES: dict[int, str] = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}


# --- pure: bytes to data


def text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def mac(data: bytes) -> str | None:
    return data.hex(":") or None


def ip(data: bytes) -> str | None:
    family = {4: socket.AF_INET, 16: socket.AF_INET6}.get(len(data))
    return socket.inet_ntop(family, data) if family else None


def number(layout: str) -> Callable[[bytes], int | None]:
    structure = Struct("=" + layout)

    def decode(data: bytes) -> int | None:
        return structure.unpack_from(data)[0] if len(data) >= structure.size else None

    return decode


def nested(table: Table) -> Callable[[bytes], dict[str, Any]]:
    return lambda data: attributes(data, table)


u8, u16, u32 = number("B"), number("H"), number("I")

OF_INFO: Table = {1: ("kind", text), 2: ("data", bytes), 4: ("port_kind", text), 5: ("port_data", bytes)}
OF_LINK: Table = {
    1: ("mac", mac),
    3: ("name", text),
    4: ("mtu", u32),
    5: ("link", u32),
    10: ("master", u32),
    18: ("info", nested(OF_INFO)),
    37: ("link_namespace", u32),
}
OF_BRIDGE: Table = {1: ("delay", u32), 5: ("stp", u32), 7: ("filters_vlans", u8)}
OF_VLAN: Table = {1: ("id", u16)}
OF_PORT: Table = {
    4: ("brport_mode", u8),
    5: ("brport_guard", u8),
    6: ("brport_protect", u8),
    8: ("brport_learning", u8),
    9: ("brport_unicast_flood", u8),
    27: ("brport_mcast_flood", u8),
    30: ("brport_bcast_flood", u8),
    33: ("brport_isolated", u8),
}
OF_ADDRESS: Table = {1: ("address", ip), 2: ("local", ip)}
OF_ROUTE: Table = {1: ("destination", ip), 4: ("index", u32), 5: ("gateway", ip), 6: ("metric", u32)}
OF_NEIGHBOUR: Table = {2: ("mac", mac), 5: ("vlan", u16)}


def malformed(what: str) -> OSError:
    return OSError(errno.EBADMSG, "%s of the kernel is cut off" % what)


def answer(data: bytes, kind: int) -> tuple[list[bytes], bool]:
    """The bodies of the messages of one type in what was received, and whether they were the last.

    OSError when the kernel could not answer, or when what it lists changed meanwhile (EBUSY).
    """
    bodies, at = [], 0
    while at < len(data):
        if len(data) - at < MESSAGE.size:
            raise malformed("a header")
        length, found, flags, _sequence, _port = MESSAGE.unpack_from(data, at)
        if not MESSAGE.size <= length <= len(data) - at:
            raise malformed("a message")
        if flags & DUMP_INTERRUPTED:
            raise OSError(errno.EBUSY, "what the kernel lists changed while it was read")
        body = data[at + MESSAGE.size:at + length]
        if found == kind:
            bodies.append(body)
        elif found != NOOP and ends(found, body):
            return bodies, True
        at += aligned(length)
    return bodies, False


def ends(kind: int, body: bytes) -> bool:
    """Whether this message is the end of the answer. Its last one has a code too, when the kernel had to give up."""
    if kind == OVERRUN:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
    if kind not in (ERROR, DONE):
        return False
    if kind == ERROR and len(body) < CODE.size:
        raise malformed("an error")
    code = CODE.unpack_from(body)[0] if len(body) >= CODE.size else 0
    if code < 0:
        raise OSError(-code, os.strerror(-code))
    return True


def aligned(length: int) -> int:
    return (length + 3) & ~3


def attributes(data: bytes, table: Table, at: int = 0) -> dict[str, Any]:
    """The attributes that a table knows, by their names there; others are skipped, and so is what is cut off."""
    found: dict[str, Any] = {}
    for kind, content in every_attribute(data, at):
        if kind in table:
            name, decode = table[kind]
            value = decode(content)
            if value is not None:
                found.setdefault(name, value)
    return found


def every_attribute(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    while len(data) - at >= ATTRIBUTE.size:
        length, flagged = ATTRIBUTE.unpack_from(data, at)
        if not ATTRIBUTE.size <= length <= len(data) - at:
            break
        yield flagged & NUMBER, data[at + ATTRIBUTE.size:at + length]
        at += aligned(length)


def vlans(data: bytes) -> Vlans:
    """The VLANs of a port, of which the kernel lists the first and the last of a row."""
    found: Vlans = {"pvid": None, "untagged": [], "vids": []}
    first = 0
    for kind, content in every_attribute(data):
        if kind != VLAN_INFO or len(content) < VLAN.size:
            continue
        flags, last = VLAN.unpack_from(content)
        if flags & FIRST:
            first = last
            continue
        row = range(first if flags & LAST else last, last + 1)
        found["vids"] += row
        found["untagged"] += row if flags & UNTAGGED else ()
        found["pvid"] = last if flags & PVID else found["pvid"]
    return found


def fields(body: bytes, header: Struct) -> tuple[int, ...]:
    """What stands in a message before its attributes."""
    if len(body) < header.size:
        raise malformed("a message")
    return header.unpack_from(body)


def devices(links: Iterable[bytes], addresses: Iterable[bytes], routes: Iterable[bytes],
            neighbours: Iterable[bytes], ports: Iterable[bytes] = ()) -> dict[str, Device]:
    """Every device by name, of the bodies of messages. What belongs to a device that is not there is left out."""
    read = [(fields(body, LINK), attributes(body, OF_LINK, LINK.size)) for body in links]
    names = {index: found["name"] for (_family, index, _flags), found in read if found.get("name")}
    by_index = {index: _device(index, flags, found, names)
                for (_family, index, flags), found in read if index in names}
    for body in addresses:
        _add_address(body, by_index)
    for body in routes:
        _add_route(body, by_index)
    for body in neighbours:
        _add_neighbour(body, by_index)
    filtering = {found.get("name") for _header, found in read if _bridge(found).get("filters_vlans")}
    for body in ports if filtering else ():
        _add_vlans(body, by_index, names, filtering)
    return {names[index]: device for index, device in by_index.items()}


def _device(index: int, flags: int, found: dict[str, Any], names: dict[int, str]) -> Device:
    info = found.get("info", {})
    bridge = _bridge(found) if info.get("kind") == "bridge" and "data" in info else None
    return {
        "index": index,
        "up": bool(flags & UP),
        "mtu": found.get("mtu"),
        "mac": found.get("mac"),
        "master": names.get(found.get("master", 0)),
        "kind": info.get("kind"),
        "vlan": _vlan(found, names) if info.get("kind") == "vlan" else None,
        "stp": None if bridge is None else bool(bridge.get("stp")),
        "delay": bridge["delay"] / HZ if bridge and "delay" in bridge else None,
        "port": attributes(info["port_data"], OF_PORT)
        if info.get("port_kind") == "bridge" and "port_data" in info else {},
        "vlans": None,
        "addresses": [],
        "routes": [],
        "fdb": [],
    }


def _bridge(found: dict[str, Any]) -> dict[str, Any]:
    info = found.get("info", {})
    return attributes(info.get("data", b""), OF_BRIDGE) if info.get("kind") == "bridge" else {}


def _vlan(found: dict[str, Any], names: dict[int, str]) -> Vlan | None:
    tag = attributes(found["info"].get("data", b""), OF_VLAN).get("id")
    elsewhere = "link_namespace" in found
    return None if tag is None else {"id": tag, "link": None if elsewhere else names.get(found.get("link", 0))}


def _add_address(body: bytes, by_index: dict[int, Device]) -> None:
    family, prefix, index = fields(body, ADDRESS)
    found = attributes(body, OF_ADDRESS, ADDRESS.size)
    address = found.get("local") or found.get("address")  # with a peer, the address is the peer's
    if index in by_index and family in FAMILIES and address:
        by_index[index]["addresses"].append("%s/%d" % (address, prefix))


def _add_route(body: bytes, by_index: dict[int, Device]) -> None:
    """A route with one gateway of its own family; those with several have the devices within, and are not libvirt's."""
    family, prefix, flags = fields(body, ROUTE)
    found = attributes(body, OF_ROUTE, ROUTE.size)
    device = by_index.get(found.get("index", 0))
    if device and family in FAMILIES and not flags & CLONED and "gateway" in found:
        device["routes"].append({
            "destination": "%s/%d" % (found.get("destination", FAMILIES[family]), prefix),
            "gateway": found["gateway"],
            "metric": found.get("metric", 0),
        })


def _add_neighbour(body: bytes, by_index: dict[int, Device]) -> None:
    _family, index, state, flags = fields(body, NEIGHBOUR)
    if index in by_index and state & STATIC and not flags & SELF:
        found = attributes(body, OF_NEIGHBOUR, NEIGHBOUR.size)
        if "mac" in found:
            by_index[index]["fdb"].append([found["mac"], found.get("vlan")])


def _add_vlans(body: bytes, by_index: dict[int, Device], names: dict[int, str], filtering: set[str | None]) -> None:
    """What a bridge says of a port or of itself; a card that is a switch of its own has its say after that."""
    _family, index, _flags = fields(body, LINK)
    device = by_index.get(index)
    if device and device["vlans"] is None and filtering & {names[index], device["master"]}:
        device["vlans"] = attributes(body, {SPECIFIC: ("vlans", vlans)}, LINK.size).get("vlans", vlans(b""))


# --- asking the kernel


def read_devices() -> dict[str, Device]:
    """Every device by name. OSError when the kernel does not tell."""
    links = dump(NEW_LINK, LINK.pack(socket.AF_UNSPEC, 0, 0))
    addresses = dump(NEW_ADDRESS, ADDRESS.pack(socket.AF_UNSPEC, 0, 0))
    routes = [body for family in FAMILIES for body in dump(NEW_ROUTE, ROUTE.pack(family, 0, 0))
              if body[:1] == bytes([family])]  # without IPv6 the kernel answers with all routes instead
    neighbours = dump(NEW_NEIGHBOUR, NEIGHBOUR.pack(socket.AF_BRIDGE, 0, 0, 0))
    ports = dump(NEW_LINK, LINK.pack(socket.AF_BRIDGE, 0, 0) + attribute(EXTENDED, CODE.pack(VLANS_COMPRESSED)))
    return devices(links, addresses, routes, neighbours, ports)


def read_way(comes: str, source: str, target: str) -> Way:
    """Which way the kernel sends what comes in by a device, as its routes and rules are now.

    Without ``comes`` and ``source``, what the host sends itself.
    """
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    there, here = (socket.inet_pton(family, address) if address else b"" for address in (target, source))
    try:
        asked = WAY.pack(family, 8 * len(there), 8 * len(here), 0) + attribute(1, there)
        if comes:
            asked += attribute(2, here) + attribute(3, CODE.pack(socket.if_nametoindex(comes)))
        answers = ask(NEW_ROUTE, NEW_ROUTE + GET, ACKNOWLEDGE, asked)
        by = attributes(answers[0], OF_ROUTE, ROUTE.size)["index"]
        return {"device": socket.if_indextoname(by), "refused": ""}
    except OSError as error:
        return {"device": None, "refused": errno.errorcode.get(error.errno or errno.ENODEV, str(error))}


def set_port(index: int, settings: dict[str, int]) -> None:
    """Has settings of a device as a port of its bridge be as :func:`read_devices` says them."""
    port = b"".join(attribute(kind, bytes([settings[setting]])) for kind, (setting, _decode) in OF_PORT.items()
                    if setting in settings)
    ask(SET_LINK, SET_LINK, ACKNOWLEDGE, LINK.pack(socket.AF_BRIDGE, index, 0)
        + attribute(PORT_INFO, port))


def set_vlans(index: int, now: Vlans, wanted: Vlans, of_bridge: bool = False) -> None:
    """Has the VLANs of a port of a bridge, or of a bridge itself, be as :func:`read_devices` says them.

    They are never more than now or then.
    """
    meant = attribute(VLANS_OF, VLANS_OF_BRIDGE) if of_bridge else b""
    there, then = ({vid: (PVID if vid == one["pvid"] else 0) | (UNTAGGED if vid in one["untagged"] else 0)
                    for vid in one["vids"]} for one in (now, wanted))
    for request, entries in ((DELETE_LINK, {vid: 0 for vid in there if vid not in then}),
                             (SET_LINK, {vid: flags for vid, flags in then.items() if there.get(vid) != flags})):
        if entries:
            ask(request, request, ACKNOWLEDGE, LINK.pack(socket.AF_BRIDGE, index, 0) + attribute(SPECIFIC, b"".join(
                attribute(VLAN_INFO, VLAN.pack(flags, vid)) for vid, flags in entries.items()) + meant))


def attribute(kind: int, value: bytes) -> bytes:
    length = ATTRIBUTE.size + len(value)
    return (ATTRIBUTE.pack(length, kind) + value).ljust(aligned(length), b"\0")


def dump(kind: int, body: bytes, get: int = GET, protocol: int = socket.NETLINK_ROUTE) -> list[bytes]:
    """The bodies of all messages of a type; asked for again when what they tell changed, or when some were lost."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            return ask(kind, kind + get, DUMP, body, protocol)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOBUFS):
                raise
    return ask(kind, kind + get, DUMP, body, protocol)


def ask(kind: int, request: int, flags: int, body: bytes, protocol: int = socket.NETLINK_ROUTE) -> list[bytes]:
    """The bodies of the messages of a type that answer a request."""
    # A new socket each time: what an earlier request still has to say is not read by mistake.
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as connection:
        connection.settimeout(TIMEOUT)
        connection.bind((0, 0))
        header = MESSAGE.pack(MESSAGE.size + len(body), request, REQUEST | flags, 1, 0)
        connection.sendto(header + body, (0, 0))
        found: list[bytes] = []
        finished = False
        while not finished:
            data, _ancillary, flags, sender = connection.recvmsg(BUFFER)
            if flags & socket.MSG_TRUNC:
                raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            if sender[0] == 0:  # the kernel
                bodies, finished = answer(data, kind)
                found += bodies
        return found
