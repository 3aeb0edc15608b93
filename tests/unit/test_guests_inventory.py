# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests as hosts of an inventory."""

from __future__ import annotations

import pytest
from unit.fleets import graph_with, node

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.guests import SOURCES, guests_of

MAC = "52:54:00:00:00:00"
TOLD = {"arp": ["192.0.2.1/0"], "agent": ["fe80::1/64", "2001:db8::1/64", "10.1.0.9/24"], "lease": []}


def test_what_a_guest_has():
    graph = graph_with(["web"])
    card = next(one for one in graph["nodes"] if one["kind"] == "interface")
    card["addresses"] = TOLD
    connected = next(one for one in graph["edges"] if one["kind"] == "connects")
    connected["vlan"] = {"tags": [{"id": 7}, {"id": 9}]}
    graph["edges"].append(dict(connected, layers=["config"], vlan={"tags": [{"id": 5}]}))  # what comes later
    one, = guests_of({"kvm1": graph}, list(SOURCES))
    found = one["variables"]
    assert one["name"] == "web" and found["libvirt_hypervisor"] == "kvm1" and found["libvirt_state"] == "running"
    assert (found["libvirt_networks"], found["libvirt_vlans"], found["libvirt_macs"]) == (["lab"], [7, 9], [MAC])
    assert [(told["address"], told["source"]) for told in found["libvirt_addresses"]] == [
        ("10.1.0.9", "agent"), ("192.0.2.1", "arp"), ("2001:db8::1", "agent")]
    assert (found["ansible_host"], found["libvirt_address_source"]) == ("10.1.0.9", "agent")
    other, = guests_of({"kvm1": graph}, ["arp"])
    assert other["variables"]["ansible_host"] == "192.0.2.1"


@pytest.mark.parametrize("kind", ["uplink", "bond", "device"])
def test_a_card_is_an_uplink_beside_the_tap(kind):
    graph = graph_with(["web"])
    graph["nodes"].append(node(kind, "bond9.10"))
    next(one for one in graph["nodes"] if one["kind"] == "interface")["device"] = "macvtap0"
    next(one for one in graph["edges"] if one["kind"] == "connects")["to"] = kind + "/bond9.10"
    one, = guests_of({"kvm1": graph}, list(SOURCES))
    interface, = one["variables"]["libvirt_interfaces"]
    assert (interface["uplink"], interface["device"]) == ("bond9.10", "macvtap0")


def test_one_name_on_two_hypervisors_and_none_without_an_address():
    silent = graph_with(["web"], 1)
    next(one for one in silent["nodes"] if one["kind"] == "interface")["addresses"] = {}
    found = guests_of({"kvm1": graph_with(["web", "db"]), "kvm2": silent}, list(SOURCES))
    assert [one["name"] for one in found] == ["web.kvm1", "db", "web.kvm2"]
    assert "ansible_host" not in found[2]["variables"]
