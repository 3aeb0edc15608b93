# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of legacy iptables, which nftables does not show, as chains like those of ``firewall``.

The kernel hands out a table as it keeps it (linux/netfilter_ipv4/ip_tables.h, ip6_tables.h): one entry a rule, with
matches and a target. Only tables that are there are asked for, since asking makes them. A table is named
"legacy-filter" here, for one of nftables may have the same name.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from ctypes import Structure, c_char, c_int, c_ubyte, c_uint, c_uint16, c_ulonglong, sizeof
from typing import Any, NamedTuple

from .errors import KernelError

GET_INFO, GET_ENTRIES = 64, 65
TRIES = 5  # a table that changes while it is read is read again
IS_GOTO = 0x02
VERDICTS = {-1: "drop", -2: "accept", -4: "queue", -5: "return"}  # all others are where to jump to
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
NAT_PRIORITIES = {"prerouting": -100, "output": -100}
TRANSLATED = 100
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
NOT_IIF, NOT_OIF, _NOT_TOS, NOT_SOURCE, NOT_TARGET, _NOT_FRAGMENT, NOT_PROTOCOL = (1 << bit for bit in range(7))
NOT_SOURCE_PORT, NOT_TARGET_PORT = 1, 2
ANY_PORT = (0, 65535)
COMMENT, OF_USER = "comment", "ERROR"

Chains = dict[str, dict[str, Any]]


class Info(Structure):
    """Of a table; places are offsets of entries, by hook."""

    _fields_ = (("name", c_char * 32), ("hooks", c_uint), ("starts", c_uint * 5), ("policies", c_uint * 5),
                ("number", c_uint), ("size", c_uint))


class Devices(Structure):
    _fields_ = (("iif", c_char * 16), ("oif", c_char * 16), ("iif_mask", c_ubyte * 16), ("oif_mask", c_ubyte * 16),
                ("protocol", c_uint16))


class Ip(Structure):
    """Addresses are source and target, and their masks."""

    _fields_ = (("addresses", c_ubyte * 4 * 4), ("devices", Devices), ("flags", c_ubyte), ("inverted", c_ubyte))


class Ip6(Structure):
    _fields_ = (("addresses", c_ubyte * 16 * 4), ("devices", Devices), ("tos", c_ubyte), ("flags", c_ubyte),
                ("inverted", c_ubyte), ("_to_words", c_ubyte * 3))


PLACES = (("cache", c_uint), ("target", c_uint16), ("next", c_uint16), ("came_from", c_uint),
          ("counters", c_ulonglong * 2))


class Entry(Structure):
    _fields_ = (("ip", Ip), *PLACES)


class Entry6(Structure):
    _fields_ = (("ip", Ip6), *PLACES)


class Extension(Structure):
    """The head of a match or a target; its data follows."""

    _fields_ = (("size", c_uint16), ("name", c_char * 29), ("revision", c_ubyte))


class Tcp(Structure):
    _fields_ = (("source", c_uint16 * 2), ("target", c_uint16 * 2), ("option", c_ubyte), ("flags_mask", c_ubyte),
                ("flags", c_ubyte), ("inverted", c_ubyte))


class Udp(Structure):
    _fields_ = (("source", c_uint16 * 2), ("target", c_uint16 * 2), ("inverted", c_ubyte))


WITH_PORTS: dict[str, type[Tcp | Udp]] = {"tcp": Tcp, "udp": Udp}


class Entries(Structure):
    """What comes before the entries of a table."""

    _fields_ = (("name", c_char * 32), ("size", c_uint), ("entries", c_ulonglong * 0))


class Family(NamedTuple):
    tables: str
    level: int
    socket: int
    entry: type[Entry | Entry6]


FAMILIES = {"ip": Family("/proc/net/ip_tables_names", socket.SOL_IP, socket.AF_INET, Entry),
            "ip6": Family("/proc/net/ip6_tables_names", socket.IPPROTO_IPV6, socket.AF_INET6, Entry6)}


class Read(NamedTuple):
    """An entry and the next one's place; ``jumps`` is where to, ``begins`` the chain whose rules come next."""

    place: int
    end: int
    conditions: list[str]
    does: str
    jumps: int | None = None
    begins: str = ""

    def words(self, chains: dict[int, str]) -> list[str]:
        if self.jumps is None:
            return [*self.conditions, self.does] if self.does else self.conditions
        return [*self.conditions, "%s %s" % (self.does, chains[self.jumps])]


def read_legacy() -> Chains:
    """Nothing where the kernel has no such tables."""
    chains: Chains = {}
    for family, how in FAMILIES.items():
        with suppress(FileNotFoundError), open(how.tables, encoding="ascii") as file:
            for table in file.read().split():
                chains.update(chains_of(family, table, *_read(how, table)))
    return chains


def _read(family: Family, table: str) -> tuple[Info, bytes]:
    """A table and its entries."""
    try:
        with socket.socket(family.socket, socket.SOCK_RAW, socket.IPPROTO_RAW) as opened:
            for _try in range(TRIES):
                found = _read_once(opened, family.level, table)
                if found:
                    return found
    except OSError as error:
        raise KernelError("table %s of legacy iptables: %s" % (table, error.strerror)) from error
    raise KernelError("table %s of legacy iptables changed each of %d times that it was read" % (table, TRIES))


def _read_once(opened: socket.socket, level: int, table: str) -> tuple[Info, bytes] | None:
    """Nothing where the table changed between the two questions."""
    info = Info(name=table.encode())
    _ask(opened, level, GET_INFO, ctypes.byref(info), sizeof(info))
    head = Entries(table.encode(), info.size)
    answer = ctypes.create_string_buffer(bytes(head), sizeof(head) + info.size)
    try:
        _ask(opened, level, GET_ENTRIES, answer, len(answer))
    except OSError as error:
        if error.errno != errno.EAGAIN:
            raise
        return None
    return info, answer.raw[sizeof(head):]


def _ask(opened: socket.socket, level: int, what: int, answer: Any, size: int) -> None:
    """Like getsockopt of socket, which says nothing to the kernel with the question."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.getsockopt(opened.fileno(), level, what, answer, ctypes.byref(c_uint(size))):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def chains_of(family: str, table: str, info: Info, entries: bytes) -> Chains:
    """The chains of a table: those of the kernel's hooks end with their policy, others with a return."""
    found = list(_entries(FAMILIES[family].entry, bytearray(entries)))
    hooks = {info.starts[number]: hook for number, hook in enumerate(HOOKS) if info.hooks & 1 << number}
    policies = {info.policies[number] for number in range(len(HOOKS)) if info.hooks & 1 << number}
    names = {one.end: one.begins for one in found if one.begins}
    chains: Chains = {}
    chain: dict[str, Any] = {}
    for one, after in zip(found, [*found[1:], None]):
        if one.place in hooks:
            chain = _base(table, hooks[one.place])
            chains["%s legacy-%s %s" % (family, table, chain["hook"].upper())] = chain
        if one.place in policies:
            chain["policy"] = one.does
        elif one.begins and after:
            chain = {"rules": []}
            chains["%s legacy-%s %s" % (family, table, one.begins)] = chain
        elif after and not after.begins:
            chain["rules"].append(one.words(names))
    return chains


def _base(table: str, hook: str) -> dict[str, Any]:
    if table == "nat":
        return {"type": "nat", "hook": hook, "prio": NAT_PRIORITIES.get(hook, TRANSLATED), "rules": []}
    return {"type": "filter", "hook": hook, "prio": PRIORITIES[table], "rules": []}


# --- an entry as words


def _entries(kind: type[Entry | Entry6], data: bytearray) -> Iterator[Read]:
    place = 0
    while place < len(data):
        entry = kind.from_buffer(data, place)
        yield _entry(entry, data, place)
        place += entry.next


def _entry(entry: Entry | Entry6, data: bytearray, place: int) -> Read:
    end = place + entry.next
    conditions = [*_conditions(entry.ip), *_matches(entry, data, place)]
    with_ports = {"protocol %s" % words.split()[0] for words in conditions if words.startswith(tuple(WITH_PORTS))}
    conditions = [words for words in conditions if words not in with_ports]
    head = place + entry.target
    name = Extension.from_buffer(data, head).name.decode()
    value = head + sizeof(Extension)
    if name == OF_USER:
        return Read(place, end, [], "", begins=(c_char * 30).from_buffer(data, value).value.decode())
    if name:
        return Read(place, end, conditions, name.lower())
    verdict = c_int.from_buffer(data, value).value
    if verdict in VERDICTS:
        return Read(place, end, conditions, VERDICTS[verdict])
    if verdict == end and not entry.ip.flags & IS_GOTO:
        return Read(place, end, conditions, "")
    return Read(place, end, conditions, "goto" if entry.ip.flags & IS_GOTO else "jump", verdict)


def _conditions(ip: Ip | Ip6) -> Iterator[str]:
    family = "ip" if isinstance(ip, Ip) else "ip6"
    source, target, source_mask, target_mask = (bytes(one) for one in ip.addresses)
    devices = ip.devices
    for words, value, opposite in (
            ("iifname", _device(devices.iif, bytes(devices.iif_mask)), NOT_IIF),
            ("oifname", _device(devices.oif, bytes(devices.oif_mask)), NOT_OIF),
            ("protocol", devices.protocol and PROTOCOLS.get(devices.protocol, str(devices.protocol)), NOT_PROTOCOL),
            ("%s saddr" % family, _address(source, source_mask), NOT_SOURCE),
            ("%s daddr" % family, _address(target, target_mask), NOT_TARGET)):
        if value:
            yield "%s %s%s" % (words, "!= " if ip.inverted & opposite else "", value)


def _device(name: bytes, mask: bytes) -> str:
    """A name counts with the zero at its end; else what the mask leaves of it, and whatever begins so."""
    counts = len(mask.rstrip(b"\0"))
    text = name[:counts].decode(errors="replace")
    return text if counts > len(name) or not counts else text + "*"


def _address(address: bytes, mask: bytes) -> str:
    """Empty where each is meant."""
    if not any(mask):
        return ""
    bits = "".join(format(byte, "08b") for byte in mask)
    length = bits.count("1")
    text = str(ipaddress.ip_address(address))
    if "01" in bits:
        return "%s/%s" % (text, ipaddress.ip_address(mask))
    return text if length == len(bits) else "%s/%d" % (text, length)


def _matches(entry: Entry | Entry6, data: bytearray, place: int) -> Iterator[str]:
    at = place + sizeof(entry)
    while at < place + entry.target:
        head = Extension.from_buffer(data, at)
        name, value = head.name.decode(), at + sizeof(Extension)
        if name in WITH_PORTS:
            yield from _ports(name, WITH_PORTS[name].from_buffer(data, value))
        elif name != COMMENT:
            yield "xt %s" % name
        at += head.size


def _ports(protocol: str, match: Tcp | Udp) -> Iterator[str]:
    for word, ports, opposite in (("sport", match.source, NOT_SOURCE_PORT), ("dport", match.target, NOT_TARGET_PORT)):
        if tuple(ports) != ANY_PORT:
            span = "%d" % ports[0] if ports[0] == ports[1] else "%d-%d" % tuple(ports)
            yield "%s %s %s%s" % (protocol, word, "!= " if match.inverted & opposite else "", span)
    if isinstance(match, Tcp) and (match.flags_mask or match.option):
        yield "xt tcp"
