# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, apply, verify and undo, with wishes that are a few lines long."""

from __future__ import annotations

import json
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unit.fake_host import FakeHost
from unit.planning import plan_all
from unit.strategies import options

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine import converge as converge_module
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ConvergeError,
    Outcome,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import (
    Coming,
    Drift,
    Piece,
    Plan,
    Shared,
    Step,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.report import (
    model_of,
    result_of,
    results_of,
    to_yaml,
    warnings_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import host as host_module
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError, KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import (
    Entry,
    Invalid,
    Missing,
    Path,
)

GUEST = "one (52:54:00:00:01:00)"


class Thing:
    """A wish with a step for each word; a word with '!' fails when it is done, one with '*' after it took effect, and
    one with '?' when it is taken back."""

    kind, absent = "thing", False

    def __init__(self, name: str, *words: str, left: tuple[Drift, ...] = (), error: Exception | None = None,
                 unreadable: bool = False, unplannable: bool = False) -> None:
        self.name, self.words, self.left = name, words, left
        self.error = error or HypervisorError("it is broken")
        self.unreadable, self.unplannable, self.looks = unreadable, unplannable, 0
        self.key, self.failed, self.done = ("thing", name), [], []

    def needs(self, seen) -> list:
        return []

    def look(self, seen) -> int:
        self.looks += 1
        if self.unreadable and self.looks > 1:
            raise self.error
        return self.looks

    def plan(self, found: int) -> Plan:
        if found > 1:
            if self.unplannable:
                raise self.error
            return Plan({}, {}, [self.step(word) for word in self.failed], list(self.left))
        return Plan({"was": 1}, {"will": 2}, [self.step(word) for word in self.words],
                    [Drift("config", Path("a"), 1, 2)])

    def promise(self, seen, plan: Plan) -> None:
        pass

    def model(self, found: int) -> dict:
        return {"looks": found}

    def step(self, word: str) -> Step:
        title = "%s %s" % (word.strip("!?*"), self.name)

        def do(host: FakeHost) -> None:
            if "!" in word:
                self.failed.append(word)
                raise KernelError("it is broken") if "kernel" in word else self.error
            host.calls.append(title)
            self.done.append(word)
            if "*" in word:
                raise self.error

        return Step(title, do, self.piece)

    @cached_property
    def piece(self) -> Piece:
        return Piece("thing", self.name, lambda was, now, name: iter([] if was is now else map(
            self.taken_back, reversed(self.done))))

    def taken_back(self, word: str) -> Step:
        title = "%s %s" % (word.strip("!?*"), self.name)

        def do(host: FakeHost) -> None:
            if "?" in word:
                raise self.error
            self.done.remove(word)
            host.calls.append("not " + title)

        return Step(title, do, self.piece)


class Unplannable(Thing):
    """A wish whose options cannot be."""

    def plan(self, found: int) -> Plan:
        raise self.error


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


def failure(host: FakeHost, *things: Thing) -> str:
    with pytest.raises(ConvergeError) as error:
        converge(host, list(things), False)
    return str(error.value)


def test_steps_are_done_in_order_and_the_host_is_read_again(host):
    outcome, = converge(host, [Thing("x", "make", "start")], False)
    assert host.calls == ["make x", "start x"]
    assert outcome.found == 2 and host.looks == 3
    assert model_of(outcome) == {"looks": 2}


def test_a_step_that_failed_after_it_took_effect_is_undone_too(host):
    said = failure(host, Thing("x", "make", "start*"), Thing("y", "make"))
    assert said == "Could not start x: it is broken. All is as it was; put back: start x; make x."
    assert host.calls == ["make x", "start x", "not start x", "not make x"]


def test_nothing_is_read_again_when_nothing_was_done(host):
    outcome, = converge(host, [Thing("x")], False)
    assert outcome.found == 1 and host.looks == 1
    assert result_of(outcome)["changed"] is False and result_of(outcome)["steps"] == []


def test_check_mode_does_nothing_and_reports_the_same(host):
    checked, = converge(host, [Thing("x", "make", "break!")], True)
    assert host.calls == [] and checked.found is None and model_of(checked) == {"will": 2}
    real, = converge(host, [Thing("x", "make", "break")], False)
    assert result_of(checked) == result_of(real)


def test_the_result_has_steps_drift_and_diff(host):
    result = result_of(converge(host, [Thing("x", "make")], False)[0])
    assert result == {
        "changed": True, "steps": ["make x"], "restart_required": False, "restarts": [],
        "drift": [{"layer": "config", "path": "a", "desired": 1, "current": 2}],
        "diff": {"before_header": "thing x (before)", "after_header": "thing x (after)", "before": "was: 1\n",
                 "after": "will: 2\n", "prepared": "steps:\n  1. make x\n\n"},
    }


def test_what_waits_for_a_restart_is_said(host):
    thing = Thing("x")
    thing.plan = lambda found: Plan({}, {}, waiting=[Drift("live", Path("mtu", "size"), 9000, None)])
    assert result_of(converge(host, [thing], False)[0])["restart_required"] is True


def test_a_failed_step_undoes_those_before_it_last_first(host):
    message = failure(host, Thing("x", "make", "start", "use!", "never"))
    assert message == "Could not use x: it is broken. All is as it was; put back: start x; make x."
    assert host.calls == ["make x", "start x", "not start x", "not make x"]


def test_a_failed_first_step_changed_nothing(host):
    assert failure(host, Thing("x", "make!")) == "Could not make x: it is broken. Nothing was changed."


def test_a_failure_of_the_kernel_is_undone_alike(host):
    assert failure(host, Thing("x", "make", "kernel!")).endswith("All is as it was; put back: make x.")


def test_what_could_not_be_undone_is_said_and_the_rest_is_undone(host):
    message = failure(host, Thing("x", "one", "two?", "three", "four!"))
    assert message == ("Could not four x: it is broken. Put back: three x; one x."
                       " Could not be put back: two x (it is broken).")
    assert host.calls[-2:] == ["not three x", "not one x"]


def test_what_is_not_as_planned_afterwards_is_undone(host):
    left = (Drift("live", Path("mtu", "size"), 9000, 1500),
            Drift("config", Path("ips", 0), None, {"address": "10.0.0.1"}),
            Drift("kernel", Path("bridge", "up"), True, False))
    message = failure(host, Thing("x", "make", left=left))
    assert message == (
        'Not converged: mtu.size of the running definition is 1500, not 9000; ips[0] of the configuration is'
        ' {"address": "10.0.0.1"}, not null; bridge.up of the kernel is false, not true.'
        ' All is as it was; put back: make x.')
    assert host.calls == ["make x", "not make x"]


@pytest.mark.parametrize("kind", [Coming, Drift])
def test_only_what_comes_by_itself_is_waited_for(host, monkeypatch, kind):
    monkeypatch.setattr(converge_module, "time", SimpleNamespace(monotonic=lambda: 0, sleep=host.calls.append))
    thing = Thing("x", "make")
    thing.plan = lambda found: Thing.plan(thing, found) if found < 2 else Plan(
        {}, {}, drift=[kind("kernel", Path("a"), 1, 2)] if found == 2 else [])
    if kind is Drift:
        assert failure(host, thing).startswith("Not converged: a of the kernel is 2, not 1.")
        assert 0.1 not in host.calls
    else:
        converge(host, [thing], False)
        assert host.calls == ["make x", 0.1]


def test_many_wishes_are_one_transaction(host):
    message = failure(host, Thing("x", "make"), Thing("y", "make", "start!"), Thing("z", "make"))
    assert message == "Could not start y: it is broken. All is as it was; put back: make y; make x."
    assert host.calls == ["make x", "make y", "not make y", "not make x"]


def test_all_are_planned_before_any_is_touched(host):
    with pytest.raises(ValueError, match=r"^bad$"):
        converge(host, [Thing("x", "make"), Unplannable("y", error=ValueError("bad"))], False)
    assert host.calls == []


def test_of_many_wishes_an_error_names_the_one(host):
    broken = Unplannable("y", error=Invalid(Path("ips", 0), "is bad"))
    with pytest.raises(Invalid, match=r"^ips\[0\]: is bad \(thing y\)$"):
        converge(host, [Thing("x"), broken], False)
    broken.error = Invalid(Path("ips", 0), "is bad")
    with pytest.raises(Invalid, match=r"^ips\[0\]: is bad$"):
        converge(host, [broken], False)


def test_one_that_does_not_converge_takes_back_all(host):
    failure(host, Thing("x", "make"), Thing("y", left=(Drift("live", Path("a"), 1, 2),)))
    assert host.calls == ["make x", "not make x"]


def test_outcomes_come_in_the_order_of_the_wishes(host):
    assert [outcome.wish.name for outcome in converge(host, [Thing("y", "a"), Thing("x")], False)] == ["y", "x"]


def test_a_failure_to_read_back_is_undone_and_said(host):
    message = failure(host, Thing("x", "make", unreadable=True, error=HypervisorError("libvirt went away.")))
    assert message == "Could not read back what was done: libvirt went away. All is as it was; put back: make x."


def test_each_wish_is_planned_on_what_those_before_it_promise(host):
    first, second = Thing("x", "make"), Thing("y")
    first.promise = lambda seen, plan: seen.put("networks", "", {"new": {}})
    second.look = lambda seen: 1 if "new" in seen.get("networks") else 9
    base = host.look()
    assert [outcome.found for outcome in plan_all(base.fork(), [second, first])] == [1, 1]
    assert base.get("networks") == {}


def test_what_has_nothing_to_do_promises_nothing(host):
    thing = Thing("x")
    thing.promise = None
    converge(host, [thing], False)


def test_check_mode_says_that_an_earlier_task_is_needed(host):
    lost = Unplannable("x", "make", error=Missing("network", "there is no network lab"))
    result = result_of(converge(host, [lost], True)[0])
    assert result["changed"] is True and result["steps"] == []
    assert converge(host, [lost], True)[0].plan.warnings == [
        "network: there is no network lab; where an earlier task makes it, this one has something to do; check mode"
        " can say no more of it"]
    with pytest.raises(Missing):
        converge(host, [lost], False)


# --- whatever goes wrong: one message, and all is undone

ERRORS = [
    (HypervisorError("it is broken"), "it is broken"),
    (KernelError("it is broken."), "it is broken"),
    (Invalid(Path("a"), "is odd"), "a: is odd"),
    (KeyError("bridge"), "KeyError: 'bridge'"),
    (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error"),
    (RuntimeError("it is odd"), "RuntimeError: it is odd"),
    (RecursionError(), "RecursionError: "),
]
EACH = pytest.mark.parametrize(("error", "said"), ERRORS, ids=lambda value: type(value).__name__)


@EACH
def test_whatever_a_step_raises_all_is_undone(host, error: Exception, said: str):
    message = failure(host, Thing("x", "make", "start"), Thing("y", "use!", error=error))
    assert message == "Could not use y: %s. All is as it was; put back: start x; make x." % said
    assert host.calls == ["make x", "start x", "not start x", "not make x"]


@EACH
def test_whatever_undoing_raises_the_rest_is_undone(host, error: Exception, said: str):
    message = failure(host, Thing("x", "one", "two?", "three", "four!", error=error))
    assert message == ("Could not four x: %s. Put back: three x; one x. Could not be put back: two x (%s)."
                       % (said, said))
    assert host.calls[-2:] == ["not three x", "not one x"]


@EACH
@pytest.mark.parametrize("how", ["unreadable", "unplannable"])
def test_whatever_reading_back_raises_all_is_undone(host, how: str, error: Exception, said: str):
    message = failure(host, Thing("x", "make"), Thing("y", "make", error=error, **{how: True}))
    assert message == "Could not read back what was done: %s. All is as it was; put back: make y; make x." % said
    assert host.calls[-2:] == ["not make y", "not make x"]


@EACH
def test_whatever_keeps_the_host_from_being_read_again_all_is_undone(host, error: Exception, said: str):
    thing, read, broken = Thing("x", "make"), host.look, []

    def look() -> Any:
        if thing.done and not broken:
            broken.append(True)
            raise error
        return read()

    host.look = look
    assert failure(host, thing) == "Could not read back what was done: %s. All is as it was; put back: make x." % said
    assert host.calls == ["make x", "not make x"]


# --- verify, which is the same for all kinds: a second plan may find nothing but what the first one left

MTU, TITLE = Drift("live", Path("mtu", "size"), 9000, 1500), Drift("live", Path("title"), "a", None)
STEP = Step("start network lab", print, Piece("network", "lab", print))


@pytest.mark.parametrize(("first", "again", "left"), [
    ({}, {}, []),
    ({"drift": [MTU], "steps": [STEP]}, {}, []),
    ({"drift": [MTU], "steps": [STEP]}, {"drift": [MTU]}, [MTU]),
    ({"drift": [MTU], "waiting": [MTU]}, {"drift": [MTU], "waiting": [MTU]}, []),
    ({"drift": [MTU], "waiting": [MTU]}, {"drift": [MTU._replace(current=1400)]}, []),
    ({"drift": [MTU], "waiting": [MTU]}, {"drift": [MTU._replace(layer="config")]}, [MTU._replace(layer="config")]),
    ({"drift": [MTU], "waiting": [MTU]}, {"drift": [TITLE, MTU]}, [TITLE]),
    ({"drift": [MTU], "unrepaired": [MTU]}, {"drift": [MTU]}, []),
    ({}, {"drift": [TITLE], "follows": [TITLE]}, []),
    ({"follows": [TITLE]}, {"drift": [TITLE]}, [TITLE]),
    ({"steps": [STEP]}, {"steps": [STEP]}, [Drift("plan", Path("start network lab"), "done", "not done")]),
    ({"steps": [STEP]}, {"drift": [MTU], "steps": [STEP]}, [MTU]),
    ({"connects": [GUEST]}, {"unconnected": ["two"]}, []),
    ({"connects": [GUEST]}, {"unconnected": [GUEST]}, [Drift("live", Path("guests", Entry(GUEST)), "connected", None)]),
    ({"connects": [GUEST]}, {"drift": [MTU], "unconnected": [GUEST]},
     [MTU, Drift("live", Path("guests", Entry(GUEST)), "connected", None)]),
])
def test_what_is_left(first: dict, again: dict, left: list):
    assert Plan({}, {}, **first).left(Plan({}, {}, **again)) == left


@pytest.mark.parametrize(("drift", "words"), [
    (Drift("plan", Path("start network lab"), "done", "not done"),
     'start network lab of the plan is "not done", not "done"'),
    (Drift("boot", Path("vfs", 0, "mac"), "a", None), 'vfs[0].mac of the next boot is null, not "a"'),
    (Drift("config", Path(), {"a": 1}, None), 'the object of the configuration is null, not {"a": 1}'),
])
def test_a_drift_in_words(drift: Drift, words: str):
    assert str(drift) == words


def test_the_diff_shows_layers_beside_the_configuration():
    label = Drift("kernel", Path("guests", Entry(GUEST)), "virbr0", None)
    plan = Plan({}, {}, drift=[MTU, TITLE, TITLE._replace(layer="config"), label], waiting=[MTU])
    plan.show_layers()
    assert plan.before == {"live": {"mtu.size": 1500}, "kernel": {"guests[%s]" % GUEST: None}}
    assert plan.after == {"live": {"mtu.size": 1500}, "kernel": {"guests[%s]" % GUEST: "virbr0"}}


# --- a host: which transport reads what


class Layer:
    """A libvirt or kernel that says what it was asked, and counts how often it is closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def networks(self) -> str:
        return "networks"

    def network_xml(self, name: str, live: bool) -> tuple:
        return "xml", name, live

    def statistics(self, *about: str) -> tuple:
        return about

    def devices(self) -> str:
        return "devices"

    def traffic(self, device: str) -> tuple:
        return "traffic", device


def test_a_host_closes_both_layers():
    host = Host(Layer(), Layer(), True)
    host.close()
    assert (host.libvirt.closed, host.kernel.closed) == (1, 1)


def test_each_part_is_read_by_its_transport(monkeypatch):
    monkeypatch.setattr(host_module, "read_devices", lambda: "devices")
    seen = Host(Layer(), Layer(), True).look()
    assert [seen.get(*place) for place in (
        ("networks",), ("network_config", "lab"), ("network_live", "lab"), ("statistics", "uuid vnet0 1"),
        ("devices",), ("traffic", "eth0"))] == [
        "networks", ("xml", "lab", False), ("xml", "lab", True), ("uuid", "vnet0 1"), "devices", ("traffic", "eth0")]


def test_of_a_host_whose_kernel_is_out_of_reach_libvirt_alone_is_read():
    seen = Host(Layer(), None, False).look()
    assert (seen.get("networks"), seen.get("devices"), seen.get("traffic", "eth0")) == ("networks", None, None)


def test_a_host_is_read_anew_at_each_look():
    host = Host(Layer(), Layer(), True)
    assert host.look() is not host.look()


# --- YAML for people


@pytest.mark.parametrize(("value", "text"), [
    ({"a": 1, "b": {"c": True, "d": None}}, "a: 1\nb:\n  c: true\n  d: null\n"),
    ({"a": []}, "a: []\n"),
    ({"a": {}}, "a: {}\n"),
    ({"a": [1, "x"]}, "a:\n  - 1\n  - x\n"),
    ({"a": [{"b": 1, "c": [{"d": 2}]}, {"b": 2}]}, "a:\n  - b: 1\n    c:\n      - d: 2\n  - b: 2\n"),
    ({"a": "52:54:00:00:00:01"}, 'a: "52:54:00:00:00:01"\n'),
    ({"a": "yes", "b": "No", "c": "null", "d": ""}, 'a: "yes"\nb: "No"\nc: "null"\nd: ""\n'),
    ({"a": "10.0.0.1", "b": "-x", "c": "a: b", "d": "two\nlines"},
     'a: "10.0.0.1"\nb: "-x"\nc: "a: b"\nd: "two\\nlines"\n'),
    ({"a": "/srv/tftp", "b": "eth0.5", "c": "br%d"}, "a: /srv/tftp\nb: eth0.5\nc: br%d\n"),
])
def test_yaml_is_block_style_with_quotes_where_they_are_needed(value, text: str):
    assert to_yaml(value) == text


def read_back(value):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed; the other leg of the unit tests has it")
    return yaml.safe_load(to_yaml(value))


WORDS = st.text("abcnyoN0123.:-_ #'\"{}[]&*!|>%@`,\\\n\t=~é/", max_size=8) | st.sampled_from(
    ["yes", "no", "on", "off", "true", "false", "null", "~", "y", "n", ".inf", ".nan", "1e3", "0x1f", "0o7", "1_000",
     "2001-01-01", "12:30:45", "<<", "=", "NULL", "Yes", "-", "?", "---", "...", "%YAML"])
DATA = st.dictionaries(st.sampled_from("abc"), st.recursive(
    WORDS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12), min_size=1)


@given(DATA)
def test_yaml_reads_back_as_the_same_data(value):
    assert read_back(value) == value


@given(options(NETWORK, empties=True))
@settings(max_examples=60)
def test_yaml_of_any_network_reads_back_as_the_same(value):
    assume(max(json.dumps(value, ensure_ascii=False)) < "\U00010000")
    assert read_back(value) == value


def test_yaml_holds_every_character():
    assert read_back({"description": "a \U0001f600"}) == {"description": "a \U0001f600"}


@pytest.mark.parametrize("path", [
    'forward.addresses[{"bus": "0x03"}]', "portgroups[a #1]", "dns.txts[a: b]",
])
def test_yaml_quotes_keys_where_it_must(path: str):
    assert read_back({"live": {path: 1}}) == {"live": {path: 1}}


def test_what_is_the_same_for_many_is_told_of_some():
    warnings = ["by itself", *(Shared("net%d goes nowhere" % number, "no route", "network net%d" % number)
                               for number in range(20)), "by itself", Shared("net0 is slow", "tired", "network net0")]
    outcomes = [SimpleNamespace(plan=SimpleNamespace(warnings=[warning])) for warning in warnings]
    assert warnings_of(outcomes) == [
        "by itself", "net0 goes nowhere", "net1 goes nowhere", "net2 goes nowhere",
        "the same is true of network net3; network net4; network net5; network net6; network net7; network net8; "
        "network net9; network net10; and 9 more", "net0 is slow"]
    assert warnings_of(outcomes[:4]) == ["by itself", "net0 goes nowhere", "net1 goes nowhere", "net2 goes nowhere"]


def test_of_many_objects_those_that_are_as_stated_say_no_more_than_that():
    def step(impact: str) -> Step:
        return Step(impact, lambda host: None, Piece("thing", "a", None), impact)

    drift = Drift("live", Path("mtu"), 1, 2)
    plans = [
        Plan({}, {}), Plan({}, {"a": 1}, steps=[step("none"), step("disruptive"), step("brief")]),
        Plan({}, {}, drift=[drift]), Plan({}, {}, waiting=[drift]), Plan({}, {}, extra={"changed": True}),
    ]
    plans[3].wait_for("guest", ["web"], "it waits")
    result = results_of([Outcome(Thing("t%d" % number), plan, None) for number, plan in enumerate(plans)])
    told = {one["name"]: {name: value for name, value in one.items() if name not in ("kind", "name")}
            for one in result["objects"]}
    nothing, found, steps = {"changed": False}, [drift.as_result()], ["none", "disruptive", "brief"]
    assert told == {
        "t0": nothing, "t4": {"changed": True},
        "t1": {"changed": True, "steps": steps, "drift": [], "waiting": [], "impact": "disruptive"},
        "t2": dict(nothing, steps=[], drift=found, waiting=[], impact="none"),
        "t3": dict(nothing, steps=[], drift=[], waiting=found, impact="none"),
    }
    assert (result["changed"], result["restart_required"], result["steps"]) == (True, True, steps)
    assert [one["name"] for one in result["restarts"]] == ["web"]
    assert [one["after_header"] for one in result["diff"]] == ["thing t1 (after)"]
    alike = results_of([Outcome(Thing("t0"), plans[0], None)])
    assert (alike["changed"], alike["restart_required"]) == (False, False)
