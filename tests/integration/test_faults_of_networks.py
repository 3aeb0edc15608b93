# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks under guests that others stopped, that move to another bridge, or whose configuration cannot start."""

from __future__ import annotations

import json

import pytest
from integration.host import sh
from integration.lab import LAB, answers, boot, tap_of
from integration.modules import Failed, run


def master(domain) -> str | None:
    return json.loads(sh("ip -j link show %s" % tap_of(domain)))[0].get("master")


def test_a_guest_under_which_its_network_was_stopped_and_started_is_connected_again(guest):
    sh("virsh net-destroy lab && virsh net-start lab")
    assert master(guest) is None
    checked, done = run("network", check=True, **LAB), run("network", **LAB)
    assert checked["steps"] == done["steps"] == ["connect guest (52:54:00:00:01:01) again"]
    assert [drift["path"] for drift in done["drift"]] == ["guests[guest (52:54:00:00:01:01)]"]
    assert master(guest) == "lab0" and answers() and run("network", **LAB)["changed"] is False
    assert len(sh("virsh -q net-port-list lab").splitlines()) == 1


def test_a_network_that_tasks_stop_and_start_has_its_guest_again(guest):
    run("network", name="lab", state="inactive")
    done = run("network", **LAB)
    assert done["steps"] == ["start network lab", "connect guest (52:54:00:00:01:01) again"]
    assert master(guest) == "lab0" and answers() and run("network", **LAB)["changed"] is False


def test_a_running_network_comes_back_whatever_its_configuration_says(guest):
    """This kernel has no sfq, so a network with bandwidth cannot start."""
    run("qos", network="lab", inbound={"average": 1000}, restart="never")
    before = sh("virsh net-dumpxml lab"), sh("virsh net-dumpxml --inactive lab")
    with pytest.raises(Failed) as failed:
        run("network", **dict(LAB, restart="always", mtu={"size": 1400}))
    assert (sh("virsh net-dumpxml lab"), sh("virsh net-dumpxml --inactive lab")) == before, str(failed.value)
    assert master(guest) == "lab0" and answers()


def test_guests_go_with_their_network_to_a_bridge_of_the_host_and_back(guest):
    sh("ip addr add 192.168.160.2/24 dev hostbr0 || true")
    moved = {"name": "lab", "state": "active", "restart": "always", "purge": True, "forward": {"mode": "bridge"},
             "bridge": {"name": "hostbr0"}}
    try:
        run("network", **moved)
        assert master(guest) == "hostbr0" and answers() and run("network", **moved)["changed"] is False
    finally:
        sh("ip addr del 192.168.160.2/24 dev hostbr0")
    run("network", **dict(LAB, restart="always", purge=True))
    assert master(guest) == "lab0" and answers()


def test_an_mtu_goes_with_what_stated_it(guest):
    tap = tap_of(guest)
    run("network", **dict(LAB, restart="always", mtu={"size": 1400}))
    assert sh("cat /sys/class/net/%s/mtu" % tap).strip() == "1400"
    run("network", **dict(LAB, restart="always", mtu={}))
    assert sh("cat /sys/class/net/%s/mtu" % tap).strip() == "1500" == sh("cat /sys/class/net/lab0/mtu").strip()


def test_a_guest_whose_macvtap_device_is_gone_is_told_of(clean):
    task = {"name": "lab", "state": "active", "forward": {"mode": "bridge", "interfaces": [{"dev": "nic0"}]}}
    run("network", **task)
    domain = boot(clean)
    mine = {"domain": "guest", "mac": {"address": "52:54:00:00:01:01"}}
    assert run("network", **task)["drift"] == run("interface", **mine)["drift"] == []
    sh("ip link del %s" % tap_of(domain))
    for module, options, path in (("network", task, "guests[guest (52:54:00:00:01:01)].target.dev"),
                                  ("interface", mine, "target.dev")):
        done = run(module, **options)
        assert [drift["path"] for drift in done["drift"]] == [path] and not done["changed"]
        assert "cannot be repaired from here" in done["warnings"][0]
