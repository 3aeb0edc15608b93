# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as plain data.

Every part is read when it is first asked for, once, and can be recorded as JSON and read back. The parts by name, each
whole or by key:

=================== ================ =======================================================================
part                key              data
=================== ================ =======================================================================
host                                 version (a list of three numbers), uri, local, sets_metadata
networks                             by name: uuid, active, persistent, autostart
network_config      network          XML, null without one
network_live        network          XML, null when it does not run
bridges                              by network: the names of its bridges, empty for one that libvirt makes up
subnets                              by network: its addresses with prefix or netmask
ports               network          a list of XML
leases              network          a list of leases
nwfilters                            by name: uuid, xml
bindings                             by device: XML
domains                              by UUID: name, active, persistent; state where that is unusual, saved
domain_config       UUID             XML in the form in which it was configured
domain_live         UUID             XML, null when it does not run
domain_saved        UUID             XML of a managed save
addresses           UUID             by source and MAC: addresses
statistics          UUID and device  counters, null where there are none
devices                              by name: see ``netlink``; null when the kernel is out of reach
way                 see ``way_of``   device, refused: see ``netlink``
traffic             device           what tc limits: see ``kernel``
switch_ports                         by name: see ``ovsdb``; null where there is no Open vSwitch
physical_functions                   by PCI address: see ``sysfs``
pci_devices                          by PCI address: names of network devices
carrier             device           whether it has a link
vf_settings         device           by index: see ``kernel``
vfio_holders                         by file below /dev/vfio: processes
pci                                  iommu, intel, command_line
driver              driver           whether the kernel has it
limits              module           whether the kernel has it: see ``limits``
firewall                             problem, backend, legacy, chains: see ``firewall``
daemon               drivers         the name of libvirt's daemon of networks or filters, null where it is not seen
restartable          drivers         whether it is known how that daemon was started
dnsmasq                              what is wrong with it, empty where it works, null where that is not known
firewalld                            whether it runs, null where that is not known
dnsmasq_version                      a list of numbers, null where not known
watches                              how many processes of root can watch files: limit, left; null where not known
taken_ports                          by service (dns, dhcp, dhcpv6) who has its port of all addresses
dnsmasq_refuses      lines           the number of the first that is no option of dnsmasq, and why; null without one
path                 path            folder or file, empty where nothing is, null where that is not known
dnsmasq_of           network          runs, conf, hosts, names: see ``dnsmasq``; null where they cannot be read
forwarding                           by family: whether the kernel forwards
advertised                           by device: accept_ra of those with routes that routers advertise
bridge_filter                        by family: whether what stays within a bridge passes the firewall too
bridge_sysctls       bridge          its settings by name
start                                networks and daemons that start at boot, each null where not known: see ``start``
places                               by directory: see ``places``
bridge_files        keeper, bridge   by place and name: see ``keeper``
boot                PCI address      files (by path), others, python: see ``boot``
boot_owners         PCI address      a list of who, file
=================== ================ =======================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..schema.options import Options
from ..schema.scalars import UUID
from ..schema.xml import load_held
from .parts import Data, NotRecorded, Parts, Record, from_record, once

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

CHOOSES_BACKEND = (10, 4)
LIMITS_SWITCH = (9, 0)  # from here on it is known how libvirt writes limits to Open vSwitch
LIMITS = ("sch_htb", "sch_sfq", "act_police", "act_csum")
EVEN_FORWARDING = 2  # accept_ra: believes routers though it is one


class NetworkRecord(NamedTuple):
    """A network as libvirt has it: ``config`` is its persistent, ``live`` its running document, None without one."""

    name: str
    uuid: str
    active: bool
    persistent: bool
    autostart: bool
    config: Element | None
    live: Element | None


class FilterRecord(NamedTuple):
    """A network filter as libvirt has it."""

    name: str
    uuid: str
    document: Element


class DomainRecord(NamedTuple):
    """A guest as libvirt has it: ``config`` is its persistent, ``live`` its running document, None without one.

    ``state`` is what it is while it is active, empty when it simply runs; ``saved`` the document of its managed save.
    """

    name: str
    uuid: str
    active: bool
    persistent: bool
    config: Element | None
    live: Element | None
    state: str = ""
    saved: Element | None = None


class Snapshot(Parts):
    """The parts of a host, by what they are."""

    as_it_was: Snapshot

    @staticmethod
    def of_record(parts: Record) -> Snapshot:
        """A host as it was recorded."""
        return Snapshot(from_record(parts))

    def complete(self) -> Snapshot:
        """The same with all of it read that planning may ask for, so that it can be recorded."""
        for part in ("host", "networks", "bridges", "subnets", "nwfilters", "bindings", "domains"):
            self.get(part)
        for name, network in self.get("networks").items():
            self.get("network_config", name)
            if network["active"]:
                self.get("network_live", name)
                self.get("ports", name)
                self.get("leases", name)
        for uuid, domain in self.get("domains").items():
            self.get("domain_config", uuid)
            if domain["active"]:
                self.get("domain_live", uuid)
            elif domain.get("saved"):
                self.get("domain_saved", uuid)
        if self.reaches_kernel:
            self._complete_kernel()
        return self

    def _complete_kernel(self) -> None:
        for part in ("devices", "physical_functions", "pci_devices", "vfio_holders", "pci", "switch_ports", "firewall",
                     "firewalld", "dnsmasq", "dnsmasq_version", "taken_ports", "watches", "forwarding", "advertised",
                     "bridge_filter", "start", "places"):
            self.get(part)
        for name, network in self.get("networks").items():
            if network["active"]:
                self.get("dnsmasq_of", name)
        for drivers in ("networks", "filters"):
            self.daemon(drivers)
        for module in LIMITS:
            self.has(module)
        for device in self.devices or {}:
            self.traffic(device)
            self.get("bridge_sysctls", device)
        for address, function in self.physical_functions.items():
            self.get("boot", address)
            self.get("boot_owners", address)
            for device in function["devices"][:1] if function["vfs"] else []:
                self.get("vf_settings", device)

    @property
    def version(self) -> tuple[int, ...]:
        """libvirt's version."""
        return tuple(self.get("host")["version"])

    @property
    def uri(self) -> str:
        return str(self.get("host")["uri"])

    @property
    def sets_metadata(self) -> bool:
        """Whether libvirt changes title, description and metadata of a running network."""
        return bool(self.get("host")["sets_metadata"])

    def document(self, part: str, key: str) -> Element | None:
        """A part that is XML, parsed once; nobody changes what comes from here."""
        return _document(self, part, key)

    # --- libvirt

    def network_names(self) -> list[str]:
        return sorted(self.get("networks"))

    def network(self, name: str) -> NetworkRecord | None:
        """The network of that name, or None."""
        found = self.get("networks").get(name)
        if found is None:
            return None
        return NetworkRecord(
            name, found["uuid"], found["active"], found["persistent"], found["autostart"],
            self.document("network_config", name) if found["persistent"] else None,
            self.document("network_live", name) if found["active"] else None)

    def ports(self, network: str) -> tuple[Element, ...]:
        """The documents of the ports of a network; only one that runs has some."""
        found = self.get("networks").get(network)
        return _ports(self, network) if found and found["active"] else ()

    def filters(self) -> dict[str, FilterRecord]:
        """Every network filter by name."""
        return _filters(self)

    def filter(self, name: str) -> FilterRecord | None:
        """The network filter of that name, or None."""
        found = self.get("nwfilters").get(name)
        return None if found is None else FilterRecord(name, found["uuid"], _parsed(self, found["xml"]))

    def bindings(self) -> dict[str, Element]:
        """The document of every filter binding by the name of its device."""
        return _bindings(self)

    def binding(self, device: str) -> Element | None:
        """The document of the filter binding of that device, or None."""
        text = self.get("bindings").get(device)
        return None if text is None else _parsed(self, text)

    def domain(self, name: str) -> DomainRecord | None:
        """The guest of that name or UUID, or None."""
        uuid = _uuids_by_name(self).get(name) or _as_uuid(name)
        return self.domain_of(uuid) if uuid in self.get("domains") else None

    def domain_of(self, uuid: str) -> DomainRecord:
        found = self.get("domains")[uuid]
        return DomainRecord(
            found["name"], uuid, found["active"], found["persistent"],
            self.document("domain_config", uuid) if found["persistent"] else None,
            self.document("domain_live", uuid) if found["active"] else None,
            found.get("state", "") if found["active"] else "",
            self.document("domain_saved", uuid) if found.get("saved") and not found["active"] else None)

    # --- the kernel

    @property
    def reaches_kernel(self) -> bool:
        return bool(self.get("host")["local"])

    @property
    def devices(self) -> dict[str, Options] | None:
        """Every network device of the host by name, None when they are out of reach."""
        found: dict[str, Options] | None = self.get("devices") if self.reaches_kernel else None
        return found

    def device(self, name: str | None) -> Options | None:
        return (self.devices or {}).get(name or "")

    def traffic(self, device: str) -> Options | None:
        """What tc, or Open vSwitch, limits of a device, None when there is no such device."""
        port = self.switch_port(device)
        if port is not None:
            return dict(port["traffic"]) if self.limits_switch else None
        return self.get("traffic", device) if self.device(device) else None

    @property
    def limits_switch(self) -> bool:
        """Whether libvirt has Open vSwitch limit its ports, in a way that is known."""
        return self.version >= LIMITS_SWITCH

    def switch_port(self, name: str) -> Options | None:
        """A port of Open vSwitch, None where there is none of that name."""
        return self.switch_ports.get(name)

    @property
    def switch_ports(self) -> dict[str, Options]:
        """The ports of Open vSwitch by name, none where there is none or it is out of reach."""
        return (self.get("switch_ports") or {}) if self.reaches_kernel else {}

    def has(self, module: str) -> bool | None:
        """Whether the kernel has one of those that libvirt has tc use, None where that is not known."""
        found: bool | None = self.get("limits", module) if self.reaches_kernel else None
        return found

    @property
    def firewall(self) -> Options | None:
        """The kernel's firewall, None when it is out of reach."""
        found: Options | None = self.get("firewall") if self.reaches_kernel else None
        if found and not found["backend"] and self.version < CHOOSES_BACKEND:
            return dict(found, backend="iptables")
        return found

    def daemon(self, drivers: str) -> str | None:
        """The name of the daemon of libvirt that has these drivers (see ``daemon``), None where it is not seen."""
        found: str | None = self.get("daemon", drivers) if self.reaches_kernel else None
        return found

    def can_restart(self, drivers: str) -> bool:
        """Whether the daemon that has these drivers can be restarted from here."""
        return self.reaches_kernel and bool(self.get("restartable", drivers))

    @property
    def dnsmasq_problem(self) -> str:
        """Why libvirt cannot start dnsmasq; empty where it can, and where that is not known."""
        return str(self.get("dnsmasq") or "") if self.reaches_kernel else ""

    @property
    def runs_firewalld(self) -> bool | None:
        """Whether firewalld runs, None where that is not known."""
        found: bool | None = self.get("firewalld") if self.reaches_kernel else None
        return found

    @property
    def watches(self) -> dict[str, int] | None:
        """How many more dnsmasqs can watch the host's list of DNS servers: see ``watches``."""
        found: dict[str, int] | None = self.get("watches") if self.reaches_kernel else None
        return found

    @property
    def dnsmasq_version(self) -> tuple[int, ...] | None:
        """The version of dnsmasq that libvirt starts."""
        found = self.get("dnsmasq_version") if self.reaches_kernel else None
        return tuple(found) if found else None

    @property
    def taken_ports(self) -> dict[str, str]:
        """By service of dnsmasq who has its port, so that none starts; without those that are free."""
        return (self.get("taken_ports") if self.reaches_kernel else None) or {}

    def dnsmasq_of(self, network: str) -> Options | None:
        """The dnsmasq of a network, None where it cannot be looked at."""
        found: Options | None = self.get("dnsmasq_of", network) if self.reaches_kernel else None
        return found

    @property
    def forwarding(self) -> dict[str, bool]:
        """Whether the kernel forwards, by family."""
        found: dict[str, bool] = self.get("forwarding") if self.reaches_kernel else {}
        return found

    @property
    def losing_routes(self) -> list[str]:
        """The devices whose routes are from what routers advertise, and go when the kernel forwards IPv6."""
        found: dict[str, int] = (self.get("advertised") if self.reaches_kernel else None) or {}
        return sorted(device for device, accept in found.items() if accept != EVEN_FORWARDING)

    @property
    def start(self) -> Options:
        """What starts networks at boot, nothing where that is not known."""
        return (self.get("start") if self.reaches_kernel else None) or {"networks": None, "daemons": None}

    @property
    def bridge_filter(self) -> dict[str, bool]:
        """Whether what stays within a bridge passes the firewall of IP too, by family."""
        found: dict[str, bool] = self.get("bridge_filter") if self.reaches_kernel else {}
        return found

    def way_of(self, comes: str, source: str, target: str) -> Options:
        """``device`` by which the host sends on what comes in by another, or by which error it is ``refused``."""
        found: Options | None = self._asked("way", "%s %s %s" % (comes, source, target))
        return found or {"device": None, "refused": "unknown"}

    def kind_of(self, path: str) -> str | None:
        """Whether a path is a "folder" or a "file", empty where nothing is, None where that is not known."""
        found: str | None = self._asked("path", path)
        return found

    def refused_by_dnsmasq(self, lines: Sequence[str]) -> tuple[int, str] | None:
        """The number of the first line that dnsmasq does not take as an option, and why, where that is known."""
        found = self._asked("dnsmasq_refuses", "\n".join(lines))
        return (int(found[0]), str(found[1])) if found else None

    def _asked(self, part: str, key: str) -> Data:
        """What there is endlessly much of, so that a record has only what was asked; None where it has it not."""
        try:
            return self.get(part, key) if self.reaches_kernel else None
        except NotRecorded:
            return None

    def bridge_sysctls(self, bridge: str) -> dict[str, int]:
        """The settings of IPv6 of a bridge, none where there are none or they are out of reach."""
        found: dict[str, int] = self.get("bridge_sysctls", bridge) if self.reaches_kernel else {}
        return found

    @property
    def places(self) -> dict[str, Options]:
        """The directories that libvirt writes to, without those that are out of reach."""
        found: dict[str, Options] = self.get("places") if self.reaches_kernel else {}
        return found

    @property
    def physical_functions(self) -> dict[str, Options]:
        """Every physical function of SR-IOV by PCI address."""
        found: dict[str, Options] = self.get("physical_functions") if self.reaches_kernel else {}
        return found


def _as_uuid(name: str) -> str:
    """A UUID as libvirt spells it; what is none stays as it is."""
    try:
        return str(UUID.normal(UUID.coerce(name)))
    except ValueError:
        return name


@once
def _document(seen: Snapshot, part: str, key: str) -> Element | None:
    text = seen.get(part, key)
    return None if text is None else load_held(text)


@once
def _uuids_by_name(seen: Snapshot) -> dict[str, str]:
    return {found["name"]: uuid for uuid, found in seen.get("domains").items()}


@once
def _ports(seen: Snapshot, network: str) -> tuple[Element, ...]:
    return tuple(load_held(text) for text in seen.get("ports", network))


@once
def _parsed(_seen: Snapshot, text: str) -> Element:
    """One of many documents of a part, which stays parsed when another of them is put anew."""
    return load_held(text)


@once
def _filters(seen: Snapshot) -> dict[str, FilterRecord]:
    return {name: FilterRecord(name, found["uuid"], _parsed(seen, found["xml"]))
            for name, found in seen.get("nwfilters").items()}


@once
def _bindings(seen: Snapshot) -> dict[str, Element]:
    return {port: _parsed(seen, text) for port, text in seen.get("bindings").items()}
