# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twice as many entries of a network, ports or patches take twice as long to plan."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from unit.fake_host import parts
from unit.planning import plan_all
from unit.test_linear import TWICE, growth

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.order import fold
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries import lists
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.lists import (
    DHCP_HOSTS,
    DNS_HOSTS,
    stated,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.resource import NetworkEntries
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network import listed, updates
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.listed import normal_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.resource import (
    NetworkPort,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml


def hosts(count: int, name: str = "h") -> list[Options]:
    return [{"mac": "52:54:00:00:%02x:%02x" % divmod(one, 256), "ip": "10.1.%d.%d" % (one // 200, one % 200 + 10),
             "name": "%s%d" % (name, one)} for one in range(count)]


def lab(reservations: list[Options]) -> Options:
    return {"name": "lab", "bridge": {"name": "lab0", "stp": False}, "ips": [
        {"address": "10.1.0.1", "prefix": 16, **({"dhcp": {"hosts": reservations}} if reservations else {})}]}


def host(options: Options | None, **more: Any) -> Snapshot:
    """A host with that network, running, and its bridge."""
    text = options and dump_xml(NETWORK.render(options))
    networks = {"lab": {"uuid": "0", "active": True, "persistent": True, "autostart": False}} if options else {}
    return Snapshot.of_record(parts(networks=networks, network_config={"lab": text}, network_live={"lab": text},
                                    **{"ports": {"lab": []}, **more}))


def planning(seen: Snapshot, wishes: list[Any], steps: int) -> Callable[[], None]:
    def plan() -> None:
        whole = [wish for wish, _members in fold(wishes).values()]
        assert sum(len(outcome.plan.steps) for outcome in plan_all(seen.fork(), whole)) == steps

    return plan


def network_with_new_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab([])), [Network("lab", lab(hosts(count)), repair=False)], changes(count))


def network_with_changed_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab(hosts(count))), [Network("lab", lab(hosts(count, "g")), repair=False)], changes(count))


def network_without_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab(hosts(count))), [Network("lab", lab([]), repair=False)], count + 1)


def network_with_the_same_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab(hosts(count))), [Network("lab", lab(hosts(count)), repair=False)], 0)


def changes(count: int) -> int:
    """A step for each in the running network; many are one new definition of the configuration."""
    return count + (count if count <= 8 else 1)


def entries(items: list[Options], state: str = "present") -> NetworkEntries:
    return NetworkEntries("dhcp_host", "lab", [stated(DHCP_HOSTS, items, state == "absent")], state)


def new_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab([])), [entries(hosts(count))], 2 * count)


def changed_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab(hosts(count))), [entries(hosts(count, "g"))], 2 * count)


def removed_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab(hosts(count))), [entries([{"mac": one["mac"]} for one in hosts(count)], "absent")],
                    2 * count)


def the_same_hosts(count: int) -> Callable[[], None]:
    return planning(host(lab(hosts(count))), [entries(hosts(count))], 0)


def new_records(count: int) -> Callable[[], None]:
    records = [{"ip": one["ip"], "hostnames": [one["name"], "shared"]} for one in hosts(count)]
    return planning(host(lab([])), [NetworkEntries("dns_record", "lab", [stated(DNS_HOSTS, records, False)])],
                    2 * count)


def patches_of_a_new_network(count: int) -> Callable[[], None]:
    return planning(host(None), [Network("lab", lab([]), state="active"), *(entries([one]) for one in hosts(count))], 2)


def ports(count: int) -> list[Options]:
    return [{"mac": {"address": one["mac"]}} for one in hosts(count)]


def new_ports_of_a_new_network(count: int) -> Callable[[], None]:
    return planning(host(None), [Network("lab", lab([]), state="active"),
                                 *(NetworkPort("lab", one) for one in ports(count))], count + 2)


@pytest.mark.parametrize("case", [
    network_with_new_hosts, network_with_changed_hosts, network_without_hosts, network_with_the_same_hosts, new_hosts,
    changed_hosts, removed_hosts, the_same_hosts, new_records, patches_of_a_new_network, new_ports_of_a_new_network,
], ids=lambda case: case.__name__.replace("_", " "))
def test_twice_as_many_take_twice_as_long(case: Callable[[int], Callable[[], None]]):
    assert growth(case) < TWICE


class Counted(str):
    """A text that counts how often it is compared with others."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def comparisons(do: Callable[[], Any]) -> int:
    Counted.compared = 0
    do()
    return Counted.compared


def counted(table: Any, item: Options) -> Options:
    return {name: Counted(value) for name, value in normal_of(table, item).items()}


@pytest.mark.parametrize("case", [
    network_with_new_hosts, network_with_changed_hosts, network_without_hosts, new_hosts, changed_hosts, removed_hosts,
], ids=lambda case: case.__name__.replace("_", " "))
def test_twice_as_many_entries_are_compared_twice_as_often(monkeypatch: Any, case: Callable[[int], Callable[[], None]]):
    """Lists that are searched from end to end call no function."""
    for module in (listed, lists, updates):
        monkeypatch.setattr(module, "normal_of", counted)
    few, many = (comparisons(case(count)) for count in (100, 200))
    assert few > 0 and many < few * TWICE
