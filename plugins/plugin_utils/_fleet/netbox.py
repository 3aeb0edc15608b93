# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetBox says of virtual machines, VLANs and prefixes, as items of a topology; and what cannot be said so."""

from __future__ import annotations

import ipaddress
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import subnet_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.scalars import MAC, NAME

Address = Any  # of ipaddress
FORWARD = ("nat", "route", "open", "isolated")


@dataclass
class Wanted:
    """What NetBox does not know: the ``bridge`` of the hosts that carries the VLANs and the ``network`` that offers it,
    how networks of prefixes ``forward``, and a ``filter`` of all guests."""

    bridge: str = ""
    network: str = "lan"
    forward: str = ""
    filter: str = ""


@dataclass
class Made:
    """Items of a topology, and what was ``left_out`` with why."""

    networks: list[Options] = field(default_factory=list)
    interfaces: list[Options] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class Card(dict[str, Any]):
    """An interface of a virtual machine, in the words of NetBox from 2.7 on; ``guest`` is the machine's name."""

    guest = ""

    def __str__(self) -> str:
        return "interface %s of %s" % (self.get("name"), self.guest)

    @property
    def mac(self) -> str:
        """NetBox 4.2 and later have addresses that are objects of their own."""
        found = self.get("mac_address") or (self.get("primary_mac_address") or {}).get("mac_address") or ""
        return str(MAC.coerce(found)).lower() if found else ""

    @property
    def mode(self) -> str:
        return word(self.get("mode"))

    @property
    def addresses(self) -> list[Options]:
        found: list[Options] = self.get("ip_addresses") or []
        return found

    @property
    def numbers(self) -> list[Address]:
        return [_number(one) for one in self.addresses]


def _number(address: Options) -> Address:
    return ipaddress.ip_interface(address["address"]).ip


def word(choice: Any) -> str:
    """A choice of NetBox, which its API gives as value and label, and its inventory plugin as value alone."""
    value = choice.get("value") if isinstance(choice, dict) else choice
    return "" if value is None else str(value).lower()


def topology_of(given: list[Options], vlans: list[Options], prefixes: list[Options], addresses: list[Options],
                wanted: Wanted) -> Made:
    """The topology of all machines; raises ValueError for what NetBox would not give."""
    made, cards = Made(), list(cards_of(given, addresses))
    taken = {_number(one) for card in cards for one in card.addresses} | {_number(one) for one in addresses}
    made.networks = list(_networks(prefixes, taken, wanted, made))
    groups: dict[str, Options] = {}
    for vlan in vlans:
        _portgroup(groups, vlan)
    for card in cards:
        item = _left_out(card, wanted) or _interface(card, made.networks, groups, wanted)
        if isinstance(item, str):
            made.left_out.append("%s %s" % (card, item))
        else:
            made.interfaces.append(item)
    if wanted.bridge and (groups or any(card["source"]["network"] == wanted.network for card in made.interfaces)):
        made.networks.append({
            "name": wanted.network, "state": "active", "autostart": True, "forward": {"mode": "bridge"},
            "bridge": {"name": wanted.bridge}, "portgroups": [groups[name] for name in sorted(groups)]})
    elif groups:
        made.left_out += ["VLAN %s is carried by no bridge; give bridge" % name for name in sorted(groups)]
    return made


def cards_of(given: list[Options], addresses: list[Options]) -> Iterator[Card]:
    """The interfaces of what is given: interfaces of the API, or hosts of the inventory plugin that have theirs."""
    by_card: dict[Any, list[Options]] = {}
    for one in addresses:
        before = one.get("interface") or {}  # before NetBox 2.9, where it could be of a device too
        if one.get("assigned_object_type") == "virtualization.vminterface" or before.get("virtual_machine"):
            by_card.setdefault(before.get("id") or one["assigned_object_id"], []).append(one)
    for one in given:
        machine = one.get("virtual_machine")
        found = [one] if "interfaces" not in one else one["interfaces"] or []
        for interface in found:
            card = Card(interface)
            card.guest = str((machine or interface.get("virtual_machine") or {}).get("name")
                             or one.get("inventory_hostname") or "")
            if not card.guest:
                raise ValueError("%s has no virtual machine" % card.get("name"))
            card.setdefault("ip_addresses", by_card.get(card.get("id"), []))
            yield card


# --- networks


def _networks(prefixes: list[Options], taken: set[Address], wanted: Wanted, made: Made) -> Iterator[Options]:
    """A network for each prefix that is nobody else's; the host has the first address in it that NetBox knows not."""
    subnets = [ipaddress.ip_network(one["prefix"]) for one in prefixes]
    names = Counter(one.get("description") for one in prefixes)
    for one, subnet in zip(prefixes, subnets):
        host = next((number for number in subnet.hosts() if number not in taken), None)
        why = _no_network(one, subnet, subnets, wanted) or ("" if host else "has no address left for the host")
        if why:
            made.left_out.append("prefix %s %s" % (subnet, why))
            continue
        name = one.get("description") or ""
        yield {"name": name if names[name] == 1 and _is_name(name) else "net-%s" % str(subnet).replace("/", "-"),
               "state": "active", "autostart": True,
               **({} if wanted.forward == "isolated" else {"forward": {"mode": wanted.forward}}),
               "ips": [{"family": "ipv%d" % subnet.version, "address": str(host), "prefix": subnet.prefixlen}]}


def _no_network(prefix: Options, subnet: Any, subnets: list[Any], wanted: Wanted) -> str:
    """Why a prefix is no network; empty where it is one."""
    status = word(prefix.get("status"))
    if status not in ("", "active"):
        return "is a container" if status == "container" else "is %s" % status
    within = next((one for one in subnets if one != subnet and one.version == subnet.version
                   and one.subnet_of(subnet)), None)
    if within:
        return "is not a segment, for it has %s in it" % within
    if prefix.get("vlan"):
        return "is of VLAN %s, where libvirt hands out no addresses" % prefix["vlan"]["vid"]
    return "" if wanted.forward else "is made no network; give forward"


def _is_name(text: str) -> bool:
    try:
        return bool(NAME.coerce(text))
    except ValueError:
        return False


def _portgroup(groups: dict[str, Options], vlan: Options) -> str:
    """The name of the portgroup of a VLAN."""
    name = str(NAME.coerce(str(vlan.get("name") or vlan["vid"])))
    group = groups.setdefault(name, {"name": name, "vlan": {"tags": [{"id": vlan["vid"]}]}})
    if group["vlan"]["tags"][0]["id"] != vlan["vid"]:
        raise ValueError("VLANs %s and %s have one name: %s" % (group["vlan"]["tags"][0]["id"], vlan["vid"], name))
    return name


# --- interfaces


def _left_out(card: Card, wanted: Wanted) -> str:
    """Why an interface is none of its guest's cards; empty where it is one."""
    if card.get("device"):
        return "is of a device and of no virtual machine"
    within = card.get("parent") or card.get("bridge")
    if within:
        return "is a part of %s, which the guest makes itself" % within.get("name")
    if not card.mac:
        return "has no MAC address, by which it is known"
    if card.mode in ("tagged-all", "q-in-q"):
        return "has the mode %s, which libvirt has not" % card.mode
    if card.mode and not (card.get("untagged_vlan") or (card.mode == "tagged" and card.get("tagged_vlans"))):
        return "has the mode %s and no VLAN" % card.mode
    return "is in VLANs that no bridge carries; give bridge" if card.mode and not wanted.bridge else ""


def _interface(card: Card, networks: list[Options], groups: dict[str, Options], wanted: Wanted) -> Options | str:
    """The item of an interface, or why there is none. What it may have had of another network is taken away."""
    item: Options = {"domain": card.guest, "mac": {"address": card.mac}, "type": "network", "vlan": {}}
    if card.mode == "access":
        item["source"] = {"network": wanted.network, "portgroup": _portgroup(groups, card["untagged_vlan"])}
    elif card.mode:
        item.update(source={"network": wanted.network, "portgroup": ""}, vlan={"trunk": True, "tags": _tags(card)})
    else:
        network, ip = _network_of(card, networks)
        if network is None:
            return "is in no VLAN, and has no address in a prefix that is made a network"
        item["source"] = {"network": network["name"], "portgroup": ""}
        _reserve(ip, card)
    parameters = [{"name": "IP", "value": str(number)} for number in card.numbers if number.version == 4]
    return dict(item, **{"mtu": {"size": card["mtu"]}} if card.get("mtu") else {},
                link={"state": "up" if card.get("enabled", True) else "down"},
                **{"filterref": {"filter": wanted.filter, "parameters": parameters}} if wanted.filter else {})


def _tags(card: Card) -> list[Options]:
    """The VLANs of a trunk, the one without a tag first."""
    native, tagged = card.get("untagged_vlan"), card.get("tagged_vlans") or []
    first = [{"id": native["vid"], "native_mode": "untagged"}] if native else []
    others = {vlan["vid"] for vlan in tagged} - {one["id"] for one in first}
    return [*first, *({"id": number} for number in sorted(others))]


def _network_of(card: Card, networks: list[Options]) -> tuple[Options | None, Options]:
    for network, number in itertools.product(networks, card.numbers):
        for ip in network["ips"]:
            if number in subnet_of(ip):
                return network, ip
    return None, {}


def _reserve(ip: Options, card: Card) -> None:
    """Has the network hand out a card's first IPv4 address, or whatever is free where NetBox says DHCP of it."""
    subnet = subnet_of(ip)
    number, said = next((number, word(one.get("status"))) for number, one in zip(card.numbers, card.addresses)
                        if number in subnet)
    if subnet.version != 4:
        return
    dhcp = ip.setdefault("dhcp", {"hosts": []})
    if said == "dhcp":
        host: Address = ipaddress.ip_address(ip["address"])
        last = min(subnet.broadcast_address - 1, host + (0xFFFF - int(host) % 0x10000))
        start, end = (host + 1, last) if host < last else (subnet[1], host - 1)
        dhcp["ranges"] = [{"start": str(start), "end": str(end)}]
    else:
        dhcp["hosts"].append({"mac": card.mac, "ip": str(number), "name": card.guest})
