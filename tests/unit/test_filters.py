# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters between YAML and XML; they run on the controller."""

from __future__ import annotations

import pytest

pytest.importorskip("jinja2", reason="Debian's Python has no jinja2 here, which ansible's plugins need; .venv has it")

from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from unit.strategies import options

from ansible_collections.virtnet.libvirt.plugins.filter import from_libvirt_xml as reader
from ansible_collections.virtnet.libvirt.plugins.filter import to_libvirt_xml as writer
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import checked
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

to_xml = writer.FilterModule().filters()["to_libvirt_xml"]
from_xml = reader.FilterModule().filters()["from_libvirt_xml"]
LAB = {"name": "lab", "forward": {"mode": "nat"}, "ips": [{"address": "10.0.0.1", "prefix": 24}]}
XML = """<network>
  <name>lab</name>
  <forward mode="nat"/>
  <ip address="10.0.0.1" prefix="24"/>
</network>"""


def refusal(function, *args) -> str:
    with pytest.raises(AnsibleFilterError) as error:
        function(*args)
    return str(error.value)


def test_what_interface_info_gives_becomes_an_interface():
    found = {"domain": "web", "type": "user", "link": {"state": "down"}, "status": {"config": True}}
    assert " ".join(to_xml(found, "interface").split()) == '<interface type="user"> <link state="down"/> </interface>'
    assert '<domain name="lan"/>' in to_xml(dict(LAB, domain={"name": "lan"}), "network")


def test_options_become_a_document():
    assert to_xml(LAB, "network").strip() == XML


def test_a_document_becomes_options():
    assert from_xml(XML) == LAB


def test_what_says_what_to_do_is_left_out():
    task = dict(LAB, state="active", autostart=True, purge=False, status={}, uuid=None)
    assert to_xml(task, "network").strip() == XML


@given(options(NETWORK))
@settings(max_examples=40)
def test_there_and_back_is_the_same(stated: dict):
    try:
        checked("network", stated)
    except Invalid:
        return
    assert NETWORK.normal(from_xml(to_xml(stated, "network"))) == NETWORK.normal(stated)


@pytest.mark.parametrize(("args", "message"), [
    ((LAB, "domain"), "to_libvirt_xml: no such module domain; there are "),
    (("text", "network"), "to_libvirt_xml takes options as a dictionary, not str"),
    (({"name": "lab", "colour": 1}, "network"), "to_libvirt_xml: colour: no such option; there are "),
    (({}, "network"), "to_libvirt_xml: name: is missing"),
    ((dict(LAB, ips=[]), "network"), "to_libvirt_xml: ips: is missing; forward mode nat needs an address"),
])
def test_to_libvirt_xml_refuses_what_makes_no_document(args: tuple, message: str):
    assert refusal(to_xml, *args).startswith(message)


@pytest.mark.parametrize(("text", "message"), [
    (None, "from_libvirt_xml takes a document as text, not NoneType"),
    (b"<network/>", "from_libvirt_xml takes a document as text, not bytes"),
    ("<network>", "from_libvirt_xml: xml: not well-formed: "),
    ("<domain/>", "from_libvirt_xml: domain: no such document; there are network"),
    ("<!DOCTYPE network><network/>", "from_libvirt_xml: xml: a document type declaration is not accepted"),
    ("<network ipv6='perhaps'/>", 'from_libvirt_xml: ipv6: "perhaps" is not allowed; give true or false'),
])
def test_from_libvirt_xml_refuses_what_is_no_such_document(text, message: str):
    assert refusal(from_xml, text).startswith(message)


def test_what_is_not_known_is_left_out_with_a_warning(monkeypatch):
    warnings = []
    monkeypatch.setattr(reader, "Display", lambda: type("Display", (), {"warning": staticmethod(warnings.append)}))
    assert from_xml("<network odd='1'><name>lab</name><strange/></network>") == {"name": "lab"}
    assert warnings == ["from_libvirt_xml: network/@odd is not known and left out",
                        "from_libvirt_xml: network/strange is not known and left out"]


def test_options_without_effect_are_refused_as_the_module_does():
    with pytest.raises(AnsibleFilterError, match=r"ips\[0\]\.address: 10\.5\.0\.0 is the network address"):
        to_xml({"name": "lab", "ips": [{"address": "10.5.0.0", "prefix": 24}]}, "network")
