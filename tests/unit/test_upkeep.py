# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt's daemon keeps up beside firewall rules: dnsmasq and its files, forwarding, settings of bridges."""

from __future__ import annotations

from typing import Any

import pytest
from unit.fake_host import FakeHost, device
from unit.networks import BRIDGE, lab_host
from unit.test_refusals import plan, wish

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import dnsmasq, start, sysctls
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.upkeep import RELOAD

LIVE: dict[str, Any] = {
    "name": "lab", "forward": {"mode": "nat"}, "bridge": {"name": "virbr0"}, "domain": {"name": "lab.example"},
    "dns": {"forwarders": [{"addr": "10.9.0.53"}, {"domain": "corp.example", "addr": "10.9.0.54"}],
            "txts": [{"name": "a.example", "value": "b"}],
            "srvs": [{"service": "ldap", "protocol": "tcp", "domain": "x.example", "target": "t.example", "port": 389}],
            "hosts": [{"ip": "10.0.0.7", "hostnames": ["Seven", "sieben"]}]},
    "ips": [{"address": "10.0.0.1", "prefix": 24, "tftp": {"root": "/srv/tftp"},
             "dhcp": {"ranges": [{"start": "10.0.0.10", "end": "10.0.0.20"}], "bootp": {"file": "pxe.0"},
                      "hosts": [{"mac": "52:54:00:00:00:01", "name": "one", "ip": "10.0.0.5",
                                 "lease": {"expiry": 2, "unit": "hours"}}]}},
            {"address": "fd00::1", "family": "ipv6", "prefix": 64,
             "dhcp": {"hosts": [{"id": "0:1:2", "name": "six", "ip": "fd00::5"}]}}],
    "dnsmasq_options": ["cname=x,y"],
}
CONF = """\
##WARNING: made up
strict-order
server=10.9.0.53
server=/corp.example/10.9.0.54
no-resolv
domain=lab.example
expand-hosts
interface=virbr0
txt-record=a.example,b
srv-host=_ldap._tcp.x.example,t.example,389
enable-tftp
tftp-root=/srv/tftp
dhcp-range=10.0.0.10,10.0.0.20,255.255.255.0
dhcp-no-override
dhcp-boot=pxe.0
dhcp-range=fd00::1,static,64
addn-hosts=/var/lib/libvirt/dnsmasq/lab.addnhosts
enable-ra
cname=x,y
"""
HOSTS = "52:54:00:00:00:01,10.0.0.5,one,2h\nid:0:1:2,six,[fd00::5]\n"
NAMES = "10.0.0.7\tseven\tsieben\t\n"
RUNS = {"runs": True, "conf": CONF, "hosts": HOSTS, "names": NAMES}
UP = dict(BRIDGE, addresses=["10.0.0.1/24", "fd00::1/64"], mtu=1500, routes=[])


def host(live: dict | None = None, **there: Any) -> FakeHost:
    options = dict(live or LIVE, mac={"address": "52:54:00:00:00:01"})
    return lab_host(options, options, devices={"virbr0": UP, "nic0": device()}, **there)


def planned(live: dict | None = None, **there: Any) -> Any:
    return plan(host(live, **there).look(), wish())[0]


def service(**changes: Any) -> dict:
    return {"dnsmasq_of": {"lab": dict(RUNS, **changes)}}


def drifts(found: Any) -> list:
    return [(str(drift.path), drift.desired, drift.current) for drift in found.drift]


# --- dnsmasq


def test_files_that_say_what_the_definition_says():
    assert drifts(planned(**service())) == []


def test_where_they_cannot_be_read_nothing_is_said():
    assert drifts(planned(dnsmasq_of={"lab": None})) == []


def test_a_dnsmasq_that_is_gone_comes_back():
    found = planned(**service(runs=False))
    assert drifts(found) == [("dnsmasq", "running", None)] and [step.title for step in found.steps] == [RELOAD]


@pytest.mark.parametrize(("was", "now", "missing", "foreign"), [
    ("dhcp-range=10.0.0.10,10.0.0.20,", "dhcp-range=10.0.0.10,10.0.0.99,", ["dhcp-range=10.0.0.10,10.0.0.20"],
     ["dhcp-range=10.0.0.10,10.0.0.99,255.255.255.0"]),
    ("server=10.9.0.53\n", "", ["server=10.9.0.53"], []),
    ("no-resolv\n", "no-resolv\nserver=192.0.2.1\n", [], ["server=192.0.2.1"]),
    ("no-resolv\n", "no-resolv\nconf-script=/tmp/x\n", [], ["conf-script=/tmp/x"]),
    ("interface=virbr0", "interface=eth0", ["interface=virbr0"], []),
    ("tftp-root=/srv/tftp\n", "", ["tftp-root=/srv/tftp"], []),
    ("txt-record=a.example,b\n", "", ["txt-record=a.example,"], []),
    ("domain=lab.example\n", "", ["domain=lab.example"], []),
    ("dhcp-boot=pxe.0\n", "", ["dhcp-boot=pxe.0"], []),
])
def test_a_configuration_that_was_edited(was: str, now: str, missing: list, foreign: list):
    assert was in CONF
    found = planned(**service(conf=CONF.replace(was, now)))
    assert drifts(found) == [("dnsmasq.conf", missing, foreign)]
    assert [step.title for step in found.steps] == [
        "stop dnsmasq of network lab, whose configuration is not libvirt's", RELOAD]


def test_what_stands_in_options_of_ones_own_is_libvirts_to_write():
    live = {name: value for name, value in LIVE.items() if name != "dnsmasq_options"}
    assert drifts(planned(live, **service())) == [("dnsmasq.conf", [], ["cname=x,y"])]


def test_lists_that_were_edited_are_written_anew():
    found = planned(**service(hosts=HOSTS + "52:54:00:00:00:99,10.0.0.9\n", names=""))
    assert drifts(found) == [
        ("dnsmasq.hosts", ["10.0.0.5 2h 52:54:00:00:00:01 one", "fd00::5 id:0:1:2 six"],
         ["10.0.0.5 2h 52:54:00:00:00:01 one", "10.0.0.9 52:54:00:00:00:99", "fd00::5 id:0:1:2 six"]),
        ("dnsmasq.names", ["10.0.0.7 seven sieben"], [])]
    assert [step.title for step in found.steps] == [RELOAD]


def test_records_of_one_address_are_one_line():
    hosts = [{"ip": "10.0.0.7", "hostnames": ["seven"]}, {"ip": "10.0.0.7", "hostnames": ["sieben"]}]
    assert drifts(planned(dict(LIVE, dns=dict(LIVE["dns"], hosts=hosts)), **service())) == []


def test_guests_that_make_up_addresses_of_ipv6_themselves():
    live = {"name": "lab", "bridge": {"name": "virbr0"}, "ips": [{"address": "fd00::1", "prefix": 64}]}
    bare = {"dnsmasq_of": {"lab": {"runs": True, "hosts": "", "names": "",
                                   "conf": "interface=virbr0\ndhcp-range=fd00::1,ra-only\n"}}}
    assert drifts(planned(live, **bare)) == []


# --- settings


@pytest.mark.parametrize(("mode", "expected"), [
    ("nat", ["ipv4", "ipv6"]), ("route", ["ipv4", "ipv6"]), ("open", ["ipv4", "ipv6"]), (None, [])])
def test_forwarding_that_was_switched_off(mode: str, expected: list):
    live = dict(LIVE, forward={"mode": mode} if mode else {})
    found = planned(live, forwarding={"ipv4": False, "ipv6": False}, **service())
    assert drifts(found) == [("forwarding.%s" % family, True, False) for family in expected]
    assert [step.title for step in found.steps] == [
        "switch forwarding of %s on" % family.replace("ip", "IP") for family in expected]


@pytest.mark.parametrize(("accept", "steps"), [(0, []), (1, []), (2, ["switch forwarding of IPv6 on"])])
def test_forwarding_by_which_the_host_would_lose_routes_is_left_to_people(accept: int, steps: list):
    live = dict(LIVE, forward={"mode": "nat"})
    found = planned(live, forwarding={"ipv4": True, "ipv6": False}, advertised={"eth0": accept}, **service())
    assert drifts(found) == [("forwarding.ipv6", True, False)]
    assert [step.title for step in found.steps] == steps
    assert any("set net.ipv6.conf.eth0.accept_ra to 2" in text for text in found.warnings) is not bool(steps)


def test_a_family_that_the_kernel_lacks_is_not_forwarded():
    assert drifts(planned(forwarding={"ipv4": True}, **service())) == []


@pytest.mark.parametrize(("ips", "wanted"), [(LIVE["ips"], 0), (LIVE["ips"][:1], 1)])
def test_settings_of_a_bridge(ips: list, wanted: int):
    live = {"name": "lab", "bridge": {"name": "virbr0"}, "ips": ips}
    there = {"disable_ipv6": 1 - wanted, "accept_ra": 1, "autoconf": 0}
    found = planned(live, bridge_sysctls={"virbr0": there})
    assert drifts(found) == [("bridge.disable_ipv6", wanted, 1 - wanted), ("bridge.accept_ra", 0, 1)]
    assert [step.title for step in found.steps] == [
        "set disable_ipv6 %d of bridge virbr0" % wanted, "set accept_ra 0 of bridge virbr0"]


@pytest.mark.parametrize(("forwarding", "mode", "drift"), [
    ({"ipv4": True, "ipv6": True}, "nat", [("bridge.forwarding.ipv4", 1, 0)]),
    ({"ipv4": False, "ipv6": True}, "route", [("forwarding.ipv4", True, False)]),  # which switches that of bridges too
    ({"ipv4": True, "ipv6": True}, None, []),
])
def test_what_is_forwarded_is_forwarded_from_the_bridge(forwarding: dict, mode: str | None, drift: list):
    there = {"disable_ipv6": 0, "accept_ra": 0, "autoconf": 0, "forwarding.ipv4": 0, "forwarding.ipv6": 1}
    live = {name: value for name, value in LIVE.items() if name != "forward" or mode}
    live.update({"forward": {"mode": mode}} if mode else {})
    assert drifts(planned(live, forwarding=forwarding, bridge_sysctls={"virbr0": there}, **service())) == drift


def test_settings_are_made_and_come_back():
    there = {"disable_ipv6": 0, "accept_ra": 1, "autoconf": 1}
    made = host(bridge_sysctls={"virbr0": dict(there)}, forwarding={"ipv4": False, "ipv6": True}, **service())
    was = made.look()
    steps = plan(was, wish())[0].steps
    backs = [list(step.of.back(was, was, "lab")) for step in steps]
    assert not any(backs)
    for step in steps:
        step.do(made)
    assert made.calls == [("set_sysctl", "virbr0", "accept_ra", 0), ("set_sysctl", "virbr0", "autoconf", 0),
                          ("set_forwarding", "ipv4", True)]
    assert not plan(made.look(), wish())[0].steps
    for step in steps[0].of.back(was, made.look(), "lab"):
        step.do(made)
    assert made.parts["bridge_sysctls"]["virbr0"] == there and made.parts["forwarding"][""]["ipv4"] is False


# --- what reads and writes them


def test_files_of_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(dnsmasq, "FILES", str(tmp_path / "%s.%s"))
    monkeypatch.setattr(dnsmasq, "PROCESS", str(tmp_path / "%s.pid"))
    assert dnsmasq.read_dnsmasq("lab") == {"runs": False, "conf": "", "hosts": "", "names": ""}
    (tmp_path / "lab.conf").write_text("a\n")
    (tmp_path / "lab.hostsfile").write_text("b\n")
    (tmp_path / "lab.pid").write_text("1\n")  # another process, which has its number now
    assert dnsmasq.read_dnsmasq("lab") == {"runs": False, "conf": "a\n", "hosts": "b\n", "names": ""}
    dnsmasq.stop_dnsmasq("lab")
    monkeypatch.setattr(dnsmasq, "FILES", "/nowhere/%s.%s")
    assert dnsmasq.read_dnsmasq("lab") is None


def test_settings_below_proc_sys(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "ip_forward").write_text("1\n")
    monkeypatch.setattr(sysctls, "FORWARDING", {"ipv4": str(tmp_path / "ip_forward"), "ipv6": "/nowhere/x"})
    assert sysctls.read_forwarding() == {"ipv4": True}
    sysctls.set_forwarding("ipv4", False)
    assert sysctls.read_forwarding() == {"ipv4": False}
    with pytest.raises(KernelError, match="/nowhere/x: "):
        sysctls.set_forwarding("ipv6", True)
    monkeypatch.setattr(sysctls, "OF_FAMILY", str(tmp_path / "%s-%s-forwarding"))
    (tmp_path / "ipv4-virbr0-forwarding").write_text("0\n")
    sysctls.set_bridge("virbr0", "forwarding.ipv4", 1)
    assert sysctls.read_bridge("virbr0")["forwarding.ipv4"] == 1
    (tmp_path / "ipv4-virbr0-forwarding").unlink()
    monkeypatch.setattr(sysctls, "OF_DEVICE", str(tmp_path / "%s-%s"))
    (tmp_path / "virbr0-accept_ra").write_text("1\n")
    sysctls.set_bridge("virbr0", "accept_ra", 0)
    assert sysctls.read_bridge("virbr0") == {"accept_ra": 0} and sysctls.read_bridge("gone") == {}


def test_devices_with_routes_that_routers_advertise(monkeypatch: pytest.MonkeyPatch, tmp_path):
    none = "0" * 32 + " 00 " + "0" * 32 + " 00 " + "0" * 32
    (tmp_path / "routes").write_text("".join("%s 00000400 00000001 00000000 %s %8s\n" % (none, flags, device) for (
        flags, device) in (("00450003", "eth0"), ("004c0001", "eth0"), ("00450003", "gone"), ("00000001", "eth1"))))
    (tmp_path / "eth0-accept_ra").write_text("1\n")
    (tmp_path / "eth1-accept_ra").write_text("1\n")
    monkeypatch.setattr(sysctls, "OF_DEVICE", str(tmp_path / "%s-%s"))
    monkeypatch.setattr(sysctls, "ROUTES", str(tmp_path / "routes"))
    assert sysctls.read_advertised() == {"eth0": 1}
    monkeypatch.setattr(sysctls, "ROUTES", "/nowhere/routes")
    assert sysctls.read_advertised() == {}


# --- a boot


def auto(**there: Any) -> Any:
    """A running network of which libvirt says that a boot starts it."""
    found = host({"name": "lab", "bridge": {"name": "virbr0"}}, start={"networks": ["lab"], "daemons": None, **there})
    found.parts["networks"][""]["lab"]["autostart"] = True
    return plan(found.look(), wish())[0]


@pytest.mark.parametrize("there", [{}, {"networks": None}, {"daemons": ["libvirtd"]}])
def test_a_network_that_a_boot_starts_or_of_which_nothing_is_known(there: dict):
    found = auto(**there)
    assert not found.drift and not found.steps and not found.warnings


def test_a_link_that_somebody_took_away_is_made_again():
    found = auto(networks=["other"])
    assert [(drift.layer, str(drift.path), drift.desired, drift.current) for drift in found.drift] == [
        ("boot", "autostart", True, False)]
    assert [step.title for step in found.steps] == ["switch autostart of network lab on again"]
    assert found.before["boot"] == {"autostart": False} and found.after["boot"] == {"autostart": True}
    fake = host({"name": "lab", "bridge": {"name": "virbr0"}})
    found.steps[0].do(fake)  # libvirt, which believes that it is on, has to hear that it is off
    assert fake.calls == [("set_network_autostart", "lab", False), ("set_network_autostart", "lab", True)]


def test_a_daemon_that_no_boot_starts_is_told():
    found = auto(daemons=[])
    assert not found.steps and "systemctl enable libvirtd" in found.warnings[0]


def test_what_starts_is_read_from_links(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr(start, "LINKS", str(tmp_path / "autostart"))
    monkeypatch.setattr(start.systemd, "RUNS", str(tmp_path))
    monkeypatch.setattr(start, "WANTS", (str(tmp_path / "*.wants/%s.service"),))
    assert start.read_start() == {"networks": [], "daemons": []}
    for path in ("autostart/lab.xml", "multi-user.target.wants/libvirtd.service"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()
    assert start.read_start() == {"networks": ["lab"], "daemons": ["libvirtd"]}
    monkeypatch.setattr(start.systemd, "RUNS", "/nowhere")
    assert start.read_start()["daemons"] is None


@pytest.mark.parametrize(("version", "stops"), [([2, 85], True), ([2, 90], False), (None, False)])
def test_a_dnsmasq_that_does_not_hear_a_bridge_made_again_is_started_anew(version: list | None, stops: bool):
    options = dict(LIVE, mac={"address": "52:54:00:00:00:01"})
    there = lab_host(options, options, devices={"nic0": device()}, dnsmasq_version=version, **service())
    titles = [step.title for step in plan(there.look(), wish())[0].steps]
    assert titles[0] == "make bridge virbr0 again"
    assert ("stop dnsmasq of network lab, which does not hear another bridge" in titles) is stops
    assert (RELOAD in titles) is stops
