# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a play gives of a release before, it may give now, and it means the same.

``releases`` has the options of each release, by tests/release/options.py; 0.1.0 was never published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from release.options import options_of

RELEASES = sorted((Path(__file__).parent / "releases").glob("*.json"))
SAME = ("type", "elements", "default")


def lost(before: dict[str, dict[str, dict]], now: dict[str, dict[str, dict]]) -> Iterator[str]:
    """What does not go on as it was, a text for each."""
    for owner, options in before.items():
        if owner not in now:
            yield "%s is gone" % owner
            continue
        for option, was in options.items():
            place, about = "%s %s" % (owner, option), now[owner].get(option)
            if about is None:
                yield "%s is gone" % place
                continue
            for key in SAME:
                if was.get(key) != about.get(key):
                    yield "%s: %s is %s, was %s" % (place, key, about.get(key), was.get(key))
            if about.get("choices"):
                gone = [one for one in was.get("choices", ["anything"]) if one not in about["choices"]]
                if gone:
                    yield "%s may not be %s any more" % (place, ", ".join(map(str, gone)))
            if about.get("required") and not was.get("required"):
                yield "%s has to be given now" % place
        for option, about in now[owner].items():
            parent = option.rpartition(".")[0]
            if option not in options and about.get("required") and (not parent or parent in options):
                yield "%s %s is new, and has to be given" % (owner, option)


@pytest.fixture(scope="module")
def now():
    return options_of()


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_options_of_a_release_are_there_and_mean_the_same(release, now):
    assert list(lost(json.loads(release.read_text(encoding="utf-8")), now)) == []


def test_there_are_releases():
    assert RELEASES


WAS = {"network": {"name": {"type": "str"}, "state": {"type": "str", "choices": ["on", "off"], "default": "on"}}}


@pytest.mark.parametrize(("options", "told"), [
    (None, "network is gone"),
    ({"name": None}, "network name is gone"),
    ({"name": {"type": "int"}}, "network name: type is int, was str"),
    ({"name": {"type": "str", "required": True}}, "network name has to be given now"),
    ({"name": {"type": "str", "choices": ["lab"]}}, "network name may not be anything any more"),
    ({"state": {"type": "str", "choices": ["on"], "default": "on"}}, "network state may not be off any more"),
    ({"state": {"type": "str", "choices": ["on", "off"]}}, "network state: default is None, was on"),
    ({"more": {"type": "str", "required": True}}, "network more is new, and has to be given"),
    ({"more": {"type": "str"}}, None),
    ({"state": {"type": "str", "choices": ["on", "off", "idle"], "default": "on"}}, None),
])
def test_what_is_lost_is_found(options, told):
    now = {} if options is None else {
        "network": {name: about for name, about in dict(WAS["network"], **options).items() if about}}
    assert list(lost(WAS, now)) == ([told] if told else [])
