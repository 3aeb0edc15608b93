# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trunk that follows from its tags goes with them; one that was stated stays."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.vlan import VLAN

ONE, TWO = [{"id": 5}], [{"id": 7}, {"id": 8}]
NATIVE = [{"id": 5, "native_mode": "tagged"}]


@pytest.mark.parametrize(("current", "stated", "merged"), [
    ({"trunk": True, "tags": TWO}, {"tags": ONE}, {"tags": ONE}),
    ({"trunk": True, "tags": NATIVE}, {"tags": ONE}, {"tags": ONE}),
    ({"trunk": True, "tags": ONE}, {"tags": [{"id": 6}]}, {"trunk": True, "tags": [{"id": 6}]}),
    ({"trunk": True, "tags": TWO}, {"trunk": True, "tags": ONE}, {"trunk": True, "tags": ONE}),
    ({"tags": ONE}, {"trunk": True}, {"trunk": True, "tags": ONE}),
    ({"tags": ONE}, {"tags": TWO}, {"tags": TWO}),
])
def test_tags_in_place_of_others(current: dict, stated: dict, merged: dict):
    before = copy.deepcopy(current)
    assert VLAN.merge(stated, current) == merged
    assert current == before
    assert VLAN.merge(stated, merged) == merged
    assert not list(VLAN.differences(stated, merged))
