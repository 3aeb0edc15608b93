# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts to be broken: networks of every mode that a sandbox can run, guests with taps, filters, bindings, ports.

They are built by virsh and ip, and not by the collection. What libvirt would make up (UUIDs, MAC addresses) is given,
so that a host that is built again is the same.
"""

from __future__ import annotations

import glob
import os
import random
import shutil
import signal
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from guest.domain import domain_xml

from faults.witnesses import Seen, has_switch, look, offline, sh, virsh, wait_for_libvirt

ROOM = Path("/run/faults")  # a tmpfs of the sandbox
PORTS = "<controller type='pci' index='0' model='pcie-root'/>" + "<controller type='pci' model='pcie-root-port'/>" * 8
# Where the collection may keep records, locks and the like between tasks.
KEPT = ("/run/*virtnet*", "/var/lib/*virtnet*", "/run/lock/*virtnet*", "/run/libvirt/*virtnet*", "/etc/*virtnet*")
OF_HOST = ("hostbr0", "hostbr1", "nic0", "nic1", "wire0", "wire1", "tap8", "tap9")
OF_NETWORKS = ("lab0", "lab1", "iso0", "routed0", "idle0", "brief0", "new0")


def identity(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def mac(network: str) -> str:
    """The MAC address of a network's bridge."""
    return "52:54:00:ff:%02x:%02x" % tuple(uuid.uuid5(uuid.NAMESPACE_DNS, network).bytes[:2])


@dataclass
class Layout:
    """What differs from host to host."""

    seed: str
    mtu: int = 0
    waits: bool = False
    autostart: bool = True
    routed_runs: bool = True
    foreign: bool = True  # somebody's device is in a bridge
    port: bool = True  # and somebody's port in a network
    pool: bool = False
    paused: bool = True
    switch: bool = False  # there is Open vSwitch
    retagged: bool = False  # and somebody has changed the tag of a guest's port
    asked_to_start: list[str] = field(default_factory=lambda: ["web", "db"])


def layout(seed: str, paused: bool = True, switch: bool = False) -> Layout:
    chance = random.Random("host %s" % seed)
    found = Layout(seed, mtu=chance.choice((0, 0, 1400)), waits=chance.random() < 0.2,
                   autostart=chance.random() < 0.5, routed_runs=chance.random() < 0.7,
                   foreign=chance.random() < 0.6, pool=chance.random() < 0.4, paused=paused, switch=switch)
    found.retagged = switch and chance.random() < 0.4
    return found


# --- documents


def _network(name: str, bridge: str | None, inside: str) -> str:
    own = "<bridge name='%s' stp='off' delay='0'/><mac address='%s'/>" % (bridge, mac(name)) if bridge else ""
    return "<network><name>%s</name><uuid>%s</uuid>%s%s</network>" % (name, identity(name), own, inside)


def lab(chosen: Layout) -> str:
    size = "<mtu size='%d'/>" % chosen.mtu if chosen.mtu else ""
    return _network("lab", "lab0", """<forward mode='nat'/>%s<dns><host ip='192.168.160.200'><hostname>old</hostname>
        </host></dns><ip address='192.168.160.1' prefix='24'><dhcp>
        <range start='192.168.160.100' end='192.168.160.150'/>
        <host mac='52:54:00:00:07:01' name='one' ip='192.168.160.31'/>
        <host mac='52:54:00:00:07:02' name='two' ip='192.168.160.32'/></dhcp></ip>
        <portgroup name='web' default='yes'/><portgroup name='db' trustGuestRxFilters='yes'/>""" % size)


def networks(chosen: Layout) -> dict[str, str]:
    found = {
        "lab": lab(chosen),
        "plain": _network("plain", "iso0", "<mtu size='1400'/><portgroup name='a'/><portgroup name='b'/>"),
        "routed": _network("routed", "routed0", """<forward mode='route'/><ip address='192.168.162.1' prefix='24'/>
            <ip family='ipv6' address='fd00:162::1' prefix='64'/>
            <route address='10.99.0.0' prefix='16' gateway='192.168.162.2'/>"""),
        "office": _network("office", None, "<forward mode='bridge'/><bridge name='hostbr0'/>"),
        "idle": _network("idle", "idle0", """<forward mode='nat'/><ip address='192.168.163.1' prefix='24'><dhcp>
            <range start='192.168.163.9' end='192.168.163.99'/></dhcp></ip>"""),
        "brief": _network("brief", "brief0", "<ip address='192.168.164.1' prefix='24'/>"),
    }
    if chosen.switch:
        found["vlans"] = _network("vlans", None, """<forward mode='bridge'/><bridge name='ovsbr0'/>
            <virtualport type='openvswitch'/><portgroup name='red' default='yes'><vlan><tag id='10'/></vlan></portgroup>
            <portgroup name='blue'><vlan trunk='yes'><tag id='20' nativeMode='untagged'/><tag id='21'/></vlan>
            </portgroup>""")
        found["unused"] = _network("unused", None, """<forward mode='bridge'/><bridge name='ovsbr1'/>
            <virtualport type='openvswitch'/><vlan><tag id='30'/></vlan>""")
    if chosen.pool:
        found["pool"] = _network("pool", None, "<forward mode='bridge'><interface dev='nic0'/></forward>")
    return found


def _nic(last: int, network: str, inside: str = "", group: str = "") -> str:
    return ("<interface type='network'><mac address='52:54:00:00:01:%02x'/><source network='%s'%s/>%s"
            "<model type='virtio'/></interface>" % (last, network, " portgroup='%s'" % group if group else "", inside))


def guests(chosen: Layout) -> dict[str, str]:
    parts = {
        "web": _nic(0x01, "lab", group="web") + _nic(0x02, "plain"),
        "db": _nic(0x11, "lab", "<filterref filter='mine'/>", "db") + _nic(0x12, "office")
        + (_nic(0x13, "pool") if chosen.pool else ""),
        "calm": _nic(0x21, "lab"),
    }
    if chosen.switch:
        parts["web"] += _nic(0x04, "vlans", _switch_port(0x04), "red")
        parts["db"] += _nic(0x14, "vlans", _switch_port(0x14), "blue") + _ON_SWITCH % _switch_port(0x15)
    lasts = {"web": 9, "db": 10, "calm": 11}
    return {name: domain_xml(name, PORTS + nics, cmdline="guest.ip=192.168.160.%d/24" % lasts[name]).replace(
        "<memory unit", "<uuid>%s</uuid><memory unit" % identity(name)) for name, nics in parts.items()}


def _switch_port(last: int) -> str:
    return "<virtualport type='openvswitch'><parameters interfaceid='%s'/></virtualport>" % identity("nic %d" % last)


_ON_SWITCH = """<interface type='bridge'><mac address='52:54:00:00:01:15'/><source bridge='ovsbr0'/>
    <vlan><tag id='5'/></vlan>%s<model type='virtio'/></interface>"""


def filters() -> dict[str, str]:
    texts = {"mine": "<filterref filter='no-mac-spoofing'/>", "other": "<filterref filter='mine'/>",
             "spare": "<rule action='drop' direction='in' priority='500'><tcp dstportstart='25'/></rule>"}
    return {name: "<filter name='%s' chain='root'><uuid>%s</uuid>%s</filter>" % (name, identity(name), text)
            for name, text in texts.items()}


def port(last: int, group: str = "web") -> str:
    return """<networkport><uuid>%s</uuid><owner><name>nobody</name><uuid>%s</uuid></owner><group>%s</group>
        <mac address='52:54:00:00:09:%02x'/></networkport>""" % (
        identity("port %d" % last), identity("nobody"), group, last)


BINDING = """<filterbinding><owner><name>nobody</name><uuid>%s</uuid></owner><portdev name='tap9'/>
    <mac address='52:54:00:00:09:99'/><filterref filter='mine'/></filterbinding>""" % identity("nobody")


# --- building


def _file(name: str, text: str) -> str:
    ROOM.mkdir(exist_ok=True)
    path = ROOM / ("%s.xml" % name)
    path.write_text(text)
    return str(path)


def _shell(script: str) -> None:
    sh("bash", "-c", script)


def build(chosen: Layout) -> Seen:
    """A new host, and how it looks; a libvirtd that cannot have it is started anew, for it may miss its firewall."""
    for _again in range(2):
        seen = _build(chosen)
        runs = [seen.get("guest %s" % name) in ("running", "paused") for name in chosen.asked_to_start]
        if "network lab, running" in seen and all(runs) and not offline(seen):
            return seen
        remove()
        restart_libvirtd()
    raise RuntimeError("the host cannot be built: %s" % offline(seen))


def restart_libvirtd(away: float = 0) -> None:
    """It is killed, and started again after so many seconds."""
    pid = int(Path("/run/libvirtd.pid").read_text())
    end_of(pid)
    while Path("/proc/%d" % pid).exists():
        time.sleep(0.01)
    time.sleep(away)
    _shell("libvirtd -d")
    wait_for_libvirt()


def _build(chosen: Layout) -> Seen:
    remove()
    _shell("""ip link add hostbr0 type bridge; ip link set hostbr0 up; ip link add hostbr1 type bridge
        ip link set hostbr1 up; ip addr add 192.168.161.1/24 dev hostbr0
        for i in 0 1; do ip link add nic$i type veth peer name wire$i; ip link set nic$i up; ip link set wire$i up; done
        for i in 8 9; do ip tuntap add tap$i mode tap; ip link set tap$i up; done""")
    for device in OF_HOST:  # the kernel's own are by chance
        sh("ip", "link", "set", device, "address", mac(device))
    if chosen.switch:
        _shell(_SWITCH)
    made = []
    for name, text in filters().items():
        made.append("nwfilter-define %s" % _file("filter-" + name, text))
    for name, text in networks(chosen).items():
        made.append("%s %s" % ("net-create" if name == "brief" else "net-define", _file("network-" + name, text)))
    run = ["lab", "plain", "office", *(name for name, runs in (
        ("vlans", chosen.switch), ("routed", chosen.routed_runs), ("pool", chosen.pool)) if runs)]
    made += ["net-start %s" % name for name in run] + (["net-autostart lab"] if chosen.autostart else [])
    made += ["net-port-create lab %s" % _file("port", port(1))] if chosen.port else []
    made.append("nwfilter-binding-create %s" % _file("binding", BINDING))
    made += ["define %s" % _file("guest-" + name, text) for name, text in guests(chosen).items()]
    made += ["start %s %s" % (name, "--paused" if chosen.paused else "") for name in chosen.asked_to_start]
    virsh(*made)
    if chosen.waits:  # in the configuration something that cannot start here: this kernel has no sfq
        limited = lab(chosen).replace("<portgroup name='web'", "<bandwidth><inbound average='900'/></bandwidth>"
                                      "<portgroup name='web'")
        virsh("net-define %s" % _file("network-lab-waits", limited))
    if chosen.foreign:
        _shell("""ip link set nic1 master lab0; bridge link set dev nic1 learning off isolated on
            bridge fdb add 52:54:00:00:0a:01 dev nic1 master static""")
    if chosen.retagged:
        _shell("ovs-vsctl set port $(%s) tag=6" % TAP_ON_SWITCH)
    return settled_look()


TAP_ON_SWITCH = "virsh domiflist db | awk '/01:15/ {print $1}'"
# Two switches, and on one a port of somebody.
_SWITCH = """
for i in 0 1; do
    ovs-vsctl add-br ovsbr$i -- set bridge ovsbr$i datapath_type=netdev other_config:hwaddr=52:54:00:ff:00:0$i
done
ovs-vsctl add-port ovsbr0 own0 tag=99 -- set interface own0 type=internal mac='"52:54:00:ff:00:09"' external_ids:of=x \\
    ingress_policing_rate=5000
"""
_NO_SWITCH = "for one in $(ovs-vsctl list-br); do ovs-vsctl del-br $one; done; ovs-vsctl --all destroy qos -- --all" \
    " destroy queue"


def settled_look() -> Seen:
    """How it looks when nothing moves any more."""
    seen = look()
    for _again in range(10):
        now = look()
        if now == seen:
            break
        seen = now
    return seen


def remove() -> None:
    """Takes away all that a host has, and what the collection left of itself."""
    end_of_product()
    active, every = virsh("list --name", "list --all --name")
    virsh(*("destroy %s" % name for name in active.split()))
    virsh(*("undefine %s" % name for name in every.split()))
    names = [line.split() for line in virsh("net-list --all")[0].splitlines()]
    virsh(*("net-destroy %s" % row[0] for row in names if row[1] == "active"))
    virsh(*("net-undefine %s" % row[0] for row in names))
    virsh(*("nwfilter-binding-delete %s" % line.split()[0] for line in virsh("nwfilter-binding-list")[0].splitlines()))
    virsh(*("nwfilter-undefine %s" % name for name in ("fresh", "other", "mine", "spare")))
    for device in OF_NETWORKS + OF_HOST:
        if os.path.exists("/sys/class/net/%s" % device):
            sh("ip", "link", "del", device)
    if has_switch():
        _shell(_NO_SWITCH)
    for pattern in KEPT:
        for path in glob.glob(pattern):
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.unlink(path)


# --- processes of the collection


def processes_of_product() -> list[int]:
    """Those of Python in this sandbox that are not the harness: modules and guardians; zombies are none."""
    own, found = _ancestors(), []
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(path[len("/proc/"):])
        try:
            runs = "python" in os.readlink(path + "/exe") and Path(path, "stat").read_text().rsplit(")", 1)[1][1] != "Z"
        except OSError:
            continue
        if runs and pid not in own:
            found.append(pid)
    return found


def _ancestors() -> set[int]:
    pid, found = os.getpid(), set()
    while pid > 0:
        found.add(pid)
        pid = int(Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[1])
    return found


def end_of(pid: int | None, number: int = signal.SIGKILL) -> None:
    try:
        if pid:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_of_product() -> None:
    for pid in processes_of_product():
        end_of(pid)


# --- a break of our own, to show that what is wrong is seen


SABOTAGE = {
    "a tap out of its bridge": "ip link set $(ls /sys/class/net/lab[01]/brif | grep vnet | head -n1) nomaster",
    "a reservation lost": "virsh net-update lab delete ip-dhcp-host \"<host mac='52:54:00:00:07:02'/>\" --config",
    "autostart turned": "virsh net-autostart office",
    "a filter changed": "sed s/25/26/ /run/faults/filter-spare.xml >/run/faults/x; virsh nwfilter-define /run/faults/x",
    "an MTU": "ip link set hostbr0 mtu 1300",
    "an address": "ip addr add 192.0.2.1/24 dev hostbr1",
    "a tag of Open vSwitch": "ovs-vsctl set port own0 tag=7",
    "dnsmasq gone": "kill $(cat /run/libvirt/network/lab.pid)",
    "a chain of the firewall": "nft add table ip broken; nft add chain ip broken all",
    "a port lost": "virsh net-port-delete lab $(virsh -q net-port-list lab --uuid | head -n1)",
}


def sabotage(chance: random.Random, *unlike: Seen | None) -> str:
    """Breaks the host so that it is like none of these."""
    for name in chance.sample(sorted(SABOTAGE), len(SABOTAGE)):
        _shell(SABOTAGE[name])
        if look() not in unlike:
            return name
    raise RuntimeError("nothing of this breaks the host")


__all__ = ["Layout", "build", "layout", "look", "remove", "restart_libvirtd", "sabotage"]
