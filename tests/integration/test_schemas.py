# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables have what the schemas of the installed libvirt have, and say from which version on."""

from __future__ import annotations

import pytest
from integration.schemas import Schema, stated

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import DOCUMENTS

SCHEMAS = {"network": ("network.rng", "start"), "network_port": ("networkport.rng", "start"),
           "nwfilter": ("nwfilter.rng", "start"), "nwfilter_binding": ("nwfilterbinding.rng", "start"),
           "interface": ("domaincommon.rng", "interface")}
# of which it is not known since when; only ever read
UNKNOWN_SINCE = {"filterbinding/backend", "filterbinding/backend/@name"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_tables_and_schemas_have_the_same(hypervisor, name: str):
    number = hypervisor.getLibVersion()
    version = (number // 1000000, number // 1000 % 1000, number % 1000)
    theirs, ours = Schema(SCHEMAS[name][0]).places(SCHEMAS[name][1]), stated(DOCUMENTS[name])
    assert len(theirs) > 10
    assert theirs.keys() - ours.keys() == set(), "what the table lacks"
    assert [place for place in theirs if ours[place].since > version] == [], "what libvirt has before the table says so"
    early = {place for place in ours.keys() - theirs.keys() if ours[place].since <= version}
    assert early - UNKNOWN_SINCE == set(), "what the schema lacks"
    values = {place: sorted(theirs[place] - ours[place].values) for place in theirs
              if theirs[place] and ours[place].values and theirs[place] - ours[place].values}
    assert values == {}, "values that the table lacks"
