# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of 200 objects is recorded, read back, and planned against without libvirt, to the same steps."""

from __future__ import annotations

import json

import pytest
from integration.modules import run
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.kernel import Kernel
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.parts import NotRecorded
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.resource import (
    NetworkPort,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.resource import NwFilter

NETWORKS, FILTERS, GUESTS = 60, 60, 40
GUEST = """
<domain type='qemu'><name>guest%(n)d</name><memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type></os>
<devices><interface type='network'><mac address='52:54:00:00:01:%(n)02x'/><source network='net%(n)d'/></interface>
<interface type='network'><mac address='52:54:00:00:02:%(n)02x'/><source network='net0'/>
<filterref filter='filter%(n)d'/></interface></devices></domain>
"""


def network(number: int, **more: object) -> Network:
    options = {"name": "net%d" % number, "bridge": {"name": "net%d" % number, "stp": False},
               "ips": [{"address": "10.77.%d.1" % number, "prefix": 24}]}
    return Network(options["name"], dict(options, **more), state="active")


def nwfilter(number: int, port: int = 80) -> NwFilter:
    name = "filter%d" % number
    return NwFilter(name, {"name": name, "entries": [{"rule": {
        "action": "accept", "direction": "in", "tcp": [{"dstportstart": str(port)}]}}]})


@pytest.fixture
def host(clean):
    host = Host(Libvirt("qemu:///system"), Kernel(), True)
    converge(host, [network(number) for number in range(NETWORKS)] + [nwfilter(number) for number in range(FILTERS)],
             False)
    for number in range(GUESTS):
        clean.defineXML(GUEST % {"n": number})
    yield host
    host.close()
    for number in range(GUESTS):
        clean.lookupByName("guest%d" % number).undefine()
    for number in range(FILTERS):
        run("nwfilter", name="filter%d" % number, state="absent")


def wishes() -> list:
    return [
        network(3, mtu={"size": 1400}), network(70), nwfilter(5, 443), nwfilter(70),
        Interface("guest1", {"mac": {"address": "52:54:00:00:01:01"}, "source": {"network": "net70"}}),
        Interface("guest2", {"mac": {"address": "52:54:00:00:03:03"}, "type": "network", "source": {"network": "net4"},
                             "filterref": {"filter": "filter70"}}),
        NetworkPort("net70", {"mac": {"address": "52:54:00:00:09:09"}}),
    ]


def titles(planned: list) -> list:
    return [(outcome.wish.key, [step.title for step in outcome.plan.steps]) for outcome in planned]


def test_a_recorded_host_is_planned_against_without_libvirt(host: Host):
    here = titles(plan_all(host.look(), wishes()))
    record = json.dumps(host.look().complete().recorded())
    seen = Snapshot.of_record(json.loads(record))
    assert len(seen.network_names()) == NETWORKS and len(seen.filters()) >= FILTERS and len(
        seen.get("domains")) == GUESTS
    assert titles(plan_all(seen.fork(), wishes())) == here
    assert all(steps for _key, steps in here)
    unchanged = [network(number) for number in range(NETWORKS)] + [nwfilter(number) for number in range(FILTERS)]
    assert not any(steps for _key, steps in titles(plan_all(seen.fork(), unchanged)))


def test_what_was_not_recorded_is_said(host: Host):
    seen = host.look()
    seen.network("net1")
    part = Snapshot.of_record(json.loads(json.dumps(seen.recorded())))
    assert part.network("net1") == part.network("net1")
    with pytest.raises(NotRecorded, match="the record has no network_config of net2"):
        part.network("net2")
