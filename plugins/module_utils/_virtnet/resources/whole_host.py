# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networking of a host in the shape in which a topology states it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Callable

from ..host.snapshot import Snapshot
from ..schema.options import Options, is_empty, option
from ..schema.scalars import MAC
from .exclusive import SHIPPED
from .interface.describe import describe_interfaces
from .interface.meant import stated_source
from .network.describe import describe_network
from .network.layers import options_of
from .network_port.describe import describe_ports
from .nwfilter.describe import describe_filter
from .nwfilter_binding.describe import describe_binding
from .sriov.describe import describe_function

Items = Iterator[Options]
MADE_UP_BRIDGE, MADE_UP_TAP, MADE_UP_ALIAS = r"virbr\d+", r"(vnet|macvtap|macvlan)\d+", r"(net|hostdev)\d+"
LIBVIRTS_MACS = "52:54:00:"


def describe_host(seen: Snapshot, kinds: list[str], names: list[str] | None, portable: bool) -> Options:
    """The lists of these kinds, sorted as people sort; ``names`` are patterns of what is wanted, None for all.

    What is ``portable`` has nothing that libvirt has made up for this host, nor what every libvirt brings.
    """
    described = {}
    for kind in kinds:
        items = [item for item in LISTERS[kind](seen) if _is_wanted(item, names)
                 and not (portable and kind == "nwfilters" and item["name"] in SHIPPED)]
        items = [{name: value for name, value in item.items() if name != "status"} for item in items]
        if portable:
            items = [PORTABLE[kind](item) for item in items]
        if portable and kind == "interfaces":
            items = _without_made_up_macs(seen, items)
        described[kind] = sorted(items, key=_as_people_sort)
    return described


def _sriov(seen: Snapshot) -> Items:
    return (describe_function(seen, address) for address in (seen.physical_functions if seen.reaches_kernel else ()))


def _nwfilters(seen: Snapshot) -> Items:
    return (describe_filter(seen, name) for name in seen.filters())


def _networks(seen: Snapshot) -> Items:
    return (describe_network(seen, name) for name in seen.network_names())


def _network_ports(seen: Snapshot) -> Items:
    """Those of guests come and go with them."""
    return (port for name in seen.network_names() for port in describe_ports(seen, name) if not port["status"]["guest"])


def _nwfilter_bindings(seen: Snapshot) -> Items:
    return (one for one in (describe_binding(seen, device) for device in seen.bindings()) if not one["status"]["guest"])


def _interfaces(seen: Snapshot) -> Items:
    return (one for uuid in seen.get("domains") for one in describe_interfaces(seen, seen.domain_of(uuid).name, None))


LISTERS: dict[str, Callable[[Snapshot], Items]] = {
    "sriov": _sriov, "nwfilters": _nwfilters, "networks": _networks, "network_ports": _network_ports,
    "nwfilter_bindings": _nwfilter_bindings, "interfaces": _interfaces}


def _names(item: Options) -> list[str]:
    found = [item.get(name) for name in ("name", "device", "domain", "network")]
    return [str(name) for name in [*found, option(item, "portdev", "name")] if name]


def _is_wanted(item: Options, patterns: list[str] | None) -> bool:
    return patterns is None or any(fnmatchcase(name, pattern) for name in _names(item) for pattern in patterns)


def _as_people_sort(item: Options) -> list[tuple[int, int, str]]:
    """lab2 before lab10."""
    text = " ".join([*_names(item), str(option(item, "mac", "address") or "")])
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


# --- what another host can take


def _without(item: Options, *names: str) -> Options:
    return {name: value for name, value in item.items() if name not in names}


def _portable_network(item: Options) -> Options:
    taken = _without(item, "uuid", *(["mac"] if str(option(item, "mac", "address")).startswith(LIBVIRTS_MACS) else []))
    if re.fullmatch(MADE_UP_BRIDGE, str(option(item, "bridge", "name"))):
        taken["bridge"] = _without(item["bridge"], "name")
    return {name: value for name, value in taken.items() if not is_empty(value)}


# of a switch port, what libvirt makes up for each
IDENTITIES = ("interfaceid", "instanceid")


def _portable_interface(item: Options) -> Options:
    taken = _without(item, "address")
    parameters = option(item, "virtualport", "parameters")
    if parameters:
        kept = dict(item["virtualport"], parameters=_without(parameters, *IDENTITIES))
        taken["virtualport"] = {name: value for name, value in kept.items() if not is_empty(value)}
    for name, part, made_up in (("target", "dev", MADE_UP_TAP), ("alias", "name", MADE_UP_ALIAS)):
        if re.fullmatch(made_up, str(option(item, name, part))):
            taken[name] = _without(item[name], part)
    if option(item, "boot", "order"):
        taken["convert_boot"] = True  # a guest without any order has boot devices in <os>, of libvirt's own making
    return {name: value for name, value in taken.items() if not is_empty(value)}


def _without_made_up_macs(seen: Snapshot, items: list[Options]) -> list[Options]:
    """MAC addresses go that libvirt made up, as far as nothing else of this host says them and the rest names the one.

    So another host's guest of that name, whose interface has another one, has the same one.
    """
    reserved = {MAC.normal(host["mac"]) for name in seen.network_names()
                for ip in (options_of(seen, "network_config", name) or {}).get("ips") or []
                for host in option(ip, "dhcp", "hosts") or [] if host.get("mac")}
    sources = Counter((item["domain"], stated_source(item)) for item in items)
    return [_without_mac(item) if _is_made_up(item, reserved) and (
        option(item, "alias", "name") or option(item, "target", "dev")
        or (stated_source(item) and sources[item["domain"], stated_source(item)] == 1)) else item for item in items]


def _without_mac(item: Options) -> Options:
    mac = _without(item.get("mac") or {}, "address")
    return dict(_without(item, "mac"), **({"mac": mac} if mac else {}))


def _is_made_up(item: Options, reserved: set[str]) -> bool:
    mac = MAC.normal(option(item, "mac", "address") or "")
    pair = item.get("teaming") or item.get("layers")  # what is in one layer, or one half, is known by its address
    return mac.startswith(LIBVIRTS_MACS) and mac not in reserved and not pair


def _portable_port(item: Options) -> Options:
    """libvirt chooses the plug and the traffic class of a new one."""
    taken, bandwidth = _without(item, "uuid", "plug"), item.get("bandwidth")
    return dict(taken, bandwidth=_without(bandwidth, "class_id")) if bandwidth else taken


def _named_by_device(item: Options) -> Options:
    return _without(item, "address") if item.get("device") else item


PORTABLE: dict[str, Callable[[Options], Options]] = {
    "sriov": _named_by_device, "nwfilters": lambda item: _without(item, "uuid"), "networks": _portable_network,
    "network_ports": _portable_port, "nwfilter_bindings": dict, "interfaces": _portable_interface}
