# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random plans on the hosts of hosts.py: one to six tasks of different kinds that do not contradict each other."""

from __future__ import annotations

import random
from typing import Callable

from faults.hosts import Layout, identity, mac
from faults.tasks import Task

Made = tuple[str, Task]  # what it touches, of which a plan has each once, and the task
NIC = "52:54:00:00:01:%02x"
# Those that need no address of the guest: where libvirt has to learn it, rules come and go in its own time.
QUIET_FILTERS = ("allow-arp", "no-mac-broadcast", "no-other-l2-traffic")


def network(name: str, **options: object) -> Task:
    return "network", dict(options, name=name)


def restarted(name: str, **options: object) -> Task:
    return network(name, restart="always", **options)


# --- networks


def _mtu(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("lab", "plain", "routed", "brief"))
    return name, restarted(name, mtu={"size": chance.choice((1300, 1450, 9000))})


def _no_mtu(_chance: random.Random, _host: Layout) -> Made:
    return "plain", restarted("plain", mtu={})


def _renamed_bridge(_chance: random.Random, _host: Layout) -> Made:
    return "lab", restarted("lab", bridge={"name": "lab1"})


def _with_bridge_of_plain(_chance: random.Random, _host: Layout) -> Made:
    return "lab", restarted("lab", bridge={"name": "iso0"})


def _with_bridge_of_lab(_chance: random.Random, _host: Layout) -> Made:
    return "plain", restarted("plain", bridge={"name": "lab0"})


def _other_address(chance: random.Random, _host: Layout) -> Made:
    return "lab", restarted("lab", ips=[{"address": "192.168.160.%d" % chance.choice((2, 3)), "prefix": 24}])


def _more_addresses(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("plain", "brief"))
    return name, restarted(name, ips=[{"address": "192.168.17%d.1" % chance.randrange(9), "prefix": 24},
                                      {"family": "ipv6", "address": "fd00:17::1", "prefix": 64}])


def _other_routes(_chance: random.Random, _host: Layout) -> Made:
    return "routed", restarted("routed", routes=[{"address": "10.98.0.0", "prefix": 16, "gateway": "192.168.162.3"}])


def _isolated_ports(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("office", "plain"))
    return name, restarted(name, port={"isolated": True})


def _waits(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("lab", "plain", "idle"))
    return name, network(name, domain={"name": chance.choice(("a.example", "b.example"))}, restart="never")


def _dhcp_range(chance: random.Random, _host: Layout) -> Made:
    start = chance.choice((110, 120, 130))
    return "lab", network("lab", state="active", ips=[{"address": "192.168.160.1", "prefix": 24, "dhcp": {"ranges": [
        {"start": "192.168.160.%d" % start, "end": "192.168.160.190"}]}}])


def _portgroups(chance: random.Random, _host: Layout) -> Made:
    return "plain", network("plain", portgroups=[{"name": chance.choice("abc"), "default": True}, {"name": "z"}])


def _forward_device(_chance: random.Random, _host: Layout) -> Made:
    return "lab", network("lab", forward={"mode": "nat", "dev": "nic0"}, metadata=["<note xmlns='urn:note'>x</note>"])


def _autostart(chance: random.Random, host: Layout) -> Made:
    name = chance.choice(("lab", "office", "idle"))
    return name, network(name, autostart=not (name == "lab" and host.autostart))


def _started(_chance: random.Random, _host: Layout) -> Made:
    return "idle", network("idle", state="active", autostart=True, mtu={"size": 1400})


def _stopped(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("routed", "brief"))
    return name, network(name, state="inactive")


def _stopped_and_changed(_chance: random.Random, _host: Layout) -> Made:
    return "routed", network("routed", state="inactive", mtu={"size": 1400}, autostart=True)


def _kept(_chance: random.Random, _host: Layout) -> Made:
    return "brief", network("brief", state="active", persistent=True, autostart=True)


def _removed(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("routed", "idle", "brief"))
    return name, network(name, state="absent")


def _new(chance: random.Random, _host: Layout) -> Made:
    return "new", network(
        "new", uuid=identity("new"), mac={"address": mac("new")}, bridge={"name": "new0", "stp": False},
        state=chance.choice(("active", "active", "present")), autostart=chance.random() < 0.5,
        forward={"mode": chance.choice(("nat", "route", "open"))}, portgroups=[{"name": "p"}],
        ips=[{"address": "192.168.165.1", "prefix": 24, "dhcp": {"hosts": [
            {"mac": "52:54:00:00:07:51", "ip": "192.168.165.51"}]}}])


def _new_on_host(_chance: random.Random, _host: Layout) -> Made:
    return "new", network("new", uuid=identity("new"), state="active", forward={"mode": "bridge"},
                          bridge={"name": "hostbr1"})


# --- parts of networks


def _reservations(chance: random.Random, _host: Layout) -> Made:
    hosts = [{"mac": "52:54:00:00:07:%02x" % last, "ip": "192.168.160.%d" % last, "name": "host%d" % last}
             for last in chance.sample(range(40, 90), chance.randint(1, 3))]
    return "entries of lab", ("dhcp_host", {"network": "lab", "hosts": hosts})


def _no_reservation(_chance: random.Random, _host: Layout) -> Made:
    return "entries of lab", ("dhcp_host", {"network": "lab", "mac": "52:54:00:00:07:02", "state": "absent"})


def _record(chance: random.Random, _host: Layout) -> Made:
    return "records of lab", ("dns_record", {"network": "lab", "hosts": [
        {"ip": "192.168.160.%d" % chance.randint(210, 220), "hostnames": ["fresh"]}]})


def _limit_of_portgroup(chance: random.Random, _host: Layout) -> Made:
    return "limit of lab", ("qos", {"network": "lab", "portgroup": "db", "inbound": {
        "average": chance.randint(1, 999)}})


def _limit_of_idle(chance: random.Random, _host: Layout) -> Made:
    return "limit of idle", ("qos", {"network": "idle", "outbound": {"average": chance.randint(1, 999)}})


def _limit_of_port(chance: random.Random, _host: Layout) -> Made:
    return "limit of port", ("qos", {"network": "lab", "port": "52:54:00:00:09:01", "outbound": {
        "average": chance.randint(1, 999)}})


def _limit_at_next_start(chance: random.Random, _host: Layout) -> Made:
    return "limit of web", ("qos", {"domain": "web", "mac": NIC % 0x02, "layers": ["config"], "outbound": {
        "average": chance.randint(1, 999)}})


# --- filters, bindings, ports


def _new_filter(chance: random.Random, _host: Layout) -> Made:
    return "fresh", ("nwfilter", {"name": "fresh", "uuid": identity("fresh"), "entries": [
        {"filterref": {"filter": "allow-arp"}}, {"rule": {"action": "accept", "direction": "in", "tcp": [
            {"dstportstart": chance.randint(1, 999)}]}}]})


def _changed_filter(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("mine", "spare"))
    return "filter", ("nwfilter", {"name": name, "entries": [
        {"filterref": {"filter": chance.choice(QUIET_FILTERS)}}]})


def _no_filter(_chance: random.Random, _host: Layout) -> Made:
    return "filter", ("nwfilter", {"name": "spare", "state": "absent"})


def _new_binding(chance: random.Random, _host: Layout) -> Made:
    return "binding of tap8", ("nwfilter_binding", {
        "portdev": {"name": "tap8"}, "mac": {"address": "52:54:00:00:09:98"},
        "owner": {"name": "nobody", "uuid": identity("nobody")},
        "filterref": {"filter": chance.choice(("other", *QUIET_FILTERS))}})


def _changed_binding(_chance: random.Random, _host: Layout) -> Made:
    return "binding of tap9", ("nwfilter_binding", {"portdev": {"name": "tap9"}, "filterref": {
        "filter": "clean-traffic", "parameters": [{"name": "IP", "value": "192.168.160.99"}]}})


def _no_binding(_chance: random.Random, _host: Layout) -> Made:
    return "binding of tap9", ("nwfilter_binding", {"portdev": {"name": "tap9"}, "state": "absent"})


def _new_port(chance: random.Random, _host: Layout) -> Made:
    return "new port", ("network_port", {"network": chance.choice(("lab", "plain", "office")), "mac": {
        "address": "52:54:00:00:09:02"}, "port": {"isolated": True}})


def _changed_port(_chance: random.Random, _host: Layout) -> Made:
    return "limit of port", ("network_port", {"network": "lab", "mac": {"address": "52:54:00:00:09:01"}, "group": "db"})


def _no_port(_chance: random.Random, _host: Layout) -> Made:
    return "limit of port", ("network_port", {"network": "lab", "mac": {"address": "52:54:00:00:09:01"},
                                              "state": "absent"})


# --- guests' interfaces


def _interface(guest: str, last: int, **options: object) -> Task:
    return "interface", dict(options, domain=guest, mac={"address": NIC % last})


def _cable(chance: random.Random, _host: Layout) -> Made:
    return "nic 1", _interface("web", chance.choice((0x01, 0x02)), link={"state": "down"})


def _moved_to_portgroup(_chance: random.Random, _host: Layout) -> Made:
    return "nic 1", _interface("web", 0x01, source={"network": "lab", "portgroup": "db"})


def _moved_to_network(chance: random.Random, _host: Layout) -> Made:
    name = chance.choice(("plain", "office"))
    return "nic 1", _interface("web", 0x01, source={"network": name, "portgroup": ""})


def _moved_to_bridge(_chance: random.Random, _host: Layout) -> Made:
    return "nic 12", _interface("db", 0x12, type="bridge", source={"bridge": "hostbr1"})


def _filtered(chance: random.Random, _host: Layout) -> Made:
    return "nic 1", _interface("web", 0x01, filterref={"filter": chance.choice(("other", "no-mac-spoofing"))})


def _other_filter(_chance: random.Random, _host: Layout) -> Made:
    return "nic 11", _interface("db", 0x11, filterref={"filter": "spare"})


def _isolated(_chance: random.Random, _host: Layout) -> Made:
    return "nic 11", _interface("db", 0x11, port={"isolated": True}, layers=["live"])


def _plugged_in(chance: random.Random, host: Layout) -> Made:
    """Only a guest that works lets go of it again."""
    layers = {"layers": ["config"]} if host.paused else {}
    return "nic 3", _interface("web", 0x03, type="network", source={"network": chance.choice(("lab", "office"))},
                               model={"type": "virtio"}, **layers)


def _without_running(_chance: random.Random, _host: Layout) -> Made:
    return "nic 21", _interface("calm", 0x21, state="absent")


def _other_model(_chance: random.Random, _host: Layout) -> Made:
    return "nic 21", _interface("calm", 0x21, model={"type": "e1000e"}, source={"network": "plain"})


# --- on Open vSwitch


def _groups(chance: random.Random) -> list[dict]:
    return [{"name": "red", "default": True, "vlan": {"tags": [{"id": chance.randint(11, 19)}]}},
            {"name": "green", "vlan": {"trunk": True, "tags": [{"id": 40}, {"id": 41, "native_mode": "tagged"}]}}]


def _tags_of_portgroup(chance: random.Random, _host: Layout) -> Made:
    """Guests that run keep theirs."""
    return "vlans", network("vlans", state="active", portgroups=_groups(chance))


def _switch_restarted(chance: random.Random, _host: Layout) -> Made:
    return "vlans", restarted("vlans", portgroups=_groups(chance), vlan={"tags": [{"id": chance.randint(50, 59)}]})


def _tags_by_vlan(chance: random.Random, _host: Layout) -> Made:
    return "vlans", ("vlan", {"network": "vlans", "portgroup": chance.choice(("red", "blue")),
                              "tags": [{"id": chance.randint(60, 69)}]})


def _switch_started(chance: random.Random, _host: Layout) -> Made:
    return "unused", network("unused", state="active", autostart=chance.random() < 0.5,
                             vlan={"tags": [{"id": chance.randint(30, 39)}]})


def _new_on_switch(chance: random.Random, _host: Layout) -> Made:
    return "new", network("new", uuid=identity("new"), state="active", forward={"mode": "bridge"},
                          bridge={"name": "ovsbr1"}, virtualport={"type": "openvswitch"}, portgroups=_groups(chance))


def _tagged(chance: random.Random, _host: Layout) -> Made:
    tags = chance.choice(([{"id": 70}], [{"id": 71, "native_mode": "untagged"}, {"id": 72}]))
    last = chance.choice((0x15, 0x15, 0x04))
    guest = "web" if last == 0x04 else "db"
    return "nic %d" % last, chance.choice((
        _interface(guest, last, vlan={"tags": tags, "trunk": len(tags) > 1}),
        ("vlan", {"domain": guest, "mac": NIC % last, "tags": tags})))


def _moved_among_vlans(_chance: random.Random, _host: Layout) -> Made:
    return "nic 4", _interface("web", 0x04, source={"network": "vlans", "portgroup": "blue"})


def _limited_on_switch(chance: random.Random, _host: Layout) -> Made:
    guest, last = chance.choice((("web", 0x04), ("db", 0x14), ("db", 0x15)))
    return "nic %d" % last, ("qos", {"domain": guest, "mac": NIC % last, "inbound": {
        "average": chance.randint(100, 999), "peak": 2000, "burst": 64}, "outbound": {
        "average": chance.randint(100, 999), "burst": 32}})


def _cable_on_switch(_chance: random.Random, _host: Layout) -> Made:
    return "nic 20", _interface("db", 0x14, link={"state": "down"})


ON_SWITCH = (_tags_of_portgroup, _switch_restarted, _switch_restarted, _tags_by_vlan, _switch_started, _new_on_switch,
             _tagged, _tagged, _moved_among_vlans, _limited_on_switch, _limited_on_switch, _cable_on_switch)
RESTARTS = (*((one,) for one in (_mtu, _mtu, _no_mtu, _renamed_bridge, _other_address, _more_addresses, _other_routes,
                                 _isolated_ports)), (_with_bridge_of_plain, _with_bridge_of_lab))
OTHERS = (_waits, _dhcp_range, _portgroups, _forward_device, _autostart, _started, _stopped, _stopped_and_changed,
          _kept, _removed, _new, _new, _new_on_host, _reservations, _reservations, _no_reservation, _record,
          _limit_of_portgroup, _limit_of_idle, _limit_of_port, _limit_at_next_start, _new_filter, _changed_filter,
          _no_filter, _new_binding, _changed_binding, _no_binding, _new_port, _changed_port, _no_port, _cable,
          _moved_to_portgroup, _moved_to_portgroup, _moved_to_network, _moved_to_bridge, _filtered, _other_filter,
          _isolated, _plugged_in, _without_running, _other_model)


def plan(chance: random.Random, host: Layout, most: int = 6) -> list[Task]:
    """A plan; four of five have a restart among the rest."""
    makers: list[Callable[[random.Random, Layout], Made]] = list(chance.sample(OTHERS, 6))
    if host.switch:
        makers = [*chance.sample(ON_SWITCH, 4), *makers[:2]]
    restarts = chance.choice(RESTARTS) if not host.switch and chance.random() < 0.8 else ()
    makers[:0] = restarts
    made: dict[str, Task] = {}
    for maker in makers[:max(chance.randint(1, most), len(restarts))]:
        touches, task = maker(chance, host)
        made.setdefault(touches, task)
    return list(made.values())


def in_words(tasks: list[Task]) -> str:
    return "; ".join("%s %s" % (name, " ".join("%s=%s" % item for item in options.items())) for name, options in tasks)
