# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in memory, the only one that unit tests have: the parts of a snapshot, and what libvirt would do to them.

It writes down every call, and takes only calls that the real transports have. A call that is named in ``breaks``
fails, once, before or after it took effect.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from unit.network_update import NetworkUpdate

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import (
    NETWORK,
    manages_bridge,
    prefix_of,
    subnet_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import document_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import boot, kernel, libvirt, records, sysfs
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError, KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.flags import (
    CONFIG,
    DESCRIPTION,
    ELEMENT,
    TITLE,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.parts import from_record
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.running import (
    alias_of,
    as_running,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.overlaps import addresses_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options, option
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import (
    dump_xml,
    etree,
    load_xml,
    namespace_of,
)

UUID = "3e3fce45-4f53-4fa7-bb32-11f34168b82b"
KEYED = ("network_config", "network_live", "ports", "leases", "domain_config", "domain_live", "domain_saved",
         "addresses", "statistics", "traffic", "vf_settings", "carrier", "driver", "boot", "boot_owners", "limits",
         "dnsmasq_of", "bridge_sysctls", "daemon", "restartable", "bridge_files", "way", "path",
         "dnsmasq_refuses")
# what there is of things that are not there
NOTHING = {"network_config": None, "network_live": None, "ports": [], "domain_config": None, "domain_live": None,
           "dnsmasq_of": None, "bridge_sysctls": {}}
DIRECTIONS = ("inbound", "outbound")


def parts(**changes: Any) -> dict[str, dict[str, Any]]:
    """The parts of an empty host, each as it is by key; a part that is given whole stands under the empty key."""
    empty: dict[str, Any] = {
        "host": {"version": [9, 0, 0], "uri": "qemu:///system", "local": True, "sets_metadata": False},
        "networks": {}, "nwfilters": {}, "bindings": {}, "domains": {}, "devices": {}, "physical_functions": {},
        "pci_devices": {}, "vfio_holders": {}, "pci": {"iommu": True, "intel": True, "command_line": ""},
        "firewall": None, "forwarding": {"ipv4": True, "ipv6": True},
        "taken_ports": {}, "advertised": {}, "bridge_filter": {}, "start": {"networks": None, "daemons": None},
        "dnsmasq": "", "dnsmasq_version": None, "watches": None, "firewalld": None, "switch_ports": None, "places": {},
        "bridges": {}, "subnets": {},
        **{name: {} for name in KEYED},
        "daemon": dict.fromkeys(("networks", "filters"), "libvirtd"),
        "restartable": dict.fromkeys(("networks", "filters"), True),
        "limits": {"sch_htb": True, "sch_sfq": True, "act_police": True, "act_csum": True},
    }
    whole = {**empty, **changes}
    whole["leases"] = {**{name: [] for name in whole["networks"]}, **whole["leases"]}
    for part, there, nothing in (("dnsmasq_of", "networks", None), ("bridge_sysctls", "devices", {})):
        whole[part] = {**dict.fromkeys(whole[there] or {}, nothing), **whole[part]}
    if "subnets" not in changes:
        whole["subnets"] = subnets(whole["networks"], whole["network_config"], whole["network_live"])
    if "bridges" not in changes:
        whole["bridges"] = bridges(whole["networks"], whole["network_config"], whole["network_live"])
    return {name: value if name in KEYED else {"": value} for name, value in whole.items()}


def subnets(networks: Options, *layers: Options) -> Options:
    """The addresses with prefixes of each network's layers."""
    return {name: addresses_of(*(NETWORK.parse(load_xml(layer[name])) for layer in layers if layer.get(name)))
            for name in networks}


def bridges(networks: Options, *layers: Options) -> Options:
    """The names of the bridges of each network's layers."""
    found = {}
    for name in networks:
        named = [load_xml(layer[name]).find("bridge") for layer in layers if layer.get(name)]
        found[name] = sorted({one.get("name") or "" for one in named if one is not None})
    return found


def device(**different: Any) -> Options:
    """A network device as the kernel says it; see ``netlink``."""
    return {"index": 1, "up": True, "mtu": 1500, "mac": None, "master": None, "kind": None, "vlan": None,
            "stp": None, "delay": None, "port": {}, "vlans": None, "addresses": [], "routes": [], "fdb": [],
            **different}


def traffic(rates: dict[str, int]) -> dict[str, Any]:
    """What tc limits of a tap with these rates."""
    sent, received = ({name: rates.get("%s.%s" % (direction, name)) or 0 for name in ("average", "peak", "burst")}
                      for direction in DIRECTIONS)
    return {
        "sent": {"1": {"rate": sent["average"] * 1000, "ceil": (sent["peak"] or sent["average"]) * 1000,
                       "burst": sent["burst"] * 1024}} if sent["average"] else {},
        "received": {"rate": received["average"] * 1000, "burst": received["burst"] * 1024} if (
            received["average"]) else None}


def limit(document: Any, rates: dict[str, int]) -> None:
    """Has the bandwidth of a port or an interface be so."""
    for former in document.findall("bandwidth"):
        document.remove(former)
    if any(rates.values()):
        bandwidth = etree.SubElement(document, "bandwidth")
        for direction in DIRECTIONS:
            given = {name.split(".")[1]: str(rate) for name, rate in rates.items()
                     if rate and name.startswith(direction)}
            if given:
                etree.SubElement(bandwidth, direction, given)


def rates_of(document: Any) -> dict[str, int]:
    """The bandwidth of a port or an interface."""
    return {"%s.%s" % (direction, name): int(value) for direction in DIRECTIONS
            for found in document.findall("bandwidth/" + direction) for name, value in found.attrib.items()}


def mac_of(interface: Any) -> str | None:
    mac = interface.find("mac")
    return None if mac is None else mac.get("address").lower()


class Layer:
    """A transport that writes down what it is told."""

    real: type

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        signature = inspect.signature(getattr(object.__new__(self.real), name))

        def call(*arguments: Any, **named: Any) -> Any:
            signature.bind(*arguments, **named)
            effect = getattr(type(self), "_" + name, None)
            return self._host.called(name, arguments, lambda: effect and effect(self, *arguments, **named))

        return call


class Libvirt(Layer):
    """What libvirt does with networks, filters, bindings, ports, and interfaces of networks."""

    real = libvirt.Libvirt
    uri = "qemu:///system"

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(self._host.parts["host"][""]["version"])

    @property
    def sets_metadata(self) -> bool:
        return bool(self._host.parts["host"][""]["sets_metadata"])

    # --- networks

    def _network_xml(self, name: str, live: bool) -> str | None:
        return self._host.parts["network_live" if live else "network_config"].get(name)

    def _domain_xml(self, uuid: str, live: bool) -> str | None:
        return self._host.parts["domain_live" if live else "domain_config"].get(uuid)

    def _running_interfaces(self, uuid: str) -> Any:
        text = self._domain_xml(uuid, True)
        return None if text is None else load_xml(text).findall("devices/interface")

    def _network_changed(self, name: str, **facts: Any) -> None:
        networks = self._host.parts["networks"][""]
        networks[name] = dict(networks.get(name) or {
            "uuid": UUID, "active": False, "persistent": False, "autostart": False}, **facts)
        if not networks[name]["active"] and not networks[name]["persistent"]:
            del networks[name]

    def _completed(self, document: Any) -> str:
        """A document with what libvirt makes up."""
        options = NETWORK.parse(document)
        options.setdefault("uuid", UUID)
        if manages_bridge(options):
            options["bridge"] = dict({"name": "virbr0", "stp": True, "delay": 0}, **options.get("bridge", {}))
            options.setdefault("mac", {"address": "52:54:00:00:00:01"})
        return dump_xml(NETWORK.render(options, document))

    def _define_network(self, document: Any) -> None:
        name = document.findtext("name")
        self._host.parts["network_config"][name] = self._completed(document)
        self._network_changed(name, persistent=True)

    def _create_network(self, document: Any) -> None:
        self._run(document.findtext("name"), self._completed(document))

    def _undefine_network(self, name: str) -> None:
        self._host.parts["network_config"].pop(name)
        self._network_changed(name, persistent=False, autostart=False)

    def _start_network(self, name: str) -> None:
        self._run(name, self._host.parts["network_config"][name])

    def _run(self, name: str, text: str) -> None:
        """libvirt makes the bridge of a network that starts."""
        self._host.parts["network_live"][name], self._host.parts["ports"][name] = text, []
        self._network_changed(name, active=True)
        options = NETWORK.parse(load_xml(text))
        if manages_bridge(options):
            stp, delay = option(options, "bridge", "stp") is not False, option(options, "bridge", "delay") or 0
            self._host.devices[option(options, "bridge", "name")] = device(
                kind="bridge", stp=stp, delay=float(max(delay, 2) if stp else delay),
                mtu=option(options, "mtu", "size") or 1500, mac=option(options, "mac", "address"),
                addresses=["%s/%d" % (ip["address"], prefix_of(ip)) for ip in options.get("ips", [])],
                routes=[{"destination": str(subnet_of(route)), "gateway": route["gateway"],
                         "metric": route.get("metric") or 1} for route in options.get("routes", [])])

    def _stop_network(self, name: str) -> None:
        """With the network its bridge goes."""
        options = NETWORK.parse(load_xml(self._host.parts["network_live"].pop(name)))
        self._host.parts["ports"][name] = []
        self._network_changed(name, active=False)
        if manages_bridge(options):
            bridge = option(options, "bridge", "name")
            self._host.devices.pop(bridge, None)
            for member in self._host.devices.values():
                if member["master"] == bridge:
                    member.update(master=None, port={}, fdb=[])

    def _set_network_autostart(self, name: str, autostart: bool) -> None:
        self._network_changed(name, autostart=autostart)

    def _update_network(self, name: str, command: int, section: int, parent: int, element: Any, flag: int) -> None:
        layer = self._host.parts["network_config" if flag == CONFIG else "network_live"]
        network = NetworkUpdate(NETWORK.parse(load_xml(layer[name])), self.version)
        network.update(command, section, parent, element)
        layer[name] = dump_xml(NETWORK.render(network.options, load_xml(layer[name])))

    def _set_network_metadata(self, name: str, kind: int, text: str | None, prefix: str | None,
                              uri: str | None) -> None:
        layer = self._host.parts["network_live"]
        options = NETWORK.parse(load_xml(layer[name]))
        if kind == ELEMENT:
            others = [one for one in options.get("metadata") or [] if namespace_of(one) != uri]
            options["metadata"] = others + ([text] if text else [])
        else:
            options[{TITLE: "title", DESCRIPTION: "description"}[kind]] = text
        layer[name] = dump_xml(NETWORK.render({key: value for key, value in options.items() if value},
                                              load_xml(layer[name])))

    # --- ports

    def _create_port(self, network: str, document: Any, plugged: bool) -> None:
        ports = self._host.parts["ports"].setdefault(network, [])
        if document.findtext("uuid") in [load_xml(port).findtext("uuid") for port in ports]:
            raise HypervisorError("there is such a port")
        ports.append(dump_xml(document))

    def _reclaim_port(self, network: str, port: Any) -> None:
        self._create_port(network, port, True)

    def _delete_port(self, network: str, uuid: str) -> None:
        ports = self._host.parts["ports"].get(network, [])
        ports[:] = [port for port in ports if load_xml(port).findtext("uuid") != uuid]

    def _set_port_rates(self, network: str, uuid: str, rates: dict[str, int]) -> None:
        """Of directions that the port has not, libvirt-python sets nothing."""
        ports = self._host.parts["ports"][network]
        for place, port in enumerate(map(load_xml, ports)):
            if port.findtext("uuid") == uuid:
                has = {name.split(".")[0] for name in rates_of(port)}
                limit(port, {name: rate for name, rate in rates.items() if name.split(".")[0] in has})
                ports[place] = dump_xml(port)

    # --- interfaces of guests

    def _changed(self, uuid: str, flag: int, change: Any) -> None:
        layer = self._host.parts["domain_config" if flag == CONFIG else "domain_live"]
        document = load_xml(layer[uuid]) if layer.get(uuid) else None
        if document is not None:
            change(document.find("devices"))
            layer[uuid] = dump_xml(document)

    def _define_interfaces(self, uuid: str, interfaces: list[Any]) -> None:
        def change(devices: Any) -> None:
            for former in devices.findall("interface"):
                devices.remove(former)
            devices.extend(copy.deepcopy(interface) for interface in interfaces)

        self._changed(uuid, CONFIG, change)

    def _edit_domain(self, uuid: str, change: Any) -> None:
        layer = self._host.parts["domain_config"]
        document = load_xml(layer[uuid])
        change(document)
        layer[uuid] = dump_xml(document)

    def _attach_interface(self, uuid: str, interface: Any, flag: int) -> None:
        element = copy.deepcopy(interface)
        self._changed(uuid, flag, lambda devices: devices.append(
            element if flag == CONFIG else self._plugged_in(uuid, element, devices)))

    def _plugged_in(self, uuid: str, element: Any, devices: Any) -> Any:
        """A new interface of a running guest, with the alias, the tap and the port that libvirt gives it."""
        if not alias_of(element):
            taken = [int(alias_of(one)[3:]) for one in devices.findall("interface") if alias_of(one)[:3] == "net"]
            etree.SubElement(element, "alias", name="net%d" % (max(taken, default=-1) + 1))
        if element.get("type") in ("network", "bridge"):
            tap = next(name for name in map("vnet%d".__mod__, range(99)) if name not in self._host.devices)
            etree.SubElement(element, "target", dev=tap)
            self._host.devices[tap] = device(kind="tun")
            self._connect(uuid, element)
            self._host.parts["traffic"][tap] = traffic(rates_of(element))
        return element

    def _connect(self, uuid: str, live: Any) -> None:
        """Has an interface of a network be what it is when it runs: one of a bridge, with a port."""
        source, target = live.find("source"), live.find("target")
        network, bridge = source.get("network"), source.get("bridge")
        if network:
            running = NETWORK.parse(load_xml(self._host.parts["network_live"][network]))
            bridge = option(running, "bridge", "name")
            self._forget(uuid, live)
            live.set("type", "bridge")
            source.set("portid", str(uuid5(NAMESPACE_OID, uuid + mac_of(live))))
            source.set("bridge", bridge)
            port = etree.Element("networkport")
            for place, text in (("uuid", source.get("portid")), ("owner/name", "one"), ("owner/uuid", uuid)):
                parent = port
                for tag in place.split("/"):
                    found = parent.find(tag)
                    parent = etree.SubElement(parent, tag) if found is None else found
                parent.text = text
            etree.SubElement(port, "mac", address=mac_of(live))
            etree.SubElement(port, "plug", type="network", bridge=bridge)
            limit(port, rates_of(live))
            self._host.parts["ports"].setdefault(network, []).append(dump_xml(port))
        if target is not None and target.get("dev") in self._host.devices:
            self._host.devices[target.get("dev")].update(master=bridge, port={}, fdb=[])

    def _forget(self, uuid: str, live: Any) -> None:
        """Has the network forget the port of an interface."""
        source = live.find("source")
        if source is not None and source.get("portid"):
            for name in self._host.parts["ports"]:
                self._delete_port(name, source.get("portid"))

    def _detach_interface(self, uuid: str, interface: Any, flag: int) -> None:
        """By the MAC address and the alias, which is enough to see it work."""
        def change(devices: Any) -> None:
            for one in devices.findall("interface"):
                if mac_of(one) == mac_of(interface) and alias_of(interface) in ("", alias_of(one)):
                    devices.remove(one)
                    self._forget(uuid, one)
                    if one.find("target") is not None and flag != CONFIG:
                        for there in (self._host.devices, self._host.parts["traffic"]):
                            there.pop(one.find("target").get("dev"), None)

        self._changed(uuid, flag, change)

    def _update_interface(self, uuid: str, interface: Any, flag: int) -> None:
        """By the MAC address; what runs keeps what libvirt gave to it."""
        def change(devices: Any) -> None:
            for one in devices.findall("interface"):
                if mac_of(one) == mac_of(interface):
                    new = copy.deepcopy(interface) if flag == CONFIG else as_running(interface, one)
                    devices.replace(one, new)
                    if flag != CONFIG:
                        self._told_limits(uuid, new, rates_of(new))

        self._changed(uuid, flag, change)

    def _told_limits(self, uuid: str, live: Any, rates: dict[str, int]) -> None:
        """The limits of an interface are those of its port and of its tap too."""
        limit(live, rates)
        port, target = live.find("source").get("portid"), live.find("target")
        for ports in self._host.parts["ports"].values():
            for place, found in enumerate(map(load_xml, ports)):
                if port and found.findtext("uuid") == port:
                    limit(found, rates)
                    ports[place] = dump_xml(found)
        if target is not None:
            self._host.parts["traffic"][target.get("dev")] = traffic(rates)

    def _set_interface_rates(self, uuid: str, name: str, rates: dict[str, int]) -> None:
        """By the tap or the MAC address."""
        def change(devices: Any) -> None:
            for one in devices.findall("interface"):
                target = one.find("target")
                if name in (mac_of(one), None if target is None else target.get("dev")):
                    self._told_limits(uuid, one, rates)

        self._changed(uuid, 1, change)

    def _plug_in_again(self, uuid: str, interface: Any, bridge: str, shown: Any, _meanwhile: Any = None) -> None:
        """Makes the port anew and puts the tap into the bridge."""
        def change(devices: Any) -> None:
            for one in devices.findall("interface"):
                if mac_of(one) == mac_of(interface):
                    new = as_running(interface, one)
                    devices.replace(one, new)
                    self._connect(uuid, new)

        self._changed(uuid, 1, change)

    # --- filters

    def _define_nwfilter(self, document: Any) -> None:
        self._host.parts["nwfilters"][""][document.get("name")] = {"uuid": UUID, "xml": dump_xml(document)}

    def _undefine_nwfilter(self, name: str) -> None:
        del self._host.parts["nwfilters"][""][name]

    def _create_nwfilter_binding(self, document: Any) -> None:
        self._host.parts["bindings"][""][document.find("portdev").get("name")] = dump_xml(document)

    def _delete_nwfilter_binding(self, port: str) -> None:
        del self._host.parts["bindings"][""][port]


class Kernel(Layer):
    """What the kernel does with devices."""

    real = kernel.Kernel

    def _devices(self) -> dict[str, Any]:
        return copy.deepcopy(self._host.devices)

    def _device(self, name: str) -> Any:
        return copy.deepcopy(self._host.devices.get(name))

    def _make_bridge(self, name: str, mac: str | None) -> None:
        self._host.devices[name] = device(kind="bridge", up=False, mac=mac, stp=False, delay=15.0)

    def _remove_device(self, name: str) -> None:
        del self._host.devices[name]
        for member in self._host.devices.values():
            if member["master"] == name:
                member.update(master=None, port={}, fdb=[])

    def _set_bridge(self, name: str, stp: bool, delay: int) -> None:
        self._host.devices[name].update(stp=stp, delay=float(delay))

    def _set_mtu(self, name: str, mtu: int) -> None:
        self._host.devices[name]["mtu"] = mtu

    def _set_mac(self, name: str, mac: str) -> None:
        self._host.devices[name]["mac"] = mac

    def _set_master(self, name: str, bridge: str | None) -> None:
        """With its bridge a device loses its settings as a port."""
        found = self._host.devices[name]
        if bridge is not None and bridge not in self._host.devices:
            raise KernelError("there is no bridge %s" % bridge)
        if found["master"] != bridge:
            found.update(master=bridge, port={}, fdb=[])

    def _set_up(self, name: str, up: bool) -> None:
        self._host.devices[name]["up"] = up

    def _vf_settings(self, name: str) -> Any:
        return copy.deepcopy(self._host.parts["vf_settings"][name])

    def _set_vf(self, name: str, index: int, settings: dict[str, Any]) -> None:
        self._host.parts["vf_settings"][name][str(index)].update(settings)

    def _set_port(self, name: str, settings: dict[str, int]) -> None:
        self._host.devices[name]["port"].update(settings)

    def _set_filtering(self, bridge: str, filters: bool) -> None:
        usual = {"pvid": 1, "untagged": [1], "vids": [1]}
        for name, device in self._host.devices.items():
            if bridge in (name, device["master"]):
                device["vlans"] = usual if filters else None

    def _set_vlans(self, name: str, vlans: dict[str, Any]) -> None:
        self._host.devices[name]["vlans"] = vlans

    def _add_fdb(self, name: str, mac: str, vlan: int | None) -> None:
        self._host.devices[name]["fdb"].append([mac, vlan])

    def _add_address(self, name: str, address: str) -> None:
        self._host.devices[name]["addresses"].append(address)

    def _remove_address(self, name: str, address: str) -> None:
        self._host.devices[name]["addresses"].remove(address)

    def _add_route(self, name: str, destination: str, gateway: str, metric: int) -> None:
        self._host.devices[name]["routes"].append({"destination": destination, "gateway": gateway, "metric": metric})

    def _remove_route(self, name: str, destination: str, gateway: str, metric: int) -> None:
        self._host.devices[name]["routes"].remove({"destination": destination, "gateway": gateway, "metric": metric})


class Sysctls:
    """What the kernel does with settings below /proc/sys."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def read_bridge(self, bridge: str) -> dict[str, int]:
        found: dict[str, int] = self._host.parts["bridge_sysctls"].get(bridge, {})
        return found

    def set_bridge(self, bridge: str, name: str, value: int) -> None:
        self._host.called("set_sysctl", (bridge, name, value), lambda: self.read_bridge(bridge).update({name: value}))

    def set_forwarding(self, family: str, is_on: bool) -> None:
        self._host.called("set_forwarding", (family, is_on),
                          lambda: self._host.parts["forwarding"][""].update({family: is_on}))


class Programs:
    """What libvirt starts."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def stop_dnsmasq(self, network: str) -> None:
        self._host.called("stop_dnsmasq", (network,), lambda: None)


class Firewall:
    """What nftables does."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def change_firewall(self, commands: list) -> None:
        self._host.called("change_firewall", (commands,), lambda: None)


class Switch:
    """What Open vSwitch does."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host

    def set_tags(self, port: str, tags: Options, _seconds: float = 0) -> None:
        self._host.called("set_tags", (port, tags), lambda: self._host.parts["switch_ports"][""][port].update(tags))


class FakeHost:
    """A host whose ``parts`` are given; ``calls`` are those that change something, by name with their arguments.

    ``looks`` counts how often it was read.
    """

    READS = ("network_xml", "domain_xml", "running_interfaces", "devices", "device", "vf_settings")

    def reconnect(self) -> None:
        pass

    def lock(self) -> records.Lock:
        return records.Lock(self.libvirt.uri, True, "")

    def __init__(self, breaks: tuple[str, ...] = (), after: bool = False, error: Exception | None = None,
                 **given: Any) -> None:
        self.parts: dict[str, dict[str, Any]] = json.loads(json.dumps(parts(**given)))
        self.calls: list[tuple[Any, ...]] = []
        self.breaks, self.after, self.error = list(breaks), after, error
        self.sysfs, self.boot, self.sysctls, self.firewall = sysfs, boot, Sysctls(self), Firewall(self)
        self.programs, self.switch = Programs(self), Switch(self)
        self.libvirt, self.kernel, self.looks = Libvirt(self), Kernel(self), 0

    @property
    def local(self) -> bool:
        return bool(self.parts["host"][""]["local"])

    @property
    def devices(self) -> dict[str, Options]:
        found: dict[str, Options] = self.parts["devices"][""]
        return found

    def called(self, name: str, arguments: tuple[Any, ...], effect: Any) -> Any:
        if name in self.READS:
            return effect()
        broken = name in self.breaks
        if broken:
            self.breaks.remove(name)
        if not broken or self.after:
            self.calls.append((name, *arguments))
            effect()
        if broken:
            raise self.error or HypervisorError("%s is broken" % name)
        return None

    def document(self, part: str, key: str) -> str | None:
        return document_of(Snapshot(self.read), part, key)

    def look(self) -> Snapshot:
        """The host as it is from now on; like the real one it is read part by part, when somebody asks."""
        self.looks += 1
        return Snapshot(self.read)

    def read(self, part: str, key: str) -> Any:
        if part in NOTHING and key not in self.parts[part]:
            return copy.deepcopy(NOTHING[part])
        if part in ("bridges", "subnets"):
            return {"bridges": bridges, "subnets": subnets}[part](
                self.parts["networks"][""], self.parts["network_config"], self.parts["network_live"])
        return copy.deepcopy(from_record(self.parts)(part, key))

    def names(self) -> Iterator[str]:
        """The names of the calls."""
        return (call[0] for call in self.calls)
