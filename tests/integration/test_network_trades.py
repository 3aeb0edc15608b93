# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that take over what others give up in the same document: names of bridges, subnets, UUIDs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.lab import GUEST, INTERFACE, LAB, answers, tap_of
from integration.modules import Failed, converge, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt

pytestmark = pytest.mark.both
PLACES = r"<bridge name='(\w+)'|<ip address='([\d.]+)'"


def net(name: str, bridge: str, third: int, **more: Any) -> dict:
    return {"name": name, "state": "active", "bridge": {"name": bridge, "stp": False},
            "ips": [{"address": "10.78.%d.1" % third, "prefix": 24}], **more}


MAC = "52:54:00:00:01:01"
A, B, C = net("a", "ba", 1), net("b", "bb", 2), net("c", "bc", 3)
LATER = {
    "subnets are swapped": ([A, B], [net("a", "ba", 2), net("b", "bb", 1)]),
    "bridges are swapped": ([A, B], [net("a", "bb", 1), net("b", "ba", 2)]),
    "both are swapped": ([A, B], [net("a", "bb", 2), net("b", "ba", 1)]),
    "a ring of three bridges": ([A, B, C], [net("a", "bb", 1), net("b", "bc", 2), net("c", "ba", 3)]),
    "a ring of three subnets": ([A, B, C], [net("a", "ba", 2), net("b", "bb", 3), net("c", "bc", 1)]),
    "a chain of bridges": ([A, B], [net("a", "bb", 1), net("b", "bd", 2)]),
    "a chain of subnets": ([A, B], [net("a", "ba", 2), net("b", "bb", 4)]),
    "one that stops": ([A, B], [net("a", "ba", 2), dict(B, state="inactive")]),
    "transient ones": ([dict(A, persistent=False), dict(B, persistent=False)],
                       [net("a", "bb", 2, persistent=False), net("b", "ba", 1, persistent=False)]),
    "one that does not run": ([dict(A, state="inactive"), B], [net("a", "bb", 1, state="inactive"), net("b", "ba", 2)]),
}


def seen() -> dict[str, tuple[str, ...]]:
    """By network, its bridge and address in both layers, and what the kernel has of that."""
    found = {}
    for name in sorted(sh("virsh -q net-list --all --name").split()):
        layers = [re.findall(PLACES, sh("virsh net-dumpxml %s %s" % (name, one))) for one in ("", "--inactive")]
        runs = "Active:         yes" in sh("virsh net-info %s" % name)
        bridge = layers[0][0][0]
        address = json.loads(sh("ip -j addr show %s" % bridge))[0]["addr_info"][0]["local"] if runs else ""
        found[name] = (bridge, layers[0][1][1], layers[1][0][0], layers[1][1][1], address)
    return found


def wanted(*networks: dict) -> dict[str, tuple[str, ...]]:
    places = {one["name"]: (one["bridge"]["name"], one["ips"][0]["address"]) for one in networks}
    return {one["name"]: (*places[one["name"]] * 2, places[one["name"]][1] if one["state"] == "active" else "")
            for one in networks}


@pytest.mark.parametrize(("before", "after"), LATER.values(), ids=LATER)
def test_the_end_is_judged_and_not_the_way(clean, before: list[dict], after: list[dict]):
    run("topology", networks=before)
    uuids = {name: sh("virsh net-uuid %s" % name) for name in seen()}
    for networks in (after, before):
        done = converge("topology", "objects", networks=networks)
        assert seen() == wanted(*networks)
        subnets = [one["ips"][0]["address"] for one in networks]
        assert bool(done["warnings"]) == (len(set(subnets)) < len(subnets))
    assert all(before[0].get("persistent") is False or sh("virsh net-uuid %s" % name) == uuid
               for name, uuid in uuids.items())


def test_all_are_stopped_before_one_is_started(clean):
    run("topology", networks=[A, B])
    done = run("topology", networks=[net("a", "bb", 1), net("b", "ba", 2)])
    assert done["steps"] == [
        "stop network a", "stop network b", "free the bridge name of network a", "free the bridge name of network b",
        "change the configuration of network a", "change the configuration of network b", "start network a",
        "start network b"]
    assert [one["steps"] for one in done["objects"]] == [
        [step for step in done["steps"] if step.endswith(name)] for name in "ab"]


@pytest.mark.parametrize("more", [{"exclusive": ["networks"]}, {}], ids=["unlisted", "absent"])
def test_a_network_gets_another_name(clean, more: dict):
    run("topology", networks=[A])
    uuid = sh("virsh net-uuid a").strip()
    renamed = net("new", "ba", 1, uuid=uuid)
    gone = [] if more else [{"name": "a", "state": "absent"}]
    done = converge("topology", "objects", networks=[renamed, *gone], **more)
    assert done["steps"] == ["stop network a", "remove network a", "define network new", "start network new"]
    assert seen() == wanted(renamed) and sh("virsh net-uuid new").strip() == uuid


@pytest.mark.parametrize("call", ["define_network", "start_network"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("case", ["both are swapped", "a ring of three bridges", "a chain of subnets",
                                  "one that stops"])
def test_what_fails_on_the_way_leaves_all_as_it_was(clean, monkeypatch, case: str, call: str, nth: int):
    before, after = LATER[case]
    run("topology", networks=before)
    documents = [sh("virsh net-dumpxml %s %s" % (name, layer)) for name in seen() for layer in ("", "--inactive")]
    real, count = getattr(Libvirt, call), []

    def fails(self: Libvirt, *arguments: Any) -> None:
        count.append(arguments)
        if len(count) == nth:
            raise HypervisorError("the connection was lost")
        real(self, *arguments)

    monkeypatch.setattr(Libvirt, call, fails)
    try:
        run("topology", networks=after)
    except Failed as failed:
        assert "the connection was lost" in str(failed) and "Could not be put back" not in str(failed)
        assert seen() == wanted(*before)
        assert documents == [sh("virsh net-dumpxml %s %s" % (name, layer))
                             for name in seen() for layer in ("", "--inactive")]
    else:
        assert len(count) < nth


def test_guests_of_networks_that_swap_their_bridges_are_connected(guest, clean):
    run("topology", networks=[net("other", "other0", 1)])
    second = clean.defineXML(domain_xml("second", INTERFACE.replace("'lab'", "'other'").replace("01:01", "01:02"),
                                        cmdline="guest.ip=10.78.1.9/24"))
    second.create()
    assert answers("10.78.1.9")
    swapped = [dict(LAB, bridge=dict(LAB["bridge"], name="other0")), net("other", "lab0", 1)]
    with pytest.raises(Failed, match=r"networks.0..bridge.name: other0 is the bridge of network other; .* network other"
                                     " must be restarted before .* because it is used by second "):
        run("topology", networks=swapped)
    assert answers() and answers("10.78.1.9")
    converge("topology", "objects", networks=swapped, restart="always")
    for domain, bridge, address in ((guest, "other0", GUEST), (second, "lab0", "10.78.1.9")):
        assert "master %s " % bridge in sh("ip link show %s" % tap_of(domain)) and answers(address)


def test_subnets_that_are_swapped_wait_together(clean):
    run("topology", networks=[A, B])
    swapped = LATER["subnets are swapped"][1]
    waits = converge("topology", "objects", networks=swapped, restart="never")
    assert waits["restart_required"] and [one["name"] for one in waits["restarts"]] == ["a", "b"]
    assert [place[1::2][:2] for place in seen().values()] == [("10.78.1.1", "10.78.2.1"), ("10.78.2.1", "10.78.1.1")]
    converge("topology", "objects", networks=swapped)
    assert seen() == wanted(*swapped)


def test_what_waits_is_named_where_another_wants_it(guest):
    run("topology", networks=[B])
    moved = [dict(LAB, ips=[{"address": "10.78.2.1", "prefix": 24}]), net("b", "bb", 160, ips=LAB["ips"])]
    with pytest.raises(Failed, match=r"networks.1..ips.0..address: 192.168.160.0/24 is the subnet of network lab"
                                     " already, .*; it is to be given up, but network lab must be restarted before .*,"
                                     " and was not because it is used by guest "):
        run("topology", networks=moved)
    assert answers()


def test_a_guest_moves_to_the_network_that_takes_over(guest):
    """The tap is in no bridge between the two."""
    renamed = dict(LAB, name="new")
    card = {"domain": "guest", "mac": {"address": MAC}, "source": {"network": "new"}, "type": "network"}
    whole = {"networks": [renamed], "interfaces": [card], "exclusive": ["networks"]}
    done = converge("topology", "objects", **whole)
    assert done["steps"][:5] == ["stop network lab", "remove network lab", "define network new", "start network new",
                                 "change source.network of the running interface %s of guest guest" % MAC]
    assert list(seen()) == ["new"] and answers()
