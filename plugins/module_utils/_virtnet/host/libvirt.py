# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt, and nothing else: the only file that imports it.

What is read is returned as plain data, documents as text.
"""

from __future__ import annotations

import copy
import os
from functools import wraps
from threading import Thread
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

from ..schema.errors import Invalid, shown
from ..schema.options import Options
from ..schema.xml import drop_attribute, dump_xml, load_held, make
from .errors import HypervisorError
from .flags import LIVE

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

try:
    import libvirt

    LIBVIRT_ERROR = None
except ImportError as error:
    libvirt = None
    LIBVIRT_ERROR = error

# what guests that are active are mostly not, by libvirt's numbers
UNUSUAL = {3: "paused", 4: "in shutdown", 6: "crashed", 7: "pmsuspended"}
COUNTERS = ("rx_bytes", "rx_packets", "rx_errors", "rx_drop", "tx_bytes", "tx_packets", "tx_errors", "tx_drop")
PATIENCE = 60  # seconds for a connection; a daemon that starts with much to look at takes some
NO_CAUSE = "the cause is unknown"

Call = TypeVar("Call", bound=Callable[..., Any])


def _quiet(call: Call) -> Call:
    """Turns libvirt's exceptions into HypervisorError."""
    @wraps(call)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        except libvirt.libvirtError as error:
            raise HypervisorError((error.get_error_message() or str(error)).strip()) from error

    return cast(Call, wrapped)


def refuse_program(uri: str) -> None:
    """Refuses a URI by which libvirt's library would run a program of the task's choice, in check mode too."""
    parts = urlsplit(uri)
    if parts.scheme.endswith("+ext") or "command" in dict(parse_qsl(parts.query, keep_blank_values=True)):
        raise Invalid("uri", "%s runs a program on this host; where that is meant, give it a name in uri_aliases of"
                      " libvirt.conf, and give that" % shown(uri))


def _read_document(connection: Any, part: str, key: str) -> str | None:
    if part in ("network_config", "network_live"):
        network, is_live = connection.networkLookupByName(key), part == "network_live"
        has = network.isActive() if is_live else network.isPersistent()
        return str(network.XMLDesc(0 if is_live else libvirt.VIR_NETWORK_XML_INACTIVE)) if has else None
    if part == "domain_config":
        return str(connection.lookupByUUIDString(key).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    look_up = {"nwfilters": connection.nwfilterLookupByName, "bindings": connection.nwfilterBindingLookupByPortDev}
    return str(look_up[part](key).XMLDesc(0))


def _opened(uri: str) -> Any:
    """A connection. For a daemon that is stopped, or hangs, libvirt's library would wait without end."""
    ended: list[Any] = []

    def open_it() -> None:
        try:
            ended.append(libvirt.open(uri))
        except libvirt.libvirtError as error:
            ended.append(error)

    waits = Thread(target=open_it, daemon=True)
    waits.start()
    waits.join(PATIENCE)
    if not ended:
        raise HypervisorError("it does not answer within %d seconds; its daemon hangs or is stopped (systemctl status"
                              " libvirtd)" % PATIENCE)
    if isinstance(ended[0], Exception):
        raise ended[0]
    return ended[0]


class Libvirt:
    """A connection to libvirt."""

    @_quiet
    def __init__(self, uri: str) -> None:
        refuse_program(uri)
        libvirt.registerErrorHandler(lambda context, error: None, None)
        self._connection = _opened(uri)
        self.uri = str(self._connection.getURI())  # what an alias, or the default, stands for
        number = self._connection.getLibVersion()
        self.version = (number // 1000000, number // 1000 % 1000, number % 1000)
        self._networks: Options = {}
        self._domains: Options = {}

    @property
    def is_local(self) -> bool:
        """Whether the kernel that this process talks to is the one of libvirt's host."""
        parts = urlsplit(self.uri)
        _driver, _plus, transport = parts.scheme.partition("+")
        if parts.netloc or self.is_pretended or transport not in ("", "unix"):
            return False
        # a socket may lead anywhere
        return not parts.query or self._connection.getHostname().split(".")[0] == os.uname().nodename.split(".")[0]

    @property
    def place(self) -> str:
        """Which libvirt this is, by whatever user, port and key it is reached."""
        parts = urlsplit(self.uri)
        return "%s://%s%s" % (parts.scheme.partition("+")[0], self._connection.getHostname(), parts.path)

    @property
    def is_pretended(self) -> bool:
        """Whether it is libvirt's driver for tests, which knows neither layers nor filters."""
        return urlsplit(self.uri).scheme.startswith("test")

    @property
    def sets_metadata(self) -> bool:
        """Whether libvirt and its library for Python have virNetworkSetMetadata."""
        return self.version >= (9, 7, 0) and hasattr(libvirt.virNetwork, "setMetadata")

    @property
    def is_alive(self) -> bool:
        """Whether libvirt answers."""
        try:
            self._connection.getLibVersion()
        except libvirt.libvirtError:
            return False
        return True

    def close(self) -> None:
        self._connection.close()

    # --- reading

    @_quiet
    def document(self, part: str, key: str) -> str | None:
        """One document alone, by part and key of a snapshot, as it is right now; None where there is none."""
        try:
            return _read_document(self._connection, part, key)
        except libvirt.libvirtError as error:
            if error.get_error_code() in (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_NO_DOMAIN,
                                          libvirt.VIR_ERR_NO_NWFILTER, libvirt.VIR_ERR_NO_NWFILTER_BINDING):
                return None
            raise

    @_quiet
    def networks(self) -> Options:
        """Every network by name: uuid, active, persistent, autostart."""
        every = self._connection.listAllNetworks(0)
        self._networks = {network.name(): network for network in every}
        active, persistent, autostart = (
            {network.name() for network in self._connection.listAllNetworks(flag)} if every else set()
            for flag in (libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE, libvirt.VIR_CONNECT_LIST_NETWORKS_PERSISTENT,
                         libvirt.VIR_CONNECT_LIST_NETWORKS_AUTOSTART))
        return {name: {"uuid": network.UUIDString(), "active": name in active, "persistent": name in persistent,
                       "autostart": name in autostart} for name, network in sorted(self._networks.items())}

    def _network(self, name: str) -> Any:
        return self._networks.get(name) or self._look_up(name)

    @_quiet
    def network_xml(self, name: str, live: bool) -> str | None:
        """The running definition of a network or its configuration, None where it has none."""
        try:
            return str(self._network(name).XMLDesc(0 if live else libvirt.VIR_NETWORK_XML_INACTIVE))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_NETWORK:
                return None
            raise

    @_quiet
    def ports(self, network: str) -> list[str]:
        """The documents of a network's ports."""
        try:
            return sorted(port.XMLDesc(0) for port in self._network(network).listAllPorts())
        except libvirt.libvirtError as error:
            if error.get_error_code() in (libvirt.VIR_ERR_NO_NETWORK, libvirt.VIR_ERR_OPERATION_INVALID,
                                          libvirt.VIR_ERR_NO_SUPPORT):
                return []
            raise

    @_quiet
    def leases(self, network: str) -> list[Options]:
        """The DHCP leases of a network that runs; none where it gives none."""
        return [{"mac": lease["mac"], "ip": lease["ipaddr"], "prefix": lease["prefix"], "hostname": lease["hostname"],
                 "client_id": lease["clientid"], "expiry": lease["expirytime"]}
                for lease in self._network(network).DHCPLeases()]

    @_quiet
    def nwfilters(self) -> Options:
        """Every network filter by name: uuid, xml."""
        return {nwfilter.name(): {"uuid": nwfilter.UUIDString(), "xml": nwfilter.XMLDesc(0)}
                for nwfilter in self._connection.listAllNWFilters()}

    @_quiet
    def bindings(self) -> dict[str, str]:
        """The document of every filter binding by the name of its device."""
        return {binding.portDev(): binding.XMLDesc(0) for binding in self._connection.listAllNWFilterBindings()}

    @_quiet
    def domains(self) -> Options:
        """Every guest by UUID: name, active, persistent; its state where that is unusual, saved where it is."""
        try:
            every = self._connection.listAllDomains(0)
            active, persistent, saved = ({domain.UUIDString() for domain in self._connection.listAllDomains(flag)}
                                         if every else set() for flag in (
                                             libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE,
                                             libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
                                             libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE))
            states = self._unusual_states() if active else {}
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:  # network:///system knows no guests
                return {}
            raise
        self._domains = {domain.UUIDString(): domain for domain in every}
        found: Options = {
            uuid: {"name": domain.name(), "active": uuid in active, "persistent": uuid in persistent}
            for uuid, domain in self._domains.items()}
        for uuid, state in states.items():
            found[uuid]["state"] = state
        for uuid in saved:
            found[uuid]["saved"] = True
        return found

    def _unusual_states(self) -> dict[str, str]:
        """By UUID, the states of guests that are active and do not simply run."""
        found = self._connection.listAllDomains(
            libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED | libvirt.VIR_CONNECT_LIST_DOMAINS_OTHER)
        states = {domain.UUIDString(): UNUSUAL.get(domain.state()[0]) for domain in found}
        return {uuid: state for uuid, state in states.items() if state}

    @_quiet
    def saved_xml(self, uuid: str) -> str | None:
        """The document that a guest with a managed save starts with; None where it cannot be read."""
        try:
            return str(self._connection.lookupByUUIDString(uuid).managedSaveGetXMLDesc(0))
        except libvirt.libvirtError:
            return None

    @_quiet
    def domain_xml(self, uuid: str, live: bool) -> str | None:
        """The document of a running guest, or the form in which it was configured; None of one that is gone."""
        try:
            domain = self._domains.get(uuid) or self._connection.lookupByUUIDString(uuid)
            return str(domain.XMLDesc(0 if live else libvirt.VIR_DOMAIN_XML_INACTIVE))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise

    def running_interfaces(self, uuid: str) -> list[Element] | None:
        """The interfaces that a guest has right now, None when it is gone."""
        text = self.domain_xml(uuid, True)
        return None if text is None else load_held(text).findall("devices/interface")

    def addresses(self, uuid: str) -> dict[str, dict[str, list[str]]]:
        """The addresses of a running guest by source (lease, agent, arp) and MAC, without sources that are silent."""
        found: dict[str, dict[str, list[str]]] = {}
        for name, number in (("lease", libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE),
                             ("agent", libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT),
                             ("arp", libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)):
            try:
                answer = self._connection.lookupByUUIDString(uuid).interfaceAddresses(number)
            except libvirt.libvirtError:
                continue
            by_mac = found.setdefault(name, {})
            for device in answer.values():
                addresses = ["%s/%d" % (address["addr"], address["prefix"]) for address in device["addrs"] or []]
                by_mac.setdefault((device["hwaddr"] or "").lower(), []).extend(addresses)
        return found

    def statistics(self, uuid: str, device: str) -> dict[str, int] | None:
        """What an interface has sent and received; None where libvirt does not count."""
        try:
            return dict(zip(COUNTERS, self._connection.lookupByUUIDString(uuid).interfaceStats(device)))
        except libvirt.libvirtError:
            return None

    # --- changing

    @_quiet
    def define_nwfilter(self, document: Element) -> None:
        try:
            self._connection.nwfilterDefineXML(dump_xml(document))
        except libvirt.libvirtError as error:
            if NO_CAUSE not in (error.get_error_message() or ""):
                raise
            # while a guest that has the filter starts or stops, libvirt now and then fails so, and not twice
            self._connection.nwfilterDefineXML(dump_xml(document))

    @_quiet
    def undefine_nwfilter(self, name: str) -> None:
        self._connection.nwfilterLookupByName(name).undefine()

    @_quiet
    def create_nwfilter_binding(self, document: Element) -> None:
        self._connection.nwfilterBindingCreateXML(dump_xml(document))

    @_quiet
    def delete_nwfilter_binding(self, port: str) -> None:
        self._connection.nwfilterBindingLookupByPortDev(port).delete()

    @_quiet
    def define_network(self, document: Element) -> None:
        self._connection.networkDefineXML(dump_xml(document))

    @_quiet
    def create_network(self, document: Element) -> None:
        """Starts a transient network."""
        self._connection.networkCreateXML(dump_xml(document))

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
    def update_network(self, name: str, command: int, section: int, parent: int, element: Element, flag: int) -> None:
        """virNetworkUpdate on the running (LIVE) or the persistent (CONFIG) network."""
        self._look_up(name).update(command, section, parent, dump_xml(element), flag)

    @_quiet
    def set_network_metadata(self, name: str, kind: int, text: str | None, prefix: str | None, uri: str | None) -> None:
        """virNetworkSetMetadata on the running network; without a text, what is there is removed."""
        self._look_up(name).setMetadata(kind, text, prefix, uri, LIVE)

    @_quiet
    def plug_in_again(self, uuid: str, interface: Element, bridge: str, shown: Element,
                      meanwhile: Callable[[], None] = lambda: None) -> None:
        """Has libvirt make the port of a running guest's interface anew and put its tap into the network's bridge.

        libvirt does nothing when it is given the interface as it is. So the interface becomes one of a plain
        bridge for a moment, with the tags and the isolation that it is ``shown`` with, and then one of the network.
        What has to be done ``meanwhile`` is done in between.
        """
        domain = self._connection.lookupByUUIDString(uuid)
        direct = copy.deepcopy(interface)
        direct.set("type", "bridge")
        source = direct.find("source")
        if source is not None:
            source.attrib.clear()
            source.set("bridge", bridge)
        for tag in ("vlan", "port"):
            given = shown.find(tag)
            if given is not None and direct.find(tag) is None:
                direct.append(copy.deepcopy(given))
        inbound = direct.find("bandwidth/inbound")
        if inbound is not None:
            drop_attribute(inbound, "floor")
            limits = inbound.getparent()
            if not inbound.attrib and limits is not None:
                limits.remove(inbound)
        domain.updateDeviceFlags(dump_xml(direct), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        meanwhile()
        domain.updateDeviceFlags(dump_xml(interface), libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def define_interfaces(self, uuid: str, interfaces: list[Element]) -> None:
        """Configures a guest with these interfaces in place of those that it has, and all else as it is."""
        def change(document: Element) -> None:
            devices = make(document, "devices")
            for interface in devices.findall("interface"):
                devices.remove(interface)
            devices.extend(copy.deepcopy(interface) for interface in interfaces)

        self.edit_domain(uuid, change)

    @_quiet
    def edit_domain(self, uuid: str, change: Callable[[Element], None]) -> None:
        """Configures a guest with its document after a change."""
        domain = self._connection.lookupByUUIDString(uuid)
        document = load_held(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
        change(document)
        self._connection.defineXML(dump_xml(document))

    @_quiet
    def attach_interface(self, uuid: str, interface: Element, flag: int) -> None:
        """Adds an interface to the configuration (CONFIG) of a guest or plugs it in (LIVE)."""
        self._connection.lookupByUUIDString(uuid).attachDeviceFlags(dump_xml(interface), flag)

    @_quiet
    def detach_interface(self, uuid: str, interface: Element, flag: int) -> None:
        """Removes an interface; LIVE only asks the guest, which lets it go when it likes."""
        self._connection.lookupByUUIDString(uuid).detachDeviceFlags(dump_xml(interface), flag)

    @_quiet
    def update_interface(self, uuid: str, interface: Element, flag: int) -> None:
        self._connection.lookupByUUIDString(uuid).updateDeviceFlags(dump_xml(interface), flag)

    @_quiet
    def reclaim_port(self, network: str, port: Element) -> None:
        """Tells a started network again of a port whose guest kept its device all the time."""
        self.create_port(network, port, True)

    @_quiet
    def create_port(self, network: str, port: Element, plugged: bool) -> None:
        """Makes a port; a plugged one says itself what it is plugged into, else libvirt chooses."""
        flags = libvirt.VIR_NETWORK_PORT_CREATE_RECLAIM if plugged else 0
        self._look_up(network).portCreateXML(dump_xml(port), flags)

    @_quiet
    def delete_port(self, network: str, uuid: str) -> None:
        self._look_up(network).portLookupByUUIDString(uuid).delete()

    @_quiet
    def set_port_rates(self, network: str, uuid: str, rates: dict[str, int]) -> None:
        """Sets the bandwidth of a port; only the parameters that it has can be given to libvirt-python."""
        port = self._look_up(network).portLookupByUUIDString(uuid)
        port.setParameters({name: rates[name] for name in port.parameters() if name in rates})

    @_quiet
    def set_interface_rates(self, domain_uuid: str, device: str, rates: dict[str, int]) -> None:
        """Sets the bandwidth of a running guest's interface: of its port and of its tap."""
        domain = self._connection.lookupByUUIDString(domain_uuid)
        domain.setInterfaceParameters(device, rates, libvirt.VIR_DOMAIN_AFFECT_LIVE)
