# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any network to any other: what the module makes is what libvirt makes of the new one defined fresh."""

from __future__ import annotations

import libvirt
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from integration.host import remove_everything
from integration.modules import run
from integration.networks import NETWORKS
from lxml import etree
from pace import examples

pytestmark = pytest.mark.both
NAME = "pair"


def settle(text: str) -> str:
    """A document without what libvirt makes up."""
    root = etree.fromstring(text)
    for name in ("uuid", "mac"):
        for element in root.findall(name):
            root.remove(element)
    for bridge in root.findall("bridge"):
        if (bridge.get("name") or "").startswith("virbr"):
            del bridge.attrib["name"]
    return etree.tostring(root, method="c14n2", strip_text=True).decode()


def fresh(connection, network: dict, state: str) -> tuple:
    """The config and live documents of a network that was not there before."""
    remove_everything(connection)
    run("network", name=NAME, state=state, **network)
    return documents(connection)


def documents(connection) -> tuple:
    network = connection.networkLookupByName(NAME)
    config = settle(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
    return config, sets(network.XMLDesc(0)) if network.isActive() else None


def sets(text: str) -> str:
    """A settled running definition in which the order of entries, which virNetworkUpdate appends, does not count."""
    root = etree.fromstring(settle(text))
    for parent in root.iter():
        parent[:] = sorted(parent, key=lambda child: (child.tag, etree.tostring(child)))
    return etree.tostring(root, method="c14n2", strip_text=True).decode()


def wants_only_updates(before: dict, after: dict) -> bool:
    """Whether two networks differ only in portgroups, which virNetworkUpdate can always make."""
    names = set(before) | set(after)
    return all(before.get(name) == after.get(name) for name in names - {"portgroups"})


@settings(max_examples=examples(120), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(before=NETWORKS, after=NETWORKS, state=st.sampled_from(["inactive", "active"]))
def test_from_one_network_to_another(hypervisor, before, after, state):
    expected = fresh(hypervisor, after, state)
    fresh(hypervisor, before, state)
    task = dict(after, name=NAME, state=state, purge=True)

    predicted = run("network", check=True, **task)
    done = run("network", **task)
    note("steps: %s" % done["steps"])

    assert predicted["steps"] == done["steps"]
    assert predicted["diff"] == done["diff"]
    if wants_only_updates(before, after):
        assert not any(step.startswith(("stop", "start")) for step in done["steps"])
    found = documents(hypervisor)
    same = [found[0] == expected[0], found[1] == expected[1]]
    again = run("network", **task)
    assert again["steps"] == []
    assert run("network", check=True, **task)["steps"] == []
    # spelling that means the same (a netmask for a prefix, one hour for 60 minutes) and the order of sets may stay
    if not all(same):
        assert equal_by_meaning(hypervisor, expected[0], found[0])


def equal_by_meaning(connection, expected: str, found: str) -> bool:
    from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK

    normal = [NETWORK.normal(NETWORK.parse(etree.fromstring(text))) for text in (expected, found)]
    return _given(normal[0]) == _given(normal[1])


def _given(value):
    if isinstance(value, dict):
        return {name: _given(part) for name, part in value.items() if part is not None and _given(part) != {}}
    return value
