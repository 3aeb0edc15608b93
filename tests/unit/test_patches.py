# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wishes for a part of an object: by themselves, and folded into the wish for all of it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from unit.fake_host import FakeHost, device, parts
from unit.fake_host import traffic as tc_limits
from unit.planning import plan_all

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ConvergeError,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.order import fold
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.aspect.resource import (
    Aspect,
    stated_aspect,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.lists import (
    DHCP_HOSTS,
    DNS_HOSTS,
    DNS_SRVS,
    DNS_TXTS,
    stated,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.resource import NetworkEntries
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.resource import (
    NetworkPort,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import (
    Entry,
    Invalid,
    Missing,
    Path,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

MAC, OTHER, PORT = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"
UUID = "2d5ab9ed-ff9d-4b0e-b2fa-c2ba41ff2d11"
ONE, TWO = {"mac": MAC, "ip": "10.5.0.11", "name": "one"}, {"mac": OTHER, "ip": "10.5.0.12", "name": "two"}
IPS = [{"address": "10.5.0.1", "prefix": 24}]


def lab(**options: Any) -> dict:
    return dict({"name": "lab", "bridge": {"name": "lab0", "stp": False}, "ips": IPS}, **options)


def with_hosts(*hosts: dict) -> list[dict]:
    return [dict(IPS[0], dhcp={"hosts": list(hosts)})]


def layers(config: dict | None, live: dict | None = None, **more: Any) -> dict:
    """The parts of a host with the network lab."""
    document, running = (dump_xml(NETWORK.render(options)) if options else None for options in (config, live))
    networks = {"lab": {"uuid": UUID, "active": bool(live), "persistent": True, "autostart": False}} if config else {}
    return dict({"networks": networks, "network_config": {"lab": document}, "network_live": {"lab": running},
                 "ports": {"lab": []}}, **more)


def host(config: dict | None, live: dict | None = None, **more: Any) -> Snapshot:
    return Snapshot.of_record(parts(**layers(config, live, **more)))


def dhcp(*hosts: dict, state: str = "present") -> NetworkEntries:
    return NetworkEntries("dhcp_host", "lab", [stated(DHCP_HOSTS, list(hosts), state == "absent")], state)


def dns(kind: Any, *items: dict, state: str = "present") -> NetworkEntries:
    return NetworkEntries("dns_record", "lab", [stated(kind, list(items), state == "absent")], state)


def qos(rates: dict, **target: str) -> Aspect:
    return Aspect("qos", "bandwidth", target or {"network": "lab"}, rates)


def vlan(number: int, **target: str) -> Aspect:
    return Aspect("vlan", "vlan", target or {"network": "lab"}, {"tags": [{"id": number}]} if number else {})


def folded(owner: Any, *patches: Any) -> Any:
    groups = list(fold([owner, *patches]).values())
    assert len(groups) == 1
    return groups[0][0]


def planned(seen: Snapshot, *wishes: Any) -> list[Any]:
    return [outcome.plan for outcome in plan_all(seen.fork(), [wish for wish, _members in fold(list(wishes)).values()])]


def titles(seen: Snapshot, *wishes: Any) -> list[str]:
    return [step.title for plan in planned(seen, *wishes) for step in plan.steps]


def refusal(seen: Snapshot, *wishes: Any) -> str:
    with pytest.raises(Invalid) as refused:
        planned(seen, *wishes)
    return str(refused.value)


# --- what they are


@pytest.mark.parametrize(("patch", "key", "owner"), [
    (dhcp(ONE), ("dhcp_host", "lab", MAC), ("network", "lab")),
    (dhcp({"mac": "52-54-00-0-0-1"}, TWO, state="absent"), ("dhcp_host", "lab", MAC, OTHER), ("network", "lab")),
    (dhcp({"ip": "10.5.0.11"}, state="absent"), ("dhcp_host", "lab", "10.5.0.11"), ("network", "lab")),
    (dns(DNS_TXTS, {"name": "a", "value": "b"}), ("dns_record", "lab", "txts a"), ("network", "lab")),
    (dns(DNS_SRVS, {"service": "sip", "protocol": "udp"}, state="absent"), ("dns_record", "lab", "srvs sip udp"),
     ("network", "lab")),
    (qos({}), ("qos", "network", "lab"), ("network", "lab")),
    (vlan(5), ("vlan", "network", "lab"), ("network", "lab")),
    (qos({}, network="lab", portgroup="a"), ("qos", "portgroup", "lab", "a", "bandwidth"), ("network", "lab")),
    (qos({}, network="lab", port=MAC), ("qos", "network_port", "lab", MAC), ("network_port", "lab", MAC)),
    (qos({}, network="lab", port=UUID.upper()), ("qos", "network_port", "lab", UUID), ("network_port", "lab", UUID)),
    (qos({}, domain="web", mac=MAC), ("qos", "interface", "web", MAC), ("interface", "web", MAC)),
])
def test_a_patch_has_a_key_and_needs_its_owner(patch: Any, key: tuple, owner: tuple):
    assert (patch.key, patch.owner) == (key, owner)
    assert owner in patch.needs(None)
    assert patch.absent == (getattr(patch, "state", None) == "absent" or patch.kind == "qos")


def test_a_port_is_named_by_its_uuid_else_by_its_mac():
    assert NetworkPort("lab", {"mac": {"address": "52:54:0:0:0:1"}}).key == ("network_port", "lab", MAC)
    assert NetworkPort("lab", {"mac": {"address": MAC}, "uuid": UUID}).key == ("network_port", "lab", UUID)
    assert NetworkPort("lab", {"mac": {"address": MAC}}).needs(None) == [("network", "lab")]


# --- what is not there


@pytest.mark.parametrize("patch", [
    dhcp(ONE), dhcp(ONE, state="absent"), dns(DNS_HOSTS, {"ip": "10.5.0.9", "hostnames": ["x"]}), qos({}), vlan(1),
    qos({}, network="lab", portgroup="a"), qos({}, network="lab", port=MAC),
    NetworkPort("lab", {"mac": {"address": MAC}}), NetworkPort("lab", {"mac": {"address": MAC}}, state="absent"),
])
def test_a_network_that_is_not_there_is_found_missing(patch: Any):
    seen = host(None)
    found = patch.look(seen)
    with pytest.raises(Missing) as missing:
        patch.plan(found)
    assert str(missing.value) == "network: there is no network lab; there are none"


@pytest.mark.parametrize(("patch", "message"), [
    (qos({}, network="lab", portgroup="a"), "portgroup: network lab has no portgroup a; it has b, c"),
    (qos({}, network="lab", port=MAC), "port: network lab has no port " + MAC),
    (qos({}, domain="web", mac=MAC), "domain: there is no guest web; there are none"),
])
def test_a_part_that_is_not_there_is_found_missing(patch: Any, message: str):
    network = lab(portgroups=[{"name": "b"}, {"name": "c"}])
    found = patch.look(host(network, network))
    with pytest.raises(Missing) as missing:
        patch.plan(found)
    assert str(missing.value) == message


# --- folding


PATCHES = [
    dhcp(TWO), dhcp({"mac": MAC}, state="absent"), dns(DNS_TXTS, {"name": "a", "value": "b"}),
    qos({"inbound": {"average": 5}}), qos({"outbound": {"average": 6}}, network="lab", portgroup="web"),
]


@pytest.mark.parametrize("states_portgroups", [True, False])
def test_folding_is_the_same_in_any_order(states_portgroups: bool):
    network = lab(ips=with_hosts(ONE), portgroups=[{"name": "web"}])
    stated_options = {"name": "lab", **({"portgroups": [{"name": "web"}]} if states_portgroups else {})}
    seen = host(network, network)
    plans = []
    for patches in itertools.permutations(PATCHES):
        plan, = planned(seen, Network("lab", stated_options, repair=False), *patches)
        plans.append(([step.title for step in plan.steps], plan.after))
    assert all(plan == plans[0] for plan in plans)
    assert plans[0][1]["bandwidth"] == {"inbound": {"average": 5}}
    assert plans[0][1]["ips"] == with_hosts(TWO)
    assert plans[0][1]["portgroups"] == [{"name": "web", "bandwidth": {"outbound": {"average": 6}}}]


def test_entries_are_put_beside_those_that_the_network_states():
    wish = Network("lab", lab(ips=with_hosts(ONE)), state="active")
    plan, = planned(host(None), wish, dhcp(TWO))
    assert plan.after["ips"] == with_hosts(ONE, TWO)
    assert wish.options["ips"] == with_hosts(ONE)


def test_entries_that_are_there_are_no_change():
    network = lab(ips=with_hosts(ONE, TWO), dns={"txts": [{"name": "a", "value": "b"}]})
    for options in ({"name": "lab"}, lab(ips=with_hosts(ONE))):
        assert titles(host(network, network), Network("lab", options, repair=False), dhcp(TWO), dhcp(ONE),
                      dns(DNS_TXTS, {"name": "a", "value": "b"})) == []


def test_entries_of_others_stay_where_the_network_states_no_list():
    network = lab(ips=with_hosts(ONE))
    assert titles(host(network, network), Network("lab", {"name": "lab"}, repair=False), dhcp(TWO)) == [
        "add dhcp host %s (configuration of network lab)" % OTHER, "add dhcp host %s (running network lab)" % OTHER]


@pytest.mark.parametrize("rest", [
    {}, {"forward_plain_names": False}, {"hosts": [{"ip": "10.5.0.9", "hostnames": ["x"]}]},
])
def test_the_last_record_of_a_list_is_removed(rest: dict):
    network = lab(dns=dict({"txts": [{"name": "a", "value": "b"}]}, **rest))
    plan, = planned(host(network, network), Network("lab", {"name": "lab"}, repair=False),
                    dns(DNS_TXTS, {"name": "a"}, state="absent"))
    assert {drift.layer for drift in plan.drift} == {"config", "live"} and plan.steps
    assert plan.after.get("dns", {}) == rest
    alone, = planned(host(network, network), dns(DNS_TXTS, {"name": "a"}, state="absent"))
    assert {drift.layer for drift in alone.drift} == {"config", "live"} and alone.steps


def test_rates_that_only_one_of_them_states_are_put_together():
    wish = folded(Network("lab", lab(bandwidth={"inbound": {"average": 5}})),
                  qos({"inbound": {"average": 5, "peak": 9}, "outbound": {}}))
    assert wish.options["bandwidth"] == {"inbound": {"average": 5, "peak": 9}, "outbound": {}}


def test_an_aspect_of_a_port_or_an_interface_is_one_of_its_options():
    port = NetworkPort("lab", {"mac": {"address": PORT}, "group": "a"})
    assert folded(port, qos({"inbound": {"average": 5}}, network="lab", port=PORT)).options == {
        "mac": {"address": PORT}, "group": "a", "bandwidth": {"inbound": {"average": 5}}}
    card = Interface("web", {"mac": {"address": PORT}, "source": {"network": "lab"}})
    assert folded(card, vlan(7, domain="web", mac=PORT)).options["vlan"] == {"tags": [{"id": 7}]}
    assert "vlan" not in card.options


def test_a_portgroup_that_only_the_configuration_has_is_changed_there():
    assert titles(host(lab(portgroups=[{"name": "web"}]), lab()), Network("lab", {"name": "lab"}, repair=False),
                  qos({"inbound": {"average": 5}}, network="lab", portgroup="web")) == [
        "update portgroup web (configuration of network lab)"]


def test_a_new_network_and_all_its_parts_are_one_plan():
    plans = planned(host(None), Network("lab", lab(portgroups=[{"name": "web"}]), state="active"), dhcp(ONE), dhcp(TWO),
                    qos({"inbound": {"average": 5}}, network="lab", portgroup="web"),
                    NetworkPort("lab", {"mac": {"address": PORT}, "group": "web"}),
                    qos({"inbound": {"average": 6}}, network="lab", port=PORT))
    assert [[step.title for step in plan.steps] for plan in plans] == [
        ["define network lab", "start network lab"], ["create port %s of network lab" % PORT]]
    assert plans[0].after["ips"] == with_hosts(ONE, TWO)
    assert plans[1].after["bandwidth"] == {"inbound": {"average": 6}}


# --- contradictions


WEB = lab(ips=with_hosts(ONE), portgroups=[{"name": "web", "bandwidth": {"inbound": {"average": 1}}}],
          bandwidth={"inbound": {"average": 2}}, dns={"txts": [{"name": "a", "value": "b"}]})


@pytest.mark.parametrize(("patch", "message"), [
    (dhcp(dict(ONE, name="other")), 'hosts[0]: is {"mac": "52:54:00:00:00:01", "name": "other", "ip": "10.5.0.11"} to'
     ' dhcp_host lab, and {"mac": "52:54:00:00:00:01", "ip": "10.5.0.11", "name": "one"} to network lab; let one of'
     ' them say it'),
    (dhcp(TWO, {"ip": ONE["ip"], "mac": MAC}, state="absent"), 'hosts[1]: is nothing to dhcp_host lab, and {'),
    (dns(DNS_TXTS, {"name": "a", "value": "c"}), 'txts[0]: is {"name": "a", "value": "c"} to dns_record lab, and {'),
    (qos({"inbound": {"average": 3}}), "inbound.average: is 3 to qos network lab, and 2 to network lab; let one"),
    (qos({}), 'bandwidth: is nothing to qos network lab, and {"inbound": {"average": 2}} to network lab; let one'),
    (qos({"inbound": {"average": 3}}, network="lab", portgroup="web"),
     "inbound.average: is 3 to qos network lab, portgroup web, and 1 to network lab; let one"),
    (qos({}, network="lab", portgroup="none"), "portgroup: network lab has no portgroup none; it has web (qos network"),
])
def test_a_patch_that_contradicts_its_owner_is_refused_with_both_named(patch: Any, message: str):
    with pytest.raises(Invalid) as refused:
        patch.fold(Network("lab", WEB))
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("patch", [
    dhcp(ONE), dhcp(dict(ONE, mac=MAC.upper())), dhcp(TWO, state="absent"), qos({"inbound": {"average": 2}}),
    qos({"inbound": {"average": 1}}, network="lab", portgroup="web"), dns(DNS_TXTS, {"name": "a", "value": "b"}),
    vlan(0, network="lab", portgroup="web"),
])
def test_a_patch_that_says_the_same_folds(patch: Any):
    wish = folded(Network("lab", WEB), patch)
    assert titles(host(WEB, WEB), replace(wish, repair=False)) == []


@pytest.mark.parametrize("patch", [
    dhcp(ONE), qos({"inbound": {"average": 1}}), vlan(4, network="lab", portgroup="web"),
])
def test_no_part_of_what_goes_is_made(patch: Any):
    with pytest.raises(Invalid) as refused:
        patch.fold(Network("lab", {"name": "lab"}, state="absent"))
    assert str(refused.value) == "state: network lab is to be absent, and %s %s is to change it" % (
        patch.kind, patch.name)


@pytest.mark.parametrize("patch", [dhcp(ONE, state="absent"), qos({}), vlan(0, network="lab", portgroup="web")])
def test_parts_go_with_the_whole(patch: Any):
    network = Network("lab", {"name": "lab"}, state="absent")
    assert patch.fold(network) == network


@pytest.mark.parametrize(("setting", "patch", "owner"), [
    ("restart", Aspect("qos", "bandwidth", {"network": "lab"}, {}, restart="always"), Network("lab", {"name": "lab"})),
    ("layers", Aspect("qos", "bandwidth", {"domain": "web", "mac": MAC}, {}, layers=["live"]),
     Interface("web", {"mac": {"address": MAC}}, layers=["config"])),
])
def test_settings_are_the_owners(setting: str, patch: Aspect, owner: Any):
    with pytest.raises(Invalid, match=r"^%s: is .* to qos .*, and .* to " % setting):
        patch.fold(owner)
    assert patch.fold(replace(owner, **{setting: getattr(patch, setting)}))


@pytest.mark.parametrize(("one", "two"), [
    (dhcp(ONE), dhcp(TWO, dict(ONE, name="other"))),
    (dhcp(ONE, TWO), dhcp({"name": "two"}, state="absent")),
    (dns(DNS_HOSTS, {"ip": "10.5.0.9", "hostnames": ["x"]}),
     dns(DNS_HOSTS, {"ip": "10.5.0.9", "hostnames": ["x", "y"]}, state="absent")),
    (dns(DNS_TXTS, {"name": "x", "value": "1"}),
     dns(DNS_TXTS, {"name": "x", "value": "2"}, {"name": "y", "value": "2"})),
])
def test_patches_that_contradict_each_other_are_refused(one: Any, two: Any):
    for patches in ((one, two), (two, one)):
        with pytest.raises(Invalid, match=r"^(hosts|txts)\[\d\]: is .* to (\w+) lab, and .* to \2 lab .*; let one of"):
            folded(Network("lab", lab()), *patches)


def test_names_of_one_address_may_have_several_owners():
    names = [dns(DNS_HOSTS, {"ip": "10.5.0.9", "hostnames": [name]}) for name in ("b", "a")]
    plan, = planned(host(None), Network("lab", lab(dns={"hosts": [{"ip": "10.5.0.9", "hostnames": ["c"]}]})), *names)
    assert plan.after["dns"]["hosts"] == [{"ip": "10.5.0.9", "hostnames": ["c", "a", "b"]}]


def test_patches_that_say_the_same_fold():
    plan, = planned(host(None), Network("lab", lab()), dhcp(ONE), dhcp(TWO, ONE))
    assert plan.after["ips"] == with_hosts(ONE, TWO)


@pytest.mark.parametrize(("names", "state", "left"), [
    (["A"], "absent", ["b"]), (["A", "B"], "absent", []), (["A", "c"], "present", ["a", "b", "c"])])
def test_names_of_dns_have_no_case(names: list, state: str, left: list):
    seen = host(lab(dns={"hosts": [{"ip": "10.5.0.9", "hostnames": ["a", "b"]}]}))
    item = {"ip": "10.5.0.9", "hostnames": names}
    plan, = planned(seen, dns(DNS_HOSTS, item, state=state))
    assert plan.after["hosts"] == ([{"ip": "10.5.0.9", "hostnames": left}] if left else [])


def test_what_is_wrong_with_a_patch_names_it():
    assert refusal(host(None), Network("lab", lab()), dhcp(dict(ONE, ip="10.9.0.1"))) == (
        "hosts[0].ip: 10.9.0.1 is in no subnet of the network; it has 10.5.0.0/24 (dhcp_host lab)")
    assert refusal(host(lab(), lab()), Network("lab", {"name": "lab"}), qos({}, network="lab", portgroup="a")) == (
        "portgroup: network lab has no portgroup a; it has none (qos network lab, portgroup a)")


# --- by themselves


def test_those_that_take_away_make_room_for_those_that_add():
    network = lab(ips=with_hosts(ONE))
    taken, given = dhcp({"mac": MAC}, state="absent"), dhcp(dict(TWO, ip=ONE["ip"]))
    for wishes in ((taken, given), (given, taken)):
        assert titles(host(network), *wishes) == [
            "remove dhcp host %s (configuration of network lab)" % MAC,
            "add dhcp host %s (configuration of network lab)" % OTHER]


@pytest.mark.parametrize(("patch", "message"), [
    (dhcp(TWO, {"mac": PORT, "name": "one", "ip": "10.5.0.14"}),
     "hosts[1].name: one is already that of %s; replace: true takes it from there" % MAC),
    (dhcp(TWO, {"mac": OTHER, "ip": "10.5.0.14"}),
     "hosts[1].mac: %s is in hosts[0] too; each client, address and name is reserved once" % OTHER),
    (dhcp({"mac": PORT, "name": "ONE", "ip": "10.5.0.14"}),
     "hosts[0].name: ONE is in ips[0].dhcp.hosts[0] already; each client, address and name is reserved once"),
    (dhcp(TWO, {"id": "0:1", "ip": "10.5.0.14"}),
     "hosts[1]: give mac or name"),
    (dns(DNS_HOSTS, {"ip": "10.5.0.9", "hostnames": ["a"]}, {"ip": "10.5.0.8", "hostnames": ["b", "*.x"]}),
     "hosts[1].hostnames: *.x would be that very name, for records have no wildcards; for all names of a domain give"
     " dnsmasq_options: [\"address=/x/10.5.0.8\"]"),
    (dns(DNS_TXTS, {"name": "*.x", "value": "a"}),
     "txts[0].name: *.x would be that very name, for records have no wildcards"),
])
def test_what_is_wrong_with_an_entry_is_said_of_where_the_task_has_it(patch: NetworkEntries, message: str):
    there = {"hosts": [{"ip": "10.5.0.8", "hostnames": ["a"]}], "txts": [{"name": "t", "value": "1"}]}
    assert refusal(host(lab(ips=with_hosts(ONE), dns=there)), patch) == message


def test_a_duid_is_a_number_in_any_spelling():
    six = [{"address": "fd00:5::1", "prefix": 64, "family": "ipv6",
            "dhcp": {"hosts": [{"id": "0:1:A", "ip": "fd00:5::9"}]}}]
    network = lab(ips=six)
    assert titles(host(network, network), dhcp({"id": "00:01:0a", "ip": "fd00:5:0::9"})) == []


def test_each_is_planned_on_what_those_before_it_made():
    network = lab(portgroups=[{"name": "web"}])
    seen = host(network, network)
    assert refusal(seen, dhcp(ONE), dhcp(dict(TWO, ip=ONE["ip"]))) == (
        "hosts[0].ip: 10.5.0.11 is already that of %s; replace: true takes it from there (dhcp_host lab)" % MAC)
    limit = qos({"inbound": {"average": 5}}, network="lab", portgroup="web")
    assert len(titles(seen, dhcp(ONE), dhcp(TWO), limit)) == 6
    assert seen.get("network_config", "lab") == dump_xml(NETWORK.render(network))


def test_an_aspects_paths_are_those_of_its_module():
    network = lab(portgroups=[{"name": "web"}])
    seen = host(network, network)
    assert refusal(seen, vlan(3)).startswith("vlan: libvirt 9.0.0 takes VLAN tags only")
    assert refusal(seen, vlan(3, network="lab", portgroup="web")).startswith("vlan: libvirt 9.0.0 takes")
    assert refusal(seen, qos({"inbound": {"floor": 3}})) == "inbound.floor: libvirt does not take a floor in this place"
    assert refusal(seen, qos({"inbound": {"peak": 3}}, network="lab", portgroup="web")).endswith(
        "inbound.peak: needs average beside it")


def test_the_rest_of_a_path():
    path = Path("portgroups", Entry("web"), "vlan", "tags", 1)
    assert (str(path.after(2)), str(path.after(5)), str(path.after(0))) == ("vlan.tags[1]", str(path), str(path))


@pytest.mark.parametrize(("params", "message"), [
    ({"state": "absent", "inbound": {"average": 1}}, "inbound: cannot be given with state: absent"),
    ({"state": "present"}, "inbound or outbound: is missing"),
    ({"state": "absent", "port": MAC}, "network: give network; network and portgroup;"),
])
def test_an_aspect_is_stated_or_taken_away(params: dict, message: str):
    from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.aspects import QOS, TARGETS

    empty = dict.fromkeys((*TARGETS, "restart", "layers", "inbound", "outbound"))
    with pytest.raises(Invalid) as refused:
        stated_aspect("qos", QOS, {**empty, **params})
    assert str(refused.value).startswith(message)


# --- ports


def port(uuid: str = UUID, mac: str = MAC, owner: str = "a", inside: str = "") -> str:
    return ("<networkport><uuid>%s</uuid><owner><name>%s</name><uuid>%s</uuid></owner><mac address='%s'/>%s"
            "<plug type='network' bridge='lab0'/></networkport>" % (uuid, owner, UUID, mac, inside))


def test_a_port_is_found_by_what_the_task_names():
    seen = host(lab(), lab(), ports={"lab": [port(), port(uuid=UUID.replace("2d", "3d"), owner="b"), port(
        uuid=UUID.replace("2d", "4d"), mac=OTHER)]})
    by_owner = {"mac": {"address": MAC}, "owner": {"name": "b", "uuid": UUID}}
    assert NetworkPort("lab", by_owner).look(seen).current["uuid"] == UUID.replace("2d", "3d")
    assert NetworkPort("lab", {"uuid": UUID.upper()}).look(seen).current["uuid"] == UUID
    assert NetworkPort("lab", {"mac": {"address": PORT}}).look(seen).port is None
    assert refusal(seen, NetworkPort("lab", {"mac": {"address": MAC}})) == (
        "uuid: is missing; network lab has 2 ports with MAC address %s" % MAC)


def test_a_network_that_does_not_run_has_no_ports():
    wish = NetworkPort("lab", {"mac": {"address": MAC}})
    assert refusal(host(lab()), wish) == "network: network lab is not active; only an active network has ports"
    assert titles(host(lab()), replace(wish, state="absent")) == []
    assert titles(host(lab()), Network("lab", {"name": "lab"}, state="active"), wish) == [
        "start network lab", "create port %s of network lab" % MAC]


def test_what_is_promised_of_a_port_is_what_is_planned_on():
    seen = host(lab(bandwidth={"inbound": {"average": 100}}), lab(bandwidth={"inbound": {"average": 100}}))
    first, second = (NetworkPort("lab", {"mac": {"address": mac}, "bandwidth": {"inbound": {"floor": floor}}})
                     for mac, floor in ((MAC, 60), (OTHER, 50)))
    assert refusal(seen, first, second) == (
        "bandwidth.inbound.floor: 50 is too much; network lab has an inbound average of 100 kB/s, of which 60 are"
        " guaranteed to others (network_port lab)")
    rates = qos({"outbound": {"average": 3}}, network="lab", port=PORT)
    assert titles(seen, NetworkPort("lab", {"mac": {"address": PORT}, "uuid": UUID}), rates) == [
        "create port %s of network lab" % PORT, "remove port %s of network lab" % PORT,
        "create port %s of network lab" % PORT]


def test_a_port_goes_before_its_network():
    seen = host(lab(), lab(), ports={"lab": [port()]})
    wishes = [Network("lab", {"name": "lab"}, state="absent"), NetworkPort("lab", {"uuid": UUID}, state="absent")]
    assert titles(seen, *wishes) == [
        "remove port %s of network lab" % MAC, "stop network lab", "remove network lab"]
    assert titles(host(None), *wishes) == []


def test_steps_of_a_port_are_done_and_undone():
    there = lab(portgroups=[{"name": "web"}])
    fake = FakeHost(**layers(there, there, ports={"lab": [port()]}))
    converge(fake, [NetworkPort("lab", {"mac": {"address": MAC}, "group": "web"})], check_mode=False)
    assert [(call[0], call[1]) for call in fake.calls] == [("delete_port", "lab"), ("create_port", "lab")]
    assert "<group>web</group>" in fake.parts["ports"]["lab"][0]
    broken = FakeHost(breaks=("create_port",), **layers(there, there, ports={"lab": [port()]}))
    with pytest.raises(ConvergeError, match="All is as it was; put back: tell network lab of its port %s again" % UUID):
        converge(broken, [NetworkPort("lab", {"mac": {"address": MAC}, "group": "web"})], check_mode=False)
    assert [call[0] for call in broken.calls] == ["delete_port", "reclaim_port"]
    assert UUID in broken.parts["ports"]["lab"][0]
    assert refusal(host(there, there), NetworkPort("lab", {"mac": {"address": PORT}, "group": "nope"})) == (
        "group: network lab has no portgroup nope; it has web")


@pytest.mark.parametrize(("source", "default", "own", "waits"), [
    ("network='lab'", True, "", True), ("network='lab'", False, "", False),
    ("network='lab' portgroup='web'", False, "", True), ("network='lab' portgroup='other'", True, "", False),
    ("network='lab' portgroup='web'", False, "<bandwidth><inbound average='9'/></bandwidth>", False),
])
def test_guests_that_have_what_a_portgroup_says_wait(source: str, default: bool, own: str, waits: bool):
    network = lab(portgroups=[{"name": "web", "default": default}, {"name": "other"}])
    guest = ("<domain><devices><interface type='network'><mac address='%s'/><source %s/>%s</interface></devices>"
             "</domain>" % (MAC, source, own))
    seen = host(network, network, domains={UUID: {"name": "one", "active": True, "persistent": True}},
                domain_config={UUID: guest}, domain_live={UUID: guest},
                ports={"lab": ["<networkport><uuid>%s</uuid></networkport>" % PORT]})
    plan, = planned(seen, qos({"inbound": {"average": 5}}, network="lab", portgroup="web"))
    assert plan.steps
    assert bool(plan.waiting) == waits and all(drift in plan.drift for drift in plan.waiting)
    assert any("waits until one (%s) is shut down" % MAC in warning for warning in plan.warnings) == waits


@pytest.mark.parametrize(("source", "own", "stated", "waits"), [
    ("network='lab' portgroup='web'", "", {"vlan": {"tags": [{"id": 20}]}}, ["vlan"]),
    ("network='lab' portgroup='web'", "", {"bandwidth": {"inbound": {"average": 5}}}, ["vlan", "bandwidth"]),
    ("network='lab' portgroup='web'", "", {"vlan": {"tags": [{"id": 10}]}}, []),
    ("network='lab' portgroup='other'", "", {"vlan": {"tags": [{"id": 20}]}}, ["vlan"]),  # which has no tags
    ("network='lab'", "", {"vlan": {"tags": [{"id": 20}]}}, []),
    ("network='lab' portgroup='web'", "<vlan><tag id='10'/></vlan>", {"vlan": {"tags": [{"id": 20}]}}, []),
])
def test_guests_that_have_other_than_a_network_says_of_their_portgroup_wait(
        source: str, own: str, stated: dict, waits: list[str]):
    network = lab(forward={"mode": "bridge"}, bridge={"name": "ovsbr0"}, virtualport={"type": "openvswitch"},
                  ips=None, portgroups=[{"name": "web", "vlan": {"tags": [{"id": 10}]}}, {"name": "other"}])
    guest = ("<domain><devices><interface type='network'><mac address='%s'/><source %s/>%s</interface></devices>"
             "</domain>" % (MAC, source, "%s"))
    seen = host(network, network, domains={UUID: {"name": "one", "active": True, "persistent": True}},
                domain_config={UUID: guest % own}, domain_live={UUID: guest % "<vlan><tag id='10'/></vlan>"},
                ports={"lab": ["<networkport><uuid>%s</uuid></networkport>" % PORT]})
    wish = Network("lab", {"name": "lab", "portgroups": [dict(stated, name="web"), {"name": "other"}]})
    plan, = planned(seen, wish)
    assert [one.why.split(" of portgroup")[0] for one in plan.restarts] == waits
    assert plan.waiting == plan.follows and all(drift in plan.drift for drift in plan.waiting)
    assert planned(seen, Network("lab", {"name": "lab"}))[0].waiting == []


@pytest.mark.parametrize("used", [True, False])
def test_a_portgroup_of_devices_that_guests_are_on_waits_for_a_restart(used: bool):
    network = {"name": "lab", "forward": {"mode": "passthrough", "interfaces": [{"dev": "eth0"}]},
               "portgroups": [{"name": "web", "vlan": {"tags": [{"id": 4}]}}]}
    ports = ["<networkport><uuid>%s</uuid></networkport>" % PORT] if used else []
    seen = host(network, network, ports={"lab": ports})
    plan, = planned(seen, vlan(5, network="lab", portgroup="web"))
    assert len(plan.steps) == (1 if used else 2)
    assert {drift.layer for drift in plan.waiting} == ({"live"} if used else set())
    assert any("waits until network lab is restarted" in warning for warning in plan.warnings) == used


@pytest.mark.parametrize(("kind", "elsewhere"), [
    ("openvswitch", "a bridge of the host in a network (forward.mode: bridge)"), ("802.1Qbh", "a macvtap device")])
def test_a_port_with_a_virtualport_that_does_not_connect_is_refused(kind: str, elsewhere: str):
    wish = NetworkPort("lab", {"mac": {"address": PORT}, "virtualport": {"type": kind}})
    assert refusal(host(lab(), lab()), wish) == (
        "virtualport.type: %s is not taken by a bridge that libvirt makes, which takes none; no guest would be"
        " connected; %s takes it" % (kind, elsewhere))


GUEST = ("<domain><devices><interface type='%s'><mac address='%s'/><source network='lab' portid='%s' bridge='lab0'/>"
         "<target dev='vnet0'/></interface></devices></domain>")


def guests_port(traffic: dict | None, config: str | None = None) -> Snapshot:
    """A running guest on lab, whose port has an average, and what tc limits of its device."""
    running = GUEST % ("bridge", MAC, UUID)
    return host(lab(), lab(), domains={UUID: {"name": "one", "active": True, "persistent": True}},
                domain_config={UUID: running if config is None else config}, domain_live={UUID: running},
                ports={"lab": [port(owner="one", inside="<bandwidth><inbound average='5'/></bandwidth>")]},
                devices={"lab0": device(kind="bridge"), "vnet0": device(kind="tun", master="lab0")},
                traffic={"vnet0": traffic} if traffic else {})


@pytest.mark.parametrize(("limits", "drifts"), [({}, True), ({"inbound.average": 5}, False)])
def test_limits_that_the_device_of_a_port_has_lost_are_put_back(limits: dict, drifts: bool):
    plan, = planned(guests_port(tc_limits(limits)), NetworkPort("lab", {"uuid": UUID, "bandwidth": {
        "inbound": {"average": 5}}}))
    assert {drift.layer for drift in plan.drift} == ({"kernel"} if drifts else set())
    assert bool(plan.steps) == drifts


def test_an_aspect_is_not_added_where_the_interface_is_not():
    wish = qos({"inbound": {"average": 7}}, domain="one", mac=MAC)
    seen = guests_port(tc_limits({}), config="<domain><devices/></domain>")
    assert titles(seen, wish) == ["change bandwidth.inbound.average of the running interface %s of guest one" % MAC]


@pytest.mark.parametrize(("mac", "layers", "where"), [
    (OTHER, None, ""), (OTHER, ["live"], " in layer live"), (MAC, ["live", "config"], " in layer config"),
])
def test_an_aspect_of_an_interface_that_is_not_there_is_refused(mac: str, layers: list[str] | None, where: str):
    seen = guests_port(tc_limits({}), config="<domain><devices/></domain>")
    wish = Aspect("qos", "bandwidth", {"domain": "one", "mac": mac}, {"inbound": {"average": 7}}, layers=layers)
    assert refusal(seen, wish) == "mac: guest one has no interface with MAC %s%s; there are %s" % (mac, where, MAC)


@pytest.mark.parametrize(("options", "taken"), [
    ({"forward": {"mode": "bridge"}, "bridge": {"name": "br0"}, "virtualport": {"type": "openvswitch"}}, True),
    ({"bridge": {"name": "lab0"}}, False),
])
def test_tags_of_a_port_are_for_switches_that_take_them(options: dict, taken: bool):
    network = dict({"name": "lab"}, **options)
    seen, wish = host(network, network), NetworkPort("lab", {"mac": {"address": PORT}, "vlan": {"tags": [{"id": 4}]}})
    if taken:
        assert titles(seen, wish) == ["create port %s of network lab" % PORT]
    else:
        assert refusal(seen, wish).startswith("vlan: ")
