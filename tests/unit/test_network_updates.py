# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virNetworkUpdate: which entry libvirt takes a call for, and that no call is made that would hit another one.

Every plan here is carried out on libvirt's own matching; see ``network_update``.
"""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from unit import restoring
from unit.network_update import NetworkUpdate, Refused
from unit.networks import started_host

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.flags import (
    ADD_LAST,
    CONFIG,
    DELETE,
    LIVE,
    MODIFY,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.updates import (
    apply_updates,
    plan_updates,
    update_step,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import in_order

OLD, MIDDLE, NEW = (9, 0, 0), (10, 5, 0), (10, 7, 0)
ONE, TWO, THREE = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"


def carried_out(current: dict, calls: list, version: tuple) -> dict:
    libvirt = NetworkUpdate(current, version)
    for call in calls:
        libvirt.update(call.command, call.section.number, call.parent, call.element())
    return libvirt.options


def planned(current: dict, wanted: dict, version: tuple = OLD, busy: frozenset = frozenset()) -> list:
    """The titles of the calls; also carries them out."""
    current, wanted = NETWORK.check(current), NETWORK.check(wanted)
    before = copy.deepcopy(current)
    calls = plan_updates(current, wanted, version, busy)
    assert current == before
    result = carried_out(current, calls, version)
    assert said(in_order(NETWORK, result)) == said(in_order(NETWORK, apply_updates(current, calls)))
    return [call.title for call in calls]


def said(value):
    """A normal form without what is nothing."""
    if isinstance(value, dict):
        return {name: said(part) for name, part in value.items() if said(part) not in (None, {}, [])}
    return [said(part) for part in value] if isinstance(value, list) else value


def there_and_back(current: dict, wanted: dict, version: tuple = OLD) -> None:
    """Carries a plan out, and takes it back: by the calls that undo it in reverse, and as a failed task does."""
    calls = plan_updates(current, wanted, version)
    result = carried_out(current, calls, version)
    back = carried_out(result, [call.undone() for call in reversed(calls)], version)
    assert said(NETWORK.normal(back)) == said(NETWORK.normal(current))
    if calls:
        done = [update_step("lab", call, flag) for flag in (CONFIG, LIVE) for call in calls]
        restoring.there_and_back(started_host(current, version=version), done)


def takes_each_entry(options: dict) -> bool:
    """Whether libvirt would also add the entries one by one; a definition may have more that share something."""
    empty = copy.deepcopy(options)
    for ip in empty["ips"]:
        ip["dhcp"] = {}
    empty.update(dns={}, portgroups=[])
    calls = [call.undone() for call in plan_updates(options, empty, NEW)]
    try:
        libvirt = carried_out(empty, calls, NEW)
    except Refused:
        return False
    return said(NETWORK.normal(libvirt)) == said(NETWORK.normal(options))


def reaches(current: dict, wanted: dict, version: tuple = OLD) -> bool:
    """Whether the calls alone make the network as wanted."""
    after = apply_updates(current, plan_updates(current, wanted, version))
    return said(NETWORK.normal(after)) == said(NETWORK.normal(wanted))


def with_hosts(*hosts: dict, **options) -> dict:
    ip = {"address": "10.0.0.1", "prefix": 24, "dhcp": {"hosts": list(hosts)}}
    return dict({"name": "lab", "ips": [ip]}, **options)


def with_ranges(*ranges: dict) -> dict:
    return {"name": "lab", "ips": [{"address": "10.0.0.1", "prefix": 24, "dhcp": {
        "hosts": [{"name": "x", "ip": "10.0.0.99"}], "ranges": list(ranges)}}]}


def with_dns(**dns) -> dict:
    return {"name": "lab", "dns": dns}


def with_portgroups(*groups: dict) -> dict:
    return {"name": "lab", "portgroups": list(groups)}


def with_interfaces(mode: str, *names: str, **forward) -> dict:
    ips = [{"address": "10.0.0.1", "prefix": 24}] if mode in ("nat", "route") else []
    forward = dict(forward, mode=mode, interfaces=[{"dev": name} for name in names])
    return {name: value for name, value in {"name": "lab", "forward": forward, "ips": ips}.items() if value}


A = {"mac": ONE, "ip": "10.0.0.11", "name": "a"}
B = {"mac": TWO, "ip": "10.0.0.12", "name": "b"}
NAMED = {"name": "named", "ip": "10.0.0.13"}

# --- dhcp hosts


def test_a_host_is_added_updated_and_removed():
    assert planned(with_hosts(A), with_hosts(A, B)) == ["add dhcp host " + TWO]
    assert planned(with_hosts(A, B), with_hosts(B)) == ["remove dhcp host " + ONE]
    assert planned(with_hosts(A, B), with_hosts(A, dict(B, name="c"))) == ["update dhcp host " + TWO]


def test_nothing_is_done_when_only_the_spelling_or_order_differs():
    assert planned(with_hosts(A, B), with_hosts(B, dict(A, mac="52:54:0:0:0:1"))) == []


def test_a_removed_host_is_told_by_all_that_it_has():
    call, = plan_updates(with_hosts(NAMED, A), with_hosts(NAMED), OLD)
    assert dict(call.element().attrib) == {"mac": ONE, "name": "a", "ip": "10.0.0.11"}


def test_a_host_without_mac_is_not_taken_for_one_with_it():
    """libvirt ignores a given mac for entries that have none."""
    twin = {"mac": ONE, "ip": NAMED["ip"]}
    current = with_hosts(NAMED, twin)
    assert planned(current, with_hosts(NAMED)) == []
    assert not reaches(current, with_hosts(NAMED))


def test_a_change_that_would_hit_another_host_by_ip_is_a_removal_and_an_addition():
    assert planned(with_hosts(A, B), with_hosts(dict(A, ip="10.0.0.12"), dict(B, ip="10.0.0.11"))) == [
        "remove dhcp host " + ONE, "remove dhcp host " + TWO, "add dhcp host " + ONE, "add dhcp host " + TWO]


def test_a_change_that_would_hit_another_host_by_name_is_a_removal_and_an_addition():
    assert planned(with_hosts(A, B), with_hosts(dict(A, name="b"), dict(B, name="c"))) == [
        "remove dhcp host " + ONE, "update dhcp host " + TWO, "add dhcp host " + ONE]


def test_a_host_that_loses_its_name_is_updated():
    assert planned(with_hosts(A, B), with_hosts({"mac": ONE, "ip": A["ip"]}, B)) == ["update dhcp host " + ONE]


def test_a_host_whose_mac_changes_is_removed_and_added():
    assert planned(with_hosts(A), with_hosts(dict(A, mac=THREE))) == [
        "remove dhcp host " + ONE, "add dhcp host " + THREE]


def test_hosts_that_share_an_ip_are_left_to_a_redefinition():
    both = with_hosts(A, dict(B, ip=A["ip"]))
    assert planned(with_hosts(A), both) == []
    assert not reaches(with_hosts(A), both)


def test_a_lease_of_a_host_is_changed_in_place():
    assert planned(with_hosts(A), with_hosts(dict(A, lease={"expiry": 5}))) == ["update dhcp host " + ONE]


def test_ipv6_hosts_are_told_by_name_and_ip_for_libvirt_does_not_compare_the_id():
    ip = {"family": "ipv6", "address": "fd00::1", "prefix": 64}
    one, two = {"id": "0:1", "ip": "fd00::11"}, {"id": "0:2", "ip": "fd00::12", "name": "two"}

    def served(*hosts: dict) -> dict:
        return {"name": "lab", "ips": [dict(ip, dhcp={"hosts": list(hosts)})]}

    assert planned(served(one, two), served(two)) == ["remove dhcp host 0:1"]
    call, = plan_updates(served(one, two), served(two), OLD)
    assert dict(call.element().attrib) == {"ip": "fd00::11"}
    assert planned(served(one), served(dict(one, ip="fd00::13"))) == ["remove dhcp host 0:1", "add dhcp host 0:1"]
    assert planned(served(one), served(dict(one, id="0:3"))) == ["remove dhcp host 0:1", "add dhcp host 0:3"]
    assert planned(served(one), served(dict(one, name="one"))) == ["update dhcp host 0:1"]


# --- which address


def test_the_parent_is_the_index_over_the_addresses_of_both_families():
    def served(four: list, six: list) -> dict:
        return {"name": "lab", "ips": [
            {"address": "10.9.0.1", "prefix": 24},
            {"family": "ipv6", "address": "fd00::1", "prefix": 64, "dhcp": {"hosts": six}},
            {"address": "10.0.0.1", "prefix": 24, "dhcp": {"hosts": four}},
        ]}

    six = {"name": "six", "ip": "fd00::6"}
    calls = plan_updates(served([A], [six]), served([A, B], []), OLD)
    assert [(call.title, call.parent) for call in calls] == [
        ("remove dhcp host six", 1), ("add dhcp host " + TWO, 2)]
    planned(served([A], [six]), served([A, B], []))


def test_addresses_are_found_wherever_they_are_in_the_wanted_list():
    first, second = {"address": "10.1.0.1", "prefix": 24}, {"address": "10.2.0.1", "prefix": 24}
    dhcp = {"hosts": [dict(A, ip="10.2.0.5")]}
    moved = {"address": "10.2.0.1", "netmask": "255.255.255.0", "dhcp": dhcp}
    calls = plan_updates({"name": "lab", "ips": [first, second]}, {"name": "lab", "ips": [moved, first]}, OLD)
    assert [call.parent for call in calls] == [1]


def test_an_address_that_changes_itself_is_left_to_a_restart():
    wanted = with_hosts(A, B)
    wanted["ips"][0]["prefix"] = 25
    assert plan_updates(with_hosts(A), wanted, OLD) == []


def test_dhcp_that_would_be_served_on_a_second_address_of_a_family_moves():
    first, second = {"address": "10.1.0.1", "prefix": 24}, {"address": "10.2.0.1", "prefix": 24}
    before = {"name": "lab", "ips": [dict(first, dhcp={"hosts": [dict(A, ip="10.1.0.5")]}), second]}
    after = {"name": "lab", "ips": [first, dict(second, dhcp={"hosts": [dict(A, ip="10.2.0.5")]})]}
    assert planned(before, after) == ["remove dhcp host " + ONE, "add dhcp host " + ONE]


def test_what_is_not_an_entry_of_dhcp_is_left_to_a_restart():
    before, after = with_hosts(A), with_hosts(A, B)
    after["ips"][0]["dhcp"]["bootp"] = {"file": "pxe.0"}
    assert plan_updates(before, after, OLD) == []


# --- dhcp ranges

RANGE = {"start": "10.0.0.20", "end": "10.0.0.29"}


def test_ranges_are_added_and_removed():
    other = {"start": "10.0.0.40", "end": "10.0.0.49"}
    assert planned(with_ranges(RANGE), with_ranges(other)) == [
        "remove dhcp range 10.0.0.20", "add dhcp range 10.0.0.40"]


def test_a_range_with_another_lease_or_end_is_removed_first_for_it_cannot_be_updated():
    expected = ["remove dhcp range 10.0.0.20", "add dhcp range 10.0.0.20"]
    assert planned(with_ranges(RANGE), with_ranges(dict(RANGE, lease={"expiry": 9}))) == expected
    assert planned(with_ranges(RANGE), with_ranges(dict(RANGE, end="10.0.0.30"))) == expected


def test_ranges_that_differ_only_in_their_lease_are_left_to_a_redefinition():
    twice = with_ranges(RANGE, dict(RANGE, lease={"expiry": 9}))
    assert planned(with_ranges(RANGE), twice) == []
    assert planned(twice, with_ranges(RANGE)) == []


# --- forward interfaces


def test_the_interface_of_nat_is_removed_before_the_new_one_is_added():
    for mode in ("nat", "route"):
        assert planned(with_interfaces(mode, "eth0"), with_interfaces(mode, "eth1")) == [
            "remove forward interface eth0", "add forward interface eth1"]


def test_the_device_of_forward_is_its_first_interface():
    nat = with_interfaces("nat")
    assert planned(dict(nat, forward={"mode": "nat", "dev": "eth0"}), with_interfaces("nat", "eth0")) == []
    assert planned(dict(nat, forward={"mode": "nat", "dev": "eth0"}), dict(nat, forward={"mode": "nat"})) == [
        "remove forward interface eth0"]


def test_a_pool_gets_and_loses_devices():
    assert planned(with_interfaces("bridge", "eth0", "eth1"), with_interfaces("bridge", "eth1", "eth2")) == [
        "remove forward interface eth0", "add forward interface eth2"]


def test_a_device_that_guests_are_on_is_not_removed():
    before, after = with_interfaces("bridge", "eth0", "eth1"), with_interfaces("bridge", "eth1", "eth2")
    assert planned(before, after, busy=frozenset(["eth0"])) == []
    assert planned(before, after, busy=frozenset(["eth1"])) != []


def test_another_forward_mode_is_left_to_a_restart():
    assert planned(with_interfaces("bridge", "eth0"), with_interfaces("private", "eth1")) == []


# --- portgroups


def test_portgroups_are_added_updated_and_removed():
    a, b, c = {"name": "a"}, {"name": "b"}, {"name": "c"}
    assert planned(with_portgroups(a, b), with_portgroups(dict(b, trust_guest_rx_filters=True), c)) == [
        "remove portgroup a", "update portgroup b", "add portgroup c"]


def test_the_default_portgroup_is_taken_from_one_before_the_other_gets_it():
    a, b = {"name": "a"}, {"name": "b"}
    assert planned(with_portgroups(dict(a, default=True), b), with_portgroups(a, dict(b, default=True))) == [
        "update portgroup a", "update portgroup b"]
    assert planned(with_portgroups(a, dict(b, default=True)), with_portgroups(dict(a, default=True), b)) == [
        "update portgroup b", "update portgroup a"]
    assert planned(with_portgroups(dict(a, default=True)), with_portgroups(a, dict(b, default=True))) == [
        "update portgroup a", "add portgroup b"]
    assert planned(with_portgroups(dict(a, default=True)), with_portgroups(dict(b, default=True))) == [
        "remove portgroup a", "add portgroup b"]


# --- dns

DNS_A, DNS_B = {"ip": "10.0.0.1", "hostnames": ["a"]}, {"ip": "10.0.0.2", "hostnames": ["b", "bb"]}


@pytest.mark.parametrize(("version", "expected"), [
    (OLD, ["remove dns host 10.0.0.1", "add dns host 10.0.0.1"]),
    (MIDDLE, ["remove dns host 10.0.0.1", "add dns host 10.0.0.1"]),
    (NEW, ["update dns host 10.0.0.1"]),
])
def test_dns_hosts_are_updated_where_libvirt_can(version: tuple, expected: list):
    changed = dict(DNS_A, hostnames=["a", "aa"])
    assert planned(with_dns(hosts=[DNS_A, DNS_B]), with_dns(hosts=[changed, DNS_B]), version) == expected


@pytest.mark.parametrize(("version", "expected"), [
    (OLD, ["remove dns txt a", "add dns txt a"]), (MIDDLE, ["remove dns txt a", "add dns txt a"]),
    (NEW, ["update dns txt a"]),
])
def test_dns_texts_are_updated_where_libvirt_can(version: tuple, expected: list):
    before, after = ({"name": "a", "value": "1"}, {"name": "b", "value": "1"}), {"name": "a", "value": "2"}
    assert planned(with_dns(txts=list(before)), with_dns(txts=[after, before[1]]), version) == expected


def test_a_dns_host_is_removed_by_its_address_alone_for_others_may_share_a_name():
    shared = with_dns(hosts=[DNS_A, dict(DNS_B, hostnames=["a", "b"])])
    call, = plan_updates(shared, with_dns(hosts=[DNS_A]), OLD)
    assert dict(call.element().attrib) == {"ip": "10.0.0.2"} and len(call.element()) == 0


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_name_gets_a_second_address(version: tuple):
    both = with_dns(hosts=[DNS_A, {"ip": "fd00::1", "hostnames": ["a"]}])
    assert planned(with_dns(hosts=[DNS_A]), both, version) == ["add dns host fd00::1"]


def test_a_name_loses_its_second_address():
    both = with_dns(hosts=[DNS_A, {"ip": "fd00::1", "hostnames": ["a"]}])
    assert planned(both, with_dns(hosts=[DNS_A])) == ["remove dns host fd00::1"]
    there_and_back(both, with_dns(hosts=[DNS_A]))


def test_two_texts_of_one_name_are_left_to_a_redefinition():
    two = with_dns(txts=[{"name": "a", "value": "1"}, {"name": "a", "value": "2"}])
    for version in (OLD, NEW):
        assert planned(with_dns(txts=[{"name": "a", "value": "1"}]), two, version) == []
        assert planned(two, with_dns(txts=[{"name": "a", "value": "1"}]), version) == []


SRV = {"service": "sip", "protocol": "tcp", "domain": "example", "target": "host", "port": 5060}


def test_a_service_with_another_port_is_removed_first_for_the_port_is_not_compared():
    assert planned(with_dns(srvs=[SRV]), with_dns(srvs=[dict(SRV, port=5061)])) == [
        "remove dns srv sip", "add dns srv sip"]


def test_two_services_that_differ_in_the_port_are_left_to_a_redefinition():
    assert planned(with_dns(srvs=[SRV]), with_dns(srvs=[SRV, dict(SRV, port=5061)])) == []


def test_a_service_without_domain_or_target_would_match_any():
    bare = {"service": "sip", "protocol": "tcp"}
    assert planned(with_dns(srvs=[SRV]), with_dns(srvs=[SRV, bare])) == []
    assert planned(with_dns(srvs=[SRV, bare]), with_dns(srvs=[SRV])) == []
    assert planned(with_dns(srvs=[bare]), with_dns(srvs=[bare, SRV])) == ["add dns srv sip"]
    assert planned(with_dns(srvs=[bare]), with_dns(srvs=[SRV])) == ["remove dns srv sip", "add dns srv sip"]


def test_records_are_left_to_a_restart_where_dns_is_off():
    off = {"name": "lab", "dns": {"enable": False}}
    assert planned(off, with_dns(hosts=[DNS_A])) == []
    assert planned(with_dns(hosts=[DNS_A]), off) == []


# --- all together


def test_one_list_that_libvirt_would_not_take_does_not_hold_up_the_others():
    before = dict(with_hosts(A), **with_portgroups({"name": "a"}))
    after = dict(with_hosts(A, dict(B, ip=A["ip"])), **with_portgroups({"name": "a"}, {"name": "b"}))
    assert planned(before, after) == ["add portgroup b"]


MACS, NAMES = st.sampled_from([ONE, TWO, THREE]), st.sampled_from("abc")
LAST = st.integers(11, 13)


def entries(strategy: st.SearchStrategy, most: int = 4) -> st.SearchStrategy:
    return st.lists(strategy, max_size=most, unique_by=str)


HOSTS4 = entries(st.fixed_dictionaries(
    {"ip": LAST.map(lambda last: "10.0.0.%d" % last)},
    optional={"mac": MACS, "name": NAMES, "lease": st.just({"expiry": 5})}).filter(
        lambda host: "mac" in host or "name" in host))
HOSTS6 = entries(st.fixed_dictionaries(
    {"ip": LAST.map(lambda last: "fd00::%d" % last)},
    optional={"id": st.sampled_from(["0:1", "0:2"]), "name": NAMES}).filter(
        lambda host: "id" in host or "name" in host))
RANGES = entries(st.fixed_dictionaries(
    {"start": st.sampled_from(["10.0.0.20", "10.0.0.30"]), "end": st.sampled_from(["10.0.0.39", "10.0.0.49"])},
    optional={"lease": st.just({"expiry": 7})}))
DNS = st.fixed_dictionaries({}, optional={
    "hosts": entries(st.fixed_dictionaries({
        "ip": LAST.map(lambda last: "10.8.0.%d" % last),
        "hostnames": st.lists(NAMES, min_size=1, max_size=2, unique=True)})),
    "txts": entries(st.fixed_dictionaries({"name": NAMES, "value": NAMES})),
    "srvs": entries(st.fixed_dictionaries(
        {"service": st.just("sip"), "protocol": st.sampled_from(["tcp", "udp"])},
        optional={"domain": NAMES, "target": NAMES}).flatmap(lambda srv: st.sampled_from(
            [srv, dict(srv, port=5)]) if "target" in srv else st.just(srv))),
})
PORTGROUPS = st.lists(
    st.fixed_dictionaries({"name": NAMES},
                          optional={"default": st.booleans(), "trust_guest_rx_filters": st.booleans()}),
    max_size=3, unique_by=lambda group: group["name"])


@st.composite
def networks(draw: st.DrawFn) -> dict:
    """Networks that libvirt defines, with entries that are easily taken for each other."""
    six = {"family": "ipv6", "address": "fd00::1", "prefix": 64, "dhcp": {"hosts": draw(HOSTS6)}}
    four = {"address": "10.0.0.1", "prefix": 24, "dhcp": {"hosts": draw(HOSTS4), "ranges": draw(RANGES)}}
    options = {
        "name": "lab", "ips": draw(st.permutations([six, four])), "dns": draw(DNS), "portgroups": draw(PORTGROUPS),
        "forward": {"mode": "nat", "interfaces": draw(st.sampled_from([[], [{"dev": "e0"}], [{"dev": "e1"}]]))},
    }
    assume(sum(bool(group.get("default")) for group in options["portgroups"]) < 2)
    return options


@given(networks(), networks(), st.sampled_from([OLD, MIDDLE, NEW]))
@settings(max_examples=250)
def test_any_plan_does_on_libvirt_just_what_it_says(current: dict, wanted: dict, version: tuple):
    planned(current, wanted, version)


@given(networks(), networks(), st.sampled_from([OLD, MIDDLE, NEW]))
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_any_plan_can_be_undone(current: dict, wanted: dict, version: tuple):
    assume(takes_each_entry(current))
    there_and_back(current, wanted, version)


@pytest.mark.parametrize(("current", "wanted"), [
    (with_hosts(A, dict(B, ip=A["ip"])), with_hosts(A)),
    (with_hosts(A, dict(B, ip=A["ip"])), with_hosts()),
    (with_hosts(A, dict(B, name="a")), with_hosts(B)),
])
def test_an_entry_that_libvirt_would_not_add_again_is_not_removed_alone(current: dict, wanted: dict):
    there_and_back(current, wanted)


@pytest.mark.parametrize(("current", "wanted"), [
    (with_hosts(A, B), with_hosts(dict(A, ip="10.0.0.12"), dict(B, ip="10.0.0.11"))),
    (with_interfaces("nat", "eth0"), with_interfaces("nat", "eth1")),
    (with_portgroups({"name": "a", "default": True}), with_portgroups({"name": "a"}, {"name": "b", "default": True})),
    (with_ranges(RANGE), with_ranges(dict(RANGE, lease={"expiry": 9}))),
])
def test_a_plan_in_several_steps_can_be_undone(current: dict, wanted: dict):
    there_and_back(current, wanted)


@given(networks(), networks(), st.sampled_from([OLD, MIDDLE, NEW]))
@settings(max_examples=100)
def test_a_plan_leaves_nothing_that_a_second_one_would_do(current: dict, wanted: dict, version: tuple):
    after = apply_updates(current, plan_updates(current, wanted, version))
    assert apply_updates(after, plan_updates(after, wanted, version)) == after


@given(networks(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_same_network_in_another_order_needs_no_call(network: dict, random):
    shuffled = copy.deepcopy(network)
    for entries_ in [shuffled["portgroups"], shuffled["dns"].get("hosts", []), shuffled["ips"]]:
        random.shuffle(entries_)
    assert plan_updates(network, shuffled, OLD) == []


@pytest.mark.parametrize("command", [ADD_LAST, MODIFY, DELETE])
def test_the_undo_of_an_undo_is_the_call_itself(command: int):
    calls = plan_updates(with_hosts(A, B), with_hosts(dict(A, name="z"), {"mac": THREE, "ip": "10.0.0.14"}), OLD)
    call = next(call for call in calls if call.command == command)
    assert call.undone().undone() == call
