# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network table holds every element and attribute of libvirt's network documents, with its version.

The list is stated here, not taken from the table. Each line is an element, the version it came with, and its
attributes; "-" stands for what libvirt's documentation does not tell.
"""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Field, Group, Many, Markup

KNOWN = """
network - @connections=0.10.0 @ipv6=1.0.1 @trustGuestRxFilters=1.2.10
network/name 0.3.0
network/title 9.7.0
network/description 9.7.0
network/metadata 2.1.0
network/metadata/* 2.1.0
network/uuid 0.3.0
network/bridge 0.3.0 @name=0.3.0 @zone=5.1.0 @stp=0.3.0 @delay=0.3.0 @macTableManager=1.2.11
network/mtu 3.1.0 @size=3.1.0
network/mac 0.8.8 @address=0.8.8
network/forward 0.3.0 @dev=0.3.0 @mode=0.4.2 @managed=0.10.0
network/forward/interface 0.9.4 @dev=0.9.4 @connections=0.10.0
network/forward/address 0.10.0 @type=0.10.0 @domain=0.10.0 @bus=0.10.0 @slot=0.10.0 @function=0.10.0
    @multifunction=0.10.0 @connections=0.10.0
network/forward/pf 0.9.10 @dev=0.9.10
network/forward/driver 0.10.0 @name=0.10.0 @model=10.0.0 @iommufd=12.1.0
network/forward/nat 1.0.3 @ipv6=6.5.0
network/forward/nat/address 1.0.3 @start=1.0.3 @end=1.0.3
network/forward/nat/port 1.0.3 @start=1.0.3 @end=1.0.3
network/virtualport 0.9.4 @type=0.9.4
network/virtualport/parameters 0.9.4 @managerid=0.9.4 @typeid=0.9.4 @typeidversion=0.9.4 @instanceid=0.9.4
    @profileid=0.9.4 @interfaceid=0.9.11
network/portgroup 0.9.4 @name=0.9.4 @default=0.9.4 @trustGuestRxFilters=1.2.10
network/portgroup/virtualport 0.9.4 @type=0.9.4
network/portgroup/virtualport/parameters 0.9.4 @managerid=0.9.4 @typeid=0.9.4 @typeidversion=0.9.4
    @instanceid=0.9.4 @profileid=0.9.4 @interfaceid=0.9.11
network/portgroup/bandwidth 0.9.4 @classID=-
network/portgroup/bandwidth/inbound 0.9.4 @average=0.9.4 @peak=0.9.4 @floor=1.0.1 @burst=0.9.4
network/portgroup/bandwidth/outbound 0.9.4 @average=0.9.4 @peak=0.9.4 @floor=1.0.1 @burst=0.9.4
network/portgroup/vlan 0.10.0 @trunk=0.10.0
network/portgroup/vlan/tag 0.10.0 @id=0.10.0 @nativeMode=1.1.0
network/domain 0.4.5 @name=0.4.5 @localOnly=1.2.12 @register=10.1.0
network/dns 0.9.3 @enable=2.2.0 @forwardPlainNames=1.1.2
network/dns/forwarder 1.1.3 @addr=1.1.3 @domain=2.2.0 @port=12.0.0
network/dns/txt 0.9.3 @name=0.9.3 @value=0.9.3
network/dns/srv 0.9.9 @service=0.9.9 @protocol=0.9.9 @domain=0.9.9 @target=0.9.9 @port=0.9.9 @priority=0.9.9
    @weight=0.9.9
network/dns/host 0.9.3 @ip=0.9.3
network/dns/host/hostname 0.9.3
network/bandwidth 0.9.4 @classID=-
network/bandwidth/inbound 0.9.4 @average=0.9.4 @peak=0.9.4 @floor=1.0.1 @burst=0.9.4
network/bandwidth/outbound 0.9.4 @average=0.9.4 @peak=0.9.4 @floor=1.0.1 @burst=0.9.4
network/vlan 0.10.0 @trunk=0.10.0
network/vlan/tag 0.10.0 @id=0.10.0 @nativeMode=1.1.0
network/port 6.1.0 @isolated=6.1.0
network/ip 0.3.0 @address=0.3.0 @netmask=0.3.0 @prefix=0.8.7 @family=0.8.7 @localPtr=3.0.0
network/ip/tftp 0.7.1 @root=0.7.1
network/ip/dhcp 0.3.0
network/ip/dhcp/range 0.3.0 @start=0.3.0 @end=0.3.0
network/ip/dhcp/range/lease 6.3.0 @expiry=6.3.0 @unit=6.3.0
network/ip/dhcp/host 0.4.5 @mac=0.4.5 @id=1.0.3 @name=0.4.5 @ip=0.4.5
network/ip/dhcp/host/lease 6.3.0 @expiry=6.3.0 @unit=6.3.0
network/ip/dhcp/bootp 0.7.1 @file=0.7.1 @server=0.7.3
network/route 1.0.6 @family=1.0.6 @address=1.0.6 @netmask=1.0.6 @prefix=1.0.6 @gateway=1.0.6 @metric=1.0.6
network/dnsmasq:options 5.6.0
network/dnsmasq:options/dnsmasq:option 5.6.0 @value=0.9.3
"""


def stated() -> dict:
    """Every path of the list above with its version."""
    found, element = {}, ""
    for word in KNOWN.split():
        if word.startswith("@"):
            name, since = word.split("=")
            found["%s/%s" % (element, name)] = since
        elif word.startswith("network"):
            element = word
        else:
            found[element] = word
    return found


def in_table(node, above: str = "") -> dict:
    """Every path of a table with its version."""
    here = (above + "/" + node.at).lstrip("/") if node.at != "." else above
    found = {here: node.since or "-"}
    if isinstance(node, Markup):
        found[here + "/*"] = node.since
    elif isinstance(node, Many) and isinstance(node.item, Field):
        found = dict(in_table(node.item, here), **found)
    elif not isinstance(node, Field):
        for child in (node if isinstance(node, Group) else node.item).nodes:
            found.update(in_table(child, here))
    return found


NAMESPACE = "{http://libvirt.org/schemas/network/dnsmasq/1.0}"
TABLE = {path.replace(NAMESPACE, "dnsmasq:"): since for path, since in in_table(NETWORK).items()}
# the wrapper is no node of its own
TABLE["network/dnsmasq:options"] = TABLE["network/dnsmasq:options/dnsmasq:option"]


@pytest.mark.parametrize(("path", "since"), stated().items(), ids=list(stated()))
def test_the_table_holds(path: str, since: str):
    assert TABLE.get(path) == since


def test_the_table_holds_nothing_that_libvirt_does_not_have():
    assert set(TABLE) - set(stated()) == set()


def test_the_list_here_is_whole():
    """166 in libvirt 10.7, and two that came later."""
    assert len(stated()) == 168
