# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt, and nothing else: the only file that imports it.

What is read is kept until :meth:`Hypervisor.forget`, so that many objects in one task are read once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import urlsplit

from ..schema.nodes import dump_xml, load_xml

try:
    import libvirt

    LIBVIRT_ERROR = None
except ImportError as error:
    libvirt = None
    LIBVIRT_ERROR = error

# libvirt's numbers for virNetworkUpdate
ADD_LAST, DELETE, MODIFY = 3, 2, 1
LIVE, CONFIG = 1, 2
DESCRIPTION, TITLE, ELEMENT = 0, 1, 2


class HypervisorError(Exception):
    """What libvirt answered when it did not do what it was asked."""


@dataclass(frozen=True)
class NetworkRecord:
    """A network as libvirt has it: ``config`` is its persistent, ``live`` its running document, None without one."""

    name: str
    uuid: str
    active: bool
    persistent: bool
    autostart: bool
    config: Any
    live: Any
    ports: tuple = ()


@dataclass(frozen=True)
class GuestInterface:
    """An interface of a running guest that is connected to a network."""

    domain: str
    domain_uuid: str
    mac: str
    tap: str
    port: str
    live: Any
    inactive: Any

    @property
    def label(self) -> str:
        return "%s (%s)" % (self.domain, self.mac)


@dataclass(frozen=True)
class FilterRecord:
    """A network filter as libvirt has it."""

    name: str
    uuid: str
    document: Any


@dataclass(frozen=True)
class FilterUser:
    """An interface of a guest that refers to a filter; ``tap`` is empty when the guest does not run."""

    domain: str
    domain_uuid: str
    mac: str
    tap: str
    filter: str

    @property
    def label(self) -> str:
        return "%s (%s)" % (self.domain, self.mac)


@dataclass(frozen=True)
class DomainRecord:
    """A guest as libvirt has it: ``config`` is its persistent, ``live`` its running document, None without one."""

    name: str
    uuid: str
    active: bool
    persistent: bool
    config: Any
    live: Any


@dataclass(frozen=True)
class HeldDevice:
    """A device of the host that a running guest holds: a PCI ``address`` (0000:03:10.1) or a network ``device``.

    ``document`` is its element in the running guest, ``configured`` the one in the guest's configuration.
    """

    domain: str
    domain_uuid: str
    address: str
    device: str
    document: Any
    configured: Any


@dataclass
class _Snapshot:
    networks: Any = None
    records: dict = field(default_factory=dict)
    guests: Any = None
    nwfilters: Any = None
    bindings: Any = None
    filter_users: Any = None
    domains: dict = field(default_factory=dict)
    pool_ports: Any = None


def _quiet(call: Callable) -> Callable:
    """Turns libvirt's exceptions into HypervisorError."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except libvirt.libvirtError as error:
            raise HypervisorError((error.get_error_message() or str(error)).strip()) from error

    return wrapped


class Hypervisor:
    """A connection to libvirt."""

    @_quiet
    def __init__(self, uri: str) -> None:
        libvirt.registerErrorHandler(lambda context, error: None, None)
        self.uri = uri
        self._connection = libvirt.open(uri)
        number = self._connection.getLibVersion()
        self.version = (number // 1000000, number // 1000 % 1000, number % 1000)
        self._snapshot = _Snapshot()

    @property
    def is_local(self) -> bool:
        """Whether the kernel that this process talks to is the one of libvirt's host."""
        parts = urlsplit(self.uri)
        return not parts.netloc and not parts.scheme.startswith("test")

    def close(self) -> None:
        self._connection.close()

    def forget(self) -> None:
        """Read everything anew from here on."""
        self._snapshot = _Snapshot()

    # --- reading

    @_quiet
    def network_names(self) -> list:
        return sorted(self._networks())

    def _networks(self) -> dict:
        if self._snapshot.networks is None:
            self._snapshot.networks = {network.name(): network for network in self._connection.listAllNetworks()}
        return self._snapshot.networks

    def network(self, name: str) -> NetworkRecord | None:
        """The network of that name, or None."""
        if name not in self._networks():
            return None
        if name not in self._snapshot.records:
            self._snapshot.records[name] = self._read_network(self._networks()[name])
        return self._snapshot.records[name]

    @_quiet
    def _read_network(self, network: Any) -> NetworkRecord:
        active, persistent = bool(network.isActive()), bool(network.isPersistent())
        return NetworkRecord(
            name=network.name(),
            uuid=network.UUIDString(),
            active=active,
            persistent=persistent,
            autostart=bool(persistent and network.autostart()),
            config=load_xml(network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)) if persistent else None,
            live=load_xml(network.XMLDesc(0)) if active else None,
            ports=tuple(load_xml(port.XMLDesc(0)) for port in network.listAllPorts()) if active else (),
        )

    def guests_of(self, network: str) -> list:
        """The interfaces of running guests that are connected to a network."""
        if self._snapshot.guests is None:
            self._snapshot.guests = self._read_guests()
        return [guest for guest in self._snapshot.guests if guest.live.find("source").get("network") == network]

    @_quiet
    def _read_guests(self) -> list:
        guests = []
        for domain in self._domains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
            live = self._running(domain)
            inactive = load_xml(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
            guests += _interfaces(domain, live, inactive)
        return guests

    @_quiet
    def leases(self, name: str) -> list:
        """The DHCP leases of a network, as plain data; none where it gives none."""
        if not self.network(name).active:
            return []
        return [{"mac": lease["mac"], "ip": lease["ipaddr"], "prefix": lease["prefix"], "hostname": lease["hostname"],
                 "client_id": lease["clientid"], "expiry": lease["expirytime"]}
                for lease in self._networks()[name].DHCPLeases()]

    @_quiet
    def nwfilters(self) -> dict:
        """Every network filter by name."""
        if self._snapshot.nwfilters is None:
            self._snapshot.nwfilters = {
                nwfilter.name(): FilterRecord(nwfilter.name(), nwfilter.UUIDString(), load_xml(nwfilter.XMLDesc(0)))
                for nwfilter in self._connection.listAllNWFilters()}
        return self._snapshot.nwfilters

    @_quiet
    def nwfilter_bindings(self) -> dict:
        """The document of every filter binding by the name of its device."""
        if self._snapshot.bindings is None:
            self._snapshot.bindings = {binding.portDev(): load_xml(binding.XMLDesc(0))
                                       for binding in self._connection.listAllNWFilterBindings()}
        return self._snapshot.bindings

    @_quiet
    def filter_users(self) -> list:
        """The interfaces of all guests, running or not, that refer to filters."""
        if self._snapshot.filter_users is None:
            users = set()
            for domain in self._domains(0):
                users.update(_filter_users(domain, load_xml(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)), False))
                if domain.isActive():
                    users.update(_filter_users(domain, load_xml(domain.XMLDesc(0)), True))
            self._snapshot.filter_users = sorted(users, key=lambda user: (user.domain, user.mac, user.tap))
        return self._snapshot.filter_users

    def domain(self, name: str) -> DomainRecord | None:
        """The guest of that name or UUID, or None."""
        if name not in self._snapshot.domains:
            self._snapshot.domains[name] = self._read_domain(name)
        return self._snapshot.domains[name]

    @_quiet
    def _read_domain(self, name: str) -> DomainRecord | None:
        domain = self._find_domain(self._connection.lookupByName, name) or self._find_domain(
            self._connection.lookupByUUIDString, name)
        if domain is None:
            return None
        active, persistent = bool(domain.isActive()), bool(domain.isPersistent())
        return DomainRecord(
            name=domain.name(),
            uuid=domain.UUIDString(),
            active=active,
            persistent=persistent,
            config=load_xml(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)) if persistent else None,
            live=self._running(domain) if active else None,
        )

    @staticmethod
    def _find_domain(look_up: Callable, name: str) -> Any:
        try:
            return look_up(name)
        except libvirt.libvirtError as error:
            if error.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_INVALID_ARG):
                return None
            raise

    @_quiet
    def held_devices(self) -> list:
        """The PCI and network devices of the host that running guests hold, each a HeldDevice."""
        return [held for domain in self._domains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
                for held in _held(domain, load_xml(domain.XMLDesc(0)),
                                  load_xml(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)))]

    def _running(self, domain: Any) -> Any:
        """The document of a running guest; devices from a pool name their network, which libvirt leaves out."""
        document = load_xml(domain.XMLDesc(0))
        for source in document.findall("devices/interface[@type='hostdev']/source"):
            address = pci_address(source.find("address"))
            source.attrib.update(self._pool_ports().get((domain.UUIDString(), address), {}))
        return document

    def _pool_ports(self) -> dict:
        """Network, portgroup and UUID of the ports of pools, by owner and PCI address."""
        if self._snapshot.pool_ports is None:
            self._snapshot.pool_ports = {}
            for name in self._networks():
                for port in self.network(name).ports:
                    address = pci_address(port.find("plug[@type='hostdev-pci']/address"))
                    if address:
                        group = port.findtext("group")
                        named = {"network": name, "portgroup": group, "portid": port.findtext("uuid")}
                        self._snapshot.pool_ports[port.findtext("owner/uuid"), address] = {
                            key: value for key, value in named.items() if value}
        return self._snapshot.pool_ports

    def interface_addresses(self, uuid: str) -> dict:
        """The addresses of a running guest by source (lease, agent, arp) and MAC, without sources that are silent."""
        found = {}
        sources = {"lease": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
                   "agent": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
                   "arp": getattr(libvirt, "VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP", 2)}
        for name, number in sources.items():
            try:
                answer = self._connection.lookupByUUIDString(uuid).interfaceAddresses(number)
            except libvirt.libvirtError:
                continue
            by_mac = found.setdefault(name, {})
            for device in answer.values():
                addresses = ["%s/%d" % (address["addr"], address["prefix"]) for address in device["addrs"] or []]
                by_mac.setdefault((device["hwaddr"] or "").lower(), []).extend(addresses)
        return found

    def interface_statistics(self, uuid: str, device: str) -> dict | None:
        """What an interface has sent and received; None where libvirt does not count."""
        names = ("rx_bytes", "rx_packets", "rx_errors", "rx_drop", "tx_bytes", "tx_packets", "tx_errors", "tx_drop")
        try:
            return dict(zip(names, self._connection.lookupByUUIDString(uuid).interfaceStats(device)))
        except libvirt.libvirtError:
            return None

    def _domains(self, flags: int) -> list:
        try:
            return self._connection.listAllDomains(flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:  # network:///system knows no guests
                return []
            raise

    # --- changing

    @_quiet
    def define_nwfilter(self, document: Any) -> None:
        self._connection.nwfilterDefineXML(_text(document))

    @_quiet
    def undefine_nwfilter(self, name: str) -> None:
        self._connection.nwfilterLookupByName(name).undefine()

    @_quiet
    def create_nwfilter_binding(self, document: Any) -> None:
        self._connection.nwfilterBindingCreateXML(_text(document))

    @_quiet
    def delete_nwfilter_binding(self, port: str) -> None:
        self._connection.nwfilterBindingLookupByPortDev(port).delete()

    @_quiet
    def define_network(self, document: Any) -> None:
        self._connection.networkDefineXML(_text(document))

    @_quiet
    def create_network(self, document: Any) -> None:
        """Starts a transient network."""
        self._connection.networkCreateXML(_text(document))

    def _look_up(self, name: str) -> Any:
        return self._connection.networkLookupByName(name)

    @_quiet
    def undefine_network(self, name: str) -> None:
        self._look_up(name).undefine()

    @_quiet
    def start_network(self, name: str) -> None:
        self._look_up(name).create()

    @_quiet
    def stop_network(self, name: str) -> None:
        self._look_up(name).destroy()

    @_quiet
    def set_network_autostart(self, name: str, autostart: bool) -> None:
        self._look_up(name).setAutostart(int(autostart))

    @_quiet
    def update_network(self, name: str, command: int, section: int, parent: int, element: Any, flag: int) -> None:
        """virNetworkUpdate on the running (LIVE) or the persistent (CONFIG) network."""
        self._look_up(name).update(command, section, parent, _text(element), flag)

    @property
    def sets_metadata(self) -> bool:
        """Whether libvirt and its library for Python have virNetworkSetMetadata."""
        return self.version >= (9, 7, 0) and hasattr(libvirt.virNetwork, "setMetadata")

    @_quiet
    def set_network_metadata(self, name: str, kind: int, text: str | None, prefix: str | None, uri: str | None) -> None:
        """virNetworkSetMetadata on the running network; without a text, what is there is removed."""
        self._look_up(name).setMetadata(kind, text, prefix, uri, LIVE)

    @_quiet
    def plug_in_again(self, uuid: str, interface: Any, bridge: str) -> None:
        """Has libvirt make the port of a running guest's interface anew and put its tap into the network's bridge.

        libvirt does nothing when it is given the interface as it is. So the interface becomes one of a plain
        bridge for a moment, and then one of the network again.
        """
        domain = self._connection.lookupByUUIDString(uuid)
        direct = copy.deepcopy(interface)
        direct.set("type", "bridge")
        source = direct.find("source")
        source.attrib.clear()
        source.set("bridge", bridge)
        inbound = direct.find("bandwidth/inbound")
        if inbound is not None:
            inbound.attrib.pop("floor", None)
            if not inbound.attrib:
                inbound.getparent().remove(inbound)
        for document in (direct, interface):
            domain.updateDeviceFlags(_text(document), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    @_quiet
    def attach_interface(self, uuid: str, interface: Any, flag: int) -> None:
        """Adds an interface to the configuration (CONFIG) of a guest or plugs it in (LIVE)."""
        self._connection.lookupByUUIDString(uuid).attachDeviceFlags(_text(interface), flag)

    @_quiet
    def detach_interface(self, uuid: str, interface: Any, flag: int) -> None:
        """Removes an interface; LIVE only asks the guest, which lets it go when it likes."""
        self._connection.lookupByUUIDString(uuid).detachDeviceFlags(_text(interface), flag)

    @_quiet
    def update_interface(self, uuid: str, interface: Any, flag: int) -> None:
        self._connection.lookupByUUIDString(uuid).updateDeviceFlags(_text(interface), flag)

    @_quiet
    def reclaim_port(self, network: str, port: Any) -> None:
        """Tells a started network again of a port whose guest kept its device all the time."""
        self.create_port(network, port, True)

    @_quiet
    def create_port(self, network: str, port: Any, plugged: bool) -> None:
        """Makes a port; a plugged one says itself what it is plugged into, else libvirt chooses."""
        flags = libvirt.VIR_NETWORK_PORT_CREATE_RECLAIM if plugged else 0
        self._look_up(network).portCreateXML(_text(port), flags)

    @_quiet
    def delete_port(self, network: str, uuid: str) -> None:
        self._look_up(network).portLookupByUUIDString(uuid).delete()

    @_quiet
    def set_port_rates(self, network: str, uuid: str, rates: dict) -> None:
        """Sets the bandwidth of a port; only the parameters that it has can be given to libvirt-python."""
        port = self._look_up(network).portLookupByUUIDString(uuid)
        port.setParameters({name: rates[name] for name in port.parameters() if name in rates})

    @_quiet
    def set_interface_rates(self, domain_uuid: str, device: str, rates: dict) -> None:
        """Sets the bandwidth of a running guest's interface: of its port and of its tap."""
        domain = self._connection.lookupByUUIDString(domain_uuid)
        domain.setInterfaceParameters(device, rates, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def _text(document: Any) -> str:
    return dump_xml(document)


def _interfaces(domain: Any, live: Any, inactive: Any) -> Iterator[GuestInterface]:
    """The interfaces of a running domain that belong to a network."""
    for interface in live.findall("devices/interface"):
        source = interface.find("source")
        if source is None or not source.get("network"):
            continue
        mac = interface.find("mac").get("address")
        target = interface.find("target")
        same = [other for other in inactive.findall("devices/interface")
                if other.find("mac").get("address").lower() == mac.lower() and other.get("type") == "network"
                and other.find("source").get("network") == source.get("network")]
        yield GuestInterface(
            domain=domain.name(),
            domain_uuid=domain.UUIDString(),
            mac=mac,
            tap=target.get("dev") if target is not None else "",
            port=source.get("portid") or "",
            live=interface,
            inactive=same[0] if same else _as_configured(interface),
        )


def _held(domain: Any, live: Any, inactive: Any) -> Iterator[HeldDevice]:
    by_mac = {mac.get("address").lower(): mac.getparent() for mac in inactive.findall("devices/interface/mac")}
    for element in live.find("devices"):
        source = element.find("source") if element.tag in ("interface", "hostdev") else None
        if source is None:
            continue
        address = pci_address(source.find("address"))
        device = source.get("dev", "") if element.get("type") == "direct" else ""
        if address or device:
            mac = element.find("mac")
            configured = element if mac is None else by_mac.get(mac.get("address").lower(), element)
            yield HeldDevice(domain.name(), domain.UUIDString(), address, device, element, configured)


def pci_address(element: Any) -> str:
    """0000:03:10.1 of an <address> element, empty for one that is none of PCI."""
    parts = ("domain", "bus", "slot", "function")
    if element is None or any(element.get(part) is None for part in parts):
        return ""
    return "%04x:%02x:%02x.%x" % tuple(int(element.get(part), 0) for part in parts)


def _filter_users(domain: Any, document: Any, running: bool) -> Iterator[FilterUser]:
    for interface in document.findall("devices/interface"):
        reference, target = interface.find("filterref"), interface.find("target")
        if reference is not None:
            tap = target.get("dev") if running and target is not None else ""
            yield FilterUser(domain.name(), domain.UUIDString(), interface.find("mac").get("address"), tap or "",
                             reference.get("filter"))


def _as_configured(interface: Any) -> Any:
    """A live interface that is in no persistent document, in the form that an update takes."""
    configured = copy.deepcopy(interface)
    configured.set("type", "network")
    source = configured.find("source")
    for name in set(source.attrib) - {"network", "portgroup"}:
        del source.attrib[name]
    for name in ("target", "alias"):
        for element in configured.findall(name):
            configured.remove(element)
    return configured
