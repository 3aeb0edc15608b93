# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that take over what others of the same transaction give up: judged by the end, and done stage by stage."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.fake_host import device, parts
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.trades import in_turn
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.back import back
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

NAMES = "abcd"


def options(name: str, bridge: str, third: int) -> dict[str, Any]:
    return {"name": name, "bridge": {"name": bridge}, "ips": [{"address": "10.5.%d.1" % third, "prefix": 24}]}


def host(*networks: dict, stopped: str = "") -> Snapshot:
    """A host on which these networks run, all but those that are stopped."""
    texts = {one["name"]: dump_xml(NETWORK.render(one)) for one in networks}
    runs = {name: text for name, text in texts.items() if name not in stopped}
    return Snapshot.of_record(parts(
        networks={name: {"uuid": "2d5ab9ed-ff9d-4b0e-b2fa-c2ba41ff2d1%d" % number, "active": name in runs,
                         "persistent": True, "autostart": False} for number, name in enumerate(texts)},
        network_config=texts, network_live={name: runs.get(name) for name in texts},
        ports={name: [] for name in texts},
        devices={one["bridge"]["name"]: device(kind="bridge", addresses=["%s/24" % one["ips"][0]["address"]])
                 for one in networks if one["name"] in runs}))


def wish(name: str, bridge: str, third: int, **settings: Any) -> Network:
    return Network(name, options(name, bridge, third), **{"state": "active", "repair": False, **settings})


def gone(name: str) -> Network:
    return Network(name, {"name": name}, "absent")


def steps(seen: Snapshot, *wishes: Network) -> list[str]:
    return [step.title for step in in_turn(plan_all(seen.fork(), list(wishes)))]


A, B = options("a", "ba", 1), options("b", "bb", 2)


def test_subnets_are_swapped_with_both_stopped():
    assert steps(host(A, B), wish("a", "ba", 2), wish("b", "bb", 1)) == [
        "stop network a", "stop network b", "change the configuration of network a",
        "change the configuration of network b", "start network a", "start network b"]


def test_who_takes_no_bridge_itself_lets_go_of_its_own_first():
    assert steps(host(A, B), wish("a", "bb", 1), wish("b", "bc", 2)) == [
        "stop network a", "stop network b", "free the bridge name of network a",
        "change the configuration of network b", "change the configuration of network a", "start network a",
        "start network b"]


def test_networks_that_take_nothing_from_each_other_are_done_one_after_the_other():
    assert [one.split()[-1] for one in steps(host(A, B), wish("a", "ba", 3), wish("b", "bb", 4))] == list("aaabbb")


def test_what_is_removed_goes_first():
    assert steps(host(A, B), wish("new", "bb", 2), gone("b"), wish("a", "ba", 1)) == [
        "stop network b", "remove network b", "define network new", "start network new"]
    assert steps(host(A, B), wish("new", "bc", 3), gone("b"))[0] == "define network new"


def test_what_stops_makes_room():
    assert steps(host(A, B), wish("a", "ba", 2), wish("b", "bb", 2, state="inactive"))[0] == "stop network b"


@pytest.mark.parametrize(("first", "second"), [
    (wish("a", "ba", 2), wish("b", "bb", 1, restart="never")),
    (wish("a", "ba", 2, restart="never"), wish("b", "bb", 1)),
    (wish("a", "bb", 1), wish("b", "ba", 2, restart="never")),
])
def test_what_waits_is_told_where_another_needs_it(first: Network, second: Network):
    with pytest.raises(Invalid) as error:
        steps(host(A, B), first, second)
    waits = "a" if first.restart == "never" else "b"
    assert "; it is to be given up, but network %s must be restarted before " % waits in str(error.value)
    assert "and was not because restart: never was given" in str(error.value)


def test_two_cannot_have_the_same_in_the_end():
    for second in (wish("b", "bb", 3), wish("b", "bc", 2)):
        with pytest.raises(Invalid, match=r"10.5.3.0/24 is the subnet of network a|bc is the bridge of network a"):
            steps(host(A, B), wish("a", "bc", 3), second)


@given(st.permutations(range(4)), st.permutations(range(4)), st.permutations(range(4)), st.permutations(range(4)))
def test_every_exchange_is_possible(bridges: list[int], thirds: list[int], later: list[int], others: list[int]):
    """Whoever has what; and each network is stopped before anything is taken, and started when all are named."""
    seen = host(*(options(name, "x%d" % bridges[index], thirds[index]) for index, name in enumerate(NAMES)))
    done = steps(seen, *(wish(name, "x%d" % later[index], others[index]) for index, name in enumerate(NAMES)))
    kinds = [one.split()[0] for one in done]
    assert kinds == sorted(kinds, key=["stop", "free", "change", "start"].index)
    moved = {name for name, *places in zip(NAMES, bridges, later, thirds, others)
             if places[0] != places[1] or places[2] != places[3]}
    assert {one.split()[-1] for one in done} == moved


def test_the_way_back_frees_the_name_that_another_has_by_now():
    """Whichever is first: the name that it has is free for the other then."""
    was, now = host(A, B, stopped="ab"), host(options("a", "bb", 1), options("b", "ba", 2), stopped="ab")
    for name in "ab":
        assert [step.title for step in back(was, now, name)] == [
            "free the bridge name of network %s" % name, "define network %s as it was" % name]
    freed = host(options("a", "virbr0", 1), options("b", "ba", 2), stopped="ab")
    assert [step.title for step in back(was, freed, "b")] == ["define network b as it was"]


def test_the_way_back_leaves_the_bridge_on_which_another_runs():
    was, now = host(A, B), host(options("a", "bb", 1), options("b", "bb", 2), stopped="b")
    assert not any("remove bridge" in step.title for step in back(was, now, "b"))
