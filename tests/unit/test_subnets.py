# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter subnet_plan and the test overlapping_subnet."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.libvirt.plugins.filter.subnet_plan import subnet_plan
from ansible_collections.virtnet.libvirt.plugins.test.overlapping_subnet import overlapping_subnet


@pytest.mark.parametrize(("subnet", "address", "start", "end"), [
    ("192.168.122.0/24", "192.168.122.1", "192.168.122.2", "192.168.122.254"),
    ("10.0.0.0/255.255.252.0", "10.0.0.1", "10.0.0.2", "10.0.3.254"),
    ("10.0.0.0/30", "10.0.0.1", "10.0.0.2", "10.0.0.2"),
    ("10.0.0.0/8", "10.0.0.1", "10.0.0.2", "10.0.255.255"),
    ("FD00:0099::/64", "fd00:99::1", "fd00:99::2", "fd00:99::ffff"),
    ("fd00:99::/120", "fd00:99::1", "fd00:99::2", "fd00:99::ff"),
])
def test_host_first_then_guests(subnet: str, address: str, start: str, end: str) -> None:
    plan = subnet_plan(subnet)
    assert (plan["address"], plan["range"]) == (address, {"start": start, "end": end})


@pytest.mark.parametrize(("subnet", "problem"), [
    ("192.168.122.1/24", "in the subnet 192.168.122.0/24"),
    ("192.168.122.0", "prefix length is missing"),
    ("192.168.122.0/31", "no room"),
    ("fd00::/127", "no room"),
    ("default/24", "does not appear"),
    ("", "prefix length is missing"),
])
def test_no_subnet(subnet: str, problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=problem):
        subnet_plan(subnet)


@pytest.mark.parametrize(("one", "other", "overlap"), [
    ("192.168.122.0/24", "192.168.0.0/16", True),
    ("192.168.122.0/24", "192.168.122.7", True),
    ("192.168.122.0/24", "192.168.123.0/24", False),
    ("fd00::/64", ["10.0.0.0/8", "fd00::/8"], True),
    ("0.0.0.0/0", "fd00::/8", False),
    ("10.0.0.1", [], False),
])
def test_overlap(one: str, other: object, overlap: bool) -> None:
    assert overlapping_subnet(one, other) is overlap


def test_overlap_of_no_subnet() -> None:
    with pytest.raises(AnsibleFilterError, match="default"):
        overlapping_subnet("default", "10.0.0.0/8")
