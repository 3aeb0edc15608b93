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


def test_what_is_wrong_with_items_is_told_beside_what_is_none():
    said = errors_of_items({"networks": ["lab", WRONG, None, GOOD], "nwfilters": "words",
                            "interfaces": [{"domain": "d", "mac": 7}]})
    assert [str(one).split(":")[0] for one in said] == ["networks[1].nmae", "networks[3]", "interfaces[0].mac"]
