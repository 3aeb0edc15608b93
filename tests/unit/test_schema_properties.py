# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for any network options at all; they are generated from the table, so every field takes part."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from unit.strategies import leaves, options, values, without_rules

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.known import unknown
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Group, Many, Markup, in_order
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

ANY = options(NETWORK)
STATED = options(NETWORK, empties=True)
LEAVES = leaves(NETWORK)


def round_trip(given_options: dict, base=None) -> dict:
    """What libvirt would read from what is written."""
    return NETWORK.parse(load_xml(dump_xml(NETWORK.render(given_options, base))))


def plain(given_options: dict) -> dict:
    """Options with metadata in a form that can be compared."""
    return dict(given_options, metadata=NETWORK.node("metadata").normal(given_options.get("metadata")))


def differences(desired: dict, current: dict) -> list:
    return list(NETWORK.differences(desired, current))


@given(ANY)
@settings(max_examples=150)
def test_what_is_written_reads_back_as_it_was(given_options: dict):
    assert plain(round_trip(given_options)) == plain(given_options)


@given(ANY)
@settings(max_examples=80)
def test_writing_and_reading_keep_the_normal_form(given_options: dict):
    assert NETWORK.normal(round_trip(given_options)) == NETWORK.normal(given_options)
    assert in_order(NETWORK, round_trip(given_options)) == in_order(NETWORK, given_options)


@given(STATED)
@settings(max_examples=80)
def test_check_leaves_options_of_the_right_type_as_they_are(given_options: dict):
    checked = without_rules(NETWORK).check(given_options, whole=False)
    assert checked == without_rules(NETWORK).check(checked, whole=False)
    for entry in [entry for name in ("ips", "routes") for entry in given_options.get(name, [])]:
        if ":" in entry["address"]:  # which says its family
            entry.setdefault("family", "ipv6")
    assert checked == given_options


@given(ANY)
@settings(max_examples=80)
def test_there_is_no_difference_to_itself(given_options: dict):
    assert differences(given_options, given_options) == []
    assert differences(NETWORK.whole(given_options, given_options), given_options) == []


@given(ANY, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_a_set_is_no_difference(given_options: dict, random):
    shuffled = dict(given_options)
    for node in NETWORK.nodes:
        if isinstance(node, Many) and not node.ordered and node.name in shuffled:
            shuffled[node.name] = random.sample(shuffled[node.name], len(shuffled[node.name]))
    assert differences(given_options, shuffled) == []
    assert NETWORK.normal(given_options) == NETWORK.normal(shuffled)


@given(STATED, ANY, st.booleans())
@settings(max_examples=150)
def test_merging_again_changes_nothing(desired: dict, current: dict, purge: bool):
    merged = NETWORK.merge(desired, current, purge)
    assert plain(NETWORK.merge(desired, merged, purge)) == plain(merged)


@given(STATED, ANY, st.booleans())
@settings(max_examples=150)
def test_nothing_differs_after_a_merge(desired: dict, current: dict, purge: bool):
    merged = NETWORK.merge(desired, current, purge)
    assert differences(desired, merged) == []
    assert differences(merged, merged) == []


@given(ANY, ANY)
@settings(max_examples=60)
def test_purge_leaves_only_what_is_stated_and_what_libvirt_made_up(desired: dict, current: dict):
    purged = NETWORK.merge(desired, current, purge=True)
    kept = NETWORK.keeps(current)
    left = {name: value for name, value in purged.items() if name not in kept and name not in desired}
    assert left == {}


@given(ANY, ANY)
@settings(max_examples=80)
def test_a_document_can_be_turned_into_any_other(before: dict, after: dict):
    assert plain(round_trip(after, NETWORK.render(before))) == plain(after)


def elements_of_groups(group: Group, element) -> list:
    """An element and all below it that stand for groups, not for items of lists."""
    found = [element]
    for node in group.nodes:
        child = element.find(node.at) if isinstance(node, Group) else None
        if child is not None:
            found += elements_of_groups(node, child)
    return found


def all_elements(element) -> list:
    return [child for child in element.iter() if not any(above.tag == "metadata" for above in child.iterancestors())
            and child.tag != "metadata"]


def spoil(element, number: int) -> None:
    element.set("strange%d" % number, "1")
    etree.SubElement(element, "odd%d" % number).text = "kept"


def strange(document) -> set:
    return {name for element in document.iter() for name in list(element.attrib) + [element.tag]
            if str(name).startswith(("strange", "odd"))}


@given(ANY, st.data())
@settings(max_examples=80)
def test_unknown_xml_anywhere_survives_when_nothing_changes(given_options: dict, data):
    base = NETWORK.render(given_options)
    for number, element in enumerate(data.draw(st.lists(st.sampled_from(all_elements(base)), max_size=4))):
        spoil(element, number)
    again = NETWORK.render(given_options, base)
    assert strange(again) == strange(base)
    assert NETWORK.parse(again) == NETWORK.parse(base)


@given(ANY, ANY, st.data())
@settings(max_examples=80)
def test_unknown_xml_outside_of_lists_survives_any_change(before: dict, after: dict, data):
    base = NETWORK.render(before)
    places = elements_of_groups(NETWORK, base)
    for number, element in enumerate(data.draw(st.lists(st.sampled_from(places), max_size=4))):
        spoil(element, number)
    assert strange(NETWORK.render(after, base)) == strange(base)


@given(ANY)
@settings(max_examples=60)
def test_the_table_knows_all_that_it_writes(given_options: dict):
    assert unknown(NETWORK, NETWORK.render(given_options)) == []


def title(groups: tuple, leaf) -> str:
    return ".".join([group.name for group in groups[1:]] + [leaf.name])


@pytest.mark.parametrize(("groups", "leaf"), LEAVES, ids=[title(*leaf) for leaf in LEAVES])
def test_each_option_is_written_and_read_back(groups: tuple, leaf):
    """Each one in every example, so that none can hide behind others."""
    @given(options(groups[-1]), values(leaf))
    @settings(max_examples=25)
    def reads_back(others: dict, value):
        stated = dict(others, **{leaf.name: value})
        found = groups[-1].parse(load_xml(dump_xml(groups[-1].render(stated))))
        if getattr(leaf, "readonly", False):
            assert leaf.name not in found
        else:
            assert leaf.normal(found[leaf.name]) == leaf.normal(value)
            assert isinstance(leaf, Markup) or found[leaf.name] == value

    reads_back()
