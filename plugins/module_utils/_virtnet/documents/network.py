# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<network>``: the virtual network document (libvirt's "Network XML format")."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Union

from ..schema.errors import Invalid, Path, inside
from ..schema.nodes import Field, Group, Many, Markup, Version
from ..schema.options import Options, Value, is_empty, option
from ..schema.scalars import (
    DEVICE,
    DNS_NAME,
    DUID,
    IP,
    IPV4,
    LINE,
    MAC,
    NAME,
    NETMASK,
    ON_OFF,
    PORT,
    STR,
    TEXT,
    UINT16,
    UINT32,
    UINT64,
    UNQUOTED,
    UUID,
    YES_NO,
    enum,
    integer,
)
from ..schema.xml import register_prefix
from .address import PCI_ADDRESS, fitting_family, with_family
from .bandwidth import bandwidth
from .dnsmasq import (
    DHCP_NAME,
    DNSMASQ_HOST,
    DNSMASQ_LINE,
    DNSMASQ_NAME,
    DNSMASQ_PATH,
    DNSMASQ_SERVICE,
    DNSMASQ_TEXT,
    DNSMASQ_WORD,
    HOST_NAME,
)
from .virtualport import HOST_BRIDGE, virtualport
from .vlan import VLAN

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"
register_prefix("dnsmasq", DNSMASQ)

# libvirt makes the bridge and runs the services of these; the mode None is the isolated network
MANAGED_BRIDGE = (None, "nat", "route", "open")
# from here on libvirt sets VLAN tags on ports of the host's own Linux bridges
TAGS_ON_LINUX = (11, 0, 0)
OPEN_WITHOUT_ADDRESS = (10, 8, 0)
RECORDS = ("forwarders", "txts", "srvs", "hosts")  # what dns serves
DEVICES = ("dev", "interfaces", "pf", "addresses")  # what forward leads to
FORWARD_MODES = ("nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev")


def mode_of(options: Options) -> str | None:
    """The forward mode, None for an isolated network."""
    return (options.get("forward") or {}).get("mode") or ("nat" if options.get("forward") else None)


def manages_bridge(options: Options) -> bool:
    """Whether libvirt makes the bridge of this network."""
    return mode_of(options) in MANAGED_BRIDGE


def prefix_of(ip: Options) -> int:
    """The prefix length of an address, as libvirt takes it when it is not given."""
    address = ipaddress.ip_address(ip["address"])
    if ip.get("prefix"):
        return int(ip["prefix"])
    if ip.get("netmask"):
        return ipaddress.ip_network("0.0.0.0/" + ip["netmask"]).prefixlen
    if address.version == 6:
        return 64
    first = int(str(address).split(".", maxsplit=1)[0])
    return 8 if first < 128 else 16 if first < 192 else 24


def spelled(address: object) -> str:
    """An address as libvirt and the kernel spell it, which not every Python does (::ffff:10.0.0.1)."""
    found = ipaddress.ip_address(str(address))
    before, last = int(found) >> 32, ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if found.version == 6 and (before == 0xFFFF or (before == 0 and int(last) > 0xFFFF)):
        return "::ffff:%s" % last if before else "::%s" % last
    return str(found)


def spelled_subnet(subnet: Subnet) -> str:
    return "%s/%d" % (spelled(subnet.network_address), subnet.prefixlen)


def hands_out(options: Options) -> bool:
    """Whether guests on a network have devices of it, of which libvirt counts who is on which."""
    return not manages_bridge(options) and any(option(options, "forward", name) for name in DEVICES)


def of_version(options: Options, version: int) -> list[Options]:
    """The addresses of a network of IPv4 or IPv6."""
    return [ip for ip in options.get("ips") or [] if ipaddress.ip_address(ip["address"]).version == version]


def subnet_of(ip: Options) -> Subnet:
    """The network that an address with prefix or netmask lies in."""
    return ipaddress.ip_network("%s/%d" % (ip["address"], prefix_of(ip)), strict=False)


# --- what libvirt's parser refuses


def _known_family(ip: Options) -> None:
    fitting_family(ip)
    version = ipaddress.ip_address(ip["address"]).version
    if ip.get("netmask") and ip.get("prefix"):
        raise Invalid("netmask", "give either netmask or prefix, not both")
    if ip.get("netmask") and version == 6:
        raise Invalid("netmask", "an IPv6 address takes a prefix, not a netmask")
    if ip.get("prefix") and ip["prefix"] > (32 if version == 4 else 128):
        raise Invalid("prefix", "%d is not allowed; give a number from 1 to 32 for IPv4" % ip["prefix"])


def _fitting_services(ip: Options) -> None:
    subnet = subnet_of(ip)
    if ip.get("tftp") and subnet.version == 6:
        raise Invalid("tftp", "is not for IPv6 addresses")
    dhcp = ip.get("dhcp") or {}
    for index, entry in enumerate(dhcp.get("ranges") or []):
        with inside("dhcp", "ranges", index):
            _fitting_range(entry, subnet)
    for index, host in enumerate(dhcp.get("hosts") or []):
        with inside("dhcp", "hosts", index):
            _fitting_host(host, subnet.version)


def _fitting_range(entry: Options, subnet: Subnet) -> None:
    start, end = ipaddress.ip_address(entry["start"]), ipaddress.ip_address(entry["end"])
    for name, address in (("start", start), ("end", end)):
        if address.version != subnet.version or address not in subnet:
            raise Invalid(name, "%s is not in %s" % (address, subnet))
    if int(start) > int(end):
        raise Invalid("", "the range from %s to %s is reversed" % (start, end))
    _not_too_large(start, end)
    if subnet.version == 4:
        if start == subnet.network_address:
            raise Invalid("start", "%s is the network address of %s" % (start, subnet))
        if end == subnet.broadcast_address:
            raise Invalid("end", "%s is the broadcast address of %s" % (end, subnet))


def _not_too_large(start: Value, end: Value) -> None:
    if int(start) >> 16 != int(end) >> 16:
        raise Invalid("", "the range from %s to %s is too large; libvirt takes ranges in which only the last 16 bits"
                      " differ" % (start, end))


def _fitting_host(host: Options, version: int) -> None:
    if version == 6 and host.get("mac"):
        raise Invalid("mac", "a DHCPv6 host is known by id or name, not by mac")
    names = ("mac", "name") if version == 4 else ("id", "name")
    if not any(host.get(name) for name in names):
        raise Invalid("", "give %s or %s" % names)
    if ipaddress.ip_address(host["ip"]).version != version:
        raise Invalid("ip", "%s is not an IPv%d address" % (host["ip"], version))


def _long_enough(lease: Options) -> None:
    seconds = lease["expiry"] * {"seconds": 1, "minutes": 60, "hours": 3600}[lease.get("unit") or "minutes"]
    if 0 < seconds < 120:
        raise Invalid("expiry", "%d is not allowed; give at least 2 minutes, or 0 for no end"
                      % lease["expiry"])


def _network_address(route: Options) -> None:
    _known_family(route)
    address = ipaddress.ip_address(route["address"])
    if not route.get("prefix") and not route.get("netmask") and int(address):
        raise Invalid("prefix", "is missing; only the default route goes without prefix and netmask")
    if int(address) and subnet_of(route).network_address != address:
        raise Invalid("address", "%s is not a network address; %s is"
                      % (address, subnet_of(route).network_address))
    if ipaddress.ip_address(route["gateway"]).version != address.version:
        raise Invalid("gateway", "%s is not an IPv%d address" % (route["gateway"], address.version))


def _reachable_gateways(options: Options) -> None:
    subnets = [subnet_of(ip) for ip in options.get("ips") or []]
    for index, route in enumerate(options.get("routes") or []):
        gateway = ipaddress.ip_address(route["gateway"])
        if not any(gateway in subnet for subnet in subnets if subnet.version == gateway.version):
            raise Invalid(Path("routes", index, "gateway"), "%s is in no subnet of ips" % gateway)


def _record(srv: Options) -> None:
    for name in ("port", "priority", "weight"):
        if srv.get(name) not in (None, "") and not srv.get("target"):
            raise Invalid(name, "needs a target beside it")


def _disabled(dns: Options) -> None:
    given = [name for name in RECORDS if dns.get(name)]
    if dns.get("enable") is False and given:
        raise Invalid(given[0], "is not allowed with dns.enable: false")


def _addressed_or_named(forwarder: Options) -> None:
    if not forwarder.get("addr") and not forwarder.get("domain"):
        raise Invalid("", "give addr, domain or both")
    if forwarder.get("port") and not forwarder.get("addr"):
        raise Invalid("port", "needs addr beside it")


def _registered(domain: Options) -> None:
    if domain.get("register") and not domain.get("local_only"):
        raise Invalid("register", "true needs domain.local_only: true")


def _ascending(limits: Options) -> None:
    start, end = limits["start"], limits["end"]
    if isinstance(start, str):
        start, end = ipaddress.ip_address(start), ipaddress.ip_address(end)
    if int(start) > int(end):
        raise Invalid("", "the range from %s to %s is reversed" % (start, end))
    _not_too_large(start, end)


def _forwardable(forward: Options) -> None:
    mode = forward.get("mode") or "nat"
    interfaces = forward.get("interfaces") or []
    if forward.get("nat") and mode != "nat":
        raise Invalid("nat", "belongs to mode nat, not to %s" % mode)
    if mode == "open" and (forward.get("dev") or interfaces):
        raise Invalid("dev" if forward.get("dev") else "interfaces", "is not allowed in mode open")
    if mode in ("nat", "route") and len(interfaces) > 1:
        raise Invalid("interfaces", "mode %s takes one interface" % mode)
    if forward.get("dev"):
        if forward.get("pf") or forward.get("addresses"):
            raise Invalid("dev", "cannot be given with pf or addresses")
        if interfaces and interfaces[0]["dev"] != forward["dev"]:
            raise Invalid("dev", "%s must be the first of interfaces, which is %s"
                          % (forward["dev"], interfaces[0]["dev"]))


def _needs_address(options: Options) -> None:
    mode = mode_of(options)
    if mode in ("nat", "route") and not options.get("ips"):
        raise Invalid("ips", "is missing; forward mode %s needs an address" % mode)


def _no_zero_mac(options: Options) -> None:
    mac = option(options, "mac", "address")
    if mac and not int(MAC.normal(mac).replace(":", ""), 16):
        raise Invalid(Path("mac", "address"), "%s is not allowed, for no bridge can have it" % mac)


def _bridge_of_mode(options: Options) -> None:
    mode, bridge, forward = mode_of(options), options.get("bridge") or {}, options.get("forward") or {}
    if mode in MANAGED_BRIDGE:
        return
    if options.get("mtu", {}).get("size"):
        raise Invalid(Path("mtu", "size"), "is not allowed in forward mode %s" % mode)
    for name, default in (("stp", True), ("delay", 0), ("zone", "")):
        if bridge.get(name) not in (None, "", default):
            raise Invalid(Path("bridge", name), "is not allowed in forward mode %s, where libvirt does not make the"
                          " bridge" % mode)
    if mode != "bridge":
        for name in ("name", "mac_table_manager"):
            if bridge.get(name):
                raise Invalid(Path("bridge", name), "is not allowed in forward mode %s" % mode)
    elif bridge.get("name") and any(forward.get(name) for name in DEVICES):
        raise Invalid(Path("bridge", "name"), "is not allowed with forward.dev, forward.interfaces or forward.pf")


# --- what libvirt's network driver refuses when it is to define a network


def refused_by_driver(options: Options) -> None:
    """Raises Invalid for what parses but that libvirt's network driver does not define."""
    mode = mode_of(options)
    bridge = (options.get("bridge") or {}).get("name")
    if mode not in MANAGED_BRIDGE:
        dns = options.get("dns") or {}
        content = {"mac": options.get("mac"), "ips": options.get("ips"), "domain": options.get("domain"),
                   "dns": any(dns.get(name) for name in RECORDS)}
        for name, value in content.items():
            if value:
                raise Invalid(name, "is not allowed in forward mode %s" % mode)
        groups = options.get("portgroups") or []
        shaped = [Path("bandwidth")] if options.get("bandwidth") else []
        shaped += [Path("portgroups", index, "bandwidth") for index, group in enumerate(groups)
                   if group.get("bandwidth")]
        if shaped and not (mode == "bridge" and bridge):
            raise Invalid(shaped[0], "is not allowed in forward mode %s%s"
                          % (mode, " without bridge.name" if mode == "bridge" else ""))
    _one_dhcp(options)
    forward = options.get("forward") or {}
    if forward.get("addresses") and mode != "hostdev":
        raise Invalid(Path("forward", "addresses"), "belongs to mode hostdev, not to %s" % mode)
    if forward.get("interfaces") and mode == "hostdev":
        raise Invalid(Path("forward", "interfaces"), "is not allowed in mode hostdev; give pf or addresses")
    defaults = [index for index, group in enumerate(options.get("portgroups") or []) if group.get("default")]
    if len(defaults) > 1:
        raise Invalid(Path("portgroups", defaults[1], "default"), "portgroups[%d] is the default already"
                      % defaults[0])


def _one_dhcp(options: Options) -> None:
    first: dict[int, int] = {}
    for index, ip in enumerate(options.get("ips") or []):
        version = ipaddress.ip_address(ip["address"]).version
        dhcp = ip.get("dhcp") or {}
        if dhcp.get("ranges") or dhcp.get("hosts"):
            if version in first:
                raise Invalid(Path("ips", index, "dhcp"), "ips[%d] has DHCP already; libvirt serves one IPv%d address"
                              % (first[version], version))
            first[version] = index


def refused_of_open(options: Options, version: Version) -> None:
    """Raises Invalid for what forward mode open takes only since a later version."""
    if mode_of(options) == "open" and version < OPEN_WITHOUT_ADDRESS:
        if not options.get("ips"):
            raise Invalid("ips", "is missing; before libvirt 10.8.0 forward mode open needs an address")
        if option(options, "bridge", "zone"):
            raise Invalid(Path("bridge", "zone"), "would not be set; before libvirt 10.8.0 bridges of forward mode open"
                          " have none")


def takes_tags(options: Options, virtualport: Options | None, version: Version) -> bool:
    """Whether libvirt of this version takes VLAN tags in such a network, beside a virtualport."""
    mode = mode_of(options)
    if mode == "bridge" and not any(options["forward"].get(name) for name in ("dev", "interfaces", "pf")):
        return (virtualport or {}).get("type") == "openvswitch" or (not virtualport and version >= TAGS_ON_LINUX)
    return mode in ("hostdev", "passthrough")


def refused_vlan(options: Options, version: Version) -> Path | None:
    """The path of VLAN tags that libvirt of this version refuses in such a network, or when a guest starts on it."""
    port = options.get("virtualport")
    if options.get("vlan") and not takes_tags(options, port, version):
        return Path("vlan")
    for index, group in enumerate(options.get("portgroups") or []):
        own = group.get("virtualport")
        # To libvirt, tags beside a virtualport of the portgroup's own are those of Open vSwitch.
        fits = (not own or mode_of(options) == "bridge") and takes_tags(options, own or port, version)
        if group.get("vlan") and not fits:
            return Path("portgroups", index, "vlan")
    return None


def vlan_refusal(version: Version) -> str:
    """Where libvirt of this version takes VLAN tags."""
    linux = (", and on Linux bridges of the host (forward mode bridge)" if version >= TAGS_ON_LINUX
             else "; Linux bridges of the host need libvirt 11.0.0 (before, a bridge for each VLAN)")
    return ("libvirt %s takes VLAN tags only in forward modes hostdev and passthrough, on Open vSwitch bridges"
            " (virtualport.type: openvswitch)%s" % (".".join(map(str, version)), linux))


def connection_of(options: Options) -> str:
    """What guests of a network are connected to, as ``CONNECTS_WITH`` names it."""
    mode = mode_of(options)
    if mode in MANAGED_BRIDGE:
        return "a bridge that libvirt makes"
    if mode == "hostdev":
        return "a device of its own (hostdev)"
    on_devices = mode != "bridge" or any(options["forward"].get(name) for name in DEVICES)
    return "a macvtap device" if on_devices else HOST_BRIDGE


# --- which options say the same in different words


def _simple_ip(ip: Options) -> Options:
    simple = {name: value for name, value in ip.items() if name not in ("netmask", "family")}
    return dict(simple, prefix=prefix_of(ip)) if ip.get("address") else simple


def _simple_route(route: Options) -> Options:
    simple = {name: value for name, value in route.items() if name not in ("netmask", "family")}
    default = route.get("address") in ("0.0.0.0", "::") and not route.get("netmask") and not route.get("prefix")
    return dict(simple, prefix=0 if default else prefix_of(route))


def _simple_lease(lease: Options) -> Options:
    unit = {"seconds": 1, "minutes": 60, "hours": 3600}[lease.get("unit") or "minutes"]
    return {"expiry": (lease.get("expiry") or 0) * unit} if "expiry" in lease else lease


def _simple_dhcp(dhcp: Options) -> Options:
    """libvirt keeps bootp only beside a range or a host."""
    return dhcp if dhcp.get("ranges") or dhcp.get("hosts") else dict(dhcp, bootp=None)


def _simple_ports(port: Options) -> Options:
    """A running network shows the ports that are taken when none are given."""
    return {} if (port.get("start"), port.get("end")) == (1024, 65535) else port


def _simple_forward(forward: Options) -> Options:
    simple = dict(forward)
    if simple.get("mode") != "hostdev" and "managed" in simple:
        simple["managed"] = None
    if "dev" in simple:
        dev = simple.pop("dev")
        interfaces = simple.get("interfaces") or []
        if dev and {"dev": dev} not in interfaces:
            interfaces = [{"dev": dev}] + interfaces
        simple["interfaces"] = interfaces or None
    pools = [name for name in ("interfaces", "addresses", "pf") if simple.get(name)]
    simple.update(dict.fromkeys(pools[1:]))  # libvirt takes the first of these
    return simple


# --- the tables

FAMILY = Field("family", "@family", enum("ipv4", "ipv6"), "Address family; that of the address.", "0.8.7",
               default="ipv4")

LEASE = Group("lease", "lease", "How long a lease lasts; without it an hour, as dnsmasq has it.", (
    Field("expiry", "@expiry", UINT64, "Length of the lease, in C(unit); 0 never ends, else at"
          " least 2 minutes.", "6.3.0", required=True),
    Field("unit", "@unit", enum("seconds", "minutes", "hours"), "Unit of the length.", "6.3.0", default="minutes"),
), since="6.3.0", rules=(_long_enough,), simplify=_simple_lease)

DHCP = Group("dhcp", "dhcp", "The DHCP service on this address; one IPv4 and one IPv6 address can have it.", (
    Many("ranges", "range", "Addresses that are given to clients.", Group("range", "range", "A range.", (
        Field("start", "@start", IP, "First address; in the subnet.", "0.3.0", required=True),
        Field("end", "@end", IP, "Last address; in the subnet.", "0.3.0", required=True),
        LEASE,
    )), since="0.3.0", key=("start",)),
    Many("hosts", "host", "Addresses that are kept for certain clients.", Group("host", "host", "A reservation.", (
        Field("mac", "@mac", MAC, "MAC address of an IPv4 client.", "0.4.5"),
        Field("id", "@id", DUID, "DUID of an IPv6 client, or client id.", "1.0.3"),
        Field("name", "@name", DHCP_NAME, "Host name; identifies the client when there is no mac or id.", "0.4.5"),
        Field("ip", "@ip", IP, "Address for this client.", "0.4.5", required=True),
        LEASE,
    )), since="0.4.5", key=("mac", "id", "name")),
    Group("bootp", "bootp", "Boot information for IPv4 clients. libvirt keeps it only beside a range or a host.", (
        Field("file", "@file", DNSMASQ_PATH, "Boot file.", "0.7.1", required=True),
        Field("server", "@server", IP, "Address of the TFTP server; without it this host.", "0.7.3"),
    ), since="0.7.1"),
), since="0.3.0", simplify=_simple_dhcp)

IPS = Many("ips", "ip", "Addresses of the host on the bridge, with the services on them."
           " Only in forward modes nat, route, open and without forward.", Group("ip", "ip", "An address.", (
               FAMILY,
               Field("address", "@address", IP, "Address of the host; also with its prefix, as 10.1.0.1/24.", "0.3.0",
                     required=True),
               Field("netmask", "@netmask", NETMASK, "Netmask, for IPv4 only; or give the prefix.", "0.3.0"),
               Field("prefix", "@prefix", integer(1, 128), "Prefix length; or give the netmask. Without either 64 for"
                     " IPv6, and by the class of an IPv4 address (8 for 10.0.0.1), which a warning names.", "0.8.7"),
               Field("local_ptr", "@localPtr", YES_NO, "Whether reverse look-ups of the subnet stay in this network's"
                     " own DNS.", "3.0.0", default=False),
               Group("tftp", "tftp", "The TFTP service; for IPv4 only.", (
                   Field("root", "@root", DNSMASQ_PATH, "Folder that it serves.", "0.7.1", required=True),
               ), since="0.7.1"),
               DHCP,
           ), complete=with_family, rules=(_known_family, _fitting_services), simplify=_simple_ip), since="0.3.0",
           key=("address",))

ROUTES = Many("routes", "route", "Static routes of the host by way of guests.", Group("route", "route", "A route.", (
    Field("family", "@family", enum("ipv4", "ipv6"), "Address family; that of the address.", "1.0.6",
          default="ipv4"),
    Field("address", "@address", IP, "Network address of the destination; also with its prefix, as"
          " 10.2.0.0/16.", "1.0.6", required=True),
    Field("netmask", "@netmask", NETMASK, "Netmask, for IPv4 only; or give the prefix.", "1.0.6"),
    Field("prefix", "@prefix", integer(0, 128), "Prefix length; or give the netmask.", "1.0.6"),
    Field("gateway", "@gateway", IP, "Gateway; in the subnet of one of O(ips).", "1.0.6", required=True),
    Field("metric", "@metric", integer(1, 0xFFFFFFFF), "Metric of the route.", "1.0.6", default=1),
), complete=with_family, rules=(_network_address,), simplify=_simple_route), since="1.0.6", key=("address",))

DNS = Group("dns", "dns", "The DNS service. Only in forward modes nat, route, open and without forward.", (
    Field("enable", "@enable", YES_NO, "Whether there is a DNS service.", "2.2.0", default=True),
    Field("forward_plain_names", "@forwardPlainNames", YES_NO, "Whether names without a dot are asked for upstream.",
          "1.1.2", default=True),
    Many("forwarders", "forwarder", "Where queries are sent instead of the host's own servers.",
         Group("forwarder", "forwarder", "A forwarder.", (
             Field("domain", "@domain", DNSMASQ_NAME, "Only names of this domain; without addr they are resolved by the"
                   " host's own servers.", "2.2.0"),
             Field("addr", "@addr", IP, "Address of the server.", "1.1.3"),
             Field("port", "@port", PORT, "Port of the server.", "12.0.0"),
         ), rules=(_addressed_or_named,)), since="1.1.3", key=("domain", "addr"), ordered=True),
    Many("txts", "txt", "TXT records.", Group("txt", "txt", "A record.", (
        Field("name", "@name", DNSMASQ_WORD, "Name.", "0.9.3", required=True),
        Field("value", "@value", DNSMASQ_TEXT, "Value; several are separated by commas.", "0.9.3", required=True),
    )), since="0.9.3", key=("name",)),
    Many("srvs", "srv", "SRV records.", Group("srv", "srv", "A record.", (
        Field("service", "@service", DNSMASQ_SERVICE, "Name of the service.", "0.9.9", required=True),
        Field("protocol", "@protocol", DNSMASQ_SERVICE, "Protocol, such as tcp or udp.", "0.9.9", required=True),
        Field("domain", "@domain", DNS_NAME, "Domain of the record.", "0.9.9"),
        Field("target", "@target", DNSMASQ_HOST, "Host that offers the service.", "0.9.9"),
        Field("port", "@port", PORT, "Port of the service.", "0.9.9"),
        Field("priority", "@priority", UINT16, "Priority.", "0.9.9", default=0),
        Field("weight", "@weight", UINT16, "Weight.", "0.9.9", default=0),
    ), rules=(_record,)), since="0.9.9", key=("service",)),
    Many("hosts", "host", "Names of addresses.", Group("host", "host", "An address.", (
        Field("ip", "@ip", IP, "Address.", "0.9.3", required=True),
        Many("hostnames", "hostname", "Its names.",
             Field("hostname", ".", HOST_NAME, "A name.", "0.9.3"), since="0.9.3", required=True, ordered=True),
    )), since="0.9.3", key=("ip",)),
), since="0.9.3", rules=(_disabled,))

FORWARD = Group("forward", "forward", [
    "How guests reach other networks; without it they do not (an isolated network).",
], (
    Field("mode", "@mode", enum(*FORWARD_MODES), [
        "V(nat) and V(route): by the host's routing, with address translation or without.",
        "V(open): routed, with no firewall rules (libvirt 2.2.0).",
        "V(bridge): a bridge of the host (O(bridge.name)) or macvtap (O(forward.interfaces)).",
        "V(private), V(vepa), V(passthrough): the other modes of macvtap.",
        "V(hostdev): SR-IOV virtual functions, given to guests as PCI devices.",
        "Without it V(nat).",
    ], "0.4.2", implied="nat"),
    Field("dev", "@dev", DEVICE, "Device that traffic may leave by (nat, route); the same as the first of"
          " O(forward.interfaces).", "0.3.0"),
    Field("managed", "@managed", YES_NO, "Whether libvirt detaches devices from the host's driver (hostdev).",
          "0.10.0", default=False),
    Group("driver", "driver", "Driver that assigns devices to guests (hostdev).", (
        Field("name", "@name", enum("vfio", "kvm", "xen"), "Kind of device assignment.", "0.10.0"),
        Field("model", "@model", STR, "VFIO variant driver.", "10.0.0"),
        Field("iommufd", "@iommufd", YES_NO, "Whether devices are assigned by IOMMUFD.", "12.1.0", default=False),
    ), since="0.10.0"),
    Group("pf", "pf", "The pool is all virtual functions of this physical function (hostdev, passthrough).", (
        Field("dev", "@dev", DEVICE, "Network device of the physical function.", "0.9.10", required=True),
    ), since="0.9.10"),
    Group("nat", "nat", "Address translation (nat).", (
        Field("ipv6", "@ipv6", YES_NO, "Whether IPv6 is translated too.", "6.5.0", default=False),
        Group("address", "address", "Addresses that traffic leaves from.", (
            Field("start", "@start", IPV4, "First address.", "1.0.3", required=True),
            Field("end", "@end", IPV4, "Last address.", "1.0.3", required=True),
        ), since="1.0.3", rules=(_ascending,)),
        Group("port", "port", "Ports that traffic leaves from; without it 1024 to 65535.", (
            Field("start", "@start", UINT16, "First port.", "1.0.3", required=True),
            Field("end", "@end", UINT16, "Last port.", "1.0.3", required=True),
        ), since="1.0.3", rules=(_ascending,), simplify=_simple_ports),
    ), since="1.0.3"),
    Many("interfaces", "interface", "Devices of the host that guests are connected to (macvtap), or that traffic may"
         " leave by (nat, route: one).", Group("interface", "interface", "A device.", (
             Field("dev", "@dev", DEVICE, "Name of the device.", "0.9.4", required=True),
             Field("connections", "@connections", UINT32, "Guest interfaces on it.", "0.10.0", readonly=True),
         )), since="0.9.4", key=("dev",), unique=True),
    Many("addresses", "address", "PCI devices of the pool (hostdev).",
         Group("address", "address", "A PCI address.", PCI_ADDRESS + (
             Field("connections", "@connections", UINT32, "Guest interfaces on it.", "0.10.0", readonly=True),
         ), simplify=lambda options: dict(options, multifunction=None, type="pci")), since="0.10.0", unique=True),
), since="0.3.0", rules=(_forwardable,), simplify=_simple_forward, either=DEVICES)

PORTGROUPS = Many("portgroups", "portgroup", "Classes of guest interfaces, chosen by the interface's source.",
                  Group("portgroup", "portgroup", "A portgroup.", (
                      Field("name", "@name", UNQUOTED, "Name of the portgroup.", "0.9.4", required=True),
                      Field("default", "@default", YES_NO, "Whether interfaces without a portgroup belong to it.",
                            "0.9.4", default=False),
                      Field("trust_guest_rx_filters", "@trustGuestRxFilters", YES_NO, "Overrides the network's"
                            " O(trust_guest_rx_filters).", "1.2.10"),
                      virtualport("Switch port of the interfaces; merged with the network's and the interface's own.",
                                  type_required=False),
                      bandwidth("Bandwidth of each interface of the portgroup."),
                      VLAN,
                  )), since="0.9.4", key=("name",), unique=True)

NETWORK = Group("network", "network", "A virtual network.", (
    Field("name", "name", NAME, "Name of the network.", "0.3.0", required=True),
    Field("uuid", "uuid", UUID, "UUID of the network. It cannot change while the network exists.", "0.3.0",
          filled=True),
    Field("title", "title", LINE, "Short description, one line.", "9.7.0"),
    Field("description", "description", TEXT, "Description.", "9.7.0"),
    Markup("metadata", "metadata", "Metadata of other programs: XML elements, each of a namespace of its own."
           " Before libvirt 9.7.0 a running network shows a change at its next start; it is never restarted for it.",
           "2.1.0"),
    Field("connections", "@connections", UINT32, "Guest interfaces on the network.", "0.10.0", readonly=True),
    Field("ipv6", "@ipv6", YES_NO, "Whether guests may speak IPv6 to each other without an IPv6 address in O(ips).",
          "1.0.1", default=False),
    Field("trust_guest_rx_filters", "@trustGuestRxFilters", YES_NO, "Whether changes of MAC address and receive"
          " filters that a guest makes are followed by the host (macvtap).", "1.2.10", default=False),
    FORWARD,
    Group("bridge", "bridge", "The bridge: made by libvirt, or in forward mode bridge one that the host has.", (
        Field("name", "@name", DEVICE, "Name of the bridge; libvirt makes one up (virbr0, …) when it makes the bridge."
              " V(%d) in it stands for a free number.", "0.3.0", filled=True),
        Field("zone", "@zone", STR, "firewalld zone of the bridge; without it V(libvirt).", "5.1.0"),
        Field("stp", "@stp", ON_OFF, "Whether the bridge speaks the Spanning Tree Protocol.", "0.3.0", default=True),
        Field("delay", "@delay", UINT64, "Forward delay in seconds.", "0.3.0", default=0),
        Field("mac_table_manager", "@macTableManager", enum("kernel", "libvirt"), "Who fills the bridge's MAC table.",
              "1.2.11", default="kernel"),
    ), since="0.3.0"),
    Group("mtu", "mtu", "MTU of the bridge and the guests' taps.", (
        Field("size", "@size", integer(0, 0xFFFF, "bytes"), "MTU in bytes.", "3.1.0", required=True, default=0),
    ), since="3.1.0"),
    Group("mac", "mac", "MAC address of the bridge.", (
        Field("address", "@address", MAC, "MAC address; libvirt makes one up.", "0.8.8", required=True, filled=True),
    ), since="0.8.8"),
    Group("domain", "domain", "DNS domain of the DHCP service.", (
        Field("name", "@name", DNS_NAME, "Name of the domain.", "0.4.5", required=True),
        Field("local_only", "@localOnly", YES_NO, "Whether names of the domain are never asked for upstream.", "1.2.12",
              default=False),
        Field("register", "@register", YES_NO, "Whether the domain is registered with the host's systemd-resolved;"
              " needs O(domain.local_only).", "10.1.0", default=False),
    ), since="0.4.5", rules=(_registered,)),
    DNS,
    IPS,
    ROUTES,
    virtualport("Switch port of every guest interface."),
    PORTGROUPS,
    bandwidth("Bandwidth of all guest interfaces together."),
    VLAN,
    Group("port", "port", "Properties of every port of the network.", (
        Field("isolated", "@isolated", YES_NO, "Whether guests cannot reach each other, only the host.", "6.1.0",
              default=False),
    ), since="6.1.0"),
    Many("dnsmasq_options", "{%s}options/{%s}option" % (DNSMASQ, DNSMASQ),
         ["Lines for dnsmasq's configuration, passed on as they are.",
          "libvirt does not support what they do; prefer the options above."],
         Field("option", "@value", DNSMASQ_LINE, "A line.", "0.9.3"), since="5.6.0", ordered=True),
), rules=(_needs_address, _no_zero_mac, _bridge_of_mode, _reachable_gateways))


def list_at(path: Sequence[str]) -> Many:
    """The table of a list of a network; those below dhcp are in each of ips."""
    node: Value = NETWORK.node("ips").item if path[0] == "dhcp" else NETWORK
    for name in path:
        group: Value = getattr(node, "item", node)
        node = group.node(name)
    found: Many = node
    return found


def merge_network(desired: Options, current: Options | None, purge: bool) -> Options:
    """What a network is to be: what is desired, and of the rest what is there.

    Name and MAC of a bridge are libvirt's to keep only as long as libvirt makes the bridge.
    """
    merged = NETWORK.merge(desired, current, purge)
    now, before = manages_bridge(merged), manages_bridge(current or {})
    devices = any((desired.get("forward") or {}).get(name) for name in DEVICES)
    if now != before or (not now and (purge or devices)):
        merged.update({name: desired.get(name) for name in ("bridge", "mac")})
    return {name: value for name, value in merged.items() if not is_empty(value)}
