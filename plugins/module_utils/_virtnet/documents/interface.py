# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<interface>``: a guest's network interface (libvirt's "Domain XML format", network interfaces)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..schema.errors import Invalid, Path
from ..schema.nodes import Field, Group, Many, Version, too_new
from ..schema.options import Options, Value, is_empty, option
from ..schema.scalars import (
    DEVICE,
    DNS_NAME,
    IP,
    LINE,
    MAC,
    NETMASK,
    ON_OFF,
    PATH,
    STR,
    UINT16,
    UINT32,
    UUID,
    YES_NO,
    c_or_decimal,
    decimal,
    enum,
    hexadecimal,
    integer,
    number_of,
    pci_number,
    string,
    without_odd,
)
from .address import PCI_ADDRESS, fitting_family, with_family, without_family
from .bandwidth import bandwidth
from .device import not_a_name, not_an_mtu
from .filterref import filterref
from .virtualport import virtualport
from .vlan import VLAN


def _power_of_two(value: Value) -> int:
    number = int(POSITIVE.coerce(value))
    if number & (number - 1):
        raise ValueError(value)
    return number


TYPES = ("network", "bridge", "user", "ethernet", "direct", "hostdev", "mcast", "server", "client", "udp", "vhostuser",
         "vdpa", "null", "vds", "internal")
PORT_NUMBER = integer(-1, 0xFFFF)
POSITIVE = integer(1, 0xFFFFFFFF)
POWER_OF_TWO = POSITIVE._replace(allowed="a power of two", coerce=_power_of_two)
FAMILY = enum("ipv4", "ipv6")
MODEL = string("letters, digits, '-' and '_'", r"[a-zA-Z0-9\-_]+")._replace(normal=str.lower)
CPUSET = string("a list of numbers and ranges such as 0-2,4", r"[0-9,^\-]+")
ROM_FILE = STR._replace(allowed="a path, or none", parse=lambda text: text or "none",
                        text=lambda value: "" if value == "none" else value)
ANY = 0xFFFFFFFF
# of addresses that are not PCI, libvirt reads these as decimal
DECIMAL = {"drive": ("bus",), "usb": ("bus", "device"), "virtio-serial": ("bus",), "ccid": ("slot",), "dimm": ("slot",)}


def _without_zeros(port: str) -> str:
    return ".".join(str(int(part)) if part.isdigit() else part for part in port.split("."))


USB_PORT = string("a USB port such as 1.2", r"[0-9.]+")._replace(normal=_without_zeros)


def _spelled_decimal(address: Options) -> None:
    kind = address.get("type") or ""
    for name in DECIMAL.get(kind, ()):
        if str(address.get(name) or "").lower().startswith("0x"):
            raise Invalid(name, "%s is not allowed; of type %s libvirt reads a decimal number" % (address[name], kind))


def _as_numbers(address: Options) -> Options:
    """An address with the numbers that libvirt reads in it, as its type says."""
    decimals = DECIMAL.get(address.get("type") or "", ())
    return {name: number_of(value, name in decimals) if name in ("bus", "slot", "device") and isinstance(value, str)
            else value for name, value in address.items()}


def _as_numbers_or_none(address: Options) -> Options:
    """The same of the host's device, of which zero is the default."""
    return {name: value or None for name, value in _as_numbers(address).items()}


def _ips(since: str, where: str) -> Many:
    return Many("ips", "ip", "Addresses %s." % where, Group("ip", "ip", "An address.", (
        Field("address", "@address", IP, "Address.", since, required=True),
        Field("family", "@family", FAMILY, "Address family.", since),
        Field("prefix", "@prefix", integer(0, 128), "Prefix length.", since),
        Field("peer", "@peer", IP, "Address of the other end.", "2.1.0"),
    ), complete=with_family, rules=(fitting_family,), simplify=without_family), since=since, ordered=True)


def _routes(since: str, where: str) -> Many:
    return Many("routes", "route", "Routes %s." % where, Group("route", "route", "A route.", (
        Field("family", "@family", FAMILY, "Address family.", since),
        Field("address", "@address", IP, "Network address of the destination; may be left out with passt.", since),
        Field("netmask", "@netmask", NETMASK, "Netmask, for IPv4 only; or give the prefix.", since),
        Field("prefix", "@prefix", integer(0, 128), "Prefix length; or give the netmask.", since),
        Field("gateway", "@gateway", IP, "Gateway.", since, required=True),
        Field("metric", "@metric", POSITIVE, "Metric of the route.", since),
    ), complete=with_family, rules=(fitting_family,), simplify=without_family), since=since, ordered=True)


def _switches(since: dict[str, str], about: str) -> tuple[Field, ...]:
    return tuple(Field(name, "@" + name, ON_OFF, about % name, version) for name, version in since.items())


HOST_OFFLOADS = dict.fromkeys(("csum", "gso", "tso4", "tso6", "ecn", "ufo"), "1.2.9")
GUEST_OFFLOADS = dict.fromkeys(("csum", "tso4", "tso6", "ecn", "ufo"), "1.2.9")
VIRTIO = {"ioeventfd": "0.9.3", "event_idx": "0.9.5", "iommu": "3.5.0", "ats": "3.5.0", "packed": "6.3.0",
          "page_per_vq": "7.9.0", "rss": "8.3.0", "rss_hash_report": "8.3.0"}


def _default_mode(options: Options) -> Options:
    """macvtap is in mode vepa without saying so."""
    return dict(options, mode=None) if options.get("mode") == "vepa" else options


SOURCE = Group("source", "source", "What the interface is connected to; which options there are depends on the type.", (
    Field("network", "@network", LINE, "Virtual network (network).", "0.2.0"),
    Field("portgroup", "@portgroup", LINE, "Portgroup of the network (network).", "0.9.4"),
    Field("bridge", "@bridge", LINE, "Bridge of the host (bridge).", "0.2.0"),
    Field("mac_table_manager", "@macTableManager", enum("kernel", "libvirt"), "Who fills the bridge's MAC table.",
          "1.2.11", readonly=True),
    Field("portid", "@portid", STR, "Port on a distributed switch (vds); for others libvirt's own, only read.",
          "5.1.0", filled=True),
    Field("dev", "@dev", PATH, "Device of the host (direct, vdpa; user and vhostuser with passt).", "0.7.0"),
    Field("mode", "@mode", enum("vepa", "bridge", "private", "passthrough", "server", "client"),
          "Mode of macvtap (direct: vepa, bridge, private, passthrough), or who opens the socket (vhostuser: server,"
          " client).", "0.7.0"),
    Field("type", "@type", enum("unix"), "Kind of socket (vhostuser).", "1.2.7"),
    Field("path", "@path", PATH, "Path of the socket (vhostuser).", "1.2.7"),
    Field("name", "@name", LINE, "Name of the network (internal).", "0.7.0"),
    Field("address", "@address", IP, "Address (mcast, server, client, udp).", "0.2.0"),
    Field("port", "@port", PORT_NUMBER, "Port (mcast, server, client, udp).", "0.2.0"),
    Group("local", "local", "The local end (udp).", (
        Field("address", "@address", IP, "Address.", "1.2.20"),
        Field("port", "@port", PORT_NUMBER, "Port.", "1.2.20"),
    ), since="1.2.20"),
    Field("switchid", "@switchid", UUID, "Distributed switch (vds).", "8.7.0"),
    Field("portgroupid", "@portgroupid", STR, "Portgroup on the switch (vds).", "8.7.0"),
    Field("connectionid", "@connectionid", STR, "Connection on the switch (vds).", "8.7.0"),
    Field("missing", "@missing", YES_NO, "Whether the device is missing (hostdev).", "0.9.11"),
    Group("reconnect", "reconnect", "Whether a lost socket is opened again (vhostuser).", (
        Field("enabled", "@enabled", YES_NO, "Whether it is.", "4.1.0", required=True),
        Field("timeout", "@timeout", UINT32, "Seconds between tries.", "4.1.0"),
        Field("delay", "@delay", UINT32, "Seconds between tries of the character device.", "9.2.0"),
    ), since="4.1.0"),
    Group("vendor", "vendor", "Vendor of a USB device (hostdev).", (
        Field("id", "@id", hexadecimal(0xFFFF), "Id.", "0.9.11", required=True),
    ), since="0.9.11"),
    Group("product", "product", "Product of a USB device (hostdev).", (
        Field("id", "@id", hexadecimal(0xFFFF), "Id.", "0.9.11", required=True),
    ), since="0.9.11"),
    Group("hostdev", "address", "Address of the host's device (hostdev); the element C(address) in libvirt.",
          (Field("type", "@type", enum("pci", "usb"), "Kind of address.", "0.9.11"),) + tuple(
              part._replace(type=c_or_decimal(0xFFF)) if part.name == "bus" else part for part in PCI_ADDRESS[1:]) + (
              Field("device", "@device", c_or_decimal(0xFFF), "Device on the USB bus.", "0.9.11"),
              Field("port", "@port", USB_PORT, "Port of the USB bus.", "12.1.0"),
          ), since="0.9.11", simplify=_as_numbers_or_none),
    _ips("2.1.0", "of the host's end (ethernet)"),
    _routes("2.1.0", "of the host by way of the guest (ethernet)"),
), since="0.2.0", simplify=_default_mode)

DRIVER = Group("driver", "driver", "The driver of the host's end.", (
    Field("name", "@name", enum("qemu", "vhost", "vfio", "kvm", "xen"), "Backend (virtio: qemu, vhost; hostdev: vfio,"
          " kvm, xen).", "0.8.8"),
    Field("model", "@model", STR, "VFIO variant driver (hostdev).", "10.0.0"),
    Field("iommufd", "@iommufd", YES_NO, "Whether the device is assigned by IOMMUFD (hostdev).", "12.1.0"),
    Field("queues", "@queues", POSITIVE, "Number of queue pairs.", "1.0.6", default=1),
    Field("rx_queue_size", "@rx_queue_size", POWER_OF_TWO, "Size of receive queues; a power of two.", "2.3.0"),
    Field("tx_queue_size", "@tx_queue_size", POWER_OF_TWO, "Size of transmit queues; a power of two.", "3.7.0"),
    Field("txmode", "@txmode", enum("iothread", "timer"), "How packets are sent.", "0.8.8"),
) + _switches(VIRTIO, "The option %s of virtio.") + (
    Group("host", "host", "Offloads of the host's end.",
          _switches(dict(HOST_OFFLOADS, mrg_rxbuf="1.2.13"), "The offload %s."), since="1.2.9"),
    Group("guest", "guest", "Offloads of the guest's end.", _switches(GUEST_OFFLOADS, "The offload %s."),
          since="1.2.9"),
), since="0.8.8")


def _chosen_by_libvirt(address: Options) -> Options:
    """PCI address 0000:00:00.0, in whole or in part, means to libvirt that it is to choose."""
    parts = {name: value for name, value in address.items() if not is_empty(value)}
    kind, numbers = parts.pop("type", "pci"), [str(parts[name]) for name in PLACE if name in parts]
    chosen = kind == "pci" and numbers and set(parts) <= set(PLACE) and all(
        re.fullmatch("(0[xX])?0+", number) for number in numbers)
    return {} if chosen else dict(address)


PLACE = ("domain", "bus", "slot", "function")
ADDRESS = Group("address", "address", [
    "Where the guest sees the interface; libvirt finds a place, also for PCI address 0000:00:00.0.",
], (
    Field("type", "@type", enum("pci", "ccw", "ccid", "dimm", "drive", "isa", "spapr-vio", "unassigned", "usb",
                                "virtio-mmio", "virtio-serial"), "Kind of address.", "0.8.0", filled=True),
    Field("domain", "@domain", pci_number(0xFFFFFFFF), "PCI domain.", "0.8.0", filled=True),
    Field("bus", "@bus", c_or_decimal(0xFFF), "PCI bus, or bus of other kinds.", "0.8.0", filled=True),
    Field("slot", "@slot", c_or_decimal(ANY), "PCI slot.", "0.8.0", filled=True),
    Field("function", "@function", pci_number(7), "PCI function.", "0.8.0", filled=True),
    Field("multifunction", "@multifunction", ON_OFF, "Whether the slot has several functions.", "0.9.7", filled=True),
    Group("zpci", "zpci", "Identification on s390.", (
        Field("uid", "@uid", pci_number(0xFFFF), "User-defined id.", "4.10.0", filled=True),
        Field("fid", "@fid", pci_number(0xFFFFFFFF), "Function id.", "4.10.0", filled=True),
    ), since="4.10.0"),
    Field("controller", "@controller", decimal(ANY), "Controller (drive, ccid, virtio-serial).", "0.8.0", filled=True),
    Field("target", "@target", decimal(ANY), "Target (drive).", "0.9.11", filled=True),
    Field("unit", "@unit", decimal(ANY), "Unit (drive).", "0.8.0", filled=True),
    Field("port", "@port", USB_PORT, "Port (usb, virtio-serial).", "0.8.0", filled=True),
    Field("reg", "@reg", hexadecimal(0xFFFFFFFFFFFFFFFF), "Register (spapr-vio).", "0.9.9", filled=True),
    Field("cssid", "@cssid", pci_number(0xFE), "Channel subsystem (ccw).", "1.0.4", filled=True),
    Field("ssid", "@ssid", pci_number(3), "Subchannel set (ccw).", "1.0.4", filled=True),
    Field("devno", "@devno", pci_number(0xFFFF), "Device number (ccw).", "1.0.4", filled=True),
    Field("iobase", "@iobase", hexadecimal(ANY), "I/O port (isa).", "1.2.1", filled=True),
    Field("irq", "@irq", hexadecimal(ANY), "Interrupt (isa).", "1.2.1", filled=True),
    Field("base", "@base", hexadecimal(0xFFFFFFFFFFFFFFFF), "Base (dimm).", "1.2.14", filled=True),
), since="0.8.0", complete=_chosen_by_libvirt, rules=(_spelled_decimal,), simplify=_as_numbers)

INTERFACE = Group("interface", "interface", "A guest's network interface.", (
    Field("type", "@type", enum(*TYPES), "Kind of connection; some need a newer libvirt: vhostuser 1.2.7, udp 1.2.20,"
          " vdpa 6.9.0, null and vds 8.7.0. From 11.1.0, vhostuser needs a guest with shared memory.", "0.2.0",
          implied="user"),
    Field("managed", "@managed", YES_NO, "Whether libvirt detaches the device from the host's driver (hostdev).",
          "0.9.11", default=False),
    Field("trust_guest_rx_filters", "@trustGuestRxFilters", YES_NO, "Whether changes of MAC address and receive"
          " filters that the guest makes are followed by the host.", "1.2.10"),
    Group("mac", "mac", "MAC address of the interface.", (
        Field("address", "@address", MAC, "MAC address; libvirt makes one up.", "0.2.0", filled=True),
        Field("type", "@type", enum("generated", "static"), "Whether it was made up (VMware).", "6.6.0"),
        Field("check", "@check", YES_NO, "Whether it is checked (VMware).", "6.6.0"),
        Field("current_address", "@currentAddress", MAC, "MAC address that the guest set.", "11.2.0", readonly=True),
    ), since="0.2.0"),
    SOURCE,
    virtualport("Switch port of the interface.", type_required=False),
    Group("target", "target", "The host's end.", (
        Field("dev", "@dev", DEVICE, "Name of the device; a name with prefix vnet, macvtap or macvlan is libvirt's own"
              " and is dropped, unless C(managed) is false.", "0.2.0", filled=True),
        Field("managed", "@managed", YES_NO, "Whether libvirt makes the device (ethernet).", "5.7.0", default=True),
    ), since="0.2.0"),
    Group("guest", "guest", "The guest's end (containers).", (
        Field("dev", "@dev", LINE, "Name of the device.", "1.2.7"),
        Field("actual", "@actual", LINE, "Name that it has.", "1.2.7", readonly=True),
    ), since="1.2.7"),
    Group("model", "model", "Model of the guest's network card.", (
        Field("type", "@type", MODEL, "Model; libvirt takes one that the machine has.", "0.7.0", filled=True),
    ), since="0.7.0"),
    DRIVER,
    Group("backend", "backend", "Program or devices behind the interface.", (
        Field("type", "@type", enum("default", "passt"), "Backend of the types user and vhostuser.", "9.0.0",
              default="default"),
        Field("tap", "@tap", PATH, "Device file of tap.", "1.2.9"),
        Field("vhost", "@vhost", PATH, "Device file of vhost.", "1.2.9"),
        Field("log_file", "@logFile", PATH, "Log file of passt.", "9.0.0"),
        Field("hostname", "@hostname", DNS_NAME, "Host name that passt gives.", "11.8.0"),
        Field("fqdn", "@fqdn", DNS_NAME, "Full name that passt gives.", "11.8.0"),
    ), since="1.2.9"),
    Group("tune", "tune", "Limits of the host's end.", (
        Field("sndbuf", "sndbuf", UINT32, "Size of the send buffer in bytes.", "0.8.8"),
    ), since="0.8.8"),
    bandwidth("Bandwidth of the interface.", floor=True, class_id=True),
    VLAN,
    Group("port", "port", "Properties of the port.", (
        Field("isolated", "@isolated", YES_NO, "Whether other isolated guests cannot be reached.", "6.1.0"),
    ), since="6.1.0"),
    Group("link", "link", "The cable.", (
        Field("state", "@state", enum("up", "down"), "Whether it is plugged in.", "0.9.5", required=True,
              default="up"),
    ), since="0.9.5"),
    Group("mtu", "mtu", "MTU of the host's end.", (
        Field("size", "@size", UINT16, "MTU in bytes.", "3.1.0", required=True, default=0),
    ), since="3.1.0"),
    Group("coalesce", "coalesce", "When interrupts are raised.", (
        Group("rx", "rx", "For packets received.", (
            Group("frames", "frames", "By their number.", (
                Field("max", "@max", UINT32, "Packets before an interrupt.", "3.3.0", default=0),
            ), since="3.3.0"),
        ), since="3.3.0"),
    ), since="3.3.0"),
    _ips("1.2.12", "of the guest's end (containers; user)"),
    _routes("1.2.12", "of the guest (containers; with passt from libvirt 12.2)"),
    Many("port_forwards", "portForward", "Ports of the host that lead to the guest (passt).",
         Group("port_forward", "portForward", "Forwarded ports.", (
             Field("proto", "@proto", enum("tcp", "udp"), "Protocol.", "9.0.0", required=True),
             Field("address", "@address", IP, "Address of the host.", "9.0.0"),
             Field("dev", "@dev", DEVICE, "Device of the host.", "9.0.0"),
             Many("ranges", "range", "Ports.", Group("range", "range", "Ports.", (
                 Field("start", "@start", PORT_NUMBER, "First port.", "9.0.0", required=True),
                 Field("end", "@end", PORT_NUMBER, "Last port; without it one.", "9.0.0"),
                 Field("to", "@to", PORT_NUMBER, "First port of the guest; without it the same.", "9.0.0"),
                 Field("exclude", "@exclude", YES_NO, "Whether these are left out.", "9.0.0"),
             )), since="9.0.0", ordered=True),
         )), since="9.0.0", ordered=True),
    filterref("Network filter of the interface."),
    Group("script", "script", "Script that sets the host's end up.", (
        Field("path", "@path", PATH, "Path.", "0.2.1", required=True),
    ), since="0.2.1"),
    Group("downscript", "downscript", "Script that takes the host's end down (ethernet).", (
        Field("path", "@path", PATH, "Path.", "6.4.0", required=True),
    ), since="6.4.0"),
    Group("backenddomain", "backenddomain", "Domain that has the host's end (Xen).", (
        Field("name", "@name", LINE, "Name.", "1.2.13", required=True),
    ), since="1.2.13"),
    Group("boot", "boot", ["Booting from the interface. Not beside boot devices in the C(os) of the guest, but with"
                           " C(convert_boot)."], (
        Field("order", "@order", POSITIVE, "Place in the order of boot devices.", "0.8.8", required=True),
        Field("loadparm", "@loadparm", STR, "Boot menu entry on s390.", "3.5.0"),
    ), since="0.8.8"),
    Group("rom", "rom", "Boot ROM of the network card.", (
        Field("enabled", "@enabled", YES_NO, "Whether there is one.", "4.3.0"),
        Field("bar", "@bar", ON_OFF, "Whether it is in the guest's memory map.", "0.9.10"),
        Field("file", "@file", ROM_FILE, "File with the ROM; V(none) for no ROM.", "0.9.10"),
    ), since="0.9.10"),
    Group("teaming", "teaming", "A pair of a virtio interface and a virtual function.", (
        Field("type", "@type", enum("persistent", "transient"), "Which of the pair this is.", "6.1.0", required=True),
        Field("persistent", "@persistent", STR, "Alias of the persistent one (transient).", "6.1.0"),
    ), since="6.1.0"),
    Group("alias", "alias", "Name of the interface for the hypervisor.", (
        Field("name", "@name", string("letters, digits, '_', '-' and '.'", r"[a-zA-Z0-9_\-.]+"), "Name; one of your"
              " own begins with C(ua-).", "3.9.0", filled=True),
    ), since="3.9.0"),
    Group("acpi", "acpi", "ACPI identification.", (
        Field("index", "@index", POSITIVE, "Index, by which the guest names the interface.", "7.3.0"),
        Field("nodeset", "@nodeset", CPUSET, "NUMA nodes.", "11.8.0"),
    ), since="7.3.0"),
    ADDRESS,
))

# --- what only some types take. libvirt's parser drops or refuses the rest; the module says so before it asks libvirt.

TAPS = ("network", "bridge", "ethernet")
VIRTIO_ONLY = (Path("backend", "vhost"), *(Path("driver", node.name) for node in DRIVER.nodes
                                           if node.name not in ("name", "model", "iommufd")))
SOCKETS = ("mcast", "server", "client", "udp")
ONLY_FOR = {
    Path("managed"): ("hostdev",),
    Path("source", "network"): ("network",),
    Path("source", "portgroup"): ("network",),
    Path("source", "bridge"): ("bridge",),
    Path("source", "portid"): ("vds",),
    Path("source", "dev"): ("direct", "vdpa", "user", "vhostuser"),
    Path("source", "mode"): ("direct", "vhostuser"),
    Path("source", "type"): ("vhostuser",),
    Path("source", "path"): ("vhostuser",),
    Path("source", "name"): ("internal",),
    Path("source", "address"): SOCKETS,
    Path("source", "port"): SOCKETS,
    Path("source", "local"): ("udp",),
    Path("source", "switchid"): ("vds",),
    Path("source", "portgroupid"): ("vds",),
    Path("source", "connectionid"): ("vds",),
    Path("source", "missing"): ("hostdev",),
    Path("source", "reconnect"): ("vhostuser",),
    Path("source", "vendor"): ("hostdev",),
    Path("source", "product"): ("hostdev",),
    Path("source", "hostdev"): ("hostdev",),
    Path("source", "ips"): ("ethernet",),
    Path("source", "routes"): ("ethernet",),
    Path("virtualport"): ("network", "bridge", "direct", "hostdev"),
    Path("target", "managed"): ("ethernet",),
    Path("driver", "model"): ("hostdev",),
    Path("driver", "iommufd"): ("hostdev",),
    **dict.fromkeys(VIRTIO_ONLY, tuple(kind for kind in TYPES if kind != "hostdev")),
    Path("backend", "type"): ("user", "vhostuser"),
    Path("backend", "log_file"): ("user", "vhostuser"),
    Path("backend", "hostname"): ("user", "vhostuser"),
    Path("backend", "fqdn"): ("user", "vhostuser"),
    Path("bandwidth"): (*TAPS, "direct"),
    Path("bandwidth", "inbound", "floor"): ("network",),
    Path("vlan"): ("network", "bridge", "direct", "hostdev"),
    Path("port"): ("network", "bridge"),
    Path("mtu"): (*TAPS, "vhostuser", "user"),
    Path("coalesce"): TAPS,
    Path("port_forwards"): ("user", "vhostuser"),
    Path("filterref"): TAPS,
    Path("downscript"): ("ethernet",),
}
NEEDED = {
    "network": (Path("source", "network"),),
    "bridge": (Path("source", "bridge"),),
    "direct": (Path("source", "dev"),),
    "hostdev": (Path("source", "hostdev"),),
    "mcast": (Path("source", "address"), Path("source", "port")),
    "server": (Path("source", "port"),),
    "client": (Path("source", "address"), Path("source", "port")),
    "udp": (Path("source", "address"), Path("source", "port"), Path("source", "local", "address"),
            Path("source", "local", "port")),
    "vhostuser": (Path("source", "type"), Path("source", "path"), Path("source", "mode")),
    "vdpa": (Path("source", "dev"),),
    "vds": (Path("source", "switchid"),),
    "internal": (Path("source", "name"),),
}
# libvirt 9.0 needs these too, 11.3 does not; which version began is not known, and those between say it themselves
NEEDED_BEFORE = ((9, 1, 0), {"vds": (Path("source", "portid"), Path("source", "portgroupid"),
                                     Path("source", "connectionid"))})
TYPE_SINCE = {"vhostuser": "1.2.7", "udp": "1.2.20", "vdpa": "6.9.0", "null": "8.7.0", "vds": "8.7.0"}
MODES = {"direct": ("vepa", "bridge", "private", "passthrough"), "vhostuser": ("server", "client")}
PASST_ONLY = (Path("port_forwards"),)
USER_PASST_ONLY = (Path("source", "dev"), Path("mtu"))
BACKENDS = {"hostdev": ("vfio", "kvm", "xen"), "": ("qemu", "vhost")}


def fitting(merged: Options, stated: Options, current: Options) -> Options:
    """An interface without what its type or model does not take, unless the task states that or it was there before."""
    for path, _problem in list(_misfits(merged, current)):
        if is_empty(option(stated, *path)):
            merged = _without(merged, path)
    return merged


def _without(options: Options, steps: Sequence[Value]) -> Options:
    if not isinstance(options, dict) or steps[0] not in options:
        return options
    rest = {name: value for name, value in options.items() if name != steps[0]}
    inner = _without(options[steps[0]], steps[1:]) if len(steps) > 1 else {}
    return dict(rest, **{steps[0]: inner}) if not is_empty(inner) else rest


def refuse_incomplete(options: Options, version: Version) -> None:
    """Raises Invalid for what older versions of libvirt need beside."""
    until, needed = NEEDED_BEFORE
    for path in needed.get(options.get("type") or "", ()) if version < until else ():
        if is_empty(option(options, *path)):
            raise Invalid(path, "is missing; type %s needs it on libvirt %s" % (
                options["type"], ".".join(map(str, version))))


def refuse_unfit(options: Options, current: Options) -> None:
    """Raises Invalid for what an interface of its type does not take, or needs and has not got.

    What the current one has nevertheless is left alone.
    """
    kind = options.get("type")
    if not kind:
        raise Invalid("type", "is missing; give one of %s" % ", ".join(TYPES))
    for path in () if option(options, "backend", "type") == "passt" else NEEDED.get(kind, ()):
        if is_empty(option(options, *path)):
            raise Invalid(path, "is missing; type %s needs it" % kind)
    for path, problem in _misfits(options, current):
        raise Invalid(path, problem)
    teaming, partner = options.get("teaming") or {}, Path("teaming", "persistent")
    if teaming.get("type") == "transient" and not teaming.get("persistent"):
        raise Invalid(partner, "is missing; give the alias of the persistent interface of the pair")
    if teaming.get("type") == "persistent" and teaming.get("persistent"):
        raise Invalid(partner, "belongs to the transient interface of a pair; this is the persistent one")


def _misfits(options: Options, current: Options) -> Iterator[tuple[Path, str]]:
    """(path, problem) of every option that does not fit the others, and that the current ones have not."""
    for path, problem in _all_misfits(options):
        if option(options, *path) != option(current, *path) or (path, problem) not in _all_misfits(current):
            yield path, problem


def _unmakeable(options: Options) -> Iterator[tuple[Path, str]]:
    """(path, problem) of what the kernel does not take of the device that libvirt is to make."""
    known = without_odd(options)
    name, mtu = option(known, "target", "dev") or "", option(known, "mtu", "size") or 0
    for path, value, problem in ((Path("target", "dev"), name, not_a_name(name)),
                                 (Path("mtu", "size"), mtu, not_an_mtu(mtu, True))):
        if problem:
            yield path, "%s %s" % (value, problem)


def _all_misfits(options: Options) -> Iterator[tuple[Path, str]]:
    """(path, problem) of every option that libvirt would refuse, drop or ignore beside the others."""
    kind = options.get("type", "user")
    for path, kinds in ONLY_FOR.items():
        if kind not in kinds and not is_empty(option(options, *path)):
            yield path, "is not taken by type %s, only by %s" % (kind, ", ".join(kinds))
    for path, words in ((Path("source", "mode"), MODES.get(kind)),
                        (Path("driver", "name"), BACKENDS.get(kind, BACKENDS[""]))):
        word = option(options, *path)
        if words and word and word not in words:
            yield path, "%s is not taken by type %s; give one of %s" % (word, kind, ", ".join(words))
    if option(options, "backend", "type") != "passt":
        for path in PASST_ONLY + (USER_PASST_ONLY if kind == "user" else ()):
            if not is_empty(option(options, *path)):
                yield path, "needs backend.type: passt"
    if kind in (*TAPS, "direct"):
        yield from _unmakeable(options)
    if option(options, "address", "type") == "unassigned" and kind != "hostdev":
        yield Path("address", "type"), "unassigned is not taken by type %s, only by hostdev" % kind
    if options.get("filterref") and option(options, "virtualport", "type"):
        yield Path("filterref"), "is not taken by an interface with a virtualport"
    model = option(options, "model", "type")
    if model and not model.lower().startswith("virtio") and kind != "hostdev":
        for path in VIRTIO_ONLY:
            if not is_empty(option(options, *path)):
                yield path, "needs a virtio model, and the model is %s" % model


def interface_too_new(options: Options, version: Version, whole: Options) -> Iterator[tuple[Path, str]]:
    """(path, version) of every option in use that needs a newer libvirt in an interface that is ``whole``."""
    yield from INTERFACE.too_new(options, version)
    kind, passt = whole.get("type", ""), option(whole, "backend", "type") == "passt"
    since = {Path("type"): TYPE_SINCE.get(kind, ""), Path("routes"): passt and "12.2.0",
             Path("backend", "type"): passt and kind == "vhostuser" and "11.1.0"}
    for path, needed in since.items():
        if needed and too_new(needed, version) and not is_empty(option(options, *path)):
            yield path, needed
