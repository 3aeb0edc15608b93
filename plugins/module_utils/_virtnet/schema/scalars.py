# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalar types of libvirt's documents.

A scalar knows three things about one attribute or text: how XML and YAML spell it, what is allowed,
and when two spellings mean the same to libvirt.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, NamedTuple

from ansible.module_utils.parsing.convert_bool import boolean

from .options import Value

# What stands in an attribute, a name or a line of some program's file must not end it, so it has no control characters.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")  # text may have several lines
NOT_IN_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


def _same(value: Value) -> Value:
    return value


class Scalar(NamedTuple):
    """``coerce`` takes what YAML gives, ``parse`` what XML says; both raise ValueError when it is not allowed.

    ``text`` spells a value for XML. ``normal`` maps values that libvirt treats alike to one.
    """

    kind: str
    allowed: str
    coerce: Callable[[Value], Value]
    parse: Callable[[str], Value]
    text: Callable[[Value], str] = str
    normal: Callable[[Value], Value] = _same
    choices: tuple[str, ...] = ()


class Odd(str):
    """What libvirt holds and its type does not know. It is shown, compared and written as it is, and in no task."""

    __slots__ = ()


def is_odd(value: Value) -> bool:
    """Whether there is anything odd in a value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Odd) or any(is_odd(part) for part in parts)


def without_odd(options: Value) -> Value:
    """Options that can be reckoned with: without what is odd, of lists without such entries."""
    if isinstance(options, dict):
        return {name: without_odd(value) for name, value in options.items() if not isinstance(value, Odd)}
    return [item for item in options if not is_odd(item)] if isinstance(options, list) else options


def _string(value: Value) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(value)
    return str(value)


def string(allowed: str = "a string", pattern: str = "", longest: int = 0, lines: bool = False) -> Scalar:
    """A string without control characters, or with ``lines`` a text of several lines.

    ``pattern`` is a regular expression that the whole of it must match, ``longest`` its length in bytes at most. What
    libvirt holds is read as it is.
    """
    control = CONTROL_IN_TEXT if lines else CONTROL

    def coerce(value: Value) -> str:
        text = _string(value)
        if (not re.fullmatch(pattern or ".*", text, re.DOTALL) or control.search(text) or NOT_IN_XML.search(text)
                or (longest and len(text.encode()) > longest)):
            raise ValueError(value)
        return text

    return Scalar("str", allowed, coerce, _string)


def enum(*choices: str) -> Scalar:
    """One of a list of words."""

    def read(value: Value) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(value)
        return value

    return Scalar("str", "one of " + ", ".join(choices), read, read, choices=choices)


def _number(text: Value, hexadecimal: bool) -> int:
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise ValueError(text)
    if isinstance(text, int):
        return text
    if hexadecimal and re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if not re.fullmatch(r"-?[0-9]+", text):
        raise ValueError(text)
    return int(text)


def integer(low: int, high: int, unit: str = "", hexadecimal: bool = False) -> Scalar:
    """A whole number from ``low`` to ``high``; ``hexadecimal`` where libvirt also reads 0x…"""

    def read(value: Value) -> int:
        number = _number(value, hexadecimal)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    allowed = "a whole number from %d to %d" % (low, high) + (" (%s)" % unit if unit else "")
    return Scalar("int", allowed, read, read)


UNIT_PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
                 "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def quantity(high: int, unit: str, unit_bytes: int, per_second: bool) -> Scalar:
    """A whole number of a unit of ``unit_bytes`` bytes, also given as ``10Mbit/s`` (a rate) or ``2MB``.

    A small b alone is refused, since people mean both bits and bytes by it.
    """
    form = r"([0-9]+(?:\.[0-9]+)?) ?([kKmMgGtT]i?)?%s" % (r"([bB]it|B)(?:/s|ps)?" if per_second else r"(B)")

    def parse(text: Value) -> int:
        number = _number(text, False)
        if not 0 <= number <= high:
            raise ValueError(text)
        return number

    def coerce(value: Value) -> int:
        found = re.fullmatch(form, value) if isinstance(value, str) else None
        if not found:
            return parse(value)
        from fractions import Fraction  # which few tasks need, and which takes long to import

        number, prefix, kind = found.groups()
        size = Fraction(number) * UNIT_PREFIXES[(prefix or "").lower()] / (1 if kind == "B" else 8)
        return parse(max(round(size / unit_bytes), 1 if size else 0))

    example = "10Mbit/s or 2MB/s" if per_second else "512KiB or 2MB"
    return Scalar("raw", "a whole number from 0 to %d (%s), or one with a unit such as %s" % (high, unit, example),
                  coerce, parse)


def _boolean(true: str, false: str) -> Scalar:
    words = {true: True, false: False}

    def parse(text: str) -> bool:
        if text not in words:
            raise ValueError(text)
        return words[text]

    def coerce(value: Value) -> bool:
        try:
            return bool(boolean(value))
        except TypeError as error:
            raise ValueError(value) from error

    return Scalar("bool", "true or false (%s or %s in XML)" % (true, false), coerce, parse,
                  lambda value: true if value else false)


def _c_number(text: str) -> int:
    """A number as C's strtoul reads it with base 0: 0x is hexadecimal, a leading 0 octal."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"0[0-7]*", text):
        return int(text, 8)
    if re.fullmatch(r"[1-9][0-9]*", text):
        return int(text)
    raise ValueError(text)


def pci_number(high: int) -> Scalar:
    """A part of a PCI address, kept as it is spelled (0x0a, 10), compared by value."""

    def read(value: Value) -> str:
        text = _string(value)
        if _c_number(text) > high:
            raise ValueError(value)
        return text

    return Scalar("str", "a number from 0 to 0x%x, hexadecimal with 0x or decimal" % high, read, read,
                  normal=_c_number)


def decimal(high: int) -> Scalar:
    """A number that libvirt reads as decimal, whatever zeros it begins with; kept as it is spelled."""
    return _spelled("a whole number from 0 to %d" % high, r"\+?[0-9]+", 10, high)


def hexadecimal(high: int) -> Scalar:
    """A number that libvirt reads as hexadecimal, with and without 0x; kept as it is spelled."""
    return _spelled("a hexadecimal number from 0 to 0x%x" % high, r"(0[xX])?[0-9a-fA-F]+", 16, high)


def _spelled(allowed: str, form: str, base: int, high: int) -> Scalar:
    def read(value: Value) -> str:
        text = _string(value)
        if not re.fullmatch(form, text) or int(text, base) > high:
            raise ValueError(value)
        return text

    return Scalar("str", allowed, read, read, normal=lambda text: int(text, base))


def c_or_decimal(high: int) -> Scalar:
    """A number of which another option says whether libvirt reads it as C does or as decimal."""
    kind = pci_number(high)

    def read(value: Value) -> str:
        text = _string(value)
        return text if re.fullmatch(r"[0-9]+", text) and int(text) <= high else str(kind.parse(text))

    return kind._replace(coerce=read, parse=read, normal=_same)


def number_of(text: str, as_decimal: bool) -> int:
    """The number that libvirt reads, as C does or as decimal."""
    try:
        return int(text) if as_decimal else int(_c_number(text))
    except ValueError:
        return int(text, 0) if text[:2].lower() == "0x" else int(text)


def _mac(separators: str) -> Callable[[Value], str]:
    form = r"[0-9a-fA-F]{1,2}([%s][0-9a-fA-F]{1,2}){5}" % separators

    def read(value: Value) -> str:
        if not isinstance(value, str) or not re.fullmatch(form, value):
            raise ValueError(value)
        text = value.replace("-", ":")
        if int(text.split(":")[0], 16) & 1:
            raise ValueError(value)
        return text

    return read


def _mac_normal(text: str) -> str:
    try:
        return ":".join("%02x" % int(part, 16) for part in text.split(":"))
    except ValueError:
        return text  # of some other hypervisor's


def _address(*versions: int) -> Callable[[Value], str]:
    def read(value: Value) -> str:
        text = _string(value)
        # a zone may be any text; what begins with 0 is octal to some, and older Pythons take it for decimal
        if "%" in text or _LEADING_ZERO.search(text) or ipaddress.ip_address(text).version not in versions:
            raise ValueError(value)
        return text

    return read


_LEADING_ZERO = re.compile(r"\b0[0-9]+\.|\.0[0-9]")


def _address_normal(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _netmask(value: Value) -> str:
    text = _string(value)
    if _LEADING_ZERO.search(text):
        raise ValueError(value)
    ipaddress.ip_network("0.0.0.0/" + text)
    if "." not in text or not is_netmask(text):
        raise ValueError(value)
    return text


def is_netmask(text: str) -> bool:
    """Whether a dotted quad is a row of ones followed by zeros (and not a host mask)."""
    inverted = ~int(ipaddress.IPv4Address(text)) & 0xFFFFFFFF
    return inverted & (inverted + 1) == 0


def _uuid(value: Value) -> str:
    text = _string(value)
    if not re.fullmatch(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise ValueError(value)
    return text


def _uuid_normal(text: str) -> str:
    digits = text.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _duid(value: Value) -> str:
    text = _string(value)
    if not re.fullmatch(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){,129}", text):
        raise ValueError(value)
    return text


def _duid_normal(text: str) -> str:
    return ":".join(part.zfill(2) for part in text.lower().split(":"))


def _pci_address(value: Value) -> str:
    text = _string(value)
    if not re.fullmatch(r"([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.[0-7]", text):
        raise ValueError(value)
    return text


STR = string()
TEXT = string("text without control characters", lines=True)
NAME_PATTERN = r"(?!\.{1,2}\Z)(?=\S)(?:[^/\s]|\s(?![#\s]*\Z|#))+"
# part of the names of files, also in the lines of dnsmasq's
NAME = string("a name of at most 240 bytes without '/', ' #' and control characters, with no blank at its ends, and not"
              " . or ..", NAME_PATTERN, longest=240)
# libvirt writes these into its documents as they are, and then cannot read them any more
FILTER_NAME = string("a name of at most 240 bytes without '/', ' #', quotes, &, < and control characters, with no blank"
                     " at its ends, and not . or ..", r"(?![^'&<]*['&<])" + NAME_PATTERN, longest=240)
UNQUOTED = string("one line of text without single quotes, & and <", r"[^'&<]+")
LINE = string("one line of text", r".+")
DEVICE = string("a network device name", r"[a-zA-Z0-9_.\-\\:/%]+", longest=255)
DNS_NAME = string("a DNS name of at most 253 letters, digits, '.' and '-'", r"[a-zA-Z0-9._\-]+", longest=253)
PATH = string("a path", r".+")
YES_NO = _boolean("yes", "no")
ON_OFF = _boolean("on", "off")
UINT16 = integer(0, 0xFFFF)
UINT32 = integer(0, 0xFFFFFFFF)
UINT64 = integer(0, 0xFFFFFFFFFFFFFFFF)
PORT = integer(1, 0xFFFF)
MAC = Scalar("str", "a unicast MAC address such as \"52:54:00:1c:da:2f\", in quotes", _mac(":-"), _mac(":"),
             normal=_mac_normal)
IP = Scalar("str", "an IPv4 or IPv6 address", _address(4, 6), _address(4, 6), normal=_address_normal)
IPV4 = Scalar("str", "an IPv4 address", _address(4), _address(4), normal=_address_normal)
NETMASK = Scalar("str", "an IPv4 netmask such as 255.255.255.0", _netmask, _netmask)
UUID = Scalar("str", "a UUID such as 3e3fce45-4f53-4fa7-bb32-11f34168b82b", _uuid, _uuid,
              normal=_uuid_normal)
DUID = Scalar("str", "a DHCPv6 DUID, at most 130 bytes in hexadecimal separated by ':'", _duid, _duid,
              normal=_duid_normal)
PCI_FUNCTION = Scalar("str", "a PCI address such as \"0000:3b:00.0\", in quotes", _pci_address, _pci_address,
                      normal=lambda text: ("0000:" * (text.count(":") == 1) + text).lower())
