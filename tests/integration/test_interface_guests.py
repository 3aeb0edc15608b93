# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of running guests: what changes in place, what is plugged, and what waits; a guest that answers tells."""

from __future__ import annotations

import re
import time

import pytest
from guest.domain import domain_xml
from integration.host import sh, within
from integration.modules import Failed, converge, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface import steps

GUEST, MAC, NEW = "192.168.160.9", "52:54:00:00:01:01", "52:54:00:00:01:02"
LAB = {"name": "lab", "state": "active", "forward": {"mode": "nat"}, "bridge": {"name": "lab0", "stp": False},
       "ips": [{"address": "192.168.160.1", "prefix": 24}]}
INTERFACE = ("<interface type='network'><mac address='%s'/><source network='lab'/>"
             "<model type='virtio'/></interface>" % MAC)
# free ports, without which a q35 machine has no place for another interface
PORTS = "<controller type='pci' index='0' model='pcie-root'/>" + "<controller type='pci' model='pcie-root-port'/>" * 4


def document(interface: str = INTERFACE) -> str:
    return domain_xml("guest", PORTS + interface, cmdline="guest.ip=%s/24" % GUEST)


def answers(seconds: float = 30) -> bool:
    return within(seconds, lambda: "1 received" in sh("ping -c1 -W1 %s || true" % GUEST))


def silent() -> bool:
    return within(5, lambda: "0 received" in sh("ping -c1 -W1 %s || true" % GUEST))


@pytest.fixture
def guest(clean):
    """A guest that answers on the network lab."""
    run("network", **LAB)
    domain = clean.defineXML(document())
    domain.create()
    assert answers()
    return domain


def test_an_address_is_waited_for(clean):
    run("network", **{**LAB, "ips": [{"address": "192.168.160.1", "prefix": 24, "dhcp": {
        "ranges": [{"start": "192.168.160.100", "end": "192.168.160.150"}]}}]})
    clean.defineXML(domain_xml("guest", INTERFACE, cmdline="guest.dhcp=1")).create()
    for wanted, words in (({"timeout": 1, "family": "ipv6"}, "no IPv6 address after 1 s; lease: none; agent: there"),
                          ({"network": "nope"}, "there is no network nope"),
                          ({"timeout": 0}, "wait_for_address.timeout: 0 is not allowed")):
        with pytest.raises(Failed, match=words):
            run("interface_info", domain="guest", wait_for_address=wanted)
    assert run("interface_info", check=True, domain="guest", wait_for_address={})["address"] is None
    found = run("interface_info", domain="guest", wait_for_address={"network": "lab", "family": "ipv4"})["address"]
    assert found == dict(found, prefix=24, family="ipv4", source="lease", mac=MAC, network="lab")
    assert found["address"] + "/24" in sh("virsh domifaddr guest --source lease")


def converged(**options) -> dict:
    return converge("interface", **{"domain": "guest", "mac": {"address": MAC}, **options})


def live() -> str:
    return sh("virsh dumpxml guest")


def config() -> str:
    return sh("virsh dumpxml --inactive guest")


def tap(mac: str = MAC) -> str:
    return sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % mac).strip()


def test_the_cable_is_pulled_and_plugged_in(guest):
    done = converged(link={"state": "down"})
    assert done["steps"] == ["change link.state of the running interface %s of guest guest" % MAC,
                             "change the configuration of interface %s of guest guest" % MAC]
    assert not done["restart_required"]
    assert silent()
    converged(link={})
    assert answers()


def test_one_layer_alone(guest):
    converged(link={"state": "down"}, layers=["live"])
    assert "link state" not in config()
    assert silent()
    found, = run("interface_info", domain="guest")["interfaces"]
    assert [drift["path"] for drift in found["status"]["drift"]] == ["link"]
    converged(link={"state": "up"}, layers=["live"])
    assert answers()
    converged(link={"state": "down"}, layers=["config"])
    assert answers()


def test_a_filter_with_parameters_comes_changes_and_goes(guest):
    reference = {"filter": "clean-traffic", "parameters": [{"name": "IP", "value": "192.168.160.8"}]}
    assert not converged(filterref=reference)["restart_required"]
    assert silent()
    found, = run("interface_info", domain="guest")["interfaces"]
    assert found["status"]["running"]["filter"]["filter"] == "clean-traffic"
    reference["parameters"][0]["value"] = GUEST
    converged(filterref=reference)
    assert answers()
    converged(filterref={})
    assert sh("virsh nwfilter-binding-list | grep -c vnet || true").strip() == "0"


def test_isolation_is_at_the_bridge_at_once(guest):
    converged(port={"isolated": True})
    assert "isolated on" in sh("bridge -d link show dev %s" % tap())
    converged(port={})
    assert "isolated off" in sh("bridge -d link show dev %s" % tap())


def test_the_interface_moves_to_another_network_and_bridge_and_back(guest):
    run("network", name="other", state="active", forward={"mode": "bridge"}, bridge={"name": "hostbr0"})
    device = tap()
    for options, bridge in (({"source": {"network": "other"}}, "hostbr0"),
                            ({"type": "bridge", "source": {"bridge": "hostbr1"}}, "hostbr1"),
                            ({"type": "network", "source": {"network": "lab"}}, "lab0")):
        done = converged(**options)
        assert not done["restart_required"]
        assert "master %s" % bridge in sh("ip link show %s" % device)
        found, = run("interface_info", domain="guest")["interfaces"]
        assert found["status"]["running"]["bridge"] == bridge
    assert answers()


def test_the_tap_takes_the_mtu_of_the_network_that_it_moves_to(guest):
    """The guest's card keeps the MTU of its start until the next one."""
    sizes = {"lab": 1500, "small": 1400, "large": 9000}
    for name in ("small", "large"):
        run("network", name=name, state="active", bridge={"name": name + "0", "stp": False}, mtu={"size": sizes[name]})
    device = tap()
    for name in ("small", "large", "lab", "large", "small", "lab"):
        converged(source={"network": name})
        assert "mtu %d " % sizes[name] in sh("ip link show %s" % device)
    assert answers()


def test_what_cannot_change_waits_for_the_next_start(guest):
    done = converged(model={"type": "e1000e"}, link={"state": "down"})
    assert done["restart_required"]
    assert "model.type waits until guest guest is shut down" in done["warnings"][0]
    assert ("e1000e" in config(), "e1000e" in live()) == (True, False)
    assert "link state='down'" in live()
    waiting = run("interface", domain="guest", mac={"address": MAC}, model={"type": "e1000e"})
    assert (waiting["changed"], waiting["restart_required"]) == (False, True)
    guest.destroy()
    guest.create()
    assert not run("interface", domain="guest", mac={"address": MAC}, model={"type": "e1000e"})["restart_required"]


WAITING = {
    "mtu": {"mtu": {"size": 1400}},
    "queues": {"driver": {"queues": 2}},
    "rom": {"rom": {"bar": False}},
    "tune": {"tune": {"sndbuf": 100000}},
    "teaming": {"teaming": {"type": "persistent"}},
    "acpi": {"acpi": {"index": 7}},
    "alias": {"alias": {"name": "ua-first"}},
    "target": {"target": {"dev": "tapguest"}},
    "backend": {"backend": {"vhost": "/dev/vhost-net"}},
    "rx filters": {"trust_guest_rx_filters": True},
    "type": {"type": "user", "tune": {}},
}


def test_each_field_is_really_live_or_reported_as_waiting(guest):
    version = guest.connect().getLibVersion() / 1000000
    for name, options in WAITING.items():
        if name == "acpi" and version < 7.003:
            with pytest.raises(Failed, match=r"acpi: needs libvirt 7\.3\.0"):
                run("interface", domain="guest", mac={"address": MAC}, **options)
            continue
        done = converged(**options)
        assert done["restart_required"] == (name != "rx filters" or version < 10), name
    assert not converged(type="network", source={"network": "lab"}, coalesce={"rx": {"frames": {"max": 5}}})[
        "restart_required"]
    assert "frames max='5'" in live()
    assert answers()


def test_another_portgroup_of_the_same_network_is_in_force_at_once(clean):
    run("network", **LAB, portgroups=[{"name": "open", "default": True}, {"name": "closed"}])
    clean.defineXML(document()).create()
    assert answers()
    for portgroup in ("closed", "open"):
        done = converged(source={"portgroup": portgroup})
        assert not done["restart_required"]
        assert "<group>%s</group>" % portgroup in sh("virsh net-port-dumpxml lab $(virsh net-port-list lab --uuid)")
        assert "portgroup='%s'" % portgroup in live()
        assert "master lab0" in sh("ip link show %s" % tap())
        assert answers()


def test_tags_that_would_keep_the_guest_from_starting_are_refused(guest):
    with pytest.raises(Failed, match=r"^vlan: libvirt \d+\.\d+\.\d+ takes VLAN tags only .* Linux bridges of the host"):
        run("interface", domain="guest", mac={"address": MAC}, vlan={"tags": [{"id": 5}]})
    assert "<vlan" not in config()


def test_mac_and_alias_that_wait_are_those_of_the_running_interface(guest):
    assert converged(alias={"name": "ua-first"})["restart_required"]
    assert converged(alias={"name": "ua-first"}, mac={"address": NEW})["restart_required"]
    assert (live().count("<interface"), config().count("<interface")) == (1, 1)
    found, = run("interface_info", domain="guest")["interfaces"]
    assert {drift["path"] for drift in found["status"]["drift"]} == {"mac.address", "alias.name"}


def test_replace_unplugs_and_plugs_in(guest):
    done = converged(model={"type": "virtio-transitional"}, replace=True)
    assert done["steps"][0] == "unplug interface %s of guest guest and plug it in as it is to be" % MAC
    assert not done["restart_required"]
    assert "virtio-transitional" in live()


def test_when_the_new_one_cannot_be_plugged_in_the_old_one_is_back(guest):
    before = config()
    with pytest.raises(Failed, match=r"All is as it was; put back: plug in interface .* as it was"):
        run("interface", domain="guest", mac={"address": MAC}, target={"dev": "hostbr0"}, replace=True)
    assert config() == before
    assert within(5, lambda: "master lab0" in sh("ip link show %s" % tap()))


def test_a_guest_that_does_not_let_go_keeps_its_interface(clean, monkeypatch):
    """One without an operating system."""
    monkeypatch.setattr(steps, "UNPLUG_SECONDS", 1)
    run("network", **LAB)
    clean.defineXML(re.sub(r"<(kernel|initrd|cmdline)>.*</\1>", "", document())).create()
    before = config()
    with pytest.raises(Failed, match=r"the guest did not let the interface go within 1 seconds; it still may"):
        run("interface", domain="guest", mac={"address": MAC}, state="absent")
    assert config() == before
    assert MAC in live()


def test_what_changed_live_is_undone_when_the_configuration_is_refused(guest):
    before = config()
    taken = {"type": "pci", "domain": "0", "bus": "0", "slot": "0x1f", "function": "0"}
    with pytest.raises(Failed, match=r"Could not change the configuration.* All is as it was; put back: configure"):
        run("interface", domain="guest", mac={"address": MAC}, link={"state": "down"}, address=taken)
    assert config() == before
    assert answers()


def let_settle(guest) -> None:
    """With PCI Express's own hot-plugging (QEMU before 6.1) a guest that just started turns off what is plugged in."""
    if guest.connect().getVersion() < 6001000:
        time.sleep(10)


def test_an_interface_is_plugged_in_and_unplugged(guest):
    let_settle(guest)
    done = converged(mac={"address": NEW}, type="bridge", source={"bridge": "hostbr0"}, model={"type": "virtio"},
                     link={"state": "down"})
    assert done["steps"] == ["plug in interface %s of guest guest" % NEW,
                             "add interface %s of guest guest to its configuration" % NEW]
    assert "master hostbr0" in sh("ip link show %s" % tap(NEW))
    for found in run("interface_info", domain="guest")["interfaces"]:
        assert run("interface", **found)["steps"] == []
        assert found["status"]["drift"] == []
    done = converged(mac={"address": NEW}, state="absent")
    assert done["steps"] == ["unplug interface %s of guest guest" % NEW,
                             "remove interface %s of guest guest from its configuration" % NEW]
    assert NEW not in live() + config()
    assert answers()


def test_a_new_interface_without_mac_is_one_in_both_layers(guest):
    let_settle(guest)
    done = run("interface", domain="guest", type="bridge", source={"bridge": "hostbr0"}, model={"type": "virtio"})
    mac = done["interface"]["mac"]["address"]
    assert mac in live()
    assert mac in config()
    assert run("interface", domain="guest", type="bridge", source={"bridge": "hostbr0"})["steps"] == []


def test_a_guest_that_cannot_be_given_more_has_nothing_of_it(guest):
    before = config()
    with pytest.raises(Failed, match="hostbr7"):
        run("interface", domain="guest", mac={"address": NEW}, type="bridge", source={"bridge": "hostbr7"})
    with pytest.raises(Failed, match=r"source.network: there is no network other"):
        run("interface", domain="guest", mac={"address": NEW}, type="network", source={"network": "other"})
    assert config() == before
    assert NEW not in live()


def test_bandwidth_takes_effect_or_leaves_nothing_behind(guest):
    before = config()
    task = {"domain": "guest", "mac": {"address": MAC}, "bandwidth": {"inbound": {"average": 1000}}}
    try:
        run("interface", **task)
    except Failed as error:
        assert "bandwidth.inbound: the kernel of this host lacks sch_" in str(error)
        assert config() == before
        assert "bandwidth" not in live()
    else:
        assert run("interface", **task)["steps"] == []
    assert answers()


def test_what_a_network_gives_is_no_difference(clean):
    run("network", name="lab", state="active", forward={"mode": "bridge"}, bridge={"name": "hostbr0"},
        port={"isolated": True})
    clean.defineXML(document()).create()
    found, = run("interface_info", domain="guest")["interfaces"]
    assert found["status"]["running"]["inherited"] == ["port"]
    assert found["status"]["running"]["type"] == "bridge"
    assert found["status"]["running"]["port"] in sh("virsh net-port-list lab")
    assert found["status"]["drift"] == []
    for options in (found, dict(found, purge=True), {"domain": "guest", "mac": {"address": MAC}, "port": {}}):
        assert run("interface", **options)["steps"] == []
    converged(link={"state": "down"})
    assert ("isolated" in live(), "isolated" in config()) == (True, False)


def test_a_macvtap_interface(clean, tmp_path):
    interface = ("<interface type='direct'><mac address='%s'/><source dev='nic0' mode='bridge'/>"
                 "<model type='virtio'/></interface>" % MAC)
    clean.defineXML(domain_xml("guest", PORTS + interface, console=tmp_path / "console")).create()
    assert within(30, lambda: "GUEST UP" in (tmp_path / "console").read_text())
    converged(link={"state": "down"})
    assert "link state='down'" in live()
    assert converged(source={"mode": "private"})["restart_required"]
    found, = run("interface_info", domain="guest")["interfaces"]
    assert found["status"]["running"]["tap"].startswith("macvtap")
    assert not converged(source={"mode": "private"}, replace=True)["restart_required"]
    assert "private" in live()
    converged(mac={"address": NEW}, type="direct", source={"dev": "nic1", "mode": "vepa"}, model={"type": "virtio"})
    assert tap(NEW).startswith("macvtap")


def test_a_transient_guest_has_only_a_running_interface(clean):
    run("network", **LAB)
    clean.createXML(document())
    assert answers()
    done = converged(link={"state": "down"})
    assert len(done["steps"]) == 1
    with pytest.raises(Failed, match=r"model.type: cannot change while guest guest runs; give replace: true"):
        run("interface", domain="guest", mac={"address": MAC}, model={"type": "e1000e"})
    with pytest.raises(Failed, match="layers: guest guest is transient"):
        run("interface", domain="guest", mac={"address": MAC}, link={"state": "up"}, layers=["config"])
    found, = run("interface_info", domain="guest")["interfaces"]
    assert run("interface", **found)["steps"] == []


def test_info_tells_what_can_be_read(guest):
    found, = run("interface_info", domain="guest", mac=MAC.upper())["interfaces"]
    running = found["status"]["running"]
    assert (running["tap"], running["bridge"], running["link"], running["mtu"]) == (tap(), "lab0", "up", 1500)
    assert running["statistics"]["rx_packets"] > 0
    assert "lease" in running["addresses"]
    with pytest.raises(Failed, match="mac: guest guest has no interface with MAC %s; there are %s" % (NEW, MAC)):
        run("interface_info", domain="guest", mac=NEW)


LOST = {  # what is done behind libvirt's back, and what tells that it is repaired
    "the bridge": ("ip link set {tap} nomaster", "master lab0"),
    "another bridge": ("ip link set {tap} master hostbr0", "master lab0"),
    "isolation": ("bridge link set dev {tap} isolated off", "isolated on"),
    "the mtu": ("ip link set {tap} mtu 1400", "mtu 1500"),
    "up": ("ip link set {tap} down", "UP"),
    "the network": ("virsh net-destroy lab; virsh net-start lab", "master lab0"),
}


def test_what_is_lost_behind_libvirts_back_is_seen_and_repaired_without_a_restart(guest):
    converged(port={"isolated": True})
    for name, (command, sign) in LOST.items():
        sh(command.format(tap=tap()))
        done = converged()
        assert ([one["layer"] for one in done["drift"]], done["restart_required"]) == (["kernel"], False), name
        assert sign in sh("ip -d link show dev {0}; bridge -d link show dev {0}".format(tap())), name
    assert answers()
    assert run("network", check=True, **LAB)["changed"] is False


def test_an_interface_of_a_bridge_comes_back_into_it_and_a_failure_takes_that_back(guest):
    converged(type="bridge", source={"bridge": "hostbr0"})
    sh("ip link set %s nomaster" % tap())
    with pytest.raises(Failed, match="All is as it was"):
        run("interface", domain="guest", mac={"address": MAC}, filterref={"filter": "clean-traffic", "parameters": [
            {"name": "IP", "value": "fd00::1"}]})  # of which libvirt makes no rules of IPv4
    assert "master" not in sh("ip link show %s" % tap())
    converged()
    assert "master hostbr0" in sh("ip link show %s" % tap())
