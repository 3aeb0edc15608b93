# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a document of a host is said all at once, and each thing once."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import (
    Topology,
    errors_of_items,
)

GOOD, WRONG = {"name": "one"}, {"name": "one", "nmae": "x"}
SAME, NO_OPTION = "networks[%d]: is the same as networks[0] (network one)", "networks[%d].nmae: no such option"
DOUBLED = {
    "two": ([GOOD, GOOD], [SAME % 1]),
    "the first is wrong": ([WRONG, GOOD], [NO_OPTION % 0, SAME % 1]),
    "the second is wrong": ([GOOD, WRONG], [NO_OPTION % 1, SAME % 1]),
    "both are wrong": ([WRONG, WRONG], [NO_OPTION % 0, NO_OPTION % 1, SAME % 1]),
    "three": ([WRONG, GOOD, GOOD], [NO_OPTION % 0, SAME % 1, SAME % 2]),
    "others": ([WRONG, {"name": "two"}], [NO_OPTION % 0]),
}


@pytest.mark.parametrize(("networks", "expected"), DOUBLED.values(), ids=DOUBLED)
def test_an_item_that_is_there_twice_is_told_whatever_else_is_wrong_with_it(networks: list, expected: list[str]):
    said = list(map(str, Topology({"networks": networks}, True, print).errors))
    assert [one.startswith(start) for one, start in zip(said, expected)] == [True] * len(expected) == [True] * len(said)


def test_what_has_another_kind_may_have_the_name():
    assert Topology({"networks": [GOOD], "nwfilters": [dict(GOOD)]}, True, print).errors == []


def test_what_is_said_in_short_is_not_wrong_beside_something_that_is():
    ips = [{"address": "10.0.0.1/24", "dhcp": {"hosts": [{"mac": "52:54:00:00:00:01", "ip": "fd00::5"}]}}]
    networks = [{"name": "one", "ips": ips}, {"name": "two", "ips": [{"address": "10.0.0.1/24", "prefix": 25}]}]
    assert list(map(str, Topology({"networks": networks}, True, print).errors)) == [
        "networks[0].ips[0].dhcp.hosts[0].ip: fd00::5 is not an IPv4 address (network one)",
        "networks[1].ips[0].prefix: 25 has another one in address, which is \"10.0.0.1/24\"; give one of them"
        " (network two)"]


def test_what_is_wrong_with_items_is_told_beside_what_is_none():
    said = errors_of_items({"networks": ["lab", WRONG, None, GOOD], "nwfilters": "words",
                            "interfaces": [{"domain": "d", "mac": 7}]})
    assert [str(one.path) for one in said] == ["networks[1].nmae", "networks[3]", "interfaces[0].mac"]
