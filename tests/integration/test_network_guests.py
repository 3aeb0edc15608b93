# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running guests keep their network: a guest answers after every kind of change, and is never touched."""

from __future__ import annotations

import pytest
from integration.host import remove_everything, sh
from integration.lab import GUEST, LAB, answers, boot, tap_of
from integration.modules import Failed, converge, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt


def pid_of(domain):
    return sh("cat /run/libvirt/qemu/%s.pid" % domain.name())


def changed(**options):
    return converge("network", **{"name": "lab", "state": "active", **options})


def stopped(result):
    return any(step.startswith("stop") for step in result["steps"])


@pytest.mark.parametrize("options", [
    {"ips": [{"address": "192.168.160.1", "prefix": 24, "dhcp": {
        "ranges": [{"start": "192.168.160.100", "end": "192.168.160.150"}],
        "hosts": [{"mac": "52:54:00:00:01:01", "ip": GUEST, "name": "guest"}]}}]},
    {"ips": [{"address": "192.168.160.1", "prefix": 24, "dhcp": {
        "ranges": [{"start": "192.168.160.120", "end": "192.168.160.160"}]}}]},
    {"dns": {"hosts": [{"ip": GUEST, "hostnames": ["guest"]}]}},
    {"dns": {"txts": [{"name": "a", "value": "b"}], "srvs": [{"service": "s", "protocol": "tcp", "target": "t"}]}},
    {"portgroups": [{"name": "slow", "default": True}]},
    {"forward": {"mode": "nat", "dev": "nic0"}},
    {"metadata": ["<note xmlns='urn:note'>x</note>"]},
], ids=["dhcp host", "dhcp range", "dns host", "dns txt and srv", "portgroup", "forward interface", "metadata"])
def test_a_change_that_libvirt_can_make_live_leaves_the_guest_alone(guest, options):
    before = tap_of(guest)
    done = changed(**options)
    assert not stopped(done)
    assert not done["restart_required"]
    assert "master lab0" in sh("ip link show %s" % before)
    assert answers()


def test_metadata_of_a_running_network_is_changed_where_libvirt_can(guest):
    first = {"metadata": ["<a:note xmlns:a='urn:note' a:kind='x'><a:b/></a:note>", "<o xmlns='urn:other'/>"]}
    second = {"metadata": ["<meta:note xmlns:meta='urn:note'>y</meta:note>"]}
    both = "virsh net-dumpxml lab; virsh net-dumpxml --inactive lab"
    if not Libvirt("qemu:///system").sets_metadata:
        changed(**first)
        assert sh(both).count("urn:note") == 1
        return
    texts = {"title": "A lab", "description": "for all"}
    changed(**texts, **first)
    assert [sh(both).count(word) for word in ("A lab", "for all", "a:kind", "<o xmlns")] == [2, 2, 2, 2]
    changed(title="", description="", **second)
    assert [sh(both).count(word) for word in ("<title", "<desc", "a:kind", "<o xmlns", ">y<")] == [0, 0, 0, 0, 2]
    changed(metadata=[])
    assert "metadata" not in sh(both)
    assert answers()


def test_a_change_that_needs_a_restart_waits_while_a_guest_is_there(guest):
    done = changed(mtu={"size": 1400})
    assert done["steps"] == ["change the configuration of network lab"]
    assert done["restart_required"]
    assert "guest (52:54:00:00:01:01)" in done["warnings"][0]
    assert "mtu size='1400'" in sh("virsh net-dumpxml --inactive lab")
    assert "mtu" not in sh("virsh net-dumpxml lab")
    waiting = run("network", name="lab", mtu={"size": 1400})
    assert (waiting["changed"], waiting["restart_required"]) == (False, True)
    assert answers()


def test_restart_never_waits_though_the_network_is_idle(clean):
    run("network", **LAB)
    done = run("network", name="lab", mtu={"size": 1400}, restart="never")
    assert (done["steps"], done["restart_required"]) == (["change the configuration of network lab"], True)


def test_restart_always_connects_the_guest_again_without_touching_it(guest):
    pid, tap = pid_of(guest), tap_of(guest)
    sh("bridge link set dev %s learning off flood off isolated on" % tap)
    done = changed(mtu={"size": 1400}, restart="always")
    assert done["steps"] == ["change the configuration of network lab", "stop network lab", "start network lab",
                             "connect guest (52:54:00:00:01:01) again"]
    assert (pid_of(guest), tap_of(guest)) == (pid, tap)
    assert "mtu 1400" in sh("ip link show lab0")
    assert "mtu 1400" in sh("ip link show %s" % tap)
    settings = sh("bridge -d link show dev %s" % tap)
    assert all(word in settings for word in ("master lab0", "learning off", "flood off", "isolated on"))
    assert sh("virsh net-port-list lab | grep -c -- -").strip() == "2"  # the rule below the heading, and the port
    assert sh("virsh net-dumpxml lab | grep connections=.1.")
    sh("bridge link set dev %s learning on flood on isolated off" % tap)
    assert answers()


def test_restart_always_follows_the_bridge_to_another_name(guest):
    changed(bridge={"name": "lab1"}, restart="always")
    assert "master lab1" in sh("ip link show %s" % tap_of(guest))
    assert answers()
    assert run("network_info", names=["lab"])["networks"][0]["status"]["drift"] == []


def test_when_the_new_network_does_not_start_the_old_one_is_back_with_its_guest(guest):
    sh("ip link add wide0 type veth peer name wide1; ip link set wide0 up; ip link set wide1 up;"
       " ip route add 192.168.170.0/24 dev wide0")  # which only libvirt looks for
    pid = pid_of(guest)
    before = sh("virsh net-dumpxml --inactive lab; virsh net-dumpxml lab")
    with pytest.raises(Failed) as failure:
        run("network", name="lab", restart="always", ips=[{"address": "192.168.170.1", "prefix": 24}])
    sh("ip link del wide0")
    message = str(failure.value)
    assert message.startswith("Could not start network lab: ")
    assert "All is as it was; put back: define network lab as it was; start network lab as it ran; connect" in message
    assert sh("virsh net-dumpxml --inactive lab; virsh net-dumpxml lab") == before
    assert pid_of(guest) == pid
    assert answers()


def test_a_tap_that_left_the_bridge_is_put_back(guest):
    tap = tap_of(guest)
    sh("ip link set %s nomaster" % tap)
    done = changed()
    assert done["steps"] == ["put %s of guest guest back into bridge lab0" % tap]
    assert answers()


def test_a_bridge_that_was_deleted_is_made_again_with_the_guest_in_it(guest):
    sh("ip link del lab0")
    assert "make bridge lab0 again" in changed()["steps"]
    assert answers()


def test_a_network_outside_libvirts_ports_keeps_foreign_devices(clean):
    """A veth that somebody put into the bridge is there again after a restart."""
    run("network", **LAB)
    sh("ip link set nic1 master lab0")
    done = changed(mtu={"size": 1400}, restart="always")
    assert done["steps"][-1] == "connect nic1 again"
    assert "master lab0" in sh("ip link show nic1")
    sh("ip link set nic1 nomaster")


def test_a_restart_isolates_guests_as_the_network_says_from_then_on(guest):
    tap = tap_of(guest)
    sh("bridge link set dev %s learning off" % tap)
    for isolated, word in ((True, "isolated on"), (False, "isolated off")):
        changed(port={"isolated": isolated}, restart="always")
        settings = sh("bridge -d link show dev %s" % tap)
        assert word in settings and "learning off" in settings
        assert answers()


def test_a_host_bridge_keeps_its_guest_over_a_restart(clean):
    sh("ip addr replace 192.168.161.1/24 dev hostbr0")
    task = {"name": "lab", "state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "hostbr0"}}
    run("network", **task)
    domain = boot(clean, address="192.168.161.9")
    assert answers("192.168.161.9")
    pid = pid_of(domain)
    changed(**dict(task, port={"isolated": True}, restart="always"))
    assert pid_of(domain) == pid
    assert answers("192.168.161.9")
    assert sh("virsh net-dumpxml lab | grep connections=.1.")
    run("network", **dict(task, port={}, restart="always"))
    domain.destroy()
    assert "connections" not in sh("virsh net-dumpxml lab")


def test_a_macvtap_pool_knows_its_guest_after_a_restart(clean):
    task = {"name": "lab", "state": "active", "forward": {"mode": "passthrough", "interfaces": [{"dev": "nic0"}]}}
    run("network", **task)
    domain = boot(clean)
    done = changed(**dict(task, trust_guest_rx_filters=True, restart="always"))
    assert stopped(done)
    status = run("network_info", names=["lab"])["networks"][0]["status"]
    assert status["live"]["forward"]["interfaces"] == [{"dev": "nic0", "connections": 1}]
    assert domain.isActive()


def test_who_has_which_device_of_a_pool_is_known_after_the_way_back(clean):
    forward = {"mode": "bridge", "interfaces": [{"dev": "nic0"}]}
    run("network", name="lab", state="active", forward=forward)
    boot(clean)
    before = sh("virsh net-dumpxml lab")
    with pytest.raises(Failed, match=r"^What was done is not kept: .*\. All is as it was; put back: "):
        run("network", name="lab", state="active", restart="always",
            forward={"mode": "bridge", "interfaces": [{"dev": "nic0"}, {"dev": "nic1"}]},
            confirm={"timeout": 1, "probes": [{"address": "192.0.2.9"}]})
    assert "connections='1'" in before and sh("virsh net-dumpxml lab") == before


def test_a_macvtap_pool_in_use_is_changed_when_it_is_restarted(clean):
    """An update would have libvirt forget which device is taken."""
    task = {"name": "lab", "state": "active", "forward": {"mode": "passthrough", "interfaces": [{"dev": "nic0"}]}}
    run("network", **task)
    domain = boot(clean)
    group = dict(task, portgroups=[{"name": "web"}])
    done = changed(**group)
    assert done["restart_required"]
    assert not stopped(done)
    assert "connections='1'" in sh("virsh net-dumpxml lab")
    assert "web" in sh("virsh net-dumpxml --inactive lab")
    assert not changed(**dict(group, restart="always"))["restart_required"]
    assert all(word in sh("virsh net-dumpxml lab") for word in ("connections='1'", "web"))
    assert domain.isActive()


def test_restart_always_refuses_what_would_leave_the_guest_behind(guest):
    before = sh("virsh net-dumpxml --inactive lab; virsh net-dumpxml lab")
    with pytest.raises(Failed, match=r"restart: always cannot take guest .* from bridge to macvtap private"):
        run("network", name="lab", restart="always", purge=True,
            forward={"mode": "private", "interfaces": [{"dev": "nic0"}]})
    assert sh("virsh net-dumpxml --inactive lab; virsh net-dumpxml lab") == before
    assert answers()


def test_absent_says_whom_it_takes_the_network_from(guest):
    done = run("network", name="lab", state="absent")
    assert done["steps"] == ["stop network lab", "remove network lab"]
    assert "network lab is stopped under guest (52:54:00:00:01:01)" in done["warnings"][0]


def test_a_network_that_became_transient_is_kept_again(guest):
    uuid = sh("virsh net-uuid lab")
    sh("virsh net-undefine lab")
    assert run("network", name="lab", state="active")["network"]["persistent"] is False
    done = changed(autostart=True)
    assert done["steps"] == ["define network lab", "switch autostart of network lab on"]
    assert not run("network", **LAB, purge=True)["changed"]
    assert sh("virsh net-uuid lab") == uuid
    sh("virsh net-undefine lab")
    assert changed(autostart=True, domain={"name": "lab.example"})["restart_required"]
    assert "lab.example" in sh("virsh net-dumpxml --inactive lab")
    assert answers()
    sh("virsh net-undefine lab")
    assert changed(state="inactive")["steps"] == ["define network lab", "stop network lab"]
    assert "lab.example" not in sh("virsh net-dumpxml --inactive lab")


@pytest.fixture(scope="module", autouse=True)
def leave_nothing(hypervisor):
    yield
    remove_everything(hypervisor)
