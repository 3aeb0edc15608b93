# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt takes in one form and not in another, and what it refuses late; witnessed by virsh."""

from __future__ import annotations

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run
from integration.test_interface_guests import INTERFACE, LAB, MAC, NEW, PORTS


def again(**options) -> dict:
    return converge("interface", **{"domain": "guest", "mac": {"address": MAC}, **options})


@pytest.mark.parametrize("mode", ["private", "passthrough"])
def test_the_cable_of_a_guest_on_a_pool_of_devices(clean, mode: str):
    run("network", name="pool", state="active",
        forward={"mode": mode, "interfaces": [{"dev": "nic0"}, {"dev": "nic1"}]})
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE.replace("lab", "pool"))).create()
    before = sh("virsh net-port-list pool")
    for state in ("down", "up"):
        assert not again(link={"state": state})["restart_required"]
        assert state in sh("virsh domif-getlink guest %s" % MAC)
    assert sh("virsh net-port-list pool") == before
    assert "network='pool'" in sh("virsh dumpxml guest")


def test_numbers_of_addresses_in_other_spellings(clean):
    clean.defineXML(domain_xml("guest", PORTS))
    for address in ({"type": "drive", "controller": "00"}, {"type": "isa", "iobase": "300", "irq": "9"},
                    {"type": "usb", "bus": "01", "port": "01"}):
        again(type="bridge", source={"bridge": "hostbr0"}, address=address)
        run("interface", domain="guest", mac={"address": MAC}, state="absent")


def test_a_new_card_without_a_model_in_a_running_guest(clean):
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    new = {"domain": "guest", "mac": {"address": NEW}, "type": "network", "source": {"network": "lab"}}
    with pytest.raises(Failed, match=r"model\.type: is missing, .* give virtio, or layers: \[config\]"):
        run("interface", **new)
    again(**new, layers=["config"])


def test_a_mac_of_zeros_for_a_running_guest_is_kept_or_refused(clean):
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    zeros = {"mac": {"address": "00:00:00:00:00:00"}, "type": "network", "source": {"network": "lab"},
             "model": {"type": "virtio"}, "layers": ["live"]}
    if clean.getLibVersion() < 10000000:
        again(**zeros)
    else:
        with pytest.raises(Failed, match=r"mac\.address: 00:00:00:00:00:00 is not allowed, for libvirt .* makes up"):
            run("interface", domain="guest", **zeros)
    assert len(sh("virsh domiflist guest").split("network")) - 1 == 1 + (clean.getLibVersion() < 10000000)


def test_what_the_host_lacks(clean):
    clean.defineXML(domain_xml("guest", PORTS))
    for options, missing in (({"type": "network", "source": {"network": "none"}}, "there is no network none"),
                             ({"type": "bridge", "source": {"bridge": "none0"}}, "the host has no device none0"),
                             ({"type": "direct", "source": {"dev": "none1"}}, "the host has no device none1")):
        done = run("interface", domain="guest", mac={"address": MAC}, **options)
        assert any(missing in warning and "does not start before" in warning for warning in done["warnings"])
        run("interface", domain="guest", mac={"address": MAC}, state="absent")


def test_booting_from_an_interface_where_libvirt_itself_boots_the_disk(clean):
    run("network", **LAB)
    disk = "<disk type='file' device='disk'><source file='/none.img'/><target dev='vda' bus='virtio'/></disk>"
    clean.defineXML(domain_xml("guest", PORTS + disk + INTERFACE))
    assert "boot dev='hd'" in sh("virsh dumpxml guest")
    with pytest.raises(Failed, match=r"boot\.order: .*which libvirt itself gives a guest.*give convert_boot: true"):
        run("interface", domain="guest", mac={"address": MAC}, boot={"order": 1})
    again(boot={"order": 1}, convert_boot=True)
    shown = sh("virsh dumpxml guest")
    assert "boot dev" not in shown and shown.index("boot order='2'") < shown.index("boot order='1'")


def test_what_a_task_says_of_a_running_guest_in_libvirts_own_words(clean):
    """As virsh shows it, by libvirt's alias, and without a MAC address."""
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    shown = {"type": "network", "source": {"network": "lab", "bridge": "lab0"}}
    for options in ({"mac": {"address": MAC}, **shown}, {"alias": {"name": "net0"}}, {"source": {"network": "lab"}},
                    {"mac": {"address": MAC}, "target": {"dev": "vnet0"}}):
        assert not run("interface", domain="guest", **options)["changed"]
    made = again(mac={}, type="user", model={"type": "virtio"})["interface"]["mac"]["address"]
    assert made in sh("virsh dumpxml guest") and not run("interface", domain="guest", type="user")["changed"]


def test_one_in_each_layer_are_two_and_another_guests_address_is_warned_of(clean):
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", PORTS)).create()
    card = {"type": "network", "source": {"network": "lab"}, "model": {"type": "virtio"}}
    again(**card, layers=["live"])
    again(mac={"address": NEW}, **card, layers=["config"])
    gone = run("interface", check=True, domain="guest", mac={"address": MAC}, state="absent")
    assert gone["steps"] == ["unplug interface %s of guest guest" % MAC]
    clean.defineXML(domain_xml("other", PORTS))
    done = run("interface", domain="other", mac={"address": NEW}, **card)
    assert any("is that of an interface of guest guest too" in warning for warning in done["warnings"])
    with pytest.raises(Failed, match=r"source\.portgroup: network lab has no portgroup none"):
        run("interface", domain="other", mac={"address": NEW}, source={"portgroup": "none"})
