# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No value leaves its place: in no table is there an option that takes a control character into a name or a line."""

from __future__ import annotations

import os

import pytest
from unit.strategies import leaves

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents import network_entries, sriov
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.aspects import QOS, TAGS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.changes import CHANGES
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import DOCUMENTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import boot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Field, Many, Markup
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.scalars import TEXT
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import load_xml

TABLES = {**DOCUMENTS, "qos": QOS, "vlan": TAGS, "sriov": sriov.SRIOV, "dhcp_host": network_entries.DHCP_HOST,
          "dns_record": network_entries.DNS_RECORD, "changes": CHANGES}
CONTROL = ["\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]


def fields() -> list:
    found = []
    for table, document in TABLES.items():
        for path, node in leaves(document):
            field = node.item if isinstance(node, Many) else node
            if isinstance(field, Field) and not field.readonly:
                found.append(pytest.param(field, id="%s %s.%s" % (table, path[-1].name, field.name)))
    return found


@pytest.mark.parametrize("field", fields())
def test_no_option_takes_a_control_character(field: Field):
    for character in CONTROL:
        if field.type is TEXT and character in "\n\r\t\x85\u2028\u2029":
            continue
        for value in ("a%sb", "a%s", "%sa", "10.0.0.1%s", "52:54:00:00:00:01%s", "0x10%s", "fe80::1%%%s"):
            if field.type.kind == "bool" and not value.strip("%sa"):
                continue
            with pytest.raises(Invalid):
                field.check(value % character)


@pytest.mark.parametrize(("path", "value"), [
    (("dns", "txts"), {"name": "a", "value": 'a "b'}), (("dns", "txts"), {"name": "a", "value": "a #b"}),
    (("dns", "txts"), {"name": "a,b", "value": "c"}), (("dns", "txts"), {"name": "a", "value": 'a "b\\" c'}),
    (("dns", "srvs"), {"service": "s", "protocol": "tcp", "target": "a,1,2"}),
    (("dns", "srvs"), {"service": "s,t", "protocol": "tcp"}), (("dns", "srvs"), {"service": "s", "protocol": "t s"}),
    (("dns", "forwarders"), {"domain": "a/10.0.0.1"}), (("dns", "forwarders"), {"domain": "a b"}),
    (("dns", "hosts"), {"ip": "10.0.0.1", "hostnames": ["a,b"]}),
    (("dns", "hosts"), {"ip": "10.0.0.1", "hostnames": ["#a"]}),
])
def test_a_value_stays_one_value_of_dnsmasqs_line(path: tuple, value: dict):
    with pytest.raises(Invalid):
        NETWORK.check({"name": "lab", path[0]: {path[1]: [value]}}, whole=False)


@pytest.mark.parametrize("said", [
    {"dns": {"txts": [{"name": "a", "value": "%s"}]}}, {"dns": {"txts": [{"name": "%s", "value": "a"}]}},
    {"dns": {"hosts": [{"ip": "10.0.0.9", "hostnames": ["%s"]}]}}, {"dns": {"forwarders": [{"domain": "%s"}]}},
    {"dns": {"srvs": [{"service": "%s", "protocol": "tcp"}]}},
    {"dns": {"srvs": [{"service": "s", "protocol": "tcp", "domain": "%s"}]}},
    {"dns": {"srvs": [{"service": "s", "protocol": "tcp", "target": "%s"}]}},
    {"bridge": {"name": "%s"}}, {"domain": {"name": "%s"}}, {"dnsmasq_options": ["%s"]},
    {"ips": [{"address": "10.0.0.1", "prefix": 24, "tftp": {"root": "%s"}}]},
    {"ips": [{"address": "10.0.0.1", "prefix": 24, "dhcp": {"bootp": {"file": "%s"}}}]},
    {"ips": [{"address": "10.0.0.1", "prefix": 24, "dhcp": {"hosts": [{"name": "%s", "ip": "10.0.0.9"}]}}]},
    {"ips": [{"address": "fd00::1", "prefix": 64, "dhcp": {"hosts": [{"id": "%s", "ip": "fd00::9"}]}}]},
])
@pytest.mark.parametrize("value", ["A" * 1024, "é" * 512, ":".join(["00"] * 342)], ids=len)
def test_no_value_makes_a_line_longer_than_dnsmasq_reads(said: dict, value: str):
    NETWORK.check(filled({"name": "lab", **said}, "00" if "'id'" in str(said) else "a"))
    with pytest.raises(Invalid, match=" give "):
        NETWORK.check(filled({"name": "lab", **said}, value))


def filled(said, value: str):
    """What is said, with a value where ``%s`` stands."""
    if isinstance(said, dict):
        return {name: filled(item, value) for name, item in said.items()}
    if isinstance(said, list):
        return [filled(item, value) for item in said]
    return value if said == "%s" else said


@pytest.mark.parametrize("name", ["ignore", "infinite", "1h", "3600", "10.0.0.8", "set:a", "-a", "id:a", "a&b", "a;b"])
def test_the_name_of_a_dhcp_host_means_nothing_else_to_dnsmasq(name: str):
    hosts = {"hosts": [{"mac": "52:54:00:00:00:01", "name": name, "ip": "10.0.0.9"}]}
    with pytest.raises(Invalid, match="name"):
        NETWORK.check({"name": "lab", "ips": [{"address": "10.0.0.1", "prefix": 24, "dhcp": hosts}]})


@pytest.mark.parametrize("value", ["a, b", '"a, #b" c', "v=spf1 -all", 'say \'so\'', '"a \\" b"', "a#b"])
def test_a_txt_record_may_say_what_it_likes(value: str):
    NETWORK.check({"name": "lab", "dns": {"txts": [{"name": "a", "value": value}]}}, whole=False)


def test_what_libvirt_holds_is_read_as_it_is():
    options = NETWORK.parse(load_xml('<network><name>lab</name><dns><txt name="a" value="b&#10;c"/></dns></network>'))
    assert options["dns"]["txts"] == [{"name": "a", "value": "b\nc"}]


@pytest.mark.parametrize(("text", "taken"), [
    ('<a:x xmlns:a="urn:a" b="c&#10;d"/>', False), ('<a:x xmlns:a="urn:a"><y b="&#9;"/></a:x>', False),
    ('<a:x xmlns:a="urn:a">\x7f</a:x>', False), ('<a:x xmlns:a="urn:a">b\n\tc<y/>\n</a:x>', True),
])
def test_metadata_has_control_characters_only_in_texts(text: str, taken: bool):
    node = NETWORK.node("metadata")
    assert isinstance(node, Markup)
    if taken:
        node.check([text])
    else:
        with pytest.raises(Invalid, match=r"^\[0\]: .* give XML without control characters"):
            node.check([text])


def test_an_error_is_one_short_line():
    with pytest.raises(Invalid) as found:
        NETWORK.check({"name": "a\n\x1b[2J" + "b" * 10000}, whole=False)
    assert len(str(found.value)) < 400 and str(found.value).isprintable()
    with pytest.raises(Invalid) as found:
        NETWORK.check({"name": "lab", "a\nb" * 5000: 1}, whole=False)
    assert len(str(found.value)) < 1100 and str(found.value).isprintable()


def test_what_a_boot_runs_is_written_by_root_only(tmp_path, monkeypatch):
    monkeypatch.setattr(boot.sysfs, "ROOT", str(tmp_path))
    former = os.umask(0)
    try:
        boot.put({"usr/local/lib/virtnet-sriov/boot.py": "pass\n"})
    finally:
        os.umask(former)
    file = tmp_path / "usr/local/lib/virtnet-sriov/boot.py"
    assert file.stat().st_mode & 0o777 == 0o644
    assert all(folder.stat().st_mode & 0o777 == 0o755 for folder in (file.parent, file.parent.parent))
    file.chmod(0o666)
    kept = boot.kept("0000:03:00.0")
    assert kept["files"]["usr/local/lib/virtnet-sriov/boot.py"] == ""  # and so it is written anew
