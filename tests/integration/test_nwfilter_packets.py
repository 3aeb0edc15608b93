# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters on a device stop the packets that they say, and no others. Every packet here is really sent."""

from __future__ import annotations

import socket

import packets
import pytest
from integration.host import sh
from integration.modules import run
from integration.nwfilters import remove_filters
from packets import BROADCAST, TYPES, Station, arrives, lost, pings, talk

STRANGER, STRANGER_IP = "52:54:00:00:00:66", "10.9.0.66"
GUEST = Station("guest", "52:54:00:00:00:21", ["10.9.0.21/24"])
PEER = Station("peer", "52:54:00:00:00:22", ["10.9.0.22/24"])
IP = [{"name": "IP", "value": "10.9.0.21"}]
WEB = [
    {"filterref": {"filter": "clean-traffic"}},
    {"rule": {"action": "accept", "direction": "in", "tcp": [{"dstportstart": 22}]}},
    {"rule": {"action": "accept", "direction": "in", "tcp": [{"dstportstart": 80}]}},
    {"rule": {"action": "accept", "direction": "out", "icmp": [{}]}},
    {"rule": {"action": "drop", "direction": "inout", "all": [{}]}},
]


@pytest.fixture
def wire(clean):
    """A guest and a peer on a bridge, without filters."""
    packets.make_bridge("lan0", "10.9.0.1/24")
    for station in (GUEST, PEER):
        station.make("lan0")
    yield clean
    remove_filters(clean)
    for station in (GUEST, PEER):
        station.remove()
    sh("ip link del lan0")


def bind(name, parameters=()):
    task = {"portdev": {"name": GUEST.port}, "mac": {"address": GUEST.mac},
            "filterref": {"filter": name, "parameters": list(parameters)}}
    done = run("nwfilter_binding", **task)
    assert run("nwfilter_binding", **task)["steps"] == []
    return done


def unbind():
    return run("nwfilter_binding", portdev={"name": GUEST.port}, state="absent")


def reply(src=GUEST.mac, sender=GUEST.mac, sender_ip="10.9.0.21"):
    """An ARP reply of the guest."""
    return packets.arp(src, PEER.mac, 2, sender, sender_ip, PEER.mac, "10.9.0.22")


def datagram(src_ip="10.9.0.21", src=GUEST.mac):
    return packets.ip(src, PEER.mac, src_ip, "10.9.0.22", 17, packets.udp(1000, 2000))


HONEST = {"reply": reply(), "datagram": datagram(),
          "request": packets.arp(GUEST.mac, BROADCAST, 1, GUEST.mac, "10.9.0.21", "00:00:00:00:00:00", "10.9.0.22")}
SPOOFED = {
    "source MAC": datagram(src=STRANGER), "source MAC of ARP": reply(src=STRANGER),
    "ARP sender MAC": reply(sender=STRANGER), "ARP sender IP": reply(sender_ip=STRANGER_IP),
    "source IP": datagram(src_ip=STRANGER_IP), "peer's own IP": datagram(src_ip="10.9.0.22"),
    "other protocol": packets.ethernet(GUEST.mac, PEER.mac, 0x88CC, b"hello"),
    "VLAN tag": packets.ethernet(GUEST.mac, PEER.mac, TYPES["vlan"], b"\0\x05\x08\0" + datagram(STRANGER_IP)[14:]),
}


def test_without_a_filter_everything_passes(wire):
    for name, frame in {**HONEST, **SPOOFED}.items():
        assert arrives(GUEST, PEER, frame), name


def test_clean_traffic_stops_what_is_spoofed_and_nothing_else(wire):
    bind("clean-traffic", IP)
    for name, frame in HONEST.items():
        assert arrives(GUEST, PEER, frame), name
    for name, frame in SPOOFED.items():
        assert lost(GUEST, PEER, frame), name
    assert pings("guest", "10.9.0.22")
    assert pings("peer", "10.9.0.21")
    assert "--ip-src 10.9.0.21 -j RETURN" in sh("ebtables -t nat -L I-%s-ipv4-ip" % GUEST.port)
    unbind()
    assert GUEST.port not in sh("ebtables -t nat -L")
    for name, frame in SPOOFED.items():
        assert arrives(GUEST, PEER, frame), name


def test_several_addresses_of_one_parameter_all_pass(wire):
    bind("clean-traffic", [*IP, {"name": "IP", "value": "10.9.0.31"}])
    assert arrives(GUEST, PEER, datagram())
    assert arrives(GUEST, PEER, datagram(src_ip="10.9.0.31"))
    assert arrives(GUEST, PEER, reply(sender_ip="10.9.0.31"))
    assert lost(GUEST, PEER, datagram(src_ip=STRANGER_IP))


def reached(port, wait=packets.ARRIVES):
    return talk("peer", "guest", "tcp", "10.9.0.21", port, wait)


def not_reached(port):
    return not reached(port, 0.4)


def needs_bridge_netfilter():
    """libvirt filters the layers above Ethernet with iptables, which see a bridge's packets only by this."""
    try:
        with open("/proc/sys/net/bridge/bridge-nf-call-iptables") as switch:
            assert switch.read().strip() == "1", "libvirt has not switched bridge-nf-call-iptables on"
    except FileNotFoundError:
        pytest.fail("without br_netfilter nothing filters the layers above Ethernet on a bridge: modprobe br_netfilter")


def test_a_filter_of_ones_own_opens_two_ports_and_nothing_else(wire):
    run("nwfilter", name="web", entries=WEB)
    bind("web", IP)
    needs_bridge_netfilter()
    assert reached(22)
    assert reached(80)
    assert not_reached(8080)
    assert not_reached(443)
    assert not talk("peer", "guest", "udp", "10.9.0.21", 80, 0.4)
    assert not talk("guest", "peer", "tcp", "10.9.0.22", 80, 0.4)
    assert pings("guest", "10.9.0.22")
    assert not pings("peer", "10.9.0.21", 0.4)
    assert lost(GUEST, PEER, datagram(src_ip=STRANGER_IP))
    rules = sh("iptables -S")
    assert "-A FO-%s -p tcp -m tcp --dport 80 " % GUEST.port in rules
    assert "-A FO-%s -j DROP" % GUEST.port in rules


def test_a_changed_filter_holds_without_binding_it_again(wire):
    run("nwfilter", name="web", entries=WEB)
    bind("web", IP)
    needs_bridge_netfilter()
    changed = [*WEB[:2], {"rule": dict(WEB[2]["rule"], tcp=[{"dstportstart": 443}])}, *WEB[3:]]
    predicted = run("nwfilter", check=True, name="web", entries=changed)
    assert reached(80)
    done = run("nwfilter", name="web", entries=changed)
    assert done["rebuilt_bindings"] == predicted["rebuilt_bindings"] == [GUEST.port]
    assert reached(22)
    assert reached(443)
    assert not_reached(80)
    rules = sh("iptables -S FO-%s" % GUEST.port)
    assert "--dport 443 " in rules
    assert "--dport 80 " not in rules
    assert run("nwfilter", name="web", entries=changed)["rebuilt_bindings"] == []
    unbind()
    assert GUEST.port not in sh("iptables -S")
    assert all(reached(port) for port in (22, 80, 443, 8080))


def test_a_change_further_down_the_references_holds_too(wire):
    run("nwfilter", name="below", chain="ipv4-mine", entries=[
        {"rule": {"action": "drop", "direction": "out", "ip": [{"protocol": "udp", "dstportstart": 2000}]}}])
    run("nwfilter", name="above", entries=[{"filterref": {"filter": "below"}}])
    bind("above")
    assert lost(GUEST, PEER, datagram())
    done = run("nwfilter", name="below", entries=[
        {"rule": {"action": "drop", "direction": "out", "ip": [{"protocol": "udp", "dstportstart": 2001}]}}])
    assert done["rebuilt_bindings"] == [GUEST.port]
    assert arrives(GUEST, PEER, datagram())


def test_what_reaches_the_end_of_a_chain_is_accepted(wire):
    """docs/nwfilter.md says so, and the filters of the role nwfilter_baseline end with a rule for the rest."""
    later = {"rule": {"action": "drop", "direction": "out", "ip": [{"protocol": "udp"}]}}
    rest = {"rule": {"action": "return", "direction": "out", "priority": 1000}}
    first = {"rule": {"action": "drop", "direction": "out", "ip": [{"protocol": "tcp"}]}}
    run("nwfilter", name="first", chain="ipv4-a", priority=-710, entries=[first])
    run("nwfilter", name="later", chain="ipv4-b", priority=-705, entries=[later])
    run("nwfilter", name="above", entries=[{"filterref": {"filter": "first"}}, {"filterref": {"filter": "later"}}])
    bind("above")
    assert arrives(GUEST, PEER, datagram())
    run("nwfilter", name="first", entries=[first, rest])
    assert lost(GUEST, PEER, datagram())


def test_a_replaced_binding_has_the_new_parameters(wire):
    bind("clean-traffic", IP)
    done = bind("clean-traffic", [{"name": "IP", "value": STRANGER_IP}])
    assert "without a filter while" in done["warnings"][0]
    assert lost(GUEST, PEER, datagram())
    assert arrives(GUEST, PEER, datagram(src_ip=STRANGER_IP))


def test_what_the_host_sends_is_let_in_but_answers_to_it_are_not_let_out(wire):
    """libvirt's iptables rules for what comes in look at bridged packets only; docs/nwfilter.md says so."""
    run("nwfilter", name="web", entries=WEB)
    bind("web", IP)
    needs_bridge_netfilter()
    assert talk(None, "guest", "tcp", "10.9.0.21", 22)
    assert not talk(None, "guest", "tcp", "10.9.0.21", 8080, 0.4)
    assert arrives_from_host(8080)
    assert "-A libvirt-out -m physdev --physdev-out %s --physdev-is-bridged" % GUEST.port in sh("iptables -S")


def arrives_from_host(port):
    """Whether the guest sees a datagram of the host."""
    with packets.within("guest"):
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        ear.bind(("10.9.0.21", port))
        ear.settimeout(packets.ARRIVES)
        sender.sendto(b"hello", ("10.9.0.21", port))
        return ear.recv(5) == b"hello"
