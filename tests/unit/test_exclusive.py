# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an exclusive list takes from a host, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest
from unit.fake_host import UUID, device, parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import plan_each
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import Topology

OTHER = UUID[:-1] + "c"
CARD = "52:54:00:00:00:0%d"
PORT = "<networkport><uuid>%s</uuid><mac address='%s'/><plug type='network' bridge='virbr1'/></networkport>" % (
    OTHER, CARD % 9)
NETWORK = "<network><name>%s</name><uuid>%s%d</uuid><bridge name='virbr%d'/></network>"
FILTER = "<filter name='%s' chain='root'><uuid>%s</uuid>%s</filter>"
BINDING = "<filterbinding><owner><name>%s</name><uuid>%s</uuid></owner><portdev name='%s'/>" + (
    "<mac address='52:54:00:00:00:01'/><filterref filter='%s'/></filterbinding>")


def card(network: str = "", bridge: str = "", filter_: str = "", number: int = 1) -> str:
    kind, source = ("network", "network='%s'" % network) if network else ("bridge", "bridge='%s'" % bridge)
    return "<interface type='%s'><mac address='%s'/><source %s/><target dev='vnet%d'/>%s</interface>" % (
        kind, CARD % number, source, number, "<filterref filter='%s'/>" % filter_ if filter_ else "")


def host(config: str = "", live: str | None = None, saved: str | None = None, filters: tuple[tuple[str, str], ...] = (),
         bindings: dict[str, str] | None = None, **more: Any) -> Snapshot:
    """Networks one and two that run, these filters, and guest web."""
    names = {"one": 1, "two": 2}
    documents = {name: NETWORK % (name, UUID[:-1], number, number) for name, number in names.items()}
    domain = "<domain><devices>%s</devices></domain>"
    whole = {
        "networks": {name: {"uuid": UUID[:-1] + str(number), "active": True, "persistent": True, "autostart": False}
                     for name, number in names.items()},
        "network_config": documents, "network_live": documents, "ports": {"one": [], "two": []},
        "nwfilters": {name: {"uuid": UUID, "xml": FILTER % (name, UUID, inner)} for name, inner in filters},
        "bindings": bindings or {},
        "domains": {UUID: {"name": "web", "active": live is not None, "persistent": True, "saved": saved is not None}},
        "domain_config": {UUID: domain % config}, "domain_live": {UUID: None if live is None else domain % live},
        "domain_saved": {UUID: domain % saved if saved is not None else None},
        "devices": {"virbr%d" % number: device(kind="bridge") for number in names.values()}, **more}
    return Snapshot.of_record(parts(**whole))


ALL = ["nwfilters", "networks", "network_ports", "nwfilter_bindings", "interfaces"]
ON_ONE, INCLUDED = card("one"), "<filterref filter='%s'/>"
RUNS = {"config": ON_ONE, "live": ON_ONE}
BRIDGED = {"config": card(bridge="virbr1"), "live": card(bridge="virbr1")}
STATED = {"domain": "web", "mac": {"address": CARD % 1}, "type": "network", "source": {"network": "one"}}
CHAIN = (("a", ""), ("b", INCLUDED % "a"))

# by what it is about: the host, the document, and what goes (or the words of a refusal)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    "nothing uses them": ({}, {}, ["network one", "network two"]),
    "lists that are not exclusive": ({"filters": CHAIN}, {"exclusive": ["nwfilters"]}, ["nwfilter a", "nwfilter b"]),
    "no list at all": ({}, {"exclusive": []}, []),
    "listed": ({}, {"networks": [{"name": "one"}]}, ["network two"]),
    "listed as absent": ({}, {"networks": [{"name": "one", "state": "absent"}]}, ["network two"]),
    "listed as XML": ({}, {"networks": [{"xml": "<network><name>one</name></network>"}]}, ["network two"]),
    "a pattern": ({}, {"keep": ["o*"]}, ["network two"]),
    "a pattern with letters": ({}, {"keep": ["[ot]*"]}, []),
    "a pattern is not a part": ({}, {"keep": ["on"]}, ["network one", "network two"]),
    "a running guest": (RUNS, {}, "network one is in no list, and running guests use it: web"),
    "a running guest, asked for": (RUNS, {"remove_used": True}, ["network one", "network two"]),
    "a running guest, kept": (RUNS, {"keep": ["one"]}, ["network two"]),
    "a guest that does not run": ({"config": ON_ONE}, {}, ["network two"]),
    "a guest that does not run, asked for": ({"config": ON_ONE}, {"remove_used": True}, ["network two"]),
    "a guest that is saved": ({"saved": ON_ONE}, {}, ["network two"]),
    "a running guest on its bridge": (BRIDGED, {}, "network one is in no list, and running guests use it: web"),
    "a container on its bridge": ({"devices": {"veth7": device(kind="veth", master="virbr1")}}, {}, ["network two"]),
    "a port without a guest": ({"ports": {"one": [PORT], "two": []}}, {"exclusive": ["networks"]}, ["network two"]),
    "a port without a guest goes too": ({"ports": {"one": [PORT], "two": []}}, {}, [
        "network_port one", "network one", "network two"]),
    "a port that is kept": ({"ports": {"one": [PORT], "two": []}}, {"keep": ["52:54:*"]}, ["network two"]),
    "a port that is stated": (
        {}, {"network_ports": [{"network": "one", "mac": {"address": CARD % 9}}]}, ["network two"]),
    "an interface that is stated": ({"config": ON_ONE}, {"interfaces": [STATED]}, ["network two"]),
    "an interface that is stated anew": ({}, {"interfaces": [STATED]}, ["network two"]),
    "an interface that moves": ({"config": card("two")}, {"interfaces": [STATED]}, ["network two"]),
    "interfaces of guests in no list": ({"config": ON_ONE}, {"exclusive": ["interfaces"]}, []),
    "another interface of the guest": (
        {"config": ON_ONE + card("two", number=2)}, {"interfaces": [STATED]}, [
            "interface 52:54:00:00:00:02 of guest web", "network two"]),
    "filters of libvirt": (
        {"filters": (("clean-traffic", ""), ("no-mac-spoofing", ""))}, {"keep": ["one", "two"]}, []),
    "a filter that one of libvirt's has": (
        {"filters": (("clean-traffic", INCLUDED % "a"), ("a", ""))}, {"keep": ["one", "two"]}, []),
    "a filter that a kept one has": ({"filters": CHAIN}, {"keep": ["one", "two", "b"]}, []),
    "a filter that a listed one has": (
        {"filters": CHAIN}, {"keep": ["one", "two"], "nwfilters": [{"name": "b"}]}, []),
    "filters in a row": ({"filters": CHAIN}, {"keep": ["one", "two"]}, ["nwfilter a", "nwfilter b"]),
    "a filter of a guest that does not run": (
        {"filters": CHAIN, "config": card("one", filter_="b")}, {"keep": ["two"]}, []),
    "a filter of a running guest": (
        {"filters": CHAIN, "config": card("one", filter_="b"), "live": card("one", filter_="b"),
         "bindings": {"vnet1": BINDING % ("web", UUID, "vnet1", "b")}},
        {"exclusive": ["nwfilters"]}, "nwfilter b is in no list, and running guests use it: web"),
    "a filter of a running guest, asked for": (
        {"filters": CHAIN, "config": card("one", filter_="b"), "live": card("one", filter_="b"),
         "bindings": {"vnet1": BINDING % ("web", UUID, "vnet1", "b")}},
        {"exclusive": ["nwfilters"], "remove_used": True}, ["nwfilter a", "nwfilter b"]),
    "a filter of a guest that is saved": (
        {"filters": CHAIN, "saved": card("one", filter_="b")}, {"keep": ["two"]}, []),
    "a filter of a binding": (
        {"filters": CHAIN, "bindings": {"veth1": BINDING % ("c", OTHER, "veth1", "b")}},
        {"exclusive": ["nwfilters"]}, []),
    "a filter of a binding that goes": (
        {"filters": CHAIN, "bindings": {"veth1": BINDING % ("c", OTHER, "veth1", "b")}},
        {"keep": ["one", "two"]}, ["nwfilter_binding veth1", "nwfilter a", "nwfilter b"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_goes(case: str):
    there, document, expected = CASES[case]
    told: list[str] = []
    wanted = dict({"exclusive": ALL}, **document)
    if "devices" in there:
        there = dict(there, devices={**there["devices"], **{"virbr%d" % one: device(kind="bridge") for one in (1, 2)}})
    read = Topology(wanted, True, told.append)
    assert read.errors == []
    seen = host(**there)
    wishes = read.more(seen)
    gone = ["%s %s" % (one.kind, one.name) for one in wishes]
    assert plan_each(seen.fork(), wishes, True, read.place)[1] == []
    if isinstance(expected, str):
        assert [expected in str(error) for error in read.errors] == [True]
    else:
        assert (sorted(gone), read.errors) == (sorted(expected), []), told


def test_what_stays_for_its_user_is_told_and_what_goes_is_not():
    told: list[str] = []
    Topology({"exclusive": ALL}, True, told.append).more(host(config=ON_ONE))
    assert told == ["network one is in no list and stays, for it is used by guest web"]


# by what it is about: the host, the document, and what goes beside what is refused
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "an item that cannot be read is listed": (
        RUNS, {"networks": [{"name": "one", "mtu": {"size": "big"}}]}, ["network two"]),
    "an item that needs what goes": (
        {}, {"networks": [{"name": "one", "state": "absent"}], "interfaces": [STATED]}, ["network two"]),
    "it may need what is there": (
        {}, {"interfaces": [dict(STATED, mtu={"size": "big"})]}, ["network two"]),
    "as XML too": (
        {"filters": CHAIN}, {"nwfilters": [{"xml": "<filter name='c'><filterref filter='b'/>"}], "keep": ["one"]},
        ["network two"]),
    "its other interfaces are not known": (
        {"config": card("two", number=2)}, {"interfaces": [dict(STATED, mtu={"size": "big"})]}, []),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_goes_beside_items_that_are_refused(case: str):
    there, document, expected = REFUSED[case]
    wished = Topology(dict({"exclusive": ALL}, **document), True, print)
    gone = ["%s %s" % (one.kind, one.name) for one in wished.more(host(**there))]
    assert gone == expected and "exclusive" not in str([str(error) for error in wished.errors])
