# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is connected to what on a host, as nodes and edges. Pure; docs/graph.md has the shape.

What a document names and nothing else has is a node too, without layers of its own: so an edge never ends nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..documents.network import prefix_of
from ..documents.nwfilter_binding import NWFILTER_BINDING
from ..host.snapshot import DomainRecord, Snapshot
from ..host.uses import function_users, pci_address
from ..schema.options import Options, option
from .interface.addresses import addresses_of
from .interface.cards import Card, cards_of
from .interface.layers import Pair, pairs_of
from .network.layers import options_of

VERSION = 1
LAYERS = ("config", "live", "saved", "kernel", "boot")
OF_NOBODY = ("lo", "ovs-system")  # the kernel has them, and people no use for them
DEVICE_KINDS = {None: "uplink", "bridge": "bridge", "openvswitch": "bridge", "bond": "bond", "team": "bond"}


class Graph:
    """Nodes by id, and edges; what is told of twice has the layers of both."""

    def __init__(self) -> None:
        self._nodes: dict[str, Options] = {}
        self._edges: dict[tuple[str, ...], Options] = {}

    def node(self, kind: str, name: str, *within: str, layers: tuple[str, ...] = (), **more: Any) -> str:
        """The id of a node, which is there from now on; ``within`` is what its name is one of."""
        key = "/".join((kind, *within, name))
        found = self._nodes.setdefault(key, {"id": key, "kind": kind, "name": name, "state": "missing", "layers": []})
        found.update({name: value for name, value in more.items() if value not in (None, "", [], {})})
        found["layers"] = _ordered({*found["layers"], *layers})
        return key

    def edge(self, kind: str, start: str, end: str, *layers: str, **more: Any) -> None:
        said = {name: value for name, value in more.items() if value not in (None, "", [], {})}
        key = (kind, start, end, json.dumps(said, sort_keys=True))
        found = self._edges.setdefault(key, {"kind": kind, "from": start, "to": end, "layers": [], **said})
        found["layers"] = _ordered({*found["layers"], *layers})

    def as_result(self, host: Options) -> Options:
        return {"version": VERSION, "host": host, "nodes": [*self._nodes.values()], "edges": [*self._edges.values()]}


def _ordered(layers: set[str]) -> list[str]:
    return [layer for layer in LAYERS if layer in layers]


def graph_of(seen: Snapshot) -> Options:
    """The graph of a host."""
    graph = Graph()
    drawn = _Drawn(seen, graph)
    for draw in (drawn.filters, drawn.devices, drawn.networks, drawn.guests, drawn.members, drawn.bindings):
        draw()
    there = {} if seen.devices is None else {"devices": sorted({*seen.devices} - {*OF_NOBODY, *drawn.taps})}
    return graph.as_result({"libvirt": ".".join(map(str, seen.version)), "uri": seen.uri, **there})


class _Drawn:
    """A host as far as it is drawn; ``taps`` are the devices that are shown as what has them."""

    def __init__(self, seen: Snapshot, graph: Graph) -> None:
        self.seen, self.graph = seen, graph
        self.taps: dict[str, str] = {}
        self.switched = {name: port["bridge"] for port in seen.switch_ports.values() for name in port["devices"]}
        self.functions: dict[str, str] = {}  # the names and addresses of virtual functions, by both
        for function in seen.physical_functions.values():
            for vf in function["vfs"]:
                self.functions.update({name: vf["address"] for name in (vf["address"], vf["device"]) if name})

    # --- the host

    def filters(self) -> None:
        for name, record in self.seen.filters().items():
            key = self.graph.node("filter", name, layers=("config",), state="defined", uuid=record.uuid)
            for reference in record.document.findall("filterref"):
                self.graph.edge("includes", key, self.graph.node("filter", reference.get("filter") or ""), "config")

    def device(self, name: str, kind: str | None = None) -> str:
        """The node of a device of the host; ``kind`` is what it has to be when the kernel does not say."""
        if name in self.taps:
            return self.taps[name]
        if name in self.functions:
            return "vf/" + self.functions[name]
        found = self.seen.device(name)
        if found is None:
            known = self.seen.reaches_kernel
            return self.graph.node(kind or "uplink", name, state="missing" if known else "unknown")
        vlan = found.get("vlan")
        tag = {"tags": [{"id": vlan["id"]}]} if vlan else None
        key = self.graph.node(
            self._kind(name, found), name, layers=("kernel",), state="up" if found["up"] else "down",
            mac=found["mac"], mtu=found["mtu"], driver=found["kind"], addresses=found["addresses"], vlan=tag)
        if vlan and vlan["link"]:
            self.graph.edge("tags", key, self.device(vlan["link"]), "kernel", vlan=tag)
        return key

    def _kind(self, name: str, found: Options) -> str:
        """The bridges of Open vSwitch are of any kind to the kernel, by what forwards their frames."""
        return "bridge" if self.switched.get(name) == name else DEVICE_KINDS.get(found["kind"], "device")

    def devices(self) -> None:
        """The functions of cards; other devices are drawn where something refers to them, and uplinks always."""
        for address, function in self.seen.physical_functions.items():
            names = function["devices"]
            uplink = self.device(names[0]) if names else self.graph.node("uplink", address, layers=("kernel",),
                                                                         state="up")
            users = function_users(self.seen, address) if function["vfs"] else {}
            for vf in function["vfs"]:
                used = [user.label for user in users[vf["index"]]]
                key = self.graph.node("vf", vf["address"], layers=("kernel",), state="used" if used else "free",
                                      device=vf["device"], driver=vf["driver"], index=vf["index"], used_by=used)
                self.graph.edge("belongs", key, uplink, "kernel")
        for name, found in (self.seen.devices or {}).items():
            if name not in OF_NOBODY and self._kind(name, found) != "device":
                self.device(name)

    def members(self) -> None:
        """What the kernel and Open vSwitch have in bridges and bonds."""
        for name, found in (self.seen.devices or {}).items():
            master = self.switched.get(name) or found["master"]
            if master and master != name:
                self.graph.edge("member", self.device(name), self.device(master, "bridge"), "kernel",
                                state="up" if found["up"] else "down", device=name if name in self.taps else None)

    def bindings(self) -> None:
        for device, binding in self.seen.bindings().items():
            name = option(NWFILTER_BINDING.parse(binding), "filterref", "filter")
            if name and device not in self.taps:
                self.graph.edge("filtered", self.device(device, "device"), self.graph.node("filter", name), "live")

    # --- networks

    def networks(self) -> None:
        for name in self.seen.network_names():
            record = self.seen.network(name)
            if record is None:
                continue
            layers = [layer for layer, there in (("config", record.persistent), ("live", record.active),
                                                 ("boot", record.autostart)) if there]
            key = self.graph.node("network", name, layers=tuple(layers), uuid=record.uuid,
                                  state="active" if record.active else "inactive")
            for layer, options in self._layers(name):
                self._network(key, layer, options)
            for port in self.seen.ports(name):
                self._port(key, name, port)

    def _layers(self, network: str) -> Iterator[tuple[str, Options]]:
        for layer in ("live", "config"):
            options = options_of(self.seen, "network_" + layer, network)
            if options is not None:
                yield layer, options

    def _network(self, key: str, layer: str, options: Options) -> None:
        forward = options.get("forward") or {}
        name = options["name"]
        said = dict(_limits(options), mode=forward.get("mode") or "isolated", mtu=option(options, "mtu", "size"),
                    subnets=[_subnet(ip) for ip in options.get("ips") or []], domain=option(options, "domain", "name"),
                    vlan=options.get("vlan"))
        self.graph.node("network", name, **(said if layer == "live" or not self._is_live(name) else {}))
        bridge = option(options, "bridge", "name")
        if bridge:
            there = ("kernel",) if self.seen.device(bridge) else ()
            self.graph.edge("uses", key, self.device(bridge, "bridge"), layer, *there, vlan=options.get("vlan"))
        for device in dict.fromkeys([forward.get("dev"), option(forward, "pf", "dev"),
                                     *(one.get("dev") for one in forward.get("interfaces") or [])]):
            if device:
                self.graph.edge("uses", key, self.device(device), layer)
        for address in self._pool(name, layer):
            self.graph.edge("uses", key, self.graph.node("vf", address), layer)
        for group in options.get("portgroups") or []:
            inner = self.graph.node("portgroup", group["name"], name, layers=(layer,), state="defined", network=name,
                                    default=group.get("default"), **_limits(group))
            self.graph.edge("belongs", inner, key, layer, **_limits(group))

    def _is_live(self, network: str) -> bool:
        return bool(self.seen.get("networks")[network]["active"])

    def _pool(self, network: str, layer: str) -> list[str]:
        document = self.seen.document("network_" + layer, network)
        found = document.findall("forward/address") if document is not None else []
        return [address for address in map(pci_address, found) if address]

    def _port(self, network: str, name: str, port: Any) -> None:
        uuid, group = port.findtext("uuid") or "", port.findtext("group")
        mac = port.find("mac")
        owner = port.findtext("owner/name")
        key = self.graph.node("port", uuid, name, layers=("live",), state="active", network=name, owner=owner,
                              mac=mac.get("address") if mac is not None else None)
        self.graph.edge("belongs", key, self.graph.node("portgroup", group, name) if group else network, "live")
        address = pci_address(port.find("plug/address"))
        if address:
            self.graph.edge("plugged", key, self.graph.node("vf", address), "live")

    # --- guests

    def guests(self) -> None:
        for uuid in self.seen.get("domains"):
            record = self.seen.domain_of(uuid)
            key = self.graph.node("guest", record.name, state=_state(record), uuid=uuid, layers=tuple(
                layer for layer, there in (("config", record.persistent), ("live", record.active),
                                           ("saved", record.saved is not None)) if there))
            addresses = self.seen.get("addresses", uuid) if record.active else {}
            used: dict[str, int] = {}
            for pair in pairs_of(*cards_of(self.seen, uuid)):
                mac = pair.cards[0].mac
                used[mac] = used.get(mac, 0) + 1  # a pair of one address is two interfaces
                name = mac if used[mac] == 1 else "%s#%d" % (mac, used[mac])
                self._interface(key, record, name, pair, addresses)

    def _interface(self, guest: str, record: DomainRecord, name: str, pair: Pair, addresses: Options) -> None:
        layers = {layer: card for layer, card in zip(("live", "config"), (pair.live, pair.config)) if card is not None}
        card = pair.live or pair.cards[0]
        found = {source: [_address(text) for text in told]
                 for source, told in addresses_of(self.seen, card, addresses).items() if told}
        key = self.graph.node(
            "interface", name, record.name, layers=tuple(layers), guest=record.name, mac=card.mac, model=option(
                card.options, "model", "type"), device=card.tap if pair.live else None, addresses=found,
            state=(option(card.options, "link", "state") or "up") if pair.live else "unplugged" if record.active
            else "off", **_limits(card.options))
        if pair.live and card.tap and self.seen.device(card.tap):
            self.taps[card.tap] = key
        self.graph.edge("has", guest, key, *layers)
        for layer, one in layers.items():
            self._connection(key, layer, one)
        if pair.live and pair.live.port and pair.live.network:
            port = self.graph.node("port", pair.live.port, pair.live.network, network=pair.live.network)
            self.graph.edge("plugged", port, key, "live")

    def _connection(self, key: str, layer: str, card: Card) -> None:
        source = card.options.get("source") or {}
        said = {"vlan": card.options.get("vlan"), "qos": card.options.get("bandwidth"),
                "state": option(card.options, "link", "state") or "up"}
        network = source.get("network")
        if network:
            group, inherited = self._group(network, layer, source.get("portgroup"))
            said = {name: value or inherited.get(name) for name, value in said.items()}
            self.graph.edge("connects", key, self.graph.node("portgroup", group, network, network=network) if group
                            else self.graph.node("network", network), layer, **said)
        elif source.get("bridge"):
            self.graph.edge("connects", key, self.device(source["bridge"], "bridge"), layer, **said)
        elif source.get("dev"):
            self.graph.edge("connects", key, self.device(source["dev"]), layer, **said)
        address = pci_address(card.raw.find("source/address"))
        if address:
            self.graph.edge("connects", key, self.graph.node("vf", address), layer, **said)
        name = option(card.options, "filterref", "filter")
        if name:
            self.graph.edge("filtered", key, self.graph.node("filter", name), layer)

    def _group(self, network: str, layer: str, named: str | None) -> tuple[str | None, Options]:
        """The portgroup that an interface has, also as the default one, and what it has from it or the network."""
        options = (options_of(self.seen, "network_" + layer, network)
                   or options_of(self.seen, "network_live" if layer == "config" else "network_config", network) or {})
        groups = options.get("portgroups") or []
        group: Options = next((one for one in groups if (one["name"] == named if named else one.get("default"))), {})
        return named or group.get("name"), {"vlan": group.get("vlan") or options.get("vlan"),
                                            "qos": group.get("bandwidth")}


def _limits(options: Options) -> Options:
    return {"vlan": options.get("vlan"), "qos": options.get("bandwidth")}


def _address(told: str) -> str:
    """What is told by ARP has no prefix length, for which libvirt writes 0."""
    return told[:-2] if told.endswith("/0") else told


def _subnet(ip: Options) -> str:
    return "%s/%d" % (ip["address"], prefix_of(ip))


def _state(record: DomainRecord) -> str:
    if record.active:
        return record.state or "running"
    return "saved" if record.saved is not None else "shut off"
