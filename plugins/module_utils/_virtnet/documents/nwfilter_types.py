# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalar types of network filters: nearly every attribute of a rule takes a variable in place of its value.

A value is kept as it is spelled (0x50, 80), since libvirt does so too, and compared by what it means.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Callable

from ..schema.options import Value
from ..schema.scalars import Scalar, is_netmask, string

VARIABLE = re.compile(r"\$(?P<name>[a-zA-Z0-9_]+)(\[ *(?P<index>@?[0-9]+) *\])?")

ETHERTYPES = {"ipv4": 0x800, "arp": 0x806, "rarp": 0x8035, "vlan": 0x8100, "ipv6": 0x86DD}
IP_PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "icmpv6": 58, "sctp": 132,
                "udplite": 136}
ARP_OPCODES = {"request": 1, "reply": 2, "request_reverse": 3, "reply_reverse": 4, "drarp_request": 5,
               "drarp_reply": 6, "drarp_error": 7, "inarp_request": 8, "arp_nak": 9}
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


def variables_in(value: Value) -> list[str]:
    """The names of the variables that a value is made of."""
    found = VARIABLE.fullmatch(value) if isinstance(value, str) else None
    return [found["name"]] if found else []


def _variable(text: str) -> str:
    """A variable in its one spelling; the first iterator is the one that is taken without any."""
    found = VARIABLE.fullmatch(text)
    if not found:
        raise ValueError(text)
    index = found["index"]
    if index is None or index == "@0":
        return "$" + found["name"]
    return "$%s[%s%d]" % (found["name"], "@" if index[0] == "@" else "", int(index.lstrip("@")))


def or_variable(allowed: str, normal: Callable[[str], Value], from_xml: Callable[[str], str] | None = None) -> Scalar:
    """A value or a variable; ``normal`` raises ValueError for what is not allowed.

    ``from_xml`` puts right what XML may say and options may not.
    """

    def coerce(value: Value) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise ValueError(value)
        text = str(value)
        if not VARIABLE.fullmatch(text.strip()):
            normal(text)
        return text.strip() if text.strip().startswith("$") else text

    def compare(text: str) -> Value:
        return _variable(text) if VARIABLE.fullmatch(text) else normal(text)

    def parse(text: str) -> str:
        return coerce(text if from_xml is None or text.strip().startswith("$") else from_xml(text))

    return Scalar("str", allowed + ", or a variable such as $A, $A[0] or $A[@1]", coerce, parse, normal=compare)


def _number(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    raise ValueError(text)


def _within(low: int, high: int, names: dict[str, int] | None = None) -> Callable[[str], int]:
    def normal(text: str) -> int:
        if names and text.lower() in names:
            return names[text.lower()]
        number = _number(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return normal


def _decimal(text: str) -> int:
    if not re.fullmatch("[0-9]+", text):
        raise ValueError(text)
    return _within(0, 0xFFFF)(text)


def number(low: int, high: int, names: dict[str, int] | None = None) -> Scalar:
    """A number, decimal or hexadecimal with 0x, or one of ``names``."""
    allowed = "a number from %d to %d (decimal, or hexadecimal with 0x)" % (low, high)
    if names:
        allowed += ", or one of " + ", ".join(names)
    return or_variable(allowed, _within(low, high, names))


def _mac(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}", text):
        raise ValueError(text)
    return ":".join("%02x" % int(part, 16) for part in text.split(":"))


def _mac_mask(text: str) -> str:
    """libvirt takes only masks that are ones, and then zeros."""
    mask = _mac(text)
    inverted = ~int(mask.replace(":", ""), 16) & (2**48 - 1)
    if inverted & (inverted + 1):
        raise ValueError(text)
    return mask


def _ipv4(text: str) -> str:
    return str(ipaddress.IPv4Address(text))


def _octal_ipv4(text: str) -> str:
    """An IPv4 address as libvirt reads it from XML, where a leading zero means octal."""
    parts = text.split(".")
    if len(parts) == 4 and all(re.fullmatch(r"0[0-7]+|[0-9]+", part) for part in parts):
        return ".".join(str(int(part, 8 if len(part) > 1 and part[0] == "0" else 10)) for part in parts)
    return text


def _ipv6(text: str) -> str:
    if "%" in text:  # a zone may be any text
        raise ValueError(text)
    return str(ipaddress.IPv6Address(text))


def _ipv4_mask(text: str) -> int:
    if "." in text:
        if not is_netmask(text):
            raise ValueError(text)
        return ipaddress.ip_network("0.0.0.0/" + text).prefixlen
    return _within(0, 32)(text)


def _ipv6_mask(text: str) -> int:
    if ":" in text:
        inverted = ~int(ipaddress.IPv6Address(_ipv6(text))) & (2**128 - 1)
        if inverted & (inverted + 1):
            raise ValueError(text)
        return 128 - inverted.bit_length()
    return _within(0, 128)(text)


def _words(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = set(text.upper().split(","))
    if not words <= set(known):
        raise ValueError(text)
    return tuple(word for word in known if word in words)


def _states(text: str) -> tuple[str, ...]:
    return () if text.upper() == "NONE" else _words(text, STATES)


def _flags(text: str) -> tuple[str, ...]:
    if text.upper() == "ALL":
        return TCP_FLAGS
    return () if text.upper() == "NONE" else _words(text, TCP_FLAGS)


def _tcp_flags(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    mask, slash, flags = text.partition("/")
    if not slash:
        raise ValueError(text)
    return _flags(mask), _flags(flags)


def _ipset_flags(text: str) -> tuple[str, ...]:
    words = text.lower().split(",")
    if len(words) > 6 or not set(words) <= {"src", "dst"}:
        raise ValueError(text)
    return tuple(words)


def _text(normal: Callable[[str], Value], allowed: str) -> Scalar:
    def coerce(value: Value) -> str:
        if not isinstance(value, str):
            raise ValueError(value)
        normal(value)
        return value

    return Scalar("str", allowed, coerce, coerce, normal=normal)


def _ipset(text: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9_.:\-+ ]{1,31}", text):
        raise ValueError(text)
    return text


def _words_as_bool(true: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda text: text.lower() in true


def _yes(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


UINT8 = number(0, 0xFF)
UINT16 = number(0, 0xFFFF)
DECIMAL16 = or_variable("a decimal number from 0 to 65535", _decimal)
UINT32 = number(0, 0xFFFFFFFF)
DSCP = number(0, 63)
VLAN_ID = number(0, 4095)
ETHERTYPE = number(0x600, 0xFFFF, ETHERTYPES)
IP_PROTOCOL = number(0, 0xFF, IP_PROTOCOLS)
ARP_OPCODE = number(0, 0xFFFF, ARP_OPCODES)
MAC = or_variable("a MAC address", _mac)
MAC_MASK = or_variable("a MAC mask such as ff:ff:ff:00:00:00", _mac_mask)
IPV4 = or_variable("an IPv4 address without leading zeros, which libvirt would take for octal", _ipv4, _octal_ipv4)
IPV6 = or_variable("an IPv6 address", _ipv6)
IPV4_MASK = or_variable("an IPv4 mask such as 255.255.248.0, or a number from 0 to 32", _ipv4_mask)
IPV6_MASK = or_variable("an IPv6 mask such as ffff:fc00::, or a number from 0 to 128", _ipv6_mask)
IPSET = or_variable("the name of an ipset, at most 31 letters, digits and _ . : - + and blanks", _ipset)
IPSET_FLAGS = _text(_ipset_flags, "up to six of src and dst, separated by commas")
STATE = _text(_states, "NONE, or some of NEW, ESTABLISHED, RELATED and INVALID separated by commas")
TCP_FLAG = _text(_tcp_flags, "MASK/FLAGS, each NONE, ALL, or some of SYN, ACK, URG, PSH, FIN and RST with commas")
COMMENT = string("text of at most 256 bytes", longest=256)
MATCH = Scalar("bool", "true or false (yes or no in XML)", _yes, lambda text: text != "no",
               lambda value: "yes" if value else "no")
STATE_MATCH = Scalar("bool", "true or false", _yes, lambda text: text.lower() not in ("false", "0"),
                     lambda value: "true" if value else "false")
TRUTH = Scalar("bool", "true or false", _yes, _words_as_bool(("true", "1", "yes")),
               lambda value: "true" if value else "false")
