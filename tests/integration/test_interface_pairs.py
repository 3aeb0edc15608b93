# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any interface to any other: what the module makes is what libvirt makes of the new one defined fresh.

The interfaces come from the table itself, so that no option is forgotten. What libvirt or the module refuses is left
out.
"""

from __future__ import annotations

import libvirt
import pytest
from guest.domain import domain_xml
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from integration.host import remove_everything
from integration.modules import Failed, run
from lxml import etree
from pace import examples
from unit.strategies import scalars

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import (
    INTERFACE,
    NEEDED,
    ONLY_FOR,
    TYPES,
    fitting,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema import scalars as types
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Path
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Group, Many
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import option

MAC = "52:54:00:00:05:01"
WORD = st.sampled_from(["alpha", "beta"])
SOURCES = {
    "network": st.fixed_dictionaries({"network": WORD}, optional={"portgroup": WORD}),
    "bridge": st.fixed_dictionaries({"bridge": WORD}),
    "direct": st.fixed_dictionaries({"dev": WORD}, optional={"mode": st.sampled_from(
        ["vepa", "bridge", "private", "passthrough"])}),
    "vhostuser": st.fixed_dictionaries({"type": st.just("unix"), "path": st.just("/run/x"),
                                        "mode": st.sampled_from(["server", "client"])}),
    "hostdev": st.fixed_dictionaries({"hostdev": st.fixed_dictionaries({
        "type": st.just("pci"), "domain": st.just("0x0000"), "bus": st.sampled_from(["0x05", "0x06"]),
        "slot": st.just("0x01"), "function": st.just("0x0")})}),
}
# what a guest of another kind has, and what the test itself gives
LEFT_OUT = ("type", "source", "mac", "alias", "address", "backenddomain", "guest", "routes", "ips", "acpi", "boot")
SPECIAL = {
    "model": st.fixed_dictionaries({"type": st.sampled_from(["virtio", "e1000", "e1000e", "rtl8139"])}),
    "target": st.fixed_dictionaries({"dev": st.sampled_from(["tap1", "tap2"])}),
    "teaming": st.just({"type": "persistent"}),
    "filterref": st.fixed_dictionaries({"filter": st.sampled_from(["clean-traffic", "no-mac-spoofing"])}, optional={
        "parameters": st.lists(st.fixed_dictionaries({"name": WORD, "value": WORD}), min_size=1, max_size=3)}),
}


def values(node) -> st.SearchStrategy:
    """Values of a node of the table, texts being plain words: strange letters are for the tests without a libvirt."""
    if isinstance(node, Group):
        needed = {child.name: values(child) for child in node.nodes if getattr(child, "required", False)}
        return st.fixed_dictionaries(needed, optional={
            child.name: values(child) for child in node.nodes
            if child.name not in needed and not getattr(child, "readonly", False)}).filter(bool)
    if isinstance(node, Many):
        one = (lambda item: item[node.key[0]]) if node.unique and node.key else str
        return st.lists(values(node.item), min_size=1, max_size=2, unique_by=one)
    if node.type in (types.IP, types.IPV4):
        return st.sampled_from(["10.1.2.3", "10.1.2.4"])
    if node.type.choices or node.type.kind == "bool" or node.type in (types.UUID, types.MAC):
        return scalars(node.type)
    if node.type.kind == "int":
        return st.integers(1, 64)
    return st.sampled_from(["/alpha", "/beta"] if "path" in node.type.allowed else ["1", "2"] if (
        "number" in node.type.allowed) else ["alpha", "beta"])


def takes(kind: str, name: str) -> bool:
    return all(kind in kinds for path, kinds in ONLY_FOR.items() if path == Path(name))


@st.composite
def interfaces(draw: st.DrawFn) -> dict:
    """An interface of some type with a few options that the type takes."""
    kind = draw(st.sampled_from(TYPES))
    nodes = [node for node in INTERFACE.nodes if node.name not in LEFT_OUT and takes(kind, node.name)]
    chosen = draw(st.lists(st.sampled_from(nodes), max_size=4, unique_by=lambda node: node.name))
    made = {node.name: draw(SPECIAL[node.name] if node.name in SPECIAL else values(node)) for node in chosen}
    made["type"] = kind
    if {"driver", "backend"} & set(made):  # libvirt's own choice is a model without these
        made["model"] = {"type": "virtio"}
    if kind in SOURCES:
        made["source"] = draw(SOURCES[kind])
    elif kind in NEEDED:
        made["source"] = draw(values(INTERFACE.node("source")))
        made["source"] = fitting({"type": kind, "source": made["source"]}, {}, {}).get("source", {})
    return fitting(made, {}, {})


def document(domain) -> str:
    """The guest's interface in the configuration, without where libvirt put it."""
    root = etree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)).find("devices/interface")
    for address in root.findall("address"):
        root.remove(address)
    for parameters in root.findall("virtualport/parameters"):
        for name in ("interfaceid", "instanceid"):
            parameters.attrib.pop(name, None)
    return etree.tostring(root, method="c14n2", strip_text=True).decode()


def fresh(connection, interface: dict):
    remove_everything(connection)
    domain = connection.defineXML(domain_xml("guest", ""))
    try:
        run("interface", domain="guest", mac={"address": MAC}, **interface)
    except Failed as error:
        note(str(error))
        if "Not converged" in str(error):
            raise
        assume(False)
    return domain


def normal(text: str) -> dict:
    return INTERFACE.merge(INTERFACE.parse(etree.fromstring(text)), {})


@settings(max_examples=examples(250), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(before=interfaces(), after=interfaces())
@pytest.mark.both
def test_from_one_interface_to_another(hypervisor, before, after):
    expected = document(fresh(hypervisor, after))
    domain = fresh(hypervisor, before)
    task = dict(after, domain="guest", mac={"address": MAC}, purge=True)
    if "model" not in task:  # libvirt's own choice stays
        task["model"] = {"type": option(normal(expected), "model", "type")}

    predicted = run("interface", check=True, **task)
    done = run("interface", **task)
    note("steps: %s" % done["steps"])

    assert (predicted["steps"], predicted["diff"]) == (done["steps"], done["diff"])
    assert run("interface", **task)["steps"] == []
    found = document(domain)
    if found != expected:
        assert not list(INTERFACE.differences(INTERFACE.whole(normal(expected), normal(found)), normal(found)))
    remove_everything(hypervisor)
