# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Legacy iptables: its rules are read as those of nftables are, whether they are libvirt's or somebody else's."""

from __future__ import annotations

import re

import pytest
from integration.host import sh
from integration.modules import Failed, run
from integration.test_upkeep import NAT, OTHERS, RELOAD, reaches

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import firewall, limits
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host, connected
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.legacy import read_legacy

__all__ = ["reaches"]  # a fixture
KINDS = ("nft", "legacy")
RULES = """-N MINE
-N OTHER
-P FORWARD DROP
-A FORWARD -j MINE
-A FORWARD -i virbr+ ! -s 10.0.0.0/8 -p udp --dport 53 -j ACCEPT
-A FORWARD ! -o eth0 -d 10.1.2.3 -j REJECT
-A FORWARD -i sixteencharacte -j RETURN
-A MINE -p tcp -m tcp --sport 1024:65535 ! --dport 80:90 -g OTHER
-A MINE -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A MINE -m comment --comment words -j DROP
-A OTHER -p icmp -j LOG
-A OTHER ! -p tcp -s 10.9.0.0/16
-t nat -A POSTROUTING -s 192.168.122.0/24 -p tcp ! -d 192.168.122.0/24 -j MASQUERADE --to-ports 1024-65535
-t nat -A POSTROUTING -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN
-t mangle -A POSTROUTING -o virbr0 -p udp --dport 68 -j CHECKSUM --checksum-fill"""
RULES6 = """-N MINE
-A FORWARD -j MINE
-A MINE -i virbr0 -s fd00:1::/64 -d fe80::1 -p udp --dport 547 -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-P INPUT DROP"""
LOSSES = ("iptables -F LIBVIRT_FWI; iptables -t nat -F LIBVIRT_PRT", "ip6tables -F LIBVIRT_FWO",
          "iptables -D LIBVIRT_FWO -s 10.5.0.0/24 -i nat0 -j ACCEPT", "iptables -t mangle -F LIBVIRT_PRT")


def flush(kind: str) -> None:
    for tool in ("iptables-%s" % kind, "ip6tables-%s" % kind):
        for chain in ("INPUT", "FORWARD", "OUTPUT"):
            sh("%s -P %s ACCEPT" % (tool, chain))
        for table in ("filter", "nat", "mangle"):
            sh("%s -t %s -F" % (tool, table))
            sh("%s -t %s -X" % (tool, table))


@pytest.fixture
def both_kinds(hypervisor):
    for kind in KINDS:
        flush(kind)
    yield
    for kind in KINDS:
        flush(kind)


def in_any_order(rules: list[list[str]]) -> list[list[str]]:
    """With the words of each in one order."""
    return [sorted(words) for words in rules]


def is_legacy(yes: bool) -> None:
    """Has the host, and libvirt, use that iptables."""
    for tool in ("iptables", "ip6tables"):
        sh("ln -sf /usr/sbin/%s-%s /etc/alternatives/%s" % (tool, KINDS[yes], tool))
    restart_daemon()


def restart_daemon() -> None:
    host = Host(connected("qemu:///system", 5), local=True)
    host.daemon.restart_daemon("networks")
    host.close()


@pytest.fixture
def legacy(clean):
    """A host whose iptables, and libvirt's, is the legacy one."""
    sh("echo 'firewall_backend = \"iptables\"' >/etc/libvirt/network.conf")
    is_legacy(True)
    clean.open_again()
    yield clean
    sh("rm /etc/libvirt/network.conf; virsh net-list --name | xargs -r -n 1 virsh net-destroy")
    flush("legacy")
    is_legacy(False)
    clean.open_again()


def test_the_same_rules_read_the_same(both_kinds):
    for kind in KINDS:
        for rule in RULES.splitlines():
            sh("iptables-%s %s" % (kind, rule))
        for rule in RULES6.splitlines():
            sh("ip6tables-%s %s" % (kind, rule))
    modern, found = firewall.read_firewall()["chains"], read_legacy()
    for name, chain in found.items():
        other = modern.get(name.replace("legacy-", ""))
        if other is None:  # nft makes a chain when something is done in it
            other = {"rules": []}
            assert chain["policy"] == "accept", name
        assert {key: chain[key] for key in other} == {**other, "rules": chain["rules"]}, name
        assert in_any_order(chain["rules"]) == in_any_order(other["rules"]), name
    own = [name for name in modern if "legacy-" not in name and name.split()[1] in ("filter", "nat", "mangle")
           and name.startswith("ip") and (modern[name]["rules"] or "policy" not in modern[name])]
    assert {name.replace(" ", " legacy-", 1) for name in own} <= found.keys()


def test_to_look_makes_no_tables(hypervisor):
    before = sh("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names")
    run("network_info")
    assert sh("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names") == before


def test_rules_of_libvirt_in_them_come_back(legacy, reaches):
    def rules() -> list[str]:
        every = sh("iptables-legacy-save; ip6tables-legacy-save").splitlines()
        return sorted(re.sub(r"\[.*?\]", "", line) for line in every if "LIBVIRT_" in line)

    before = rules()
    assert len(before) > 40 and "LIBVIRT" not in sh("nft list ruleset") and reaches()
    for network in (NAT, *OTHERS):
        assert not run("network", **network)["changed"]
    for loss in LOSSES:
        sh(loss)
        lost = run("network_info", names=["nat"])["networks"][0]["status"]["drift"]
        assert lost and all(re.match(r"firewall\[ip6? legacy-", drift["path"]) for drift in lost), loss
        predicted, done = run("network", check=True, **NAT), run("network", **NAT)
        assert predicted["steps"] == done["steps"] == [RELOAD] and done["drift"] == lost, loss
        assert rules() == before, loss
        assert not run("network", **NAT)["changed"] and reaches()


def test_chains_that_only_a_start_of_the_daemon_makes(legacy, reaches):
    assert reaches()
    sh("iptables -D FORWARD -j LIBVIRT_FWI")
    told = " ".join(run("network", **NAT)["warnings"])
    assert "legacy iptables and the jumps to them again (ip legacy-filter FORWARD); restart it (restart: al" in told
    flush("legacy")
    told = run("network", **NAT)
    assert not told["changed"] and told["drift"]
    assert "a reload of libvirtd does not make its chains" in " ".join(told["warnings"]), told["warnings"]
    with pytest.raises(Failed, match=r"libvirt's chains are gone \(ip legacy-filter .*restart libvirt's daemon"):
        run("network", name="third", state="active", bridge={"name": "third0"}, ips=[{"address": "10.99.0.1/24"}])
    done = run("network", restart="always", **NAT)
    assert done["steps"] == ["restart libvirtd, which puts its firewall rules and dnsmasq back"]
    legacy.open_again()
    assert reaches() and not run("network", **NAT)["changed"]


def test_who_drops_in_tables_that_nftables_does_not_show(reaches):
    assert reaches()
    sh("ip route add default via 203.0.113.2; iptables-legacy -P FORWARD DROP")
    try:
        assert not reaches()
        told = " ".join(run("network", **NAT)["warnings"])
        assert "their packets (10.5.0.0/24) end at the policy drop of chain ip legacy-filter FORWARD" in told
        sh("iptables-legacy -P FORWARD ACCEPT; iptables-legacy -A FORWARD -i nat0 -j REJECT")
        told = " ".join(run("network", **NAT)["warnings"])
        assert "end at the rule iifname nat0 reject of chain ip legacy-filter FORWARD" in told
    finally:
        flush("legacy")
        sh("ip route del default")
    assert reaches()


@pytest.fixture
def nftables(clean):
    """A host whose libvirt makes its rules in nftables."""
    if clean.getLibVersion() < 11003000:
        pytest.skip("libvirt has tc complete checksums from 11.3 on")
    sh("echo 'firewall_backend = \"nftables\"' >/etc/libvirt/network.conf")
    restart_daemon()
    clean.open_again()
    yield clean
    sh("rm /etc/libvirt/network.conf; virsh net-list --name | xargs -r -n 1 virsh net-destroy")
    restart_daemon()
    clean.open_again()


@pytest.mark.both
def test_a_kernel_that_completes_no_checksums_is_refused_as_libvirt_fails(nftables):
    if limits.has("act_csum"):
        assert run("network", **NAT)["changed"]
        return
    with pytest.raises(Failed, match=r"^firewall: the kernel of this host lacks act_csum, "):
        run("network", **NAT)
    assert sh("virsh -q net-list --all --name").split() == []
    run("network", **{**NAT, "state": "present"})
    assert "Failed to load TC action module" in sh("virsh net-start %s 2>&1 || true" % NAT["name"])
    unruled = {"name": "open", "state": "active", "forward": {"mode": "open"}, "bridge": {"name": "open0"}}
    assert run("network", **unruled, ips=[{"address": "10.78.9.1", "prefix": 24}])["changed"]
