# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that can be read and changed: its transports, and which of them reads a part of a snapshot."""

from __future__ import annotations

import time
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Callable

from .errors import HypervisorError, by_netlink
from .libvirt import Libvirt
from .netlink import read_devices, read_way
from .parts import Data
from .snapshot import Snapshot
from .subnets import addresses_of_networks
from .uses import bridges_of_networks

if TYPE_CHECKING:
    from .keeper import Keeper
    from .kernel import Kernel
    from .records import Lock


def connected(uri: str, seconds: float) -> Libvirt:
    """A connection to libvirt, for which it waits no longer than so many seconds; raises HypervisorError."""
    end = time.monotonic() + seconds
    while True:
        try:
            return Libvirt(uri)
        except HypervisorError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


class Host:
    """The transports of a host; ``local`` is whether its kernel is the one of this machine."""

    def __init__(self, libvirt: Libvirt, kernel: Kernel | None = None, local: bool = True) -> None:
        self.libvirt, self._kernel, self.local = libvirt, kernel, local

    @property
    def kernel(self) -> Kernel:
        """What changes the kernel, which most tasks do not."""
        if self._kernel is None:
            from .kernel import Kernel

            self._kernel = Kernel()
        return self._kernel

    @property
    def sysfs(self) -> ModuleType:
        """SR-IOV in sysfs."""
        from . import sysfs

        return sysfs

    @property
    def boot(self) -> ModuleType:
        """Files for the next boot."""
        from . import boot

        return boot

    def keeper(self, name: str) -> Keeper:
        """Who keeps bridges of the host."""
        from .ifupdown import Ifupdown
        from .networkd import Networkd
        from .networkmanager import NetworkManager

        return {"networkd": Networkd, "NetworkManager": NetworkManager, "ifupdown": Ifupdown}[name]()

    def lock(self) -> Lock:
        """What only one task has that changes the host."""
        from .records import Lock

        return Lock(self.libvirt.uri, self.libvirt.is_local, self.libvirt.place)

    def reconnect(self, seconds: float = 30) -> None:
        """Connects anew where libvirt went away meanwhile, as soon as it is back; without it what follows fails."""
        if not self.libvirt.is_alive:
            with suppress(HypervisorError):
                self.libvirt = connected(self.libvirt.uri, seconds)

    @property
    def files(self) -> ModuleType:
        """Where libvirt keeps its files."""
        from . import places

        return places

    @property
    def limits(self) -> ModuleType:
        """What the kernel can limit traffic by."""
        from . import limits

        return limits

    @property
    def switch(self) -> ModuleType:
        """Open vSwitch."""
        from . import ovsdb

        return ovsdb

    @property
    def firewall(self) -> ModuleType:
        """The kernel's firewall."""
        from . import firewall

        return firewall

    @property
    def daemon(self) -> ModuleType:
        """libvirt's daemon."""
        from . import daemon

        return daemon

    @property
    def start(self) -> ModuleType:
        """What starts networks at boot."""
        from . import start

        return start

    @property
    def sysctls(self) -> ModuleType:
        """The kernel's settings below /proc/sys."""
        from . import sysctls

        return sysctls

    @property
    def watches(self) -> ModuleType:
        """Who can watch files."""
        from . import watches

        return watches

    @property
    def ports(self) -> ModuleType:
        """Who has ports that dnsmasq needs."""
        from . import ports

        return ports

    @property
    def programs(self) -> ModuleType:
        """What libvirt starts."""
        from . import dnsmasq

        return dnsmasq

    def look(self) -> Snapshot:
        """The host as it is from now on, read part by part."""
        seen = Snapshot(lambda part, key: MADE_OF_OTHERS[part](seen) if part in MADE_OF_OTHERS else
                        READERS[part](self, key))
        return seen

    def document(self, part: str, key: str) -> str | None:
        """One document of libvirt alone, as it is right now; None where there is none."""
        return self.libvirt.document(part, key)

    def close(self) -> None:
        self.libvirt.close()
        if self._kernel is not None:
            self._kernel.close()


def _host(host: Host, _key: str) -> Data:
    return {"version": list(host.libvirt.version), "uri": host.libvirt.uri, "local": host.local,
            "sets_metadata": host.libvirt.sets_metadata}


def _devices(host: Host, _key: str) -> Data:
    with by_netlink():
        return read_devices() if host.local else None


def _way(host: Host, key: str) -> Data:
    with by_netlink():
        return read_way(*key.split(" ")) if host.local else None


def _kernel(name: str) -> Callable[[Host, str], Data]:
    def read(host: Host, key: str) -> Data:
        return getattr(host.kernel, name)(*([key] if key else [])) if host.local else None

    return read


def _bridge_files(host: Host, key: str) -> Data:
    keeper, bridge = key.split(" ")
    return host.keeper(keeper).files_of(bridge) if host.local else {}


def _statistics(host: Host, key: str) -> Data:
    return host.libvirt.statistics(*key.split(" ", 1))


def _sriov(name: str) -> Callable[[Host, str], Data]:
    def read(host: Host, key: str) -> Data:
        sysfs, boot = host.sysfs, host.boot
        readers: dict[str, Callable[..., Data]] = {
            "physical_functions": sysfs.all_functions, "pci_devices": sysfs.all_devices,
            "carrier": sysfs.has_carrier, "vfio_holders": sysfs.vfio_holders, "pci": sysfs.facts,
            "driver": sysfs.has_driver, "boot": boot.kept, "boot_owners": boot.owners}
        return readers[name](*([key] if key else []))

    return read


# parts that are in documents of other parts
MADE_OF_OTHERS: dict[str, Callable[[Snapshot], Data]] = {
    "bridges": bridges_of_networks, "subnets": addresses_of_networks}

READERS: dict[str, Callable[[Host, str], Data]] = {
    "host": _host,
    "networks": lambda host, _: host.libvirt.networks(),
    "network_config": lambda host, name: host.libvirt.network_xml(name, False),
    "network_live": lambda host, name: host.libvirt.network_xml(name, True),
    "ports": lambda host, network: host.libvirt.ports(network),
    "leases": lambda host, network: host.libvirt.leases(network),
    "nwfilters": lambda host, _: host.libvirt.nwfilters(),
    "bindings": lambda host, _: host.libvirt.bindings(),
    "domains": lambda host, _: host.libvirt.domains(),
    "domain_config": lambda host, uuid: host.libvirt.domain_xml(uuid, False),
    "domain_live": lambda host, uuid: host.libvirt.domain_xml(uuid, True),
    "domain_saved": lambda host, uuid: host.libvirt.saved_xml(uuid),
    "addresses": lambda host, uuid: host.libvirt.addresses(uuid),
    "statistics": _statistics,
    "devices": _devices,
    "switch_ports": lambda host, _: host.switch.read_ports() if host.local else None,
    "way": _way,
    "traffic": _kernel("traffic"),
    "vf_settings": _kernel("vf_settings"),
    "limits": lambda host, module: host.limits.has(module) if host.local else None,
    "firewall": lambda host, _: host.firewall.read_firewall() if host.local else None,
    "firewalld": lambda host, _: host.firewall.runs_firewalld() if host.local else None,
    "daemon": lambda host, drivers: host.daemon.daemon_name(drivers) if host.local else None,
    "restartable": lambda host, drivers: host.daemon.can_restart(drivers) if host.local else False,
    "dnsmasq": lambda host, _: host.programs.dnsmasq_problem() if host.local else None,
    "dnsmasq_version": lambda host, _: host.programs.dnsmasq_version() if host.local else None,
    "watches": lambda host, _: host.watches.read_watches() if host.local else None,
    "taken_ports": lambda host, _: host.ports.read_taken() if host.local else None,
    "dnsmasq_of": lambda host, network: host.programs.read_dnsmasq(network) if host.local else None,
    "bridge_files": _bridge_files,
    "forwarding": lambda host, _: host.sysctls.read_forwarding() if host.local else None,
    "start": lambda host, _: host.start.read_start() if host.local else None,
    "advertised": lambda host, _: host.sysctls.read_advertised() if host.local else None,
    "bridge_filter": lambda host, _: host.sysctls.read_bridge_filter() if host.local else None,
    "bridge_sysctls": lambda host, bridge: host.sysctls.read_bridge(bridge) if host.local else None,
    "path": lambda host, path: host.files.kind_of(path) if host.local else None,
    "dnsmasq_refuses": lambda host, lines: host.programs.refused_options(lines) if host.local else None,
    "places": lambda host, _: host.files.read_places() if host.local else {},
    **{name: _sriov(name) for name in ("physical_functions", "pci_devices", "carrier", "vfio_holders", "pci", "driver",
                                       "boot", "boot_owners")},
}
