# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt holds and no task can say: it is described, and given back it is no change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree
from unit.fake_host import KEYED, device, parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import INTERFACE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network_port import NETWORK_PORT
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.nwfilter import NWFILTER
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.nwfilter_binding import (
    NWFILTER_BINDING,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import SETTINGS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface import stated as interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network import stated as network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port import stated as port
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter import stated as nwfilter
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding import (
    stated as binding,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.whole_host import describe_host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema import scalars
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import (
    Choice,
    Field,
    Group,
    Many,
    Markup,
    Node,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.stated import stated
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import (
    load_xml,
    make,
    parent_and_tag,
    split_place,
)

UUID, MAC = "09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f", "52:54:00:00:00:01"
WORDS = """1 0x10 07 99999999999999999999 -1 0x a ua-a lab network bridge IP $A $A[@1] maybe yes no up 10.0.0.1 fd00::1
255.255.255.0 52:54:00:00:00:02 52:54:00:00:00:01 é a:b virtio-new tcp"""
LIVE_ONLY = ("portid", "pf")  # of these libvirt drops one, and the devices beside the other
# what libvirt reads itself and writes anew
READ = {scalars.IP: "10.1.2.3", scalars.IPV4: "10.1.2.4", scalars.NETMASK: "255.255.255.0", scalars.UUID: UUID,
        scalars.MAC: MAC}
TEXT = st.sampled_from([*WORDS.split(), "", " ", "$A b"])


def _write(draw: st.DrawFn, element: etree._Element, node: Node) -> None:
    """Any words at all at places of a table, and next to them what no table knows."""
    if isinstance(node, Markup) or node.name in LIVE_ONLY or getattr(node, "readonly", False):
        return
    if draw(st.integers(0, 4)) < 4 and not getattr(node, "required", False):
        return
    if isinstance(node, Field):
        steps, attribute = split_place(node.at)
        text = draw(st.just(READ[node.type]) if node.type in READ else
                    TEXT | st.sampled_from(node.type.choices) if node.type.choices else TEXT)
        text = text or "1" if getattr(node, "required", False) else text
        if attribute:
            make(element, steps).set(attribute, text)
        else:
            make(element, steps).text = text
        return
    steps, tag = parent_and_tag(node.at)
    item = node.item if isinstance(node, Many) else node
    for _each in range(draw(st.integers(1, 2)) if isinstance(node, Many) else 1):
        one = draw(st.sampled_from(item.nodes)) if isinstance(item, Choice) else item
        child = etree.SubElement(make(element, steps), one.at if isinstance(item, Choice) else tag)
        for inner in one.nodes if isinstance(one, Group) else (one,):
            _write(draw, child, inner)
        if draw(st.integers(0, 9)) == 0:
            child.set("surprising", "yes")
            etree.SubElement(child, "surprise")


@st.composite
def documents(draw: st.DrawFn, table: Group, named: dict) -> str:
    """A document with odd values, though not of what libvirt itself knows it by."""
    root = etree.Element(table.at)
    for node in table.nodes:
        _write(draw, root, node)
    for name, value in named.items():
        table.node(name).write(root, value)
    return etree.tostring(root, encoding="unicode")


KINDS: dict[str, tuple[str, Group, dict, Callable]] = {
    "networks": ("network", NETWORK, {"name": "lab", "uuid": UUID}, network.wish_of),
    "nwfilters": ("nwfilter", NWFILTER, {"name": "lab", "uuid": UUID}, nwfilter.wish_of),
    "nwfilter_bindings": ("nwfilter_binding", NWFILTER_BINDING, {
        "portdev": {"name": "vnet3"}, "mac": {"address": MAC}, "owner": {"name": "x", "uuid": UUID},
        "filterref": {"filter": "lab"}}, binding.wish_of),
    "network_ports": ("network_port", NETWORK_PORT, {"uuid": UUID, "mac": {"address": MAC}}, port.wish_of),
    "interfaces": ("interface", INTERFACE, {"mac": {"address": MAC}}, interface.wish_of),
}


def host(kind: str, text: str, active: bool) -> Snapshot:
    plain = "<network><name>lab</name><forward mode='bridge'/><bridge name='br0'/></network>"
    document = text if kind == "networks" else plain
    domain = "<domain><devices>%s</devices></domain>" % (text if kind == "interfaces" else "")
    recorded = parts(
        networks={"lab": {"uuid": UUID, "active": active, "persistent": True, "autostart": False}},
        network_config={"lab": document}, network_live={"lab": document if active else None},
        subnets={"lab": []}, bridges={"lab": []},
        ports={"lab": [text] if kind == "network_ports" else []},
        nwfilters={"lab": {"uuid": UUID, "xml": text if kind == "nwfilters" else "<filter name='lab'/>"}},
        bindings={"vnet3": text} if kind == "nwfilter_bindings" else {},
        domains={UUID: {"name": "web", "active": active, "persistent": True}},
        domain_config={UUID: domain}, domain_live={UUID: domain if active else None}, addresses={UUID: {}},
        host={"version": [99, 0, 0], "uri": "qemu:///system", "local": True, "sets_metadata": True},
        devices={"br0": device(kind="bridge"), "vnet3": device()},
    )

    def read(part: str, key: str) -> object:
        return recorded[part].get(key) if part in KEYED else recorded[part][key]

    return Snapshot(read)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data(), st.booleans())
@settings(max_examples=100, phases=set(Phase) - {Phase.explain}, suppress_health_check=list(HealthCheck), deadline=None)
def test_what_is_odd_is_described_and_no_change_when_it_is_given_back(kind: str, data: st.DataObject, active: bool):
    noun, table, named, wish_of = KINDS[kind]
    text = data.draw(documents(table, named))
    seen = host(kind, text, active or kind == "network_ports")
    found, = describe_host(seen, [kind], None, False)[kind]
    settings_of = {node.name: found[node.name] for node in SETTINGS[noun].nodes if node.name in found}
    given_back = stated(table, {name: value for name, value in found.items() if name not in settings_of}, None, print)
    wish = wish_of(settings_of, given_back)
    plan = wish.plan(wish.look(seen))
    assert [(one.path, one.desired, one.current) for one in plan.drift if one.layer != "kernel"] == []
    assert plan.waiting == []


@pytest.mark.parametrize(("name", "path"), [("model", "type"), ("source", "dev"), ("mtu", "size"), ("type", None)])
def test_a_change_of_something_else_leaves_an_odd_value_as_it_is(name: str, path: str):
    element = load_xml("<interface type='tomorrow'><mac address='%s'/><source dev='a$b'/><model type=''/>"
                       "<mtu size='70000'/><new/></interface>" % MAC)
    options = INTERFACE.parse(element)
    changed = INTERFACE.render(INTERFACE.merge({"link": {"state": "down"}}, options), element)
    assert changed.find("link").get("state") == "down"
    before, after = ((one if path is None else one.find(name)).get(path or name) for one in (element, changed))
    assert before == after
    assert changed.find("new") is not None
