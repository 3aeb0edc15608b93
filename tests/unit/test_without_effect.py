# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt takes of a network and nobody then does."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import (
    BACKENDS,
    MODES,
    ONLY_FOR,
    PASST_ONLY,
    USER_PASST_ONLY,
    VIRTIO_ONLY,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.without_effect import (
    REFUSALS,
    refuse_new,
    without_effect,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.startable import UNSTARTABLE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid, Path

DOCS = pathlib.Path(__file__).parents[2] / "docs" / "refusals.md"
MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


def served(*hosts: dict, ranges: Any = (), address: str = "10.5.0.1", prefix: int = 24) -> dict:
    return {"ips": [{"address": address, "prefix": prefix, "dhcp": {"hosts": list(hosts), "ranges": list(ranges)}}]}


def on(address: str, prefix: int) -> dict:
    return {"ips": [{"address": address, "prefix": prefix}]}


def via(gateway: str) -> dict:
    return dict(on("10.5.0.1", 24), routes=[{"address": "10.9.0.0", "prefix": 16, "gateway": gateway}])


def switched(network: dict, kind: str | None, group: str | None = None) -> dict:
    """A network with a virtualport, and a portgroup with one."""
    own = {"virtualport": {"type": kind}} if kind else {}
    groups = {"portgroups": [{"name": "one", "virtualport": {"type": group}}]} if group else {}
    return {**network, **own, **groups}


HOSTS_BRIDGE = {"forward": {"mode": "bridge"}, "bridge": {"name": "br7"}}
SIP = {"service": "sip", "protocol": "udp", "domain": "example", "target": "pbx"}
HOST, RANGE = {"mac": MAC, "ip": "10.5.0.9", "name": "one"}, {"start": "10.5.0.10", "end": "10.5.0.20"}
SIX = {"id": "0:1:2:A", "ip": "fd00:5::9", "name": "six"}


@pytest.mark.parametrize(("options", "where"), [
    (on("10.5.0.0", 24), "ips[0].address"),
    (on("10.5.0.255", 24), "ips[0].address"),
    (on("224.0.0.1", 24), "ips[0].address"),
    (on("127.0.0.5", 8), "ips[0].address"),
    (on("255.255.255.255", 32), "ips[0].address"),
    (on("ff02::1", 64), "ips[0].address"),
    (on("::1", 128), "ips[0].address"),
    (on("::", 64), "ips[0].address"),
    (served(dict(HOST, ip="10.6.0.9")), "ips[0].dhcp.hosts[0].ip"),
    (served(dict(HOST, ip="10.5.0.1")), "ips[0].dhcp.hosts[0].ip"),
    (served(dict(HOST, ip="10.5.0.0")), "ips[0].dhcp.hosts[0].ip"),
    (served(dict(HOST, ip="10.5.0.255")), "ips[0].dhcp.hosts[0].ip"),
    (served(dict(SIX, ip="fd00:5:0::1"), address="fd00:5::1", prefix=64), "ips[0].dhcp.hosts[0].ip"),
    (served(dict(SIX, ip="fd00:6::9"), address="fd00:5::1", prefix=64), "ips[0].dhcp.hosts[0].ip"),
    (served(HOST, dict(HOST, mac=OTHER, name="two")), "ips[0].dhcp.hosts[1].ip"),
    (served(HOST, dict(HOST, ip="10.5.0.8", name="two")), "ips[0].dhcp.hosts[1].mac"),
    (served(HOST, {"mac": OTHER, "ip": "10.5.0.8", "name": "ONE"}), "ips[0].dhcp.hosts[1].name"),
    (served(SIX, {"id": "0:1:2:a", "ip": "fd00:5::8"}, address="fd00:5::1", prefix=64), "ips[0].dhcp.hosts[1].id"),
    (served(ranges=[RANGE, RANGE]), "ips[0].dhcp.ranges[1]"),
    ({"dns": {"hosts": [{"ip": "10.5.0.3", "hostnames": ["a", "*.apps.example"]}]}}, "dns.hosts[0].hostnames[1]"),
    ({"dns": {"hosts": [{"ip": "10.5.0.3", "hostnames": ["a." + "b" * 64]}]}}, "dns.hosts[0].hostnames[0]"),
    ({"dns": {"txts": [{"name": "*.apps.example", "value": "x"}]}}, "dns.txts[0].name"),
    ({"domain": {"name": "b" * 64 + ".example"}}, "domain.name"),
    ({"dns": {"txts": [{"name": "b" * 64, "value": "x"}]}}, "dns.txts[0].name"),
    ({"dns": {"srvs": [SIP, dict(SIP, target="b" * 64)]}}, "dns.srvs[1].target"),
    ({"dns": {"srvs": [dict(SIP, domain="a." + "b" * 64)]}}, "dns.srvs[0].domain"),
    ({"dns": {"forwarders": [{"domain": "b" * 64, "addr": "10.5.0.9"}]}}, "dns.forwarders[0].domain"),
    (served(dict(HOST, name="b" * 64)), "ips[0].dhcp.hosts[0].name"),
    ({"mtu": {"size": 65522}}, "mtu.size"),
    ({"ips": [dict(on("fd00:5::1", 64)["ips"][0], dhcp={"bootp": {"file": "a"}})]}, "ips[0].dhcp.bootp"),
    (via("10.5.0.1"), "routes[0].gateway"),
    (via("10.5.0.0"), "routes[0].gateway"),
    (via("10.5.0.255"), "routes[0].gateway"),
    (switched({}, "openvswitch"), "virtualport.type"),
    (switched({"forward": {"mode": "nat"}}, None, "openvswitch"), "portgroups[0].virtualport.type"),
    (switched({"forward": {"mode": "open"}}, "802.1Qbh"), "virtualport.type"),
    (switched(HOSTS_BRIDGE, "midonet"), "virtualport.type"),
    (dict(switched(HOSTS_BRIDGE, "openvswitch"), port={"isolated": False}), "port.isolated"),
    (dict(switched(HOSTS_BRIDGE, "openvswitch"), port={"isolated": True}), "port.isolated"),
    (switched(HOSTS_BRIDGE, None, "802.1Qbg"), "portgroups[0].virtualport.type"),
    (switched({"forward": {"mode": "bridge", "dev": "eth7"}}, "openvswitch"), "virtualport.type"),
    (switched({"forward": {"mode": "passthrough", "pf": {"dev": "eth7"}}}, "midonet"), "virtualport.type"),
    (switched({"forward": {"mode": "hostdev", "pf": {"dev": "eth7"}}}, "openvswitch"), "virtualport.type"),
    (switched({"forward": {"mode": "vepa", "dev": "eth7"}}, "802.1Qbg", "802.1Qbh"), "portgroups[0].virtualport.type"),
])
def test_what_has_no_effect_is_found(options: dict, where: str):
    assert [str(path) for path, _problem in without_effect(options)] == [where]
    with pytest.raises(Invalid):
        refuse_new(options)
    refuse_new(options, options)  # what is there is not judged


@pytest.mark.parametrize("options", [
    on("10.5.0.0", 31), on("10.5.0.7", 32), on("fe80::1", 64), on("169.254.0.1", 16), via("10.5.0.2"),
    served(HOST, {"name": "bare", "ip": "10.5.0.8"}, ranges=[RANGE, dict(RANGE, end="10.5.0.30")]),
    {"ips": [*served(HOST)["ips"], *served(dict(SIX, name="one"), address="fd00:5::1", prefix=64)["ips"]]},
    {"dns": {"hosts": [{"ip": "10.5.0.3", "hostnames": ["a_b.example", "b" * 63]}]}},
    dict(HOSTS_BRIDGE, port={"isolated": True}),
    switched(HOSTS_BRIDGE, "openvswitch", "openvswitch"), switched(HOSTS_BRIDGE, None, "openvswitch"),
    switched({"forward": {"mode": "vepa", "dev": "eth7"}}, "802.1Qbg"),
    switched({"forward": {"mode": "hostdev", "pf": {"dev": "eth7"}}}, "802.1Qbh"),
])
def test_what_has_an_effect_is_taken(options: dict):
    assert not list(without_effect(options))


def unfit_table() -> Iterator[tuple[str, str]]:
    """(options, what alone takes them) of what libvirt drops, ignores or refuses elsewhere."""
    by_kinds: dict[tuple[str, ...], list[Path]] = {}
    for path, kinds in ONLY_FOR.items():
        if path not in VIRTIO_ONLY:
            by_kinds.setdefault(kinds, []).append(path)
    for kinds, paths in by_kinds.items():
        yield _named(paths), "type %s" % ", ".join(kinds)
    yield _named(VIRTIO_ONLY), "a virtio model, of any type but hostdev"
    yield _named(PASST_ONLY), "`backend.type: passt`"
    yield _named(USER_PASST_ONLY), "`backend.type: passt`, where the type is user"
    for kind, words in MODES.items():
        yield "`source.mode` of type %s" % kind, ", ".join(words)
    for kind, words in BACKENDS.items():
        yield "`driver.name` of %s" % ((kind and "type " + kind) or "other types"), ", ".join(words)
    yield "`filterref`", "an interface without a virtualport"


def _named(paths: Iterable[Path]) -> str:
    return ", ".join("`" + str(path) + "`" for path in paths)


def test_docs_list_what_is_refused():
    text = DOCS.read_text()
    table = "".join("| %s | %s |\n" % (refusal.what, refusal.why) for refusal in REFUSALS)
    assert table in text, "put this into docs/refusals.md:\n" + table
    table = "".join("| %s | %s |\n" % row for row in unfit_table())
    assert table in text, "put this into docs/refusals.md:\n" + table
    table = "".join("- %s%s\n" % (one.what, " (QEMU)" if one.of_qemu else "") for one in UNSTARTABLE)
    assert table in text, "put this into docs/refusals.md:\n" + table
