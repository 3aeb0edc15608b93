# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of a guest that does not run: each type is made, changed and removed, and nothing is done twice."""

from __future__ import annotations

import re

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run

pytestmark = pytest.mark.both
MAC = "52:54:00:00:02:01"
LAB = {"name": "lab", "forward": {"mode": "nat"}, "bridge": {"name": "lab0", "stp": False},
       "ips": [{"address": "192.168.160.1", "prefix": 24}]}
UUID = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"


@pytest.fixture
def off(clean):
    """A guest that is defined and does not run."""
    return clean.defineXML(domain_xml("guest", "", shared=True))


def converged(**options) -> dict:
    return converge("interface", domain="guest", **options)


def config() -> str:
    return sh("virsh dumpxml --inactive guest")


TYPES = {
    "network": ({"source": {"network": "lab", "portgroup": "a"}, "model": {"type": "virtio"}},
                {"source": {"network": "other"}, "link": {"state": "down"}}),
    "bridge": ({"source": {"bridge": "hostbr0"}, "port": {"isolated": True}},
               {"source": {"bridge": "hostbr1"}, "filterref": {"filter": "clean-traffic"}}),
    "openvswitch": ({"type": "bridge", "source": {"bridge": "ovsbr0"}, "virtualport": {"type": "openvswitch"},
                     "vlan": {"tags": [{"id": 5}]}},
                    {"vlan": {"trunk": True, "tags": [{"id": 5, "native_mode": "tagged"}, {"id": 6}]}}),
    "user": ({}, {"ips": [{"address": "10.9.0.2", "family": "ipv4", "prefix": 24}]}),
    "ethernet": ({"target": {"dev": "tap7", "managed": False}, "mtu": {"size": 1400}},
                 {"script": {"path": "/bin/true"}, "mtu": {}}),
    "direct": ({"source": {"dev": "nic0", "mode": "bridge"}}, {"source": {"mode": "private"}}),
    "hostdev": ({"source": {"hostdev": {"type": "pci", "domain": "0", "bus": "0x7", "slot": "1", "function": "0"}},
                 "managed": True}, {"managed": False, "vlan": {"tags": [{"id": 9}]}}),
    "mcast": ({"source": {"address": "230.0.0.1", "port": 5558}}, {"source": {"port": 5559}}),
    "server": ({"source": {"address": "127.0.0.1", "port": 5558}}, {"source": {"port": 5559}}),
    "client": ({"source": {"address": "127.0.0.1", "port": 5558}}, {"source": {"address": "127.0.0.2"}}),
    "udp": ({"source": {"address": "127.0.0.1", "port": 11115, "local": {"address": "127.0.0.1", "port": 11116}}},
            {"source": {"local": {"port": 11117}}}),
    "vhostuser": ({"source": {"type": "unix", "path": "/run/vhost.sock", "mode": "server"},
                   "model": {"type": "virtio"}},
                  {"driver": {"queues": 2, "rx_queue_size": 512}, "source": {"mode": "client",
                   "reconnect": {"enabled": True, "timeout": 10}}}),
    "vdpa": ({"source": {"dev": "/dev/vhost-vdpa-0"}}, {"source": {"dev": "/dev/vhost-vdpa-1"}}),
    "null": ({}, {"model": {"type": "e1000e"}}),
    "vds": ({"source": {"switchid": UUID, "portid": "17", "portgroupid": "pg", "connectionid": "99"}},
            {"source": {"connectionid": "100"}}),
}


SINCE_8_7 = ("null", "vds")


@pytest.mark.parametrize("name", TYPES)
def test_each_type_is_made_changed_and_removed(off, name):
    new, change = TYPES[name]
    identity = {"type": name, "mac": {"address": MAC}, **new}
    if name in SINCE_8_7 and off.connect().getLibVersion() < 8007000:
        with pytest.raises(Failed, match=r": needs libvirt 8.7.0; this host has 7\.0\.0"):
            run("interface", domain="guest", **identity)
        return
    done = converged(**identity)
    assert done["steps"] == ["add interface %s of guest guest to its configuration" % MAC]
    assert "interface type='%s'" % identity["type"] in config()
    converged(mac={"address": MAC}, **change)
    if name != "hostdev":  # to read it again is tested for all others; libvirt takes it though there is no such device
        found, = run("interface_info", domain="guest")["interfaces"]
        assert run("interface", **found, purge=True)["steps"] == []
    converged(mac={"address": MAC}, state="absent")
    assert "<interface" not in config()
    assert run("interface", domain="guest", mac={"address": MAC}, state="absent")["steps"] == []


def test_a_new_interface_gets_a_mac_that_stays(off):
    task = {"type": "bridge", "source": {"bridge": "hostbr0"}}
    done = converged(**task)
    assert done["interface"]["mac"]["address"] in config()
    assert config().count("<interface") == 1
    changed = converged(source={"bridge": "hostbr0"}, link={"state": "down"})
    assert changed["interface"]["mac"] == done["interface"]["mac"]
    named = converged(alias={"name": "ua-second"}, **task)
    assert named["interface"]["mac"] != done["interface"]["mac"]
    with pytest.raises(Failed, match=r"source.bridge: several interfaces have the source hostbr0; give mac.address"):
        run("interface", domain="guest", **task)


def test_the_mac_changes_where_the_alias_tells_the_interface(off):
    converged(type="user", alias={"name": "ua-one"}, mac={"address": MAC})
    done = converged(alias={"name": "ua-one"}, mac={"address": "52:54:00:00:02:02"}, model={"type": "virtio"})
    assert done["interface"]["mac"]["address"] == "52:54:00:00:02:02"
    assert config().count("<interface") == 1


def test_another_type_leaves_nothing_of_the_old_one(off):
    converged(type="network", mac={"address": MAC}, source={"network": "lab", "portgroup": "a"},
              bandwidth={"inbound": {"average": 100}}, model={"type": "virtio"}, filterref={"filter": "clean-traffic"})
    converged(type="mcast", mac={"address": MAC}, source={"address": "230.0.0.1", "port": 5558})
    assert not [word for word in ("lab", "bandwidth", "filterref") if word in config()]
    assert "virtio" in config()
    converged(type="bridge", mac={"address": MAC}, source={"bridge": "hostbr0"})
    assert "230.0.0.1" not in config()


def test_unknown_xml_and_what_is_not_mentioned_stay(off):
    converged(type="bridge", mac={"address": MAC}, source={"bridge": "hostbr0"}, rom={"enabled": False},
              boot={}, link={"state": "down"})
    converged(mac={"address": MAC}, source={"bridge": "hostbr1"})
    assert "rom enabled='no'" in config()
    converged(mac={"address": MAC}, type="bridge", source={"bridge": "hostbr1"}, purge=True)
    assert "rom" not in config().split("<interface")[1].split("</interface")[0]


def test_the_case_of_a_model_is_no_difference(off):
    converged(type="user", mac={"address": MAC}, model={"type": "VirtIO"})
    assert "model type='virtio'" in config()


def test_xml_means_what_the_options_mean(off):
    converged(xml="<interface type='bridge'><mac address='%s'/><source bridge='hostbr0'/><target dev='vnet3'/>"
                  "<alias name='net0'/></interface>" % MAC)
    assert run("interface", domain="guest", type="bridge", mac={"address": MAC},
               source={"bridge": "hostbr0"})["steps"] == []


def test_a_transient_one_of_a_pair_needs_its_partner(off):
    pair = {"type": "hostdev", "mac": {"address": "52:54:00:00:02:02"}, "source": TYPES["hostdev"][0]["source"],
            "teaming": {"type": "transient", "persistent": "ua-backup"}}
    with pytest.raises(Failed, match=r"teaming.persistent: guest guest has no interface with alias ua-backup"):
        run("interface", domain="guest", **pair)
    converged(type="bridge", mac={"address": MAC}, source={"bridge": "hostbr0"}, model={"type": "virtio"},
              alias={"name": "ua-backup"}, teaming={"type": "persistent"})
    converged(**pair)


def test_info_of_what_is_not_there_is_a_warning_in_check_mode(off):
    for asked in ({"domain": "none"}, {"domain": "guest", "mac": "52:54:00:00:09:09"}):
        with pytest.raises(Failed, match=r"there is no guest none|has no interface with MAC"):
            run("interface_info", **asked)
        result = run("interface_info", check=True, **asked)
        assert result["interfaces"] == [] and "can say no more of it" in result["warnings"][0]


REFUSED = [
    ({"domain": "none"}, "domain: there is no guest none"),
    ({"source": {"network": "lab"}}, "type: is missing, and guest guest has no interface"),
    ({"type": "bridge", "mac": None}, "mac.address: is missing; give it, or alias.name, or a source"),
    ({"type": "network"}, "source.network: is missing; type network needs it"),
    ({"type": "udp", "source": {"address": "1.2.3.4", "port": 5}}, "source.local.address: is missing"),
    ({"type": "bridge", "source": {"bridge": "b", "network": "lab"}}, "source.network: is not taken by type bridge"),
    ({"type": "user", "filterref": {"filter": "x"}}, "filterref: is not taken by type user, only by network, bridge"),
    ({"type": "user", "bandwidth": {"inbound": {"average": 1}}}, "bandwidth: is not taken by type user"),
    ({"type": "direct", "source": {"dev": "nic0", "mode": "server"}}, "source.mode: server is not taken by type"),
    ({"type": "user", "port_forwards": [{"proto": "tcp"}]}, "port_forwards: needs backend.type: passt"),
    ({"type": "bridge", "source": {"bridge": "b"}, "model": {"type": "e1000"}, "driver": {"queues": 2}},
     "driver.queues: needs a virtio model, and the model is e1000"),
    ({"type": "direct", "source": {"dev": "nic0", "mode": "bridge"}, "vlan": {"tags": [{"id": 4}]}},
     "vlan: libvirt .* takes VLAN tags only"),
    ({"type": "user", "boot": {"order": 1}}, "boot.order: guest guest has its boot order in <os>"),
    ({"type": "user", "layers": ["live"]}, "layers: guest guest does not run; give config"),
    ({"type": "bridge", "source": {"bridge": "b"}, "driver": {"queues": 0}}, "driver.queues: 0 is not allowed"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message for _options, message in REFUSED])
def test_what_cannot_be_is_refused_before_anything_is_touched(off, options, message):
    before = config()
    task = {"domain": "guest", "mac": {"address": MAC}, **options}
    with pytest.raises(Failed, match=message):
        run("interface", **{name: value for name, value in task.items() if value is not None})
    assert config() == before


def test_what_libvirt_ignores_and_the_host_has_is_left_alone(clean):
    odd = ("<interface type='server'><mac address='%s'/><source address='127.0.0.1' port='5558'/>"
           "<bandwidth><inbound average='7'/></bandwidth></interface>" % MAC)
    clean.defineXML(domain_xml("guest", odd))
    converged(mac={"address": MAC}, link={"state": "down"})
    assert "<inbound average='7'/>" in config()
    with pytest.raises(Failed, match="bandwidth: is not taken by type server"):
        run("interface", domain="guest", mac={"address": MAC}, bandwidth={"inbound": {"average": 8}})


def test_tags_on_a_linux_bridge_are_as_this_libvirt_takes_them(off):
    task = {"type": "bridge", "mac": {"address": MAC}, "source": {"bridge": "hostbr0"}, "vlan": {"tags": [{"id": 4}]}}
    if off.connect().getLibVersion() >= 11000000:
        with pytest.raises(Failed, match=r"^vlan: bridge hostbr0 of the host filters no VLANs, so that a guest"):
            run("interface", domain="guest", **task)
        task["source"] = {"bridge": "later0"}  # what that will be is not known
        converged(**task)
        assert "<tag id='4'/>" in config()
        return
    with pytest.raises(Failed, match=r"^vlan: .* Linux bridges of the host need libvirt 11\.0\.0"):
        run("interface", domain="guest", **task)
    assert "<interface" not in config()


def test_a_mac_of_zeros_is_kept_or_refused(off):
    task = {"type": "bridge", "mac": {"address": "00:00:00:00:00:00"}, "source": {"bridge": "hostbr0"}}
    if off.connect().getLibVersion() < 10000000:
        converged(**task)
        assert "00:00:00:00:00:00" in config()
        return
    with pytest.raises(Failed, match=r"^mac.address: 00:00:00:00:00:00 is not allowed, for libvirt .* leave it out"):
        run("interface", domain="guest", **task)
    assert "<interface" not in config()


def test_vhost_user_and_memory_that_is_not_shared(clean):
    clean.defineXML(domain_xml("guest", ""))
    task = {"type": "vhostuser", "mac": {"address": MAC}, **TYPES["vhostuser"][0]}
    if clean.getLibVersion() < 11001000:
        converged(**task)
        return
    with pytest.raises(Failed, match="type: vhostuser needs a guest whose memory is shared"):
        run("interface", domain="guest", **task)
    assert "<interface" not in config()


def test_what_this_libvirt_refuses_leaves_nothing_behind(off):
    task = {"type": "user", "mac": {"address": MAC}, "backend": {"type": "passt"},
            "port_forwards": [{"proto": "tcp", "ranges": [{"start": 8080, "to": 80}]}]}
    try:
        converged(**task)
    except Failed as error:  # Debian's libvirt 9.0 has no passt
        is_old = off.connect().getLibVersion() < 9000000
        assert re.search("type: needs libvirt 9.0.0;" if is_old else "'passt'.*Nothing was changed.$", str(error), re.S)
        assert "<interface" not in config()
