# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest on macvtap that is to go to another device or mode, witnessed by virsh and ip."""

from __future__ import annotations

import json
import subprocess

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run
from integration.test_interface_guests import MAC, PORTS

MOVES = {"device": {"dev": "nic1"}, "mode": {"mode": "private"}, "both": {"dev": "nic1", "mode": "vepa"}}
WAS = ("nic0", "bridge", "down")


def boot(connection, link: str = "down", source: str = "<source dev='nic0' mode='bridge'/>", kind: str = "direct"):
    connection.defineXML(domain_xml("guest", PORTS + (
        "<interface type='%s'><mac address='%s'/>%s<model type='virtio'/><link state='%s'/></interface>" % (
            kind, MAC, source, link)))).create()


DEVICES = {
    "macvtap": ("direct", "<source dev='nic0' mode='bridge'/>", "ip link set $tap down", ["up"]),
    "tap": ("ethernet", "<source><ip address='10.77.0.1' prefix='24'/></source><mtu size='1400'/>",
            "ip addr flush dev $tap; ip link set $tap mtu 1500; ip link set $tap down",
            ["up", "mtu", "source.ips[0].address"]),
}


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_is_put_back_as_libvirt_made_it(clean, device: str):
    kind, inner, harm, lost = DEVICES[device]
    boot(clean, "up", inner, kind)
    tap = sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip()
    shows = f"ip -br -4 addr show {tap}; cat /sys/class/net/{tap}/mtu; ip link show {tap} | grep -o '[<,]UP[,>]'"
    before = sh(shows)
    same()
    sh("tap=%s; %s" % (tap, harm))
    predicted, done = (run("interface", check=check, domain="guest", mac={"address": MAC}) for check in (True, False))
    assert predicted["drift"] == done["drift"] and [one["path"] for one in done["drift"]] == lost
    assert sh(shows) == before
    same()


def runs() -> tuple[str, str, str]:
    """The device that its macvtap is on, the mode of that, and its cable."""
    found, = [one for one in json.loads(sh("ip -d -j link show type macvtap")) if one["address"] == MAC]
    return found["link"], found["linkinfo"]["info_data"]["mode"], sh("virsh domif-getlink guest %s" % MAC).split()[-1]


def again(**options) -> dict:
    return converge("interface", domain="guest", mac={"address": MAC}, **options)


def same(**options) -> dict:
    done = run("interface", domain="guest", mac={"address": MAC}, **options)
    assert not done["changed"]
    return done


@pytest.mark.parametrize("move", MOVES)
def test_libvirt_itself_moves_none_in_place(clean, move: str):
    """What the collection counts on: if this fails, it can do better."""
    boot(clean)
    source = {"dev": "nic0", "mode": "bridge", **MOVES[move]}
    changed = sh("virsh dumpxml guest").split("<interface type='direct'>")[1].split("</interface>")[0]
    for name, value in (("dev", "nic0"), ("mode", "bridge")):
        changed = changed.replace("%s='%s'" % (name, value), "%s='%s'" % (name, source[name]))
    done = subprocess.run(["virsh", "update-device", "guest", "/dev/stdin", "--live"], check=False, capture_output=True,
                          text=True, input="<interface type='direct'>%s</interface>" % changed)
    assert done.returncode and runs() == WAS


@pytest.mark.parametrize("move", MOVES)
def test_what_opens_it_waits_with_its_move(clean, move: str):
    boot(clean)
    opens = {"link": {"state": "up"}, "trust_guest_rx_filters": True}
    for does, task in ((again, {"source": MOVES[move], **opens}), (same, opens)):
        done = does(**task)
        assert done["restart_required"] and [one["name"] for one in done["restarts"]] == ["guest"]
        assert runs() == WAS
    with pytest.raises(Failed, match=r"cannot change while guest guest runs; give replace: true"):
        again(source={"dev": "nic1", "mode": "passthrough"}, layers=["live"])
    sh("virsh destroy guest; virsh start guest")
    assert runs() == (*{"dev": "nic0", "mode": "bridge", **MOVES[move]}.values(), "up")
    assert run("interface", domain="guest", mac={"address": MAC}, source=MOVES[move], **opens)["steps"] == []


def test_what_closes_it_does_not_wait(clean):
    boot(clean, link="up")
    assert again(source=MOVES["device"], link={"state": "down"})["restart_required"]
    assert runs() == WAS


def test_a_move_that_is_called_off_opens_it_where_it_is(clean):
    boot(clean)
    again(source=MOVES["device"], link={"state": "up"})
    assert runs() == WAS
    assert not again(source={"dev": "nic0"}, link={"state": "up"})["restart_required"]
    assert runs() == ("nic0", "bridge", "up")


def test_another_device_of_a_networks_pool_waits_too(clean):
    for name, dev in (("one", "nic0"), ("two", "nic1")):
        run("network", name=name, state="active", forward={"mode": "bridge", "dev": dev})
    boot(clean, source="<source network='one'/>", kind="network")
    done = again(source={"network": "two"}, link={"state": "up"})
    assert done["restart_required"] and runs() == WAS
    sh("virsh destroy guest; virsh start guest")
    assert runs() == ("nic1", "bridge", "up")
