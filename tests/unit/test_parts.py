# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a host: read once, what is derived from them, and what they will be."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.parts import (
    NotRecorded,
    Parts,
    from_record,
    once,
)

RECORD = {
    "whole": {"": {"one": 1, "two": 2}},
    "keyed": {"one": "a", "two": None},
    "list": {"": [1, 2]},
}


class Reader:
    """Reads a record, and counts."""

    def __init__(self, record: dict | None = None) -> None:
        self.reads, self._read = Counter(), from_record(RECORD if record is None else record)

    def __call__(self, part: str, key: str):
        self.reads[part, key] += 1
        return self._read(part, key)


@pytest.fixture
def read() -> Reader:
    return Reader()


@pytest.fixture
def parts(read: Reader) -> Parts:
    made.clear()
    return Parts(read)


made: Counter = Counter()


@once
def total(parts: Parts) -> int:
    made["total"] += 1
    return sum(parts.get("whole").values())


@once
def of(parts: Parts, key: str) -> str:
    made["of", key] += 1
    return "%s %s" % (key, parts.get("keyed", key))


@once
def both(parts: Parts) -> list:
    made["both"] += 1
    return [total(parts), of(parts, "one")]


# --- reading


def test_a_part_is_read_when_it_is_asked_for_and_once(parts, read):
    assert read.reads == {}
    assert parts.get("keyed", "one") == parts.get("keyed", "one") == "a"
    assert read.reads == {("keyed", "one"): 1}


def test_nothing_is_an_answer_too(parts, read):
    assert parts.get("keyed", "two") is parts.get("keyed", "two") is None
    assert read.reads == {("keyed", "two"): 1}


def test_what_could_not_be_read_is_asked_for_again():
    answers = iter([OSError("gone"), None])

    def read(part: str, key: str) -> str:
        error = next(answers)
        if error:
            raise error
        return "there"

    parts = Parts(read)
    with pytest.raises(OSError, match=r"^gone$"):
        parts.get("a")
    assert parts.get("a") == "there"


# --- deriving


def test_what_is_derived_is_made_once_for_the_same_question(parts, read):
    assert total(parts) == total(parts) == 3 and of(parts, "one") == of(parts, "one") == "one a"
    assert of(parts, "two") == "two None"
    assert made == {"total": 1, ("of", "one"): 1, ("of", "two"): 1}
    assert read.reads == {("whole", ""): 1, ("keyed", "one"): 1, ("keyed", "two"): 1}


def test_a_part_that_is_put_makes_anew_what_was_made_of_it_and_nothing_else(parts):
    before = [both(parts), of(parts, "two")]
    parts.put("keyed", "one", "b")
    assert [both(parts), of(parts, "two")] == [[3, "one b"], "two None"] != before
    assert made == {"total": 1, "both": 2, ("of", "one"): 2, ("of", "two"): 1}


def test_what_is_derived_from_what_was_derived_is_made_anew_too(parts):
    total(parts)
    assert both(parts) == [3, "one a"]
    parts.put("whole", "", {})
    assert both(parts) == [0, "one a"]
    parts.put("whole", "", {"one": 5})
    assert both(parts) == [5, "one a"]


def test_what_failed_to_be_made_is_made_again(parts):
    @once
    def odd(parts: Parts) -> int:
        made["odd"] += 1
        return 1 // len(parts.get("list"))

    parts.put("list", "", [])
    for _time in range(2):
        with pytest.raises(ZeroDivisionError):
            odd(parts)
    parts.put("list", "", [1])
    assert odd(parts) == 1 and made["odd"] == 3
    assert total(parts) == 3  # and nothing is taken to be made of what the failure had read
    parts.put("list", "", [])
    total(parts)
    assert made["total"] == 1


def test_what_does_without_an_answer_is_made_anew_when_there_is_one(parts):
    @once
    def odd(parts: Parts) -> int:
        return 1 // len(parts.get("list"))

    @once
    def cautious(parts: Parts) -> int | None:
        try:
            return odd(parts)
        except ZeroDivisionError:
            return None

    parts.put("list", "", [])
    assert cautious(parts) is cautious(parts) is None
    parts.put("list", "", [1])
    assert cautious(parts) == 1


def test_a_long_chain_of_answers_is_made_anew_by_its_first_part(parts):
    @once
    def link(parts: Parts, number: int) -> int:
        return link(parts, number - 1) if number else len(parts.get("list"))

    for number in range(3000):
        assert link(parts, number) == 2
    parts.put("list", "", [])
    for number in range(3000):
        assert link(parts, number) == 0


def test_an_answer_of_nothing_is_kept(parts):
    @once
    def nothing(parts: Parts) -> None:
        made["nothing"] += 1

    assert nothing(parts) is nothing(parts) is None
    assert made["nothing"] == 1


def test_a_question_keeps_its_name_and_what_it_says():
    assert (total.__name__, total.__doc__) == ("total", None)


# --- entries


def test_an_entry_is_put_and_taken_away(parts):
    parts.put_entry("whole", "three", 3)
    parts.put_entry("whole", "one", None)
    parts.put_entry("whole", "nobody", None)
    assert parts.get("whole") == {"two": 2, "three": 3}


def test_entries_leave_what_was_read_as_it_is(parts, read):
    parts.put_entry("whole", "three", 3)
    assert RECORD["whole"][""] == {"one": 1, "two": 2}
    assert Parts(read).get("whole") == {"one": 1, "two": 2}


def test_an_entry_makes_anew_what_was_made_of_its_part(parts):
    assert total(parts) == 3
    for number in range(3):
        parts.put_entry("whole", "more", number)
        assert total(parts) == 3 + number
    assert made["total"] == 4


def test_a_part_put_whole_after_an_entry_counts(parts):
    parts.put_entry("whole", "three", 3)
    given = {"one": 9}
    parts.put("whole", "", given)
    assert total(parts) == 9
    parts.put_entry("whole", "two", 1)
    assert total(parts) == 10 and given == {"one": 9}


# --- forks


def test_a_fork_leaves_the_original_as_it_is(parts):
    assert both(parts) == [3, "one a"]
    fork = parts.fork()
    fork.put("keyed", "one", "b")
    fork.put_entry("whole", "one", 10)
    assert both(fork) == [12, "one b"]
    assert both(parts) == [3, "one a"] and parts.get("whole") == {"one": 1, "two": 2}
    assert made["both"] == 2


def test_what_a_fork_reads_is_read_once_for_all(parts, read):
    fork = parts.fork()
    assert fork.get("keyed", "one") == fork.fork().get("keyed", "one") == parts.get("keyed", "one") == "a"
    assert read.reads == {("keyed", "one"): 1}


def test_a_fork_of_a_fork_sees_what_was_put_and_keeps_its_own(parts):
    first = parts.fork()
    first.put_entry("whole", "one", 10)
    second = first.fork()
    second.put_entry("whole", "two", 20)
    assert [total(one) for one in (parts, first, second)] == [3, 12, 30]


def test_a_fork_knows_the_host_as_it_was(parts):
    fork = parts.fork()
    fork.put("keyed", "one", "b")
    assert (fork.as_it_was, parts.as_it_was) == (parts, parts)
    assert fork.as_it_was.get("keyed", "one") == "a"


def test_a_fork_of_a_fork_knows_the_host_as_it_is():
    parts = Parts(Reader())
    assert parts.fork().fork().as_it_was is parts


def test_a_fork_is_of_the_same_kind():
    class Special(Parts):
        pass

    assert isinstance(Special(Reader()).fork(), Special)


# --- records


def test_what_was_read_is_recorded_and_reads_back_as_the_same(parts):
    for place in (("whole",), ("keyed", "two"), ("keyed", "one")):
        parts.get(*place)
    recorded = json.loads(json.dumps(parts.recorded()))
    assert recorded == {"keyed": {"one": "a", "two": None}, "whole": {"": {"one": 1, "two": 2}}}
    assert list(recorded) == ["keyed", "whole"]
    again = Parts(from_record(recorded))
    assert both(again) == both(parts) == [3, "one a"]


@pytest.mark.parametrize(("place", "message"), [
    (("keyed", "three"), "the record has no keyed of three"), (("other", ""), "the record has no other of the host"),
])
def test_what_was_not_recorded_is_an_error_that_names_it(parts, place: tuple, message: str):
    with pytest.raises(NotRecorded) as error:
        parts.get(*place)
    assert str(error.value) == message


KEYS = st.sampled_from(["", "one", "two"])
DATA = st.recursive(st.none() | st.integers() | st.text(max_size=3) | st.booleans(),
                    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
                    max_leaves=5)


@given(st.dictionaries(st.sampled_from("abc"), st.dictionaries(KEYS, DATA, min_size=1), min_size=1))
def test_any_record_reads_back_as_itself(record: dict):
    parts = Parts(from_record(record))
    for part, values in record.items():
        for key in values:
            parts.get(part, key)
    assert json.loads(json.dumps(parts.recorded())) == record


CHANGES = st.lists(st.tuples(st.booleans(), st.sampled_from(["one", "two", "three"]), st.integers(0, 9) | st.none()),
                   max_size=8)


@given(CHANGES)
def test_after_any_changes_answers_are_those_of_parts_made_anew(changes: list):
    parts = Parts(Reader()).fork()
    for in_whole, key, value in changes:
        if in_whole:
            parts.put_entry("whole", key, value)
        else:
            parts.put("keyed", key, value)
        for key_asked in ("one", "two"):
            fresh = Parts(parts.get)
            assert (both(parts), of(parts, key_asked)) == (both(fresh), of(fresh, key_asked))
