# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with a network and guests on it, made by hand, as parts of a snapshot."""

from __future__ import annotations

from typing import Any, NamedTuple

from unit.fake_host import UUID, FakeHost, device, parts

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.found import NetworkFound, look
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

FOREIGN = "6b1a0c0e-1111-4fa7-bb32-aaaaaaaaaaaa"  # the UUID of a port of others
LAB = {
    "name": "lab", "uuid": UUID, "forward": {"mode": "nat"}, "bridge": {"name": "virbr0", "stp": True, "delay": 0},
    "mac": {"address": "52:54:00:00:00:01"}, "ips": [{"address": "10.0.0.1", "prefix": 24}],
}
BRIDGE = device(kind="bridge", mac="52:54:00:00:00:01", stp=True, delay=2.0, addresses=["10.0.0.1/24"])
TAP = device(kind="tun", master="virbr0", port={"brport_isolated": 1}, fdb=[["52:54:00:00:01:00", None]])


def network(**changes: Any) -> dict:
    """The network above with changes; None takes an option away."""
    return {name: value for name, value in dict(LAB, **changes).items() if value is not None}


class Guest(NamedTuple):
    """A running guest with one interface, of a network and with a tap; ``own`` is what it has besides."""

    number: int = 0
    name: str = "one"
    network: str = "lab"
    own: str = ""

    @property
    def uuid(self) -> str:
        return "%s%06x" % (UUID[:-6], self.number)

    @property
    def mac(self) -> str:
        return "52:54:00:00:%02x:%02x" % (1 + self.number // 256, self.number % 256)

    @property
    def label(self) -> str:
        return "%s (%s)" % (self.name, self.mac)

    @property
    def tap(self) -> str:
        return "vnet%d" % self.number

    @property
    def port(self) -> str:
        return "%s%06x" % (FOREIGN[:-6], self.number)

    @property
    def live(self) -> str:
        return _domain("bridge", self.mac, "<source network='%s' portid='%s' bridge='virbr0'/><target dev='%s'/>%s"
                       % (self.network, self.port, self.tap, self.own))

    @property
    def config(self) -> str:
        return _domain("network", self.mac, "<source network='%s'/>%s" % (self.network, self.own))


def _domain(kind: str, mac: str, rest: str) -> str:
    return "<domain><devices><interface type='%s'><mac address='%s'/>%s</interface></devices></domain>" % (
        kind, mac, rest)


def guest(number: int = 0, name: str = "one", own: str = "") -> Guest:
    return Guest(number, name, own=own)


def port(uuid: str) -> str:
    return ("<networkport><uuid>%s</uuid><owner><name>one</name><uuid>%s</uuid></owner><mac"
            " address='52:54:00:00:00:99'/><plug type='network' bridge='virbr0'/></networkport>" % (uuid, UUID))


def guest_parts(guests: tuple[Guest, ...]) -> dict[str, dict[str, Any]]:
    """The parts of a host that are about guests."""
    return {
        "domains": {one.uuid: {"name": one.name, "active": True, "persistent": True} for one in guests},
        "domain_config": {one.uuid: one.config for one in guests},
        "domain_live": {one.uuid: one.live for one in guests},
    }


def lab_parts(config: dict | None = None, live: dict | None = None, autostart: bool = False,
              guests: tuple[Guest, ...] = (), ports: tuple[str, ...] = (), devices: dict | None = None,
              version: tuple[int, ...] = (9, 0, 0), sets_metadata: bool = False, **more: Any) -> dict[str, Any]:
    """The network lab with a configuration, a running definition, both or neither; without devices the kernel is out
    of reach."""
    networks = {}
    if config or live:
        networks["lab"] = {"uuid": UUID, "active": bool(live), "persistent": bool(config), "autostart": autostart}
    return {
        "host": {"version": list(version), "uri": "qemu:///system", "local": devices is not None,
                 "sets_metadata": sets_metadata},
        "networks": networks,
        "network_config": {"lab": _text(config)},
        "network_live": {"lab": _text(live)},
        "ports": {"lab": [port(one.port) for one in guests] + list(ports)},
        "devices": devices or {},
        **guest_parts(guests),
        **more,
    }


def _text(options: dict | None) -> str | None:
    return dump_xml(NETWORK.render(options)) if options else None


def numbered(number: int) -> dict:
    """The options of one of many networks."""
    return dict(LAB, name="net%04d" % number, uuid="%s%06x" % (UUID[:-6], number),
                bridge={"name": "virbr%d" % number, "stp": True, "delay": 0},
                mac={"address": "52:54:00:01:%02x:%02x" % divmod(number, 256)},
                ips=[{"address": "10.%d.%d.1" % divmod(number, 256), "prefix": 24}])


def many_parts(count: int, pools: int = 0) -> dict[str, Any]:
    """Networks that run, each with its bridge and a guest's tap in it; the first guests have a device of a pool too,
    by which the guest does not say the network."""
    every = [numbered(number) for number in range(count)]
    guests = [Guest(number, "guest%04d" % number, options["name"]) for number, options in enumerate(every)]
    devices = {"virbr%d" % number: device(kind="bridge", stp=True, delay=2.0, addresses=[
        "%s/24" % options["ips"][0]["address"]]) for number, options in enumerate(every)}
    taps = {one.tap: device(kind="tun", master="virbr%d" % one.number) for one in guests}
    texts = {options["name"]: _text(options) for options in every}
    about_guests = guest_parts(tuple(guests))
    for one in guests[:pools]:
        about_guests["domain_live"][one.uuid] = one.live.replace("</devices>", POOLED + "</devices>")
    return {
        "networks": {options["name"]: {"uuid": options["uuid"], "active": True, "persistent": True, "autostart": False}
                     for options in every},
        "network_config": texts, "network_live": dict(texts),
        "ports": {one.network: [port(one.port)] for one in guests},
        "devices": {**devices, **taps}, **about_guests,
    }


POOLED = ("<interface type='hostdev'><mac address='52:54:00:00:00:77'/><source><address type='pci' domain='0x0000'"
          " bus='0x3b' slot='0x10' function='0x1'/></source></interface>")


def lab(*layers: dict | None, **more: Any) -> Snapshot:
    """A host with the network lab as it was recorded."""
    return Snapshot.of_record(parts(**lab_parts(*layers, **more)))


def lab_host(*layers: dict | None, **more: Any) -> FakeHost:
    """A host with the network lab that can be changed."""
    return FakeHost(**lab_parts(*layers, **more))


def started_host(options: dict, **more: Any) -> FakeHost:
    """A host on which the network lab was defined and started, and is as libvirt completes it."""
    host = lab_host(devices={}, **more)
    host.libvirt.define_network(NETWORK.render(options))
    host.libvirt.start_network("lab")
    return host


def found(*layers: dict | None, **more: Any) -> NetworkFound:
    """What is found of the network lab."""
    return look(lab(*layers, **more), "lab")
