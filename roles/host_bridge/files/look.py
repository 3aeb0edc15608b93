"""look.py QUESTION: prints what the role has to know of the host, as JSON.

QUESTION is JSON in Base64, so that no shell takes it apart: name of the bridge, wanted, its uplink, and addresses. When
no uplink is wanted, it is the one that the role gave the bridge. With an uplink, the addresses are pinged; null stands
for those of the gateways of the host's default routes.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Callable, NamedTuple

from pyroute2 import IPRoute

DEVICES = Path("/sys/class/net")
OPENVSWITCH = Path("/run/openvswitch/db.sock")
PING = ("ping", "-q", "-c", "2", "-W", "2", "--")
SERVICES = ("NetworkManager", "networking", "wicked", "connman")
NM = "org.freedesktop.NetworkManager"
# what NetworkManager adds to routes of a device of a type that states none, ethernet first; a bridge has 425
METRICS = {"": 100, "vlan": 400}
# what a profile of NetworkManager says of the bridge as well as of the card
OF_BOTH = r"^(?:zone|stable-id|metered|mdns|llmnr|dns-over-tls|mptcp-flags|gateway-ping-timeout)=.*"
FILTERS = re.compile("^(?:VLANFiltering=yes|vlan-filtering=true)$|^ +pre-up .* vlan_filtering 1$", re.MULTILINE)
INTERFACES = Path("/etc/network/interfaces")
# other programs of the same name, which know no mapping
IFUPDOWNS = {"ifupdown2": Path("/usr/share/ifupdown2"), "ifupdown-ng": Path("/usr/libexec/ifupdown-ng")}
STANZAS = ("iface", "auto", "mapping", "source", "source-directory", "no-auto-down", "no-scripts", "template", "rename")
# what a stanza of ifupdown may be and say for a bridge to take it over; the card keeps CARD, and what is OF_CARD both
METHODS = ("inet static", "inet dhcp", "inet manual", "inet6 static", "inet6 dhcp", "inet6 auto", "inet6 manual")
OPTIONS = frozenset((
    "address", "netmask", "network", "broadcast", "gateway", "metric", "pointopoint", "scope", "hostname", "leasehours",
    "leasetime", "vendor", "client", "accept_ra", "autoconf", "privext", "preferred-lifetime", "dad-attempts",
    "dad-interval", "ll-attempts", "ll-interval", "request_prefix", "mtu", "hwaddress", "dns-nameserver",
    "dns-nameservers", "dns-search", "dns-domain", "dns-sortlist"))
COMMANDS = ("up", "post-up", "down", "pre-down", "post-down")
CARD = ("hwaddress",)
OF_CARD = (*CARD, "mtu")


def works(*command: str) -> bool:
    """Whether a command succeeds, which one that is not there does not."""
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return done.returncode == 0


def output(*command: str) -> str | None:
    """What a command prints, None when it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def busctl(*words: str) -> list | str | bool | None:
    """What NetworkManager answers over D-Bus; None when it does not."""
    said = output("busctl", "--system", "--json=short", words[0], NM, *words[1:])
    return json.loads(said)["data"] if said else None


def text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def bridge(name: str) -> dict | None:
    """Its kind, whether it filters VLANs, its ports, and whether the role made it; None when there is none."""
    ports = output("ovs-vsctl", "--timeout=10", "list-ports", name) if OPENVSWITCH.exists() else None
    if ports is not None:
        mark = output("ovs-vsctl", "--timeout=10", "br-get-external-id", name, "virtnet")
        return {"kind": "openvswitch", "ports": ports.split(), "own": mark == "host_bridge"}
    device = DEVICES / name
    if not device.exists():
        return None
    if not (device / "bridge").is_dir():
        return {"kind": "other", "ports": [], "own": False}
    made = [start + name + known.makes for known in KEEPERS.values() for start in known.starts]
    own = [said for said in (text(Path(path)) for path in made) if said is not None]
    # whether one of the role filters VLANs is up to its file; what the kernel has of that the role puts back
    filters = any(map(FILTERS.search, own)) if own else text(device / "bridge" / "vlan_filtering") == "1\n"
    return {
        "kind": "vlan" if filters else "linux",
        "ports": sorted(port.name for port in (device / "brif").iterdir()),
        "own": bool(own),
    }


def files(keeper: str, name: str) -> list:
    """The files that the role wrote for this bridge."""
    known = KEEPERS[keeper]
    paths = [start + name + end for start in known.starts for end in known.ends]
    return [path for path in paths if Path(path).exists()]


def record(keeper: str, name: str) -> dict:
    """What the role wrote down in the first line of a file: the uplink, and where its addresses are stated."""
    known = KEEPERS[keeper]
    there = (text(Path(start + name + known.ends[0])) for start in known.starts)
    return json.loads(next(filter(None, there), "# {}").splitlines()[0][1:])


def uplink(netlink: IPRoute, name: str) -> dict:
    device = DEVICES / name
    if not device.exists():
        return {"name": name, "exists": False}
    addresses = netlink.get_addr(index=socket.if_nametoindex(name))
    master = device / "master"
    return {
        "name": name,
        "exists": True,
        "mac": (text(device / "address") or "").strip(),
        "master": master.resolve().name if master.exists() else None,
        "carries": sorted({upper.name[6:] for upper in device.glob("upper_*")} - {master.resolve().name}),
        "addresses": [found.get_attr("IFA_ADDRESS") for found in addresses if found["scope"] == 0],
    }


def kept_by_networkd(name: str) -> list | None:
    status = json.loads(output("networkctl", "--json=short", "status", name) or "{}")
    if status.get("AdministrativeState", "unmanaged") == "unmanaged":
        return None
    return [path for path in [status.get("NetworkFile"), *status.get("NetworkFileDropins", [])] if path]


def device_of(name: str) -> str:
    return (busctl("call", "/org/freedesktop/NetworkManager", NM, "GetDeviceByIpIface", "s", name) or [""])[0]


def active_of(device: str, member: str) -> str:
    """What NetworkManager says of the profile that is active on a device; empty where there is none."""
    active = busctl("get-property", device, NM + ".Device", "ActiveConnection") if device else None
    return "" if active in (None, "/") else busctl("get-property", active, NM + ".Connection.Active", member)


def kept_by_networkmanager(name: str) -> list | None:
    """The file of its profile, or an empty path for one that was not saved."""
    device = device_of(name)
    if not device or not busctl("get-property", device, NM + ".Device", "Managed"):
        return None
    profile = active_of(device, "Connection")
    return [busctl("get-property", profile, NM + ".Settings.Connection", "Filename")] if profile else []


def kept_by_ifupdown(name: str) -> list | None:
    if not works("ifquery", "--state", name):
        return None
    return sorted({stanza["file"] for stanza in stanzas(INTERFACES, name)})


class Keeper(NamedTuple):
    """Who keeps the network of a host: its service, which files have it keep a device, and those that the role writes.

    They have two starts, for those that last and those on trial, which are all that there is where nobody could confirm
    that the first are to be. Of their ends the first is of the one with the role's record, and ``makes`` is that of the
    one that makes the bridge. ``sections`` tells what the sections of a file for an uplink are about:
    the card, the rest, which a bridge takes over, or the file itself; ``others`` tells that of all others.
    """

    service: str
    keeps: Callable[[str], list | None]
    starts: tuple
    ends: tuple
    makes: str
    sections: dict
    others: str


PROFILES = "/NetworkManager/system-connections/"
KEEPERS = {
    "networkd": Keeper(
        "systemd-networkd", kept_by_networkd,
        ("/etc/systemd/network/05-virtnet-", "/run/systemd/network/04-virtnet-"),
        (".network", ".netdev", "-uplink.network"), ".netdev",
        {"Link": "card", "SR-IOV": "card", "Match": "file"}, "rest"),
    "NetworkManager": Keeper(
        "NetworkManager", kept_by_networkmanager,
        ("/etc" + PROFILES + "virtnet-", "/run" + PROFILES + "virtnet-"),
        (".nmconnection", "-uplink.nmconnection"), ".nmconnection",
        {**dict.fromkeys(("ipv4", "ipv6", "proxy", "hostname"), "rest"),
         **dict.fromkeys(("connection", "match", "user", "802-1x"), "file")}, "card"),
    "ifupdown": Keeper(
        "networking", kept_by_ifupdown, ("/etc/network/interfaces.d/virtnet-", "/run/network/virtnet-"),
        ("", "-uplink"), "", {}, "file"),
}


def keeper_of(name: str, wanted: str) -> str:
    """Who keeps a bridge of the role, or is to keep it: who keeps its uplink, or else the first that runs."""
    active = [keeper for keeper, found in KEEPERS.items() if works("systemctl", "is-active", found.service)]
    for found in ([keeper for keeper in KEEPERS if files(keeper, name)],
                  [keeper for keeper in KEEPERS if wanted and KEEPERS[keeper].keeps(wanted) is not None], active):
        if found:
            return found[0]
    return ""


def stated(keeper: str, paths: list) -> dict:
    """What files say about the card itself, and the rest, which a bridge can take over."""
    whole = "\n".join(text(Path(path)) or "" for path in paths)
    sections = re.findall(r"^\[([^\]\n]+)\](.*?)(?=^\[|\Z)", whole, re.MULTILINE | re.DOTALL)
    found: dict = {"card": [], "rest": [], "file": []}
    for name, lines in sections:
        place = KEEPERS[keeper].sections.get(name, KEEPERS[keeper].others)
        found[place].append("[%s]%s" % (name, lines.rstrip()))
    about = "\n".join(found.pop("file"))  # where passwords may be, which are not told
    kind = "".join(re.findall(r"^type=(\S+)", about, re.MULTILINE))
    if kind:
        found["rest"] = [with_metric(section, METRICS.get(kind, METRICS[""])) for section in found["rest"]]
    return {**{place: "\n\n".join(texts) for place, texts in found.items()},
            "both": re.findall(OF_BOTH, about, re.MULTILINE),
            "type": kind,
            "sections": [name for name, _lines in sections]}


def with_metric(section: str, metric: int) -> str:
    """A section of a profile whose routes are to be worth as much on the bridge as they were on the card."""
    if not section.startswith(("[ipv4]", "[ipv6]")) or re.search(r"^route-metric=\d", section, re.MULTILINE):
        return section
    return "%s\nroute-metric=%d" % (re.sub(r"\nroute-metric=.*", "", section), metric)


def interfaces(path: Path) -> list:
    """All that files of ifupdown say: of each stanza the file, its words, and the lines below."""
    found: list = []
    below: list = []
    for line in re.sub(r"\\\n", " ", text(path) or "").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] in ("source", "source-directory"):
            words[1] = str(path.parent / words[1]) + ("/*" if words[0] == "source-directory" else "")
        if words[0] in STANZAS or words[0].startswith("allow-"):
            below = []
            found.append({"file": str(path), "words": words, "lines": below})
            for other in sorted(Path("/").glob(words[1][1:])) if words[0].startswith("source") else []:
                found += interfaces(other)
        else:
            below.append(" ".join(words))
    return found


def stanzas(path: Path, name: str) -> list:
    """What files of ifupdown say of a device: the file, what stands behind its name, and the lines below."""
    return [{"file": found["file"], "kind": " ".join(found["words"][2:]), "lines": found["lines"]}
            for found in interfaces(path) if found["words"][:2] == ["iface", name]]


def with_card(stanza: dict) -> dict:
    """A stanza with the lines that are about the card itself, and those that a bridge takes over."""
    card = [line for line in stanza["lines"] if line.split()[0] in OF_CARD]
    return {**stanza, "card": card, "rest": [line for line in stanza["lines"] if line.split()[0] not in CARD]}


def in_the_way(bridge_name: str, name: str) -> str:
    """Why the role does not write the stanzas of a bridge; empty where it does."""
    said = interfaces(INTERFACES)
    start = KEEPERS["ifupdown"].starts[0] + bridge_name
    own = [start + end for end in KEEPERS["ifupdown"].ends]
    others = [found for found in said if found["file"] not in own]
    for other, path in IFUPDOWNS.items():
        if path.exists():
            return "is %s" % other
    if not any(read_by(found["words"], own) for found in others):
        return "does not read %s; have a line source %s/* in %s" % (own[0], Path(start).parent, INTERFACES)
    for found in others:
        reason = obstacle(found, bridge_name, name)
        if reason:
            return "reads in %s %s" % (found["file"], reason)
    return ""


def read_by(words: list, paths: list) -> bool:
    """Whether a stanza has all these files read; of a whole directory only those with plain names are."""
    plain = words[0] == "source" or all(re.fullmatch("[a-zA-Z0-9_-]+", Path(path).name) for path in paths)
    return words[0].startswith("source") and plain and all(fnmatch.fnmatch(path, words[1]) for path in paths)


def obstacle(stanza: dict, bridge_name: str, name: str) -> str:
    """What of a stanza is in the way of a bridge with this uplink; empty where nothing is."""
    keyword, *words = stanza["words"]
    if keyword == "mapping" and name and any(fnmatch.fnmatch(name, pattern) for pattern in words):
        return "a mapping of %s" % name
    if keyword == "iface" and words[:1] == [bridge_name]:
        return "a stanza of %s" % bridge_name
    if keyword == "iface" and name and words[0].startswith(name + ":"):
        return "a stanza of %s, which is another name of %s" % (words[0], name)
    if keyword != "iface" or words[0] != name:
        return ""
    if " ".join(words[1:]) not in METHODS:
        return "iface %s, and this role takes over %s" % (" ".join(words), ", ".join(METHODS))
    named = re.compile(r"(?<![\w.-])(?:%s|\$\{?(?:IFACE|LOGICAL)\b)(?![\w-])" % re.escape(name))
    for line in stanza["lines"]:
        option, _space, value = line.partition(" ")
        if option in COMMANDS and named.search(value):
            return "a command for %s itself: %s" % (name, line)
        if option not in OPTIONS and option not in COMMANDS:
            return "of %s a line that this role does not take over: %s" % (name, option)
    return ""


def gateways(netlink: IPRoute) -> list:
    routes = netlink.get_default_routes(family=socket.AF_INET)
    return sorted({route.get_attr("RTA_GATEWAY") for route in routes} - {None})


def main(name: str, wanted: str, addresses: list | None) -> dict:
    keeper = keeper_of(name, wanted)
    known = record(keeper, name) if keeper else {}
    service = KEEPERS[keeper].service if keeper else ""
    found = {
        "keeper": keeper,
        "runs": works("systemctl", "is-active", service),
        "at_boot": works("systemctl", "is-enabled", service),
        "services": [service for service in SERVICES if works("systemctl", "is-active", service)],
        "openvswitch": OPENVSWITCH.exists(),
        "bridge": bridge(name),
        "files": files(keeper, name) if keeper else [],
        "uplink": None,
        "sources": [],
        "missing": [],
        "silent": [],
        "check": [],
        "stated": stated("", []),
        "profile": "",
        "stanzas": [],
        "unwritten": "",
    }
    wanted = wanted or known.get("uplink") or ""
    if keeper == "ifupdown":
        found["stanzas"] = [with_card(stanza) for stanza in stanzas(INTERFACES, wanted)] if wanted else []
        found["unwritten"] = in_the_way(name, wanted)
    if wanted:
        with IPRoute() as netlink:
            found["uplink"] = uplink(netlink, wanted)
            found["check"] = gateways(netlink) if addresses is None else addresses
        # Where it is in the bridge already, the file that is in force is the role's own.
        kept = KEEPERS[keeper].keeps(wanted) if keeper else None
        sources = known["sources"] if known.get("uplink") == wanted else kept or []
        found["uplink"]["kept"] = kept is not None
        found["sources"] = sources
        found["missing"] = [path for path in sources if path and not Path(path).exists()]
        if keeper == "NetworkManager":
            found["profile"] = active_of(device_of(wanted), "Uuid")
        if keeper:
            found["stated"] = stated(keeper, sources)
        found["silent"] = [address for address in found["check"] if not works(*PING, address)]
    return {**found, "record": known}


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(base64.b64decode(sys.argv[1])))))
