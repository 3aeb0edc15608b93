# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema engine, on tables small enough to read."""

from __future__ import annotations

import json
import re

import pytest
from lxml import etree

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.host_bridge import HOST_BRIDGE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import INTERFACE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import DOCUMENTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.sriov import SRIOV
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.topology import TOPOLOGY
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.docs import options_documentation
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import (
    Difference,
    Invalid,
    there_is_no,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.known import unknown
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import (
    Field,
    Group,
    Many,
    Markup,
    in_order,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import is_empty, prune
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.scalars import (
    MAC,
    ON_OFF,
    STR,
    YES_NO,
    enum,
    integer,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

TAGS = "{urn:tags}"


def _both(options: dict) -> None:
    if options.get("colour") == "red" and options.get("size") == 9:
        raise Invalid("size", "9 is not for red")


WHEEL = Group("wheel", "wheel", "A wheel.", (
    Field("name", "@name", STR, "Name.", required=True),
    Field("mac", "@mac", MAC, "MAC."),
    Field("width", "@width", integer(1, 9), "Width.", default=5),
    Many("nails", "nail", "Nails.", Field("nail", ".", STR, "A nail."), ordered=True),
))
CAR = Group("car", "car", "A car.", (
    Field("name", "name", STR, "Name.", "1.0.0", required=True),
    Field("serial", "serial", STR, "Serial number.", filled=True),
    Field("mileage", "@mileage", integer(0, 99), "Mileage.", readonly=True),
    Field("colour", "paint/@colour", enum("red", "blue"), "Colour.", "2.0.0"),
    Field("gloss", "paint/@gloss", YES_NO, "Gloss.", default=False),
    Field("size", "@size", integer(0, 9), "Size.", default=0),
    Group("engine", "engine", "Engine.", (
        Field("kind", "@kind", enum("petrol", "diesel"), "Kind.", implied="petrol"),
        Field("id", "@id", STR, "Id.", filled=True),
        Field("turbo", "@turbo", ON_OFF, "Turbo.", "3.0.0"),
    ), since="1.5.0", either=("id", "turbo")),
    Many("wheels", "wheel", "Wheels.", WHEEL, key=("mac", "name"), unique=True, since="1.2.0"),
    Many("stops", "stop", "Stops.", Field("stop", "@at", STR, "A stop."), ordered=True),
    Many("tags", "%sall/%stag" % (TAGS, TAGS), "Tags.", Field("tag", "@value", STR, "A tag."), since="4.0.0"),
    Markup("notes", "notes", "Notes.", "1.1.0"),
), rules=(_both,))

XML = """
<car mileage="7" new="1">
  <!-- kept -->
  <name lang="en">beetle</name>
  <paint colour="red" shine="9"/>
  <engine kind="diesel"><valve/></engine>
  <wheel name="front" width="5" extra="x"><nail>a</nail><bolt/></wheel>
  <wheel name="back" mac="52:54:00:AA:00:01"/>
  <radio><station>1</station></radio>
  <all xmlns="urn:tags"><tag value="old"/><other/></all>
  <notes><n:a xmlns:n="urn:a">1</n:a></notes>
</car>
"""
OPTIONS = {
    "name": "beetle", "colour": "red", "engine": {"kind": "diesel"},
    "wheels": [{"name": "front", "width": 5, "nails": ["a"]}, {"name": "back", "mac": "52:54:00:AA:00:01"}],
    "tags": ["old"], "notes": ['<n:a xmlns:n="urn:a">1</n:a>'],
}


def car(**changes) -> dict:
    """The options above with changes; None takes one away."""
    return {name: value for name, value in dict(OPTIONS, **changes).items() if value is not None}


def rendered(options: dict, base: str = XML) -> etree._Element:
    return load_xml(dump_xml(CAR.render(options, load_xml(base) if base else None)))


def differences(desired: dict, current: dict) -> list:
    return in_words(CAR.differences(desired, current))


def in_words(found) -> list:
    return [(str(path), wanted, there) for path, wanted, there in found]


def needs(options: dict) -> dict:
    """What each option needs, as a libvirt that has none of them is asked."""
    return {str(path): since for path, since in CAR.too_new(options, (0, 0, 0))}


# --- parse


def test_parse_gives_what_the_table_knows_and_nothing_else():
    assert CAR.parse(load_xml(XML)) == OPTIONS


def test_a_readonly_option_is_read_only_on_request():
    assert "mileage" not in CAR.parse(load_xml(XML))
    assert CAR.parse(load_xml(XML), readonly=True)["mileage"] == 7


def test_an_element_without_the_attribute_implies_a_value():
    assert CAR.parse(load_xml("<car><name>x</name><engine/></car>"))["engine"] == {"kind": "petrol"}
    assert "engine" not in CAR.parse(load_xml("<car><name>x</name></car>"))


def test_xml_that_states_a_wrong_value_is_refused_by_path():
    with pytest.raises(Invalid) as error:
        CAR.check(CAR.parse(load_xml('<car><name>x</name><wheel name="a"/><wheel name="b" width="77"/></car>')))
    assert str(error.value) == 'wheels[1].width: "77" is not allowed; give a whole number from 1 to 9'
    assert str(error.value.path) == "wheels[1].width"


def test_options_come_in_the_order_of_the_table():
    assert list(CAR.parse(load_xml("<car size='3'><engine/><name>x</name></car>"))) == ["name", "size", "engine"]


# --- render


def test_render_from_nothing_states_the_options():
    assert CAR.parse(rendered(OPTIONS, "")) == OPTIONS


def test_rendering_the_same_changes_nothing():
    base = load_xml(XML)
    again = CAR.render(CAR.parse(base), base)
    assert (etree.tostring(again, method="c14n2", strip_text=True)
            == etree.tostring(base, method="c14n2", strip_text=True))


def test_render_does_not_touch_what_it_was_given():
    base = load_xml(XML)
    before = etree.tostring(base)
    CAR.render({"name": "other"}, base)
    assert etree.tostring(base) == before


UNKNOWN = ["@new", "name/@lang", "paint/@shine", "engine/valve", "radio/station", "{urn:tags}all/{urn:tags}other",
           "comment()"]


@pytest.mark.parametrize("changes", [
    {}, {"name": "new"}, {"colour": None}, {"colour": "blue", "gloss": True}, {"size": 4}, {"engine": None},
    {"engine": {"kind": "petrol", "id": "x"}}, {"wheels": []}, {"wheels": [{"name": "third"}]}, {"tags": None},
    {"tags": ["a", "b"]}, {"notes": None}, {"stops": ["here", "there"]}, {"serial": "4711"},
], ids=str)
def test_unknown_xml_survives_every_change(changes: dict):
    found = rendered(car(**changes))
    for path in UNKNOWN:
        place = path.replace("{urn:tags}", "t:")
        assert found.xpath(place, namespaces={"t": "urn:tags"}), path
    expected = {name: value for name, value in car(**changes).items() if not is_empty(value)}
    if "engine" not in expected:
        expected["engine"] = {"kind": "petrol"}  # the element stays for the unknown valve
    assert CAR.parse(found) == {name: expected[name] for name in [node.name for node in CAR.nodes] if name in expected}


def test_unknown_xml_inside_an_item_that_stays_survives():
    found = rendered(car(wheels=[{"name": "new"}, {"name": "front", "width": 7}]))
    new, front = found.findall("wheel")
    assert dict(new.attrib) == {"name": "new"} and len(new) == 0
    assert dict(front.attrib) == {"name": "front", "width": "7", "extra": "x"}
    assert [child.tag for child in front] == ["bolt"]


def test_an_item_is_known_by_its_first_key_in_normal_form():
    base = XML.replace('mac="52:54:00:AA:00:01"', 'mac="52:54:00:AA:00:01" keep="1"')
    found = rendered(car(wheels=[{"name": "renamed", "mac": "52:54:0:aa:0:1"}]), base)
    assert dict(found.find("wheel").attrib) == {"name": "renamed", "mac": "52:54:0:aa:0:1", "keep": "1"}


def test_items_come_in_the_order_of_the_list():
    found = rendered(car(wheels=[{"name": "c"}, {"name": "back", "mac": "52:54:00:AA:00:01"}, {"name": "front"}]))
    assert [wheel.get("name") for wheel in found.findall("wheel")] == ["c", "back", "front"]


def test_items_that_say_the_same_each_keep_their_own_element():
    base = "<car><stop at='x' n='1'/><stop at='y' n='2'/><stop at='x' n='3'/></car>"
    found = rendered({"name": "a", "stops": ["x", "x", "y"]}, base)
    assert [(stop.get("at"), stop.get("n")) for stop in found.findall("stop")] == [("x", "1"), ("x", "3"), ("y", "2")]


def test_an_element_goes_when_nothing_is_left_in_it():
    found = rendered({"name": "beetle"}, "<car><paint colour='red'/><engine turbo='on'/><wheel name='a'/></car>")
    assert [child.tag for child in found] == ["name"]


def test_wrapped_and_namespaced_elements_come_and_go_with_their_wrapper():
    made = rendered({"name": "a", "tags": ["x", "y"]}, "")
    assert [tag.get("value") for tag in made.findall("%sall/%stag" % (TAGS, TAGS))] == ["x", "y"]
    assert made.findall("%sall" % TAGS) and len(made.findall("%sall" % TAGS)) == 1
    again = rendered({"name": "a"}, dump_xml(made))
    assert again.find("%sall" % TAGS) is None


def test_the_wrapper_stays_for_what_the_table_does_not_know():
    found = rendered(car(tags=None))
    assert [child.tag for child in found.find("%sall" % TAGS)] == ["%sother" % TAGS]


def test_a_readonly_option_is_never_written():
    assert "mileage" not in CAR.render({"name": "a", "mileage": 8}).attrib
    assert CAR.render({"name": "a"}, load_xml(XML)).get("mileage") == "7"


def test_markup_is_written_as_it_was_given():
    found = rendered({"name": "a", "notes": ['<x:b xmlns:x="urn:b" k="v"><x:c>&lt;</x:c></x:b>']}, "")
    assert found.find("notes/{urn:b}b/{urn:b}c").text == "<"


def test_values_are_escaped():
    name = "a<b>&\"'\n\tc"
    assert CAR.parse(load_xml(dump_xml(CAR.render({"name": name, "stops": [name]})))) == {"name": name, "stops": [name]}


# --- merge


@pytest.mark.parametrize(("desired", "changes"), [
    ({"name": "beetle"}, {}),
    ({"colour": "blue"}, {"colour": "blue"}),
    ({"colour": ""}, {"colour": None}),
    ({"engine": {"turbo": True}}, {"engine": {"kind": "diesel", "turbo": True}}),
    ({"engine": {}}, {"engine": None}),
    ({"wheels": [{"name": "only"}]}, {"wheels": [{"name": "only"}]}),
    ({"wheels": []}, {"wheels": None}),
    ({"tags": []}, {"tags": None}),
    ({"notes": []}, {"notes": None}),
    ({"wheels": [{"name": "back", "mac": "52:54:00:aa:00:01"}]},
     {"wheels": [{"name": "back", "mac": "52:54:00:AA:00:01"}]}),
    ({"notes": ["<n:a  xmlns:n='urn:a' >1</n:a>"]}, {}),
])
def test_merge_leaves_what_is_omitted_and_removes_what_is_empty(desired: dict, changes: dict):
    assert CAR.merge(desired, OPTIONS) == car(**changes)


def test_the_prefix_of_a_namespace_is_no_difference():
    assert differences({"notes": ['<o:a xmlns:o="urn:a">1</o:a>']}, OPTIONS) == []


def test_purge_removes_what_is_omitted_but_keeps_what_libvirt_filled_in():
    current = car(serial="4711", engine={"kind": "diesel", "id": "e1"})
    assert CAR.merge({"name": "beetle"}, current, purge=True) == {
        "name": "beetle", "serial": "4711", "engine": {"id": "e1"}}
    assert CAR.merge({"name": "beetle", "engine": {"kind": "petrol"}}, current, purge=True)["engine"] == {
        "kind": "petrol", "id": "e1"}


def test_an_empty_group_keeps_what_libvirt_filled_in():
    assert CAR.merge({"engine": {}}, car(engine={"kind": "diesel", "id": "e1"}))["engine"] == {"id": "e1"}


def test_options_that_state_the_same_fact_replace_each_other():
    merged = CAR.merge({"engine": {"turbo": False}}, car(engine={"kind": "diesel", "id": "e1"}))
    assert merged["engine"] == {"kind": "diesel", "turbo": False}


def test_merge_with_nothing_is_what_is_desired():
    assert CAR.merge({"name": "a", "engine": {"kind": "petrol"}, "wheels": [], "colour": ""}, None) == {
        "name": "a", "engine": {"kind": "petrol"}}


# --- differences


def test_there_is_no_difference_to_what_is_omitted():
    assert differences({"name": "beetle"}, OPTIONS) == []


@pytest.mark.parametrize(("desired", "found"), [
    ({"colour": "blue"}, ("colour", "blue", "red")),
    ({"colour": ""}, ("colour", None, "red")),
    ({"serial": "1"}, ("serial", "1", None)),
    ({"engine": {"kind": "petrol"}}, ("engine.kind", "petrol", "diesel")),
    ({"engine": {"turbo": False}}, ("engine.turbo", False, None)),
    ({"engine": {}}, ("engine", None, {"kind": "diesel"})),
    ({"wheels": [OPTIONS["wheels"][0]]}, ("wheels[52:54:00:AA:00:01]", None, OPTIONS["wheels"][1])),
    ({"wheels": OPTIONS["wheels"] + [{"name": "new"}]}, ("wheels[new]", {"name": "new"}, None)),
    ({"wheels": [{"name": "front", "width": 6, "nails": ["a"]}, OPTIONS["wheels"][1]]}, ("wheels[front].width", 6, 5)),
    ({"wheels": [{"name": "front"}, OPTIONS["wheels"][1]]}, ("wheels[front].nails[a]", None, "a")),
    ({"wheels": []}, ("wheels[front]", None, OPTIONS["wheels"][0])),
    ({"tags": ["old", "new"]}, ("tags[new]", "new", None)),
    ({"notes": []}, ("notes", [], OPTIONS["notes"])),
])
def test_a_difference_names_the_path_and_both_values(desired: dict, found: tuple):
    assert differences(desired, OPTIONS)[0] == found


@pytest.mark.parametrize("desired", [
    {"gloss": False}, {"gloss": ""}, {"size": 0}, {"stops": []}, {"serial": ""},
    {"wheels": list(reversed(OPTIONS["wheels"]))},
    {"wheels": [{"name": "front", "nails": ["a"]}, {"name": "back", "mac": "52:54:0:aa:0:1", "width": 5}]},
    {"notes": ["<n:a   xmlns:n='urn:a'>1</n:a>"]},
])
def test_what_means_the_same_is_no_difference(desired: dict):
    assert differences(desired, OPTIONS) == []


def test_the_order_counts_only_where_the_table_says_so():
    current = {"name": "a", "stops": ["x", "y"], "tags": ["x", "y"]}
    assert differences({"tags": ["y", "x"]}, current) == []
    assert differences({"stops": ["y", "x"]}, current) == [("stops", ["y", "x"], ["x", "y"])]


def test_a_list_says_how_often_a_value_is_in_it():
    assert differences({"stops": ["x"]}, {"stops": ["x", "x"]}) == [("stops[x]", None, "x")]
    assert differences({"stops": ["x", "x"]}, {"stops": ["x"]}) == [("stops[x]", "x", None)]


def test_what_libvirt_filled_in_is_no_difference_to_an_empty_group():
    assert differences({"engine": {}}, {"engine": {"id": "e1"}}) == []


def test_the_whole_of_something_is_compared_in_full():
    whole = CAR.whole({"name": "beetle"}, OPTIONS)
    assert {found[0].split("[")[0] for found in differences(whole, OPTIONS)} == {
        "colour", "engine", "wheels", "tags", "notes"}
    assert differences(CAR.whole(OPTIONS, OPTIONS), OPTIONS) == []


def test_a_difference_is_a_plain_tuple_with_names():
    assert Difference("a", 1, 2)._asdict() == {"path": "a", "desired": 1, "current": 2}


def test_in_order_keeps_the_order_of_lists_that_are_sets():
    one, other = {"tags": ["x", "y"]}, {"tags": ["y", "x"]}
    assert CAR.normal(one) == CAR.normal(other)
    assert in_order(CAR, one) != in_order(CAR, other)


# --- check


@pytest.mark.parametrize(("value", "message"), [
    ("text", '"text" is not allowed; give a dictionary of colour, engine, gloss, mileage, name, notes, serial, size,'
             " stops, tags, wheels"),
    ({"name": "a", "nam": 1}, "nam: no such option; did you mean name? There are name, tags, notes, serial, engine,"
                              " mileage, wheels, stops, size, gloss, 1 more"),
    ({"name": "a", "colour": "green"}, 'colour: "green" is not allowed; give one of red, blue'),
    ({"name": "a", "size": 10}, "size: 10 is not allowed; give a whole number from 0 to 9"),
    ({"name": "a", "gloss": "maybe"}, 'gloss: "maybe" is not allowed; give true or false (yes or no in XML)'),
    ({"name": "a", "engine": []}, "engine: [] is not allowed; give a dictionary of id, kind, turbo"),
    ({"name": "a", "engine": {"fuel": 1}}, "engine.fuel: no such option; there are id, kind, turbo"),
    ({"name": "a", "wheels": {"name": "x"}}, 'wheels: {"name": "x"} is not allowed; give a list'),
    ({"name": "a", "wheels": ["x"]}, 'wheels[0]: "x" is not allowed; give a dictionary of mac, nails, name, width'),
    ({"name": "a", "wheels": [{"width": 3}]}, "wheels[0].name: is missing"),
    ({"name": "a", "wheels": [{"name": "x"}, {"name": "y", "mac": "1"}]},
     'wheels[1].mac: "1" is not allowed; give ' + MAC.allowed),
    ({"name": "a", "wheels": [{"name": "x"}, {"name": "y"}, {"name": "x"}]},
     "wheels[2]: x is already in wheels[0]; give it once"),
    ({"name": "a", "wheels": [{"name": "x", "mac": "52:54:00:00:00:0A"}, {"name": "y", "mac": "52:54:0:0:0:a"}]},
     "wheels[1]: 52:54:0:0:0:a is already in wheels[0]; give it once"),
    ({"name": "a", "wheels": [None]}, "wheels[0]: is empty"),
    ({"name": "a", "stops": [""]}, "stops[0]: is empty"),
    ({"name": "a", "stops": [["x"]]}, 'stops[0]: ["x"] is not allowed; give a string'),
    ({"name": "a", "serial": ""},
     "serial: cannot be empty, since libvirt makes it up; leave it out to keep what there is"),
    ({"name": "a", "size": ""}, 'size: "" is not allowed; give a whole number from 0 to 9'),
    ({"name": "a", "gloss": ""}, 'gloss: "" is not allowed; give true or false (yes or no in XML)'),
    ({"colour": "red"}, "name: is missing"),
    ({"name": ""}, "name: is missing"),
    ({}, "name: is missing"),
    ({"name": "a", "colour": "red", "size": 9}, "size: 9 is not for red"),
    ({"name": "a", "notes": "x"}, 'notes: "x" is not allowed; give a list of XML elements'),
    ({"name": "a", "notes": [1]}, "notes[0]: 1 is not allowed; give an XML element as text"),
    ({"name": "a", "notes": ["<a/>"]},
     "notes[0]: the element has no namespace; libvirt keeps only elements of a namespace"),
    ({"name": "a", "notes": ["<a xmlns='u:1'/>", "<b xmlns='u:1'/>"]},
     "notes[1]: namespace u:1 is already in notes[0]; libvirt keeps one element of each"),
])
def test_a_bad_option_is_refused_with_path_value_and_what_is_allowed(value, message: str):
    with pytest.raises(Invalid) as error:
        CAR.check(value)
    assert str(error.value) == message


@pytest.mark.parametrize(("table", "given", "path"), [
    (DOCUMENTS["interface"], {"filterref": {"filter": ""}}, "filterref.filter"),
    (DOCUMENTS["network"], {"forward": {"pf": {"dev": ""}}}, "forward.pf.dev"),
    (DOCUMENTS["network"], {"domain": {"name": ""}}, "domain.name"),
    (DOCUMENTS["network"], {"portgroups": [{"name": ""}]}, "portgroups[0].name"),
    (DOCUMENTS["nwfilter"], {"entries": [{"filterref": {"filter": ""}}]}, "entries[0].filterref.filter"),
    (DOCUMENTS["nwfilter_binding"], {"linkdev": {"name": ""}}, "linkdev.name"),
    (DOCUMENTS["network_port"], {"owner": {"name": ""}}, "owner.name"),
    (HOST_BRIDGE, {"uplink": ""}, "uplink"),
    (TOPOLOGY, {"plan_id": ""}, "plan_id"),
])
def test_an_empty_name_takes_nothing_away_where_a_name_is_needed(table: Group, given: dict, path: str):
    with pytest.raises(Invalid, match=r'^%s: "" is not allowed; give ' % re.escape(path)):
        table.check(given, whole=False)


def test_markup_that_is_no_xml_is_refused_by_path():
    with pytest.raises(Invalid, match=r"^notes\[0\]: not well-formed: "):
        CAR.check({"name": "a", "notes": ["<a"]})


def test_check_puts_types_right():
    assert CAR.check({"name": 7, "size": "3", "gloss": "yes", "engine": {"turbo": "off"}, "stops": [1]}) == {
        "name": "7", "gloss": True, "size": 3, "engine": {"turbo": False}, "stops": ["1"]}


def test_check_keeps_what_is_empty_and_drops_what_is_not_given():
    assert CAR.check({"name": "a", "engine": {"kind": None}, "wheels": [], "size": None}) == {
        "name": "a", "engine": {}, "wheels": []}


def test_a_part_needs_neither_what_is_required_nor_the_rules_but_a_list_is_always_whole():
    assert CAR.check({"colour": "red", "size": 9}, whole=False) == {"colour": "red", "size": 9}
    with pytest.raises(Invalid, match=r"wheels\[0\].name: is missing"):
        CAR.check({"wheels": [{"width": 1}]}, whole=False)


# --- versions


def test_needs_names_every_option_in_use_with_its_version():
    assert needs(car(engine={"kind": "diesel", "turbo": True})) == {
        "name": "1.0.0", "colour": "2.0.0", "engine": "1.5.0", "engine.turbo": "3.0.0", "wheels": "1.2.0",
        "tags": "4.0.0", "notes": "1.1.0"}


def test_what_is_removed_needs_no_version():
    assert needs({"colour": "", "engine": {}, "wheels": [], "tags": [], "notes": []}) == {}


def test_what_this_libvirt_has_is_not_named():
    assert [str(path) for path, _since in CAR.too_new(car(), (1, 5, 0))] == ["colour", "tags"]


# --- unknown XML


def test_unknown_names_attributes_and_elements():
    assert set(unknown(CAR, load_xml(XML))) >= {"car/@new", "car/radio", "car/engine/valve", "car/wheel/@extra",
                                                "car/wheel/bolt"}


def test_unknown_is_silent_about_what_is_known():
    known = dump_xml(CAR.render(car(engine={"kind": "petrol", "turbo": True}), None))
    assert unknown(CAR, load_xml(known)) == []
    assert unknown(CAR, load_xml("<car mileage='3'><!-- c --><?p i?><notes><any/></notes></car>")) == []


@pytest.mark.parametrize("place", ["car/name/@lang", "car/paint/@shine", "car/{urn:tags}all/{urn:tags}other"])
def test_unknown_looks_below_elements_that_have_no_group(place: str):
    assert place in unknown(CAR, load_xml(XML))


# --- argument spec and documentation


def test_the_argument_spec_has_types_choices_and_what_is_required_in_items():
    spec = options_spec(CAR)
    assert spec["name"] == {"type": "str"}
    assert spec["colour"] == {"type": "str", "choices": ["red", "blue"]}
    assert spec["gloss"] == {"type": "bool"}
    assert spec["size"] == {"type": "int"}
    assert spec["wheels"]["type"] == "list" and spec["wheels"]["elements"] == "dict"
    assert spec["wheels"]["options"]["name"] == {"type": "str", "required": True}
    assert spec["wheels"]["options"]["nails"] == {"type": "list", "elements": "str"}
    assert spec["notes"] == {"type": "list", "elements": "str"}
    assert "mileage" not in spec


def test_the_documentation_says_what_is_taken_the_default_and_the_version():
    documentation = options_documentation(CAR)
    assert documentation["size"]["description"] == [
        "Size.", "Takes a whole number from 0 to 9."]
    assert documentation["gloss"]["description"] == ["Gloss."]
    assert documentation["colour"]["description"] == ["Colour."]
    assert documentation["wheels"]["description"] == ["Wheels.", "The list is the whole list."]
    assert documentation["stops"]["description"] == ["Stops.", "The list is the whole list; its order counts."]
    assert documentation["wheels"]["suboptions"]["mac"]["description"][1] == (
        "Takes %s." % MAC.allowed)


def remarks_of(documented: dict) -> list[str]:
    return [line for option in documented.values()
            for line in option["description"] + remarks_of(option.get("suboptions", {}))]


@pytest.mark.parametrize("table", [*DOCUMENTS.values(), SRIOV], ids=lambda table: table.name)
def test_the_documentation_says_what_helps(table: Group):
    """No numbers that nobody comes to, and no versions that everybody has."""
    remarks = remarks_of(options_documentation(table))
    assert not [line for line in remarks if re.search(r"\b(4294967295|18446744073709551615|18014398509481984)\b", line)]
    versions = {line for line in remarks if line.startswith("Since libvirt")}
    assert all(tuple(map(int, line[14:-1].split("."))) > (7, 0, 0) for line in versions), versions
    remarks = [line for line in remarks if line.startswith(("Takes", "Each is"))]
    assert not [line for line in remarks if line in ("Takes one line of text.", "Takes a path.", "Takes a string.")]


def test_the_documentation_says_a_version_that_not_everybody_has():
    found = options_documentation(INTERFACE)["driver"]["suboptions"]["rss"]["description"]
    assert found[-1] == "Since libvirt 8.3.0."


# --- XML that is up to no good


@pytest.mark.parametrize("text", [
    "<!DOCTYPE car><car/>",
    "<!DOCTYPE car [<!ENTITY a 'b'>]><car>&a;</car>",
    "<!DOCTYPE car SYSTEM 'http://example.invalid/car.dtd'><car/>",
    "<!DOCTYPE car PUBLIC '-//X//Y' 'car.dtd'><car/>",
])
def test_a_document_type_is_refused(text: str):
    with pytest.raises(Invalid) as error:
        load_xml(text)
    assert str(error.value) == "xml: a document type declaration is not accepted"


@pytest.mark.parametrize("name", ["secret", "missing"])
def test_an_external_file_is_not_even_looked_for(tmp_path, name: str):
    (tmp_path / "secret").write_text("hidden")
    with pytest.raises(Invalid) as error:
        load_xml("<!DOCTYPE car [<!ENTITY s SYSTEM '%s'>]><car><name>&s;</name></car>" % (tmp_path / name).as_uri())
    assert str(error.value) == "xml: a document type declaration is not accepted"


@pytest.mark.parametrize("place", ["<car><name>&h;</name></car>", "<car size='&h;'/>"])
def test_a_billion_laughs_are_not_laughed(place: str):
    lines = ["<!ENTITY a 'haha'>"] + ["<!ENTITY %s '%s'>" % (name, ("&%s;" % before) * 20)
                                      for before, name in zip("abcdefg", "bcdefgh")]
    with pytest.raises(Invalid, match=r"^xml: "):
        load_xml("<!DOCTYPE car [%s]>%s" % ("".join(lines), place))


@pytest.mark.parametrize("text", ["", " ", "<car>", "<car/><car/>", "car", "<car a='1' a='2'/>", "<car>&x;</car>",
                                  "<car>\x00</car>", "<car>\x0b</car>", "<x:car/>"])
def test_what_is_not_well_formed_is_refused(text: str):
    with pytest.raises(Invalid, match=r"^xml: not well-formed: "):
        load_xml(text)


def test_a_very_deep_document_is_refused():
    with pytest.raises(Invalid, match=r"^xml: "):
        load_xml("<a>" * 5000 + "</a>" * 5000)


@pytest.mark.parametrize("text", [None, 7, ["<car/>"], b"<car/>"])
def test_what_is_not_text_is_refused(text):
    with pytest.raises((Invalid, AttributeError, TypeError)):
        load_xml(text)


def test_text_is_text_whatever_encoding_it_claims():
    document = "<?xml version='1.0' encoding='latin1'?><car><name>\u00fc</name></car>"
    assert load_xml(document).findtext("name") == "\u00fc"


def test_a_partial_list_leaves_alone_what_it_does_not_mention():
    table = Group("cart", "cart", "A cart.", (
        Many("wheels", "wheel", "Wheels.", WHEEL, key=("name",), unique=True, partial=True),))
    current = {"wheels": [{"name": "a", "width": 3, "nails": ["x"]}, {"name": "b"}]}
    desired = {"wheels": [{"name": "a", "width": 4}, {"name": "c", "nails": ["y"]}]}
    assert table.merge(desired, current) == {"wheels": [
        {"name": "a", "width": 4, "nails": ["x"]}, {"name": "b"}, {"name": "c", "nails": ["y"]}]}
    assert in_words(table.differences(desired, current)) == [
        ("wheels[a].width", 4, 3), ("wheels[c].name", "c", None), ("wheels[c].nails[y]", "y", None)]
    assert list(table.differences({"wheels": [{"name": "b"}]}, current)) == []
    assert "What the list does not mention stays as it is." in options_documentation(table)["wheels"]["description"]


# --- small helpers


def test_prune_leaves_only_what_was_given():
    assert prune({"a": None, "b": {"c": None, "d": 0}, "e": [{"f": None}, ""], "g": False}) == {
        "b": {"d": 0}, "e": [{}, ""], "g": False}


@pytest.mark.parametrize("value", [None, "", {}, []])
def test_empty(value):
    assert is_empty(value)


@pytest.mark.parametrize("value", [0, False, "0", {"a": None}, [None]])
def test_not_empty(value):
    assert not is_empty(value)


def test_a_message_holds_values_of_any_type():
    with pytest.raises(Invalid) as error:
        CAR.check({"name": "a", "size": {1, 2}})
    assert str(error.value).startswith("size: ")
    assert json.dumps(str(error.value))


def test_of_much_only_what_reads_most_like_a_wrong_name_is_said():
    names = ["net%03d" % number for number in range(500)]
    said = str(there_is_no("network", "network", "nett042", [*names, "prod"]))
    assert said.startswith("network: there is no network nett042; there are net042, ") and "prod" not in said
    assert said.endswith(", 491 more") and said.count(",") == 10
