# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules do around their object: from parameters or a document to options."""

from __future__ import annotations

import json

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet import task
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.changes import CHANGES
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import Outcome
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Plan
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.report import model_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.docs import options_documentation
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    argument_spec,
    stated_options,
)

XML = "<network><name>lab</name><forward mode='nat'/><ip address='10.0.0.1' prefix='24'/></network>"
OPTIONS = {"name": "lab", "forward": {"mode": "nat"}, "ips": [{"address": "10.0.0.1", "prefix": 24}]}


class Module:
    """An Ansible module as far as options are concerned."""

    def __init__(self, **params) -> None:
        self.params, self.warnings = params, []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def refusal(**params) -> str:
    with pytest.raises(Invalid) as error:
        stated_options(Module(**params), NETWORK)
    return str(error.value)


def test_options_that_were_not_given_are_left_out():
    params = dict(OPTIONS, uuid=None, state="active", bridge={"name": "br0", "stp": None, "delay": 0},
                  dns={"hosts": [{"ip": "10.0.0.1", "hostnames": ["a"]}], "srvs": None})
    assert stated_options(Module(**params), NETWORK) == dict(
        OPTIONS, bridge={"name": "br0", "delay": 0}, dns={"hosts": [{"ip": "10.0.0.1", "hostnames": ["a"]}]})


def test_empty_options_are_kept_for_they_say_something():
    params = {"name": "lab", "bridge": {}, "ips": [], "title": ""}
    assert stated_options(Module(**params), NETWORK) == params


def test_a_document_says_the_same_as_options():
    assert stated_options(Module(xml=XML), NETWORK) == OPTIONS
    assert stated_options(Module(xml=XML, name="lab", uuid=None), NETWORK) == OPTIONS


def test_a_document_that_names_nothing_takes_the_name_of_the_task():
    assert stated_options(Module(xml="<network/>", name="lab"), NETWORK) == {"name": "lab"}


@pytest.mark.parametrize(("params", "message"), [
    ({"xml": XML, "name": "other"}, "name: is other, but xml names lab"),
    ({"xml": XML, "name": "lab", "ipv6": True, "bridge": {"name": "x"}},
     "xml: cannot be given together with bridge, ipv6"),
    ({"xml": "<domain/>"}, "xml: the root element is domain; give a <network> document"),
    ({"xml": "<network><bridge stp='maybe'/></network>"},
     'bridge.stp: "maybe" is not allowed; give true or false (on or off in XML)'),
    ({"xml": "<network><ip prefix='24'/></network>"}, "ips[0].address: is missing"),
    ({"name": "lab", "ips": [{"address": "10.0.0.1", "prefix": 99}]},
     "ips[0].prefix: 99 is not allowed; give a number from 1 to 32 for IPv4"),
])
def test_what_cannot_be_meant_is_refused_by_path(params: dict, message: str):
    assert refusal(**params) == message


def test_what_a_document_has_that_is_not_known_is_warned_about():
    module = Module(xml="<network odd='1'><name>lab</name><strange/><ip address='10.0.0.1'><x/></ip></network>")
    assert stated_options(module, NETWORK) == {"name": "lab", "ips": [{"address": "10.0.0.1"}]}
    assert module.warnings == ["xml: %s is not known and left out" % place
                               for place in ("network/@odd", "network/strange", "network/ip/x")]


def test_every_module_can_choose_its_libvirt():
    reads = {"name": {"type": "str"}, "uri": {"type": "str", "default": "qemu:///system"}}
    assert task.reading_spec(name={"type": "str"}) == reads
    assert argument_spec(name={"type": "str"}) == dict(reads, **options_spec(CHANGES))


def test_the_model_of_a_result_has_no_layers():
    outcome = Outcome(None, Plan({}, {"name": "lab", "live": {"mtu": 1}, "kernel": {}}), None)
    assert model_of(outcome) == {"name": "lab"}


@pytest.mark.parametrize(("value", "read"), [
    ("text", "text"), (7, 7), (None, None), ('{"a": 1}', {"a": 1}), (' ["a"]', ["a"]), ("{a=1}", None), ([1], [1])])
def test_structures_from_a_command_line_are_json(value, read):
    assert task._read(NETWORK.node("dns"), value) == read


@pytest.fixture
def document_module(capsys):
    """A network module with these parameters; the message when it refuses them."""
    testing = pytest.importorskip("ansible.module_utils.testing", reason="needs ansible-core 2.19 or later")
    pytest.importorskip("jinja2", reason="Debian's Python has no jinja2 here, which ansible's own test help needs")
    pytest.importorskip("libvirt", reason="libvirt-python is not installed")

    def make(**params):
        with testing.patch_module_args(params):
            try:
                return task.DocumentModule(NETWORK, argument_spec=options_spec(NETWORK)).params
            except SystemExit:
                return json.loads(capsys.readouterr().out)["msg"]

    return make


def test_options_are_refused_by_path_before_ansible_refuses_them_without(document_module):
    assert document_module(name="lab", ips=[{"address": "10.0.0.1"}, {"adress": "10.1.0.1"}]).startswith(
        "ips[1].adress: no such option; did you mean address? There are address, dhcp, ")
    said = document_module(name="lab", ips=[{"addres": "10.1.0.1"}], brigde={"name": "lab0"}, xyz=1).splitlines()
    assert [one.partition(" There")[0].partition("; there")[0] for one in said] == [
        "brigde: no such option; did you mean bridge?", "xyz: no such option",
        "ips[0].addres: no such option; did you mean address?"]
    assert said[0].endswith(" more")
    assert document_module(name="lab", portgroups=[{"name": "a", "vlan": {"tags": [{"id": "x"}]}}]) == (
        'portgroups[0].vlan.tags[0].id: "x" is not allowed; give a whole number from 0 to 4095')


@pytest.mark.parametrize("option", ["xml", "title"])
def test_what_ansible_could_not_log_is_refused(option: str):
    """ansible-core before 2.19 hands it to the module; later ones refuse it themselves."""
    with pytest.raises(Invalid, match="^%s: has characters that XML cannot hold$" % option):
        task._refuse_what_cannot_be_logged({"name": "lab", option: "a\ud800", "ips": [{"address": "10.0.0.1"}]})
    with pytest.raises(Invalid, match="^%s: has characters that XML cannot hold$" % option):
        task._refuse_what_cannot_be_logged({option: "a\0"})
    task._refuse_what_cannot_be_logged({"name": "lab", option: "two\nlines", "ips": None})


def test_options_that_are_allowed_reach_the_module(document_module):
    found = document_module(name="lab", bridge='{"name": "br7"}', ips=[{"address": "10.0.0.1"}], ipv6="yes")
    assert (found["bridge"]["name"], found["ips"][0]["address"], found["ipv6"]) == ("br7", "10.0.0.1", True)


@pytest.mark.parametrize("text", ['{"rack": 4}', "[1]", '["a", "b"]'])
def test_a_text_may_look_like_a_structure(document_module, text: str):
    found = document_module(name="lab", description=text)
    assert isinstance(found, dict), found
    assert found["description"] == text


def test_documentation_and_argument_spec_name_the_same_options_with_the_same_types():
    def compared(spec: dict, documented: dict, path: str = "") -> int:
        assert set(spec) == set(documented), path
        for name, option in spec.items():
            here = path + "." + name
            for key in ("type", "elements", "choices", "required", "default"):
                assert option.get(key) == documented[name].get(key), (here, key)
            assert all(isinstance(line, str) and line[-1] in ".)" for line in documented[name]["description"]), here
            assert ("options" in option) == ("suboptions" in documented[name]), here
            compared.count += 1
            if "options" in option:
                compared(option["options"], documented[name]["suboptions"], here)
        return compared.count

    compared.count = 0
    assert compared(options_spec(NETWORK), options_documentation(NETWORK)) > 100


def test_every_option_has_a_version():
    def versions(nodes: tuple) -> list:
        return [(node.name, bool(node.since)) for node in nodes] + [
            pair for node in nodes for pair in versions(getattr(getattr(node, "item", node), "nodes", ()))]

    assert {name for name, has_version in versions(NETWORK.nodes) if not has_version} <= {
        "class_id", "connections", "metadata"}
