# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalar types: what is allowed, how it is spelled, and what is the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from unit.strategies import macs, scalars

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema import scalars as types
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.scalars import (
    DEVICE,
    DNS_NAME,
    DUID,
    IP,
    IPV4,
    LINE,
    MAC,
    NAME,
    NETMASK,
    ON_OFF,
    PATH,
    PCI_FUNCTION,
    PORT,
    STR,
    TEXT,
    UINT16,
    UINT32,
    UINT64,
    UUID,
    YES_NO,
    Scalar,
    enum,
    integer,
    is_netmask,
    pci_number,
    string,
)

NUMBER = integer(2, 30)
HEX = integer(0, 255, hexadecimal=True)
SLOT = pci_number(0x1F)
COLOUR = enum("red", "green")
SHORT = string("at most 3 letters", r"[a-z]*", longest=3)

ALLOWED = [
    (TEXT, "any\n\ttext", "any\n\ttext"), (STR, "any text", "any text"), (STR, 12, "12"), (STR, 1.5, "1.5"),
    (SHORT, "abc", "abc"),
    (COLOUR, "red", "red"),
    (NUMBER, 2, 2), (NUMBER, 30, 30), (NUMBER, "07", 7),
    (HEX, "0xfF", 255), (HEX, "0XA", 10), (HEX, "10", 10),
    (UINT16, 65535, 65535), (UINT32, 2**32 - 1, 2**32 - 1), (UINT64, 2**64 - 1, 2**64 - 1), (PORT, 1, 1),
    (SLOT, "0x1f", "0x1f"), (SLOT, "31", "31"), (SLOT, "037", "037"), (SLOT, 31, "31"), (SLOT, "0", "0"),
    (YES_NO, True, True), (YES_NO, "yes", True), (YES_NO, "No", False), (YES_NO, "TRUE", True), (YES_NO, "off", False),
    (YES_NO, 1, True), (YES_NO, "0", False),
    (ON_OFF, False, False), (ON_OFF, "on", True),
    (MAC, "52:54:00:1C:da:2f", "52:54:00:1C:da:2f"), (MAC, "52-54-0-1c-da-2f", "52:54:0:1c:da:2f"),
    (IP, "10.0.0.1", "10.0.0.1"), (IP, "FD00::1", "FD00::1"), (IP, "::ffff:10.0.0.1", "::ffff:10.0.0.1"),
    (IPV4, "255.255.255.255", "255.255.255.255"),
    (NETMASK, "255.255.255.0", "255.255.255.0"), (NETMASK, "0.0.0.0", "0.0.0.0"),
    (NETMASK, "255.255.255.255", "255.255.255.255"), (NETMASK, "255.254.0.0", "255.254.0.0"),
    (UUID, "3e3fce45-4f53-4fa7-bb32-11f34168b82b", "3e3fce45-4f53-4fa7-bb32-11f34168b82b"),
    (UUID, "3E3FCE454F534FA7BB3211F34168B82B", "3E3FCE454F534FA7BB3211F34168B82B"),
    (DUID, "0:1:0:1:18:aa:62:fe:0:16:3e:44:55:66", "0:1:0:1:18:aa:62:fe:0:16:3e:44:55:66"),
    (PCI_FUNCTION, "3B:00.0", "3B:00.0"), (PCI_FUNCTION, "0000:3b:1f.7", "0000:3b:1f.7"),
    (NAME, "a network", "a network"), (NAME, "...", "..."), (NAME, 'a"b', 'a"b'), (NAME, "a#b", "a#b"),
    (NAME, "\u00e9" * 120, "\u00e9" * 120), (LINE, "a / line", "a / line"), (DEVICE, "br%d", "br%d"),
    (DEVICE, "eth0.5:x", "eth0.5:x"), (DNS_NAME, "lab.example", "lab.example"), (PATH, "/srv", "/srv"),
]

REFUSED = [
    (STR, True), (STR, ["a"]), (STR, {"a": 1}), (STR, None),
    (SHORT, "abcd"), (SHORT, "A"),
    (COLOUR, "blue"), (COLOUR, "RED"), (COLOUR, 1),
    (NUMBER, 1), (NUMBER, 31), (NUMBER, "-2"), (NUMBER, "0x3"), (NUMBER, True), (NUMBER, "3 "), (NUMBER, "3\n"),
    (NUMBER, 3.0), (NUMBER, ""), (NUMBER, "\u0663"),
    (HEX, "0x100"), (HEX, "fF"), (HEX, "0x"),
    (UINT16, 65536), (UINT16, -1), (UINT32, 2**32), (UINT64, 2**64), (PORT, 0), (PORT, 65536),
    (SLOT, "0x20"), (SLOT, "08"), (SLOT, "1f"), (SLOT, "0x"), (SLOT, ""), (SLOT, True),
    (YES_NO, "maybe"), (YES_NO, 2), (YES_NO, None), (YES_NO, ["yes"]), (ON_OFF, "enabled"),
    (MAC, "01:00:5e:00:00:01"), (MAC, "52:54:00:1c:da"), (MAC, "52:54:00:1c:da:2f:00"), (MAC, "52:54:00:1c:da:2g"),
    (MAC, "525400.1cda2f"), (MAC, "52:54-00:1c:da:02f"), (MAC, "ff:ff:ff:ff:ff:ff"), (MAC, 52), (MAC, ""),
    (IP, "10.0.0.256"), (IP, "10.0.0.1/24"), (IP, "10.0.0"), (IP, "host"), (IP, "fd00:::1"), (IP, 1.5),
    (IP, " 10.0.0.1"),
    (IPV4, "fd00::1"),
    (NETMASK, "24"), (NETMASK, "0.0.0.255"), (NETMASK, "255.0.255.0"), (NETMASK, "255.255.255.1"), (NETMASK, "/24"),
    (UUID, "3e3fce45-4f53-4fa7-bb32-11f34168b82"), (UUID, "{3e3fce45-4f53-4fa7-bb32-11f34168b82b}"),
    (UUID, "3e3fce454f53-4fa7-bb32-11f34168b82b"), (UUID, "3e3fce45-4f53-4fa7-bb32-11f34168b82b\n"),
    (DUID, "00:xx"), (DUID, "00:"), (DUID, "0001"),
    (PCI_FUNCTION, "3b:00.8"), (PCI_FUNCTION, "3b:20.0"), (PCI_FUNCTION, "pci_0000_3b_00_0"), (PCI_FUNCTION, "eth0"),
    (STR, "any\ntext"), (TEXT, "a\x07b"), (TEXT, "a\ud800b"), (LINE, "a\u2028b"), (PATH, "/a\x85"), (LINE, "a\tb"),
    (IP, "010.0.0.1"), (IP, "10.0.0.01"), (IP, "::ffff:10.0.00.1"), (IP, "fe80::1%eth0"), (IP, "fe80::1%a\nb"),
    (NETMASK, "255.255.255.00"),
    (NAME, "."), (NAME, ".."), (NAME, " "), (NAME, " a"), (NAME, "a\t"), (NAME, "a "), (NAME, "a #b"),
    (NAME, "a" * 241), (NAME, "\u00e9" * 121),
    (NAME, "a/b"), (NAME, "a\nb"), (LINE, "a\nb"), (DEVICE, "eth 0"), (DEVICE, "eth0\n"), (DNS_NAME, "a b"),
]

SAME = [
    (MAC, "52:54:00:1C:DA:2F", "52:54:0:1c:da:2f"), (MAC, "00:00:00:00:00:00", "0:0:0:0:0:0"),
    (PCI_FUNCTION, "3B:00.0", "0000:3b:00.0"),
    (IP, "FD00:0::0001", "fd00::1"), (IP, "fd00:0:0:0:0:0:0:1", "fd00::1"), (IP, "::", "0::0"),
    (UUID, "3E3FCE454F534FA7BB3211F34168B82B", "3e3fce45-4f53-4fa7-bb32-11f34168b82b"),
    (SLOT, "0x0a", "10"), (SLOT, "0xA", "012"), (SLOT, "0x00", "0"),
]

DIFFERENT = [
    (MAC, "52:54:00:00:00:01", "52:54:00:00:00:10"), (IP, "10.0.0.1", "::10.0.0.1"), (SLOT, "10", "0x10"),
    (STR, "a", "A"), (UUID, "3e3fce45-4f53-4fa7-bb32-11f34168b82b", "3e3fce45-4f53-4fa7-bb32-11f34168b82c"),
]

XML_WORDS = [
    (YES_NO, True, "yes"), (YES_NO, False, "no"), (ON_OFF, True, "on"), (ON_OFF, False, "off"), (HEX, 255, "255"),
    (NUMBER, 7, "7"), (MAC, "52:54:00:00:00:01", "52:54:00:00:00:01"), (SLOT, "0x0a", "0x0a"), (COLOUR, "red", "red"),
]


@pytest.mark.parametrize(("scalar", "value", "coerced"), ALLOWED)
def test_takes(scalar: Scalar, value, coerced):
    found = scalar.coerce(value)
    assert found == coerced and type(found) is type(coerced)


@pytest.mark.parametrize(("scalar", "value"), REFUSED)
def test_refuses(scalar: Scalar, value):
    with pytest.raises((ValueError, TypeError)):
        scalar.coerce(value)


@pytest.mark.parametrize(("scalar", "one", "other"), SAME)
def test_two_spellings_are_the_same(scalar: Scalar, one: str, other: str):
    assert scalar.normal(scalar.coerce(one)) == scalar.normal(scalar.coerce(other))


@pytest.mark.parametrize(("scalar", "one", "other"), DIFFERENT)
def test_two_values_are_different(scalar: Scalar, one: str, other: str):
    assert scalar.normal(scalar.coerce(one)) != scalar.normal(scalar.coerce(other))


@pytest.mark.parametrize(("scalar", "value", "text"), XML_WORDS)
def test_xml_spells_and_reads(scalar: Scalar, value, text: str):
    assert scalar.text(value) == text
    assert scalar.parse(text) == value


@pytest.mark.parametrize("text", ["true", "on", "1", "Yes", ""])
def test_a_yes_or_no_in_xml_is_nothing_else(text: str):
    with pytest.raises(ValueError):
        YES_NO.parse(text)


def test_a_mac_in_xml_has_colons():
    with pytest.raises(ValueError):
        MAC.parse("52-54-00-00-00-01")


def test_an_enumeration_offers_its_choices():
    assert COLOUR.choices == ("red", "green")
    assert COLOUR.allowed == "one of red, green"


def test_a_number_says_its_limits_and_unit():
    assert integer(1, 9, "KiB").allowed == "a whole number from 1 to 9 (KiB)"


@pytest.mark.parametrize(("mask", "is_one"), [("255.255.0.0", True), ("0.0.255.255", False), ("255.0.0.255", False),
                                              ("128.0.0.0", True), ("0.0.0.1", False)])
def test_a_netmask_is_ones_then_zeros(mask: str, is_one: bool):
    assert is_netmask(mask) is is_one


@given(macs())
def test_any_unicast_mac_has_one_normal_form(mac: str):
    normal = MAC.normal(MAC.coerce(mac))
    assert len(normal) == 17 and normal == normal.lower()
    assert MAC.normal(MAC.coerce(mac.upper().replace(":", "-"))) == normal
    assert MAC.normal(normal) == normal


@pytest.mark.parametrize("name", sorted(name for name, value in vars(types).items() if isinstance(value, Scalar)))
def test_every_type_reads_back_what_it_writes(name: str):
    scalar = vars(types)[name]

    @given(scalars(scalar))
    def reads_back(value):
        assert scalar.coerce(value) == value
        assert scalar.parse(scalar.text(value)) == value
        assert scalar.normal(scalar.normal(value)) == scalar.normal(value) or scalar.kind == "str"

    reads_back()
