# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as tools see it that know nothing of the collection, as texts that can be compared.

What differs each time though nothing is different (numbers of taps, identifiers of ports, timers) is left out or
given a name that lasts.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from lxml import etree

MARK = "next-answer"
BRIDGE = ("stp_state", "forward_delay", "vlan_filtering", "ageing_time", "mcast_snooping", "priority")
MEMBER = ("learning", "flood", "isolated", "hairpin", "guard", "priority", "cost", "neigh_suppress",
          "bcast_flood", "mcast_flood")
USUAL_QDISCS = ("noqueue", "pfifo_fast", "fq_codel", "fq", "mq", "pfifo")
FILES = ("/etc/libvirt/qemu/networks", "/etc/libvirt/qemu", "/etc/libvirt/nwfilter", "/var/lib/libvirt/dnsmasq")

STRICT = bool(os.environ.get("FAULTS_STRICT"))
DOWN = "its device is down"

Seen = dict[str, str]


def sh(*command: str, timeout: float = 30) -> str:
    """What a command says; nothing where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def virsh(*commands: str) -> list[str]:
    """The answer to each command, given to one virsh."""
    if not commands:
        return []
    answers = sh("virsh", "-q", ("; echo %s; " % MARK).join(commands)).split(MARK)
    return [answer.strip() for answer in answers] + [""] * (len(commands) - len(answers))


def data(*command: str) -> list:
    text = sh(*command)
    return [entry for entry in json.loads(text) if entry] if text.strip() else []


def look() -> Seen:
    """All of the host, each part under a name for people."""
    seen: Seen = {}
    seen.update(_networks())
    seen.update(_guests())
    seen.update(_filters())
    seen.update(_links())
    seen.update(_addresses())
    seen.update(_traffic())
    seen.update(_switches() if has_switch() else {})
    seen.update(_firewall())
    dnsmasq = _dnsmasq()
    seen.update(dnsmasq)
    seen.update(_files({name.split()[-1] for name in dnsmasq}))
    return _with_lasting_names(seen)


def differences(before: Seen, after: Seen) -> list[str]:
    """What is different, in words."""
    found = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if new is None:
            found.append("%s: is gone" % name)
        elif old is None:
            found.append("%s: is new: %s" % (name, _short(new)))
        else:
            found.append("%s: %s" % (name, _short(_changed_lines(old, new))))
    return found


def _changed_lines(old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return " ".join(line[0] + line[1:].strip() for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---"))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:297] + "..."


# --- libvirt


def _networks() -> Seen:
    rows = [line.split() for line in virsh("net-list --all")[0].splitlines()]
    seen = {"network %s" % name: "%s, autostart %s, persistent %s" % (state, autostart, persistent)
            for name, state, autostart, persistent in (row for row in rows if len(row) == 4)}
    asked = []
    for name, state, _autostart, persistent in (row for row in rows if len(row) == 4):
        asked += [(name, "running", "net-dumpxml %s" % name)] if state == "active" else []
        asked += [(name, "configured", "net-dumpxml --inactive %s" % name)] if persistent == "yes" else []
        asked += [(name, "ports", "net-port-list --uuid %s" % name)] if state == "active" else []
    ports = []
    for (name, what, _command), text in zip(asked, virsh(*(command for _name, _what, command in asked))):
        if what == "ports":
            ports += [(name, uuid) for uuid in text.split()]
        else:
            seen["network %s, %s" % (name, what)] = _without_chance(text)
    seen.update(_ports(ports))
    return seen


def _without_chance(network: str) -> str:
    """A network's document, with its reservations and records in an order of ours: theirs means nothing.

    How many connections it has libvirt itself forgets with each update of the running network; the ports are compared.
    """
    if STRICT or not network.startswith("<"):
        return network
    root = etree.fromstring(network)
    root.attrib.pop("connections", None)
    for place in root.xpath("ip/dhcp | dns"):
        parts = sorted(place, key=lambda part: (part.tag, etree.tostring(part)))
        for part in parts:
            place.append(part)
    return _pretty(root)


def _ports(ports: list[tuple[str, str]]) -> Seen:
    seen: Seen = {}
    for (network, _uuid), text in zip(ports, virsh(*("net-port-dumpxml %s %s" % port for port in ports))):
        if not text.startswith("<"):
            continue
        port = etree.fromstring(text)
        for part in [*port.findall("uuid"), *(one for one in port.findall("bandwidth") if not len(one))]:
            port.remove(part)  # libvirt keeps the element of limits that are taken away
        name = "port of network %s with MAC %s" % (network, port.find("mac").get("address"))
        seen[name + (" once more" if name in seen else "")] = _pretty(port)
    return seen


def _guests() -> Seen:
    names = [(name, active) for active, flag in ((True, ""), (False, "--inactive"))
             for name in virsh("list --name %s" % flag)[0].split()]
    seen, asked = {}, []
    for name, active in names:
        asked += [(name, "running", "dumpxml %s" % name)] if active else []
        asked.append((name, "configured", "dumpxml --inactive %s" % name))
        asked.append((name, "state", "domstate %s" % name))
    for (name, what, _command), text in zip(asked, virsh(*(command for _name, _what, command in asked))):
        if what == "state":
            seen["guest %s" % name] = text
        elif text.startswith("<"):
            for interface in etree.fromstring(text).findall("devices/interface"):
                mac = interface.find("mac").get("address")
                seen["interface %s of guest %s, %s" % (mac, name, what)] = _interface(interface)
    return seen


def _interface(interface: etree._Element) -> str:
    """Without what libvirt makes up each time: which port it has, and its alias."""
    for source in interface.findall("source"):
        if source.get("portid"):
            source.set("portid", "one")
    for alias in interface.findall("alias"):
        if not alias.get("name", "").startswith("ua-"):
            interface.remove(alias)
    return _pretty(interface)


def _pretty(element: etree._Element) -> str:
    for part in element.iter():
        part.text, part.tail = (part.text or "").strip() or None, None
    return etree.tostring(element, pretty_print=True).decode()


def _filters() -> Seen:
    names = [line.split()[-1] for line in virsh("nwfilter-list")[0].splitlines()]
    devices = [line.split()[0] for line in virsh("nwfilter-binding-list")[0].splitlines()]
    seen = dict(zip(("filter %s" % name for name in names), virsh(*("nwfilter-dumpxml %s" % n for n in names))))
    seen.update(zip(("binding of %s" % device for device in devices),
                    virsh(*("nwfilter-binding-dumpxml %s" % device for device in devices))))
    return seen


# --- the kernel


def _links() -> Seen:
    seen = {}
    for link in data("ip", "-d", "-j", "link"):
        if link["ifname"] == "ovs-netdev":
            continue  # it is of Open vSwitch itself, with a MAC address by chance
        info = link.get("linkinfo", {})
        kept = {"up": "UP" in link["flags"], "mtu": link["mtu"], "mac": link.get("address"), "in": link.get("master"),
                "kind": info.get("info_kind"), "over": link.get("link"), **_some(info.get("info_data"), BRIDGE),
                **{"port " + name: value for name, value in _some(info.get("info_slave_data"), MEMBER).items()},
                "VFs": link.get("vfinfo_list")}
        if info.get("info_slave_kind") != "bridge":
            kept = {name: value for name, value in kept.items() if not name.startswith("port ")}
        seen["device %s" % link["ifname"]] = _lines(kept)
    for entry in data("bridge", "-j", "fdb"):
        if "self" not in entry.get("flags", []) and entry.get("state") in ("permanent", "static"):
            name = "MAC table of %s, at %s" % (entry.get("master"), entry["ifname"])
            line = "%s %s %s" % (entry["mac"], entry["state"], entry.get("vlan", ""))
            seen[name] = _sorted_lines(seen.get(name, ""), line)
    return seen


def _some(found: dict | None, names: Iterable[str]) -> dict:
    return {name: found[name] for name in names if name in found} if found else {}


def _lines(found: dict) -> str:
    return "\n".join("%s: %s" % (name, value) for name, value in found.items() if value is not None)


def _sorted_lines(text: str, line: str) -> str:
    return "\n".join(sorted([*text.splitlines(), line.strip()]))


def _addresses() -> Seen:
    seen: Seen = {}
    for link in data("ip", "-j", "addr"):
        for address in link.get("addr_info", []):
            if not address.get("local", "").startswith("fe80:"):
                name = "addresses of %s" % link["ifname"]
                seen[name] = _sorted_lines(seen.get(name, ""), "%s/%s" % (address["local"], address["prefixlen"]))
    for family in ("-4", "-6"):
        for route in data("ip", family, "-j", "route"):
            if not route["dst"].startswith(("fe80:", "ff00:")):
                name = "routes by %s" % route.get("dev")
                seen[name] = _sorted_lines(seen.get(name, ""), "%s via %s metric %s by %s" % (
                    route["dst"], route.get("gateway"), route.get("metric"), route.get("protocol")))
    return seen


def _traffic() -> Seen:
    seen, shaped = {}, set()
    for qdisc in data("tc", "-j", "qdisc"):
        if qdisc["kind"] not in USUAL_QDISCS:
            shaped.add(qdisc["dev"])
            name = "traffic control of %s" % qdisc["dev"]
            seen[name] = _sorted_lines(seen.get(name, ""), "qdisc %s %s" % (qdisc["kind"], qdisc["handle"]))
    for device in shaped:
        for what in ("class", "filter"):
            text = sh("tc", what, "show", "dev", device) + (sh("tc", "filter", "show", "dev", device, "parent", "ffff:")
                                                            if what == "filter" else "")
            seen["traffic control of %s, %s" % (device, what)] = text
    return seen


# --- Open vSwitch


def has_switch() -> bool:
    return os.path.exists("/run/openvswitch/db.sock")


# What the database says of each kind of row that somebody chose.
COLUMNS = {
    "bridge": ("name", "ports", "datapath_type", "fail_mode", "other_config", "external_ids", "stp_enable"),
    "port": ("name", "interfaces", "tag", "trunks", "vlan_mode", "qos", "other_config", "external_ids"),
    "interface": ("name", "type", "error", "mtu_request", "ingress_policing_rate",
                  "ingress_policing_burst", "external_ids", "options"),
    "qos": ("type", "queues", "other_config", "external_ids"),
    "queue": ("dscp", "other_config", "external_ids"),
}


def _switches() -> Seen:
    """Each row of its database, with those that it refers to by what they say; and those to which none does."""
    tables = {name: _rows(name) for name in COLUMNS}
    seen = {}
    for table, rows in tables.items():
        for uuid, row in rows.items():
            own = {name: value for name, value in row.items() if not _refers(value)}
            names = sorted(_said(tables, one) for value in row.values() for one in _refers(value))
            name = row.get("name") or _said(tables, uuid)
            seen["switch's %s %s" % (table, name)] = "\n".join([*_lines(own).splitlines(), *names])
    return seen


def _rows(table: str) -> dict[str, dict]:
    text = sh("ovs-vsctl", "--timeout=5", "--format=json", "--columns=_uuid," + ",".join(COLUMNS[table]), "list", table)
    found = json.loads(text) if text else {"headings": [], "data": []}
    rows = [dict(zip(found["headings"], row)) for row in found["data"]]
    for row in rows if table == "port" else ():
        # By which libvirt finds what it limits; it leaves them behind when it limits no more.
        row["external_ids"][1] = [pair for pair in row["external_ids"][1] if pair[0] not in ("ifname", "vm-id")]
    return {row.pop("_uuid")[1]: row for row in rows}


def _refers(value: object) -> list[str]:
    """The rows that a value names."""
    text = json.dumps(value)
    return re.findall(r'\["uuid", "([-0-9a-f]+)"\]', text)


def _said(tables: dict[str, dict[str, dict]], uuid: str) -> str:
    """A row in words that last: its name, else all it says."""
    for table, rows in tables.items():
        if uuid in rows:
            row = rows[uuid]
            return "%s %s" % (table, row.get("name") or " ".join(
                "%s %s" % (name, [_said(tables, one) for one in _refers(value)] or value)
                for name, value in row.items()))
    return "a row that is gone"


EMPTY_CHAIN = re.compile(r"type \w+ hook \w+ priority [^;]+; policy accept;")


def _firewall() -> Seen:
    """The rules of each chain; libvirt puts those of a network in front, so their order among networks is by chance.

    A chain without rules that accepts all does nothing; libvirt leaves such behind.
    """
    seen: Seen = {}
    table = chain = ""
    for line in sh("nft", "-s", "-n", "list", "ruleset").splitlines():
        words = line.split()
        if line.startswith("table"):
            table = " ".join(words[1:3])
        elif words[:1] in (["chain"], ["set"], ["map"]):
            chain = words[1]
            seen["firewall, %s, %s" % (table, chain)] = ""
        elif words and words != ["}"]:
            name = "firewall, %s, %s" % (table, chain)
            seen[name] = _sorted_lines(seen[name], line)
    return {name: text for name, text in seen.items() if not EMPTY_CHAIN.fullmatch(text.strip())}


# --- processes and files


def _dnsmasq() -> Seen:
    seen = {}
    for path in Path("/run/libvirt/network").glob("*.pid"):
        command = Path("/proc", path.read_text().strip(), "cmdline")
        if command.exists() and b"dnsmasq" in command.read_bytes():  # libvirt may leave its file behind
            seen["dnsmasq of network %s" % path.stem] = "runs"
    return seen


def _files(served: set[str]) -> Seen:
    """What libvirt keeps: of its own documents only that they are there, of dnsmasq's files also what they say.

    Those of networks that have no dnsmasq any more are left behind by libvirt.
    """
    seen = {}
    for folder in FILES:
        for path in [*Path(folder).glob("*.*"), *Path(folder).glob("autostart/*")]:
            if path.suffix in (".xml", ".conf", ".hostsfile", ".addnhosts") and (path.is_file() or path.is_symlink()):
                keeps = "dnsmasq" in folder
                if keeps and path.stem not in served:
                    continue
                text = path.read_text() if keeps else "is there"
                seen["file %s" % path] = text if STRICT else "\n".join(sorted(text.splitlines()))
    return seen


# --- names that last


def _with_lasting_names(seen: Seen) -> Seen:
    """Taps by the MAC address of their guest's interface: a guest that is started again has another number."""
    taps = {}
    for name, text in seen.items():
        found = re.search(r'<target dev="([^"]+)"', text) if name.startswith("interface") else None
        if found and name.endswith("running"):
            taps[found.group(1)] = "tap-" + name.split()[1].replace(":", "")[-6:]
    if not taps:
        return seen
    pattern = re.compile(r"(?<![A-Za-z0-9])(%s)(?![0-9A-Za-z])" % "|".join(map(re.escape, taps)))

    def last(text: str) -> str:
        return pattern.sub(lambda match: taps[match.group(1)], text)

    ordered = ("firewall", "routes", "switch's")
    return {last(name): "\n".join(sorted(last(text).splitlines())) if name.startswith(ordered) else last(text)
            for name, text in seen.items()}


# --- what is asked of every host


def offline(seen: Seen) -> list[str]:
    """The interfaces of running guests that are connected to nothing, or not to what they say, and why."""
    found = []
    for name, text in seen.items():
        if name.startswith("interface ") and name.endswith(", running"):
            interface = etree.fromstring(text)
            if interface.get("type") in ("network", "bridge", "direct"):
                why = _why_offline(seen, name.split()[1], interface)
                if why == DOWN and interface.get("type") == "direct" and seen.get("guest %s" % name.split()[4][:-1]) \
                        == "paused":
                    why = None  # QEMU takes a macvtap up when the guest runs
                found += ["%s: %s" % (name[len("interface "):-len(", running")], why)] if why else []
    return found


def _why_offline(seen: Seen, mac: str, interface: etree._Element) -> str | None:
    source, target = interface.find("source"), interface.find("target")
    if source is None or target is None:
        return "it has no device"
    tap = target.get("dev")
    device = seen.get("device %s" % tap)
    if device is None:
        return "its device %s is gone" % tap
    bridge, network = source.get("bridge"), source.get("network")
    if network:
        running = seen.get("network %s, running" % network)
        if running is None:
            return "network %s does not run" % network
        if "port of network %s with MAC %s" % (network, mac) not in seen:
            return "it has no port in network %s" % network
        found = re.search("""<bridge name=["']([^"']+)""", running)
        bridge = found.group(1) if found else None
    if interface.find("virtualport[@type='openvswitch']") is not None:
        there = "port %s" % tap in seen.get("switch's bridge %s" % bridge, "").splitlines()
        return None if there and "up: True" in device else "its device is not up in switch %s" % bridge
    if bridge and "in: %s" % bridge not in device.splitlines():
        return "its device is not in bridge %s" % bridge
    return None if "up: True" in device else DOWN


def wait_for_libvirt(seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if sh("virsh", "-q", "version", timeout=5):
            return True
        time.sleep(0.1)
    return False
