# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order wishes are carried out, and which are carried out as one."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.fake_host import FakeHost

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.order import LAST, fold
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.order import in_order as ordered_and_wrong
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Piece, Plan, Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.kinds import KINDS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

SEEN = FakeHost().look()
NEED = "these need each other, so none can be first: "


def no_way(was, now, name: str) -> list:
    return []


@dataclass
class Wish:
    """A wish for something by name, of a kind that is known or not."""

    name: str
    wants: tuple = ()
    absent: bool = False
    kind: str = "thing"
    folded: tuple = ()

    @property
    def key(self) -> tuple:
        return self.kind, self.name

    @property
    def position(self) -> int:
        return KINDS[self.kind].wish.position if self.kind in KINDS else LAST

    def needs(self, seen) -> list:
        return [one if isinstance(one, tuple) else (self.kind, one) for one in self.wants]

    def look(self, seen) -> list:
        return sorted(seen.get("networks"))

    def plan(self, found: list) -> Plan:
        return Plan({}, {}, [self.step(part) for part in self.folded if part not in found])

    def step(self, part: str) -> Step:
        return Step("%s %s" % (self.name, part), lambda host: host.parts["networks"][""].update({part: {}}),
                    Piece(self.kind, self.name, no_way))

    def promise(self, seen, plan: Plan) -> None:
        pass


@dataclass
class Patch(Wish):
    """A wish for a part of another."""

    owner: tuple = ()

    def fold(self, owner: Wish) -> Wish:
        return replace(owner, folded=(*owner.folded, self.name))


def in_order(wishes: list, seen) -> list:
    ordered, wrong = ordered_and_wrong(wishes, seen)
    assert sorted(wish.key for wish in ordered) == sorted(wish.key for wish in wishes)
    for error in wrong.values():
        raise error
    return ordered


def names(wishes: list) -> list:
    return [wish.name for wish in in_order(wishes, SEEN)]


# --- order


def test_what_is_needed_comes_first():
    assert names([Wish("a", ("b",)), Wish("b", ("c",)), Wish("c")]) == ["c", "b", "a"]


def test_what_needs_nothing_of_each_other_comes_by_kind_and_key():
    kinds = ("interface", "unknown", "nwfilter_binding", "network_port", "network", "nwfilter", "sriov")
    wishes = [Wish(name, kind=kind) for kind in kinds for name in ("b", "a")]
    assert [wish.key for wish in in_order(wishes, SEEN)] == [
        (kind, name) for kind in ("sriov", "nwfilter", "network", "network_port", "nwfilter_binding", "interface",
                                  "unknown") for name in ("a", "b")]


def test_need_counts_more_than_the_kind():
    port = Wish("p", kind="network_port")
    assert names([Wish("n", (("network_port", "p"),), kind="network"), port]) == ["p", "n"]


def test_what_is_needed_of_nobody_here_is_no_matter():
    assert names([Wish("b", ("elsewhere",)), Wish("a", ("b", "nowhere"))]) == ["b", "a"]


def test_removals_come_last_and_the_other_way_round():
    wishes = [Wish("gone", absent=True), Wish("user", ("gone",), absent=True), Wish("new", ("base",)), Wish("base")]
    assert names(wishes) == ["base", "new", "user", "gone"]


def test_removals_of_several_kinds_go_from_the_users_to_the_used():
    wishes = [Wish("x", kind=kind, absent=True) for kind in ("nwfilter", "interface", "network", "sriov")]
    assert [wish.kind for wish in in_order(wishes, SEEN)] == ["interface", "network", "nwfilter", "sriov"]


def test_what_is_removed_may_name_what_is_made():
    assert names([Wish("b", ("a",), absent=True), Wish("a")]) == ["a", "b"]


def test_a_diamond_has_each_once():
    assert names([Wish("top", ("left", "right")), Wish("left", ("base",)), Wish("right", ("base",)), Wish("base")]) == [
        "base", "left", "right", "top"]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("absent", [False, True], ids=["made", "removed"])
def test_a_circle_is_an_error_that_names_it(length: int, absent: bool):
    circle = [Wish("w%d" % at, ("w%d" % ((at + 1) % length),), absent) for at in range(length)]
    with pytest.raises(Invalid) as error:
        in_order([*circle, Wish("before"), Wish("v", ("w0",), absent)], SEEN)
    ways = [["thing w%d" % ((start + at) % length) for at in range(length + 1)] for start in range(length)]
    assert str(error.value) in [NEED + " -> ".join(way) for way in ways]


def test_the_error_names_the_circle_alone_and_not_the_way_to_it():
    with pytest.raises(Invalid) as error:
        in_order([Wish("a", ("b",)), Wish("b", ("c",)), Wish("c", ("b",))], SEEN)
    assert str(error.value) == NEED + "thing b -> thing c -> thing b"


def test_what_needs_itself_is_named():
    with pytest.raises(Invalid, match=r"first: thing a -> thing a$"):
        in_order([Wish("a", ("a",)), Wish("b")], SEEN)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.lists(st.integers(0, 9), max_size=3)), max_size=10,
                unique_by=lambda entry: entry[0]), st.randoms(use_true_random=False))
def test_any_shuffle_gives_the_same_order_in_which_need_is_met(entries: list, dice: random.Random):
    made = {number for number, absent, _wants in entries if not absent}
    wishes = [Wish("w%d" % number, tuple("w%d" % one for one in wants if one < number and (absent or one in made)),
                   absent) for number, absent, wants in entries]
    shuffled = list(wishes)
    dice.shuffle(shuffled)
    ordered = in_order(shuffled, SEEN)
    assert [wish.key for wish in ordered] == [wish.key for wish in in_order(wishes, SEEN)]
    assert sorted(wish.name for wish in ordered) == sorted(wish.name for wish in wishes)
    place = {wish.key: at for at, wish in enumerate(ordered)}
    by_key = {wish.key: wish for wish in wishes}
    for wish in wishes:
        for key in wish.needs(SEEN):
            if key in by_key and by_key[key].absent == wish.absent:
                assert (place[key] < place[wish.key]) != wish.absent
    assert [wish.absent for wish in ordered] == sorted(wish.absent for wish in wishes)


@pytest.mark.parametrize("absent", [False, True], ids=["made", "removed"])
def test_a_long_chain_needs_no_recursion(absent: bool):
    count = 5000
    assert count > sys.getrecursionlimit()
    chain = [Wish("w%04d" % at, ("w%04d" % (at + 1),), absent) for at in range(count)]
    expected = ["w%04d" % at for at in range(count)]
    assert names(random.Random(1).sample(chain, count)) == (expected if absent else expected[::-1])
    chain[-1].wants = ("w0000",)
    with pytest.raises(Invalid, match="none can be first"):
        in_order(chain, SEEN)


# --- folding


def test_each_wish_stands_for_itself():
    one, two = Wish("a"), Wish("b")
    assert fold([one, two]) == {one.key: (one, [one]), two.key: (two, [two])}


def test_two_wishes_for_the_same_are_an_error_that_names_it():
    with pytest.raises(Invalid) as error:
        fold([Wish("lab", kind="network"), Wish("other"), Wish("lab", kind="network", absent=True)])
    assert str(error.value) == "network lab is wished for twice"
    with pytest.raises(Invalid, match="wished for twice"):
        fold([Patch("dns", owner=("thing", "lab")), Patch("dns", owner=("thing", "lab"))])


def test_the_same_name_of_another_kind_is_another():
    assert len(fold([Wish("lab"), Wish("lab", kind="network")])) == 2


@pytest.mark.parametrize("first", [True, False], ids=["owner first", "owner last"])
def test_a_patch_folds_into_the_wish_for_its_owner(first: bool):
    lab = Wish("lab")
    dns, dhcp = Patch("dns", kind="patch", owner=lab.key), Patch("dhcp", kind="patch", owner=lab.key)
    groups = fold([lab, dns, dhcp] if first else [dns, dhcp, lab])
    assert len(groups) == 1
    key, (whole, members) = next(iter(groups.items()))
    assert key == lab.key and whole.folded == ("dns", "dhcp") and members == [lab, dns, dhcp]
    assert lab.folded == ()


def test_a_patch_without_a_wish_for_its_owner_stands_for_itself():
    dns = Patch("dns", owner=("thing", "lab"))
    assert fold([dns]) == {dns.key: (dns, [dns])}


def test_patches_that_contradict_their_owner_are_refused():
    class Contrary(Patch):
        def fold(self, owner: Wish) -> Wish:
            raise Invalid("dns", "contradicts it")

    with pytest.raises(Invalid, match=r"^dns: contradicts it$"):
        fold([Wish("lab"), Contrary("dns", owner=("thing", "lab"))])


def test_what_was_folded_is_done_once_and_answers_for_each_wish():
    lab, host = Wish("lab"), FakeHost()
    dns, dhcp = Patch("dns", kind="patch", owner=lab.key), Patch("dhcp", kind="patch", owner=lab.key)
    for check_mode, found in ((True, None), (False, ["dhcp", "dns"])):
        assert host.look().get("networks") == {}
        outcomes = converge(host, [dns, lab, dhcp], check_mode)
        assert [outcome.wish for outcome in outcomes] == [dns, replace(lab, folded=("dns", "dhcp")), dhcp]
        assert [[step.title for step in outcome.plan.steps] for outcome in outcomes] == [
            [], ["lab dns", "lab dhcp"], []]
        assert [outcome.carried_out_by and outcome.carried_out_by.name for outcome in outcomes] == ["lab", None, "lab"]
        assert [outcome.found for outcome in outcomes] == [found] * 3
    assert sorted(host.look().get("networks")) == ["dhcp", "dns"]


def test_what_is_needed_cannot_be_absent_too():
    with pytest.raises(Invalid, match=r"^thing a needs thing b, which is to be absent$"):
        in_order([Wish("a", ("b",)), Wish("b", absent=True)], SEEN)
    assert in_order([Wish("a", ("b",), absent=True), Wish("b", absent=True)], SEEN)
