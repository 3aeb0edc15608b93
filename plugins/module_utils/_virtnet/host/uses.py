# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses what: pure questions over a snapshot, for planning, for guards, and for what is shown."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..schema.options import Options
from ..schema.xml import drop_attribute, dump_xml, load_held
from .parts import once
from .snapshot import DomainRecord, Snapshot

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


class GuestInterface(NamedTuple):
    """An interface of a running guest that is connected to a network.

    ``live`` is its element in the running guest, ``inactive`` the form in which libvirt takes it back.
    """

    domain: str
    domain_uuid: str
    mac: str
    tap: str
    port: str
    live: Element
    inactive: Element

    @property
    def label(self) -> str:
        return "%s (%s)" % (self.domain, self.mac)


class FilterUser(NamedTuple):
    """An interface of a guest that refers to a filter; ``tap`` is empty when the guest does not run."""

    domain: str
    domain_uuid: str
    mac: str
    tap: str
    filter: str

    @property
    def label(self) -> str:
        return "%s (%s)" % (self.domain, self.mac)


class HeldDevice(NamedTuple):
    """A device of the host that a running guest holds: a PCI ``address`` (0000:03:10.1) or a network ``device``.

    ``document`` is its element in the running guest, ``configured`` the one in the guest's configuration.
    """

    domain: str
    domain_uuid: str
    address: str
    device: str
    document: Element
    configured: Element


class FunctionUser(NamedTuple):
    """What uses a virtual function: a guest (with what it holds), process, port, driver, namespace, device or address.
    """

    kind: str
    label: str
    held: HeldDevice | None = None


# --- guests


def running(seen: Snapshot) -> Iterator[tuple[DomainRecord, Element, Element]]:
    """Every running guest, with its running document and the one in the form in which it was configured."""
    for uuid, found in seen.get("domains").items():
        live = running_document(seen, uuid) if found["active"] else None
        inactive = seen.document("domain_config", uuid) if live is not None else None
        if live is not None and inactive is not None:
            yield seen.domain_of(uuid), live, inactive


@once
def running_document(seen: Snapshot, uuid: str) -> Element | None:
    """The document of a running guest; devices from a pool name their network, which libvirt leaves out."""
    document = seen.document("domain_live", uuid)
    if document is None or not _pool_sources(document):
        return document
    document = copy.deepcopy(document)
    for source in _pool_sources(document):
        for name, value in pool_ports(seen.as_it_was).get((uuid, pci_address(source.find("address"))), {}).items():
            source.set(name, value)
    return document


def _pool_sources(document: Element) -> list[Element]:
    return document.findall("devices/interface[@type='hostdev']/source")


@once
def pool_ports(seen: Snapshot) -> dict[tuple[str, str], dict[str, str]]:
    """Network, portgroup and UUID of the ports of pools, by owner and PCI address."""
    found = {}
    for name in seen.get("networks"):
        for port in seen.ports(name):
            address = pci_address(port.find("plug[@type='hostdev-pci']/address"))
            if address:
                named = {"network": name, "portgroup": port.findtext("group"), "portid": port.findtext("uuid")}
                found[port.findtext("owner/uuid") or "", address] = {
                    key: value for key, value in named.items() if value}
    return found


@once
def guests_by_network(seen: Snapshot) -> dict[str, list[GuestInterface]]:
    """The interfaces of running guests by the network that they name."""
    found: dict[str, list[GuestInterface]] = {}
    for domain, live, inactive in running(seen):
        for network, guest in _interfaces(domain, live, inactive):
            found.setdefault(network, []).append(guest)
    return found


def guests_of(seen: Snapshot, network: str) -> tuple[GuestInterface, ...]:
    """The interfaces of running guests that are connected to a network."""
    return tuple(guests_by_network(seen).get(network, ()))


@once
def guests_by_bridge(seen: Snapshot) -> dict[str, list[str]]:
    """By bridge, the interfaces of running guests that name it and no network."""
    found: dict[str, list[str]] = {}
    for domain, live, _inactive in running(seen):
        for interface in live.findall("devices/interface[@type='bridge']"):
            source = interface.find("source")
            if source is not None and not source.get("network"):
                found.setdefault(source.get("bridge") or "", []).append("%s (%s)" % (domain.name, mac_of(interface)))
    return found


@once
def networks_of_guests(seen: Snapshot) -> dict[str, list[str]]:
    """By network, the guests whose configuration or saved state has an interface on it, by name."""
    found: dict[str, list[str]] = {}
    for uuid in seen.get("domains"):
        record = seen.domain_of(uuid)
        sources = [source for document in (record.config, record.saved) if document is not None
                   for source in document.findall("devices/interface/source[@network]")]
        for source in sources:
            names = found.setdefault(str(source.get("network")), [])
            if record.name not in names:
                names.append(record.name)
    return found


@once
def users_of_portgroups(seen: Snapshot) -> dict[tuple[str, str], list[str]]:
    """By network and portgroup, empty where none is named, the interfaces of guests, whether they run or not."""
    found: dict[tuple[str, str], list[str]] = {}
    for uuid, domain in seen.get("domains").items():
        record = seen.domain_of(uuid)
        documents = (record.config, record.saved, running_document(seen, uuid) if domain["active"] else None)
        for interface in (one for document in documents if document is not None
                          for one in document.findall("devices/interface")):
            source = interface.find("source[@network]")
            if source is not None:
                users = found.setdefault((str(source.get("network")), source.get("portgroup") or ""), [])
                label = "%s (%s)" % (record.name, mac_of(interface))
                if label not in users:
                    users.append(label)
    return found


def _interfaces(domain: DomainRecord, live: Element, inactive: Element) -> Iterator[tuple[str, GuestInterface]]:
    for interface in live.findall("devices/interface"):
        source = interface.find("source")
        network = source.get("network") if source is not None else None
        if source is None or not network:
            continue
        same = [other for other in inactive.findall("devices/interface") if _is_configured(other, interface, network)]
        yield network, GuestInterface(
            domain.name, domain.uuid, mac_of(interface), tap_of(interface), source.get("portid") or "", interface,
            same[0] if same else _as_configured(interface))


def _is_configured(other: Element, interface: Element, network: str) -> bool:
    source = other.find("source")
    return (other.get("type") == "network" and source is not None and source.get("network") == network
            and mac_of(other).lower() == mac_of(interface).lower())


def _as_configured(interface: Element) -> Element:
    """A live interface that is in no persistent document, in the form that an update takes."""
    configured = copy.deepcopy(interface)
    configured.set("type", "network")
    source = configured.find("source")
    if source is not None:
        for name in set(source.attrib) - {"network", "portgroup"}:
            del source.attrib[name]
    for name in ("target", "alias"):
        for element in configured.findall(name):
            configured.remove(element)
    return configured


def mac_of(interface: Element) -> str:
    found = interface.find("mac")
    return (found.get("address") or "") if found is not None else ""


def same_document(one: str | None, other: str | None) -> bool:
    """Whether two documents say the same, apart from how many guests libvirt counts."""
    return one == other or (one is not None and other is not None and plain_text(one) == plain_text(other))


def plain_text(document: str) -> str:
    """A document without how many guests libvirt counts."""
    return dump_xml(uncounted(load_held(document)))


def uncounted(document: Element) -> Element:
    """A copy of a document without how many guests libvirt counts."""
    document = copy.deepcopy(document)
    for element in document.iter("network", "interface", "address"):
        drop_attribute(element, "connections")
    return document


def tap_of(interface: Element) -> str:
    """The host's device of an interface, empty without one."""
    target = interface.find("target")
    return (target.get("dev") or "") if target is not None else ""


def on_open_vswitch(interface: Element) -> bool:
    """Whether a running interface is a port of Open vSwitch."""
    return _switch_of(interface) == "openvswitch"


def limited_here(interface: Element) -> bool:
    """Whether this host limits the traffic of a running interface, and not a switch outside of it."""
    return _switch_of(interface) in (None, "openvswitch")


def _switch_of(interface: Element) -> str | None:
    port = interface.find("virtualport")
    return None if port is None else port.get("type") or ""


@once
def _members_by_bridge(seen: Snapshot) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, device in sorted((seen.devices or {}).items()):
        if device["master"]:
            found.setdefault(device["master"], []).append(name)
    return found


def members_of(seen: Snapshot, bridge: str) -> list[str]:
    """The devices that are in a bridge."""
    return _members_by_bridge(seen.as_it_was).get(bridge, [])


class Bridges:
    """Which networks have a bridge of a name, and how many have one whose name libvirt makes up when it defines them.
    """

    def __init__(self) -> None:
        self.networks: dict[str, set[str]] = {}
        self._by_network: dict[str, list[str]] = {}

    @property
    def made_up(self) -> int:
        return len(self.networks.get("", ()))

    def put(self, name: str, value: list[str] | None) -> None:
        for bridge in self._by_network.pop(name, ()):
            self.networks[bridge].discard(name)
            if not self.networks[bridge]:
                del self.networks[bridge]
        for bridge in value or ():
            self.networks.setdefault(bridge, set()).add(name)
        self._by_network[name] = value or []


def network_documents(seen: Snapshot) -> Iterator[tuple[str, list[Element]]]:
    """The configuration and the running definition of each network, as far as it has them."""
    for name in seen.get("networks"):
        record = seen.network(name)
        if record is not None:
            yield name, [document for document in (record.config, record.live) if document is not None]


def bridges_of_networks(seen: Snapshot) -> dict[str, list[str]]:
    """The names of the bridges that each network has in both layers, empty for one that libvirt makes up."""
    return {name: sorted({bridge.get("name") or "" for one in documents for bridge in one.findall("bridge")})
            for name, documents in network_documents(seen)}


def bridges_by_name(seen: Snapshot) -> Bridges:
    return seen.index("bridges", Bridges)


# --- filters


@once
def filter_users(seen: Snapshot) -> list[FilterUser]:
    """The interfaces of all guests, running or not, that refer to filters."""
    users = set()
    for uuid, found in seen.get("domains").items():
        saved = found.get("saved") and not found["active"]
        parts = [("domain_config", False), ("domain_live", True), *([("domain_saved", False)] if saved else ())]
        for part, runs in parts:
            document = seen.document(part, uuid) if found["active"] or not runs else None
            for interface in document.findall("devices/interface") if document is not None else ():
                reference = interface.find("filterref")
                if reference is not None:
                    users.add(FilterUser(found["name"], uuid, mac_of(interface), tap_of(interface) if runs else "",
                                         reference.get("filter") or ""))
    return sorted(users, key=lambda user: (user.domain, user.mac, user.tap))


# --- devices


@once
def held_devices(seen: Snapshot) -> list[HeldDevice]:
    """The PCI and network devices of the host that running guests hold."""
    return [held for domain, live, inactive in running(seen) for held in _held(domain, live, inactive)]


def _held(domain: DomainRecord, live: Element, inactive: Element) -> Iterator[HeldDevice]:
    by_mac = {mac_of(interface).lower(): interface for interface in inactive.findall("devices/interface")}
    for element in live.findall("devices/*"):
        source = element.find("source") if element.tag in ("interface", "hostdev") else None
        if source is None:
            continue
        address = pci_address(source.find("address"))
        device = source.get("dev") or "" if element.get("type") == "direct" else ""
        if address or device:
            yield HeldDevice(domain.name, domain.uuid, address, device, element,
                             by_mac.get(mac_of(element).lower(), element))


@once
def ports_by_pci(seen: Snapshot) -> dict[str, str]:
    """The ports of networks, in words, by the PCI address of the device that they are plugged into."""
    found = {}
    for name in seen.network_names():
        for port in seen.ports(name):
            address = pci_address(port.find("plug/address"))
            if address:
                found[address] = "port %s of network %s" % (port.findtext("uuid"), name)
    return found


@once
def function_users(seen: Snapshot, address: str) -> dict[int, list[FunctionUser]]:
    """Who uses each virtual function of a physical one, by index."""
    return {vf["index"]: [*_holders(seen, vf), *_users_on_host(seen, vf)]
            for vf in seen.physical_functions[address]["vfs"]}


def _holders(seen: Snapshot, vf: Options) -> Iterator[FunctionUser]:
    """The guests that hold a virtual function; without one, what else the driver for guests is there for."""
    guests = [held for held in held_devices(seen)
              if held.address == vf["address"] or (held.device and held.device == vf["device"])]
    for held in guests:
        yield FunctionUser("guest", "guest %s" % held.domain, held)
    if guests:
        return
    holders = seen.get("vfio_holders")
    for who in sorted({who for name in vf["vfio"] for who in holders.get(name, ())}):
        yield FunctionUser("process", who)
    if vf["address"] in ports_by_pci(seen):
        yield FunctionUser("port", ports_by_pci(seen)[vf["address"]])
    if (vf["driver"] or "").startswith("vfio"):
        yield FunctionUser("driver", "driver %s" % vf["driver"])


def _users_on_host(seen: Snapshot, vf: Options) -> Iterator[FunctionUser]:
    """What the host does with the network device of a virtual function."""
    if vf["elsewhere"]:
        yield FunctionUser("namespace", "another network namespace")
    name, device = vf["device"], seen.device(vf["device"])
    if device is None:
        return
    if device["master"]:
        yield FunctionUser("device", "device %s, of which %s is a member" % (device["master"], name))
    for upper in vf["uppers"]:
        if upper != device["master"]:
            yield FunctionUser("device", "device %s on %s" % (upper, name))
    for address in device["addresses"]:
        if not address.startswith("fe80:"):
            yield FunctionUser("address", "address %s on %s" % (address, name))


def pools_of(seen: Snapshot, devices: set[str], addresses: set[str], functions: set[str]) -> list[str]:
    """The active networks whose list of devices has some of these, or libvirt made it of these physical functions."""
    pools = []
    for name in seen.network_names():
        record = seen.network(name)
        forward = None if record is None or record.live is None else record.live.find("forward")
        if forward is not None and (any(pf.get("dev") in functions for pf in forward.findall("pf"))
                                    or any(pci_address(one) in addresses for one in forward.findall("address"))
                                    or any(one.get("dev") in devices for one in forward.findall("interface"))):
            pools.append(name)
    return pools


def pci_address(element: Element | None) -> str:
    """0000:03:10.1 of an <address> element, empty for one that is none of PCI."""
    if element is None:
        return ""
    parts = [element.get(part) for part in ("domain", "bus", "slot", "function")]
    if any(part is None for part in parts):
        return ""
    return "%04x:%02x:%02x.%x" % tuple(int(part or "0", 0) for part in parts)
