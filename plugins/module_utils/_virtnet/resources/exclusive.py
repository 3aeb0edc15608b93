# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host is in no list of a document that is to be the whole of it, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..documents.network import manages_bridge
from ..host.snapshot import Snapshot
from ..host.uses import filter_users, guests_by_bridge, guests_of, members_of, networks_of_guests
from ..schema.options import Options, option
from .interface.cards import cards_of
from .interface.resource import Interface
from .network.layers import options_of
from .network.resource import Network
from .network_port.describe import describe_ports
from .network_port.resource import NetworkPort
from .nwfilter.found import look_at_all
from .nwfilter.resource import NwFilter
from .nwfilter_binding.describe import describe_binding
from .nwfilter_binding.resource import NwFilterBinding

# The filters that libvirt brings (its src/nwfilter/xml).
SHIPPED = frozenset({
    "allow-arp", "allow-dhcp", "allow-dhcp-server", "allow-dhcpv6", "allow-dhcpv6-server", "allow-incoming-ipv4",
    "allow-incoming-ipv6", "allow-ipv4", "allow-ipv6", "clean-traffic", "clean-traffic-gateway", "no-arp-ip-spoofing",
    "no-arp-mac-spoofing", "no-arp-spoofing", "no-ip-multicast", "no-ip-spoofing", "no-ipv6-multicast",
    "no-ipv6-spoofing", "no-mac-broadcast", "no-mac-spoofing", "no-other-l2-traffic", "no-other-rarp-traffic",
    "qemu-announce-self", "qemu-announce-self-rarp"})


class Unlisted(NamedTuple):
    """An object that is in no list: the wish that it be gone, the running ``guests`` that use it, and ``others``."""

    kind: str
    name: str
    wish: Any
    guests: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return "%s %s" % (self.kind, self.name)


def unlisted(seen: Snapshot, wishes: list[Any], name: str, keep: list[str]) -> list[Unlisted]:
    """What nothing is wished of that belongs to this list, on a host as it will be, but for what is kept."""
    stated = {wish.key for wish in wishes}
    return [one for one in FINDERS[name](seen, wishes) if one.wish.key not in stated
            and not any(fnmatchcase(one.name, pattern) for pattern in keep)]


def settled(found: list[Unlisted]) -> tuple[list[Unlisted], list[Unlisted]]:
    """What can go, and what stays because something refers to it that stays."""
    going = list(found)
    while True:
        labels = {one.label for one in going}
        held = [one for one in going if not labels.issuperset(one.others)]
        if not held:
            return going, [one for one in found if one not in going]
        going = [one for one in going if one not in held]


def _networks(seen: Snapshot, wishes: list[Any]) -> Iterator[Unlisted]:
    configured, on_bridges = networks_of_guests(seen), guests_by_bridge(seen)
    of_ports = {wish.name for wish in wishes if wish.kind == "network_port" and not wish.absent}
    for name in seen.network_names():
        live = options_of(seen, "network_live", name)
        bridge = option(live, "bridge", "name") if live and manages_bridge(live) else None
        guests = guests_of(seen, name)
        on_it = {guest.domain for guest in guests}
        running = (*(guest.label for guest in guests), *on_bridges.get(bridge or "", ()))
        others = (*("guest %s" % guest for guest in configured.get(name, ()) if guest not in on_it),
                  *("network_port %s" % _port_name(port) for port in describe_ports(seen, name)
                    if not port["status"]["guest"] or name in of_ports),
                  *("device %s" % device for device in members_of(seen, bridge or "") if not _is_tap(seen, device)))
        yield Unlisted("network", name, Network(name, {"name": name}, "absent"), running, others)


def _is_tap(seen: Snapshot, device: str) -> bool:
    """Whether a device in a bridge is one of guests, which are found by their documents, or of libvirt's own."""
    return bool((seen.as_it_was.devices or {})[device]["kind"] == "tun")


def _nwfilters(seen: Snapshot, _wishes: list[Any]) -> Iterator[Unlisted]:
    users = filter_users(seen)
    taps = {user.tap for user in users}  # whose bindings are their guests'
    for name in sorted(set(seen.filters()) - SHIPPED):
        found = look_at_all(seen, name)
        mine = [user for user in users if user.filter == name]
        running = {user.domain for user in mine if user.tap}
        # forced, for who uses it is judged here
        yield Unlisted("nwfilter", name, NwFilter(name, {"name": name}, "absent", force=True),
                       tuple(user.label for user in mine if user.tap),
                       (*("guest %s" % user.label for user in mine if user.domain not in running),
                        *("nwfilter %s" % other for other in found.referrers),
                        *("nwfilter_binding %s" % device for device in found.bindings if device not in taps)))


def _network_ports(seen: Snapshot, wishes: list[Any]) -> Iterator[Unlisted]:
    stated = {(wish.name, named) for wish in wishes if wish.kind == "network_port" for named in _ids(wish.options)}
    for network in seen.network_names():
        for port in describe_ports(seen, network):
            if not port["status"]["guest"] and stated.isdisjoint((network, named) for named in _ids(port)):
                yield Unlisted("network_port", _port_name(port), NetworkPort(
                    network, {"uuid": port["uuid"]}, "absent"))


def _port_name(port: Options) -> str:
    return str(option(port, "mac", "address") or port["uuid"])


def _ids(port: Options) -> set[str]:
    """What names a port."""
    return {str(name).lower() for name in (port.get("uuid"), option(port, "mac", "address")) if name}


def _nwfilter_bindings(seen: Snapshot, _wishes: list[Any]) -> Iterator[Unlisted]:
    for device in sorted(seen.bindings()):
        if not describe_binding(seen, device)["status"]["guest"]:
            yield Unlisted("nwfilter_binding", device, NwFilterBinding(
                device, {"portdev": {"name": device}}, "absent"))


def _interfaces(seen: Snapshot, wishes: list[Any]) -> Iterator[Unlisted]:
    """Those of the guests that the document has interfaces of."""
    stated = [wish for wish in wishes if wish.kind == "interface"]
    for domain in sorted({_domain(wish) for wish in stated}):
        record = seen.domain(domain)
        if record is None:
            continue
        config, live = cards_of(seen, record.uuid)
        wanted = {mac for wish in stated if _domain(wish) == domain for mac in _macs(wish.look(seen))}
        for mac in dict.fromkeys(card.mac for card in [*(config or ()), *(live or ())] if card.mac not in wanted):
            running = ("%s (%s)" % (domain, mac),) if any(card.mac == mac for card in live or ()) else ()
            yield Unlisted("interface", mac, Interface(domain, {"mac": {"address": mac}}, "absent"), running)


def _domain(wish: Any) -> str:
    return str(getattr(wish, "interface", wish).domain)


def _macs(found: Any) -> Iterator[str]:
    for one in (found,) if hasattr(found, "meant") else found:
        yield one.meant.mac


FINDERS = {"networks": _networks, "nwfilters": _nwfilters, "network_ports": _network_ports,
           "nwfilter_bindings": _nwfilter_bindings, "interfaces": _interfaces}
