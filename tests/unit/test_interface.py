# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of guests: what a type takes, what libvirt shows of a running one, and what changes in place."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import (
    INTERFACE,
    NEEDED,
    ONLY_FOR,
    fitting,
    refuse_unfit,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import DomainRecord
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface_live import (
    as_configured,
    in_place,
    inherited,
    is_bridged,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface_read import (
    Card,
    InterfaceState,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Invalid, dump_xml, load_xml

MAC = "52:54:00:00:00:01"
HOST_BRIDGE = {"forward": {"mode": "bridge"}, "bridge": {"name": "br0"}, "port": {"isolated": True},
               "portgroups": [{"name": "a", "default": True, "vlan": {"tags": [{"id": 5}]}}]}
LIVE = """<interface type='bridge'><mac address='%s'/>
  <source network='lab' portid='p' bridge='br0'/><port isolated='yes'/><vlan><tag id='5'/></vlan>
  <bandwidth classID='3'><inbound average='10'/></bandwidth><target dev='vnet3'/>
  <alias name='net0'/></interface>""" % MAC


def card(text: str, network: dict | None = None) -> Card:
    raw = load_xml(text)
    element = as_configured(raw)
    options = INTERFACE.parse(element)
    return Card(raw, element, options, inherited(options, network))


def state(config: tuple = (), live: tuple | None = None, networks: dict | None = None) -> InterfaceState:
    record = DomainRecord("guest", "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f", live is not None, True, None, None)
    return InterfaceState(record, config, live, networks or {}, None, (9, 0, 0))


def test_every_place_that_only_some_types_take_is_in_the_table():
    for path in [*ONLY_FOR, *(path for paths in NEEDED.values() for path in paths)]:
        node = INTERFACE
        for name in path.split("."):
            node = node.node(name)
            assert node is not None, path


def test_what_the_new_type_does_not_take_goes_unless_it_is_stated():
    merged = {"type": "user", "source": {"network": "lab"}, "filterref": {"filter": "x"}, "link": {"state": "down"}}
    assert fitting(merged, {"filterref": {"filter": "x"}}, {}) == {
        "type": "user", "filterref": {"filter": "x"}, "link": {"state": "down"}}


def test_what_does_not_fit_and_was_there_before_stays():
    odd = {"type": "user", "bandwidth": {"inbound": {"average": 5}}}
    assert fitting(dict(odd, link={"state": "down"}), {}, odd) == dict(odd, link={"state": "down"})
    refuse_unfit(dict(odd, link={"state": "down"}), odd)
    more = {"type": "user", "bandwidth": {"inbound": {"average": 6}}}
    with pytest.raises(Invalid, match="bandwidth: is not taken by type user"):
        refuse_unfit(more, odd)
    with pytest.raises(Invalid, match="bandwidth: is not taken by type udp"):
        refuse_unfit(dict(odd, type="udp", source={"address": "1.2.3.4", "port": 5, "local": {
            "address": "1.2.3.4", "port": 6}}), odd)


@pytest.mark.parametrize(("options", "message"), [
    ({"type": "direct"}, "source.dev: is missing; type direct needs it"),
    ({"type": "hostdev", "source": {"hostdev": {"type": "pci"}}, "driver": {"name": "vhost"}},
     "driver.name: vhost is not taken by type hostdev; give one of vfio, kvm, xen"),
    ({"type": "user", "mtu": {"size": 1400}}, "mtu: needs backend.type: passt"),
    ({"type": "user", "teaming": {"type": "transient"}}, "teaming.persistent: is missing"),
])
def test_what_a_type_does_not_take_is_refused(options: dict, message: str):
    with pytest.raises(Invalid, match=message):
        refuse_unfit(options, {})


def test_a_running_interface_is_brought_into_the_form_in_which_it_was_configured():
    found = card(LIVE, HOST_BRIDGE)
    assert found.options["type"] == "network"
    assert found.options["source"] == {"network": "lab"}
    assert found.inherited == {"port", "vlan"}
    assert found.own == {"type": "network", "mac": {"address": MAC}, "source": {"network": "lab"},
                         "bandwidth": {"inbound": {"average": 10}}}
    assert found.tap == "vnet3"
    assert "vnet3" not in dump_xml(found.element)


def test_a_device_of_a_pool_is_one_of_its_network():
    found = card("<interface type='hostdev' managed='yes'><mac address='%s'/><source network='pool' portid='p'>"
                 "<address type='pci' domain='0' bus='7' slot='1' function='0'/></source><driver name='vfio'/>"
                 "</interface>" % MAC)
    assert found.options == {"type": "network", "mac": {"address": MAC}, "source": {"network": "pool"}}


@pytest.mark.parametrize(("network", "bridged"), [
    ({}, True), ({"forward": {"mode": "nat"}}, True), (HOST_BRIDGE, True),
    (dict(HOST_BRIDGE, virtualport={"type": "openvswitch"}), False), ({"forward": {"mode": "hostdev"}}, False),
    ({"forward": {"mode": "bridge", "interfaces": [{"dev": "eth0"}]}}, False),
])
def test_a_tap_moves_only_to_a_linux_bridge(network: dict, bridged: bool):
    assert is_bridged(network) is bridged
    moved = in_place(card(LIVE), {"type": "network", "source": {"network": "other"}}, {"other": network}, (9, 0, 0))
    assert ("source" in moved) is bridged


def test_versions_tell_what_changes_in_place():
    found, wanted = card(LIVE), card(LIVE).options
    assert [in_place(found, wanted, {}, (version, 0, 0)) & {"vlan", "trust_guest_rx_filters"}
            for version in (9, 10, 11)] == [set(), {"trust_guest_rx_filters"}, {"vlan", "trust_guest_rx_filters"}]


def test_a_plan_has_both_layers_and_says_what_waits():
    config = card("<interface type='network'><mac address='%s'/><source network='lab'/></interface>" % MAC)
    desired = Interface("guest", {"mac": {"address": MAC}, "link": {"state": "down"}, "mtu": {"size": 1400}})
    plan = desired.plan(state((config,), (card(LIVE, HOST_BRIDGE),), {"lab": HOST_BRIDGE}))
    assert [step.title for step in plan.steps] == [
        "change link.state of the running interface %s of guest guest" % MAC,
        "change the configuration of interface %s of guest guest" % MAC]
    assert [drift.path for drift in plan.waiting] == ["mtu.size"]


def test_a_made_up_mac_is_the_same_at_every_run():
    desired = Interface("guest", {"type": "bridge", "source": {"bridge": "br0"}})
    assert desired.plan(state()).after == desired.plan(state()).after
    assert desired.plan(state()).after["mac"]["address"].startswith("52:54:00:")
