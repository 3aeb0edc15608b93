# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in the addresses of devices are compared as libvirt reads them, in every spelling and for every type."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import INTERFACE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

SAME = [
    ({"type": "pci", "bus": "1", "slot": "010"}, {"type": "pci", "bus": "0x01", "slot": "0x08"}),
    ({"type": "drive", "controller": "00", "bus": "010", "target": "09", "unit": "+1"},
     {"type": "drive", "controller": "0", "bus": "10", "target": "9", "unit": "1"}),
    ({"type": "usb", "bus": "010", "port": "01.2"}, {"type": "usb", "bus": "10", "port": "1.2"}),
    ({"type": "virtio-serial", "controller": "01", "bus": "02", "port": "03"},
     {"type": "virtio-serial", "controller": "1", "bus": "2", "port": "3"}),
    ({"type": "ccid", "controller": "00", "slot": "08"}, {"type": "ccid", "controller": "0", "slot": "8"}),
    ({"type": "dimm", "slot": "010", "base": "100000000"}, {"type": "dimm", "slot": "10", "base": "0x100000000"}),
    ({"type": "ccw", "cssid": "254", "ssid": "0", "devno": "010"},
     {"type": "ccw", "cssid": "0xfe", "ssid": "0x0", "devno": "0x0008"}),
    ({"type": "spapr-vio", "reg": "2000"}, {"type": "spapr-vio", "reg": "0x00002000"}),
    ({"type": "isa", "iobase": "3F8", "irq": "010"}, {"type": "isa", "iobase": "0x3f8", "irq": "0x10"}),
]


def differences(desired: dict, current: dict) -> list:
    return [str(found.path) for found in INTERFACE.differences(desired, current)]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_number_in_two_spellings_is_no_difference(one: dict, other: dict):
    one, other = ({"address": INTERFACE.node("address").check(address)} for address in (one, other))
    assert differences(one, other) == differences(other, one) == []
    assert INTERFACE.merge(one, other)["address"] == other["address"] or not differences(
        INTERFACE.merge(one, other), other)


def test_every_type_of_address_and_each_of_its_options_is_among_them():
    every = {name for _one, other in SAME for name in other}
    assert {node.name for node in INTERFACE.node("address").nodes} - every == {
        "domain", "function", "multifunction", "zpci"}
    types = set(INTERFACE.node("address").node("type").type.choices)
    assert types - {other["type"] for _one, other in SAME} == {"unassigned", "virtio-mmio"}


@pytest.mark.parametrize("source", [
    {"hostdev": {"type": "usb", "bus": "010", "device": "08"}, "vendor": {"id": "1234"}},
])
def test_a_usb_device_of_the_host_is_found_by_its_numbers(source: dict):
    shown = {"hostdev": {"type": "usb", "bus": "10", "device": "8"}, "vendor": {"id": "0x1234"}}
    assert differences({"source": source}, {"source": shown}) == []
    zero = {"source": {"hostdev": {"type": "usb", "bus": "0"}}}
    assert differences(INTERFACE.whole({"source": {"hostdev": {"type": "usb"}}}, zero), zero) == []
    assert differences({"source": source}, {"source": {"hostdev": {"type": "pci", "bus": "10", "device": "8"}}})


@pytest.mark.parametrize("address", [
    {"type": "drive", "controller": "0x1"}, {"type": "drive", "unit": "a"}, {"type": "usb", "port": "0x1"},
    {"type": "isa", "iobase": "x"}, {"type": "ccw", "cssid": "09"}, {"type": "pci", "bus": "0xg"},
])
def test_what_libvirt_does_not_read_is_refused(address: dict):
    with pytest.raises(Invalid, match=r"^\w+: .* is not allowed; give"):
        INTERFACE.node("address").check(address)
