# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of Open vSwitch as its database has them, by the database's own protocol (RFC 7047) over its local socket."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

from .errors import KernelError

if TYPE_CHECKING:
    from ..schema.options import Options

SOCKET = "/run/openvswitch/db.sock"
DATABASE = "Open_vSwitch"
TIMEOUT = 10  # seconds; the database answers at once, but no task shall hang
PAUSE = 0.2
READ = {"Bridge": ["name", "ports"], "Port": ["_uuid", "name", "interfaces", "tag", "trunks", "vlan_mode", "qos"],
        "Interface": ["_uuid", "name", "ingress_policing_rate", "ingress_policing_burst"],
        "QoS": ["_uuid", "other_config"]}
BITS = 8  # of a byte; libvirt writes bits, and of what a port receives kilobits


def read_ports() -> dict[str, Options] | None:
    """Every port by name: its bridge, devices (a bond has several), tag, trunks and vlan_mode, and what is limited of
    it as ``kernel`` has it of tc.

    None where there is no Open vSwitch.
    """
    try:
        return ports_of(_transact([{"op": "select", "table": table, "where": [], "columns": columns}
                                   for table, columns in READ.items()]))
    except OSError:
        return None


def set_tags(port: str, tags: Options, seconds: float = 0) -> None:
    """Gives a port its tag, trunks and vlan_mode, all at once; a database that is away is waited for so long."""
    row = {name: value if isinstance(value, (int, str)) else ["set", value or []] for name, value in tags.items()}
    done, = _patient([{"op": "update", "table": "Port", "where": [["name", "==", port]], "row": row}], seconds)
    if not done["count"]:
        raise KernelError("Open vSwitch has no port %s" % port)


def _patient(operations: list[Options], seconds: float) -> list[Options]:
    end = time.monotonic() + seconds
    while True:
        try:
            return _transact(operations)
        except OSError as error:
            if time.monotonic() >= end:
                raise KernelError("Open vSwitch: %s" % (error.strerror or error)) from error
        time.sleep(PAUSE)


# --- pure: rows to data


def ports_of(answers: list[Options]) -> dict[str, Options]:
    bridges, ports, interfaces, limits = (answer["rows"] for answer in answers)
    bridge_of = {uuid: bridge["name"] for bridge in bridges for uuid in _several(bridge["ports"])}
    by_uuid = {_one(row["_uuid"]): row for row in (*interfaces, *limits)}
    return {port["name"]: {
        "bridge": bridge_of.get(_one(port["_uuid"])),
        "devices": [by_uuid[uuid]["name"] for uuid in _several(port["interfaces"]) if uuid in by_uuid],
        "tag": _one(port["tag"]),
        "trunks": sorted(_several(port["trunks"])),
        "vlan_mode": _one(port["vlan_mode"]),
        "traffic": _traffic(by_uuid.get(_one(port["interfaces"])), by_uuid.get(_one(port["qos"]))),
    } for port in ports}


def _traffic(interface: Options | None, limits: Options | None) -> Options:
    """Rates in bytes per second and bursts in bytes, of what libvirt wrote."""
    said = dict(limits["other_config"][1]) if limits else {}
    numbers = {name: int(value) // BITS for name, value in said.items() if str(value).isdigit()}
    rate, policed = numbers.get("min-rate", 0), interface["ingress_policing_rate"] if interface else 0
    return {
        "sent": {"1": {"rate": rate, "ceil": numbers.get("max-rate", rate), "burst": numbers.get("burst", 0)}} if (
            rate) else {},
        "received": {"rate": policed * 1000 // BITS, "burst": interface["ingress_policing_burst"] * 1024 // BITS} if (
            interface and policed) else None,
    }


def _several(value: Any) -> list[Any]:
    """The atoms of a set, of which one alone stands for itself."""
    if isinstance(value, list) and value[0] == "set":
        return [_atom(one) for one in value[1]]
    return [_atom(value)]


def _one(value: Any) -> Any:
    return next(iter(_several(value)), None)


def _atom(value: Any) -> Any:
    return value[1] if isinstance(value, list) else value


# --- asking the database


def _transact(operations: list[Options]) -> list[Options]:
    """The results of operations that are done together or not at all. OSError when there is no answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(SOCKET)
        request = {"method": "transact", "params": [DATABASE, *operations], "id": 0}
        connection.sendall(json.dumps(request).encode())
        answer = _answer(connection)
    refused = answer["error"] or next((one for one in answer["result"] if one and one.get("error")), None)
    if refused:
        raise KernelError("Open vSwitch: %s" % (refused.get("details") or refused.get("error")))
    results: list[Options] = answer["result"]
    return results


def _answer(connection: socket.socket) -> Options:
    """What comes until it is a whole message; nothing else does until the database wonders whether we are there."""
    received = b""
    while True:
        data = connection.recv(0x10000)
        if not data:
            raise ConnectionError("the database closed the connection")
        received += data
        if data.rstrip().endswith(b"}"):
            try:
                answer: Options = json.loads(received)
            except ValueError:
                continue
            return answer
