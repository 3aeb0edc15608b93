# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the libvirt layer asks of a connection, and how often."""

from __future__ import annotations

import os
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from unit.fake_host import parts
from unit.networks import many_parts, numbered

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import firewall, host, sysctls
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import libvirt as layer
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError, remedy
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.describe import (
    describe_network,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import load_xml

NO_NETWORK, NO_DOMAIN, NO_SUPPORT, INVALID, OTHER = 43, 42, 3, 55, 1


class LibvirtError(Exception):
    def get_error_code(self) -> int:
        return self.args[0]

    def get_error_message(self) -> str:
        return "libvirt says %d" % self.args[0]


MODULE = SimpleNamespace(
    libvirtError=LibvirtError, VIR_ERR_NO_NETWORK=NO_NETWORK, VIR_ERR_NO_DOMAIN=NO_DOMAIN,
    VIR_ERR_NO_SUPPORT=NO_SUPPORT, VIR_ERR_OPERATION_INVALID=INVALID,
    VIR_CONNECT_LIST_NETWORKS_ACTIVE=2, VIR_CONNECT_LIST_NETWORKS_PERSISTENT=8, VIR_CONNECT_LIST_NETWORKS_AUTOSTART=32,
    VIR_CONNECT_LIST_DOMAINS_ACTIVE=1, VIR_CONNECT_LIST_DOMAINS_PERSISTENT=4,
    VIR_CONNECT_LIST_DOMAINS_PAUSED=32, VIR_CONNECT_LIST_DOMAINS_OTHER=128, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE=256,
    VIR_NETWORK_XML_INACTIVE=1, VIR_DOMAIN_XML_INACTIVE=2, VIR_DOMAIN_AFFECT_LIVE=1, virNetwork=SimpleNamespace)
FLAGS = {2: "active", 8: "persistent", 32: "autostart"}
DOMAIN_FLAGS = {1: "active", 4: "persistent", 32 | 128: "state", 256: "saved"}


class Object:
    """A network or guest of the connection; what libvirt is not asked for is not counted."""

    def __init__(self, connection: Connection, kind: str, name: str, uuid: str, key: str) -> None:
        self._connection, self._kind, self._key = connection, kind, key
        self.name, self.UUIDString = lambda: name, lambda: uuid

    def XMLDesc(self, flags: int) -> str:
        layer = "live" if not flags else "config"
        self._connection.calls["%s %s of %s" % (self._kind, layer, self._key)] += 1
        return self._connection.parts["%s_%s" % (self._kind, layer)][self._key]

    def state(self) -> list:
        self._connection.calls["state of %s" % self._key] += 1
        state = self._connection.parts["domains"][""][self._key]["state"]
        return [next((number for number, name in layer.UNUSUAL.items() if name == state), 1), 0]

    def listAllPorts(self) -> list:
        self._connection.calls["ports of %s" % self._key] += 1
        if self._connection.refuses:
            raise LibvirtError(self._connection.refuses)
        return [SimpleNamespace(XMLDesc=lambda flags, text=text: text)
                for text in self._connection.parts["ports"][self._key]]

    def DHCPLeases(self) -> list:
        self._connection.calls["leases of %s" % self._key] += 1
        return []


class Connection:
    """A connection to a libvirt with these parts; counts what it is asked."""

    def __init__(self, refuses: int = 0, **given: Any) -> None:
        self.parts, self.calls, self.refuses = parts(**given), Counter(), refuses
        Connection.latest = self

    def devices(self) -> dict:
        """Those of the same host, which netlink tells."""
        self.calls["devices"] += 1
        return self.parts["devices"][""]

    def firewall(self) -> dict | None:
        """What nftables would answer."""
        self.calls["firewall"] += 1
        return self.parts["firewall"][""]

    def listAllNetworks(self, flags: int = 0) -> list:
        self.calls["list of networks"] += 1
        return [Object(self, "network", name, one["uuid"], name) for name, one in self.parts["networks"][""].items()
                if not flags or one[FLAGS[flags]]]

    def listAllDomains(self, flags: int = 0) -> list:
        self.calls["list of guests"] += 1
        if self.refuses:
            raise LibvirtError(self.refuses)
        return [Object(self, "domain", one["name"], uuid, uuid) for uuid, one in self.parts["domains"][""].items()
                if not flags or one.get(DOMAIN_FLAGS[flags])]

    def networkLookupByName(self, name: str) -> Object:
        self.calls["network %s" % name] += 1
        if name not in self.parts["networks"][""]:
            raise LibvirtError(NO_NETWORK)
        return Object(self, "network", name, "", name)

    def lookupByUUIDString(self, uuid: str) -> Object:
        self.calls["guest %s" % uuid] += 1
        if uuid not in self.parts["domains"][""]:
            raise LibvirtError(NO_DOMAIN)
        return Object(self, "domain", "", uuid, uuid)

    def listAllNWFilters(self) -> list:
        self.calls["list of filters"] += 1
        raise LibvirtError(OTHER)


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "libvirt", MODULE)
    monkeypatch.setattr(host, "read_devices", lambda *_none: Connection.latest.devices())
    monkeypatch.setattr(firewall, "read_firewall", lambda *_none: Connection.latest.firewall())
    monkeypatch.setattr(sysctls, "read_forwarding", lambda: {"ipv4": True, "ipv6": True})


def libvirt(connection: Any = None, uri: str = "qemu:///system") -> Libvirt:
    found = object.__new__(Libvirt)
    found.uri, found.version, found._connection, found._networks, found._domains = uri, (9, 0, 0), connection, {}, {}
    return found


def host_of(connection: Connection) -> Host:
    return Host(libvirt(connection))


# --- where it is


@pytest.mark.parametrize(("uri", "local"), [
    ("qemu:///system", True), ("qemu:///session", True), ("network:///system", True), ("lxc:///system", True),
    ("qemu+ssh://host/system", False), ("qemu+tls://host/system", False), ("qemu+ssh:///system", False),
    ("test:///default", False),
])
def test_a_uri_tells_whether_the_kernel_is_at_hand(uri: str, local: bool):
    assert libvirt(uri=uri).is_local is local


@pytest.mark.parametrize("uri", ["qemu+ssh://root@kvm/system", "qemu+ssh://kvm:22/system?keyfile=/k",
                                 "qemu+tls://192.0.2.1/system"])
def test_a_host_has_one_lock_however_its_uri_is_written(uri: str):
    there = SimpleNamespace(getHostname=lambda: "kvm.example")
    assert libvirt(there, uri).place == "qemu://kvm.example/system"


@pytest.mark.parametrize(("name", "local"), [(os.uname().nodename, True), ("another.example", False)])
def test_a_socket_may_lead_to_another_host(name: str, local: bool):
    there = SimpleNamespace(getHostname=lambda: name)
    assert libvirt(there, "qemu+unix:///system?socket=/run/x").is_local is local


@pytest.mark.parametrize("uri", ["qemu+ext:///system?command=/bin/x", "qemu+ssh://host/system?command=/bin/x",
                                 "qemu+ext://host/system"])
def test_a_uri_runs_no_program(uri: str):
    with pytest.raises(Invalid, match=r"^uri: .* runs a program on this host"):
        Libvirt(uri)


# --- how often it is asked

COUNTS = pytest.mark.parametrize("count", [1, 200])


@COUNTS
def test_a_host_without_changes_is_read_once_whatever_is_on_it(count: int):
    connection = Connection(**many_parts(count))
    wishes = [Network(options["name"], options, state="active") for options in map(numbered, range(count))]
    outcomes = converge(host_of(connection), wishes, False)
    assert [outcome.plan.steps for outcome in outcomes] == [[]] * count
    lists = {name: connection.calls.pop(name) for name in (
        "list of networks", "list of guests", "devices", "firewall")}
    assert lists == {"list of networks": 4, "list of guests": 5, "devices": 1, "firewall": 1}
    names, uuids = list(connection.parts["networks"][""]), list(connection.parts["domains"][""])
    assert connection.calls == {
        **{"network %s of %s" % (layer, name): 1 for name in names for layer in ("config", "live")},
        **{"ports of %s" % name: 1 for name in names},
        **{"domain %s of %s" % (layer, uuid): 1 for uuid in uuids for layer in ("config", "live")},
    }


@COUNTS
def test_for_one_network_no_other_is_read(count: int):
    connection = Connection(**many_parts(count))
    outcome, = converge(host_of(connection), [Network("net0000", numbered(0), state="active")], False)
    assert outcome.plan.steps == []
    about_networks = {call: times for call, times in connection.calls.items() if "net" in call}
    assert about_networks == {"list of networks": 4, "network config of net0000": 1, "network live of net0000": 1,
                              "ports of net0000": 1}


@COUNTS
def test_for_a_network_that_is_not_there_only_lists_are_read(count: int):
    connection = Connection(**many_parts(count))
    outcome, = converge(host_of(connection), [Network("new", {"name": "new"}, state="absent")], False)
    assert outcome.plan.steps == []
    assert connection.calls == {"list of networks": 4, "devices": 1}


def test_describing_all_reads_each_once():
    connection = Connection(**many_parts(20))
    seen = host_of(connection).look()
    for name in seen.network_names():
        assert describe_network(seen, name)["status"]["drift"] == []
    assert {name: times for name, times in connection.calls.items() if times > 1} == {
        "list of networks": 4, "list of guests": 5}


def test_an_empty_host_is_asked_for_one_list_of_each():
    connection = Connection()
    there = libvirt(connection)
    assert (there.networks(), there.domains()) == ({}, {})
    assert connection.calls == {"list of networks": 1, "list of guests": 1}


# --- what it answers


def test_lists_are_plain_data():
    given = many_parts(2)
    given["networks"]["net0001"] = dict(given["networks"]["net0001"], active=False, autostart=True)
    there = libvirt(Connection(**given))
    assert there.networks() == given["networks"] and there.domains() == given["domains"]


@pytest.mark.parametrize("listed", [False, True])
def test_documents_are_read_with_or_without_a_list(listed: bool):
    given = many_parts(1)
    uuid, = given["domains"]
    there = libvirt(Connection(**given))
    if listed:
        there.networks(), there.domains()
    for live, word in ((True, "live"), (False, "config")):
        assert there.network_xml("net0000", live) == given["network_%s" % word]["net0000"]
        assert there.domain_xml(uuid, live) == given["domain_%s" % word][uuid]
    assert there.ports("net0000") == given["ports"]["net0000"]
    assert [one.find("target").get("dev") for one in there.running_interfaces(uuid)] == ["vnet0"]


def test_what_is_gone_has_no_document():
    there = libvirt(Connection())
    assert [there.network_xml("gone", live) for live in (True, False)] == [None, None]
    assert [there.domain_xml("gone", live) for live in (True, False)] == [None, None]
    assert there.running_interfaces("gone") is None and there.ports("gone") == []


@pytest.mark.parametrize("code", [NO_NETWORK, INVALID, NO_SUPPORT])
def test_a_network_that_has_no_ports_for_a_reason_has_none(code: int):
    assert libvirt(Connection(code, **many_parts(1))).ports("net0000") == []


def test_a_driver_without_guests_has_none():
    assert libvirt(Connection(NO_SUPPORT)).domains() == {}


@pytest.mark.parametrize("ask", [
    lambda there: there.ports("net0000"), lambda there: there.domains(), lambda there: there.nwfilters(),
], ids=["ports", "guests", "filters"])
def test_what_libvirt_refuses_is_said_in_its_words(ask: Any):
    with pytest.raises(HypervisorError, match=r"^libvirt says 1$"):
        ask(libvirt(Connection(OTHER, **many_parts(1))))


@pytest.mark.parametrize(("said", "remedied"), [
    ("Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied", "; give become: true"),
    ("authentication unavailable: no polkit agent available to authenticate action", "; give become: true"),
    ("Failed to connect socket to '/run/none': No such file or directory", "; libvirt does not run there; role"
     " virtnet.libvirt.prerequisites installs and starts it"),
    ("unsupported URI scheme", ""),
])
def test_a_connection_that_fails_says_what_to_do(said: str, remedied: str):
    assert remedy(said) == remedied


def test_a_guest_says_its_state_where_that_is_unusual_and_that_it_is_saved():
    guests = {"1": {"name": "runs", "active": True, "persistent": True},
              "2": {"name": "waits", "active": True, "persistent": True, "state": "paused"},
              "3": {"name": "blocked", "active": True, "persistent": False, "state": "blocked"},
              "4": {"name": "kept", "active": False, "persistent": True, "saved": True}}
    found = libvirt(Connection(domains=guests)).domains()
    del guests["3"]["state"]  # which makes no difference to anybody
    assert found == guests


def test_an_interface_that_is_plugged_in_again_keeps_its_tags_and_its_isolation_all_the_time():
    given = []
    domain = SimpleNamespace(updateDeviceFlags=lambda text, flag: given.append(text))
    there = libvirt(SimpleNamespace(lookupByUUIDString=lambda uuid: domain))
    own = load_xml("<interface type='network'><source network='lab' portgroup='a'/></interface>")
    shown = load_xml("<interface type='bridge'><source network='lab' bridge='br0'/><vlan><tag id='5'/></vlan>"
                     "<port isolated='yes'/></interface>")
    there.plug_in_again("1", own, "br0", shown)
    plain, again = map(load_xml, given)
    assert plain.find("source").attrib == {"bridge": "br0"}
    assert plain.find("vlan/tag").get("id") == "5" and plain.find("port").get("isolated") == "yes"
    assert again.find("vlan") is None and again.find("source").get("network") == "lab"
