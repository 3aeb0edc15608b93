# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of Open vSwitch: what its database answers, and what libvirt writes there."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path as File

import pytest
from unit import networks
from unit.networks import lab

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.vlan import VLAN, tags_of_port
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import ovsdb
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.uses import guests_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.piece import network as piece
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.taps import tag_repairs

LIVE = {"name": "lab", "forward": {"mode": "bridge"}, "bridge": {"name": "br0"}, "virtualport": {"type": "openvswitch"}}
EMPTY = ["set", []]
ROWS = [
    [{"name": "br0", "ports": ["set", [["uuid", "p0"], ["uuid", "p1"]]]}],
    [{"_uuid": ["uuid", "p0"], "name": "br0", "interfaces": ["uuid", "i0"], "tag": EMPTY, "trunks": EMPTY,
      "vlan_mode": EMPTY, "qos": EMPTY},
     {"_uuid": ["uuid", "p1"], "name": "vnet0", "interfaces": ["uuid", "i1"], "tag": 5, "trunks": ["set", [6, 5]],
      "vlan_mode": "native-tagged", "qos": ["uuid", "q1"]}],
    [{"_uuid": ["uuid", "i0"], "name": "br0", "ingress_policing_rate": 0, "ingress_policing_burst": 0},
     {"_uuid": ["uuid", "i1"], "name": "vnet0", "ingress_policing_rate": 4096, "ingress_policing_burst": 256}],
    [{"_uuid": ["uuid", "q1"], "other_config": ["map", [["min-rate", "8000000"], ["burst", "524288"]]]}],
]
BARE = {"tag": None, "trunks": [], "vlan_mode": None}


def test_rows_become_ports():
    ports = ovsdb.ports_of([{"rows": rows} for rows in ROWS])
    assert ports["br0"] == {"bridge": "br0", "devices": ["br0"], **BARE, "traffic": {"sent": {}, "received": None}}
    assert ports["vnet0"].pop("traffic") == {"sent": {"1": {"rate": 1000000, "ceil": 1000000, "burst": 65536}},
                                             "received": {"rate": 512000, "burst": 32768}}
    assert ports["vnet0"] == {"bridge": "br0", "devices": ["vnet0"], "tag": 5, "trunks": [5, 6],
                              "vlan_mode": "native-tagged"}


def test_a_bond_is_a_port_of_several_devices():
    bridges, ports, interfaces, limits = ROWS
    bond = dict(ports[1], interfaces=["set", [["uuid", "i0"], ["uuid", "i1"]]])
    found = ovsdb.ports_of([{"rows": rows} for rows in (bridges, [bond], interfaces, limits)])
    assert found["vnet0"]["devices"] == ["br0", "vnet0"]


@pytest.fixture
def database(tmp_path: File, monkeypatch: pytest.MonkeyPatch):
    """A database that gives one answer, in pieces, and keeps what it was asked."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "db.sock"))
        listening.listen()
        monkeypatch.setattr(ovsdb, "SOCKET", str(tmp_path / "db.sock"))
        asked: list[dict] = []

        def answer(*pieces: bytes) -> list[dict]:
            def serve() -> None:
                with listening.accept()[0] as connection:
                    asked.append(json.loads(connection.recv(0x10000)))
                    for piece in pieces:
                        connection.sendall(piece)

            threading.Thread(target=serve, daemon=True).start()
            return asked

        yield answer


def test_an_answer_may_come_in_pieces(database):
    text = json.dumps({"id": 0, "error": None, "result": [{"rows": rows} for rows in ROWS]}).encode()
    middle = text.index(b"}") + 1  # which looks like an end
    asked = database(text[:middle], text[middle:-1], text[-1:] + b"\n")
    assert ovsdb.read_ports()["vnet0"]["tag"] == 5
    assert asked[0]["method"] == "transact" and asked[0]["params"][0] == "Open_vSwitch"


def test_tags_are_set_at_once(database):
    asked = database(b'{"id": 0, "error": null, "result": [{"count": 1}]}')
    ovsdb.set_tags("vnet0", {"tag": None, "trunks": [5, 6], "vlan_mode": "native-tagged"})
    assert asked[0]["params"][1:] == [{"op": "update", "table": "Port", "where": [["name", "==", "vnet0"]], "row": {
        "tag": EMPTY, "trunks": ["set", [5, 6]], "vlan_mode": "native-tagged"}}]


@pytest.mark.parametrize(("answer", "message"), [
    (b'{"id": 0, "error": null, "result": [{"count": 0}]}', "has no port vnet0"),
    (b'{"id": 0, "error": null, "result": [{"error": "constraint violation", "details": "no"}]}', "Open vSwitch: no"),
    (b'{"id": 0, "error": {"error": "unknown database"}, "result": null}', "unknown database"),
    (b'{"id": 0', "closed the connection"),
])
def test_what_the_database_refuses(database, answer: bytes, message: str):
    database(answer)
    with pytest.raises(KernelError, match=message):
        ovsdb.set_tags("vnet0", BARE)


def test_a_host_without_open_vswitch(tmp_path: File, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ovsdb, "SOCKET", str(tmp_path / "none"))
    assert ovsdb.read_ports() is None


@pytest.mark.parametrize(("vlan", "tags"), [
    ({}, BARE),
    ({"tags": [{"id": 5}]}, {**BARE, "tag": 5}),
    ({"trunk": True, "tags": [{"id": 5}]}, {**BARE, "trunks": [5]}),
    ({"tags": [{"id": 6}, {"id": 5}]}, {**BARE, "trunks": [5, 6]}),
    ({"tags": [{"id": 6}, {"id": 5, "native_mode": "untagged"}]},
     {"tag": 5, "trunks": [5, 6], "vlan_mode": "native-untagged"}),
])
def test_what_libvirt_writes_of_tags(vlan: dict, tags: dict):
    assert tags_of_port(VLAN.check(vlan) if vlan else vlan) == tags


@pytest.mark.parametrize(("switch", "lost"), [
    ({"br0": {"bridge": "br0"}, "vnet3": {"bridge": "br0", **BARE, "tag": 5}}, []),
    ({"br0": {"bridge": "br0"}, "vnet3": {"bridge": "br0", **BARE, "tag": 6, "trunks": [1]}}, ["tag", "trunks"]),
    ({"br0": {"bridge": "br0"}}, [""]),
    ({"br0": {"bridge": "br0"}, "vnet3": {"bridge": "br1", **BARE, "tag": 5}}, [""]),
    ({"br0": {"bridge": "parent"}, "vnet3": {"bridge": "parent", **BARE, "tag": 33}}, []),
    ({}, []),
])
def test_tags_of_a_guest(switch: dict, lost: list[str]):
    guest, = guests_of(lab(LIVE, LIVE, guests=(networks.guest(own="<vlan><tag id='5'/></vlan>"),)), "lab")
    found = list(tag_repairs("br0", switch, [guest._replace(tap="vnet3")], piece("lab")))
    drift = [".".join(map(str, one.drift.path[2:])) for one in found if one.drift]
    assert drift == [name and "vlan." + name for name in lost]
    assert sum(bool(one.step) for one in found) == bool(lost and lost != [""])
