# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of virtual networks, of devices that no guest owns and of running guests."""

from __future__ import annotations

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run

MAC = "52:54:00:00:00:31"
PORT = {"network": "lab", "mac": {"address": MAC}}
LAB = {"name": "lab", "state": "active", "bridge": {"name": "lab0", "stp": False},
       "ips": [{"address": "10.6.0.1", "prefix": 24}], "portgroups": [{"name": "web"}, {"name": "db"}]}


@pytest.fixture(autouse=True)
def lab(clean):
    run("network", **LAB)
    return clean


def changed(**options):
    return converge("network_port", **options)


def ports():
    return [line.strip() for line in sh("virsh net-port-list lab").splitlines()[2:] if line.strip()]


def test_a_port_is_made_found_again_and_removed():
    made = changed(**PORT)
    assert made["steps"] == ["create port %s of network lab" % MAC]
    assert made["network_port"]["plug"] == {"type": "network", "bridge": "lab0"}
    assert ports() == [made["network_port"]["uuid"]]
    document = sh("virsh net-port-dumpxml lab " + made["network_port"]["uuid"])
    assert "<mac address='%s'/>" % MAC in document
    assert changed(state="absent", **PORT)["steps"] == ["remove port %s of network lab" % MAC]
    assert ports() == []


def test_a_port_is_made_again_for_what_libvirt_cannot_change():
    changed(**PORT)
    done = changed(**PORT, group="web")
    assert done["steps"] == ["remove port %s of network lab" % MAC, "create port %s of network lab" % MAC]
    assert "<group>web</group>" in sh("virsh net-port-dumpxml lab " + ports()[0])


def test_bandwidth_is_brought_in_by_a_new_port_and_then_set_in_place():
    changed(**PORT)
    assert len(changed(**PORT, bandwidth={"inbound": {"average": 100, "peak": 200}})["steps"]) == 2
    uuid = ports()[0]
    done = changed(**PORT, bandwidth={"inbound": {"average": 300, "peak": 200}})
    assert done["steps"] == ["set bandwidth of port %s of network lab" % MAC]
    assert ports() == [uuid]
    assert "<inbound average='300' peak='200'/>" in sh("virsh net-port-dumpxml lab " + uuid)
    changed(**PORT, bandwidth={})
    assert "average" not in sh("virsh net-port-dumpxml lab " + ports()[0])


def test_a_port_can_say_what_it_is_plugged_into():
    made = changed(**PORT, plug={"type": "network", "bridge": "lab0"}, owner={
        "name": "web", "uuid": "5b0c1c51-6bd7-4bd3-a1a1-5d0cdf4c3f10"})
    assert "<name>web</name>" in sh("virsh net-port-dumpxml lab " + made["network_port"]["uuid"])


def test_the_same_in_xml_is_no_change():
    made = changed(**PORT, group="web")
    document = sh("virsh net-port-dumpxml lab " + made["network_port"]["uuid"])
    assert run("network_port", network="lab", xml=document)["steps"] == []


def test_ports_given_back_are_no_change():
    changed(**PORT, group="db", bandwidth={"outbound": {"average": 5}})
    for port in run("network_port_info", names=["lab"])["network_ports"]:
        assert run("network_port", **port)["steps"] == []


@pytest.mark.parametrize(("options", "message"), [
    ({"mac": {"address": "fe:54:00:00:00:31"}}, "mac.address: fe:54:00:00:00:31 begins with fe"),
    ({"plug": {"type": "direct", "bridge": "lab0"}}, "plug.bridge: does not belong to type direct"),
    ({"plug": {"type": "bridge"}}, "plug.bridge: is missing; type bridge needs it"),
    ({"bandwidth": {"outbound": {"average": 1, "floor": 1}}}, "bandwidth.outbound.floor: libvirt does not take"),
    ({"plug": {"type": "direct", "dev": "nic0", "mode": "x"}}, 'plug.mode: "x" is not allowed'),
])
def test_bad_options_are_refused(options, message):
    for check in (True, False):
        with pytest.raises(Failed) as failure:
            run("network_port", check=check, **dict(PORT, **options))
        assert str(failure.value).startswith(message)
    assert ports() == []


def test_a_network_that_is_not_there():
    message = "network: there is no network nowhere; there are lab"
    with pytest.raises(Failed) as failure:
        run("network_port", **{**PORT, "network": "nowhere"})
    assert str(failure.value) == message
    predicted = run("network_port", check=True, **{**PORT, "network": "nowhere"})
    assert predicted["changed"] and predicted["warnings"][0].startswith(message + "; where an earlier task makes it")


def test_an_inactive_network_has_no_ports():
    run("network", name="lab", state="inactive")
    with pytest.raises(Failed, match="network: network lab is not active"):
        run("network_port", **PORT)
    assert run("network_port", state="absent", **PORT)["steps"] == []


def test_a_running_guests_port_is_kept(clean):
    interface = "<interface type='network'><mac address='%s'/><source network='lab'/><model type='virtio'/></interface>"
    domain = clean.defineXML(domain_xml("guest", interface % MAC, cmdline="guest.ip=10.6.0.9/24"))
    domain.create()
    found = run("network_port_info", names=["lab"])["network_ports"][0]
    assert found["status"] == {"guest": "guest (%s)" % MAC, "guest_interface": found["status"]["guest_interface"],
                               "left_out": []}
    assert run("network_port", **found)["steps"] == []
    with pytest.raises(Failed, match=r"state: the port belongs to the running guest guest \(%s\)" % MAC):
        run("network_port", state="absent", **PORT)
    with pytest.raises(Failed, match="group: the port belongs to the running guest guest"):
        run("network_port", **PORT, group="web")
    # this kernel shapes no traffic, so libvirt's reason is all that there can be, and nothing is left behind
    with pytest.raises(Failed, match=r"Could not set bandwidth of guest guest .* All is as it was"):
        run("network_port", **PORT, bandwidth={"inbound": {"average": 100}})
    assert run("network_port_info", names=["lab"])["network_ports"] == [found]
    assert "average" not in sh("virsh net-port-dumpxml lab %s; virsh dumpxml guest" % ports()[0])
    assert run("network_port", state="absent", force=True, **PORT)["steps"] == ["remove port %s of network lab" % MAC]
    assert ports() == []
