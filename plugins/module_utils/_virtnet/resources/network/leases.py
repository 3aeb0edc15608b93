# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reservations that leases keep waiting: of an address that another client has, and for a client that has another."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from ...engine.plan import Plan
from ...host.snapshot import Snapshot
from ...schema.options import Options, option
from ...schema.scalars import MAC


def reservations_of(options: Options | None) -> list[Options]:
    return [host for ip in (options or {}).get("ips") or [] for host in option(ip, "dhcp", "hosts") or []]


def warn_of_leases(seen: Snapshot, network: str, hosts: Iterable[Options], plan: Plan) -> None:
    """Warns of new reservations of a network that runs."""
    hosts = list(hosts)
    if hosts and plan.steps and seen.get("networks").get(network, {}).get("active"):
        leases = seen.get("leases", network)
        plan.warnings += [*_held(hosts, leases), *_kept(hosts, leases)]


def _held(hosts: Iterable[Options], leases: Iterable[Options]) -> Iterator[str]:
    holders = {ipaddress.ip_address(lease["ip"]): lease for lease in leases}
    for host in hosts:
        lease = holders.get(ipaddress.ip_address(host["ip"]))
        if lease and not _is_of(host, lease):
            who = " ".join(filter(None, (lease["mac"], lease["hostname"] and "(%s)" % lease["hostname"])))
            yield "%s is leased to %s; %s gets it when that client has given it up or its lease has ended" % (
                host["ip"], who, _name(host))


def _kept(hosts: Iterable[Options], leases: Sequence[Options]) -> Iterator[str]:
    """Clients that go on with another address than the one that is reserved for them."""
    for host in hosts:
        wanted = ipaddress.ip_address(host["ip"])
        has = [ipaddress.ip_address(lease["ip"]) for lease in leases if _is_of(host, lease)]
        has = [address for address in has if address.version == wanted.version]
        if has and wanted not in has:
            yield "%s has a lease of %s; it gets %s when it renews that or boots" % (
                _name(host), " and ".join(map(str, has)), host["ip"])


def _name(host: Options) -> str:
    return str(host.get("mac") or host.get("id") or host.get("name"))


def _is_of(host: Options, lease: Options) -> bool:
    if host.get("mac"):
        return bool(lease["mac"]) and MAC.normal(host["mac"]) == MAC.normal(lease["mac"])
    if host.get("id") and lease["client_id"]:
        return _digits(host["id"]) == _digits(lease["client_id"])
    return bool(host.get("name") == lease["hostname"])


def _digits(identifier: str) -> list[int]:
    return [int(part, 16) for part in identifier.split(":")]
