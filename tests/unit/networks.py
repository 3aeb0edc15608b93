# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and networks made by hand, without libvirt."""

from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import (
    CONFIG,
    GuestInterface,
    HypervisorError,
    NetworkRecord,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network import NetworkState
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import load_xml

UUID = "3e3fce45-4f53-4fa7-bb32-11f34168b82b"
LAB = {
    "name": "lab", "uuid": UUID, "forward": {"mode": "nat"}, "bridge": {"name": "virbr0", "stp": True, "delay": 0},
    "mac": {"address": "52:54:00:00:00:01"}, "ips": [{"address": "10.0.0.1", "prefix": 24}],
}
BRIDGE = {"up": True, "mtu": 1500, "stp": True, "delay": 2.0, "master": None, "addresses": ["10.0.0.1/24"],
          "routes": [], "port": {}, "fdb": []}
TAP = {"up": True, "mtu": 1500, "stp": None, "delay": None, "master": "virbr0", "addresses": [], "routes": [],
       "port": {"brport_isolated": 1}, "fdb": [("52:54:00:00:01:00", None)]}


def network(**changes) -> dict:
    """The network above with changes; None takes an option away."""
    return {name: value for name, value in dict(LAB, **changes).items() if value is not None}


def guest(number: int = 0, name: str = "one") -> GuestInterface:
    mac = "52:54:00:00:01:%02x" % number
    interface = load_xml("<interface type='network'><mac address='%s'/><source network='lab'/></interface>" % mac)
    return GuestInterface(name, UUID, mac, "vnet%d" % number, "port-%d" % number, interface, interface)


def port(uuid: str):
    return load_xml("<networkport><uuid>%s</uuid><owner><name>one</name><uuid>%s</uuid></owner><mac"
                    " address='52:54:00:00:00:99'/><plug type='network' bridge='virbr0'/></networkport>" % (uuid, UUID))


def state(config: dict | None = None, live: dict | None = None, autostart: bool = False, guests: tuple = (),
          ports: tuple = (), devices: dict | None = None, names: dict | None = None, functions: frozenset | None = None,
          version: tuple = (9, 0, 0), sets_metadata: bool = False) -> NetworkState:
    """What there is: a network with a configuration, a running definition, both or neither."""
    record = None
    if config or live:
        record = NetworkRecord((config or live)["name"], UUID, bool(live), bool(config), autostart,
                               NETWORK.render(config) if config else None, NETWORK.render(live) if live else None,
                               tuple(port(one.port) for one in guests) + tuple(ports))
    if names is None and devices is not None:
        names = {name: device["stp"] is not None for name, device in devices.items()}
    return NetworkState(record, config, live, tuple(guests), devices, names, functions, version,
                        sets_metadata=sets_metadata)


class Recorder:
    """A layer that writes down what it is told and says what it was asked to say."""

    def __init__(self, **answers) -> None:
        self.calls, self.answers = [], answers

    def __getattr__(self, name: str):
        if name in self.answers:
            return self.answers[name]

        def call(*args) -> None:
            self.calls.append((name, *args))

        return call


def recording_host(bridge: str = "virbr0", devices: dict | None = None) -> Host:
    """A host that does nothing but write down, whose network is in ``bridge`` when it runs again."""
    live = load_xml("<network><bridge name='%s'/></network>" % bridge)
    record = SimpleNamespace(live=live)
    devices = dict({bridge: BRIDGE}, **(devices or {}))
    return Host(Recorder(forget=lambda: None, network=lambda name: record),
                Recorder(forget=lambda: None, device=devices.get))


class MemoryLibvirt:
    """Networks in memory: what libvirt does of it, without a host. Fails once, at what ``broken`` names."""

    version = (9, 0, 0)
    sets_metadata = False

    def __init__(self, broken: str = "") -> None:
        self.config, self.live, self.autostart, self.broken, self.guests = {}, {}, set(), broken, []

    def forget(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _may(self, what: str) -> None:
        if what == self.broken:
            self.broken = ""
            raise HypervisorError("%s is broken" % what)

    def network(self, name: str) -> NetworkRecord | None:
        if name not in self.config and name not in self.live:
            return None
        return NetworkRecord(name, UUID, name in self.live, name in self.config, name in self.autostart,
                             self.config.get(name), self.live.get(name), ())

    def guests_of(self, name: str) -> list:
        return self.guests

    def define_network(self, document) -> None:
        self._may("define")
        options = NETWORK.parse(document)
        options.setdefault("uuid", UUID)
        if (options.get("forward") or {}).get("mode") not in ("bridge", "hostdev", "passthrough", "private", "vepa"):
            options["bridge"] = dict({"name": "virbr0", "stp": True, "delay": 0}, **options.get("bridge", {}))
            options.setdefault("mac", {"address": "52:54:00:00:00:01"})
        self.config[options["name"]] = NETWORK.render(options, document)

    def create_network(self, document) -> None:
        self._may("create")
        name = document.findtext("name")
        before = self.config.pop(name, None)
        self.define_network(document)
        self.live[name] = self.config.pop(name)
        if before is not None:
            self.config[name] = before

    def undefine_network(self, name: str) -> None:
        self._may("undefine")
        del self.config[name]
        self.autostart.discard(name)

    def start_network(self, name: str) -> None:
        self._may("start")
        self.live[name] = self.config[name]

    def stop_network(self, name: str) -> None:
        self._may("stop")
        del self.live[name]

    def set_network_autostart(self, name: str, autostart: bool) -> None:
        self._may("autostart")
        (self.autostart.add if autostart else self.autostart.discard)(name)

    def update_network(self, name: str, command: int, section: int, parent: int, element, flag: int) -> None:
        """Portgroups alone, which are enough to see it work."""
        self._may("update")
        assert section == 9
        layer = self.config if flag == CONFIG else self.live
        options = NETWORK.parse(layer[name])
        item = NETWORK.node("portgroups").item.parse(element)
        groups = [group for group in options.get("portgroups", []) if group["name"] != item["name"]]
        options["portgroups"] = groups + ([] if command == 2 else [item])
        layer[name] = NETWORK.render(options, layer[name])
