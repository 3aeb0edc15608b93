# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLAN tags on bridges of the host that heed none, or not all: refused by each door, told of where they are there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from unit.fake_host import FakeHost, device
from unit.test_patches import PORT, host, layers, planned, refusal, titles, vlan

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.describe import (
    describe_network,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.resource import (
    NetworkPort,
)

TAGS = {"tags": [{"id": 10}]}
PLAIN = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"},
         "portgroups": [{"name": "web"}, {"name": "old", "vlan": {"tags": [{"id": 4}]}}]}
HOST = {"version": [11, 3, 0], "uri": "qemu:///system", "local": True, "sets_metadata": True}
ALL = {"pvid": 1, "untagged": [1], "vids": [1]}
DOORS: dict[str, tuple[Any, str]] = {
    "network": (Network("lab", {"name": "lab", "vlan": TAGS}), "vlan"),
    "a portgroup of a network": (
        Network("lab", {"name": "lab", "portgroups": [{"name": "a", "vlan": TAGS}]}), "portgroups[0].vlan"),
    "a network's tags alone": (vlan(10), "vlan"),
    "a portgroup's tags alone": (vlan(10, network="lab", portgroup="web"), "vlan"),
    "a port": (NetworkPort("lab", {"mac": {"address": PORT}, "vlan": TAGS}), "vlan"),
}


def there(filters: bool | None, network: dict | None = None, **devices: dict) -> Snapshot:
    """A host with the network on a bridge; None where there is no bridge."""
    bridge = {} if filters is None else {"br0": device(kind="bridge", vlans=ALL if filters else None)}
    network = PLAIN if network is None else network
    return host(network, network, devices={**bridge, **devices}, host=HOST)


@pytest.mark.parametrize("door", DOORS)
def test_tags_on_a_bridge_that_heeds_none_are_refused_by_each_door(door: str):
    wish, path = DOORS[door]
    assert refusal(there(False), wish).startswith("%s: bridge br0 of the host filters no VLANs, so that a guest" % path)
    assert titles(there(True), wish)


def test_tags_of_switch_ports_and_of_bridges_that_are_not_known_are_not_judged():
    wish = Network("lab", {"name": "lab", "vlan": TAGS})
    assert titles(there(None), replace(wish, state="inactive"))
    on_switch = {**PLAIN, "virtualport": {"type": "openvswitch"}, "portgroups": []}
    assert titles(there(None, on_switch, br0=device(kind="openvswitch")), wish)


def test_tags_that_are_there_are_told_of_and_the_rest_can_change():
    plan, = planned(there(False), Network("lab", {"name": "lab"}, autostart=True))
    assert plan.steps and [str(one.path) for one in plan.unrepaired] == ["portgroups[1].vlan.filtered"]
    assert any(warning.startswith("bridge br0 of the host filters no VLANs") for warning in plan.warnings)


@pytest.mark.parametrize(("vids", "told"), [([1, 4], []), ([1], ["portgroups[1].vlan.carried"])])
def test_vlans_of_portgroups_that_no_card_of_the_bridge_is_in_are_told_of(vids: list, told: list):
    seen = there(True, eth0=device(master="br0", vlans={"pvid": 1, "untagged": [1], "vids": vids}))
    plan, = planned(seen, Network("lab", {"name": "lab"}))
    assert plan.steps == [] and [str(one.path) for one in plan.drift] == told
    assert [one["path"] for one in describe_network(seen, "lab")["status"]["drift"]] == told
    assert ["bridge vlan add dev eth0 vid 4" in warning for warning in plan.warnings] == [True] * len(told)


@pytest.mark.parametrize("state", ["present", "active"])
def test_who_makes_or_starts_such_a_network_is_told_too_and_it_stays(state: str):
    card = device(master="br0", vlans=ALL)
    parts = layers(PLAIN, devices={"br0": device(kind="bridge", vlans=ALL), "eth0": card}, host=HOST)
    made, wish = FakeHost(**parts), Network("lab", {"name": "lab"}, state=state)
    done, = converge(made, [wish], False)
    assert "bridge vlan add dev eth0 vid 4" in "".join(done.plan.warnings)
    assert made.look().network("lab").active == (state == "active")
    again, = converge(made, [wish], False)
    assert again.plan.steps == [] and again.plan.warnings == done.plan.warnings
