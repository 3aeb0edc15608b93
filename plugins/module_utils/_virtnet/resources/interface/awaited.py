# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a guest's address."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from typing import Callable

from ...documents.awaited import ADDRESS_TIMEOUT, SOURCES
from ...host.errors import HostError
from ...host.snapshot import Snapshot
from ...schema.errors import Path, there_is_no
from ...schema.options import Options, option
from .describe import describe_interfaces

PAUSE = 1.0  # seconds
SILENT = {"lease": "there is no answer", "agent": "there is no answer, so it does not run in the guest",
          "arp": "there is no answer"}


class NoAddress(HostError):
    """A guest did not have the address in time."""


def wait(look: Callable[[], Snapshot], domain: str, mac: str | None, wanted: Options,
         clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep) -> Options:
    """The address that is waited for, on snapshots taken anew; raises NoAddress when the time is over."""
    timeout = wanted.get("timeout", ADDRESS_TIMEOUT)
    end = clock() + timeout
    _refuse_unknown_network(look(), wanted.get("network"))
    while True:
        seen = look()
        interfaces = describe_interfaces(seen, domain, mac)
        found = next(wanted_addresses(interfaces, wanted), None)
        if found is not None:
            return found
        if clock() >= end:
            raise NoAddress(what_was_seen(seen, domain, interfaces, wanted, timeout))
        pause(min(PAUSE, max(0.0, end - clock())))


def _refuse_unknown_network(seen: Snapshot, network: str | None) -> None:
    if network is not None and seen.network(network) is None:
        raise there_is_no(Path("wait_for_address", "network"), "network", network, seen.network_names())


def _told(interfaces: list[Options], sources: list[str]) -> Iterator[Options]:
    """Every address of running interfaces, source by source."""
    for source in sources:
        for one in interfaces:
            running = one["status"]["running"] or {}
            for text in running.get("addresses", {}).get(source, ()):
                address, _slash, prefix = text.partition("/")
                yield {"address": address, "prefix": int(prefix) if prefix else None, "source": source,
                       "mac": option(one, "mac", "address"), "network": option(one, "source", "network")}


def wanted_addresses(interfaces: list[Options], wanted: Options) -> Iterator[Options]:
    """Those that are waited for, the one that is asked for first first."""
    for told in _told(interfaces, wanted.get("sources") or [*SOURCES]):
        try:
            address = ipaddress.ip_address(told["address"])
        except ValueError:  # of an agent, which is the guest's
            continue
        if (not (address.is_link_local or address.is_loopback)
                and wanted.get("family", "ipv%d" % address.version) == "ipv%d" % address.version
                and wanted.get("network", told["network"]) == told["network"]):
            yield dict(told, family="ipv%d" % address.version)


def what_was_seen(seen: Snapshot, domain: str, interfaces: list[Options], wanted: Options, timeout: int) -> str:
    """Why there is none, for people."""
    record = seen.domain(domain)
    asked = "address" if "family" not in wanted else "%s address" % wanted["family"].replace("ip", "IP")
    where = " in network %s" % wanted["network"] if "network" in wanted else ""
    start = "guest %s has no %s%s after %d s" % (domain, asked, where, timeout)
    if record is None or not record.active:
        return start + "; it does not run"
    networks = sorted({str(option(one, "source", "network")) for one in interfaces if option(one, "source", "network")})
    if "network" in wanted and wanted["network"] not in networks:
        return "%s; its interfaces are in %s" % (start, ", ".join(networks) or "no network")
    sources = wanted.get("sources") or [*SOURCES]
    answered = {source for one in interfaces for source in (one["status"]["running"] or {}).get("addresses", {})}
    said = []
    for source in sources:
        found = ["%s (%s)" % (told["address"], told["mac"]) for told in _told(interfaces, [source])]
        said.append("%s: %s" % (source, ", ".join(found) or ("none" if source in answered else SILENT[source])))
    return "; ".join([start, *said])
