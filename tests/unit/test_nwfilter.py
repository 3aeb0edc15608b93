# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters and bindings on hosts in memory: how filters refer to each other, and what is planned in which order."""

from __future__ import annotations

import json
import time
from itertools import permutations
from typing import Any

import pytest
from pace import slower
from unit.fake_host import FakeHost, device, parts
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ConvergeError,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter import found as f
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter import tree
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.describe import (
    describe_filter,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.resource import NwFilter
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.describe import (
    describe_binding,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.resource import (
    NwFilterBinding,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid, Missing

MAC = "52:54:00:00:02:01"
GUEST_UUID = "7f0b0a0e-5b51-4f2b-9a86-2a7d6cf1f8c2"
DEVICES = {"tap9": device(kind="tun")}
MANY = 2000


def reference(name: str, **given: str) -> dict[str, Any]:
    return {"filterref": {"filter": name, "parameters": [
        {"name": variable, "value": value} for variable, value in given.items()]}}


def rule(port: str) -> dict[str, Any]:
    return {"rule": {"action": "accept", "direction": "in", "tcp": [{"dstportstart": port}]}}


def wish(name: str, *entries: dict[str, Any], **more: Any) -> NwFilter:
    return NwFilter(name, {"name": name, "entries": list(entries)}, **more)


def bind(name: str, port: str = "tap9", given: dict[str, str] | None = None, **more: Any) -> NwFilterBinding:
    return NwFilterBinding(port, {"portdev": {"name": port}, "mac": {"address": MAC},
                                  **reference(name, **(given or {}))}, **more)


def xml(name: str, *references: str, variables: str = "") -> dict[str, str]:
    """A filter as a host has it."""
    text = "".join("<filterref filter='%s'/>" % other for other in references)
    text += "".join("<rule action='accept' direction='in'><tcp dstportstart='$%s'/></rule>" % variable
                    for variable in variables.split())
    return {"uuid": "", "xml": "<filter name='%s'>%s</filter>" % (name, text)}


def nodes(**filters: dict[str, str]) -> dict[str, tree.Node]:
    return dict(f.tree_of(seen(nwfilters=filters)).filters)


def bound(name: str, port: str = "tap9") -> str:
    return ("<filterbinding><owner><name>o</name><uuid>%s</uuid></owner><portdev name='%s'/><mac address='%s'/>"
            "<filterref filter='%s'><parameter name='MAC' value='%s'/></filterref></filterbinding>"
            % (GUEST_UUID, port, MAC, name, MAC))


def guest(name: str, tap: str = "tap9") -> dict[str, Any]:
    """The parts of a host on which a guest runs that refers to a filter."""
    text = ("<domain><devices><interface type='bridge'><mac address='%s'/>%%s<filterref filter='%s'/></interface>"
            "</devices></domain>" % (MAC, name))
    return {"domains": {GUEST_UUID: {"name": "guest", "active": True, "persistent": True}},
            "domain_config": {GUEST_UUID: text % ""},
            "domain_live": {GUEST_UUID: text % ("<target dev='%s'/>" % tap)}}


def seen(*unread: str, **given: Any) -> Snapshot:
    """A recorded host, of which some parts must not be read."""
    record = parts(**{"devices": DEVICES, **given})
    return Snapshot.of_record({name: part for name, part in record.items() if name not in unread})


def titles(host: Snapshot, *wishes: Any) -> list[str]:
    return [step.title for outcome in plan_all(host.fork(), list(wishes)) for step in outcome.plan.steps]


# --- how filters refer to each other


def test_variables_go_up_but_for_those_that_are_given() -> None:
    filters = nodes(base=xml("base", variables="IP PORT"), web=xml("web", "base", "gone", variables="A"))
    assert tree.variables(filters) == {"base": {"IP", "PORT"}, "web": {"IP", "PORT", "A"}}
    filters["web"] = filters["web"]._replace(references=(tree.Reference("base", frozenset({"PORT"})),))
    assert tree.variables(filters)["web"] == {"IP", "A"}
    filters["web"] = filters["web"]._replace(references=(
        tree.Reference("base", frozenset({"PORT"})), tree.Reference("base", frozenset({"IP"}))))
    assert tree.variables(filters)["web"] == {"IP", "PORT", "A"}
    assert tree.not_given({"IP", "MAC", "PORT", "A"}, frozenset({"A"})) == ["PORT"]


def test_a_variable_in_a_comment_is_none() -> None:
    text = ("<filter name='a'><rule action='drop' direction='in'><tcp comment='$NO' srcipaddr='$IP[0]'/><!-- $C -->"
            "</rule></filter>")
    assert nodes(a={"uuid": "", "xml": text})["a"].variables == {"IP"}


def test_loops_of_a_host_end() -> None:
    filters = nodes(a=xml("a", "b", variables="A"), b=xml("b", "c", "b"), c=xml("c", "a", variables="C"))
    assert f.tree_of(seen(nwfilters={"a": xml("a", "b"), "b": xml("b", "a")})).above("a") == {"a", "b"}
    assert tree.variables(filters) == {name: {"A", "C"} for name in "abc"}
    assert tree.loop("a", filters) == ["a", "b", "c", "a"]
    assert tree.loop("b", filters) == ["b", "b"]
    assert json.dumps(tree.shown("b", filters)).count('"name": "b"') == 3


def test_a_tree_follows_what_is_put() -> None:
    host = seen(nwfilters={"a": xml("a", "b"), "b": xml("b", "c")})
    assert f.tree_of(host).above("c") == {"a", "b", "c"}
    will_be = host.fork()
    assert (f.tree_of(will_be).above("b"), f.variables_of(will_be)["a"]) == ({"a", "b"}, set())
    will_be.put_entry("nwfilters", "a", xml("a", "c", variables="IP"))
    assert (f.tree_of(will_be).referrers["b"], f.variables_of(will_be)["a"]) == (set(), {"IP"})
    will_be.put_entry("nwfilters", "b", None)
    assert f.tree_of(will_be).above("c") == {"a", "c"}
    assert f.tree_of(host).above("c") == {"a", "b", "c"}
    will_be.put("nwfilters", "", {})
    assert (f.tree_of(will_be).filters, f.variables_of(will_be)) == ({}, {})


def test_a_tree_is_shown_with_what_is_missing() -> None:
    filters = nodes(a=xml("a", "b", "gone"), b=xml("b"))
    assert tree.shown("a", filters) == {"name": "a", "missing": False, "references": [
        {"name": "b", "missing": False, "references": []}, {"name": "gone", "missing": True, "references": []}]}
    assert tree.loop("a", filters) == []
    filters = nodes(a=xml("a", "b", "gone"), b=xml("b", "lost"), c=xml("c"))
    assert tree.missing(filters) == {"a": {"gone", "lost"}, "b": {"lost"}, "gone": {"gone"}, "lost": {"lost"}}


def chain(length: int) -> dict[str, dict[str, str]]:
    """Filters of which each refers to the next; the last needs a variable."""
    names = ["f%04d" % number for number in range(length)]
    return {name: xml(name, *names[number + 1:number + 2], variables="" if number + 1 < length else "PORT")
            for number, name in enumerate(names)}


def test_deep_and_wide_trees_are_shown_as_far_as_anybody_reads() -> None:
    host = seen(nwfilters={**chain(MANY), **{"d%d" % level: xml("d%d" % level, *["d%d" % (level + 1)] * 2)
                                             for level in range(40)}})
    for name in ("f0000", "d0"):
        text = json.dumps(describe_filter(host, name)["status"])
        assert text.count('"references": null') > 0
        assert len(text) < 1000000
    assert describe_filter(host, "f0000")["status"]["variables"] == [{"name": "PORT", "filled_by_libvirt": False}]


@pytest.mark.parametrize("filters", [
    chain(MANY), {"f0000": xml("f0000", variables="PORT"),
                  **{"f%04d" % number: xml("f%04d" % number, "f0000") for number in range(1, MANY)}},
], ids=["in a chain", "all to one"])
def test_two_thousand_filters_are_described_in_time(filters: dict[str, Any]) -> None:
    host = seen(nwfilters=filters, bindings={"tap9": bound("f0000")})
    started = time.process_time()
    assert all(describe_filter(host, name)["status"]["variables"] for name in filters)
    assert time.process_time() - started < 10 * slower()


# --- planning


def test_what_is_as_desired_reads_filters_alone() -> None:
    host = seen("bindings", "domains", "devices", nwfilters={"web": xml("web", "base", variables="A")})
    assert titles(host, wish("web", reference("base"), rule("$A"))) == []
    assert titles(host, wish("web", reference("base"), rule("$A"), purge=True)) == []
    assert titles(host, NwFilter("gone", {}, "absent")) == []


def test_a_change_reads_no_guests_and_a_binding_as_desired_neither() -> None:
    host = seen("domains", nwfilters={"web": xml("web", variables="IP")}, bindings={"tap9": bound("web")})
    assert titles(host, wish("web")) == ["change filter web"]
    assert titles(host, bind("web")) == []
    assert titles(host, bind("web", "tap8", state="absent")) == []
    with pytest.raises(LookupError):
        titles(host, bind("web", given={"IP": "10.0.0.1"}))


TOGETHER = [bind("aa-web", given={"PORT": "22"}), wish("zz-base", rule("$PORT")), wish("aa-web", reference("zz-base"))]


def test_what_refers_to_each_other_is_planned_in_the_order_of_need() -> None:
    for wishes in permutations(TOGETHER):
        assert titles(seen("domains"), *wishes) == [
            "define filter zz-base", "define filter aa-web", "bind filter aa-web to tap9"]


def test_removals_go_the_other_way_round() -> None:
    host = FakeHost(devices=DEVICES)
    converge(host, TOGETHER, False)
    gone = [type(one)(one.name, one.options, "absent") for one in TOGETHER]
    for wishes in permutations(gone):
        assert titles(host.look(), *wishes) == [
            "unbind the filter of tap9", "remove filter aa-web", "remove filter zz-base"]
    converge(host, gone, False)
    assert (host.parts["nwfilters"][""], host.parts["bindings"][""]) == ({}, {})


def test_a_host_is_made_as_planned_and_then_nothing_is_to_be_done() -> None:
    host = FakeHost(devices=DEVICES)
    for expected in (["define_nwfilter", "define_nwfilter", "create_nwfilter_binding"], []):
        host.calls.clear()
        converge(host, TOGETHER, False)
        assert list(host.names()) == expected
    assert describe_binding(host.look(), "tap9")["status"] == {
        "left_out": [],
        "backend": None, "device_exists": True, "guest": None, "drift": [], "variables": ["PORT"]}
    assert describe_filter(host.look(), "zz-base")["status"] == {
        "left_out": [],
        "tree": {"name": "zz-base", "missing": False, "references": []},
        "variables": [{"name": "PORT", "filled_by_libvirt": False}],
        "referenced_by": ["aa-web"], "guests": [], "bindings": ["tap9"]}


def test_a_failed_step_leaves_all_as_it_was() -> None:
    host = FakeHost(("create_nwfilter_binding",), devices=DEVICES,
                    nwfilters={"zz-base": xml("zz-base", variables="OTHER")})
    with pytest.raises(ConvergeError, match=r"Could not bind filter aa-web to tap9: .* All is as it was; put back: "
                                            r"remove filter aa-web; define filter zz-base as it was\."):
        converge(host, TOGETHER, False)
    assert f.tree_of(host.look()).filters == nodes(**{"zz-base": xml("zz-base", variables="OTHER")})


def test_a_failed_replacement_leaves_the_old_binding() -> None:
    host = FakeHost(("create_nwfilter_binding",), devices=DEVICES,
                    nwfilters={name: xml(name) for name in ("web", "new")}, bindings={"tap9": bound("web")})
    with pytest.raises(ConvergeError, match=r"All is as it was; put back: bind the filter to tap9 again\."):
        converge(host, [bind("new")], False)
    assert titles(host.look(), bind("web")) == []
    converge(host, [bind("new")], False)
    assert titles(host.look(), bind("new")) == []


# --- what is refused


@pytest.mark.parametrize(("wishes", "message"), [
    ([wish("web", rule("22"), reference("gone"))],
     "entries[1].filterref.filter: there is no filter gone; define it first, or give allow_missing_references: true"),
    ([bind("gone")], "filterref.filter: there is no filter gone"),
    ([wish("web", reference("gone"), allow_missing_references=True), bind("web")],
     "filterref.filter: there is no filter gone, which web refers to (nwfilter_binding tap9)"),
    ([bind("base", "tap8")],
     "portdev.name: the host has no device tap8; libvirt would take the binding and filter nothing"),
])
def test_what_is_not_there_may_come_in_check_mode(wishes: list[Any], message: str) -> None:
    host = seen(nwfilters={"base": xml("base")})
    with pytest.raises(Missing) as refused:
        plan_all(host.fork(), wishes)
    assert str(refused.value) == message
    plan = plan_all(host.fork(), wishes, check_mode=True)[-1].plan
    assert plan.extra == {"changed": True}
    assert plan.warnings[0].startswith(message.split(" (nwfilter_binding")[0])


def test_a_device_is_not_missed_where_the_kernel_is_out_of_reach() -> None:
    far = {"version": [9, 0, 0], "uri": "qemu+ssh://far/system", "local": False, "sets_metadata": False}
    host = seen("devices", host=far, nwfilters={"base": xml("base")}, bindings={"tap8": bound("base", "tap8")})
    assert titles(host, bind("base", "tap7")) == ["bind filter base to tap7"]
    assert describe_binding(host, "tap8")["status"]["device_exists"] is None


@pytest.mark.parametrize(("wishes", "message"), [
    ([wish("web", reference("web"))], "entries: filter web would refer to itself: web -> web"),
    ([wish("late", reference("below"))], "entries: filter late would refer to itself: late -> below -> late"),
    ([wish("a", reference("b")), wish("b", reference("a"))],
     "these need each other, so none can be first: nwfilter a -> nwfilter b -> nwfilter a"),
    ([wish("late", rule("$NEW"))], "entries: the filter is on device tap9, whose binding gives no value for NEW"),
    ([wish("below", rule("$NEW"), rule("$MAC"))],
     "entries: the filter is on device tap9, whose binding gives no value for NEW"),
    ([NwFilter("below", {}, "absent")],
     "state: absent is refused: filter below is referred to by filter top, binding of tap9; libvirt would remove it"
     " from under them, which force: true does"),
    ([NwFilter("top", {}, "absent")],
     "state: absent is refused: filter top is referred to by guest guest (%s), binding of tap9; libvirt would remove"
     " it from under them, which force: true does" % MAC),
    ([bind("below", given={"A": "1"}, state="absent")],
     "portdev.name: the binding of tap9 belongs to the running guest guest (%s) and is not removed; change the guest's"
     " interface, or give force: true" % MAC),
    ([bind("other")],
     "portdev.name: the binding of tap9 belongs to the running guest guest (%s) and is not replaced; change the"
     " guest's interface, or give force: true" % MAC),
    ([bind("needy", "tap7")], "filterref.parameters: filter needy needs a value for A, B"),
    ([NwFilterBinding("tap7", {"portdev": {"name": "tap7"}, "mac": {"address": MAC}})], "filterref: is missing"),
])
def test_what_libvirt_would_take_without_a_word_is_refused(wishes: list[Any], message: str) -> None:
    host = seen(devices={"tap9": device(), "tap7": device()}, bindings={"tap9": bound("top")}, nwfilters={
        "top": xml("top", "below"), "below": xml("below", "late"), "other": xml("other"),
        "needy": xml("needy", variables="B A MAC")}, **guest("top"))
    with pytest.raises(Invalid) as refused:
        plan_all(host.fork(), wishes)
    assert str(refused.value).startswith(message)
    assert not isinstance(refused.value, Missing)


def test_force_does_what_is_refused_and_says_so() -> None:
    host = seen(bindings={"tap9": bound("web")}, nwfilters={"web": xml("web")}, **guest("web"))
    for forced, warning in (
            (NwFilter("web", {}, "absent", force=True),
             "filter web is removed though it is referred to by guest guest (%s), binding of tap9" % MAC),
            (bind("web", state="absent", force=True), "guest guest (%s) is without a filter from now on" % MAC)):
        outcome, = plan_all(host.fork(), [forced])
        assert (len(outcome.plan.steps), outcome.plan.warnings) == (1, [warning])
    outcome, = plan_all(host.fork(), [wish("web", rule("22"))])
    assert outcome.plan.extra["rebuilt_bindings"] == ["tap9"]


# --- speed


@pytest.mark.parametrize("wishes", [
    [wish("f%04d" % number, *([reference("f%04d" % (number + 1))] if number + 1 < MANY else []))
     for number in range(MANY)],
    [wish("f0000"), *(wish("f%04d" % number, reference("f0000")) for number in range(1, MANY))],
], ids=["in a chain", "all to one"])
def test_two_thousand_new_filters_and_bindings_are_planned_in_time(wishes: list[Any]) -> None:
    taps = {"tap%d" % number: device() for number in range(MANY)}
    host = seen("domains", nwfilters={"old": xml("old")}, bindings={"tap9": bound("old")}, devices=taps)
    wishes = [*wishes, *(bind("f0001", tap) for tap in taps if tap != "tap9")]
    started = time.process_time()
    assert len(titles(host, *wishes)) == 2 * MANY - 1
    assert time.process_time() - started < 10 * slower()


def test_a_binding_says_in_which_firewall_it_is_and_is_replaced_without_saying_it() -> None:
    kept = bound("one").replace("</filterbinding>", "<backend name='iptables'/></filterbinding>")
    host = FakeHost(devices=DEVICES, nwfilters={"one": xml("one"), "two": xml("two")}, bindings={"tap9": kept})
    assert describe_binding(host.look(), "tap9")["status"]["backend"] == "iptables"
    assert titles(host.look(), bind("one")) == []
    converge(host, [bind("two")], False)
    assert "<backend" not in host.parts["bindings"][""]["tap9"]
