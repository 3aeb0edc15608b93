# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many wishes as one transaction, each planned on what those before it will have made."""

from __future__ import annotations

import random
from typing import Any

import pytest
from guest.domain import domain_xml
from integration.host import remove_everything, sh

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import Outcome, converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.kernel import Kernel
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.aspect.resource import Aspect
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.lists import (
    DHCP_HOSTS,
    DNS_HOSTS,
    stated,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.resource import NetworkEntries
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.resource import (
    NetworkPort,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

pytestmark = pytest.mark.both
CARD, PORT = "52:54:00:00:05:01", "52:54:00:00:05:02"


@pytest.fixture
def host(clean):
    host = Host(Libvirt("qemu:///system"), Kernel(), True)
    yield host
    host.close()


def dhcp(*hosts: dict, state: str = "present") -> NetworkEntries:
    return NetworkEntries("dhcp_host", "lab", [stated(DHCP_HOSTS, list(hosts), state == "absent")], state)


def reservation(last: int) -> dict:
    return {"mac": "52:54:00:00:06:%02x" % last, "ip": "10.5.0.%d" % last, "name": "host%d" % last}


def lab(**options: Any) -> Network:
    return Network("lab", {"name": "lab", "bridge": {"name": "lab0", "stp": False}, **options}, state="active")


def wishes() -> list[Any]:
    """A new network of each sort, and a part of each by a wish of its own."""
    return [
        lab(ips=[{"address": "10.5.0.1", "prefix": 24, "dhcp": {
            "ranges": [{"start": "10.5.0.100", "end": "10.5.0.150"}], "hosts": [reservation(10)]}}],
            portgroups=[{"name": "web"}, {"name": "db"}]),
        dhcp(reservation(11)),
        dhcp(reservation(12), reservation(13)),
        dhcp({"mac": "52:54:00:00:06:99"}, state="absent"),
        NetworkEntries("dns_record", "lab", [stated(DNS_HOSTS, [{"ip": "10.5.0.11", "hostnames": ["eleven"]}], False)]),
        Aspect("qos", "bandwidth", {"network": "lab", "portgroup": "web"}, {"inbound": {"average": 900}}),
        NetworkPort("lab", {"mac": {"address": PORT}, "group": "db"}),
        Aspect("qos", "bandwidth", {"network": "lab", "port": PORT}, {"outbound": {"average": 700}}),
        # there is no Open vSwitch
        Network("office", {"name": "office", "forward": {"mode": "bridge"}, "bridge": {"name": "ovs0"}, "virtualport": {
            "type": "openvswitch"}, "portgroups": [{"name": "desks"}]}, state="inactive"),
        Aspect("vlan", "vlan", {"network": "office", "portgroup": "desks"}, {"tags": [{"id": 10}]}),
        # this kernel shapes no traffic, so the network with a limit does not run
        Network("slow", {"name": "slow", "bridge": {"name": "slow0", "stp": False}}, state="inactive"),
        Aspect("qos", "bandwidth", {"network": "slow"}, {"inbound": {"average": 500}}),
        Interface("guest", {"mac": {"address": CARD}, "type": "network", "source": {"network": "lab"}}),
        Aspect("qos", "bandwidth", {"domain": "guest", "mac": CARD}, {"outbound": {"average": 300}}),
    ]


STEPS = ["define network lab", "start network lab", "define network office", "define network slow",
         "create port %s of network lab" % PORT,
         "add interface %s of guest guest to its configuration" % CARD]


def steps(outcomes: list[Outcome]) -> list[str]:
    """What is done, in the order in which it is planned, whatever the order of the wishes."""
    return sorted(step.title for outcome in outcomes for step in outcome.plan.steps)


def documents() -> str:
    ports = sh("for port in $(virsh net-port-list lab --uuid); do virsh net-port-dumpxml lab $port; done")
    return sh("for one in $(virsh net-list --all --name); do virsh net-dumpxml $one; done; virsh dumpxml guest") + ports


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_parts_of_new_objects_are_made_with_them(clean: Any, host: Host, seed: int | None):
    clean.defineXML(domain_xml("guest", ""))
    wanted = wishes()
    if seed is not None:
        random.Random(seed).shuffle(wanted)
    predicted = converge(host, wanted, check_mode=True)
    assert sh("virsh net-list --all --name").split() == []
    outcomes = converge(host, wanted, check_mode=False)
    assert steps(predicted) == steps(outcomes) == sorted(STEPS)
    assert [outcome.wish.key for outcome in outcomes] == [wish.key for wish in wanted]
    found = documents()
    for text in (*("name='host%d'" % last for last in (10, 11, 12, 13)), "<hostname>eleven</hostname>",
                 "average='900'", "average='700'", "average='500'", "average='300'", "<tag id='10'/>",
                 "<group>db</group>"):
        assert found.count(text) == 1, text
    for check_mode in (True, False):
        assert steps(converge(host, wanted, check_mode)) == []


def test_each_part_answers_for_itself(clean: Any, host: Host):
    clean.defineXML(domain_xml("guest", ""))
    outcomes = converge(host, wishes(), check_mode=False)
    folded = [outcome for outcome in outcomes if outcome.carried_out_by]
    assert len(folded) == 9
    assert all(outcome.wish.owner == outcome.carried_out_by.key for outcome in folded)
    models = {outcome.wish.key: outcome.wish.model(outcome.found) for outcome in outcomes}
    assert len(models["dhcp_host", "lab", "52:54:00:00:06:0b"]["hosts"]) == 4
    assert models["qos", "network_port", "lab", PORT] == {
        "network": "lab", "port": PORT, "outbound": {"average": 700}}
    assert models["qos", "network", "slow"] == {"network": "slow", "inbound": {"average": 500}}


def test_parts_of_objects_that_nobody_else_wishes_for(clean: Any, host: Host):
    clean.defineXML(domain_xml("guest", ""))
    converge(host, wishes(), check_mode=False)
    wanted = [
        dhcp({"mac": reservation(11)["mac"]}, state="absent"), dhcp(dict(reservation(21), ip="10.5.0.11")),
        Aspect("qos", "bandwidth", {"network": "lab", "portgroup": "web"}, {"inbound": {"average": 901}}),
        Aspect("qos", "bandwidth", {"network": "lab", "portgroup": "db"}, {"inbound": {"average": 902}}),
        Aspect("qos", "bandwidth", {"network": "lab", "port": PORT}, {"outbound": {"average": 903}}),
    ]
    predicted, outcomes = (converge(host, wanted, check_mode) for check_mode in (True, False))
    assert steps(predicted) == steps(outcomes) and len(steps(outcomes)) == 9
    found = documents()
    for average in (901, 902, 903):
        assert found.count("average='%d'" % average) == 1
    assert found.count("<host mac='52:54:00:00:06:15' name='host21' ip='10.5.0.11'/>") == 1
    assert steps(converge(host, wanted[::-1], check_mode=False)) == []


def test_parts_go_with_what_they_are_parts_of(clean: Any, host: Host):
    clean.defineXML(domain_xml("guest", ""))
    converge(host, wishes(), check_mode=False)
    port = NetworkPort("lab", {"mac": {"address": PORT}}, state="absent")
    entry = dhcp({"mac": reservation(11)["mac"]}, state="absent")
    gone = [Network("lab", {"name": "lab"}, state="absent"), port, entry]
    predicted, outcomes = (converge(host, gone, check_mode) for check_mode in (True, False))
    assert steps(predicted) == steps(outcomes) == [
        "remove network lab", "remove port %s of network lab" % PORT, "stop network lab"]
    assert "lab" not in sh("virsh net-list --all --name").split()
    assert steps(converge(host, gone, check_mode=False)) == []


def test_a_part_of_a_network_that_is_there_changes_it_in_place(host: Host):
    network = lab(ips=[{"address": "10.5.0.1", "prefix": 24}])
    converge(host, [network, dhcp(reservation(11))], check_mode=False)
    wanted = [lab(), dhcp(reservation(11)), dhcp(reservation(12))]
    predicted, outcomes = (converge(host, wanted, check_mode) for check_mode in (True, False))
    added = "add dhcp host %s (%%s network lab)" % reservation(12)["mac"]
    assert steps(predicted) == steps(outcomes) == [added % "configuration of", added % "running"]
    emptied = [lab(), dhcp(reservation(11), reservation(12), state="absent")]
    assert len(steps(converge(host, emptied, check_mode=False))) == 3
    assert "<host" not in sh("virsh net-dumpxml lab; virsh net-dumpxml lab --inactive")


@pytest.mark.parametrize(("patch", "message"), [
    (dhcp(dict(reservation(10), ip="10.5.0.77")), 'hosts[0]: is {"mac": "52:54:00:00:06:0a"'),
    (dhcp({"mac": reservation(10)["mac"]}, state="absent"), "hosts[0]: is nothing to dhcp_host lab, and {"),
    (dhcp(dict(reservation(12), name="host10")), "hosts[0].name: host10 is already that of 52:54:00:00:06:0a;"
                                                 " replace: true takes it from there (dhcp_host lab)"),
    (Aspect("qos", "bandwidth", {"network": "lab"}, {"inbound": {"average": 1}}),
     "inbound.average: is 1 to qos network lab, and 2 to network lab; let one of them say it"),
    (Aspect("qos", "bandwidth", {"network": "lab", "portgroup": "none"}, {"inbound": {"average": 1}}),
     "portgroup: network lab has no portgroup none; it has web"),
    (Aspect("vlan", "vlan", {"network": "lab", "portgroup": "web"}, {"tags": [{"id": 1}]}),
     "portgroups[0].vlan: libvirt"),
])
def test_parts_that_contradict_the_whole_are_refused(host: Host, patch: Any, message: str):
    network = lab(ips=[{"address": "10.5.0.1", "prefix": 24, "dhcp": {"hosts": [reservation(10)]}}],
                  portgroups=[{"name": "web"}], bandwidth={"inbound": {"average": 2}})
    network.state = "present"
    for check_mode in (True, False):
        with pytest.raises(Invalid) as refused:
            converge(host, [network, patch], check_mode)
        assert str(refused.value).startswith(message)
    assert sh("virsh net-list --all --name").split() == []


def test_all_of_it_is_undone_together(clean: Any, host: Host, monkeypatch: pytest.MonkeyPatch):
    clean.defineXML(domain_xml("guest", ""))
    before, create = sh("virsh dumpxml guest"), host.libvirt.create_port

    def create_and_fail(*arguments: Any) -> None:
        create(*arguments)
        raise HypervisorError("the connection was lost")

    monkeypatch.setattr(host.libvirt, "create_port", create_and_fail)
    with pytest.raises(Exception, match=r"Could not create port .* the connection was lost"):
        converge(host, wishes(), check_mode=False)
    assert sh("virsh net-list --all --name").split() == []
    assert sh("virsh dumpxml guest") == before
    remove_everything(clean)
