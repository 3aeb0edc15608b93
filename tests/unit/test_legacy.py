# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of legacy iptables, as the kernel hands it out, as chains; tests/integration/test_legacy.py asks a kernel."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from ctypes import c_int, c_ubyte, sizeof

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import legacy
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.legacy import (
    Devices,
    Entry,
    Extension,
    Info,
    Ip,
    Udp,
)

ACCEPT, DROP, RETURN = -2, -1, -5


def extension(name: str, data: bytes) -> bytes:
    data = data.ljust(-(-len(data) // 8) * 8, b"\0")
    return bytes(Extension(sizeof(Extension) + len(data), name.encode(), 0)) + data


def verdict(number: int) -> bytes:
    return extension("", bytes(c_int(number)))


def user_chain(name: str) -> bytes:
    return extension("ERROR", name.encode().ljust(30, b"\0"))


def entry(target: bytes, *matches: bytes, ip: Ip | None = None) -> bytes:
    before = sizeof(Entry) + len(b"".join(matches))
    head = Entry(ip=ip or Ip(), target=before, next=before + len(target))
    return bytes(head) + b"".join(matches) + target


def from_device(name: str, counts: int, **more: int) -> Ip:
    masks = (c_ubyte * 16)(*[255] * counts)
    return Ip(devices=Devices(iif=name.encode(), iif_mask=masks, **more))


def places(entries: list[bytes]) -> Iterator[int]:
    place = 0
    for one in entries:
        yield place
        place += len(one)


def table(*entries: bytes, forward: int, policy: int) -> dict:
    """The chains of a table with FORWARD, which starts and ends at these entries."""
    where = list(places(list(entries)))
    info = Info(name=b"filter", hooks=1 << 2)
    info.starts[2], info.policies[2] = where[forward], where[policy]
    return legacy.chains_of("ip", "filter", info, b"".join(entries))


def test_chains_with_their_policies_and_without_what_is_not_a_rule():
    jump = sizeof(Entry) + sizeof(Extension) + 8  # the size of an entry that does nothing else
    first, second, policy = (jump,) * 3
    head = len(entry(user_chain("MINE")))
    found = table(
        entry(verdict(first + second + policy + head)), entry(verdict(DROP), ip=from_device("virbr", 5)),
        entry(verdict(DROP)), entry(user_chain("MINE")), entry(extension("REJECT", b""), ip=from_device("nic0", 5)),
        entry(verdict(RETURN)), entry(user_chain("ERROR")), forward=0, policy=2)
    assert found == {
        "ip legacy-filter FORWARD": {"type": "filter", "hook": "forward", "prio": 0, "policy": "drop",
                                     "rules": [["jump MINE"], ["iifname virbr*", "drop"]]},
        "ip legacy-filter MINE": {"rules": [["iifname nic0", "reject"]]}}


@pytest.mark.parametrize(("ip", "matches", "words"), [
    (Ip(), (), ["accept"]),
    (from_device("eth0", 5, protocol=17), (), ["iifname eth0", "protocol udp", "accept"]),
    (from_device("eth0", 5, protocol=89), (), ["iifname eth0", "protocol 89", "accept"]),
    (from_device("", 0, protocol=17), (extension("udp", bytes(Udp((0, 65535), (53, 53)))),),
     ["udp dport 53", "accept"]),
    (from_device("", 0, protocol=17), (extension("udp", bytes(Udp((1, 9), (53, 54), 2))),),
     ["udp sport 1-9", "udp dport != 53-54", "accept"]),
    (Ip(), (extension("comment", b"words"), extension("conntrack", b"x" * 160)), ["xt conntrack", "accept"]),
    (Ip(addresses=((10, 0, 0, 0), (0,) * 4, (255, 0, 0, 0), (0,) * 4), inverted=8), (),
     ["ip saddr != 10.0.0.0/8", "accept"]),
    (Ip(addresses=((0,) * 4, (10, 0, 0, 1), (0,) * 4, (255,) * 4)), (), ["ip daddr 10.0.0.1", "accept"]),
    (Ip(addresses=((0,) * 4, (10, 0, 0, 1), (0,) * 4, (255, 0, 0, 255))), (),
     ["ip daddr 10.0.0.1/255.0.0.255", "accept"]),
])
def test_a_rule_as_words(ip: Ip, matches: tuple[bytes, ...], words: list[str]):
    found = table(entry(verdict(ACCEPT), *matches, ip=ip), entry(verdict(ACCEPT)), entry(user_chain("ERROR")),
                  forward=0, policy=1)
    assert found["ip legacy-filter FORWARD"]["rules"] == [words]


def test_the_kernel_lays_its_entries_out_so():
    """As compilers of 64 bits do with linux/netfilter_ipv4/ip_tables.h and its like for IPv6."""
    assert [sizeof(one) for one in (Info, Ip, legacy.Ip6, Entry, legacy.Entry6, Extension, legacy.Entries)] == [
        84, 84, 136, 112, 168, 32, 40]


def test_a_table_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path):
    names = tmp_path / "names"
    names.write_text("nowhere\n")
    monkeypatch.setattr(legacy, "FAMILIES", {"ip": legacy.FAMILIES["ip"]._replace(tables=str(names))})
    with pytest.raises(KernelError, match="table nowhere of legacy iptables: "):
        legacy.read_legacy()
    monkeypatch.setattr(legacy, "FAMILIES", {"ip": legacy.FAMILIES["ip"]._replace(tables=str(tmp_path / "none"))})
    assert legacy.read_legacy() == {}


@pytest.mark.parametrize("changes, said", [(4, None), (5, "table nat of legacy iptables changed each of 5 times")])
def test_a_table_that_changes_while_it_is_read_is_read_again(
        monkeypatch: pytest.MonkeyPatch, changes: int, said: str | None) -> None:
    left = [errno.EAGAIN] * changes

    def ask(_opened: object, _level: int, what: int, *_answer: object) -> None:
        if what == legacy.GET_ENTRIES and left:
            raise OSError(left.pop(), "Resource temporarily unavailable")

    monkeypatch.setattr(legacy, "_ask", ask)
    if said:
        with pytest.raises(KernelError, match=said):
            legacy._read(legacy.FAMILIES["ip"], "nat")
    else:
        assert legacy._read(legacy.FAMILIES["ip"], "nat")[1] == b""
