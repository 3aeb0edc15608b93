"""look.py QUESTION: prints what the role has to know of the host, as JSON.

QUESTION is JSON in Base64, so that no shell takes it apart: name of the bridge, wanted, its uplink, and addresses. When
no uplink is wanted, it is the one that the role gave the bridge. With an uplink, the addresses are pinged; null stands
for those of the gateways of the host's default routes.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

from pyroute2 import IPRoute

DEVICES = Path("/sys/class/net")
# Those that last, and those on trial, which are all that there is where nobody could confirm that the first are to be.
FILES = ("/etc/systemd/network/05-virtnet-", "/run/systemd/network/04-virtnet-")
ENDS = (".netdev", ".network", "-uplink.network")
OPENVSWITCH = Path("/run/openvswitch/db.sock")
CARD = ("[Link]", "[SR-IOV]")
PING = ("ping", "-q", "-c", "2", "-W", "2", "--")
SERVICES = ("NetworkManager", "networking", "wicked", "connman")


def works(*command: str) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def output(*command: str) -> str | None:
    """What a command prints, None when it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


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
    return {
        "kind": "vlan" if text(device / "bridge" / "vlan_filtering") == "1\n" else "linux",
        "ports": sorted(port.name for port in (device / "brif").iterdir()),
        "own": any(path.endswith(".netdev") for path in files(name)),
    }


def files(name: str) -> dict:
    """The files of networkd that the role wrote for this bridge."""
    paths = [Path(start + name + end) for start in FILES for end in ENDS]
    return {str(path): path.read_text(encoding="utf-8") for path in paths if path.exists()}


def record(name: str) -> dict:
    """What the role wrote down in the first line of its file: the uplink, and where its addresses are stated."""
    there = (text(Path(start + name + ".network")) for start in FILES)
    return json.loads(next(filter(None, there), "# {}").splitlines()[0][1:])


def uplink(netlink: IPRoute, name: str) -> dict:
    device = DEVICES / name
    if not device.exists():
        return {"name": name, "exists": False}
    status = json.loads(output("networkctl", "--json=short", "status", name) or "{}")
    addresses = netlink.get_addr(index=socket.if_nametoindex(name))
    master = device / "master"
    return {
        "name": name,
        "exists": True,
        "mac": (text(device / "address") or "").strip(),
        "master": master.resolve().name if master.exists() else None,
        "carries": sorted({upper.name[6:] for upper in device.glob("upper_*")} - {master.resolve().name}),
        "addresses": [found.get_attr("IFA_ADDRESS") for found in addresses if found["scope"] == 0],
        "managed": status.get("AdministrativeState", "unmanaged") != "unmanaged",
        "sources": [path for path in [status.get("NetworkFile"), *status.get("NetworkFileDropins", [])] if path],
    }


def stated(paths: list) -> dict:
    """What these files of networkd say about the card itself, and the rest, which a bridge can take over."""
    texts = [Path(path).read_text(encoding="utf-8") for path in paths if Path(path).exists()]
    sections = re.findall(r"^\[[\w-]+\].*?(?=^\[|\Z)", "\n".join(texts), re.MULTILINE | re.DOTALL)
    card = [section.strip() for section in sections if section.startswith(CARD)]
    rest = [section.strip() for section in sections if not section.startswith((*CARD, "[Match]"))]
    return {"card": "\n\n".join(card), "rest": "\n\n".join(rest)}


def gateways(netlink: IPRoute) -> list:
    routes = netlink.get_default_routes(family=socket.AF_INET)
    return sorted({route.get_attr("RTA_GATEWAY") for route in routes} - {None})


def main(name: str, wanted: str, addresses: list | None) -> dict:
    known = record(name)
    found = {
        "networkd": works("systemctl", "is-active", "systemd-networkd"),
        "networkd_at_boot": works("systemctl", "is-enabled", "systemd-networkd"),
        "services": [service for service in SERVICES if works("systemctl", "is-active", service)],
        "openvswitch": OPENVSWITCH.exists(),
        "bridge": bridge(name),
        "files": files(name),
        "uplink": None,
        "sources": [],
        "missing": [],
        "silent": [],
        "check": [],
        "stated": {"card": "", "rest": ""},
    }
    wanted = wanted or known.get("uplink") or ""
    if wanted:
        with IPRoute() as netlink:
            found["uplink"] = uplink(netlink, wanted)
            found["check"] = gateways(netlink) if addresses is None else addresses
        # Where it is in the bridge already, the file that is in force is the role's own.
        sources = known["sources"] if known.get("uplink") == wanted else found["uplink"].get("sources", [])
        found["sources"] = sources
        found["missing"] = [path for path in sources if not Path(path).exists()]
        found["stated"] = stated(sources)
        found["silent"] = [address for address in found["check"] if not works(*PING, address)]
    return {**found, "record": known}


if __name__ == "__main__":
    print(json.dumps(main(**json.loads(base64.b64decode(sys.argv[1])))))
