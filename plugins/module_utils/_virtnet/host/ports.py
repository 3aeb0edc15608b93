# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps dnsmasq from its ports by listening on all addresses of the host, which the kernel tells who tries."""

from __future__ import annotations

import errno
import glob
import os
import socket
from contextlib import suppress

IP4, IP6, TCP, UDP = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM
# IPv6's DNS is left out: dnsmasq starts without it
PORTS = {"dns": ((IP4, TCP, 53), (IP4, UDP, 53)), "dhcp": ((IP4, UDP, 67),), "dhcpv6": ((IP6, UDP, 547),)}
NOBODYS = {IP4: "192.0.2.1", IP6: "2001:db8::1"}  # documentation addresses, at which no packet arrives
FREEBIND = {IP4: (socket.IPPROTO_IP, 15), IP6: (socket.IPPROTO_IPV6, 78)}  # IP_FREEBIND, IPV6_FREEBIND of linux/in.h
TABLES = {TCP: ("/proc/net/tcp", "/proc/net/tcp6"), UDP: ("/proc/net/udp", "/proc/net/udp6")}
LISTENS = {TCP: "0A", UDP: "07"}


def read_taken() -> dict[str, str]:
    """By service who has its port, so that no dnsmasq can; without those that are free, or where this may not try."""
    taken = {}
    for service, ports in PORTS.items():
        for family, kind, port in ports:
            if _is_taken(family, kind, port):
                taken[service] = _holder(kind, port) or "another process"
                break
    return taken


def _is_taken(family: socket.AddressFamily, kind: socket.SocketKind, port: int) -> bool:
    """Whether it is refused to an address of its own, with what dnsmasq asks for."""
    try:
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.setsockopt(*FREEBIND[family], 1)
            tried.bind((NOBODYS[family], port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _holder(kind: socket.SocketKind, port: int) -> str:
    """The process that listens on all addresses, empty where it is not seen."""
    wanted = {"socket:[%s]" % inode for path in TABLES[kind] for inode in _inodes(path, port, LISTENS[kind])}
    for link in glob.iglob("/proc/[0-9]*/fd/*") if wanted else ():
        with suppress(OSError):
            if os.readlink(link) in wanted:
                process = link.split("/")[2]
                with open("/proc/%s/comm" % process, encoding="utf-8", errors="replace") as file:
                    return "%s (process %s)" % (file.read().strip(), process)
    return ""


def _inodes(path: str, port: int, state: str) -> list[str]:
    """Of the sockets that listen on all addresses; see proc_net_tcp of the kernel's documentation."""
    try:
        with open(path, encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
    except OSError:
        return []
    return [row[9] for row in rows
            if int(row[1].split(":")[0], 16) == 0 and int(row[1].split(":")[1], 16) == port and row[3] == state]
