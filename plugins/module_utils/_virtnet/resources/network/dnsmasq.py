# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt has dnsmasq do for a running network, and where that is not so. Pure.

Its files are compared by meaning: what a definition gives must be there, and nothing that libvirt does not write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...documents.network import manages_bridge, mode_of, of_version, spelled
from ...engine.plan import Drift
from ...host.parts import once
from ...schema.errors import Path
from ...schema.options import Options, option
from ..repair import drift_of
from .layers import options_of

if TYPE_CHECKING:
    from ...host.snapshot import Snapshot

Entry = frozenset  # the fields of a line, in no order
# all that libvirt writes, by the part before the first "="
WRITTEN = frozenset((
    "strict-order", "server", "no-resolv", "port", "local", "domain", "expand-hosts", "domain-needed", "pid-file",
    "except-interface", "bind-dynamic", "bind-interfaces", "interface", "listen-address", "txt-record", "srv-host",
    "enable-tftp", "tftp-root", "dhcp-range", "dhcp-no-override", "dhcp-authoritative", "dhcp-boot", "dhcp-lease-max",
    "dhcp-hostsfile", "dhcp-option", "addn-hosts", "enable-ra", "ra-param", "all-servers", "log-queries", "user"))
HEARS_AGAIN = (2, 90)  # as of Debian 12; whether one between 2.85 and this does is not known
COUNTED = ("txt-record", "srv-host", "dhcp-range", "server")  # of which there are only those that are stated


class Service(NamedTuple):
    """What is wrong with the dnsmasq of a network, whether that has to be started anew, and why it cannot be."""

    drift: tuple[Drift, ...]
    is_stale: bool = False
    hindered: str = ""


def has_dnsmasq(options: Options) -> bool:
    """Whether libvirt starts dnsmasq for a network."""
    ips = options.get("ips") or []
    return manages_bridge(options) and bool(ips) and (
        option(options, "dns", "enable") is not False or any(ip.get("dhcp") for ip in ips))


def watches_servers(options: Options) -> bool:
    """Whether dnsmasq of a network watches the host's list of DNS servers, so as to ask those."""
    all_forwarded = any(one.get("addr") and not one.get("domain") for one in option(options, "dns", "forwarders") or [])
    return has_dnsmasq(options) and mode_of(options) is not None and not all_forwarded and (
        option(options, "dns", "enable") is not False)


def taken_ports(seen: Snapshot, options: Options) -> Iterator[tuple[Path, str]]:
    """(path, problem) of what dnsmasq of a network cannot start for, since others have its ports."""
    ips = options.get("ips") or [] if has_dnsmasq(options) else []
    serves_dns = option(options, "dns", "enable") is not False and any(":" not in ip["address"] for ip in ips)
    if serves_dns and "dns" in seen.taken_ports:
        yield Path("dns"), ("dnsmasq cannot have port 53 of the network's addresses, for %s listens on all of the"
                            " host's; have it listen on its own only, or give dns.enable: false"
                            % seen.taken_ports["dns"])
    for index, ip in enumerate(ips):
        service = "dhcpv6" if ":" in ip["address"] else "dhcp"
        if ip.get("dhcp") and service in seen.taken_ports:
            yield Path("ips", index, "dhcp"), ("dnsmasq cannot have the port of %s, for %s listens on all of the host's"
                                               " addresses and shares it with nobody; stop that, or leave dhcp out" % (
                                                   "DHCPv6" if service == "dhcpv6" else "DHCP",
                                                   seen.taken_ports[service]))


def refused_by_dnsmasq(seen: Snapshot, options: Options) -> Iterator[tuple[Path, str]]:
    """(path, problem) of what dnsmasq of a network, that libvirt would start, does not take."""
    for index, ip in enumerate(options.get("ips") or [] if has_dnsmasq(options) else []):
        root = option(ip, "tftp", "root")
        if root and seen.kind_of(root) in ("", "file"):
            yield Path("ips", index, "tftp", "root"), ("%s is no folder on this host, and dnsmasq does not start"
                                                       " without it; make it first" % root)
    lines = option(options, "dnsmasq_options") or []
    refused = seen.refused_by_dnsmasq(lines) if lines and has_dnsmasq(options) else None
    if refused:
        yield Path("dnsmasq_options", refused[0]), "%s is not taken by dnsmasq (%s); see man dnsmasq" % (
            lines[refused[0]], refused[1])


def is_deaf_on(seen: Snapshot, bridge: str) -> bool:
    """Whether dnsmasq does not hear a bridge that is made again: 2.85 (Debian 11, RHEL 9) keeps to the lost one."""
    if seen.device(bridge) is not None:
        return False
    version = seen.dnsmasq_version
    return version is not None and version < HEARS_AGAIN


@once
def service_of(seen: Snapshot, name: str) -> Service | None:
    """None for a network that has no dnsmasq, and where its files cannot be read."""
    live = options_of(seen, "network_live", name)
    if live is None or not has_dnsmasq(live):
        return None
    there = seen.dnsmasq_of(name)
    if there is None:
        return None
    if not there["runs"]:
        return Service((drift_of(Path("dnsmasq"), "running", None),),
                       hindered=next((problem for _path, problem in taken_ports(seen, live)), ""))
    conf = list(_conf_drift(live, there["conf"]))
    return Service((*conf, *_list_drift("hosts", _reservations(live), _entries(there["hosts"], ",")),
                    *_list_drift("names", _names(live), _entries(there["names"], None))), bool(conf))


# --- its configuration


def _conf_drift(live: Options, text: str) -> Iterator[Drift]:
    own = set(option(live, "dnsmasq_options") or [])
    lines = [line for line in text.splitlines() if line and not line.startswith("#") and line not in own]
    wanted = list(_wanted(live))
    missing = [start for start in wanted if not any(line.startswith(start) for line in lines)]
    foreign = [line for line in lines if _key(line) not in WRITTEN or (
        _key(line) in _counted(live) and not any(line.startswith(start) for start in wanted))]
    if missing or foreign:
        yield drift_of(Path("dnsmasq", "conf"), missing, foreign)


def _key(line: str) -> str:
    return line.partition("=")[0]


def _counted(live: Options) -> tuple[str, ...]:
    """Without ``server``, which libvirt also writes where nobody states forwarders."""
    return COUNTED if option(live, "dns", "forwarders") else COUNTED[:-1]


def _wanted(live: Options) -> Iterator[str]:
    """How lines begin that there must be."""
    yield "interface=%s" % option(live, "bridge", "name")
    dns = live.get("dns") or {}
    if option(live, "domain", "name"):
        yield "domain=%s" % option(live, "domain", "name")
    for forwarder in dns.get("forwarders") or []:
        yield "server=" + ("/%s/" % forwarder["domain"] if forwarder.get("domain") else "") + (
            spelled(forwarder["addr"]) if forwarder.get("addr") else "")
    for txt in dns.get("txts") or []:
        yield "txt-record=%s," % txt["name"]
    for srv in dns.get("srvs") or []:
        yield "srv-host=_%s._%s" % (srv["service"], srv["protocol"])
    for ip in live.get("ips") or []:
        yield from _of_address(ip)
    addresses = of_version(live, 6)
    if not any(ip.get("dhcp") for ip in addresses):  # guests then make up addresses themselves
        yield from ("dhcp-range=%s,ra-only" % spelled(ip["address"]) for ip in addresses)


def _of_address(ip: Options) -> Iterator[str]:
    ranges, hosts = (option(ip, "dhcp", name) or [] for name in ("ranges", "hosts"))
    for one in ranges:
        yield "dhcp-range=%s,%s" % (spelled(one["start"]), spelled(one["end"]))
    if hosts and not ranges:
        yield "dhcp-range=%s,static" % spelled(ip["address"])
    if option(ip, "tftp", "root"):
        yield "tftp-root=%s" % option(ip, "tftp", "root")
    if option(ip, "dhcp", "bootp", "file"):
        yield "dhcp-boot=%s" % option(ip, "dhcp", "bootp", "file")


# --- the files that it reads again


def _list_drift(name: str, wanted: set[Entry[str]], there: set[Entry[str]]) -> Iterator[Drift]:
    if wanted != there:
        yield drift_of(Path("dnsmasq", name), _shown(wanted), _shown(there))


def _shown(entries: Iterable[Entry[str]]) -> list[str]:
    return sorted(" ".join(sorted(entry)) for entry in entries)


def _entries(text: str, separator: str | None) -> set[Entry[str]]:
    """The lines of a file; addresses of IPv6 stand in brackets in one of them."""
    return {Entry(field.strip("[]").lower() for field in line.split(separator) if field) for line in text.splitlines()}


def _reservations(live: Options) -> set[Entry[str]]:
    entries = set()
    for ip in live.get("ips") or []:
        for host in option(ip, "dhcp", "hosts") or []:
            fields = [spelled(host["ip"]), host.get("name"), host.get("mac"),
                      "id:" + host["id"] if host.get("id") and ":" in host["ip"] else None, _lease(host)]
            entries.update(_entries(",".join(filter(None, fields)), ","))
    return entries


def _lease(host: Options) -> str | None:
    expiry = option(host, "lease", "expiry")
    if expiry is None:
        return None
    return "%d%s" % (expiry, (option(host, "lease", "unit") or "minutes")[0]) if expiry else "infinite"


def _names(live: Options) -> set[Entry[str]]:
    """One entry an address, as libvirt writes them, however many records it has."""
    names: dict[str, list[str]] = {}
    for host in option(live, "dns", "hosts") or []:
        names.setdefault(spelled(host["ip"]), []).extend(host.get("hostnames") or [])
    return {entry for address, of_it in names.items() for entry in _entries(" ".join([address, *of_it]), None)}
