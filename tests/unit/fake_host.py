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

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import (
    NETWORK,
    manages_bridge,
    prefix_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import boot, kernel, libvirt, sysfs
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.flags import CONFIG
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.parts import from_record
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options, option
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml, load_xml

UUID = "3e3fce45-4f53-4fa7-bb32-11f34168b82b"
KEYED = ("network_config", "network_live", "ports", "leases", "domain_config", "domain_live", "addresses",
         "statistics", "traffic", "vf_settings", "carrier", "driver", "boot", "boot_owners")


def parts(**changes: Any) -> dict[str, dict[str, Any]]:
    """The parts of an empty host, each as it is by key; a part that is given whole stands under the empty key."""
    empty: dict[str, Any] = {
        "host": {"version": [9, 0, 0], "uri": "qemu:///system", "local": True, "sets_metadata": False},
        "networks": {}, "nwfilters": {}, "bindings": {}, "domains": {}, "devices": {}, "physical_functions": {},
        "pci_devices": {}, "vfio_holders": {}, "pci": {"iommu": True, "intel": True, "command_line": ""},
        **{name: {} for name in KEYED},
    }
    return {name: value if name in KEYED else {"": value} for name, value in {**empty, **changes}.items()}


def device(**different: Any) -> Options:
    """A network device as the kernel says it; see ``netlink``."""
    return {"index": 1, "up": True, "mtu": 1500, "mac": None, "master": None, "kind": None, "stp": None, "delay": None,
            "port": {}, "addresses": [], "routes": [], "fdb": [], **different}


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
                addresses=["%s/%d" % (ip["address"], prefix_of(ip)) for ip in options.get("ips", [])])

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
        """Portgroups alone, which are enough to see it work."""
        assert section == 9
        layer = self._host.parts["network_config" if flag == CONFIG else "network_live"]
        options = NETWORK.parse(load_xml(layer[name]))
        item = NETWORK.node("portgroups").item.parse(element)
        groups = [group for group in options.get("portgroups", []) if group["name"] != item["name"]]
        options["portgroups"] = groups + ([] if command == 2 else [item])
        layer[name] = dump_xml(NETWORK.render(options, load_xml(layer[name])))

    def _plug_in_again(self, uuid: str, interface: Any, bridge: str) -> None:
        """Makes the port anew and puts the tap into the bridge."""
        network, mac = interface.find("source").get("network"), interface.find("mac").get("address")
        document = load_xml(self._host.parts["domain_live"][uuid])
        for live in document.findall("devices/interface"):
            if live.find("mac").get("address") == mac:
                port, tap = "port-%s" % mac, live.find("target").get("dev")
                live.find("source").set("portid", port)
                self._host.parts["ports"].setdefault(network, []).append(
                    "<networkport><uuid>%s</uuid><plug type='network' bridge='%s'/></networkport>" % (port, bridge))
                if tap in self._host.devices:
                    self._host.devices[tap]["master"] = bridge
        self._host.parts["domain_live"][uuid] = dump_xml(document)

    def _attach_interface(self, uuid: str, interface: Any, flag: int) -> None:
        self._with_devices(uuid, flag, lambda devices: devices.append(copy.deepcopy(interface)))

    def _detach_interface(self, uuid: str, interface: Any, flag: int) -> None:
        """By the MAC address, which is enough to see it work."""
        mac = interface.find("mac").get("address") if interface.find("mac") is not None else None
        self._with_devices(uuid, flag, lambda devices: [devices.remove(one) for one in devices.findall("interface")
                                                        if one.find("mac").get("address") == mac])

    def _with_devices(self, uuid: str, flag: int, change: Any) -> None:
        layer = self._host.parts["domain_config" if flag == CONFIG else "domain_live"]
        document = load_xml(layer[uuid]) if uuid in layer else None
        if document is not None:
            change(document.find("devices"))
            layer[uuid] = dump_xml(document)

    # --- filters

    def _define_nwfilter(self, document: Any) -> None:
        self._host.parts["nwfilters"][""][document.get("name")] = {"uuid": UUID, "xml": dump_xml(document)}

    def _undefine_nwfilter(self, name: str) -> None:
        del self._host.parts["nwfilters"][""][name]

    def _create_nwfilter_binding(self, document: Any) -> None:
        self._host.parts["bindings"][""][document.find("portdev").get("name")] = dump_xml(document)

    def _delete_nwfilter_binding(self, port: str) -> None:
        del self._host.parts["bindings"][""][port]

    # --- ports

    def _create_port(self, network: str, document: Any, plugged: bool) -> None:
        self._host.parts["ports"].setdefault(network, []).append(dump_xml(document))

    def _reclaim_port(self, network: str, port: Any) -> None:
        self._create_port(network, port, True)

    def _delete_port(self, network: str, uuid: str) -> None:
        ports = self._host.parts["ports"][network]
        ports[:] = [port for port in ports if load_xml(port).findtext("uuid") != uuid]


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

    def _set_bridge(self, name: str, stp: bool, delay: int) -> None:
        self._host.devices[name].update(stp=stp, delay=float(delay))

    def _set_mtu(self, name: str, mtu: int) -> None:
        self._host.devices[name]["mtu"] = mtu

    def _set_mac(self, name: str, mac: str) -> None:
        self._host.devices[name]["mac"] = mac

    def _set_master(self, name: str, bridge: str | None) -> None:
        self._host.devices[name]["master"] = bridge

    def _set_up(self, name: str, up: bool) -> None:
        self._host.devices[name]["up"] = up

    def _vf_settings(self, name: str) -> Any:
        return copy.deepcopy(self._host.parts["vf_settings"][name])

    def _set_vf(self, name: str, index: int, settings: dict[str, Any]) -> None:
        self._host.parts["vf_settings"][name][str(index)].update(settings)

    def _set_port(self, name: str, settings: dict[str, int]) -> None:
        self._host.devices[name]["port"].update(settings)

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


class FakeHost:
    """A host whose ``parts`` are given; ``calls`` are those that change something, by name with their arguments.

    ``looks`` counts how often it was read.
    """

    READS = ("network_xml", "domain_xml", "running_interfaces", "devices", "device", "vf_settings")

    def __init__(self, breaks: tuple[str, ...] = (), after: bool = False, error: Exception | None = None,
                 **given: Any) -> None:
        self.parts: dict[str, dict[str, Any]] = json.loads(json.dumps(parts(**given)))
        self.calls: list[tuple[Any, ...]] = []
        self.breaks, self.after, self.error = list(breaks), after, error
        self.sysfs, self.boot = sysfs, boot
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

    def look(self) -> Snapshot:
        self.looks += 1
        return Snapshot(from_record(copy.deepcopy(self.parts)))

    def names(self) -> Iterator[str]:
        """The names of the calls."""
        return (call[0] for call in self.calls)
