# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes the kernel's networking, and what is read of it seldom: the only file that imports pyroute2.

It does so only when it is needed, for that takes long. Everything is returned as plain data.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib

from ..schema.options import Options
from .errors import KernelError, by_netlink
from .netlink import read_devices, set_port, set_vlans

if TYPE_CHECKING:
    from .netlink import Device

HZ = 100  # the unit of bridge timers in netlink is 1/100 s
TICK = 64e-9  # the unit of time in tc's netlink messages, in seconds
INGRESS = 0xFFFF0000
# of MAC addresses that a bridge was told to find at a port: NTF_MASTER and NUD_NOARP
MASTER, STATIC = 0x04, 0x40
VF_EXTENSION = 1  # RTEXT_FILTER_VF: the kernel tells of virtual functions only when it is asked to
VF_LINK_STATES = ("auto", "enable", "disable")
VLAN_PROTOCOLS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}


class Kernel:
    """The devices, addresses and routes of this network namespace."""

    def __init__(self) -> None:
        self._netlink: Any = None

    def _connection(self) -> Any:
        if self._netlink is None:
            try:
                from pyroute2 import IPRoute
            except ImportError as error:
                raise KernelError(missing_required_lib("pyroute2")) from error

            self._netlink = IPRoute()
        return self._netlink

    def close(self) -> None:
        if self._netlink is not None:
            self._netlink.close()

    # --- reading

    @staticmethod
    def devices() -> dict[str, Device]:
        """Every device by name, as ``netlink`` has it."""
        with by_netlink():
            return read_devices()

    def device(self, name: str) -> Device | None:
        return self.devices().get(name)

    def traffic(self, name: str) -> Options:
        """What tc limits of a device.

        ``sent`` has the HTB classes of the qdisc 1: by their number, ``received`` the policer, None without one. Each
        has rate and ceil in bytes per second and burst in bytes.
        """
        from pyroute2.netlink.exceptions import NetlinkError

        index, netlink = self._index(name), self._connection()
        try:
            classes = [(message["handle"], message.get_attr("TCA_OPTIONS").get_attr("TCA_HTB_PARMS"))
                       for message in netlink.get_classes(index=index) if message.get_attr("TCA_KIND") == "htb"]
            policers = [found for found in map(_policer, netlink.get_filters(index=index, parent=INGRESS)) if found]
        except NetlinkError as error:
            raise KernelError("tc of %s: %s" % (name, os.strerror(error.code))) from error
        return {
            "sent": {str(handle & 0xFFFF): _limit(found, found["ceil"], found["buffer"])
                     for handle, found in classes if handle >> 16 == 1},
            "received": _limit(policers[0], policers[0]["rate"], policers[0]["burst"]) if policers else None,
        }

    # --- changing

    def _index(self, name: str) -> int:
        try:
            return socket.if_nametoindex(name)
        except OSError as error:
            raise KernelError("there is no device %s" % name) from error

    def _call(self, what: str, *args: Any, **kwargs: Any) -> Any:
        from pyroute2.netlink.exceptions import NetlinkError

        connection = self._connection()
        try:
            return getattr(connection, what)(*args, **kwargs)
        except NetlinkError as error:
            raise KernelError(error.args[1]) from error

    def make_bridge(self, name: str, mac: str | None) -> None:
        self._call("link", "add", ifname=name, kind="bridge", **({"address": mac} if mac else {}))

    def remove_device(self, name: str) -> None:
        self._call("link", "del", index=self._index(name))

    def set_up(self, name: str, up: bool) -> None:
        self._call("link", "set", index=self._index(name), state="up" if up else "down")

    def set_mtu(self, name: str, mtu: int) -> None:
        self._call("link", "set", index=self._index(name), mtu=mtu)

    def set_mac(self, name: str, mac: str) -> None:
        self._call("link", "set", index=self._index(name), address=mac)

    def set_bridge(self, name: str, stp: bool, delay: int) -> None:
        """Spanning tree on or off and the forward delay in seconds; the delay goes first, as libvirt has it."""
        index = self._index(name)
        self._call("link", "set", index=index, kind="bridge", br_stp_state=0)
        self._call("link", "set", index=index, kind="bridge", br_forward_delay=delay * HZ)
        if stp:
            self._call("link", "set", index=index, kind="bridge", br_stp_state=1)

    def set_master(self, name: str, bridge: str | None) -> None:
        self._call("link", "set", index=self._index(name), master=self._index(bridge) if bridge else 0)

    def set_port(self, name: str, settings: dict[str, int]) -> None:
        """Puts back what :meth:`devices` said of a device's place in its bridge."""
        if settings:
            index = self._index(name)
            with by_netlink():
                set_port(index, settings)

    def set_filtering(self, bridge: str, filters: bool) -> None:
        """Whether a bridge heeds VLANs."""
        self._call("link", "set", index=self._index(bridge), kind="bridge", br_vlan_filtering=int(filters))

    def set_vlans(self, name: str, vlans: Any) -> None:
        """Puts a device of a bridge that filters VLANs, or such a bridge itself, into these."""
        there = self.devices().get(name)
        if there and there["vlans"] is not None:
            with by_netlink():
                set_vlans(there["index"], there["vlans"], vlans, there["kind"] == "bridge")

    def add_fdb(self, name: str, mac: str, vlan: int | None) -> None:
        """Tells a device's bridge that a MAC address is to be found there."""
        self._call("neigh", "replace", family=socket.AF_BRIDGE, ifindex=self._index(name), lladdr=mac, state=STATIC,
                   flags=MASTER, **({"vlan": vlan} if vlan else {}))

    def add_address(self, name: str, address: str) -> None:
        self._addr("add", name, address)

    def remove_address(self, name: str, address: str) -> None:
        self._addr("del", name, address)

    def _addr(self, what: str, name: str, address: str) -> None:
        host, prefix = address.split("/")
        options = {"index": self._index(name), "address": host, "prefixlen": int(prefix)}
        if ":" not in host and what == "add" and int(prefix) < 31:
            options["broadcast"] = _broadcast(address)
        self._call("addr", what, **options)

    def add_route(self, name: str, destination: str, gateway: str, metric: int) -> None:
        self._route("add", name, destination, gateway, metric)

    def remove_route(self, name: str, destination: str, gateway: str, metric: int) -> None:
        self._route("del", name, destination, gateway, metric)

    def _route(self, what: str, name: str, destination: str, gateway: str, metric: int) -> None:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        self._call("route", what, dst=destination, gateway=gateway, oif=self._index(name), priority=metric,
                   family=family)

    # --- virtual functions of SR-IOV

    def vf_settings(self, name: str) -> dict[str, Options]:
        """The settings of a device's virtual functions by index, without what its driver does not tell."""
        message, = self._call("link", "get", index=self._index(name), ext_mask=VF_EXTENSION)
        functions = message.get_attr("IFLA_VFINFO_LIST")
        found = [_vf(function) for function in functions.get_attrs("IFLA_VF_INFO")] if functions else []
        return {str(settings.pop("index")): settings for settings in found}

    def set_vf(self, name: str, index: int, settings: Options) -> None:
        """Sets one setting of a virtual function, or both rates, in the form of :meth:`vf_settings`."""
        wanted: Options = {}
        for key, value in settings.items():
            if key == "vlan":
                wanted["vlan"] = _vlan_of(value)
            elif key in ("min_tx_rate", "max_tx_rate"):
                wanted.setdefault("rate", {})[key] = value
            elif key == "link_state":
                wanted[key] = VF_LINK_STATES.index(value)
            else:
                wanted[key.replace("spoof_check", "spoofchk")] = int(value) if isinstance(value, bool) else value
        self._call("link", "set", index=self._index(name), vf=dict(wanted, vf=index))


def _vlan_of(options: Options) -> Any:
    """A VLAN as pyroute2 takes it: plain for 802.1Q, which every kernel and driver knows, else with its protocol."""
    tag = {"vlan": options.get("id", 0), "qos": options.get("qos", 0)}
    protocol = options.get("protocol", "802.1Q")
    if protocol == "802.1Q":
        return tag
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    # The kernel refuses pyroute2's structure, which is two bytes short of its own.
    structure = ifinfmsg.vflist.vfinfo.vf_vlist.ivvi
    if structure.fields[-1][0] == "proto":
        structure.fields = (*structure.fields, ("__pad", "2x"))
    return [dict(tag, proto=VLAN_PROTOCOLS[protocol])]


def _vf(message: Any) -> Options:
    rate, mac = message.get_attr("IFLA_VF_RATE") or {}, message.get_attr("IFLA_VF_MAC")
    settings = {
        "index": mac["vf"],
        "mac": mac["mac"].lower() if mac["mac"] != "00:00:00:00:00:00" else None,
        "vlan": _vf_vlan(message),
        "min_tx_rate": rate.get("min_tx_rate"),
        "max_tx_rate": rate.get("max_tx_rate"),
        "spoof_check": _vf_flag(message, "IFLA_VF_SPOOFCHK", "spoofchk"),
        "trust": _vf_flag(message, "IFLA_VF_TRUST", "trust"),
    }
    link = message.get_attr("IFLA_VF_LINK_STATE")
    if link and link["link_state"] < len(VF_LINK_STATES):
        settings["link_state"] = VF_LINK_STATES[link["link_state"]]
    return {name: value for name, value in settings.items() if value is not None}


def _vf_flag(message: Any, attribute: str, name: str) -> bool | None:
    """A setting that is on or off; drivers that do not have it leave the kernel's -1."""
    value = (message.get_attr(attribute) or {}).get(name)
    return bool(value) if value in (0, 1) else None


def _vf_vlan(message: Any) -> Options | None:
    tags = message.get_attr("IFLA_VF_VLAN_LIST")
    tag = tags.get_attr("IFLA_VF_VLAN_INFO") if tags else message.get_attr("IFLA_VF_VLAN")
    if not tag or not tag["vlan"]:
        return None
    protocols = {number: name for name, number in VLAN_PROTOCOLS.items()}
    return {"id": tag["vlan"], "qos": tag["qos"], "protocol": protocols.get(tag.get("proto"), "802.1Q")}


def _broadcast(address: str) -> str:
    import ipaddress

    return str(ipaddress.ip_interface(address).network.broadcast_address)


def _policer(message: Any) -> Any:
    """What the policer of a u32 filter says, as libvirt makes it; None for other filters."""
    options = message.get_attr("TCA_OPTIONS") if message.get_attr("TCA_KIND") == "u32" else None
    police = options.get_attr("TCA_U32_POLICE") if options else None
    return police.get_attr("TCA_POLICE_TBF") if police else None


def _limit(found: Any, ceil: int, ticks: int) -> dict[str, int]:
    return {"rate": found["rate"], "ceil": ceil, "burst": round(ticks * TICK * found["rate"])}
