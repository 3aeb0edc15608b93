# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLAN tags and trunks of running guests on Open vSwitch, witnessed by ovs-vsctl."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from guest.domain import domain_xml
from integration.host import remove_everything, sh
from integration.modules import Failed, converge, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import limits as limits_of_kernel

MAC = "52:54:00:00:03:01"
SWITCH = {"type": "openvswitch"}
START = """
mkdir -p /run/openvswitch
ovsdb-tool create /run/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /run/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock \\
    -vconsole:off --pidfile --log-file --detach
ovs-vsctl --no-wait init
ovs-vswitchd -vconsole:off --pidfile --log-file --detach
"""


@pytest.fixture
def switch(clean):
    """A bridge of Open vSwitch's userspace datapath, which needs nothing of the kernel."""
    started = subprocess.run(["ovs-vsctl", "show"], check=False, capture_output=True).returncode
    if started:
        sh(START)
    sh("ovs-vsctl add-br ovsbr0 -- set bridge ovsbr0 datapath_type=netdev")
    yield clean
    remove_everything(clean)
    sh("ovs-vsctl del-br ovsbr0")
    for daemon in ("ovs-vswitchd", "ovsdb-server") if started else ():
        sh("kill %s" % Path("/run/openvswitch/%s.pid" % daemon).read_text())


def boot(connection, interface):
    connection.defineXML(domain_xml("guest", interface)).create()
    return sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip()


def port(tap):
    """The tag, the trunks and the mode of a port."""
    return [sh("ovs-vsctl get port %s %s" % (tap, column)).strip() for column in ("tag", "trunks", "vlan_mode")]


def changed(**options):
    assert not converge("interface", domain="guest", mac={"address": MAC}, **options)["restart_required"]


def test_tag_and_trunk_of_an_interface_of_a_bridge(switch):
    tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsbr0'/>"
                       "<virtualport type='openvswitch'/><model type='virtio'/></interface>" % MAC)
    changed(vlan={"tags": [{"id": 5}]})
    assert port(tap) == ["5", "[]", "[]"]
    changed(vlan={"trunk": True, "tags": [{"id": 5, "native_mode": "untagged"}, {"id": 6}]})
    assert port(tap) == ["5", "[5, 6]", "native-untagged"]
    changed(vlan={"tags": [{"id": 5}]})  # a trunk that follows from its tags goes with them
    assert port(tap) == ["5", "[]", "[]"]
    changed(vlan={"trunk": True})
    assert port(tap) == ["[]", "[5]", "[]"]
    changed(vlan={"tags": [{"id": 6}]})
    assert port(tap) == ["[]", "[6]", "[]"]
    if switch.getLibVersion() < 9000000:  # which gives ovs-vsctl nothing to set
        with pytest.raises(Failed, match=r"Unable to set vlan configuration on port vnet\d+\. Nothing was changed\."):
            run("interface", domain="guest", mac={"address": MAC}, vlan={})
        return
    changed(vlan={})
    assert port(tap) == ["[]", "[]", "[]"]
    changed(link={"state": "down"})
    found, = run("interface_info", domain="guest")["interfaces"]
    for options in (found, dict(found, purge=True)):
        assert run("interface", **options)["steps"] == []


def test_the_switch_port_and_tag_of_a_network_are_no_difference(switch):
    run("network", name="ovs", state="active", forward={"mode": "bridge"}, bridge={"name": "ovsbr0"},
        virtualport=SWITCH, vlan={"tags": [{"id": 7}]})
    tap = boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs'/>"
                       "<model type='virtio'/></interface>" % MAC)
    assert port(tap)[0] == "7"
    found, = run("interface_info", domain="guest")["interfaces"]
    assert found["status"]["running"]["inherited"] == ["virtualport", "vlan"]
    assert found["status"]["drift"] == []
    for options in (found, dict(found, purge=True)):
        assert run("interface", **options)["steps"] == []
    changed(vlan={"tags": [{"id": 8}]})
    assert port(tap)[0] == "8"
    changed(vlan={})
    assert port(tap)[0] == "7"


def test_tags_on_their_own(switch):
    run("network", name="ovs", state="active", forward={"mode": "bridge"}, bridge={"name": "ovsbr0"},
        virtualport=SWITCH, portgroups=[{"name": "office"}])
    in_office = {"network": "ovs", "portgroup": "office"}
    assert run("vlan", tags=[{"id": 7}], **in_office)["changed"]
    assert not run("vlan", tags=[{"id": 7}], **in_office)["changed"]
    tap = boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs' portgroup='office'/>"
                       "<model type='virtio'/></interface>" % MAC)
    assert port(tap) == ["7", "[]", "[]"]
    waits = run("vlan", tags=[{"id": 8}], **in_office)
    assert waits["restart_required"]
    assert "guest (%s) is shut down" % MAC in waits["warnings"][0]
    assert port(tap) == ["7", "[]", "[]"]
    guest = {"domain": "guest", "mac": MAC, "tags": [{"id": 9, "native_mode": "untagged"}, {"id": 10}]}
    assert run("vlan", check=True, **guest)["steps"] == run("vlan", **guest)["steps"]
    assert port(tap) == ["9", "[9, 10]", "native-untagged"]
    assert not run("vlan", **guest)["changed"]
    assert "id='9'" in sh("virsh dumpxml guest --inactive")
    assert run("vlan", network="ovs", tags=[{"id": 3}])["restart_required"]
    assert "<tag id='3'/>" in sh("virsh net-dumpxml ovs --inactive")


LOSSES = ("set port %s tag=6", "clear port %s tag", "set port %s trunks=5,6", "set port %s vlan_mode=native-tagged",
          "set port %s tag=9 trunks=1 vlan_mode=native-untagged")


@pytest.mark.parametrize("loss", LOSSES)
def test_tags_that_somebody_changed_come_back(switch, loss: str):
    tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsbr0'/>"
                       "<virtualport type='openvswitch'/><vlan><tag id='5'/></vlan><model type='virtio'/>"
                       "</interface>" % MAC)
    for module, task in (("interface", {"vlan": {"tags": [{"id": 5}]}}), ("interface", {"link": {"state": "up"}}),
                         ("vlan", {"tags": [{"id": 5}]})):
        target = {"mac": MAC} if module == "vlan" else {"mac": {"address": MAC}}
        run(module, domain="guest", **target, **task)
        sh("ovs-vsctl " + loss % tap)
        found, = run("interface_info", domain="guest")["interfaces"]
        said = [(one["layer"], one["path"]) for one in found["status"]["drift"]]
        done = converge(module, domain="guest", **target, **task)
        assert said == [(one["layer"], one["path"]) for one in done["drift"]] != []
        assert done["steps"] == ["set the VLAN tags of %s of guest guest" % tap] and port(tap) == ["5", "[]", "[]"]


def trunk(native: str | None) -> dict:
    return {"trunk": True, "tags": [{"id": 8, **({"native_mode": native} if native else {})}, {"id": 7}]}


@pytest.mark.parametrize(("first", "then", "by_hand"), [
    ("tagged", "untagged", "native-tagged"), ("untagged", "tagged", "native-untagged"), ("tagged", None, "trunk"),
    ("untagged", None, "access"), (None, "tagged", "native-untagged"), (None, "untagged", "native-tagged")])
def test_the_mode_of_a_native_vlan_is_changed_and_seen(switch, first: str | None, then: str | None, by_hand: str):
    """Of a portgroup's guest, whose own tags count, and behind libvirt's back."""
    network = {"name": "ovs", "state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"},
               "virtualport": SWITCH}
    run("network", **network, portgroups=[{"name": "trunk", "vlan": trunk(first)}])
    tap = boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs' portgroup='trunk'/>"
                       "<model type='virtio'/></interface>" % MAC)
    said = run("network", **network, portgroups=[{"name": "trunk", "vlan": trunk(then)}])
    assert "vlan of portgroup trunk waits until guest (%s)" % MAC in said["warnings"][0]
    changed(vlan=trunk(then))
    mode = "native-%s" % then if then else "[]"
    assert port(tap) == ["8" if then else "[]", "[7, 8]", mode]
    sh("ovs-vsctl set port %s vlan_mode=%s" % (tap, by_hand))
    for module, task in (("interface_info", {"domain": "guest"}), ("network_info", {"names": ["ovs"]})):
        found, = next(value for key, value in run(module, **task).items() if key in ("interfaces", "networks"))
        assert [one["path"].rpartition("vlan.")[1:] for one in found["status"]["drift"]] == [("vlan.", "vlan_mode")]
    converge("vlan", domain="guest", mac=MAC, **trunk(then))
    assert port(tap)[2] == mode


def test_a_network_sees_the_tags_of_its_guests(switch):
    network = {"name": "ovs", "state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"},
               "virtualport": SWITCH, "portgroups": [{"name": "office", "vlan": {"trunk": True, "tags": [
                   {"id": 8, "native_mode": "tagged"}, {"id": 7}]}}]}
    run("network", **network)
    tap = boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs' portgroup='office'/>"
                       "<model type='virtio'/></interface>" % MAC)
    assert run("network", **network)["drift"] == []
    sh("ovs-vsctl clear port %s tag vlan_mode" % tap)
    place = "guests[guest (%s)].vlan." % MAC
    assert [one["path"] for one in run("network_info", names=["ovs"])["networks"][0]["status"]["drift"]] == [
        place + "tag", place + "vlan_mode"]
    converge("network", **network)
    assert port(tap) == ["8", "[7, 8]", "native-tagged"]
    sh("ovs-vsctl del-port %s" % tap)
    said = run("network", **network)
    assert said["steps"] == [] and "that cannot be repaired from here" in said["warnings"][0]


def test_a_network_says_whose_tags_its_portgroup_had_before(switch):
    network = {"name": "ovs", "state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"},
               "virtualport": SWITCH, "portgroups": [{"name": "office", "vlan": {"tags": [{"id": 7}]}}]}
    run("network", **network)
    tap = boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs' portgroup='office'/>"
                       "<model type='virtio'/></interface>" % MAC)
    assert run("network", **network)["restarts"] == []
    network["portgroups"] = [{"name": "office", "vlan": {"tags": [{"id": 8}]}}]
    for changes in (True, False):
        done = run("network", **network)
        assert (done["changed"], port(tap)[0], done["restart_required"]) == (changes, "7", True)
        assert [(one["kind"], one["name"]) for one in done["restarts"]] == [("guest", "guest")]
    sh("virsh destroy guest; virsh start guest")
    assert run("network", **network)["restarts"] == []


def test_a_network_does_not_take_its_guests_to_another_bridge(switch):
    network = {"name": "ovs", "state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"},
               "virtualport": SWITCH}
    run("network", **network)
    boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs'/><model type='virtio'/>"
                 "</interface>" % MAC)
    sh("ovs-vsctl add-br ovsbr1 -- set bridge ovsbr1 datapath_type=netdev")
    moved = {**network, "bridge": {"name": "ovsbr1"}}
    with pytest.raises(Failed, match=r"restart: always cannot take guest \(%s\) from ovsbr0 to ovsbr1" % MAC):
        run("network", **moved, restart="always")
    assert run("network", **moved)["restart_required"]
    sh("virsh destroy guest")
    converge("network", **moved)
    sh("virsh start guest; ovs-vsctl list-ports ovsbr1 | grep vnet; virsh destroy guest; ovs-vsctl del-br ovsbr1")


def test_a_bridge_that_is_a_vlan_of_another_gives_its_own_tag(switch):
    sh("ovs-vsctl add-br ovsvlan ovsbr0 33")
    tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsvlan'/>"
                       "<virtualport type='openvswitch'/><model type='virtio'/></interface>" % MAC)
    assert port(tap)[0] == "33"
    assert run("interface", domain="guest", mac={"address": MAC}, link={"state": "up"})["drift"] == []
    sh("virsh destroy guest; virsh undefine guest; ovs-vsctl del-br ovsvlan")


def limits(tap):
    """What a port may receive, and what it may send, which is empty without."""
    receives = [sh("ovs-vsctl get interface %s ingress_policing_%s" % (tap, name)) for name in ("rate", "burst")]
    sends = [sh("ovs-vsctl --if-exists get qos $(ovs-vsctl get port %s qos) other_config:%s" % (tap, name))
             for name in ("min-rate", "max-rate", "burst")]
    return [text.strip().strip('"') for text in (*receives, *sends)]


def test_limits_that_somebody_took_away_come_back(switch):
    bandwidth = {"inbound": {"average": 1000, "peak": 2000, "burst": 64}, "outbound": {"average": 512, "burst": 32}}
    tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsbr0'/>"
                       "<virtualport type='openvswitch'/><model type='virtio'/></interface>" % MAC)
    task = {"domain": "guest", "mac": {"address": MAC}, "bandwidth": bandwidth}
    if switch.getLibVersion() < 9000000 and not limits_of_kernel.has("sch_sfq"):  # tc limits then
        with pytest.raises(Failed, match=r"^bandwidth\.inbound: the kernel of this host lacks sch_sfq"):
            run("interface", **task)
        return
    converge("interface", **task)
    full = ["4096", "256", "8000000", "16000000", "524288"]
    assert limits(tap) == full
    for loss in ("clear port %s qos", "set interface %s ingress_policing_rate=0",
                 "set interface %s ingress_policing_rate=8"):
        sh("ovs-vsctl " + loss % tap)
        done = converge("interface", **task)
        assert done["steps"] == ["limit the traffic of the running interface %s of guest guest again" % MAC]
        assert {one["layer"] for one in done["drift"]} == {"kernel"}
        assert limits(tap) == full
    sh("ovs-vsctl clear port %s qos" % tap)
    assert converge("qos", domain="guest", mac=MAC, inbound=bandwidth["inbound"])["changed"]
    assert limits(tap) == full


def test_a_tag_stays_on_a_running_guest_while_its_move_waits(switch):
    """In one task, and in two; then both wait for the same start."""
    run("network", name="ovs", state="active", forward={"mode": "bridge"}, bridge={"name": "ovsbr0"},
        virtualport=SWITCH, portgroups=[{"name": "office", "vlan": {"tags": [{"id": 9}]}}])
    move = {"type": "network", "source": {"network": "ovs", "portgroup": "office"}}
    for tasks in ([{**move, "vlan": {}}], [move, {"vlan": {}}], [{"type": "network", "source": {"network": "ovs"}},
                                                                 {"source": {"portgroup": "office"}}, {"vlan": {}}]):
        tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsbr0'/>"
                           "<virtualport type='openvswitch'/><vlan><tag id='5'/></vlan><model type='virtio'/>"
                           "</interface>" % MAC)
        for task in tasks:
            done = converge("interface", domain="guest", mac={"address": MAC}, **task)
            assert done["restart_required"] and done["restarts"][0]["name"] == "guest"
            assert port(tap)[0] == "5"
        assert "vlan" not in sh("virsh dumpxml --inactive guest")
        sh("virsh destroy guest && virsh start guest")
        assert port(sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip())[0] == "9"
        sh("virsh destroy guest && virsh undefine guest")


@pytest.mark.parametrize("waiting", [{}, {"vlan": {"tags": [{"id": 6}]}}, {"vlan": {}}])
def test_a_move_that_waits_is_called_off_with_another_tag(switch, waiting):
    """The guest stays where it runs, so the tag is no longer one of what waits."""
    sh("ovs-vsctl add-br ovsbr1 -- set bridge ovsbr1 datapath_type=netdev")
    try:
        tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsbr0'/>"
                           "<virtualport type='openvswitch'/><vlan><tag id='5'/></vlan><model type='virtio'/>"
                           "</interface>" % MAC)
        assert converge("interface", domain="guest", mac={"address": MAC}, source={"bridge": "ovsbr1"}, **waiting)[
            "restart_required"]
        assert port(tap)[0] == "5"
        changed(source={"bridge": "ovsbr0"}, vlan={"tags": [{"id": 7}]})
        assert port(tap)[0] == "7"
    finally:
        sh("ovs-vsctl del-br ovsbr1")


def test_isolation_that_open_vswitch_has_not_is_refused(switch):
    network = {"name": "ovs", "state": "active", "forward": {"mode": "bridge"}, "bridge": {"name": "ovsbr0"},
               "virtualport": SWITCH}
    with pytest.raises(Failed, match=r"^port\.isolated: is of Linux bridges; Open vSwitch isolates no port"):
        run("network", **network, port={"isolated": True})
    run("network", **network)
    boot(switch, "<interface type='network'><mac address='%s'/><source network='ovs'/><model type='virtio'/>"
                 "</interface>" % MAC)
    with pytest.raises(Failed, match=r"^port\.isolated: is of Linux bridges"):
        run("interface", domain="guest", mac={"address": MAC}, port={"isolated": True})


def test_tags_that_libvirt_sets_and_says_it_could_not_are_taken_back(switch):
    """ovs-vsctl writes into the database, and then waits in vain for ovs-vswitchd."""
    tap = boot(switch, "<interface type='bridge'><mac address='%s'/><source bridge='ovsbr0'/>"
                       "<virtualport type='openvswitch'/><vlan><tag id='5'/></vlan><model type='virtio'/>"
                       "</interface>" % MAC)
    sh("kill -9 $(cat /run/openvswitch/ovs-vswitchd.pid)")
    try:
        with pytest.raises(Failed, match=r"All is as it was; put back: set the VLAN tags of %s as they were" % tap):
            run("interface", domain="guest", mac={"address": MAC}, vlan={"tags": [{"id": 6}]})
    finally:
        sh("ovs-vswitchd -vconsole:off --pidfile --log-file --detach")
    assert port(tap)[0] == "5"
