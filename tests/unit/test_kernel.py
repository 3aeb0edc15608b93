# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of the kernel's answers by pyroute2, and what the kernel is told; for devices see test_netlink."""

from __future__ import annotations

import socket

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import kernel as layer
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.kernel import Kernel


class Message(dict):
    """A netlink message: header fields and attributes."""

    def __init__(self, header: dict | None = None, **attributes) -> None:
        super().__init__(header or {"attrs": []})
        self.attributes = attributes

    def get_attr(self, name: str):
        return self.attributes.get(name)


class Netlink:
    """Answers what a kernel with limits answers, and writes down what it is told."""

    def __init__(self) -> None:
        self.calls = []

    def get_classes(self, index: int) -> list:
        parms = {"rate": 500000, "ceil": 800000, "buffer": 16384000}
        return [Message({"handle": handle}, TCA_KIND=kind, TCA_OPTIONS=Message(TCA_HTB_PARMS=parms))
                for handle, kind in ((0x10001, "htb"), (0x10003, "htb"), (0x80001, "htb"), (0x10002, "hfsc"))]

    def get_filters(self, index: int, parent: int) -> list:
        assert parent == 0xFFFF0000
        police = Message(TCA_POLICE_TBF={"rate": 300000, "burst": 13653334})
        return [Message(TCA_KIND="u32"), Message(TCA_KIND="u32", TCA_OPTIONS=Message(TCA_U32_DIVISOR=1)),
                Message(TCA_KIND="matchall", TCA_OPTIONS=Message(TCA_MATCHALL_FLAGS=0)),
                Message(TCA_KIND="u32", TCA_OPTIONS=Message(TCA_U32_POLICE=police))]

    def close(self) -> None:
        self.calls.append("close")

    def __getattr__(self, name: str):
        return lambda *args, **kwargs: self.calls.append((name, args, kwargs))


@pytest.fixture
def kernel() -> Kernel:
    found = Kernel()
    found._netlink = Netlink()
    return found


DEVICES = {"virbr0": {"master": None}, "vnet0": {"master": "virbr0"}}


def test_devices_are_those_of_netlink(kernel, monkeypatch):
    monkeypatch.setattr(layer, "read_devices", lambda: DEVICES)
    assert kernel.devices() is DEVICES
    assert kernel.device("vnet0") == {"master": "virbr0"} and kernel.device("eth9") is None


def test_what_is_read_is_not_kept(kernel, monkeypatch):
    answers = iter([{"one": {}}, {"two": {}}])
    monkeypatch.setattr(layer, "read_devices", lambda: next(answers))
    assert (kernel.devices(), kernel.devices()) == ({"one": {}}, {"two": {}})


@pytest.mark.parametrize(("error", "message"), [
    (OSError(1, "Operation not permitted"), "netlink: Operation not permitted"), (OSError("odd"), "netlink: odd"),
])
def test_devices_that_cannot_be_read_are_an_error(kernel, monkeypatch, error: OSError, message: str):
    def refuse() -> None:
        raise error

    monkeypatch.setattr(layer, "read_devices", refuse)
    with pytest.raises(KernelError) as found:
        kernel.devices()
    assert str(found.value) == message


def test_the_connection_is_closed(kernel):
    kernel.close()
    assert kernel._netlink.calls == ["close"]
    Kernel().close()


def test_limits_are_those_that_libvirt_sets(kernel, monkeypatch):
    pytest.importorskip("pyroute2", reason="pyroute2 is not installed")
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: 1)
    limit = {"rate": 500000, "ceil": 800000, "burst": 524288}
    assert kernel.traffic("lo") == {"sent": {"1": limit, "3": limit},
                                    "received": {"rate": 300000, "ceil": 300000, "burst": 262144}}


def test_a_device_that_is_gone_is_an_error_that_names_it(kernel):
    with pytest.raises(KernelError, match=r"^there is no device virtnet-none$"):
        kernel.set_up("virtnet-none", True)


CHANGES = [
    (lambda kernel: kernel.make_bridge("virbr7", "52:54:00:00:00:01"),
     [("link", ("add",), {"ifname": "virbr7", "kind": "bridge", "address": "52:54:00:00:00:01"})]),
    (lambda kernel: kernel.make_bridge("virbr7", None), [("link", ("add",), {"ifname": "virbr7", "kind": "bridge"})]),
    (lambda kernel: kernel.set_mtu("lo", 1400), [("link", ("set",), {"index": 1, "mtu": 1400})]),
    (lambda kernel: kernel.set_mac("lo", "52:54:00:00:00:01"),
     [("link", ("set",), {"index": 1, "address": "52:54:00:00:00:01"})]),
    (lambda kernel: kernel.set_up("lo", False), [("link", ("set",), {"index": 1, "state": "down"})]),
    (lambda kernel: kernel.set_master("lo", None), [("link", ("set",), {"index": 1, "master": 0})]),
    (lambda kernel: kernel.set_port("lo", {}), []),
    (lambda kernel: kernel.set_bridge("lo", True, 4), [
        ("link", ("set",), {"index": 1, "kind": "bridge", "br_stp_state": 0}),
        ("link", ("set",), {"index": 1, "kind": "bridge", "br_forward_delay": 400}),
        ("link", ("set",), {"index": 1, "kind": "bridge", "br_stp_state": 1})]),
    (lambda kernel: kernel.add_address("lo", "10.0.0.1/24"), [
        ("addr", ("add",), {"index": 1, "address": "10.0.0.1", "prefixlen": 24, "broadcast": "10.0.0.255"})]),
    (lambda kernel: kernel.add_address("lo", "10.0.0.1/31"), [
        ("addr", ("add",), {"index": 1, "address": "10.0.0.1", "prefixlen": 31})]),
    (lambda kernel: kernel.remove_address("lo", "fd00::1/64"), [
        ("addr", ("del",), {"index": 1, "address": "fd00::1", "prefixlen": 64})]),
    (lambda kernel: kernel.add_route("lo", "fd01::/64", "fd00::2", 3), [
        ("route", ("add",), {"dst": "fd01::/64", "gateway": "fd00::2", "oif": 1, "priority": 3,
                             "family": socket.AF_INET6})]),
    (lambda kernel: kernel.add_fdb("lo", "52:54:00:00:00:01", None), [
        ("neigh", ("replace",), {"family": socket.AF_BRIDGE, "ifindex": 1, "lladdr": "52:54:00:00:00:01", "state": 64,
                                 "flags": 4})]),
    (lambda kernel: kernel.remove_device("lo"), [("link", ("del",), {"index": 1})]),
]


@pytest.mark.parametrize(("change", "calls"), CHANGES)
def test_each_change_is_told_to_the_kernel(kernel, monkeypatch, change, calls: list):
    pytest.importorskip("pyroute2", reason="pyroute2 is not installed")
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: 1)
    change(kernel)
    assert kernel._netlink.calls == calls


def test_settings_of_virtual_functions_without_what_the_driver_does_not_tell(kernel, monkeypatch):
    pytest.importorskip("pyroute2", reason="pyroute2 is not installed")
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: 1)
    first = Message(
        IFLA_VF_MAC={"vf": 0, "mac": "00:00:00:00:00:00"}, IFLA_VF_VLAN={"vf": 0, "vlan": 0, "qos": 0},
        IFLA_VF_SPOOFCHK={"spoofchk": 0xFFFFFFFF}, IFLA_VF_TRUST={"trust": 1}, IFLA_VF_LINK_STATE={"link_state": 2})
    second = Message(
        IFLA_VF_MAC={"vf": 1, "mac": "52:54:00:00:0A:01"}, IFLA_VF_RATE={"min_tx_rate": 1, "max_tx_rate": 5},
        IFLA_VF_VLAN_LIST=Message(IFLA_VF_VLAN_INFO={"vlan": 5, "qos": 2, "proto": 0x88A8}))
    functions = Message()
    functions.get_attrs = lambda name: [first, second]
    monkeypatch.setattr(kernel._netlink, "link", lambda *args, **kwargs: (Message(IFLA_VFINFO_LIST=functions),),
                        raising=False)
    assert kernel.vf_settings("lo") == {
        "0": {"trust": True, "link_state": "disable"},
        "1": {"mac": "52:54:00:00:0a:01", "vlan": {"id": 5, "qos": 2, "protocol": "802.1ad"}, "min_tx_rate": 1,
              "max_tx_rate": 5}}


@pytest.mark.parametrize(("settings", "told"), [
    ({"mac": "52:54:00:00:0a:01"}, {"mac": "52:54:00:00:0a:01"}),
    ({"vlan": {}}, {"vlan": {"vlan": 0, "qos": 0}}),
    ({"vlan": {"id": 5, "protocol": "802.1ad"}}, {"vlan": [{"vlan": 5, "qos": 0, "proto": 0x88A8}]}),
    ({"min_tx_rate": 0, "max_tx_rate": 5}, {"rate": {"min_tx_rate": 0, "max_tx_rate": 5}}),
    ({"spoof_check": False}, {"spoofchk": 0}),
    ({"trust": True}, {"trust": 1}),
    ({"link_state": "enable"}, {"link_state": 1}),
])
def test_each_setting_of_a_virtual_function_is_told(kernel, monkeypatch, settings: dict, told: dict):
    pytest.importorskip("pyroute2", reason="pyroute2 is not installed")
    monkeypatch.setattr(socket, "if_nametoindex", lambda name: 1)
    kernel.set_vf("lo", 3, settings)
    assert kernel._netlink.calls == [("link", ("set",), {"index": 1, "vf": dict(told, vf=3)})]


def test_a_vlan_with_a_protocol_is_as_long_as_the_kernel_wants_it(kernel, monkeypatch):
    pytest.importorskip("pyroute2", reason="pyroute2 is not installed")
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

    monkeypatch.setattr(socket, "if_nametoindex", lambda name: 1)
    kernel.set_vf("lo", 3, {"vlan": {"id": 5, "protocol": "802.1ad"}})
    tag = ifinfmsg.vflist.vfinfo.vf_vlist.ivvi(data=bytearray())
    tag.setvalue({"vf": 3, "vlan": 5, "qos": 0, "proto": 0x88A8})
    tag.encode()
    assert len(tag.data) == 4 + 16
