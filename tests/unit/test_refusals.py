# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to fail on a host is refused with one message, and nothing is said where it is not known."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from typing import Any

import pytest
from unit.fake_host import device
from unit.networks import BRIDGE, LAB, TAP, guest, lab, network
from unit.planning import plan_all
from unit.test_netlink import message

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import (
    daemon,
    dnsmasq,
    limits,
    netlink,
    places,
    ports,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.uses import Bridges
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.dnsmasq import (
    has_dnsmasq,
    watches_servers,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.refusals import WRITES, is_system
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid, Missing

DEVICES = {"virbr0": BRIDGE, "vnet0": TAP, "nic0": device()}
IP, IP6 = {"address": "10.0.0.1", "prefix": 24}, {"family": "ipv6", "address": "fd00::1", "prefix": 64}
OPEN = {"at": "", "read_only": False, "closed": False, "space": 9, "inodes": 9}
NETWORKS, STATUS, DNSMASQ = (WRITES[need].place for need in (
    "define network", "start network", "make dnsmasq's files"))


def used(**there: Any) -> Any:
    return lab(LAB, LAB, guests=(guest(),), devices=DEVICES, **there)


def wish(name: str = "lab", **given: Any) -> Network:
    settings = {key: given.pop(key) for key in ("state", "autostart", "restart") if key in given}
    return Network(name, NETWORK.check(dict(given, name=name), whole=False), **settings)


def plan(seen: Any, *wishes: Network) -> list:
    return [outcome.plan for outcome in plan_all(seen.fork(), list(wishes))]


def refusal(seen: Any, *wishes: Network) -> str:
    with pytest.raises(Invalid) as error:
        plan(seen, *wishes)
    return str(error.value)


@pytest.mark.parametrize("runs", [True, False, None])
def test_a_zone_without_firewalld(runs: bool | None):
    seen, zone = used(firewalld=runs), {"zone": "public"}
    problem = "bridge.zone: public is a zone of firewalld, which does not run here; leave it out, or start that"
    said = plan(seen, wish("new", bridge=zone, autostart=True))[0].warnings
    if runs is False:
        assert refusal(seen, wish("new", bridge=zone, state="active")) == problem
        assert said == ["%s; network new cannot start so" % problem]
    else:
        assert plan(seen, wish("new", bridge=zone, state="active"))[0].steps and said == []


# --- places


def at(place: str, **state: Any) -> dict[str, Any]:
    return {place: dict(OPEN, at=place, **state)}


@pytest.mark.parametrize(("state", "message"), [
    ({"read_only": True, "closed": True}, "the file system is read-only; mount it writable (mount -o remount,rw)"),
    ({"closed": True}, "not even root may write there; see lsattr -d, which chattr -i answers"),
    ({"space": 0}, "the file system is full; make room"),
    ({"inodes": 0}, "the file system has no inodes left; remove files"),
    ({"space": 1, "inodes": 1}, None),
    ({"space": None, "inodes": None}, None),
])
def test_a_place_that_cannot_be_written(state: dict, message: str):
    seen, task = used(places=at(NETWORKS, **state)), wish(mtu={"size": 9000}, restart="always")
    if message:
        assert refusal(seen, task) == "%s: libvirt cannot define network, for %s; nothing was stopped" % (
            NETWORKS, message)
    else:
        assert plan(seen, task)[0].steps


def test_a_place_is_no_option_of_the_item_that_needs_it():
    with pytest.raises(Invalid) as error:
        plan(used(places=at(NETWORKS, space=0)), wish(mtu={"size": 9000}, restart="always"))
    assert str(error.value.within("networks", 0)).startswith("networks[0]: %s: libvirt cannot define" % NETWORKS)


@pytest.mark.parametrize(("place", "state", "task", "refused"), [
    (NETWORKS, {"space": 0}, {"state": "absent"}, False),
    (NETWORKS, {"read_only": True}, {"state": "absent"}, True),
    (NETWORKS, {"read_only": True}, {"state": "inactive"}, False),
    (NETWORKS, {"read_only": True}, {}, False),
    (NETWORKS + "/autostart", {"space": 0}, {"autostart": True}, False),
    (NETWORKS + "/autostart", {"inodes": 0}, {"autostart": True}, True),
    (STATUS, {"space": 0}, {"portgroups": [{"name": "a"}]}, True),
    (DNSMASQ, {"space": 0}, {"portgroups": [{"name": "a"}]}, False),
    (DNSMASQ, {"space": 0}, {"dns": {"txts": [{"name": "a", "value": "b"}]}}, True),
    (DNSMASQ, {"inodes": 0}, {"mtu": {"size": 9000}, "restart": "always"}, False),
    (DNSMASQ, {"space": 0}, {"mtu": {"size": 9000}, "restart": "always"}, True),
    (DNSMASQ, {"space": 0}, {"mtu": {"size": 9000}}, False),
])
def test_only_what_is_written_counts(place: str, state: dict, task: dict, refused: bool):
    seen = used(places=at(place, **state))
    if refused:
        assert refusal(seen, wish(**task)).startswith(place + ": libvirt cannot ")
    else:
        plan(seen, wish(**task))


@pytest.mark.parametrize(("uri", "expected"), [
    ("qemu:///system", True), ("network:///system", True), ("qemu+unix:///system", True), ("qemu:///session", False),
    ("test:///default", False), ("test:///system", False), ("qemu+ssh://other/system", False), ("", False),
    ("qemu+unix:///system?socket=/run/other", False),
])
def test_only_the_libvirt_of_this_host_has_these_places(uri: str, expected: bool):
    assert is_system(uri) is expected


def test_a_place_that_is_not_there_is_where_libvirt_would_make_it(tmp_path):
    libvirt = tmp_path / "libvirt"
    libvirt.mkdir()
    found = places._state(str(libvirt / "qemu/networks"))
    assert found and found["at"] == str(libvirt) and not found["read_only"] and found["space"]
    assert places._state("/nowhere/qemu") is None


@pytest.mark.parametrize(("options", "expected"), [
    ({"ips": [IP]}, True), ({"ips": [IP], "dns": {"enable": False}}, False), ({}, False),
    ({"ips": [dict(IP, dhcp={"ranges": []})], "dns": {"enable": False}}, False),
    ({"ips": [dict(IP, dhcp={"hosts": [{"ip": "10.0.0.9"}]})], "dns": {"enable": False}}, True),
    ({"forward": {"mode": "bridge"}, "ips": [IP]}, False),
])
def test_who_has_dnsmasq(options: dict, expected: bool):
    if options.get("ips") and options["ips"][0].get("dhcp") == {"ranges": []}:
        options["ips"][0]["dhcp"] = {}
    assert has_dnsmasq(options) is expected


# --- dnsmasq


@pytest.mark.parametrize(("task", "refused"), [
    ({"mtu": {"size": 9000}, "restart": "always"}, True),
    ({"mtu": {"size": 9000}}, False),
    ({"dns": {"enable": False}, "restart": "always"}, False),
    ({"dns": {"txts": [{"name": "a", "value": "b"}]}}, True),
    ({"dns": {"hosts": [{"ip": "192.168.150.9", "hostnames": ["a"]}]}}, False),
    ({"state": "absent"}, False),
])
def test_what_starts_dnsmasq_is_refused_where_that_cannot_start(task: dict, refused: bool):
    seen = used(dnsmasq="is not installed")
    if refused:
        assert refusal(seen, wish(**task)).startswith("dnsmasq: is not installed, and libvirt cannot start it")
    else:
        assert plan(seen, wish(**task))[0].steps


def test_dnsmasq_is_asked_for_its_version(tmp_path, monkeypatch):
    monkeypatch.setattr(dnsmasq, "find_daemon", lambda: (1, "libvirtd"))
    monkeypatch.setattr(dnsmasq, "_folders", lambda _pid: [str(tmp_path / "other"), str(tmp_path)])
    assert dnsmasq.dnsmasq_problem() == "is not installed"
    program = tmp_path / "dnsmasq"
    program.write_text("#!/bin/sh\n[ $1 = --version ]")
    program.chmod(0o755)
    assert dnsmasq.dnsmasq_problem() == ""
    program.write_text("#!/bin/sh\nexit 1")
    assert dnsmasq.dnsmasq_problem() == "%s does not work (%s --version fails)" % (program, program)
    monkeypatch.setattr(dnsmasq, "find_daemon", lambda: None)
    assert dnsmasq.dnsmasq_problem() is None


WATCHING = {
    "nat": ({"forward": {"mode": "nat"}}, True), "routed": ({"forward": {"mode": "route"}}, True),
    "isolated": ({}, False),
    "servers of its own": ({"forward": {"mode": "nat"}, "dns": {"forwarders": [{"addr": "192.0.2.1"}]}}, False),
    "a server for one domain": ({"forward": {"mode": "nat"}, "dns": {"forwarders": [
        {"addr": "192.0.2.1", "domain": "a.example"}]}}, True),
    "no DNS": ({"forward": {"mode": "nat"}, "dns": {"enable": False}, "ips": [
        dict(IP, dhcp={"ranges": [{"start": "10.0.0.2", "end": "10.0.0.9"}]})]}, False),
}


@pytest.mark.parametrize(("options", "expected"), WATCHING.values(), ids=WATCHING)
def test_who_watches_the_servers_of_the_host(options: dict, expected: bool):
    assert watches_servers({"ips": [IP], **options}) is expected


def test_networks_that_cannot_start_for_want_of_watches_are_refused_once():
    def nat(number: int, **given: Any) -> Network:
        return wish("n%d" % number, forward={"mode": "nat"}, state="active",
                    ips=[{"address": "10.9.%d.1" % number, "prefix": 24}], **given)

    def watches(left: int) -> dict[str, int]:
        return {"limit": 128, "left": left}

    assert plan(used(watches=watches(2)), nat(1), nat(2))
    for left, count, end in ((2, 6, " (network n2)"), (0, 1, "")):
        said = refusal(used(watches=watches(left)), *map(nat, range(count)))
        assert said.startswith("dns: fs.inotify.max_user_instances (128) has %d left, and the networks that are to"
                               " start need %d, " % (left, count)), said
        assert "sysctl -w fs.inotify.max_user_instances=%d," % (128 + count) in said and said.endswith("begun" + end)
        assert "Invalid" not in said and said.count("inotify") == 2
    assert plan(used(watches=watches(0)), nat(1, dns={"forwarders": [{"addr": "192.0.2.1"}]}))
    assert plan(used(watches=watches(0)), wish(mtu={"size": 9000}, restart="always"))  # it ends its own first
    assert plan(used(watches=None), nat(1))


COUNTS_WATCHES = """
import ctypes, os, resource
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.watches import read_watches
held = [ctypes.CDLL(None).inotify_init1(0) for _number in range(3)]
print(read_watches()["left"], read_watches()["limit"])
resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 2, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
print(read_watches())
"""


def test_watches_are_counted_by_taking_them():
    """Where there may be ten of them, for a user who is alone."""
    alone = ["unshare", "--user", "--map-root-user", "sh", "-c",
             'echo 10 >/proc/sys/user/max_inotify_instances && exec "$@"', "-"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("there are no user namespaces here")
    said = subprocess.run([*alone, sys.executable, "-c", COUNTS_WATCHES], text=True, capture_output=True, check=True,
                          env=dict(os.environ, PYTHONPATH=":".join(sys.path)))
    with open("/proc/sys/fs/inotify/max_user_instances", encoding="ascii") as file:
        assert said.stdout.split() == ["7", file.read().strip(), "None"]


def test_only_the_daemon_of_these_files_counts(tmp_path, monkeypatch):
    """A process that has another name, or sees other files, says nothing of what libvirt can start."""
    place, name = os.path.split(os.path.realpath("/proc/self/exe"))
    (tmp_path / "driver.pid").write_text("%d\n" % os.getpid())
    has_driver = {"networks": (str(tmp_path / "driver.pid"), name)}
    monkeypatch.setattr(daemon, "DRIVERS", {"networks": (str(tmp_path / "driver.pid"), "virtnetworkd")})
    assert daemon.find_daemon() is None
    monkeypatch.setattr(daemon, "DRIVERS", has_driver)
    assert daemon.daemon_name("networks") == name
    monkeypatch.setattr(daemon, "USUAL", (place + "/below",))
    assert daemon.find_daemon() is None


@pytest.mark.parametrize("drivers, name", [
    ("networks", "virtnetworkd"), ("filters", "virtnwfilterd"), ("networks", "libvirtd"), ("filters", "libvirtd")])
def test_the_daemon_is_the_one_that_has_the_driver(drivers, name, tmp_path, monkeypatch):
    """Where each driver has a daemon of its own, that is reloaded, and systemd restarts its service."""
    of = {"virtnetworkd": "networks", "virtnwfilterd": "filters"}
    program = tmp_path / name
    shutil.copy(shutil.which("sleep") or "", program)
    asked: list[tuple] = []
    with subprocess.Popen([str(program), "60"]) as running:
        try:
            pids = {"networks": str(running.pid), "filters": str(running.pid)} if name == "libvirtd" else {
                of[name]: str(running.pid)}
            drivers_there = {}
            for kind, (_path, own) in daemon.DRIVERS.items():
                (tmp_path / kind).write_text(pids.get(kind, "1"))
                drivers_there[kind] = (str(tmp_path / kind), own)
            monkeypatch.setattr(daemon, "DRIVERS", drivers_there)
            monkeypatch.setattr(daemon, "USUAL", (str(tmp_path),))
            monkeypatch.setattr(daemon.systemd, "is_running", lambda: True)
            monkeypatch.setattr(daemon.systemd, "cgroup_of", lambda pid: ["0::/system.slice/%s.service" % name])
            monkeypatch.setattr(daemon.systemd.subprocess, "run", lambda command, **_how: asked.append(command)
                                or subprocess.CompletedProcess(command, 0, stderr=""))
            assert daemon.find_daemon(drivers) == (running.pid, name)
            daemon.restart_daemon(drivers)
            daemon.reload_daemon(drivers)
            assert asked == [("systemctl", "restart", "%s.service" % name)]
            assert running.wait(10) == -signal.SIGHUP
        finally:
            running.kill()


@pytest.mark.parametrize("lines, service", [
    (["0::/system.slice/virtnetworkd.service"], "virtnetworkd.service"),
    (["1:name=systemd:/system.slice/libvirtd.service", "0::/"], "libvirtd.service"),
    (["0::/user.slice/user-0.slice/session-1.scope"], ""), (["0::/system.slice/docker-1.scope"], ""),
    (["0::/system.slice/containerd.service/pod/libvirtd.service"], ""), ([], "")])
def test_the_service_that_a_daemon_is_of(lines, service, monkeypatch):
    monkeypatch.setattr(daemon.systemd, "is_running", lambda: True)
    monkeypatch.setattr(daemon.systemd, "cgroup_of", lambda pid: lines)
    assert daemon.systemd.service_of(1) == service


# --- the definition


def test_the_bridge_of_another_network():
    message = "bridge.name: virbr0 is the bridge of network lab; give another name"
    assert refusal(lab(LAB), wish("new", bridge={"name": "virbr0"})) == message
    assert refusal(used(), wish("new", bridge={"name": "virbr0"}, state="active")) == message
    assert plan(lab(LAB), wish("new", forward={"mode": "bridge"}, bridge={"name": "virbr0"}))[0].steps
    assert plan(lab(LAB), wish(mtu={"size": 9000}), wish("new", bridge={"name": "virbr1"}))[1].steps


def test_a_device_in_the_place_of_a_bridge():
    message = "bridge.name: the host already has a device nic0, which libvirt is to make"
    assert refusal(used(), wish("new", bridge={"name": "nic0"}, state="active")) == message
    assert refusal(used(), wish(bridge={"name": "nic0"}, restart="always")) == message
    assert plan(used(), wish(mtu={"size": 9000}, restart="always"))[0].steps  # its own bridge goes before


def test_a_bridge_has_the_name_that_libvirt_makes_of_a_pattern():
    assert plan(lab(LAB), wish(bridge={"name": "virbr%d"}))[0].steps == []
    assert plan(lab(LAB), wish(bridge={"name": "lab%d"}))[0].steps != []


def test_bridges_in_one_transaction():
    one, two = wish("a", bridge={"name": "x0"}), wish("b", bridge={"name": "x0"})
    assert refusal(lab(), one, two) == "bridge.name: x0 is the bridge of network a; give another name (network b)"
    freed, taken = wish(bridge={"name": "virbr1"}), wish("new", bridge={"name": "virbr0"})
    assert [len(one.steps) for one in plan(lab(LAB), freed, taken)] == [1, 1]
    assert refusal(lab(LAB, LAB), wish(bridge={"name": "virbr1"}, restart="never"), taken) == (
        "bridge.name: virbr0 is the bridge of network lab; give another name; it is to be given up, but network lab"
        " must be restarted before bridge.name is in force, and was not because restart: never was given (network new)")


def test_names_that_libvirt_makes_up_run_out():
    there = {"virbr%d" % number: device() for number in range(7)}
    wishes = [wish("n%03d" % number) for number in range(251)]
    assert plan(lab(devices=there), *wishes[:250])
    text = refusal(lab(devices=there), *wishes)
    assert text == ("bridge.name: is missing; libvirt makes up at most 257 names (virbr0 to virbr256), which are all"
                    " taken; give bridge.name (network n250)")


def test_an_index_of_bridges():
    found = Bridges()
    found.put("a", ["x", ""])
    found.put("b", ["x"])
    found.put("a", [""])
    assert (found.networks, found.made_up) == ({"x": {"b"}, "": {"a"}}, 1)
    found.put("b", None)
    assert found.networks == {"": {"a"}}


LONG = {"name": "a-name-of-16-chars"}
TOO_LONG = "bridge.name: a-name-of-16-chars is too long; the kernel takes at most 15 characters"


def test_what_can_never_start_is_refused_where_it_starts_by_itself_and_warned_of_elsewhere():
    assert refusal(lab(), wish("new", bridge=LONG, autostart=True)) == TOO_LONG
    assert plan(lab(), wish("new", bridge=LONG))[0].warnings == [TOO_LONG + "; network new cannot start so"]
    assert refusal(lab(network(bridge=LONG)), wish(autostart=True)) == TOO_LONG
    assert refusal(lab(LAB, autostart=True), wish(bridge=LONG)) == TOO_LONG
    taken = plan(lab(devices=DEVICES), wish("new", bridge={"name": "nic0"}, autostart=True))[0]
    assert taken.warnings == ["bridge.name: the host already has a device nic0, which libvirt is to make; network new"
                              " cannot start so"]
    assert plan(used(), wish(mtu={"size": 9000}, restart="never"))[0].warnings == [
        "network lab must be restarted before mtu.size is in force, and was not because restart: never was given"]


# --- what the kernel has


@pytest.mark.parametrize(("lacks", "bandwidth", "message"), [
    ("sch_sfq", {"inbound": {"average": 9}}, "bandwidth.inbound: the kernel of this host lacks sch_sfq, without"),
    ("act_police", {"outbound": {"average": 9}}, "bandwidth.outbound: the kernel of this host lacks act_police"),
    ("act_police", {"inbound": {"average": 9}}, None), ("sch_sfq", {"outbound": {"average": 9}}, None),
])
def test_limits_that_the_kernel_lacks(lacks: str, bandwidth: dict, message: str):
    has = {"sch_htb": True, "sch_sfq": None, "act_police": True, lacks: False}
    seen, task = used(limits=has), wish(bandwidth=bandwidth, restart="always")
    if message:
        assert message in refusal(seen, task)
    else:
        assert plan(seen, task)[0].steps
    later = plan(seen, wish(bandwidth=bandwidth))[0]
    assert later.waiting
    told = [warning for warning in later.warnings if warning.endswith("; network lab cannot start so")]
    assert len(told) == bool(message) and (message or "") in "".join(told)


@pytest.mark.parametrize(("backend", "version", "mode", "has", "refused"), [
    ("nftables", (11, 3, 0), "nat", False, True), ("nftables", (11, 3, 0), "route", False, True),
    ("nftables", (11, 3, 0), None, False, True), ("nftables", (11, 3, 0), "open", False, False),
    ("nftables", (11, 3, 0), "nat", True, False), ("nftables", (11, 3, 0), "nat", None, False),
    ("nftables", (10, 9, 0), "nat", False, False), ("iptables", (11, 3, 0), "nat", False, False),
])
def test_checksums_that_the_kernel_does_not_complete(backend: str, version: tuple, mode: str | None, has: bool | None,
                                                     refused: bool):
    state = {"problem": "", "backend": backend, "chains": {}, "hides": False, "legacy": False}
    seen = lab(devices=DEVICES, version=version, firewall=state, limits={"act_csum": has})
    options = {"bridge": {"name": "new0"}, "ips": [{"address": "10.66.5.1", "prefix": 24}],
               **({"forward": {"mode": mode}} if mode else {})}
    if refused:
        assert refusal(seen, wish("new", state="active", **options)).startswith(
            "firewall: the kernel of this host lacks act_csum, ")
    else:
        assert plan(seen, wish("new", state="active", **options))[0].steps
    assert plan(seen, wish("new", **options))[0].steps


@pytest.mark.parametrize(("group", "refused"), [({"default": True}, True), ({}, False)], ids=["theirs", "nobody's"])
def test_limits_of_a_portgroup_that_its_guests_could_not_be_connected_with(group: dict, refused: bool):
    seen = used(limits={"sch_htb": True, "sch_sfq": False, "act_police": True})
    task = wish(portgroups=[{"name": "a"}, {"name": "b", "bandwidth": {"inbound": {"average": 9}}, **group}],
                mtu={"size": 9000}, restart="always")
    if refused:
        assert refusal(seen, task).startswith("portgroups[1].bandwidth.inbound: the kernel of this host lacks sch_sfq")
    else:
        assert plan(seen, task)


@pytest.mark.parametrize(("answer", "expected"), [
    (errno.ENOENT, False), (errno.EINVAL, True), (errno.EPERM, None), (errno.EEXIST, None), (0, None)])
def test_the_kernel_says_by_its_refusal_what_it_has(answer: int, expected: bool, monkeypatch: pytest.MonkeyPatch):
    def ask(kind: int, request: int, flags: int, body: bytes) -> list:
        return netlink.answer(message(2, struct.pack("=i", -answer)), kind)[0]

    monkeypatch.setattr(limits, "ask", ask)
    assert {limits.has(module) for module in limits.REQUESTS} == {expected}


def test_a_pool_without_functions():
    pool = network(forward={"mode": "hostdev", "pf": {"dev": "nic0"}}, bridge=None, mac=None, ips=None)
    function = {"devices": ["nic0"], "vfs": []}
    seen = lab(pool, devices=DEVICES, physical_functions={"0000:03:00.0": function})
    with pytest.raises(Missing) as error:
        plan(seen, wish(state="active"))
    assert str(error.value) == ("forward.pf.dev: nic0 has no virtual functions, of which libvirt makes the pool; make"
                                " some first (module sriov: num_vfs)")


# --- the ports of dnsmasq


HOLDER = "named (process 812)"
NEW, NEW6 = {"address": "10.9.0.1", "prefix": 24}, {"family": "ipv6", "address": "fd00:9::1", "prefix": 64}


@pytest.mark.parametrize(("taken", "given", "said"), [
    ("dns", {}, "dns: dnsmasq cannot have port 53 of the network's addresses, for named (process 812) listens"),
    ("dns", {"dns": {"enable": False}}, None),
    ("dns", {"ips": [NEW6]}, None),
    ("dhcp", {}, None),
    ("dhcp", {"ips": [NEW6, dict(NEW, dhcp={"hosts": [{"ip": "10.9.0.9", "name": "a"}]})]},
     "ips[1].dhcp: dnsmasq cannot have the port of DHCP, for named (process 812) listens"),
    ("dhcpv6", {"ips": [dict(NEW6, dhcp={"ranges": [{"start": "fd00:9::5", "end": "fd00:9::9"}]})]},
     "ips[0].dhcp: dnsmasq cannot have the port of DHCPv6, for named (process 812) listens"),
    ("dhcpv6", {"ips": [dict(NEW, dhcp={"ranges": [{"start": "10.9.0.5", "end": "10.9.0.9"}]})]}, None)])
def test_ports_that_others_have(taken: str, given: dict, said: str | None):
    seen = used(taken_ports={taken: HOLDER})
    options = {"ips": [NEW], **given}
    if said is None:
        assert plan(seen, wish("new", state="active", **options))[0].warnings == []
        return
    assert refusal(seen, wish("new", state="active", **options)).startswith(said)
    later, = plan(seen, wish("new", state="present", autostart=True, **options))
    assert len(later.warnings) == 1 and later.warnings[0].startswith(said) and "cannot start so" in later.warnings[0]


TFTP = {"ips": [dict(NEW, tftp={"root": "/srv/tftp"})]}
OPTIONS = {"ips": [NEW], "dnsmasq_options": ["log-dhcp", "foo=bar"]}


@pytest.mark.parametrize(("there", "given", "said"), [
    ({"path": {"/srv/tftp": "folder"}}, TFTP, None),
    ({"path": {"/srv/tftp": ""}}, TFTP, "ips[0].tftp.root: /srv/tftp is no folder on this host"),
    ({"path": {"/srv/tftp": "file"}}, TFTP, "ips[0].tftp.root: /srv/tftp is no folder on this host"),
    ({"path": {"/srv/tftp": None}}, TFTP, None),
    ({}, TFTP, None),
    ({"dnsmasq_refuses": {"log-dhcp\nfoo=bar": [1, "bad option"]}}, OPTIONS,
     "dnsmasq_options[1]: foo=bar is not taken by dnsmasq (bad option)"),
    ({"dnsmasq_refuses": {"log-dhcp\nfoo=bar": [1, "bad option"]}}, dict(OPTIONS, ips=[]), None),
    ({"dnsmasq_refuses": {"log-dhcp\nfoo=bar": None}}, OPTIONS, None),
    ({}, OPTIONS, None)])
def test_what_only_dnsmasq_knows(there: dict, given: dict, said: str | None):
    seen = used(**there)
    if said is None:
        assert plan(seen, wish("new", state="active", **given))[0].warnings == []
        return
    assert refusal(seen, wish("new", state="active", **given)).startswith(said)
    later, = plan(seen, wish("new", state="present", **given))
    assert len(later.warnings) == 1 and later.warnings[0].startswith(said) and "cannot start so" in later.warnings[0]


@pytest.mark.parametrize(("family", "kind"), [
    (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET6, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)])
def test_who_has_a_port_is_found(monkeypatch: pytest.MonkeyPatch, family: int, kind: int):
    with socket.socket(family, kind) as other:
        other.bind(("", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        number = other.getsockname()[1]
        monkeypatch.setattr(ports, "PORTS", {"dns": ((socket.AF_INET, kind, number),), "dhcp": ()})
        with open("/proc/self/comm", encoding="utf-8") as file:
            assert ports.read_taken() == {"dns": "%s (process %d)" % (file.read().strip(), os.getpid())}
        monkeypatch.setattr(ports, "TABLES", {kind: ("/nowhere",)})
        assert ports.read_taken() == {"dns": "another process"}
    assert ports.read_taken() == {}
