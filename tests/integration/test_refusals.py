# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to fail is refused before anything stops: with one error, in check mode too, and all goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from integration.host import sh
from integration.lab import LAB
from integration.modules import Failed, run

NETWORKS, AUTOSTART = "/etc/libvirt/qemu/networks", "/etc/libvirt/qemu/networks/autostart"
STATUS, DNSMASQ, FILTERS = "/run/libvirt/network", "/var/lib/libvirt/dnsmasq", "/etc/libvirt/nwfilter"
READ_ONLY = "the file system is read-only; mount it writable"
FULL, NO_INODES = "the file system is full; make room", "the file system has no inodes left; remove files"
RULE = {"rule": {"action": "drop", "direction": "in"}}
DHCP_HOST = {"network": "lab", "mac": "52:54:00:00:01:77", "ip": "192.168.160.7"}


def lab(**options):
    return {"name": "lab", "restart": "always", **options}


def state():
    """All that a refused task is to leave as it is, but for the leases of time."""
    return sh("virsh net-dumpxml lab; virsh net-dumpxml lab --inactive; virsh net-info lab; virsh nwfilter-list --name;"
              " cat /sys/class/net/lab0/ifindex; pidof dnsmasq; ls %s" % NETWORKS)


def refused(module: str, message: str, **options: object) -> None:
    """The task fails with the message, in check mode and else, and changes nothing."""
    before = state()
    for check in (True, False):
        with pytest.raises(Failed) as failed:
            run(module, check=check, **options)
        assert message in str(failed.value)
        assert "\n" not in str(failed.value)
    assert state() == before


@pytest.fixture
def network(clean):
    run("network", **LAB)
    yield clean


@pytest.mark.parametrize(("module", "options"), [
    ("network_info", {"names": [""]}), ("network_port", {"network": "", "mac": {"address": "52:54:00:00:09:01"}}),
    ("dhcp_host", dict(DHCP_HOST, network="")), ("vlan", {"network": "", "tags": [{"id": 4}]}),
    ("qos", {"domain": "", "inbound": {"average": 1}}), ("interface", {"domain": "", "type": "user"})])
def test_an_empty_name_names_nothing(network, module: str, options: dict):
    refused(module, '"" is not allowed; give a name', **options)


def test_what_only_dnsmasq_knows_is_known_before(network):
    """A folder may be what an earlier task makes, so that check mode only warns."""
    refused("network", "dnsmasq_options[1]: foo=bar is not taken by dnsmasq (bad option)",
            **lab(dnsmasq_options=["log-dhcp", "foo=bar"]))
    refused("network", "dnsmasq_options[0]: dhcp-option=option:nonsense,1 is not taken by dnsmasq (bad dhcp-option)",
            **lab(dnsmasq_options=["dhcp-option=option:nonsense,1"]))
    task = lab(ips=[{"address": "192.168.160.1", "prefix": 24, "tftp": {"root": "/run/tftp"}}])
    message, before = "ips[0].tftp.root: /run/tftp is no folder on this host", state()
    with pytest.raises(Failed, match=re.escape(message)):
        run("network", **task)
    assert any(message in text for text in run("network", check=True, **task)["warnings"]) and state() == before
    sh("mkdir -p /run/tftp")
    assert run("network", **task)["changed"] and not run("network", **task)["changed"]
    assert "tftp-root=/run/tftp" in sh("cat %s/lab.conf" % DNSMASQ)
    assert run("network", **lab(dnsmasq_options=["log-dhcp"]))["changed"]


def test_a_rom_that_is_not_there_is_known_before(guest):
    task = {"domain": "guest", "mac": {"address": "52:54:00:00:09:07"}, "type": "user", "model": {"type": "virtio"},
            "rom": {"file": "/run/roms/card.rom"}}
    message = "rom.file: /run/roms/card.rom is no file on this host"
    before = sh("virsh dumpxml guest")
    with pytest.raises(Failed, match=re.escape(message)):
        run("interface", **task)
    assert any(message in text for text in run("interface", check=True, **task)["warnings"])
    done = run("interface", **task, layers=["config"])
    assert done["changed"] and any(message in text for text in done["warnings"])
    assert sh("virsh dumpxml guest") == before


def test_a_connection_that_has_no_networks_to_manage(network):
    for module, options in (("network", {"name": "x"}), ("nwfilter_info", {}), ("topology_info", {})):
        refused(module, 'uri: "test:///default" has no networks that can be managed; give the URI of a hypervisor',
                uri="test:///default", **options)


def test_a_zone_without_firewalld(network):
    refused("network", "bridge.zone: public is a zone of firewalld, which does not run here", name="z", state="active",
            bridge={"zone": "public"})


# --- places


@contextmanager
def spoilt(place: str, how: str) -> Iterator[None]:
    """A place of libvirt's that is read-only, full or without inodes."""
    sh(f"mkdir -p {place} && cp -a {place} /tmp/kept")
    if how == "read-only":
        sh(f"mount --bind {place} {place} && mount -o remount,ro,bind {place}")
    else:
        sh("mount -t tmpfs -o %s tmpfs %s && cp -a /tmp/kept/. %s" % (
            {"full": "size=256k", "no inodes": "nr_inodes=60"}[how], place, place))
        sh("cat /dev/zero >%s/fill 2>/dev/null || true" % place if how == "full" else
           "i=0; while (: >%s/fill$i) 2>/dev/null; do i=$((i + 1)); done" % place)
    try:
        yield
    finally:
        sh("umount %s; rm -rf /tmp/kept" % place)


@pytest.mark.parametrize(("place", "how", "message"), [
    (NETWORKS, "read-only", READ_ONLY), (NETWORKS, "full", FULL), (NETWORKS, "no inodes", NO_INODES),
    (STATUS, "read-only", READ_ONLY), (STATUS, "full", FULL), (STATUS, "no inodes", NO_INODES),
    (DNSMASQ, "read-only", READ_ONLY), (DNSMASQ, "full", FULL),
])
def test_a_restart_where_libvirt_cannot_write(network, place: str, how: str, message: str):
    with spoilt(place, how):
        refused("network", message, **lab(mtu={"size": 1400}))
    assert run("network", **lab(mtu={"size": 1400}))["changed"]


@pytest.mark.parametrize(("module", "place", "options"), [
    ("network", NETWORKS, lab(restart="never", mtu={"size": 1400})),
    ("network", NETWORKS, lab(state="absent")),
    ("network", NETWORKS, {"name": "new"}),
    ("network", AUTOSTART, lab(autostart=True)),
    ("network", STATUS, {"name": "new", "state": "active"}),
    ("dhcp_host", NETWORKS, DHCP_HOST),
    ("dhcp_host", STATUS, DHCP_HOST),
    ("dhcp_host", DNSMASQ, DHCP_HOST),
    ("network_port", DNSMASQ, {"network": "lab", "mac": {"address": "52:54:00:00:09:01"}}),
    ("qos", NETWORKS, {"network": "lab", "inbound": {"average": 100}}),
    ("nwfilter", FILTERS, {"name": "web", "entries": [RULE]}),
    ("nwfilter", FILTERS, {"name": "allow-arp", "state": "absent", "force": True}),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_else_writes_there(network, module: str, place: str, options: dict):
    with spoilt(place, "read-only"):
        refused(module, "%s: libvirt cannot " % place, **options)


@pytest.mark.parametrize("how", ["read-only", "full", "no inodes"])
def test_a_port_that_would_end_the_daemon(guest, how: str):
    """libvirt makes one, if only on trial, with every update of an interface on a network, and dies of it there."""
    port = ("network_port", {"network": "lab", "mac": {"address": "52:54:00:00:09:01"}})
    nic = {"domain": "guest", "mac": {"address": "52:54:00:00:01:01"}}
    daemon = sh("cat /run/libvirtd.pid")
    with spoilt(STATUS, how):
        for module, options in (port, ("interface", dict(nic, link={"state": "down"}))):
            refused(module, "%s: libvirt cannot make port, for " % STATUS, **options)
    sh("virsh net-destroy lab; virsh net-start lab")
    with spoilt(STATUS, how):
        refused("network", "%s: libvirt cannot make port, for " % STATUS, **LAB)
    assert sh("cat /run/libvirtd.pid") == daemon
    assert run("network", **LAB)["changed"] and run("interface", **dict(nic, link={"state": "down"}))["changed"]
    assert run(port[0], **port[1])["changed"]


def test_what_does_not_write_there_is_done(network):
    with spoilt(FILTERS, "read-only"), spoilt(AUTOSTART, "full"):
        assert run("network", **lab(mtu={"size": 1400}, autostart=True))["changed"]
        run("network", name="other", bridge={"name": "other0"}, state="active")
    with spoilt(DNSMASQ, "read-only"), spoilt(AUTOSTART, "read-only"):
        assert run("network", name="other", mtu={"size": 1400}, restart="always")["changed"]
    with spoilt(DNSMASQ, "no inodes"):
        assert run("network", **lab(mtu={"size": 1300}))["changed"]
    with spoilt(NETWORKS, "full"):
        assert run("network", name="other", state="absent")["changed"]


# --- dnsmasq


def test_what_takes_dnsmasq_where_that_cannot_start(network):
    sh("mount --bind /bin/false /usr/sbin/dnsmasq")
    try:
        for options in ({"mtu": {"size": 1400}}, {"dns": {"txts": [{"name": "a", "value": "b"}]}}):
            refused("network", "dnsmasq: /usr/sbin/dnsmasq does not work", **lab(**options))
        refused("dns_record", "dnsmasq: /usr/sbin/dnsmasq does not work", network="lab",
                txts=[{"name": "a", "value": "b"}])
        assert run("dhcp_host", **DHCP_HOST)["changed"]
        assert "start network new" in run("network", name="new", bridge={"name": "new0"}, state="active")["steps"]
    finally:
        sh("umount /usr/sbin/dnsmasq")
    assert run("network", **lab(mtu={"size": 1400}))["changed"]


# --- the definition


def test_the_bridge_of_another_network(network):
    run("network", name="other", state="inactive", bridge={"name": "other0"})
    refused("network", "bridge.name: other0 is the bridge of network other; give another name",
            **lab(bridge={"name": "other0", "stp": False}))
    refused("network", "bridge.name: lab0 is the bridge of network lab", name="new", bridge={"name": "lab0"})
    assert run("network", name="new", forward={"mode": "bridge"}, bridge={"name": "lab0"})["changed"]


@pytest.mark.parametrize("autostart", [True, False])
def test_a_name_that_no_device_can_have(network, autostart: bool):
    task = {"name": "new", "bridge": {"name": "a-name-of-16-chars"}, "autostart": autostart}
    message = "bridge.name: a-name-of-16-chars is too long; the kernel takes at most 15 characters"
    if autostart:
        refused("network", message, **task)
    else:
        assert run("network", **task)["warnings"] == [message + "; network new cannot start so"]


def test_a_device_that_may_be_gone_by_then_is_warned_of(network):
    done = run("network", name="new", bridge={"name": "hostbr0"}, autostart=True)
    assert done["warnings"] == ["bridge.name: the host already has a device hostbr0, which libvirt is to make; network"
                                " new cannot start so"]


def test_all_names_that_libvirt_makes_up_are_taken(network):
    for number in range(257):
        sh("virsh net-define /dev/stdin <<'X'\n<network><name>n%d</name></network>\nX" % number)
    refused("network", "bridge.name: is missing; libvirt makes up at most 257 names (virbr0 to virbr256)", name="new")
    assert run("network", name="new", bridge={"name": "new0"})["changed"]
    run("network", name="n7", state="absent")
    assert run("network", name="again")["changed"]


def test_limits_of_a_portgroup_that_an_update_would_set(guest):
    """libvirt sets a part of them and fails, and the guest would be slowed down for good."""
    mine = {"domain": "guest", "mac": {"address": "52:54:00:00:01:01"}, "link": {"state": "down"}}
    run("network", **lab(portgroups=[{"name": "all", "default": True}]))
    run("qos", network="lab", portgroup="all", inbound={"average": 100})
    tap = sh("virsh domiflist guest | awk '/52:54/ {print $1}'").strip()
    before = sh("tc qdisc show dev %s" % tap)
    try:
        run("interface", check=True, **mine)
    except Failed as failed:
        assert "source.portgroup.bandwidth.inbound: the kernel of this host lacks sch_sfq" in str(failed)
        refused("interface", "lacks sch_sfq", **mine)
        assert sh("tc qdisc show dev %s" % tap) == before
    else:  # a kernel that has them
        assert run("interface", **mine)["changed"]


@pytest.mark.parametrize(("direction", "module"), [("inbound", "sch_sfq"), ("outbound", "act_police")])
def test_limits_that_the_kernel_lacks(network, direction: str, module: str):
    """The kernel of the sandbox may have them."""
    limits = {direction: {"average": 1000}}
    try:
        done = run("network", check=True, **lab(bandwidth=limits))
    except Failed as failed:
        assert "bandwidth.%s: the kernel of this host lacks %s" % (direction, module) in str(failed)
        refused("network", "lacks " + module, **lab(bandwidth=limits))
        refused("qos", direction + ": the kernel of this host lacks", network="lab", restart="always", **limits)
    else:
        assert run("network", **lab(bandwidth=limits))["steps"] == done["steps"]
    assert sh("tc qdisc show dev lo").startswith("qdisc noqueue")
