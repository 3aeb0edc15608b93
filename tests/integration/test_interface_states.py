# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that do not simply run, and what a host holds that no task can say; witnessed by virsh."""

from __future__ import annotations

import time

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run
from integration.test_interface_guests import INTERFACE, LAB, MAC, NEW, PORTS

OTHER = {"name": "other", "state": "active", "bridge": {"name": "other0", "stp": False}}


def again(**options) -> dict:
    return converge("interface", **{"domain": "guest", "mac": {"address": MAC}, **options})


def attached() -> str:
    return sh("virsh domiflist guest")


@pytest.fixture
def running(clean):
    run("network", **LAB)
    run("network", **OTHER)
    domain = clean.defineXML(domain_xml("guest", PORTS + INTERFACE))
    domain.create()
    return domain


def test_paused_then_saved(running):
    sh("virsh suspend guest")
    begun = time.monotonic()
    with pytest.raises(Failed, match=r"guest guest is paused and lets no interface go .*give layers: \[config\]"):
        run("interface", domain="guest", mac={"address": MAC}, state="absent")
    assert time.monotonic() - begun < 5
    again(mac={"address": NEW}, type="network", source={"network": "lab"}, model={"type": "virtio"}, layers=["live"])
    assert NEW in attached()
    again(source={"network": "other"})
    assert "other" in attached()
    sh("virsh resume guest")
    sh("virsh managedsave guest")
    done = again(source={"network": "lab"})
    assert (done["restart_required"], [one["name"] for one in done["restarts"]]) == (True, ["guest"])
    assert "managedsave-remove guest" in done["warnings"][0]
    assert "lab" in sh("virsh dumpxml --inactive guest | grep 'source network'")
    assert "other" in sh("virsh managedsave-dumpxml guest | grep 'source network'")
    sh("virsh managedsave-remove guest")
    assert not run("interface", domain="guest", mac={"address": MAC}, source={"network": "lab"})["restart_required"]


def test_transient(clean):
    run("network", **LAB)
    clean.createXML(domain_xml("guest", PORTS + INTERFACE))
    assert not again(link={"state": "down"})["restart_required"]
    with pytest.raises(Failed, match=r"model\.type: cannot change while guest guest runs; give replace: true"):
        run("interface", domain="guest", mac={"address": MAC}, model={"type": "e1000e"})


def test_what_no_task_can_say_is_left_out_of_info_and_left_alone(clean):
    """A device that is not there yet, with a name that the kernel takes and we do not."""
    odd = ("<interface type='bridge'><mac address='%s'/><source bridge='br$0'/><target dev='tap$0'/>"
           "<model type='virtio'/></interface>" % MAC)
    clean.defineXML(domain_xml("guest", PORTS + odd))
    found, = run("interface_info", domain="guest")["interfaces"]
    left = found.pop("status")["left_out"]
    assert [one.split(":")[0] for one in left] == ["target.dev"]
    assert not run("interface", **found)["changed"]
    again(link={"state": "down"})
    assert "tap$0" in sh("virsh dumpxml --inactive guest")
