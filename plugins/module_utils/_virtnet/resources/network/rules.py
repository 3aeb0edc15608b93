# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall rules that libvirt makes for a running network, by each of its backends. Pure.

Rules are words as the transport ``firewall`` gives them. Not looked at, since iptables' own matches and targets do not
show it: states of connections, and ranges of ports and addresses that are translated to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...documents.network import manages_bridge, mode_of, of_version, spelled, spelled_subnet, subnet_of
from ...schema.options import Options, option
from ..chains import Base, Command, commands_for

Subnet = Any  # of ipaddress
FAMILIES = {4: "ip", 6: "ip6"}
EXEMPT = {4: ("224.0.0.0/24", "255.255.255.255"), 6: ("ff02::/16",)}  # what is not translated

ENDS = {"+": "*", "*": "\\*"}  # of the names of devices, as iptables takes them
OWN_TARGETS = ("reject", "masquerade", "snat", "checksum")  # of iptables


class Backend(NamedTuple):
    """Where rules are put, each "table chain"; empty for what a backend has no rules for."""

    bases: tuple[Base, ...]
    to_host: str
    from_host: str
    out: str
    into: str
    across: str
    nat: str
    checksum: str
    answers: str  # the condition of what belongs to a connection

    def names_one(self, text: str) -> bool:
        """Whether a text names a chain of this backend."""
        places = (self.to_host, self.from_host, self.out, self.into, self.across, self.nat)
        return any(place.split()[1] in text for place in places if place)


BACKENDS = {
    "iptables": Backend(
        (Base("filter", "INPUT", "filter", "input", 0, ("LIBVIRT_INP",)),
         Base("filter", "FORWARD", "filter", "forward", 0, ("LIBVIRT_FWX", "LIBVIRT_FWI", "LIBVIRT_FWO")),
         Base("filter", "OUTPUT", "filter", "output", 0, ("LIBVIRT_OUT",)),
         Base("nat", "POSTROUTING", "nat", "postrouting", 100, ("LIBVIRT_PRT",)),
         Base("mangle", "POSTROUTING", "filter", "postrouting", -150, ("LIBVIRT_PRT",))),
        "filter LIBVIRT_INP", "filter LIBVIRT_OUT", "filter LIBVIRT_FWO", "filter LIBVIRT_FWI", "filter LIBVIRT_FWX",
        "nat LIBVIRT_PRT", "mangle LIBVIRT_PRT", "xt conntrack"),
    "nftables": Backend(
        (Base("libvirt_network", "forward", "filter", "forward", 0, ("guest_cross", "guest_input", "guest_output")),
         Base("libvirt_network", "guest_nat", "nat", "postrouting", 100)),
        "", "", "libvirt_network guest_output", "libvirt_network guest_input", "libvirt_network guest_cross",
        "libvirt_network guest_nat", "", "ct state established,related"),
}


def _by_legacy(places: Backend) -> Backend:
    """The same in the tables of legacy iptables."""
    return places._replace(bases=tuple(base._replace(table="legacy-" + base.table) for base in places.bases), **{
        name: "legacy-" + getattr(places, name) for name in Backend._fields[1:-1]})


LEGACY = "legacy"
BACKENDS[LEGACY] = _by_legacy(BACKENDS["iptables"])


def backend_of(state: Options, named: str = "") -> str:
    """Where libvirt puts its rules; ``named`` is the backend where nothing else says it."""
    backend = str(state["backend"] or named)
    return LEGACY if backend == "iptables" and state["legacy"] else backend


class Rule(NamedTuple):
    """A rule of a chain; the words but the last in no order."""

    chain: str
    conditions: frozenset[str]
    does: str

    def hidden(self) -> Rule:
        """As it looks where nothing is shown of what is iptables' own."""
        shown, own = set(), self.does in OWN_TARGETS
        for condition in self.conditions:
            words = condition.split()
            if words[0] in ("tcp", "udp"):
                shown |= {"protocol %s" % words[0], "xt"}
            else:
                shown.add("xt" if words[0] == "xt" else condition)
        return Rule(self.chain, frozenset(shown), "xt" if own else self.does)

    def __str__(self) -> str:
        return " ".join([*sorted(self.conditions), self.does])


def has_rules(options: Options) -> bool:
    """Whether libvirt has firewall rules for a network."""
    return manages_bridge(options) and mode_of(options) != "open"


def rules_of(options: Options, backend: str) -> Iterator[Rule]:
    """What libvirt makes for a network that runs so, in no order."""
    if not has_rules(options) or backend not in BACKENDS:
        return
    places = BACKENDS[backend]
    for family in _families(options):
        yield from _jumps(family, places)
        yield from _of_bridge(family, options, places)
    for ip in options.get("ips") or []:
        yield from _of_subnet(options, subnet_of(ip), places)


def _families(options: Options) -> list[str]:
    return ["ip", "ip6"] if options.get("ipv6") or of_version(options, 6) else ["ip"]


def _rule(family: str, place: str, *words: str) -> Rule:
    return Rule("%s %s" % (family, place), frozenset(filter(None, words[:-1])), words[-1])


def _jumps(family: str, places: Backend) -> Iterator[Rule]:
    for base in places.bases:
        for target in base.jumps:
            yield _rule(family, "%s %s" % (base.table, base.name), "jump %s" % target)


def _of_bridge(family: str, options: Options, places: Backend) -> Iterator[Rule]:
    """What does not depend on addresses: nothing passes but between guests, and they reach the host's services."""
    bridge = _device(option(options, "bridge", "name") or "", places)
    comes, goes = "iifname %s" % bridge, "oifname %s" % bridge
    yield _rule(family, places.across, comes, goes, "accept")
    yield _rule(family, places.out, comes, "reject")
    yield _rule(family, places.into, goes, "reject")
    for protocol, to_host, from_host in _services(family, options):
        if places.to_host:
            yield _rule(family, places.to_host, comes, "%s dport %d" % (protocol, to_host), "accept")
            yield _rule(family, places.from_host, goes, "%s dport %d" % (protocol, from_host), "accept")
    if places.checksum and family == "ip" and any(map(_hands_out, of_version(options, 4))):
        yield _rule(family, places.checksum, goes, "udp dport 68", "checksum")


def _services(family: str, options: Options) -> Iterator[tuple[str, int, int]]:
    """Protocol and ports of what guests ask the host for, and of its answers."""
    if family == "ip":
        yield from (("udp", 53, 53), ("tcp", 53, 53), ("udp", 67, 68), ("tcp", 67, 68))
        if _has_tftp(options):
            yield "udp", 69, 69
    elif of_version(options, 6):
        yield from (("udp", 53, 53), ("tcp", 53, 53), ("udp", 547, 546))


def _has_tftp(options: Options) -> bool:
    """libvirt asks the first IPv4 address that has DHCP or TFTP."""
    first = next((ip for ip in of_version(options, 4) if _hands_out(ip) or option(ip, "tftp", "root")), {})
    return bool(option(first, "tftp", "root"))


def _hands_out(ip: Options) -> bool:
    return bool(option(ip, "dhcp", "ranges") or option(ip, "dhcp", "hosts"))


def _of_subnet(options: Options, subnet: Subnet, places: Backend) -> Iterator[Rule]:
    mode, family = mode_of(options), FAMILIES[subnet.version]
    if mode not in ("nat", "route"):
        return
    translates = mode == "nat" and (subnet.version == 4 or option(options, "forward", "nat", "ipv6"))
    bridge, uplink = (_device(name, places) for name in (option(options, "bridge", "name") or "", uplink_of(options)))
    words = _spelled(subnet)
    yield _rule(family, places.out, "iifname %s" % bridge, uplink and "oifname %s" % uplink,
                "%s saddr %s" % (family, words), "accept")
    yield _rule(family, places.into, uplink and "iifname %s" % uplink, "oifname %s" % bridge,
                "%s daddr %s" % (family, words), places.answers if translates else "", "accept")
    if translates:
        yield from _translation(options, subnet, places, uplink and "oifname %s" % uplink)


def _translation(options: Options, subnet: Subnet, places: Backend, uplink: str) -> Iterator[Rule]:
    family, words = FAMILIES[subnet.version], _spelled(subnet)
    source = "%s saddr %s" % (family, words)
    for exempt in EXEMPT[subnet.version]:
        yield _rule(family, places.nat, uplink, source, "%s daddr %s" % (family, exempt), "return")
    start = option(options, "forward", "nat", "address", "start")
    does = "snat" if start and ipaddress.ip_address(start).version == subnet.version else "masquerade"
    for protocol in ("protocol tcp", "protocol udp", ""):
        yield _rule(family, places.nat, uplink, protocol, source, "%s daddr != %s" % (family, words), does)


def _device(name: str, places: Backend) -> str:
    """A device in a rule; for iptables, whatever begins so where there is a + at the end."""
    return name[:-1] + ENDS.get(name[-1:], name[-1:]) if places.to_host else name


def uplink_of(options: Options) -> str:
    """The device that traffic of a network is confined to, empty where it is not."""
    interfaces = option(options, "forward", "interfaces") or []
    return option(options, "forward", "dev") or (interfaces[0].get("dev") if interfaces else "") or ""


def _spelled(subnet: Subnet) -> str:
    return spelled(subnet.network_address) if subnet.prefixlen == subnet.max_prefixlen else spelled_subnet(subnet)


# --- chains


def commands_for_chains(there: dict[str, Any], backend: str) -> list[Command]:
    """What libnftables is to do for all of libvirt's chains to be there, with the jumps to them.

    Those of legacy iptables only libvirt makes.
    """
    if backend == LEGACY or backend not in BACKENDS:
        return []
    return [command for family in FAMILIES.values() for base in BACKENDS[backend].bases
            for command in commands_for(there, family, base)]


def missing_chains(options: Options, there: dict[str, Any], backend: str) -> list[str]:
    """The chains without which a network cannot start, of those that are not there."""
    needed = {rule.chain for rule in rules_of(options, backend) if rule.does != "checksum"
              and not rule.does.startswith("jump ")}
    return sorted(needed - there.keys())
