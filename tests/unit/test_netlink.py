# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of netlink to data, and what is done when the kernel does not answer well."""

from __future__ import annotations

import errno
import socket
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import netlink

NESTED = 0x8000
INTERRUPTED = 0x10
MAC = bytes.fromhex("525400000001")


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def message(kind: int, body: bytes = b"", flags: int = 2) -> bytes:
    return padded(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 4711) + body)


def attribute(number: int, *values: bytes | str | int) -> bytes:
    """Text ends with a zero, a number has 32 bits, and what is nested comes as bytes."""
    data = b"".join(value.encode() + b"\0" if isinstance(value, str) else
                    struct.pack("=I", value) if isinstance(value, int) else value for value in values)
    return padded(struct.pack("=HH", 4 + len(data), number) + data)


def link(index: int, *attributes: bytes, flags: int = 0) -> bytes:
    return struct.pack("=BBHiII", 0, 0, 1, index, flags, 0) + b"".join(attributes)


def address(index: int, prefix: int, *attributes: bytes, family: int = socket.AF_INET) -> bytes:
    return struct.pack("=BBBBI", family, prefix, 0, 0, index) + b"".join(attributes)


def route(prefix: int, *attributes: bytes, family: int = socket.AF_INET, flags: int = 0) -> bytes:
    return struct.pack("=BBBBBBBBI", family, prefix, 0, 0, 254, 3, 0, 1, flags) + b"".join(attributes)


def neighbour(index: int, *attributes: bytes, state: int = 0x40, flags: int = 0) -> bytes:
    return struct.pack("=BBHiHBB", socket.AF_BRIDGE, 0, 0, index, state, flags, 0) + b"".join(attributes)


def v4(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET, text)


def v6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


BRIDGE = attribute(18 | NESTED, attribute(1, "bridge"), attribute(2 | NESTED, attribute(1, 200), attribute(5, 1)))
PORT = attribute(18, attribute(1, "tun"), attribute(4, "bridge"), attribute(
    5 | NESTED, attribute(1, b"\3"), attribute(8, b"\0"), attribute(27, b"\1"), attribute(33, b"\1")))
LINKS = [
    link(1, attribute(3, "lo"), attribute(4, 65536), attribute(1, bytes(6))),
    link(5, attribute(3, "virbr0"), attribute(4, 1500), attribute(1, MAC), attribute(99, b"what?"), BRIDGE, flags=4099),
    link(6, attribute(3, "vnet0"), attribute(4, 1400), attribute(10, 5), PORT, flags=1),
]
ADDRESSES = [
    address(5, 24, attribute(1, v4("10.0.0.1")), attribute(2, v4("10.0.0.1")), attribute(3, "virbr0")),
    address(5, 32, attribute(1, v4("10.0.0.9")), attribute(2, v4("10.0.0.8"))),
    address(5, 64, attribute(1, v6("fd00::1")), family=socket.AF_INET6),
    address(99, 8, attribute(1, v4("127.0.0.1"))),
    address(5, 8, attribute(1, b"\7"), family=45),
    address(5, 8),
]
ROUTES = [
    route(24, attribute(4, 5), attribute(1, v4("10.0.0.0"))),
    route(16, attribute(4, 5), attribute(1, v4("10.1.0.0")), attribute(5, v4("10.0.0.2")), attribute(6, 7)),
    route(0, attribute(4, 5), attribute(5, v4("10.0.0.2"))),
    route(0, attribute(4, 5), attribute(5, v6("fd00::2")), family=socket.AF_INET6),
    route(16, attribute(4, 99), attribute(5, v4("10.0.0.2"))),
    route(16, attribute(9, struct.pack("=HBBi", 16, 0, 0, 5), attribute(5, v4("10.0.0.2")))),
    route(16, attribute(4, 5), attribute(18, struct.pack("=H", socket.AF_INET6), v6("fd00::2"))),
    route(32, attribute(4, 5), attribute(1, v4("10.1.0.1")), attribute(5, v4("10.0.0.2")), flags=0x200),
    route(20, attribute(4, 5), attribute(5, v4("10.0.0.2")), family=28),
]
NEIGHBOURS = [
    neighbour(6, attribute(2, MAC)),
    neighbour(6, attribute(2, MAC), attribute(5, struct.pack("=H", 7))),
    neighbour(6, attribute(2, MAC), state=0x80),
    neighbour(6, attribute(2, MAC), flags=2),
    neighbour(99, attribute(2, MAC)),
    neighbour(6),
]


def device(**different) -> dict:
    return {"index": 1, "up": False, "mtu": None, "mac": None, "master": None, "kind": None, "vlan": None,
            "stp": None, "delay": None, "port": {}, "vlans": None, "addresses": [], "routes": [], "fdb": [],
            **different}


def only(*attributes: bytes) -> dict:
    """What is read of one device with these attributes."""
    found, = netlink.devices([link(1, attribute(3, "eth0"), *attributes)], [], [], []).values()
    return found


def test_messages_become_plain_data():
    assert netlink.devices(LINKS, ADDRESSES, ROUTES, NEIGHBOURS) == {
        "lo": device(mtu=65536, mac="00:00:00:00:00:00"),
        "virbr0": device(
            index=5, up=True, mtu=1500, mac="52:54:00:00:00:01", kind="bridge", stp=True, delay=2.0,
            addresses=["10.0.0.1/24", "10.0.0.8/32", "fd00::1/64"],
            routes=[{"destination": "10.1.0.0/16", "gateway": "10.0.0.2", "metric": 7},
                    {"destination": "0.0.0.0/0", "gateway": "10.0.0.2", "metric": 0},
                    {"destination": "::/0", "gateway": "fd00::2", "metric": 0}]),
        "vnet0": device(
            index=6, up=True, mtu=1400, master="virbr0", kind="tun",
            port={"brport_learning": 0, "brport_mcast_flood": 1, "brport_isolated": 1},
            fdb=[["52:54:00:00:00:01", None], ["52:54:00:00:00:01", 7]]),
    }


@pytest.mark.parametrize(("raw", "text"), [
    (b"", None),
    (v4("10.0.0.1"), "0a:00:00:01"),
    (MAC, "52:54:00:00:00:01"),
    (bytes(range(20)), "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13"),
])
def test_a_hardware_address_has_any_length(raw, text):
    assert only(attribute(1, raw))["mac"] == text


def test_a_vlan_device_says_its_tag_and_what_it_is_on():
    def on(*attributes: bytes, kind: str = "vlan", data: bytes = attribute(1, struct.pack("=H", 10))) -> dict | None:
        tagged = link(7, attribute(3, "eth0.10"), attribute(18, attribute(1, kind) + attribute(2, data)), *attributes)
        return netlink.devices([link(2, attribute(3, "eth0")), tagged], [], [], [])["eth0.10"]["vlan"]

    assert on(attribute(5, 2)) == {"id": 10, "link": "eth0"}
    assert on(attribute(5, 2), attribute(37, 0)) == {"id": 10, "link": None}
    assert on(attribute(5, 99)) == on() == {"id": 10, "link": None}
    assert on(attribute(5, 2), data=b"") is None and on(attribute(5, 2), kind="veth") is None


def test_a_master_that_is_not_there_is_none():
    assert only(attribute(10, 77))["master"] is None


def test_a_name_is_what_the_file_system_has():
    assert list(netlink.devices([link(1, attribute(3, b"\xff-1\0"))], [], [], [])) == ["\udcff-1"]


def test_without_a_name_there_is_no_device():
    links = [link(1, attribute(4, 1500)), link(2, attribute(3, "")), link(3, attribute(3, "eth0"), attribute(10, 1))]
    assert netlink.devices(links, [], [], []) == {"eth0": device(index=3)}


@pytest.mark.parametrize(("info", "expected"), [
    ((attribute(1, "bridge"),), {"kind": "bridge"}),
    ((attribute(1, "bridge"), attribute(2)), {"kind": "bridge", "stp": False}),
    ((attribute(1, "vxlan"), attribute(2, attribute(1, 200))), {"kind": "vxlan"}),
    ((attribute(4, "bond"), attribute(5, attribute(4, b"\1"))), {}),
    ((attribute(4, "bridge"),), {}),
])
def test_only_bridges_and_their_ports_have_such_settings(info, expected):
    assert only(attribute(18, *info)) == device(**expected)


@pytest.mark.parametrize("after", [
    b"\0", b"\0\0\0", struct.pack("=HH", 0, 4), struct.pack("=HH", 3, 4), struct.pack("=HHH", 8, 4, 9),
    struct.pack("=HH", 0xFFFF, 4), attribute(4, b"\1"), attribute(4), attribute(0), attribute(0x3FFF, b"more")])
def test_attributes_that_are_cut_off_or_unknown_are_skipped(after):
    assert only(attribute(1, MAC), after) == device(mac="52:54:00:00:00:01")


def test_of_equal_attributes_the_first_counts():
    assert only(attribute(4, b"?"), attribute(4, 1), attribute(4, 2))["mtu"] == 1


@pytest.mark.parametrize("place", range(4))
def test_a_message_that_is_too_short_is_an_error(place):
    parts: list = [[], [], [], []]
    parts[place] = [b"\2\0\0"]
    with pytest.raises(OSError, match="a message of the kernel is cut off"):
        netlink.devices(*parts)


# --- what is received


def test_an_answer_comes_in_parts():
    assert netlink.answer(message(16, b"one") + message(16, b"three"), 16) == ([b"one", b"three"], False)
    assert netlink.answer(message(1) + message(20, b"other") + message(16, b"two") + message(3, bytes(4)), 16) == (
        [b"two"], True)
    assert netlink.answer(message(3) + b"not looked at", 16) == ([], True)
    assert netlink.answer(b"", 16) == ([], False)
    assert netlink.answer(message(2, bytes(20)), 16) == ([], True)


@pytest.mark.parametrize(("data", "code"), [
    (message(2, struct.pack("=i", -errno.EPERM) + bytes(16)), errno.EPERM),
    (message(3, struct.pack("=i", -errno.ENOMEM)), errno.ENOMEM),
    (message(4), errno.ENOBUFS),
    (message(16, b"one", INTERRUPTED | 2), errno.EBUSY),
    (message(16, b"one") + message(3, bytes(4), INTERRUPTED | 2), errno.EBUSY),
    (message(2, b"\0"), errno.EBADMSG),
    (message(16, b"one")[:-1] + b"\0\0", errno.EBADMSG),
    (message(16, b"four")[:-1], errno.EBADMSG),
    (b"\0", errno.EBADMSG),
    (bytes(16), errno.EBADMSG),
    (struct.pack("=IHHII", 15, 16, 0, 0, 0), errno.EBADMSG),
    (struct.pack("=IHHII", 0xFFFFFFFF, 16, 0, 0, 0), errno.EBADMSG),
])
def test_what_is_no_answer_is_an_error(data, code):
    with pytest.raises(OSError) as caught:
        netlink.answer(data, 16)
    assert caught.value.errno == code and caught.value.strerror


TABLES = (LINKS, ADDRESSES, ROUTES, NEIGHBOURS)


@given(st.binary(max_size=400), st.sampled_from((16, 20, 24, 28)))
def test_any_bytes_are_an_answer_or_an_error(data, kind):
    try:
        bodies, _last = netlink.answer(data, kind)
    except OSError as error:
        assert error.errno
    else:
        assert all(body in data for body in bodies)


@given(st.lists(st.binary(max_size=200), max_size=3), st.integers(0, 3))
def test_any_bodies_are_devices_or_an_error(bodies, place):
    parts = list(TABLES)
    parts[place] = bodies
    check(*parts)


@given(st.data())
def test_any_change_of_messages_gives_devices_or_an_error(data):
    parts = [list(part) for part in TABLES]
    place = data.draw(st.integers(0, 3))
    which = data.draw(st.integers(0, len(parts[place]) - 1))
    body = bytearray(parts[place][which])
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=6)):
        body[at] = value
    parts[place][which] = bytes(body[:data.draw(st.integers(0, len(body)))])
    check(*parts)


def check(*parts: list) -> None:
    """What is read is of the types that it should be of."""
    try:
        found = netlink.devices(*parts)
    except OSError as error:
        assert error.errno == errno.EBADMSG
        return
    for name, read in found.items():
        assert isinstance(name, str) and name and set(read) == set(device())
        assert isinstance(read["index"], int) and isinstance(read["up"], bool)
        assert read["master"] is None or read["master"] in found
        assert all(isinstance(value, int) for value in read["port"].values())
        assert all(isinstance(entry, str) and "/" in entry for entry in read["addresses"])
        assert all(set(entry) == {"destination", "gateway", "metric"} for entry in read["routes"])
        assert all(isinstance(entry, list) and isinstance(entry[0], str) for entry in read["fdb"])


# --- asking the kernel


class Kernel:
    """Takes the place of sockets: each has the next answers, a list of what it receives or the error that it gets."""

    def __init__(self, *answers: list) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, int, bytes]] = []
        self.open = 0

    def socket(self, *args: int) -> Kernel:
        assert args[::2] == (socket.AF_NETLINK, socket.NETLINK_ROUTE)
        return self

    def __enter__(self) -> Kernel:
        self.open += 1
        self.current = self.answers.pop(0)
        return self

    def __exit__(self, *exception) -> None:
        self.open -= 1

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def bind(self, where: tuple) -> None:
        assert where == (0, 0)

    def sendto(self, data: bytes, where: tuple) -> None:
        length, kind, flags, _sequence, _port = struct.unpack_from("=IHHII", data)
        assert (length, where) == (len(data), (0, 0))
        self.asked.append((kind, flags, data[16:]))

    def recvmsg(self, size: int) -> tuple:
        assert size >= 32 * 1024
        received = self.current.pop(0)
        if isinstance(received, Exception):
            raise received
        return received if isinstance(received, tuple) else (received, [], 0, (0, 0))


END = message(3, bytes(4))
CHANGED = message(16, b"", INTERRUPTED)


def part(kind: int, bodies: list) -> bytes:
    return b"".join(message(kind, body) for body in bodies)


@pytest.fixture
def kernel(monkeypatch):
    def install(*answers: list) -> Kernel:
        found = Kernel(*answers)
        monkeypatch.setattr(netlink.socket, "socket", found.socket)
        return found

    return install


def test_everything_is_asked_for(kernel):
    asked = kernel([part(16, LINKS[:1]), part(16, LINKS[1:]) + END], [part(20, ADDRESSES) + END],
                   [part(24, ROUTES[:3] + ROUTES[4:]), END], [part(24, ROUTES[3:4]), END], [part(28, NEIGHBOURS), END],
                   [END])
    assert netlink.read_devices() == netlink.devices(*TABLES)
    assert asked.open == 0
    assert asked.asked == [(18, 0x301, bytes(16)), (22, 0x301, bytes(8)),
                           (26, 0x301, bytes([socket.AF_INET]) + bytes(11)),
                           (26, 0x301, bytes([socket.AF_INET6]) + bytes(11)),
                           (30, 0x301, bytes([socket.AF_BRIDGE]) + bytes(11)),
                           (18, 0x301, bytes([socket.AF_BRIDGE]) + bytes(15) + attribute(29, 4))]


def test_routes_are_there_once_where_the_kernel_has_no_ipv6(kernel):
    kernel([part(16, LINKS) + END], [END], [part(24, ROUTES[:2]), END], [part(24, ROUTES[:2]), END], [END],
           [END])
    assert netlink.read_devices()["virbr0"]["routes"] == [
        {"destination": "10.1.0.0/16", "gateway": "10.0.0.2", "metric": 7}]


def test_what_changed_meanwhile_or_was_lost_is_read_again(kernel):
    asked = kernel([part(16, LINKS), CHANGED], [OSError(errno.ENOBUFS, "lost")], [part(16, LINKS[:1]), END])
    assert netlink.dump(16, bytes(16)) == LINKS[:1]
    assert len(asked.asked) == 3 and asked.open == 0


def test_what_always_changes_is_an_error_in_the_end(kernel):
    asked = kernel(*([CHANGED] for _number in range(netlink.ATTEMPTS)))
    with pytest.raises(OSError, match="what the kernel lists changed while it was read"):
        netlink.dump(16, bytes(16))
    assert len(asked.asked) == netlink.ATTEMPTS


def test_what_the_kernel_refuses_is_an_error_at_once(kernel):
    asked = kernel([message(2, struct.pack("=i", -errno.EPERM) + bytes(16))])
    with pytest.raises(PermissionError):
        netlink.read_devices()
    assert len(asked.asked) == 1 and asked.open == 0


def test_a_message_longer_than_the_buffer_is_an_error(kernel):
    kernel([(message(16, b"four"), [], socket.MSG_TRUNC, (0, 0))])
    with pytest.raises(OSError) as caught:
        netlink.dump(16, bytes(16))
    assert caught.value.errno == errno.EMSGSIZE


def test_only_the_kernel_is_listened_to(kernel):
    kernel([(message(16, b"four"), [], 0, (4711, 0)), message(16, b"real") + END])
    assert netlink.dump(16, bytes(16)) == [b"real"]


def test_it_imports_nothing_but_what_python_has_loaded_for_sockets():
    program = ("import errno, os, socket, struct, sys\nbefore = set(sys.modules)\n"
               "exec(compile(open(sys.argv[1]).read(), 'netlink', 'exec'), {'__name__': 'netlink'})\n"
               "print(sorted(set(sys.modules) - before))")
    done = subprocess.run([sys.executable, "-c", program, netlink.__file__], capture_output=True, text=True, check=True)
    assert done.stdout == "['__future__']\n"


# as Linux 6.1 told them: 10 for what has no tag; 1 so, and 20 to 25
RECORDED = {"0800020006000a00": {"pvid": 10, "untagged": [10], "vids": [10]},
            "080002000600010008000200080014000800020010001900": {
                "pvid": 1, "untagged": [1], "vids": [1, 20, 21, 22, 23, 24, 25]},
            "": {"pvid": None, "untagged": [], "vids": []}}


@pytest.mark.parametrize(("recorded", "expected"), RECORDED.items())
def test_a_port_of_a_bridge_that_filters_vlans_says_its_own(recorded: str, expected: dict):
    for filters, found in ((1, expected), (0, None)):
        bridge = link(1, attribute(3, "br0"), attribute(18, attribute(1, "bridge"), attribute(
            2, attribute(7, bytes([filters])))))
        port = link(2, attribute(3, "vnet0"), attribute(10, 1))
        other = link(4, attribute(3, "eth9"))
        vlans = [link(index, attribute(26, bytes.fromhex(recorded))) for index in (1, 2, 3, 4)]
        as_switch = link(2, attribute(26, attribute(1, bytes(2))))  # what a card says of itself has no VLANs
        read = netlink.devices([bridge, port, other], [], [], [], [*vlans, as_switch])
        assert [read[name]["vlans"] for name in ("br0", "vnet0", "eth9")] == [found, found, None]


def test_vlans_are_taken_away_before_others_are_given(kernel):
    asked = kernel([message(2, bytes(4))], [message(2, bytes(4))])
    one, other = (RECORDED[text] for text in list(RECORDED)[:2])
    netlink.set_vlans(1, other, one)
    assert [kind for kind, _flags, _body in asked.asked] == [17, 19]
    gone, given = (netlink.attributes(body, {26: ("vlans", netlink.vlans)}, 16)["vlans"]
                   for _kind, _flags, body in asked.asked)
    assert (gone["vids"], given) == (other["vids"], one)
    netlink.set_vlans(1, one, one)
    assert len(asked.asked) == 2


@pytest.mark.parametrize("of_bridge, flags", [(True, 2), (False, None)])
def test_vlans_of_a_bridge_itself_are_asked_of_that(of_bridge, flags, kernel):
    asked = kernel([message(2, bytes(4))])
    one = {"pvid": 1, "untagged": [1], "vids": [1]}
    netlink.set_vlans(1, {"pvid": None, "untagged": [], "vids": []}, one, of_bridge)
    said = netlink.nested({0: ("flags", lambda data: int.from_bytes(data, "little"))})
    (_kind, _flags, body), = asked.asked
    assert netlink.attributes(body, {26: ("said", said)}, 16)["said"].get("flags") == flags
    assert netlink.attributes(body, {26: ("vlans", netlink.vlans)}, 16)["vlans"] == one


def test_settings_of_a_port_are_told_as_they_are_read(kernel):
    asked = kernel([message(2, bytes(4))])
    netlink.set_port(1, {"brport_isolated": 1, "brport_learning": 0})
    (kind, flags, body), = asked.asked
    assert (kind, flags, body[:1], body[4:8]) == (19, 5, bytes([socket.AF_BRIDGE]), struct.pack("=i", 1))
    assert netlink.attributes(body, {12: ("port", netlink.nested(netlink.OF_PORT))}, 16) == {
        "port": {"brport_learning": 0, "brport_isolated": 1}}


@pytest.mark.parametrize(("answer", "way"), [
    (message(24, route(32, attribute(4, 1))) + message(2, bytes(4)), {"device": "lo", "refused": ""}),
    (message(2, struct.pack("=i", -101)), {"device": None, "refused": "ENETUNREACH"}),
    (message(2, struct.pack("=i", -22)), {"device": None, "refused": "EINVAL"}),
])
def test_the_way_of_a_packet(kernel, answer: bytes, way: dict):
    asked = kernel([answer])
    assert netlink.read_way("lo", "10.0.0.2", "20.30.40.50") == way
    (kind, flags, body), = asked.asked
    assert (kind, flags, body[:3]) == (26, 5, bytes([socket.AF_INET, 32, 32]))
    assert netlink.attributes(body, {1: ("to", netlink.ip), 2: ("of", netlink.ip), 3: ("by", netlink.u32)}, 12) == {
        "to": "20.30.40.50", "of": "10.0.0.2", "by": 1}


def test_there_is_no_way_from_a_device_that_is_gone(kernel):
    kernel()
    assert netlink.read_way("virtnet-none", "10.0.0.2", "20.30.40.50") == {"device": None, "refused": "ENODEV"}
