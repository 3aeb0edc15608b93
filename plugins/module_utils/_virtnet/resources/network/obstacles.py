# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of others keeps guests of a running network from reaching what it promises, in words with the remedy. Pure.

Nothing of it is changed: it belongs to somebody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Union

from ...documents.network import mode_of, subnet_of
from ...engine.plan import Shared
from ...host.snapshot import Snapshot
from ...schema.options import Options, option
from .dnsmasq import has_dnsmasq
from .layers import options_of
from .passage import OUTSIDE, Packet, dropped_by, untranslated_by
from .rules import uplink_of

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Causes = Iterator[tuple[str, str]]  # what is in the way, which may be in that of other networks too, and the words


def obstacles(seen: Snapshot, name: str) -> Iterator[Shared]:
    return (Shared(words, cause, "network %s" % name) for cause, words in _causes(seen, name))


def _causes(seen: Snapshot, name: str) -> Causes:
    live = options_of(seen, "network_live", name)
    state = seen.firewall
    if live is None or state is None or state["problem"]:
        return
    mode, bridge = mode_of(live), option(live, "bridge", "name")
    if has_dnsmasq(live):
        yield from _to_host(seen, name, live)
    if mode in ("nat", "route", "open"):
        for ip in live.get("ips") or []:
            yield from _outwards(seen, name, live, ip)
    elif mode == "bridge" and bridge and not live.get("virtualport"):
        yield from _within(seen, name, bridge)


def _to_host(seen: Snapshot, name: str, live: Options) -> Causes:
    """Of what guests ask the host for."""
    bridge = option(live, "bridge", "name")
    for ip in live.get("ips") or []:
        own = str(ipaddress.ip_address(ip["address"]))
        asked = []
        if ":" not in own and (option(ip, "dhcp", "ranges") or option(ip, "dhcp", "hosts")):
            asked.append(("DHCP", Packet(bridge, "", "0.0.0.0", "255.255.255.255", "udp", 67)))
        if option(live, "dns", "enable") is not False:
            asked.append(("DNS", Packet(bridge, "", str(_guest_in(subnet_of(ip), own)), own, "udp", 53)))
        for service, packet in asked:
            by = dropped_by(seen, packet)
            if by:
                yield by, ("guests of network %s do not reach the host's %s at %s: their packets end at %s; let"
                           " udp port %d of what comes from %s through there" % (
                               name, service, own, by, packet.port, bridge))


def _outwards(seen: Snapshot, name: str, live: Options, ip: Options) -> Causes:
    """Of what guests of a subnet send to the outside."""
    subnet, bridge = subnet_of(ip), option(live, "bridge", "name")
    guest = str(_guest_in(subnet, ip["address"]))
    translates = mode_of(live) == "nat" and (subnet.version == 4 or option(live, "forward", "nat", "ipv6"))
    way = seen.way_of(bridge, guest, OUTSIDE[subnet.version])
    yield from _on_the_way(seen, live, subnet, way, bool(translates))
    yield from _on_the_way_back(seen, live, subnet, way, guest)
    uplink = uplink_of(live) or way["device"]
    if uplink is None:
        return
    packet = Packet(bridge, uplink, guest)
    by = dropped_by(seen, packet)
    if by:
        yield by, ("guests of network %s do not reach %s: their packets (%s) end at %s; let what comes from %s"
                   " through there" % (name, uplink, subnet, by, bridge))
    elif translates:
        by = untranslated_by(seen, packet)
        if by:
            yield by, ("addresses of guests of network %s (%s) are not translated on their way to %s, for the sake of"
                       " %s; remove that" % (name, subnet, uplink, by))


def _on_the_way(seen: Snapshot, live: Options, subnet: Subnet, way: Options, translates: bool) -> Causes:
    """Of the host's routes to the outside."""
    whose, by = "guests of network %s (%s)" % (live["name"], subnet), uplink_of(live)
    if way["refused"] == "ENETUNREACH" and translates:
        yield "no route", ("%s get no further than the host, which has no route to the outside; add a default route"
                           % whose)
    elif way["refused"] == "EACCES":
        yield "prohibited", ("%s do not reach the outside: a rule or route of the host prohibits that (ip rule, ip"
                             " route); remove it" % whose)
    elif way["device"] and by not in ("", way["device"]):
        yield "another way", ("%s do not reach the outside: the host sends them there by %s, and the network lets them"
                              " out by %s only; route them by that, or change forward.dev" % (whose, way["device"], by))


def _on_the_way_back(seen: Snapshot, live: Options, subnet: Subnet, way: Options, guest: str) -> Causes:
    """Of the host's routes to guests; by these rp_filter also judges what comes from them."""
    bridge, back = option(live, "bridge", "name"), seen.way_of("", "", guest)["device"]
    if back not in (None, bridge):
        drops = " rp_filter of %s even drops what they send." % bridge if way["refused"] == "EINVAL" else ""
        yield "by %s" % back, ("what is for guests of network %s (%s) leaves by %s, not by %s.%s Remove the route or"
                               " address that is in the way" % (live["name"], subnet, back, bridge, drops))


def _guest_in(subnet: Subnet, own: str) -> object:
    """An address of a guest."""
    host = ipaddress.ip_address(own)
    return next((one for one in subnet.hosts() if one != host), host)


def _within(seen: Snapshot, name: str, bridge: str) -> Causes:
    """Of what guests send through a bridge of the host, where that passes the firewall too."""
    if seen.bridge_filter.get("ipv4"):
        by = dropped_by(seen, Packet(bridge, bridge, "192.0.2.2"))
        if by:
            yield by, ("guests of network %s do not reach anybody in bridge %s: their packets end at %s; let what comes"
                       " from and goes to %s through there, or set net.bridge.bridge-nf-call-iptables to 0"
                       % (name, bridge, by, bridge))
