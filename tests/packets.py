# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces on a bridge in place of guests, and packets that are really sent between them.

    python3 tests/packets.py make BRIDGE < stations.json     make a bridge and its stations
    python3 tests/packets.py try < cases.json                send packets, and fail where one ended other than said

A station is {"name", "mac", "addresses"}; its end in the bridge is called v-NAME. A case says who sends what to whom
and whether it arrives: {"from", "to", "passes", "frame": {...}}, or {"from", "to", "passes", "talk": "tcp 22"}.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from ipaddress import ip_address

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
ARRIVES, LOST = 3.0, 0.15  # seconds to wait for what must come, and for what must not
TYPES = {"ipv4": 0x0800, "arp": 0x0806, "rarp": 0x8035, "vlan": 0x8100, "ipv6": 0x86DD}
BROADCAST = "ff:ff:ff:ff:ff:ff"


def sh(command: str) -> str:
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("%s: %s" % (command, done.stderr))
    return done.stdout


@contextlib.contextmanager
def within(name: str | None):
    """What is opened here belongs to a network namespace; None is the host."""
    with contextlib.ExitStack() as opened:
        if name is not None:
            home, there = (opened.enter_context(open(path)) for path in (
                "/proc/thread-self/ns/net", "/run/netns/%s" % name))
            _enter(there)
            opened.callback(_enter, home)
        yield


def _enter(namespace) -> None:
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Station:
    """A namespace with one device, eth0; ``port`` is the other end of it."""

    def __init__(self, name: str, mac: str, addresses: list) -> None:
        self.name, self.mac, self.addresses, self.port = name, mac, addresses, "v-" + name

    def make(self, bridge: str) -> Station:
        name, port = self.name, self.port
        sh("ip netns add %s && ip link add %s type veth peer name eth0 netns %s" % (name, port, name))
        sh("ip netns exec %s sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0"
           " net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.router_solicitations=0" % name)
        sh("ip link set %s master %s up; ip -n %s link set lo up; ip -n %s link set eth0 address %s up"
           % (port, bridge, name, name, self.mac))
        for address in self.addresses:
            sh("ip -n %s addr add %s dev eth0%s" % (name, address, " nodad" if ":" in address else ""))
        return self

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        subprocess.run(["ip", "link", "del", self.port], check=False, capture_output=True)

    def address(self, version: int) -> str:
        found = [ip_address(address.split("/")[0]) for address in self.addresses]
        return str(next(ip for ip in found if ip.version == version and not ip.is_link_local))

    def listen(self) -> socket.socket:
        """A socket that gets every frame that reaches the station."""
        with within(self.name):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            opened.bind(("eth0", 0))
        return opened

    def send(self, frame: bytes) -> None:
        with self.listen() as opened:
            opened.send(frame)


def make_bridge(name: str, address: str | None = None) -> None:
    """A bridge that forwards at once and keeps to itself."""
    sh("ip link add %s type bridge forward_delay 0 mcast_snooping 0 && ip link set %s up" % (name, name))
    if address:
        sh("ip addr add %s dev %s" % (address, name))


# --- frames


def raw(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data: bytes) -> int:
    total = sum(struct.unpack("!%dH" % (len(data) // 2 + len(data) % 2), data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(src: str, dst: str, kind: int, payload: bytes) -> bytes:
    return raw(dst) + raw(src) + struct.pack("!H", kind) + payload


def arp(src: str, dst: str, opcode: int, sender: str, sender_ip: str, target: str, target_ip: str,
        kind: int = TYPES["arp"]) -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, opcode)
    body += raw(sender) + ip_address(sender_ip).packed + raw(target) + ip_address(target_ip).packed
    return ethernet(src, dst, kind, body)


def ip(src: str, dst: str, src_ip: str, dst_ip: str, protocol: int, body: bytes) -> bytes:
    """A packet of either version; ``body`` has its own checksum at 6 (UDP) or 2 (ICMPv6), zero until now."""
    source, destination = ip_address(src_ip), ip_address(dst_ip)
    pseudo = source.packed + destination.packed + struct.pack("!IHH" if source.version == 6 else "!HH", *(
        (len(body), 0, protocol) if source.version == 6 else (protocol, len(body))))
    place = {17: 6, 58: 2}.get(protocol)
    if place is not None:
        body = body[:place] + struct.pack("!H", checksum(pseudo + body) or 0xFFFF) + body[place + 2:]
    if source.version == 6:
        head = struct.pack("!IHBB", 0x60000000, len(body), protocol, 255) + source.packed + destination.packed
        return ethernet(src, dst, TYPES["ipv6"], head + body)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + source.packed + destination.packed
    return ethernet(src, dst, TYPES["ipv4"], head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body)


def udp(src_port: int, dst_port: int, data: bytes = b"hello") -> bytes:
    return struct.pack("!HHHH", src_port, dst_port, 8 + len(data), 0) + data


def icmp(kind: int, data: bytes = b"hello") -> bytes:
    body = struct.pack("!BBHHH", kind, 0, 0, 1, 1) + data
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def icmpv6(kind: int, data: bytes = b"\0" * 20) -> bytes:
    return struct.pack("!BBHI", kind, 0, 0, 0)[:4] + data


def multicast_mac(address: str) -> str:
    return "33:33:" + ":".join("%02x" % byte for byte in ip_address(address).packed[-4:])


# --- what arrives


def arrives(sender: Station, receiver: Station, frame: bytes, wait: float = ARRIVES) -> bool:
    """Whether a frame that is sent reaches another station. The kernel puts a VLAN tag beside what it hands out."""
    untagged = frame[:12] + frame[16:] if frame[12:14] == b"\x81\0" else frame
    with receiver.listen() as ear:
        sender.send(frame)
        end = time.monotonic() + wait
        while select.select([ear], [], [], max(0.0, end - time.monotonic()))[0]:
            if ear.recv(65535)[:len(frame)] in (frame, untagged):
                return True
    return False


def lost(sender: Station, receiver: Station, frame: bytes) -> bool:
    return not arrives(sender, receiver, frame, LOST)


def talk(client: str | None, server: str | None, kind: str, address: str, port: int, wait: float = ARRIVES) -> bool:
    """Whether a client gets an answer of a server on a port; both are namespaces, and None is the host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    style = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with within(server):
        service = socket.socket(family, style)
    with within(client):
        caller = socket.socket(family, style)
    with service, caller:
        service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        service.bind((address, port))
        service.settimeout(wait)
        caller.settimeout(wait)
        try:
            return _tcp(service, caller, address, port) if kind == "tcp" else _udp(service, caller, address, port)
        except OSError:
            return False


def _tcp(service: socket.socket, caller: socket.socket, address: str, port: int) -> bool:
    service.listen()
    caller.connect((address, port))
    answering, _peer = service.accept()
    with answering:
        answering.send(b"hello")
        return caller.recv(5) == b"hello"


def _udp(service: socket.socket, caller: socket.socket, address: str, port: int) -> bool:
    caller.sendto(b"hello", (address, port))
    _data, peer = service.recvfrom(5)
    service.sendto(b"world", peer)
    return caller.recv(5) == b"world"


def pings(client: str, address: str, wait: float = ARRIVES) -> bool:
    command = ["ip", "netns", "exec", client, "ping", "-c1", "-W%g" % wait, address]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


# --- from the command line


def build(frame: dict, sender: Station, receiver: Station) -> bytes:
    """A frame as a case describes it; what it leaves out is honest."""
    src, kind = frame.get("src", sender.mac), frame["kind"]
    if kind in ("arp", "rarp"):
        opcode = frame.get("opcode", 2)
        return arp(src, frame.get("dst", BROADCAST if opcode == 1 else receiver.mac), opcode,
                   frame.get("sender", sender.mac), frame.get("sender_ip") or sender.address(4), receiver.mac,
                   receiver.address(4), TYPES[kind])
    if kind == "ethernet":
        return ethernet(src, frame.get("dst", receiver.mac), frame["type"], b"hello, world")
    version = 6 if kind in ("icmpv6", "udp6") else 4
    src_ip, dst_ip = frame.get("src_ip") or sender.address(version), frame.get("dst_ip") or receiver.address(version)
    to = BROADCAST if dst_ip == "255.255.255.255" else receiver.mac
    if version == 6 and ip_address(dst_ip).is_multicast:
        to = multicast_mac(dst_ip)
    protocol = {"icmp": 1, "udp": 17, "udp6": 17, "icmpv6": 58}[kind]
    body = {"icmp": icmp, "icmpv6": icmpv6}[kind](frame["type"]) if kind.startswith("icmp") else udp(*frame["ports"])
    return ip(src, frame.get("dst", to), src_ip, dst_ip, protocol, body)


def tried(case: dict, stations: dict) -> bool:
    """Whether what a case sends arrives."""
    sender, receiver = stations[case["from"]], stations[case["to"]]
    if "frame" in case:
        return arrives(sender, receiver, build(case["frame"], sender, receiver), ARRIVES if case["passes"] else LOST)
    kind, _blank, port = case["talk"].partition(" ")
    wait = ARRIVES if case["passes"] else 2 * LOST
    address = receiver.address(6 if kind.endswith("6") else 4)
    if kind.startswith("ping"):
        return pings(sender.name, address, wait)
    return talk(sender.name, receiver.name, kind.rstrip("6"), address, int(port), wait)


def main() -> None:
    stated = json.load(sys.stdin)
    stations = {station["name"]: Station(**station) for station in stated["stations"]}
    if sys.argv[1] == "make":
        make_bridge(sys.argv[2])
        for station in stations.values():
            station.make(sys.argv[2])
        return
    wrong = [case for case in stated["cases"] if tried(case, stations) != case["passes"]]
    for case in wrong:
        print("%s: %s" % (case["name"], "lost" if case["passes"] else "arrived"))
    print("%d of %d as said" % (len(stated["cases"]) - len(wrong), len(stated["cases"])))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    if not os.environ.get("VIRTNET_SANDBOX"):
        sys.exit("packets: this makes network devices: run it inside tests/sandbox")
    main()
