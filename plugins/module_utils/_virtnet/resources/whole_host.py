# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networking of a host in the shape in which a topology states it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Callable

from ..host.snapshot import Snapshot
from ..schema.options import Options, is_empty, option
from .exclusive import SHIPPED
from .interface.describe import describe_interfaces
from .network.describe import describe_network
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
        described[kind] = sorted([PORTABLE[kind](item) for item in items] if portable else items, key=_as_people_sort)
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


def _portable_interface(item: Options) -> Options:
    taken = dict(item)
    if option(item, "address", "type") == "pci":
        del taken["address"]
    for name, part, made_up in (("target", "dev", MADE_UP_TAP), ("alias", "name", MADE_UP_ALIAS)):
        if re.fullmatch(made_up, str(option(item, name, part))):
            taken[name] = _without(item[name], part)
    return {name: value for name, value in taken.items() if not is_empty(value)}


def _named_by_device(item: Options) -> Options:
    return _without(item, "address") if item.get("device") else item


PORTABLE: dict[str, Callable[[Options], Options]] = {
    "sriov": _named_by_device, "nwfilters": lambda item: _without(item, "uuid"), "networks": _portable_network,
    "network_ports": lambda item: _without(item, "uuid"), "nwfilter_bindings": dict, "interfaces": _portable_interface}
