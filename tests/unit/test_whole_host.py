# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host another one can be given."""

from __future__ import annotations

from unit.fake_host import device, parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.whole_host import describe_host

UUID = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f"
LAB = ("<network><name>lab</name><uuid>%s</uuid><ip address='10.0.0.1' prefix='24'><dhcp>"
       "<host mac='52:54:00:00:00:04' ip='10.0.0.4'/></dhcp></ip></network>" % UUID)
INTERFACE = "<interface type='network'><mac address='%s'/><source network='%s'/>%s</interface>"
PLACE = "<address type='pci' bus='0x01'/>"
CARDS = [
    ("52:54:00:00:00:01", "one", PLACE + "<filterref filter='clean-traffic'/>"),
    ("52:54:00:00:00:02", "two", "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x1'/>"),
    ("52:54:00:00:00:03", "two", "<alias name='ua-other'/>"),
    ("52:54:00:00:00:04", "three", ""),  # reserved
    ("52:54:00:00:00:05", "four", ""), ("52:54:00:00:00:06", "four", ""),  # nothing else tells them apart
    ("00:16:3e:00:00:07", "five", "<virtualport type='openvswitch'><parameters interfaceid='%s' profileid='p'/>"
     "</virtualport>" % UUID),
]


def host() -> Snapshot:
    guest = "<domain><devices>%s</devices></domain>" % "".join(INTERFACE % card for card in CARDS)
    return Snapshot.of_record(parts(
        networks={"lab": {"uuid": UUID, "active": False, "persistent": True, "autostart": False}},
        network_config={"lab": LAB}, domains={UUID: {"name": "web", "active": False, "persistent": True}},
        domain_config={UUID: guest}, devices={"br0": device(kind="bridge")}))


def test_interfaces_that_another_host_is_given_say_nothing_that_libvirt_made_up():
    found = describe_host(host(), ["interfaces"], None, True)["interfaces"]
    macs = {one["source"]["network"]: one.get("mac", {}).get("address") for one in found if "alias" not in one}
    assert macs == {"one": None, "two": "52:54:00:00:00:02", "three": "52:54:00:00:00:04", "four": "52:54:00:00:00:06",
                    "five": "00:16:3e:00:00:07"}
    assert "mac" not in next(one for one in found if "alias" in one)
    assert not [one for one in found if "address" in one]
    assert next(one for one in found if one["source"]["network"] == "one")["filterref"] == {"filter": "clean-traffic"}
    switched = next(one for one in found if one["source"]["network"] == "five")["virtualport"]
    assert switched == {"type": "openvswitch", "parameters": {"profileid": "p"}}


def test_given_back_to_their_own_host_they_are_no_change():
    seen = host()
    for one in describe_host(seen, ["interfaces"], None, True)["interfaces"]:
        settings = {"domain": one.pop("domain")}
        wish = wish_of(settings, one)
        assert wish.plan(wish.look(seen)).steps == [], one
