# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest that changes places is nowhere before all is set where it goes, witnessed by the kernel's reports."""

from __future__ import annotations

import re
import subprocess
import time
from functools import partial
from typing import Callable

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import converge, run
from integration.test_interface_guests import INTERFACE, LAB, MAC, PORTS

FILTERED = {"source": {"network": "other"}, "filterref": {
    "filter": "clean-traffic", "parameters": [{"name": "IP", "value": "192.168.196.7"}]}}
MOVES = {
    "to another network": {"source": {"network": "other"}},
    "to another network with another filter": FILTERED,
    "to a bridge of the host": {"type": "bridge", "source": {"bridge": "hostbr0"}},
    "to be isolated there": {"source": {"network": "other"}, "port": {"isolated": True}},
    "to a portgroup of another network": {"source": {"network": "other", "portgroup": "three"}},
    "to another portgroup": {"source": {"portgroup": "two"}},
}


def reported(tap: str, do: Callable[[], object]) -> list[tuple[str | None, bool]]:
    """The bridge of a tap and whether it was up, each time that the kernel reported it."""
    with subprocess.Popen(["ip", "-o", "monitor", "link"], stdout=subprocess.PIPE, text=True) as monitor:
        time.sleep(0.3)
        do()
        time.sleep(0.3)
        monitor.terminate()
        lines = monitor.stdout.read().splitlines()
    found = []
    for line in lines:
        told = re.match(r"\d+: %s: <([A-Z,_-]*)>" % tap, line)
        if told:
            master = re.search(r" master (\S+)", line)
            found.append((master[1] if master else None, "UP" in told[1].split(",")))
    return found


@pytest.mark.parametrize("move", MOVES)
def test_a_tap_is_down_while_it_moves(clean, move: str):
    groups = [{"name": "one", "default": True}, {"name": "two"}]
    run("network", **LAB, portgroups=groups)
    run("network", name="other", state="active", bridge={"name": "other0"}, ips=[{"address": "192.168.196.1/24"}],
        portgroups=[{"name": "three"}])
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    tap = sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip()
    told = reported(tap, lambda: converge("interface", domain="guest", mac={"address": MAC}, **MOVES[move]))
    changes = [(before, after) for before, after in zip(told, told[1:]) if before[0] != after[0]]
    assert not any(up for pair in changes for _master, up in pair)
    assert changes or (move == "to another portgroup" and not all(up for _master, up in told))  # libvirt 11 leaves it
    assert told[-1][1] and " UP " in sh("ip link show dev %s | sed 's/[<>,]/ /g'" % tap)


# --- filters


LOOKING = """is_up() { ip link show dev $tap | grep -q '[<,]UP[,>]'; }
while :; do
  if is_up && ! ebtables -t nat -L PREROUTING | grep -q $tap && is_up; then echo open; else echo closed; fi
done"""


def unfiltered(tap: str, do: Callable[[], object]) -> tuple[int, int]:
    """How often a tap was looked at meanwhile, and how often it was up without rules for what its guest sends."""
    with subprocess.Popen(["sh", "-c", "tap=%s; %s" % (tap, LOOKING)], stdout=subprocess.PIPE, text=True) as looking:
        time.sleep(0.3)
        do()
        looking.terminate()
        seen = looking.stdout.read().split()
    return len(seen), seen.count("open")


def filtered(name: str, address: str) -> dict:
    return {"filterref": {"filter": name, "parameters": [{"name": "IP", "value": address}]}}


@pytest.mark.parametrize("change", [filtered("clean-traffic", "192.168.160.10"),
                                    filtered("no-ip-spoofing", "192.168.160.9")], ids=["values", "filter"])
def test_a_guest_is_never_without_a_filter_while_that_changes(clean, change: dict):
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    tap = sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip()
    guest = {"domain": "guest", "mac": {"address": MAC}}
    run("interface", **guest, **filtered("clean-traffic", "192.168.160.9"))
    looks, open_ = unfiltered(tap, lambda: run("interface", **guest, **change))
    assert looks > 10 and open_ == 0
    assert " UP " in sh("ip link show dev %s | sed 's/[<>,]/ /g'" % tap)
    assert not run("interface", **guest, **change)["changed"]


def test_a_filter_is_redefined_without_such_a_moment(clean):
    run("network", **LAB)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    tap = sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip()
    rules = [{"rule": {"action": "drop", "direction": "out", "ip": [{"srcipaddr": "10.9.0.%d" % end}]}}
             for end in (1, 2)]
    run("nwfilter", name="mine", entries=rules[:1])
    run("interface", domain="guest", mac={"address": MAC}, filterref={"filter": "mine"})
    looks, open_ = unfiltered(tap, lambda: run("nwfilter", name="mine", entries=rules))
    assert looks > 10 and open_ == 0
    run("interface", domain="guest", mac={"address": MAC}, filterref={})
    run("nwfilter", name="mine", state="absent")


@pytest.mark.parametrize("learning", ["any", "dhcp"])
def test_a_tap_stays_up_where_libvirt_finds_out_an_address(clean, learning: str):
    """It listens on the device, and where that goes down it ends and drops all."""
    finds_out = {"filter": "clean-traffic", "parameters": [{"name": "CTRL_IP_LEARNING", "value": learning}]}
    run("network", **LAB)
    run("network", name="other", state="active", bridge={"name": "other0"}, ips=[{"address": "192.168.196.1/24"}])
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE)).create()
    tap = sh("virsh domiflist guest | awk '$5 == \"%s\" { print $1 }'" % MAC).strip()
    for change in ({"filterref": {"filter": "no-mac-spoofing"}}, {"filterref": finds_out},
                   {"source": {"network": "other"}},
                   {"source": {"network": LAB["name"]}, "filterref": {"filter": "no-mac-spoofing"}},
                   {"source": {"network": "other"}, "filterref": finds_out},
                   {"source": {"network": LAB["name"]}, "filterref": {**finds_out, "filter": "no-ip-spoofing"}}):
        task = {"domain": "guest", "mac": {"address": MAC}, **change}
        told = reported(tap, partial(converge, "interface", **task))
        finds = "no-mac-spoofing" not in sh("virsh nwfilter-binding-dumpxml %s" % tap)
        assert not finds or all(up for _master, up in told)
        time.sleep(1)
        assert not run("interface", **task)["drift"] and not run("interface", **task)["changed"]
    again = {**LAB, "bridge": {**LAB["bridge"], "name": "lab1"}, "restart": "always"}
    assert all(up for _master, up in reported(tap, partial(converge, "network", **again)))
    time.sleep(1)
    assert not run("network", **again)["drift"] and "lab1" in sh("ip link show %s" % tap)
