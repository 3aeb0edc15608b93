# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bandwidth and VLAN tags on their own, of each kind of target; what only a full kernel can do is tested in the lab."""

from __future__ import annotations

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.kernel import Kernel
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.bandwidth import tap_drift

MAC = "52:54:00:00:04:01"
NAT = {"forward": {"mode": "nat"}, "bridge": {"name": "virbr9", "stp": False},
       "ips": [{"address": "192.168.149.1", "prefix": 24}]}


def changed(module, **task):
    """A task converges, and what it returns is the task that has nothing to do."""
    done = converge(module, module, **task)
    if task.get("state") != "absent":
        assert run(module, **done[module])["steps"] == []
    return done


def test_bandwidth_of_a_network(clean):
    run("network", name="lab", state="inactive", **NAT)
    changed("qos", network="lab", inbound={"average": "10Mbit/s", "burst": "2MB"}, outbound={"average": 300})
    assert 'inbound average="1250" burst="1953"' in sh("virsh net-dumpxml lab").replace("'", '"')
    changed("qos", network="lab", inbound={"average": 1000}, outbound={})
    found = sh("virsh net-dumpxml lab").replace("'", '"')
    assert 'inbound average="1000" burst="1953"' in found
    assert "outbound" not in found
    changed("qos", network="lab", state="absent")
    assert "bandwidth" not in sh("virsh net-dumpxml lab")


def test_a_network_with_guests_waits_for_its_restart(clean):
    run("network", name="lab", state="active", **NAT)
    clean.defineXML(domain_xml("guest", interface())).create()
    done = changed("qos", network="lab", inbound={"average": 1000})
    assert done["restart_required"]
    assert "used by guest" in done["warnings"][0]
    assert "average" in sh("virsh net-dumpxml lab --inactive")
    assert "average" not in sh("virsh net-dumpxml lab")


def interface(inside=""):
    return ("<interface type='network'><mac address='%s'/><source network='lab'/>%s<model type='virtio'/></interface>"
            % (MAC, inside))


def test_bandwidth_of_a_portgroup_leaves_the_others(clean):
    groups = [{"name": "slow", "default": True}, {"name": "fast", "bandwidth": {"inbound": {"average": 9000}}}]
    run("network", name="lab", state="active", portgroups=groups, **NAT)
    clean.defineXML(domain_xml("guest", interface())).create()
    done = changed("qos", network="lab", portgroup="slow", outbound={"average": "1MB/s"})
    assert done["qos"] == {"network": "lab", "portgroup": "slow", "outbound": {"average": 1000}}
    assert done["restart_required"]
    assert "guest (%s) is shut down and started again" % MAC in done["warnings"][0]
    for flag in ("", "--inactive"):
        found = sh("virsh net-dumpxml lab %s" % flag)
        assert "average='1000'" in found
        assert "average='9000'" in found
    changed("qos", network="lab", portgroup="slow", state="absent")
    assert not run("qos", network="lab", portgroup="slow", state="absent")["restart_required"]


def test_bandwidth_of_a_guest_that_does_not_run(clean):
    clean.defineXML(domain_xml("guest", interface()))
    changed("qos", domain="guest", mac=MAC, inbound={"average": 500, "peak": 800})
    assert "peak='800'" in sh("virsh dumpxml guest")
    changed("qos", domain="guest", mac=MAC, state="absent")
    assert "bandwidth" not in sh("virsh dumpxml guest")


def test_what_this_kernel_cannot_do_leaves_nothing_behind(clean):
    run("network", name="lab", state="active", **NAT)
    clean.defineXML(domain_xml("guest", interface())).create()
    before = [sh("virsh dumpxml guest %s" % flag) for flag in ("", "--inactive")] + [sh("tc qdisc")]
    with pytest.raises(Failed, match=r"^(in|out)bound: the kernel of this host lacks ") as failed:
        run("qos", domain="guest", mac=MAC, inbound={"average": 500}, outbound={"average": 300})
    assert "Traceback" not in str(failed.value)
    after = [sh("virsh dumpxml guest %s" % flag) for flag in ("", "--inactive")] + [sh("tc qdisc")]
    assert without_ids(after) == without_ids(before)


@pytest.mark.both
def test_limits_of_a_device_are_read_from_the_kernel():
    sh("""ip link add limited type bridge
          tc qdisc add dev limited root handle 1: htb default 1
          tc class add dev limited parent 1: classid 1:1 htb rate 500kbps ceil 800kbps burst 512kb""")
    kernel, connection = Kernel(), Libvirt("qemu:///system")
    try:
        limits = kernel.traffic("limited")
        assert limits == {"sent": {"1": {"rate": 500000, "ceil": 800000, "burst": 512 * 1024}}, "received": None}
        assert not list(tap_drift({"inbound": {"average": 500, "peak": 800, "burst": 512}}, limits))
        assert Host(connection, kernel, True).look().traffic("none") is None
    finally:
        kernel.close()
        connection.close()
        sh("ip link delete limited")


def without_ids(documents):
    return [line for text in documents for line in text.splitlines() if ("portid" not in line and "qdisc" not in line)
            or "htb" in line]


def test_bandwidth_of_a_port(clean):
    run("network", name="lab", state="active", **NAT)
    run("network_port", network="lab", mac={"address": MAC})
    done = changed("qos", network="lab", port=MAC, outbound={"average": 300})
    assert done["qos"] == {"network": "lab", "port": MAC, "outbound": {"average": 300}}
    uuid = sh("virsh net-port-list lab --uuid").strip()
    assert "average='300'" in sh("virsh net-port-dumpxml lab %s" % uuid)
    changed("qos", network="lab", port=uuid, state="absent")


def test_a_floor_must_have_room(clean):
    run("network", name="lab", state="active", **NAT)
    clean.defineXML(domain_xml("guest", interface()))
    with pytest.raises(Failed, match=r"^inbound.floor: 100 needs a network with bandwidth.inbound.average, which lab"):
        run("qos", domain="guest", mac=MAC, inbound={"floor": 100})
    with pytest.raises(Failed, match=r"^inbound.floor: libvirt does not take a floor in this place$"):
        run("qos", network="lab", inbound={"average": 1000, "floor": 100})
    assert "bandwidth" not in sh("virsh dumpxml guest") + sh("virsh net-dumpxml lab --inactive")


REFUSED = [
    ({}, r"^network: give network; network and portgroup; network and port; or domain and mac$"),
    ({"network": "lab", "domain": "guest"}, r"^network: give network; network and portgroup"),
    ({"network": "none"}, r"^network: there is no network none; there are lab$"),
    ({"network": "lab", "portgroup": "none"}, r"^portgroup: network lab has no portgroup none; it has a$"),
    ({"network": "lab", "port": "none"}, r"^port: none is not allowed; give a UUID or a MAC address$"),
    ({"network": "lab", "port": MAC}, r"^port: network lab has no port %s$" % MAC),
    ({"domain": "none", "mac": MAC}, r"^domain: there is no guest none; there are guest$"),
    ({"domain": "guest", "mac": "52:54:00:00:04:99"}, r"^mac: guest guest has no interface with MAC 52:54:00:00:04:99;"
                                                      r" there are %s$" % MAC),
    ({"domain": "guest", "mac": MAC, "layers": ["live"]}, r"^mac: .* in layer live; there are"),
    ({"domain": "guest", "mac": MAC, "restart": "never"}, r"^restart: belongs to a network$"),
    ({"network": "lab", "layers": ["live"]}, r"^layers: belongs to domain and mac$"),
    ({"network": "lab", "inbound": {"average": "10Mb"}}, r"^inbound.average: \"10Mb\" is not allowed; give a whole"
                                                         r" number from 0 to \d+ \(kB/s, 1000 bytes per second\), or"
                                                         r" one with a unit such as 10Mbit/s or 2MB/s$"),
    ({"network": "lab", "state": "absent"}, r"^inbound: cannot be given with state: absent"),
    ({"network": "lab", "inbound": {"peak": 10}}, r"^inbound.peak: needs average beside it$"),
]


@pytest.mark.parametrize(("task", "message"), REFUSED)
def test_what_is_wrong_is_said(clean, task, message):
    run("network", name="lab", state="active", portgroups=[{"name": "a"}], **NAT)
    clean.defineXML(domain_xml("guest", interface()))
    before = sh("virsh net-dumpxml lab --inactive; virsh dumpxml guest")
    with pytest.raises(Failed, match=message):
        run("qos", **dict({"inbound": {"average": 1}}, **task))
    assert sh("virsh net-dumpxml lab --inactive; virsh dumpxml guest") == before


def test_nothing_to_have_is_no_task(clean):
    with pytest.raises(Failed, match=r"^inbound or outbound: is missing$"):
        run("qos", network="lab")


def test_tags_are_refused_where_libvirt_takes_none(clean):
    run("network", name="lab", state="active", portgroups=[{"name": "a"}], **NAT)
    run("network_port", network="lab", mac={"address": "52:54:00:00:04:02"})
    clean.defineXML(domain_xml("guest", interface())).create()
    refusal = r"^vlan: libvirt \d+\.\d+\.\d+ takes VLAN tags only in forward modes .* Linux bridges of the host"
    for target in ({"network": "lab"}, {"network": "lab", "portgroup": "a"},
                   {"network": "lab", "port": "52:54:00:00:04:02"}, {"domain": "guest", "mac": MAC}):
        with pytest.raises(Failed, match=refusal):
            run("vlan", tags=[{"id": 5}], **target)
    with pytest.raises(Failed, match=r"^tags\[1\].native_mode: is already given in tags\[0\]"):
        run("vlan", network="lab", tags=[{"id": 5, "native_mode": "tagged"}, {"id": 6, "native_mode": "tagged"}])
    assert "vlan" not in sh("virsh net-dumpxml lab --inactive; virsh dumpxml guest")
