# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the kernel below /proc/sys that libvirt makes for its networks."""

from __future__ import annotations

from .errors import KernelError

FORWARDING = {"ipv4": "/proc/sys/net/ipv4/ip_forward", "ipv6": "/proc/sys/net/ipv6/conf/all/forwarding"}
OF_DEVICE = "/proc/sys/net/ipv6/conf/%s/%s"
OF_FAMILY = "/proc/sys/net/%s/conf/%s/forwarding"
FILTERED = {"ipv4": "/proc/sys/net/bridge/bridge-nf-call-iptables",
            "ipv6": "/proc/sys/net/bridge/bridge-nf-call-ip6tables"}
BRIDGE = ("disable_ipv6", "accept_ra", "autoconf", "forwarding.ipv4", "forwarding.ipv6")
ROUTES, ADVERTISED = "/proc/net/ipv6_route", 1 << 18  # RTF_ADDRCONF of linux/ipv6_route.h, which netlink does not tell


def read_forwarding() -> dict[str, bool]:
    """Whether the kernel forwards, by family; without a family that it lacks."""
    found = {family: _read(path) for family, path in FORWARDING.items()}
    return {family: bool(value) for family, value in found.items() if value is not None}


def read_bridge_filter() -> dict[str, bool]:
    """Whether what stays within a bridge passes the firewall of IP too, by family; none where it cannot."""
    found = {family: _read(path) for family, path in FILTERED.items()}
    return {family: bool(value) for family, value in found.items() if value is not None}


def set_forwarding(family: str, is_on: bool) -> None:
    _write(FORWARDING[family], int(is_on))


def read_bridge(bridge: str) -> dict[str, int]:
    """The settings of a bridge, without those of a family that the kernel lacks; none where the bridge is gone."""
    found = {name: _read(_path(bridge, name)) for name in BRIDGE}
    return {name: value for name, value in found.items() if value is not None}


def read_advertised() -> dict[str, int]:
    """``accept_ra`` of the devices of which the kernel has routes from what routers advertise."""
    try:
        with open(ROUTES, encoding="ascii") as file:
            routes = [line.split()[-2:] for line in file]
    except OSError:
        return {}
    found = {device: _read(OF_DEVICE % (device, "accept_ra"))
             for flags, device in routes if int(flags, 16) & ADVERTISED}
    return {device: value for device, value in found.items() if value is not None}


def set_bridge(bridge: str, name: str, value: int) -> None:
    _write(_path(bridge, name), value)


def _path(bridge: str, name: str) -> str:
    setting, _dot, family = name.partition(".")
    return OF_FAMILY % (family, bridge) if family else OF_DEVICE % (bridge, setting)


def _read(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _write(path: str, value: int) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write("%d\n" % value)
    except OSError as error:
        raise KernelError("%s: %s" % (path, error.strerror or error)) from error
