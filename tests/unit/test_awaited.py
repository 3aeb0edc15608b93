# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a guest's address."""

from __future__ import annotations

import pytest
from unit.fake_host import parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.awaited import READING
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.awaited import (
    NoAddress,
    wait,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid, Missing

UUID, ONE, TWO = "3e3fce45-4f53-4fa7-bb32-11f34168b82b", "52:54:00:00:00:01", "52:54:00:00:00:02"
CARD = "<interface type='network'><mac address='%s'/><source network='%s'/></interface>"
GUEST = "<domain><devices>%s%s</devices></domain>" % (CARD % (ONE, "lab"), CARD % (TWO, "lan"))
NETWORK = {"uuid": UUID, "active": False, "persistent": True, "autostart": False}
TOLD = {"lease": {ONE: ["10.0.0.9/24"]}, "agent": {ONE: ["fe80::1/64", "2001:db8::9/64", "nonsense/8"]},
        "arp": {TWO: ["192.0.2.7/0"]}}


def host(addresses: dict, active: bool = True, runs: str = "") -> Snapshot:
    """``runs`` is what the network lab has, where it is to run."""
    networks = ("lab", "lan", "other")
    lab = {"lab": dict(NETWORK, active=True)} if runs else {}
    return Snapshot.of_record(parts(
        networks={**dict.fromkeys(networks, NETWORK), **lab}, addresses={UUID: addresses},
        network_live=dict.fromkeys(lab, "<network><name>lab</name>%s</network>" % runs),
        ports={name: [] for name in lab},
        network_config={name: "<network><name>%s</name></network>" % name for name in networks},
        statistics={"%s %s" % (UUID, mac): None for mac in (ONE, TWO)},
        domains={UUID: {"name": "web", "active": active, "persistent": True}}, domain_config={UUID: GUEST},
        domain_live={UUID: GUEST if active else None}))


def waited(*snapshots: Snapshot, mac: str | None = None, **wanted: object) -> tuple:
    """What comes of looking at one after the other, a second apart, and how long that took."""
    seconds, left = [0.0], list(snapshots)
    found = wait(lambda: left.pop(0) if len(left) > 1 else left[0], "web", mac, wanted, lambda: seconds[0],
                 lambda pause: seconds.append(seconds.pop() + pause))
    return found["address"], found["source"], found["network"], seconds[0]


@pytest.mark.parametrize(("wanted", "found"), [
    ({}, ("10.0.0.9", "lease", "lab")),
    ({"family": "ipv6"}, ("2001:db8::9", "agent", "lab")),
    ({"network": "lan"}, ("192.0.2.7", "arp", "lan")),
    ({"sources": ["arp", "lease"]}, ("192.0.2.7", "arp", "lan")),
    ({"mac": TWO}, ("192.0.2.7", "arp", "lan")),
])
def test_the_address_that_is_asked_for(wanted, found):
    assert waited(host(TOLD), **wanted) == (*found, 0.0)


def test_a_lease_of_the_subnet_that_the_network_had_is_no_address():
    told = {"lease": {ONE: ["10.0.0.9/24", "10.1.0.9/24"]}}
    assert waited(host(told, runs="<ip address='10.1.0.1' prefix='24'/>")) == ("10.1.0.9", "lease", "lab", 0.0)
    with pytest.raises(NoAddress, match="lease: none"):
        waited(host(told, runs="<ip address='10.2.0.1' prefix='24'/>"), timeout=1)


def test_it_is_waited_for():
    none = host({"lease": {}})
    assert waited(none, none, none, host(TOLD)) == ("10.0.0.9", "lease", "lab", 2.0)


@pytest.mark.parametrize(("seen", "wanted", "words"), [
    (host({"lease": {}, "arp": {ONE: ["169.254.3.4/16"]}}), {"timeout": 5},
     "guest web has no address after 5 s; lease: none; agent: there is no answer, so it does not run in the guest; arp:"
     " 169.254.3.4 (52:54:00:00:00:01)"),
    (host(TOLD), {"family": "ipv4", "sources": ["agent"], "timeout": 2},
     "guest web has no IPv4 address after 2 s; agent: fe80::1 (52:54:00:00:00:01), 2001:db8::9 (52:54:00:00:00:01),"
     " nonsense (52:54:00:00:00:01)"),
    (host(TOLD), {"network": "other", "timeout": 1},
     "guest web has no address in network other after 1 s; its interfaces are in lab, lan"),
    (host({}, active=False), {"timeout": 1}, "guest web has no address after 1 s; it does not run"),
])
def test_the_error_says_what_was_seen(seen, wanted, words):
    with pytest.raises(NoAddress) as error:
        waited(seen, **wanted)
    assert str(error.value) == words


def test_a_network_that_is_not_there_is_not_waited_for():
    with pytest.raises(Missing, match="there is no network nope; there are lab, lan, other"):
        waited(host(TOLD), network="nope")


def test_an_empty_network_is_no_network():
    with pytest.raises(Invalid, match=r'^wait_for_address.network: "" is not allowed; give one line of text$'):
        READING.check({"wait_for_address": {"network": ""}})
