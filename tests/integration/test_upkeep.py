# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall rules that somebody takes away are seen, and libvirt puts its own back, under guests that go on."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys

import pytest
from guest.domain import domain_xml
from integration.host import sh, within
from integration.lab import INTERFACE, LAB, answers, boot
from integration.modules import Failed, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import firewall
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import libvirt as library
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host, connected
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.firewall import (
    forget_rules,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import load_xml

RELOAD = "reload the daemon of libvirt, which puts its firewall rules and dnsmasq back"
NAT = {"name": "nat", "state": "active", "bridge": {"name": "nat0", "stp": False}, "forward": {"mode": "nat"},
       "ips": [{"address": "10.5.0.1/24", "dhcp": {"ranges": [{"start": "10.5.0.100", "end": "10.5.0.120"}]}},
               {"address": "fd00:5::1/64"}]}
OTHERS = ({"name": "routed", "state": "active", "bridge": {"name": "routed0"}, "forward": {"mode": "route"},
           "ips": [{"address": "10.6.0.1/24"}, {"address": "fd00:6::1/64"}]},
          {"name": "isolated", "state": "active", "bridge": {"name": "isolated0"}, "ips": [{"address": "10.7.0.1/24"}]},
          {"name": "open", "state": "active", "bridge": {"name": "open0"}, "forward": {"mode": "open"},
           "ips": [{"address": "10.8.0.1/24"}]})
LOSSES = ("nft flush ruleset", "iptables -F; iptables -t nat -F", "nft delete table ip6 filter",
          "nft flush chain ip nat LIBVIRT_PRT", "iptables -D FORWARD -j LIBVIRT_FWI",
          "iptables -D LIBVIRT_FWO -s 10.5.0.0/24 -i nat0 -j ACCEPT",
          "iptables -t nat -D LIBVIRT_PRT -s 10.5.0.0/24 ! -d 10.5.0.0/24 -p udp -j MASQUERADE --to-ports 1024-65535",
          "iptables -t mangle -F LIBVIRT_PRT")


def rules() -> list[str]:
    """The rules of libvirt's networks, by iptables, without counters."""
    lines = [re.sub(r"\[.*?\]", "", line) for line in sh("iptables-save; ip6tables-save").splitlines()
             if "LIBVIRT_" in line]
    return sorted(lines) + [line for line in lines if line.startswith("-A FORWARD")]  # whose order counts


@pytest.fixture
def reaches(clean):
    """A client in the bridge of a NAT network, which reaches the outside by its address being translated only."""
    for network in (NAT, *OTHERS):
        run("network", **network)
    sh("ip netns add client; ip netns add world;"
       " ip link add to-nat type veth peer name inside; ip link set inside netns client;"
       " ip link add to-world type veth peer name outside; ip link set outside netns world;"
       " ip link set to-nat master nat0 up; ip link set to-world up; ip addr add 203.0.113.1/24 dev to-world;"
       " ip -n client addr add 10.5.0.9/24 dev inside; ip -n client link set inside up;"
       " ip -n client route add default via 10.5.0.1;"
       " ip -n world addr add 203.0.113.2/24 dev outside; ip -n world link set outside up")
    yield lambda: "1 received" in sh("ip netns exec client ping -c 1 -W 1 203.0.113.2 || true")
    sh("ip netns del client; ip netns del world")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_rules_of_a_start_that_ended_libvirt_are_forgotten_and_no_others(clean, which: int):
    every = [NAT, *OTHERS]
    forgotten = every.pop(which)
    for network in every:
        run("network", **network)
    before = rules()
    run("network", **forgotten)
    assert rules() != before
    host = Host(connected("qemu:///system", 5), local=True)
    if host.look().firewall["hides"]:
        pytest.skip("libnftables before 1.0 does not show which rules of iptables are whose, so none is forgotten")
    forget_rules(host, NETWORK.parse(load_xml(sh("virsh net-dumpxml %s" % forgotten["name"]))))
    assert rules() == before
    host.close()


def test_lost_rules_come_back(reaches):
    before, own = rules(), "table inet own {\n\tchain kept {\n\t\ttcp dport 1 accept\n\t}\n}"
    assert within(10, reaches)
    for loss in LOSSES:
        sh(loss)
        sh("nft add table inet own; nft 'add chain inet own kept'; nft 'add rule inet own kept tcp dport 1 accept'")
        lost = run("network_info", names=["nat"])["networks"][0]["status"]["drift"]
        assert lost and all(drift["path"].startswith("firewall[ip") for drift in lost), loss
        if loss == LOSSES[0]:
            assert not reaches()
        predicted = run("network", check=True, **NAT)
        done = run("network", **NAT)
        assert predicted["steps"] == done["steps"] == [RELOAD], loss
        assert predicted["diff"] == done["diff"] and done["drift"] == lost
        assert rules() == before and own in sh("nft list table inet own"), loss
        assert not run("network", **NAT)["changed"] and not run("network", **OTHERS[0])["changed"]
        assert within(5, reaches)
        sh("nft delete table inet own")


OF_OTHERS = """table inet firewalld {
    chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept; ct state established accept; }
    set allowed { type ipv4_addr; elements = { 198.51.100.7 } }
    chain filter_INPUT { ip saddr @allowed counter accept; }
}
table ip docker {
    chain DOCKER { ip daddr 172.17.0.2 tcp dport 80 accept; }
}
"""


def foreign_rules() -> list[str]:
    """All that is in the firewall and not libvirt's, in order, without counters and handles."""
    found = []
    for entry in json.loads(sh("nft -j list ruleset"))["nftables"]:
        (kind, what), = entry.items()
        what.pop("handle", None)
        words = json.dumps({kind: what}, sort_keys=True)
        libvirts = ("LIBVIRT_", "libvirt", "nat0", "routed0", "isolated0")
        if kind != "metainfo" and not any(word in words for word in libvirts):
            found.append(re.sub(r'"(packets|bytes)": \d+', "", words))
    return found


def test_what_others_have_in_the_firewall_stays(reaches):
    """In tables of their own, and in those and the chains that libvirt uses, too."""
    sh("nft -f - <<'END'\n%sEND" % OF_OTHERS)
    sh("iptables -I FORWARD 1 -s 198.51.100.9 -j DROP; iptables -A FORWARD -i eth9 -j ACCEPT; iptables -N OWN;"
       " iptables -I LIBVIRT_FWO 1 -s 198.51.100.8 -j DROP; iptables -t nat -A PREROUTING -p tcp --dport 8 -j RETURN")
    before, libvirts = foreign_rules(), rules()
    assert len(before) > 15
    for loss in LOSSES[3:]:
        sh(loss)
        assert run("network", **NAT)["changed"], loss
        assert foreign_rules() == before and rules() == libvirts, loss
    sh("nft delete table inet firewalld; nft delete table ip docker; iptables -D FORWARD -s 198.51.100.9 -j DROP;"
       " iptables -D FORWARD -i eth9 -j ACCEPT; iptables -X OWN; iptables -D LIBVIRT_FWO -s 198.51.100.8 -j DROP;"
       " iptables -t nat -D PREROUTING -p tcp --dport 8 -j RETURN")


def test_one_reload_puts_back_the_rules_of_all(reaches):
    before = rules()
    assert within(10, reaches)
    sh("nft flush ruleset")
    done = run("topology", networks=[NAT, *OTHERS])
    assert [step for one in done["objects"] for step in one.get("steps", ())] == [RELOAD]
    assert rules() == before and within(5, reaches)
    assert not run("topology", networks=[NAT, *OTHERS])["changed"]


def test_a_restart_under_a_guest_makes_missing_chains_first(clean):
    run("network", **LAB)
    boot(clean)
    assert answers()
    sh("nft flush ruleset")
    done = run("network", name="lab", restart="always", mtu={"size": 1400})
    assert done["steps"][:3] == [RELOAD, "change the configuration of network lab", "stop network lab"] and answers()
    assert not run("network", name="lab", mtu={"size": 1400})["changed"]


@pytest.mark.parametrize(("lost", "options", "is_needed"), [
    ("ip filter LIBVIRT_FWX", {"forward": {"mode": "route"}, "ips": [{"address": "10.6.0.1/24"}]}, True),
    ("ip6 filter LIBVIRT_OUT", {"ips": [{"address": "10.6.0.1/24"}]}, False),
    ("ip6 filter LIBVIRT_OUT", {"ips": [{"address": "fd00:6::1/64"}]}, True),
    ("ip filter LIBVIRT_INP", {"forward": {"mode": "open"}, "ips": [{"address": "10.6.0.1/24"}]}, False),
])
def test_a_chain_is_made_again_for_who_needs_it(clean, lost: str, options: dict, is_needed: bool):
    run("network", **LAB)
    sh("nft flush table %s %s && nft delete chain %s" % (*lost.split()[:2], lost))
    done = run("network", name="new", state="active", bridge={"name": "new0"}, **options)
    assert (RELOAD in done["steps"]) is is_needed and done["steps"][-1] == "start network new"
    run("network", **LAB)
    assert "LIBVIRT" in sh("nft list chain ip filter FORWARD")
    if not is_needed:
        sh("iptables-save >/dev/null; nft add chain %s; kill -HUP $(pidof libvirtd); sleep 1" % lost)


def test_chains_that_were_lost_while_no_network_ran_are_made_again(clean):
    run("network", **LAB)
    run("network", name="lab", state="inactive")
    sh("nft flush ruleset")
    assert run("network", **LAB)["steps"] == ["start network lab"]
    assert not run("network", **LAB)["changed"]


def test_without_a_network_that_has_rules_missing_chains_mean_nothing(clean):
    run("network", name="open", state="active", forward={"mode": "open"}, ips=[{"address": "10.6.1.1/24"}])
    assert not run("network", name="open", state="active")["changed"]
    assert run("network", **LAB)["steps"][-1] == "start network lab"


# --- what else libvirt's daemon keeps up


DNSMASQ = "/var/lib/libvirt/dnsmasq/lab"
FULL = {**LAB, "domain": {"name": "lab.example"},
        "dns": {"forwarders": [{"addr": "192.0.2.53"}], "txts": [{"name": "a.example", "value": "b"}],
                "srvs": [{"service": "ldap", "protocol": "tcp", "domain": "lab.example", "target": "t.example",
                          "port": 389, "priority": 1}],
                "hosts": [{"ip": "192.168.160.7", "hostnames": ["Seven", "sieben"]}]},
        "ips": [{"address": "192.168.160.1/24", "tftp": {"root": "/srv"},
                 "dhcp": {"ranges": [{"start": "192.168.160.100", "end": "192.168.160.150"}],
                          "hosts": [{"mac": "52:54:00:00:01:05", "name": "one", "ip": "192.168.160.5",
                                     "lease": {"expiry": 2, "unit": "hours"}}], "bootp": {"file": "pxe.0"}}},
                {"address": "fd00:160::1/64",
                 "dhcp": {"hosts": [{"id": "0:1:2", "name": "six", "ip": "fd00:160::5"}]}}]}


def files() -> str:
    return sh("cd /var/lib/libvirt/dnsmasq; cat lab.conf lab.hostsfile lab.addnhosts")


@pytest.mark.parametrize("loss", [
    "kill $(cat /run/libvirt/network/lab.pid)", "echo 52:54:00:00:01:99,192.168.160.99 >>%s.hostsfile" % DNSMASQ,
    ": >%s.addnhosts" % DNSMASQ, "sed -i s/160.150/160.250/ %s.conf" % DNSMASQ,
    "echo server=192.0.2.99 >>%s.conf" % DNSMASQ,
    "echo cname=x,y >>%s.conf; kill $(cat /run/libvirt/network/lab.pid)" % DNSMASQ])
def test_dnsmasq_is_as_the_definition_says(clean, loss: str):
    assert not run("network", **FULL)["drift"]
    assert not run("network", **FULL)["changed"]
    before = files()
    sh(loss)
    assert within(5, lambda: run("network", check=True, **FULL)["changed"])
    predicted = run("network", check=True, **FULL)
    done = run("network", **FULL)
    assert done["steps"] == predicted["steps"] and done["steps"][-1] == RELOAD
    assert all(drift["path"].startswith("dnsmasq") for drift in done["drift"])
    assert files() == before and sh("tr '\\0' ' ' </proc/$(cat /run/libvirt/network/lab.pid)/cmdline | grep lab.conf")
    assert not run("network", **FULL)["changed"]


def test_what_is_updated_live_is_what_dnsmasq_is_to_have(clean):
    run("network", **FULL)
    run("dhcp_host", network="lab", mac="52:54:00:00:01:06", ip="192.168.160.6")
    run("dns_record", network="lab", hosts=[{"ip": "192.168.160.8", "hostnames": ["eight"]}])
    assert not run("network", name="lab")["changed"]
    assert not run("network_info", names=["lab"])["networks"][0]["status"]["drift"]


ODD = {
    "a'b&c": "<bridge name='odd0'/><dns><host ip='::ffff:10.0.0.1'><hostname>Two words</hostname></host></dns>",
    "plus": "<forward mode='nat'/><bridge name='odd+'/><dns><forwarder addr='::ffff:10.0.0.2'/></dns>",
    "mapped": "<forward mode='route'/><bridge name='odd0'/><ip family='ipv6' address='::ffff:10.9.0.1' prefix='112'/>",
}


@pytest.mark.parametrize("name", ODD)
def test_what_libvirt_takes_of_others_is_no_drift(clean, name: str):
    """Names that it escapes in files, and spellings of its own."""
    clean.networkDefineXML("<network><name>%s</name>%s<ip address='10.5.1.1' prefix='24'><dhcp><range start='10.5.1.8'"
                           " end='10.5.1.9'/><host id='1:2' name='A' ip='10.5.1.5'/></dhcp></ip></network>" % (
                               name.replace("&", "&amp;"), ODD[name])).create()
    assert not run("network_info", names=[name])["networks"][0]["status"]["drift"]
    assert not run("network", name=name)["changed"]


def test_rules_are_read_where_protocols_have_no_names_and_statements_no_json(clean):
    run("network", **LAB)
    sh("mv /etc/protocols /etc/protocols.kept")
    try:
        assert not run("network", **LAB)["changed"]
        sh("nft add table inet own; nft 'add chain inet own f'; nft 'add rule inet own f jump { accept; }'")
        assert not run("network", **LAB)["changed"]
    finally:
        sh("mv /etc/protocols.kept /etc/protocols; nft delete table inet own")


def test_from_another_network_namespace_the_kernel_is_out_of_reach(clean):
    run("network", **LAB)
    before = rules()
    done = sh("cd tests && unshare --net " + sys.executable + " -c \"from integration.modules import run;"
              " print(run('network', name='lab'), run('network_info', names=['lab']))\"")
    assert "out of reach" in done and "'drift': []" in done and "'changed': False" in done
    assert rules() == before


def test_rules_that_cannot_be_read_are_told(clean, monkeypatch):
    run("network", **LAB)
    monkeypatch.setattr(firewall, "LIBRARY", "libnftables.so.0")
    for told in (run("network", name="lab"), run("network_info", names=["lab"])):
        assert "the firewall rules of network lab are not compared: libnftables.so.0" in told["warnings"][0]


@pytest.mark.parametrize(("ips", "wanted"), [(LAB["ips"], "1"), ([*LAB["ips"], {"address": "fd00:160::1/64"}], "0")])
def test_settings_that_libvirt_made_come_back(clean, ips: list, wanted: str):
    """Of IPv6 on the bridge, where guests would else be believed as routers, and of forwarding."""
    task, conf = {**LAB, "ips": ips}, "/proc/sys/net/ipv6/conf/lab0"
    run("network", **task)
    look = "cat %s/disable_ipv6 %s/accept_ra %s/autoconf /proc/sys/net/ipv4/ip_forward" % (conf, conf, conf)
    assert sh(look).split() == [wanted, "0", "0", "1"]
    sh("echo 1 >%s/accept_ra; echo %d >%s/disable_ipv6; echo 0 >/proc/sys/net/ipv4/ip_forward" % (
        conf, 1 - int(wanted), conf))
    predicted, done = run("network", check=True, **task), run("network", **task)
    assert predicted["steps"] == done["steps"] and {"bridge.accept_ra", "bridge.disable_ipv6", "forwarding.ipv4"} <= {
        drift["path"] for drift in done["drift"]}
    assert sh(look).split() == [wanted, "0", "0", "1"] and not run("network", **task)["changed"]
    sh("ip link del lab0")
    done = run("network", **task)
    assert "make bridge lab0 again" in done["steps"] and sh(look).split() == [wanted, "0", "0", "1"]
    assert not run("network", **task)["changed"]


@pytest.fixture
def advertised(clean):
    """The host has a route over to-router that a router advertises, and does not forward IPv6."""
    sh("sysctl -qw net.ipv6.conf.all.forwarding=0; ip netns add router;"
       " ip link add to-router type veth peer name out netns router;"
       " ip -n router addr add 2001:db8:5::1/64 dev out nodad; ip -n router link set out up;"
       " ip link set to-router up; ip netns exec router dnsmasq --conf-file= --port=0 --pid-file=/run/router.pid"
       " --interface=out --enable-ra --ra-param=out,4,600 --dhcp-range=2001:db8:5::,ra-only,64,1h")
    routes = "ip -6 route show default dev to-router"
    assert within(30, lambda: "proto ra" in sh(routes))
    yield lambda: "proto ra" in sh(routes)
    sh("kill $(cat /run/router.pid); ip link del to-router; ip netns del router;"
       " sysctl -qw net.ipv6.conf.all.forwarding=1")


def test_the_host_keeps_the_routes_that_routers_advertise(advertised):
    """The kernel would drop them when it forwards IPv6, so libvirt starts no network for which it would have to."""
    accept = "sysctl -qw net.ipv6.conf.to-router.accept_ra=%d"
    for check in (True, False):
        with pytest.raises(Failed, match=r"ips\[1\].family: ipv6 is not forwarded here, .* routers advertise on"
                           " to-router.* set net.ipv6.conf.to-router.accept_ra to 2"):
            run("network", check=check, **NAT)
    assert "nat" not in sh("virsh net-list --all --name")
    assert run("network", **{**NAT, "state": "present"}, autostart=True)["warnings"], "it may be gone when that starts"
    sh(accept % 2)
    assert run("network", **NAT)["changed"] and advertised() and not run("network", **NAT)["changed"]
    sh(accept % 1 + "; sysctl -qw net.ipv6.conf.all.forwarding=0")
    assert within(10, advertised)
    done = run("network", **NAT)
    assert [drift["path"] for drift in done["drift"]] == ["forwarding.ipv6"] and not done["changed"]
    assert any("accept_ra to 2" in text for text in done["warnings"]) and advertised()
    sh(accept % 2)
    assert run("network", **NAT)["steps"] == ["switch forwarding of IPv6 on"] and advertised()


@pytest.mark.parametrize(("family", "kind", "port", "path", "without"), [
    (socket.AF_INET, socket.SOCK_STREAM, 53, "dns", {"dns": {"enable": False}}),
    (socket.AF_INET6, socket.SOCK_STREAM, 53, "dns", {"dns": {"enable": False}}),
    (socket.AF_INET, socket.SOCK_DGRAM, 53, "dns", {"dns": {"enable": False}}),
    (socket.AF_INET, socket.SOCK_DGRAM, 67, r"ips\[0\]\.dhcp", {"ips": [{"address": "10.5.0.1/24"}]}),
    (socket.AF_INET6, socket.SOCK_DGRAM, 547, r"ips\[1\]\.dhcp", {"ips": NAT["ips"]})])
def test_a_port_of_dnsmasq_that_somebody_has_is_told_before_anything_stops(
        clean, family: int, kind: int, port: int, path: str, without: dict):
    dhcpv6 = {"address": "fd00:5::1/64", "dhcp": {"ranges": [{"start": "fd00:5::10", "end": "fd00:5::20"}]}}
    task = {**NAT, "ips": [NAT["ips"][0], dhcpv6]}
    run("network", **{**NAT, "ips": [{"address": "10.5.0.1/24"}], "dns": {"enable": False}})
    link = sh("ip -o link show nat0")
    with socket.socket(family, kind) as other:
        other.bind(("", port))
        if kind == socket.SOCK_STREAM:
            other.listen()
        for check in (True, False):
            with pytest.raises(Failed, match=r"^%s: dnsmasq cannot .* for \S+ \(process %d\) " % (path, os.getpid())):
                run("network", check=check, **task, dns={"enable": True}, restart="always")
        assert sh("ip -o link show nat0") == link
        sh("virsh net-destroy nat")
        assert run("network", **{**task, "state": "inactive", "dns": {"enable": True}}, autostart=True)["warnings"]
        try:
            sh("virsh net-start nat")
        except AssertionError as error:
            assert "Address already in use" in str(error)
        else:  # it does without the port
            assert "version 2.85" in sh("dnsmasq --version")
            assert "dnsmasq" not in sh("ss -Hlnp%s sport = %d" % ("tu"[kind == socket.SOCK_DGRAM], port))
        assert run("network", **{**task, "dns": {"enable": True}, **without})["changed"]
    assert run("network", **task, dns={"enable": True}, restart="always")["changed"]


def test_a_dnsmasq_that_cannot_start_again_is_told(clean):
    """Until the port is free; the daemon is not asked for what it cannot do."""
    run("network", **NAT)
    sh("kill $(cat /run/libvirt/network/nat.pid)")
    assert within(10, lambda: not sh("ss -Htln src 10.5.0.1"))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("", 53))
        other.listen()
        for check in (True, False):
            done = run("network", check=check, **NAT)
            assert not done["steps"] and [one["path"] for one in done["drift"]] == ["dnsmasq"]
            assert any("has no DNS and DHCP: dnsmasq cannot have port 53" in text for text in done["warnings"])
    assert run("network", **NAT)["steps"] == [RELOAD] and not run("network", **NAT)["changed"]


# --- who else drops what guests send


OTHERS_RULES = (
    ("table inet own { chain f { type filter hook forward priority 10; policy drop; } }",
     "end at the policy drop of chain inet own f"),
    ("table inet own { chain f { type filter hook forward priority 10; ct state established,related accept;"
     " iifname lo accept; reject; } }", "end at the rule reject of chain inet own f"),
    ("table inet own { chain f { type filter hook forward priority 10; policy drop; iifname nat0 accept;"
     " oifname nat0 accept; } }", None),
    ("table inet own { chain f { type filter hook input priority 10; policy drop; iif lo accept;"
     " ct state established,related accept; } }", "do not reach the host's DHCP at 10.5.0.1"),
    ("table ip own { chain n { type nat hook postrouting priority 90; ip saddr 10.5.0.0/24 accept; } }", None),
)


def test_who_drops_is_told_and_left_alone(reaches):
    sh("ip route add default via 203.0.113.2")
    assert within(10, reaches) and not run("network", **NAT)["warnings"]
    for others, said in OTHERS_RULES:
        sh("nft -f - <<E\n%s\nE" % others.replace("; ", ";\n").replace("} }", "}\n}"))
        done = run("network", **NAT)
        assert not done["changed"]
        assert any(said in text for text in done["warnings"]) if said else not done["warnings"], done["warnings"]
        if not said or "hook forward" in others:
            assert reaches() is (said is None)
        sh("nft delete table %s" % " ".join(others.split()[1:3]))


@pytest.mark.parametrize(("change", "back", "said"), [
    ("ip route del default", "true", "has no route to the outside; add a default route"),
    ("ip rule add from 10.5.0.0/24 prohibit", "ip rule del from 10.5.0.0/24 prohibit", "prohibits that (ip rule,"),
    ("ip route add 10.5.0.0/25 dev to-world; sysctl -w net.ipv4.conf.nat0.rp_filter=1",
     "ip route del 10.5.0.0/25; sysctl -w net.ipv4.conf.nat0.rp_filter=0",
     "leaves by to-world, not by nat0. rp_filter of nat0 even drops what they send."),
    ("ip route add 10.5.0.0/25 dev to-world", "ip route del 10.5.0.0/25", "leaves by to-world, not by nat0. Remove"),
])
def test_routes_of_the_host_that_keep_guests_in_are_told(reaches, change: str, back: str, said: str):
    sh("ip route add default via 203.0.113.2")
    sh("ip netns exec world ip addr add 20.30.40.50/32 dev outside")
    outside = "ip netns exec client ping -c 1 -W 1 20.30.40.50 || true"
    assert within(10, reaches) and not run("network", **NAT)["warnings"]
    assert "1 received" in sh(outside)
    sh(change)
    done = run("network", **NAT)
    assert not done["changed"] and [text for text in done["warnings"] if said in text], done["warnings"]
    assert "1 received" not in sh(outside)
    sh(back)


def test_a_link_for_the_next_boot_comes_back(clean):
    task = {**LAB, "autostart": True}
    run("network", **task)
    link = "/etc/libvirt/qemu/networks/autostart/lab.xml"
    sh("rm %s" % link)
    assert run("network_info", names=["lab"])["networks"][0]["status"]["drift"][0]["layer"] == "boot"
    done = run("network", **task)
    assert done["steps"] == ["switch autostart of network lab on again"] and sh("ls %s" % link)
    assert not run("network", **task)["changed"]


def test_a_daemon_that_hangs_is_told(clean, monkeypatch):
    monkeypatch.setattr(library, "PATIENCE", 2)
    pid = sh("cat /run/libvirtd.pid").strip()
    sh("kill -STOP %s" % pid)
    try:
        with pytest.raises(Failed, match="cannot connect to libvirt at qemu:///system: it does not answer within 2"):
            run("network", **LAB)
    finally:
        sh("kill -CONT %s" % pid)
    assert within(10, lambda: run("network", **LAB)["changed"])


def test_who_has_which_device_of_a_pool_is_not_forgotten(clean):
    run("network", **LAB)
    run("network", name="pool", state="active", forward={"mode": "private", "interfaces": [{"dev": "nic0"}]})
    domain = boot(clean, INTERFACE.replace("network='lab'", "network='pool'"))
    sh("iptables -D LIBVIRT_FWO -i lab0 -j REJECT")
    done = run("network", **LAB)
    assert not done["changed"] and done["drift"] and "restart it (restart: always" in done["warnings"][0]
    assert "connections" in sh("virsh net-dumpxml pool")
    domain.destroy()
    assert run("network", **LAB)["steps"] == [RELOAD] and not run("network", **LAB)["changed"]


PINGS = "ping -i 0.2 -c 60 -W 1 192.168.160.9"


def test_a_daemon_that_cannot_be_reloaded_is_restarted_where_the_task_allows_it(clean):
    """Guests do not notice, nothing is forgotten of who has which device, and a dnsmasq and filters come back too."""
    sh("ip link add nic8 type veth peer name nic9; ip link set nic8 up; ip link set nic9 up")
    run("network", **LAB)
    run("network", **NAT)
    run("network", name="pool", state="active", forward={"mode": "passthrough", "interfaces": [
        {"dev": "nic8"}, {"dev": "nic9"}]})
    on_pool = INTERFACE.replace("network='lab'", "network='pool'").replace("01:01", "01:02")
    filtered = INTERFACE.replace("</interface>", (
        "<filterref filter='clean-traffic'><parameter name='IP' value='192.168.160.9'/></filterref></interface>"))
    domain = boot(clean, filtered + on_pool)
    assert answers()
    before, counts = rules(), "ebtables-save | grep -c vnet; virsh net-dumpxml pool | grep connections="
    counted = sh(counts)
    sh("iptables -D LIBVIRT_FWO -i lab0 -j REJECT; ebtables -t nat -F; kill $(cat /run/libvirt/network/nat.pid)")
    told = run("network", **LAB)
    assert not told["changed"] and "restart it (restart: always of a network does, or systemctl" in told["warnings"][0]
    daemon, qemu = sh("cat /run/libvirtd.pid"), domain.ID()
    with subprocess.Popen(PINGS.split(), stdout=subprocess.PIPE, text=True) as pings:
        wanted = {**LAB, "restart": "always"}
        predicted, done = run("network", check=True, **wanted), run("network", **wanted)
        assert predicted["steps"] == done["steps"] == [
            "restart libvirtd, which puts its firewall rules and dnsmasq back"]
        assert predicted["diff"] == done["diff"] and sh("cat /run/libvirtd.pid") != daemon
        assert "60 received" in pings.communicate()[0]
    assert rules() == before and sh(counts) == counted
    for network in (wanted, NAT):
        assert not run("network", **network)["changed"]
    clean.open_again()
    second = clean.defineXML(domain_xml("second", on_pool.replace("01:02", "01:03")))
    second.create()
    guests = [clean.lookupByName(name) for name in ("guest", "second")]
    assert guests[0].ID() == qemu
    assert sorted(re.search("<source [^>]*dev='(nic.)'", one.XMLDesc(0))[1] for one in guests) == ["nic8", "nic9"]
    for one in guests:
        one.destroy()
    sh("ip link del nic8")
