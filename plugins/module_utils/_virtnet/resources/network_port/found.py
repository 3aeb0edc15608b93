# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of a virtual network, and the running guest's interface that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...documents.network_port import NETWORK_PORT
from ...host.parts import once
from ...host.snapshot import Snapshot
from ...host.uses import GuestInterface, guests_of
from ...schema.options import Options, option
from ...schema.xml import load_xml
from ..bandwidth import rates
from ..network.layers import options_of
from ..repair import Devices

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...schema.nodes import Version


class Names(NamedTuple):
    """What tells a port from others, as it compares; empty for what is not said."""

    uuid: str
    mac: str
    owner: Options


class Port(NamedTuple):
    """A port by its document."""

    text: str
    document: Element
    options: Options
    names: Names
    floor: int


class PortFound(NamedTuple):
    """What there is.

    ``ports`` are those that the task names, which is to be one at most. ``others`` are the names of all networks where
    ``exists`` says that there is none of this name. ``network`` are the options of the running network, None when it
    does not run, ``configured`` those of its configuration, ``floors`` those of its other ports in kB/s, ``guests`` the
    interfaces of running guests on it. ``traffic`` is what tc limits of the guest's device, None when it is not known.
    ``devices`` are those of the host, None when the kernel is out of reach.
    """

    ports: tuple[Port, ...]
    exists: bool
    others: tuple[str, ...]
    guest: GuestInterface | None
    version: Version
    network: Options | None
    floors: tuple[int, ...]
    configured: Options | None
    guests: tuple[GuestInterface, ...]
    traffic: Options | None
    devices: Devices | None = None

    @property
    def port(self) -> Port | None:
        return self.ports[0] if self.ports else None

    @property
    def current(self) -> Options | None:
        return self.port.options if self.port else None


def look(seen: Snapshot, network: str, options: Options) -> PortFound:
    """Everything about the port of a network that these options name: by its UUID, or its MAC address and owner."""
    names = names_of(options)
    ports = [port for port in ports_of(seen, network)
             if (port.names.uuid == names.uuid if names.uuid else port.names.mac == names.mac)]
    if names.owner and not names.uuid:
        ports = [port for port in ports if port.names.owner == names.owner]
    return found_of(seen, network, *ports)


def found_of(seen: Snapshot, network: str, *ports: Port) -> PortFound:
    """A port with what belongs to it."""
    record = seen.network(network)
    uuid = ports[0].options.get("uuid") if ports else None
    guest = next((guest for guest in guests_of(seen, network) if guest.port == uuid), None) if uuid else None
    return PortFound(
        ports=ports,
        exists=record is not None,
        others=() if record else tuple(seen.network_names()),
        guest=guest,
        version=seen.version,
        network=options_of(seen, "network_live", network),
        floors=tuple([port.floor for port in ports_of(seen, network) if port.floor and port not in ports]),
        configured=options_of(seen, "network_config", network),
        guests=guests_of(seen, network),
        traffic=_traffic(seen, guest),
        devices=seen.devices,
    )


def ports_of(seen: Snapshot, network: str) -> list[Port]:
    """The ports of a network; only one that runs has some."""
    record = seen.get("networks").get(network)
    texts, known = seen.get("ports", network) if record and record["active"] else [], _known(seen)
    for text in texts:
        if text not in known:
            known[text] = _read(text)
    return [known[text] for text in texts]


@once
def _known(_seen: Snapshot) -> dict[str, Port]:
    """Every port that was read, by its text, since a wish for one leaves all others as they are."""
    return {}


def _read(text: str) -> Port:
    document = load_xml(text)
    options = NETWORK_PORT.parse(document)
    return Port(text, document, options, names_of(options), rates(options)["inbound.floor"])


def names_of(options: Options) -> Names:
    said = NETWORK_PORT.normal({name: options[name] for name in Names._fields if name in options}) or {}
    return Names(said.get("uuid") or "", option(said, "mac", "address") or "", said.get("owner") or {})


def _traffic(seen: Snapshot, guest: GuestInterface | None) -> Options | None:
    """What tc limits of a guest's tap; virtual switches keep limits of their own."""
    if guest is None or guest.live.find("virtualport") is not None:
        return None
    return seen.traffic(guest.tap)


def model(network: str, found: PortFound) -> Options:
    """A port as the module takes it."""
    if found.current is None:
        return {"network": network, "state": "absent"}
    return dict(found.current, network=network)
