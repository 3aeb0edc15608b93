# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only shows when hosts are held against each other. Each finding names the hosts, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Callable

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .migration import unmigratable
from .twice import addresses_twice, macs_twice, overlaps
from .words import called, tags

USUAL_MTU = 1500


def findings_of(gathered: list[Options]) -> list[Options]:
    """All findings over the hosts that were read, each with kind, about, hosts (what each has), text and do."""
    graphs = {one["name"]: one["read"]["graph"] for one in gathered if (one.get("read") or {}).get("graph")}
    described = {one["name"]: one["read"].get("topology") or {} for one in gathered if one["name"] in graphs}
    return [finding for find in FINDERS for finding in find(graphs, described)]


def _finding(kind: str, about: str, hosts: dict[str, Any], text: str, do: str) -> Options:
    return {"kind": kind, "about": about, "hosts": {name: hosts[name] for name in sorted(hosts)}, "text": text,
            "do": do}


def _nodes(graph: Options, kind: str) -> Iterator[Options]:
    return (node for node in graph["nodes"] if node["kind"] == kind and node["layers"])


# what of a network is to be the same wherever one of its name is: by what people call it
ALIKE: dict[str, Callable[[Options], str]] = {
    "mode": lambda node: str(node.get("mode") or "isolated"),
    "subnets": lambda node: ", ".join(sorted(node.get("subnets") or [])) or "none",
    "VLAN": lambda node: tags(node.get("vlan")),
    "MTU": lambda node: str(node.get("mtu") or USUAL_MTU),
}


def _networks(graphs: Options, _described: Options) -> Iterator[Options]:
    """Networks and portgroups of one name that are not the same."""
    for kind, questions in (("network", ALIKE), ("portgroup", {"VLAN": ALIKE["VLAN"]})):
        found: dict[str, dict[str, Options]] = {}
        for host, graph in graphs.items():
            for node in _nodes(graph, kind):
                found.setdefault(node["id"], {})[host] = node
        for nodes in found.values():
            for what, ask in questions.items():
                said = {host: ask(node) for host, node in nodes.items()}
                yield from _unequal(called(nodes[min(nodes)]), what, said)


def _filters(_graphs: Options, described: Options) -> Iterator[Options]:
    found: dict[str, dict[str, str]] = {}
    for host, lists in described.items():
        for item in lists.get("nwfilters") or []:
            rest = {name: value for name, value in item.items() if name not in ("uuid", "status")}
            found.setdefault(item["name"], {})[host] = json.dumps(rest, sort_keys=True)
    for name, said in found.items():
        variants = {text: "variant %d" % number for number, text in enumerate(_by_use(said), 1)}
        yield from _unequal("filter %s" % name, "rules", {host: variants[text] for host, text in said.items()})


def _releases(graphs: Options, _described: Options) -> Iterator[Options]:
    said = {host: str(graph["host"].get("libvirt")) for host, graph in graphs.items()}
    yield from _unequal("libvirt", "release", said, "Guests migrate from an older release to a newer one, and not"
                        " always back; bring all hosts to one release.")


def _by_use(said: dict[str, str]) -> list[str]:
    """Every value, the commonest first."""
    values = list(said.values())
    return sorted(dict.fromkeys(values), key=lambda value: -values.count(value))


def _unequal(about: str, what: str, said: dict[str, str], do: str = "") -> Iterator[Options]:
    values = _by_use(said)
    if len(values) > 1:
        others = sorted(host for host, value in said.items() if value != values[0])
        told = ["%s on %s" % (value, _listed(host for host in said if said[host] == value)) for value in values]
        text = "%s: not the same %s everywhere: %s" % (about, what, "; ".join(told))
        yield _finding(
            "differs", about, said, text,
            do or "State the same %s of %s for %s as for the others, or give it another name there." % (
                what, about, _listed(others)))


def _listed(names: Any, most: int = 5) -> str:
    """Names in words; a finding has all of them in ``hosts``."""
    every = sorted(dict.fromkeys(names))
    return ", ".join(every[:most]) + (" and %d more" % (len(every) - most) if len(every) > most else "")


def _macs(graphs: Options, _described: Options) -> Iterator[Options]:
    for mac, users in macs_twice(graphs):
        yield _finding("twice", "MAC " + mac, users, "MAC %s is used by %s" % (mac, _who(users)),
                       "Give all but one of them another MAC (mac.address of virtnet.libvirt.interface); where it is"
                       " one guest that runs twice, stop one of them.")


def _addresses(graphs: Options, described: Options) -> Iterator[Options]:
    for address, users in addresses_twice(graphs, described):
        yield _finding("twice", "address " + address, users, "address %s is used by %s" % (address, _who(users)),
                       "Give all but one of them another address, by a reservation or in the guest.")


def _who(users: dict[str, list[str]]) -> str:
    return _listed("%s on %s" % (user, host) for host, names in users.items() for user in names)


def _overlaps(graphs: Options, _described: Options) -> Iterator[Options]:
    for one, other in overlaps(graphs):
        hosts: dict[str, list[str]] = {}
        for subnet in (one, other):
            hosts.setdefault(subnet.host, []).append("%s of %s" % (subnet.network, subnet.what))
        text = "%s of %s on %s overlaps %s of %s on %s" % (
            one.network, one.what, one.host, other.network, other.what, other.host)
        yield _finding("overlap", "subnet %s" % one.network, hosts, text, "Give one of them another subnet.")


def _migrations(graphs: Options, _described: Options) -> Iterator[Options]:
    for thing, guests, lacking in unmigratable(graphs):
        hosts: dict[str, Any] = {host: sorted(names) for host, names in guests.items()}
        hosts.update({host: why for host, (why, _do) in lacking.items() if host not in hosts})
        movers = ["%s of %s" % (guest, host) for host in sorted(guests) for guest in sorted(guests[host])]
        reasons = {lack: [host for host in lacking if lacking[host] == lack] for lack in sorted(set(lacking.values()))}
        yield _finding("migration", thing, hosts, "%s %s could not move to %s" % (
            "guest" if len(movers) == 1 else "guests", _listed(movers), "; to ".join(
                "%s: %s %s" % (_listed(where), thing, why) for (why, _do), where in reasons.items())),
            "To move %s there, %s." % ("it" if len(movers) == 1 else "them", "; ".join(
                "%s on %s" % (do, _listed(where)) for (_why, do), where in reasons.items())))


FINDERS = (_networks, _filters, _releases, _macs, _addresses, _overlaps, _migrations)
