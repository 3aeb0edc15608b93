# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any input, good or bad, gives a result or one clear error, in check mode and before anything is touched.

The inputs come from the tables of options, with some values exchanged for hostile ones, and from documents of which
parts are exchanged, doubled, gone or elsewhere. VIRTNET_FUZZ says how many there are for each module, other ones each
time (make fuzz).
"""

from __future__ import annotations

import copy
import os
import random

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from integration.modules import Failed, run
from unit import strategies
from unit.strategies import options

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.aspects import QOS, TAGS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.host_bridge import HOST_BRIDGE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network_entries import (
    DHCP_HOST,
    DNS_RECORD,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import DOCUMENTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.sriov import SRIOV
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import LISTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, etree

EXAMPLES = int(os.environ.get("VIRTNET_FUZZ", "40"))
DEEP: list = []
for _ in range(60):
    DEEP = [DEEP]
HOSTILE = st.sampled_from([
    None, "", " ", "\n", "a\nb", "\x00", "a\x00b", "\x1b[2J", "\x7f", "\ud800", "\u2028", "..", ".", "/", "../../etc",
    "a/b", "-f", "--help", "%s", "%n{}", "{{ 1 }}", "<x/>", "&amp;", "'", '"', "\\", "a" * 300, "a" * 100000, 0, 1, -1,
    2**31, 2**63, 2**64, 10**400, 1.5, float("nan"), float("inf"), True, False, [], {}, [None], [[]], {"": ""},
    {"a": {"b": {}}}, {1: 2}, DEEP, "[" * 5000, "{" * 5000, "{}", "[]", "$A", "$A[@1]", "0x", "0x10", "010.1.1.1",
    "1.2.3.4/24", "::", "fe80::1%x", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "52:54:00:00:00:01", "yes", "no", "lab",
    "guest", "default", "lo",
])
CONTROL = st.fixed_dictionaries({}, optional={
    name: st.sampled_from(values) | HOSTILE for name, values in {
        "state": ["present", "absent", "active", "inactive"], "purge": [True], "force": [True], "restart": ["always"],
        "autostart": [True, False], "persistent": [True, False], "layers": [["config"], ["live"]],
        "allow_missing_references": [True], "replace": [True], "persist": [True],
        "status": [{}]}.items()})
# what Ansible says itself of an argument of a module
ANSIBLES = ("value of ", "argument '", "Unsupported parameters", "missing required", "one of the following",
            "parameters are ")
NAMES = st.sampled_from(["lab", "nothing"]) | HOSTILE
SHORT = ("<network/>", "<network><name>lab</name></network>", "<interface/>", "<filter/>", "<networkport/>",
         "<filterbinding/>", "<a", "<network><name>a&#10;b</name></network>",
         "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<?xml version='1.0' encoding='utf-16'?><network/>",
         "<!-- --><network/>", "<a:network xmlns:a='b'/>")
MODULES = {
    **{name: (document, ()) for name, document in DOCUMENTS.items()},
    "interface": (DOCUMENTS["interface"], ("domain",)), "network_port": (DOCUMENTS["network_port"], ("network",)),
    "sriov": (SRIOV, ()), "dhcp_host": (DHCP_HOST, ("network",)), "dns_record": (DNS_RECORD, ("network",)),
    "qos": (QOS, ("network", "portgroup", "port", "domain", "mac")),
    "vlan": (TAGS, ("network", "portgroup", "port", "domain", "mac")), "host_bridge": (HOST_BRIDGE, ()),
}
READERS = {
    **dict.fromkeys(("network_info", "nwfilter_info", "nwfilter_binding_info", "network_port_info", "sriov_info"),
                    ("names",)),
    "interface_info": ("domain", "mac", "wait_for_address"), "topology_info": ("kinds", "names", "portable", "graph"),
    "put_back": ("wait",),
}


class AnyWord(dict):
    """Values of types of which the strategies know none, some of which will be taken."""

    def __missing__(self, allowed: str) -> st.SearchStrategy:
        return st.sampled_from(WORDS.split()) | st.text(max_size=6)


WORDS = """
1 0x10 a ua-a root mac-a ipv4 IP vfio-pci 8086:1572 0-2,4 virtio 1.2 52:54:00:00:00:01 10.0.0.1 fd00::1 $A NEW src
SYN/ALL 255.255.255.0 ff:ff:ff:ff:ff:ff tcp arp
"""
strategies.SAID = AnyWord(strategies.SAID)
DOMAIN = """
<domain type='qemu'><name>guest</name><memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab'/></interface></devices></domain>
"""


@st.composite
def bent(draw: st.DrawFn, value):
    """The same options with a few values, at any depth, exchanged for hostile ones."""
    if draw(st.integers(0, 5)) == 0:
        return draw(HOSTILE)
    if isinstance(value, dict):
        found = {name: draw(bent(inner)) for name, inner in value.items()}
        if draw(st.integers(0, 20)) == 0:
            found[draw(st.sampled_from(["adress", "", "a\nb", "x" * 5000]))] = 1
        return found
    return [draw(bent(inner)) for inner in value] if isinstance(value, list) else value


@st.composite
def torn(draw: st.DrawFn, document) -> str:
    """A document as it may come from anywhere."""
    try:
        root, chance = document.render(draw(options(document))), draw(st.randoms(use_true_random=False))
    except ValueError:  # a value that no XML can hold
        reject()
    for _time in range(draw(st.integers(0, 4))):
        tear(root, chance)
    text = dump_xml(root)
    return text[:chance.randrange(len(text))] if chance.random() < 0.05 else text


WORDS_OF_XML = ("", " ", "a\nb", "..", "%s", "'", "<x/>", "a" * 3000, "-1", "0x", "1.5", str(10**30), "010.1.1.1", "::",
                "1.2.3.4/24", "00:00:00:00:00:00", "52:54:00:00:00:01", "yes", "lab", "$A", "\u2028", "\x85", "é")


def tear(root: etree._Element, chance: random.Random) -> None:
    """Has a part of a document be another one, twice there, gone or elsewhere."""
    parts = [one for one in root.iter() if isinstance(one.tag, str)]
    part, other = chance.choice(parts), chance.choice(parts)
    above, names = part.getparent(), sorted(part.attrib)
    deed = chance.randrange(6)
    if deed == 0:
        part.text = chance.choice(WORDS_OF_XML)
    elif deed == 1:
        part.set(chance.choice([*names, "type", "name", "unknown"]), chance.choice(WORDS_OF_XML))
    elif deed == 2 and names:
        del part.attrib[chance.choice(names)]
    elif deed == 3 and above is not None:
        above.insert(chance.randrange(len(above) + 1), copy.deepcopy(part))
    elif deed == 4 and above is not None:
        above.remove(part)
    elif deed == 5:
        other.append(copy.deepcopy(part))


def inputs(name: str) -> st.SearchStrategy:
    if name in READERS:
        return st.fixed_dictionaries({}, optional=dict.fromkeys(READERS[name], NAMES | st.lists(NAMES, max_size=3)))
    if name == "topology":
        return st.fixed_dictionaries({}, optional={
            listed: st.lists(inputs(kind) | HOSTILE, max_size=2) for listed, kind in LISTS.items()})
    document, targets = MODULES[name]
    own = options(document, empties=True)
    named = st.fixed_dictionaries({}, optional=dict.fromkeys(targets, NAMES))
    name_of_it = st.fixed_dictionaries({}, optional={"name": NAMES} if document.node("name") else {})
    if name == "interface":
        named = st.tuples(named, st.fixed_dictionaries({}, optional={"partner": own.flatmap(bent) | HOSTILE})).map(
            lambda parts: {**parts[0], **parts[1]})
    if name in DOCUMENTS:
        xml = st.fixed_dictionaries({"xml": torn(document) | st.sampled_from(SHORT) | HOSTILE})
        whole = st.tuples(xml, CONTROL, named).map(lambda parts: {key: value for part in parts
                                                                  for key, value in part.items()})
    bad = own.flatmap(lambda given: st.fixed_dictionaries({key: bent(value) for key, value in given.items()}))
    stated = st.tuples(own | bad, CONTROL, named, name_of_it).map(
        lambda parts: {key: value for part in parts for key, value in part.items()})
    return st.integers(0, 3).flatmap(lambda one: whole if one == 0 else stated) if name in DOCUMENTS else stated


@pytest.mark.parametrize("name", [*sorted(MODULES), "topology", *READERS])
def test_whatever_comes_in_a_clear_answer_comes_out(clean, name: str, capsys):
    run("network", name="lab", state="active", ips=[{"address": "192.168.199.1/24", "dhcp": {"ranges": [
        {"start": "192.168.199.5", "end": "192.168.199.9"}]}}], portgroups=[{"name": "default"}])
    clean.defineXML(DOMAIN)
    answered = {"taken": 0, "refused": 0}

    @given(inputs(name))
    @settings(max_examples=EXAMPLES, deadline=None, derandomize="VIRTNET_FUZZ" not in os.environ, database=None,
              suppress_health_check=list(HealthCheck))
    def answers(given_options: dict) -> None:
        try:
            run(name, check=True, **given_options)
            answered["taken"] += 1
        except Failed as failed:
            message = str(failed)
            answered["refused"] += 1
            assert "mistake in this collection" not in message and "exception" not in failed.result, message
            lines = message.split("\n")  # one for each thing that is wrong
            assert message.startswith(ANSIBLES) or all(one.isprintable() and len(one) < 1100 for one in lines), message
        except SystemExit:
            pass  # what Ansible itself refuses of its own arguments

    answers()
    if "VIRTNET_FUZZ" in os.environ:
        with capsys.disabled():
            print("\n%s: %s" % (name, answered))
