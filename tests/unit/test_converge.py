# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, apply, verify and undo, with resources that are a few lines long."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unit.strategies import options

from ansible_collections.virtnet.libvirt.plugins.module_utils.converge import (
    ConvergeError,
    Drift,
    Host,
    Plan,
    Step,
    converge,
    to_yaml,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils.hypervisor import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils.kernel import KernelError


class Layer:
    """A libvirt or kernel that remembers what is done to it."""

    def __init__(self) -> None:
        self.log = []
        self.forgotten = self.closed = 0

    def forget(self) -> None:
        self.forgotten += 1

    def close(self) -> None:
        self.closed += 1


class Thing:
    """A resource with a step for each word; a word with '!' fails when it is done, one with '?' when undone."""

    kind = "thing"

    def __init__(self, name: str, *words: str, left: tuple = (), unreadable: bool = False) -> None:
        self.name, self.words, self.left, self.unreadable = name, words, left, unreadable
        self.reads = 0

    def read(self, host: Host) -> str:
        self.reads += 1
        if self.unreadable and self.reads > 1:
            raise HypervisorError("libvirt went away")
        return "state %d" % self.reads

    def plan(self, state: str) -> Plan:
        return Plan({"was": 1}, {"will": 2}, [self.step(word) for word in self.words], [Drift("config", "a", 1, 2)])

    def step(self, word: str) -> Step:
        title = "%s %s" % (word.strip("!?-"), self.name)

        def do(host: Host) -> None:
            if word.endswith("!"):
                raise (KernelError if "kernel" in word else HypervisorError)("it is broken")
            host.libvirt.log.append(title)

        def undo(host: Host) -> None:
            if word.endswith("?"):
                raise HypervisorError("no way back")
            host.libvirt.log.append("not " + title)

        return Step(title, do, None if word.endswith("-") else undo)

    def verify(self, state: str, plan: Plan) -> list:
        return list(self.left)


class Unplannable(Thing):
    """A resource whose options cannot be."""

    def plan(self, state: str) -> Plan:
        raise ValueError("bad")


@pytest.fixture
def host() -> Host:
    return Host(Layer(), Layer())


def failure(host: Host, *things: Thing) -> str:
    with pytest.raises(ConvergeError) as error:
        converge(host, list(things), False)
    return str(error.value)


def test_steps_are_done_in_order_and_the_state_is_read_again(host):
    outcome, = converge(host, [Thing("x", "make", "start")], False)
    assert host.libvirt.log == ["make x", "start x"]
    assert outcome.state == "state 2" and host.libvirt.forgotten == host.kernel.forgotten == 1


def test_nothing_is_read_again_when_nothing_was_done(host):
    outcome, = converge(host, [Thing("x")], False)
    assert outcome.state == "state 1" and host.libvirt.forgotten == 0
    assert outcome.result()["changed"] is False and outcome.result()["steps"] == []


def test_check_mode_does_nothing_and_reports_the_same(host):
    checked, = converge(host, [Thing("x", "make", "break!")], True)
    assert host.libvirt.log == [] and checked.state is None
    real, = converge(host, [Thing("x", "make", "break")], False)
    assert checked.result() == real.result()


def test_the_result_has_steps_drift_and_diff(host):
    result = converge(host, [Thing("x", "make")], False)[0].result()
    assert result == {
        "changed": True, "steps": ["make x"], "restart_required": False,
        "drift": [{"layer": "config", "path": "a", "desired": 1, "current": 2}],
        "diff": {"before_header": "thing x (before)", "after_header": "thing x (after)", "before": "was: 1\n",
                 "after": "will: 2\n"},
    }


def test_what_waits_for_a_restart_is_said(host):
    thing = Thing("x")
    thing.plan = lambda state: Plan({}, {}, waiting=[Drift("live", "mtu.size", 9000, None)])
    assert converge(host, [thing], False)[0].result()["restart_required"] is True


def test_a_failed_step_undoes_those_before_it_last_first(host):
    message = failure(host, Thing("x", "make", "start", "use!", "never"))
    assert message == "Could not use x: it is broken. Undone, last first: start x; make x."
    assert host.libvirt.log == ["make x", "start x", "not start x", "not make x"]


def test_a_failed_first_step_changed_nothing(host):
    assert failure(host, Thing("x", "make!")) == "Could not make x: it is broken. Nothing was changed."


def test_a_failure_of_the_kernel_is_undone_alike(host):
    assert failure(host, Thing("x", "make", "kernel!")).endswith("Undone, last first: make x.")


def test_what_could_not_be_undone_is_said_and_the_rest_is_undone(host):
    message = failure(host, Thing("x", "one", "two?", "three", "four!"))
    assert message == ("Could not four x: it is broken. Undone, last first: three x; one x."
                       " Could not be undone: two x (no way back).")
    assert host.libvirt.log[-2:] == ["not three x", "not one x"]


def test_a_step_without_undo_is_passed_over(host):
    assert failure(host, Thing("x", "make", "tell-", "use!")).endswith("Undone, last first: tell x; make x.")
    assert host.libvirt.log == ["make x", "tell x", "not make x"]


def test_what_is_not_as_planned_afterwards_is_undone(host):
    left = (Drift("live", "mtu.size", 9000, 1500), Drift("config", "ips[0]", None, {"address": "10.0.0.1"}),
            Drift("kernel", "bridge.up", True, False))
    message = failure(host, Thing("x", "make", left=left))
    assert message == (
        'Not converged: mtu.size of the running definition is 1500, not 9000; ips[0] of the configuration is'
        ' {"address": "10.0.0.1"}, not null; bridge.up of the kernel is false, not true.'
        ' Undone, last first: make x.')
    assert host.libvirt.log == ["make x", "not make x"]


def test_many_resources_are_one_transaction(host):
    message = failure(host, Thing("x", "make"), Thing("y", "make", "start!"), Thing("z", "make"))
    assert message == "Could not start y: it is broken. Undone, last first: make y; make x."
    assert host.libvirt.log == ["make x", "make y", "not make y", "not make x"]


def test_all_are_planned_before_any_is_touched(host):
    with pytest.raises(ValueError):
        converge(host, [Thing("x", "make"), Unplannable("y")], False)
    assert host.libvirt.log == []


def test_one_that_does_not_converge_takes_back_all(host):
    failure(host, Thing("x", "make"), Thing("y", left=(Drift("live", "a", 1, 2),)))
    assert host.libvirt.log == ["make x", "not make x"]


def test_outcomes_come_in_the_order_of_the_resources(host):
    assert [outcome.resource.name for outcome in converge(host, [Thing("y", "a"), Thing("x")], False)] == ["y", "x"]


def test_a_failure_to_read_back_is_undone_and_said(host):
    message = failure(host, Thing("x", "make", unreadable=True))
    assert "libvirt went away" in message and "Undone, last first: make x." in message


def test_a_host_whose_kernel_is_out_of_reach_has_libvirt_alone():
    host = Host(Layer(), None)
    host.forget()
    host.close()
    assert (host.libvirt.forgotten, host.libvirt.closed) == (1, 1)


def test_a_host_forgets_and_closes_both_layers(host):
    host.close()
    assert (host.libvirt.closed, host.kernel.closed) == (1, 1)


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
