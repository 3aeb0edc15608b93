# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of a network that entries are in."""

from __future__ import annotations

from collections.abc import Iterable

from ...host.snapshot import Snapshot
from ...schema.errors import Path
from ...schema.options import Options
from ..network.edit import main_layer
from ..network.found import NetworkFound
from ..network.layers import options_of
from ..network.listed import normal_of
from .lists import Entries


def look(seen: Snapshot, name: str) -> NetworkFound:
    """The layers of the network, which are all that matters to its lists."""
    record = seen.network(name)
    config, live = options_of(seen, "network_config", name), options_of(seen, "network_live", name)
    return NetworkFound(record, config, live, (), (), None, None, seen.version,
                        others=() if record else tuple(seen.network_names()))


def model(desired: Iterable[Entries], found: NetworkFound) -> Options:
    """The lists of the network that the entries are in."""
    return lists_of(desired, main_layer(found))


def lists_of(desired: Iterable[Entries], options: Options) -> Options:
    """The lists of a layer that the entries are in, as their module takes them."""
    return {entries.option: [item for listed in listed_at(entries, options) for item in listed]
            for entries in desired}


def listed_at(entries: Entries, options: Options) -> list[list[Options]]:
    """The lists of a network in which such entries are: one for each address, or the one of its DNS."""
    places = [ip.get("dhcp") or {} for ip in options.get("ips") or []] if entries.of_dhcp else [
        options.get("dns") or {}]
    return [place.get(entries.path[-1]) or [] for place in places]


def given_at(entries: Entries, where: Path, options: Options) -> Path:
    """The place of a task that a place of a network comes from, the same where it comes from nowhere there."""
    before = ("ips", where[1]) if entries.of_dhcp and len(where) > 1 else ()
    place = len(before) + len(entries.path)
    if where[:place] != before + entries.path or len(where) == place:
        return where
    entry = normal_of(entries.table, listed_at(entries, options)[before[1] if before else 0][where[place]])
    means = [name for name in entry if not entries.joins or name in entries.identity]
    for index, normal in enumerate(entries.normals):
        if all(normal.get(name) == entry[name] for name in means):
            return Path(entries.option, index, *where[place + 1:][:1 if entries.joins else None])
    return where
