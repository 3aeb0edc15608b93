# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tc should have of a bandwidth, and the room that a network has for floors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.bandwidth import BURST, RATE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.bandwidth import (
    bridge_drift,
    floor_drift,
    floors,
    rates,
    refuse_floor,
    tap_drift,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import load_xml

INBOUND = {"average": 500, "peak": 800, "burst": 512}
OUTBOUND = {"average": 300, "peak": 600, "burst": 256}
BOTH = {"inbound": INBOUND, "outbound": OUTBOUND}
# what libvirt 11.3 made of it, as the kernel shows it
SENT = {"1": {"rate": 500000, "ceil": 800000, "burst": 524288}}
RECEIVED = {"rate": 300000, "ceil": 300000, "burst": 262144}
NOTHING = {"sent": {}, "received": None}


def found(drift) -> list:
    return [(str(one.path), one.desired, one.current) for one in drift]


def test_a_tap_that_has_its_limits_is_no_drift():
    assert found(tap_drift(BOTH, {"sent": SENT, "received": RECEIVED})) == []
    assert found(tap_drift({}, {"sent": SENT, "received": RECEIVED})) == []
    assert found(tap_drift(BOTH, None)) == []


def test_what_a_tap_lacks_is_named():
    assert found(tap_drift(BOTH, NOTHING)) == [
        ("bandwidth.inbound.average", 500, None), ("bandwidth.inbound.peak", 800, None),
        ("bandwidth.inbound.burst", 512, None), ("bandwidth.outbound.average", 300, None),
        ("bandwidth.outbound.burst", 256, None)]
    slow = {"sent": {"1": dict(SENT["1"], rate=1500)}, "received": dict(RECEIVED, burst=1024)}
    assert found(tap_drift(BOTH, slow)) == [
        ("bandwidth.inbound.average", 500, 1.5), ("bandwidth.outbound.burst", 256, 1.0)]


def test_macvtap_is_on_the_other_side():
    there = {"sent": {"1": {"rate": 300000, "ceil": 600000, "burst": 262144}},
             "received": {"rate": 500000, "ceil": 500000, "burst": 524288}}
    assert found(tap_drift(BOTH, there, macvtap=True)) == []
    assert found(tap_drift(BOTH, there)) != []


def test_without_a_peak_the_average_is_the_ceiling():
    assert found(tap_drift({"inbound": {"average": 5}}, {"sent": {"1": {"rate": 5000, "ceil": 5000, "burst": 1600}},
                                                         "received": None})) == []


def test_a_burst_is_kept_in_ticks_and_some_cannot_be_said():
    near = {"sent": {"1": dict(SENT["1"], burst=524000)}, "received": None}
    assert found(tap_drift({"inbound": INBOUND}, near)) == []
    endless = {"inbound": {"average": 1, "burst": 1024}}
    assert found(tap_drift(endless, {"sent": {"1": {"rate": 1000, "ceil": 1000, "burst": 7}}, "received": None})) == []


def test_a_rate_beyond_the_field_is_full():
    there = {"sent": {"1": {"rate": 0xFFFFFFFF, "ceil": 0xFFFFFFFF, "burst": 1}}, "received": None}
    assert found(tap_drift({"inbound": {"average": 10**7, "burst": 100}}, there)) == []


def test_a_bridge_loses_its_burst_and_keeps_its_rate():
    bridge = {"sent": {"1": {"rate": 500000, "ceil": 800000, "burst": 1600}, "2": {"rate": 1, "ceil": 2, "burst": 3}},
              "received": RECEIVED}
    assert found(bridge_drift(BOTH, bridge)) == []
    assert found(bridge_drift(BOTH, NOTHING))[0] == ("bandwidth.inbound.average", 500, None)
    assert found(bridge_drift(None, NOTHING)) == []
    assert found(bridge_drift(BOTH, None)) == []


def test_a_floor_is_a_class_of_the_bridge():
    bridge = {"sent": {"3": {"rate": 200000, "ceil": 800000, "burst": 1}}, "received": None}
    assert found(floor_drift(200, 3, bridge)) == []
    assert found(floor_drift(201, 3, bridge)) == [("bandwidth.inbound.floor", 201, 200)]
    assert found(floor_drift(200, 4, bridge)) == [("bandwidth.inbound.floor", 200, None)]
    assert found(floor_drift(0, 4, bridge)) == found(floor_drift(200, None, bridge)) == []


def limited(**inbound) -> dict:
    return {"bandwidth": {"inbound": inbound}} if inbound else {}


@pytest.mark.parametrize(("network", "others", "message"), [
    (limited(average=1000), [], None),
    (limited(average=1000), [900], None),
    (limited(average=1000, peak=2000), [1900], None),
    (None, [5000], None),
    (limited(), [], "bandwidth.inbound.floor: 100 needs a network with bandwidth.inbound.average, which lab has not"),
    (limited(average=1000), [500, 401], "bandwidth.inbound.floor: 100 is too much; network lab has an inbound average"
                                        " of 1000 kB/s, of which 901 are guaranteed to others"),
    (limited(average=1000, peak=2000), [1901], "bandwidth.inbound.floor: 100 is too much; network lab has an inbound"
                                               " peak of 2000 kB/s, of which 1901 are guaranteed to others"),
])
def test_floors_must_fit_in_the_network(network, others, message):
    if message is None:
        refuse_floor({"inbound": {"floor": 100}}, "lab", network, others)
    else:
        with pytest.raises(Invalid) as error:
            refuse_floor({"inbound": {"floor": 100}}, "lab", network, others)
        assert str(error.value) == message
    refuse_floor({"inbound": {"average": 100}}, "lab", network, others)


def test_floors_of_other_ports():
    ports = tuple(load_xml("<networkport><uuid>%s</uuid>%s</networkport>" % one) for one in (
        ("a", "<bandwidth><inbound floor='5'/></bandwidth>"), ("b", ""),
        ("c", "<bandwidth><inbound average='7'/></bandwidth>"), ("d", "<bandwidth><inbound floor='3'/></bandwidth>")))
    assert floors(ports, None) == [5, 0, 3]
    assert floors(ports, "a") == [0, 3]


def test_rates_have_libvirts_names():
    assert rates({"bandwidth": BOTH}) == {
        "inbound.average": 500, "inbound.peak": 800, "inbound.burst": 512, "inbound.floor": 0,
        "outbound.average": 300, "outbound.peak": 600, "outbound.burst": 256}
    assert set(rates({}).values()) == {0}


@pytest.mark.parametrize(("scalar", "text", "number"), [
    (RATE, 1000, 1000), (RATE, "1000", 1000), (RATE, "10Mbit/s", 1250), (RATE, "10 Mbit", 1250), (RATE, "1Gbps", None),
    (RATE, "10 mbit/s", 1250), (RATE, "10MBit/s", 1250), (RATE, "10mb/s", None), (RATE, "10Mbits", None),
    (RATE, "2MB", 2000), (RATE, "2MBps", 2000), (RATE, "2MiB/s", 2097), (RATE, "1.5Mbit/s", 188), (RATE, "1bit", 1),
    (RATE, "0Mbit", 0), (RATE, "8Kibit", 1), (RATE, "10Mb", None), (RATE, "10", 10), (RATE, "1e3", None),
    (RATE, -1, None), (RATE, True, None), (RATE, 1.5, None), (RATE, "", None), (RATE, "٣Mbit", None),
    (BURST, "2MB", 1953), (BURST, "512KiB", 512), (BURST, "1B", 1), (BURST, "2MB/s", None), (BURST, "64kbit", None),
    (BURST, "5000GiB", None),
])
def test_units(scalar, text, number):
    if number is None:
        with pytest.raises(ValueError):
            scalar.coerce(text)
    else:
        assert scalar.coerce(text) == number


@given(st.integers(0, 10**12))
def test_kilobytes_with_a_unit_are_what_they_are_without(number):
    assert RATE.coerce("%dkB/s" % number) == RATE.coerce(number) == RATE.coerce("%dkbit/s" % (number * 8)) == number
