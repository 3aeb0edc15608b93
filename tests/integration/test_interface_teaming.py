# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of a virtio interface and a virtual function as one task; that it keeps the connection is shown in the lab."""

from __future__ import annotations

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.modules import Failed, converge, run
from lxml import etree

pytestmark = pytest.mark.both
MAC = "52:54:00:00:05:01"
FUNCTION = {"type": "hostdev", "managed": True,
            "source": {"hostdev": {"type": "pci", "domain": "0x0000", "bus": "0x65", "slot": "0x10",
                                   "function": "0x1"}}}
VIRTIO = {"domain": "guest", "type": "bridge", "source": {"bridge": "hostbr0"}, "mac": {"address": MAC},
          "alias": {"name": "ua-web"}}


@pytest.fixture
def off(clean):
    """A guest that is defined and does not run."""
    return clean.defineXML(domain_xml("guest", ""))


def converged(**task) -> dict:
    return converge("interface", **task)


def interfaces() -> list:
    """Type, MAC address and teaming of the configured interfaces."""
    document = etree.fromstring(sh("virsh dumpxml --inactive guest"))
    return [(one.get("type"), one.find("mac").get("address"), dict(one.find("teaming").attrib)
             if one.find("teaming") is not None else None) for one in document.findall("devices/interface")]


PAIR = [("bridge", MAC, {"type": "persistent"}),
        ("hostdev", MAC, {"type": "transient", "persistent": "ua-web"})]


def test_both_come_and_go_together(off):
    done = converged(**VIRTIO, partner=FUNCTION)
    assert interfaces() == PAIR
    assert done["interface"]["partner"]["teaming"] == {"type": "transient", "persistent": "ua-web"}
    assert run("interface", **done["interface"])["steps"] == []
    converged(domain="guest", alias={"name": "ua-web"}, state="absent", partner=FUNCTION)
    assert interfaces() == []


def test_each_half_is_changed_alone(off):
    converged(**VIRTIO, partner=FUNCTION)
    converged(**VIRTIO, link={"state": "down"}, partner=FUNCTION)
    moved = {**FUNCTION, "source": {"hostdev": {**FUNCTION["source"]["hostdev"], "function": "0x2"}}}
    steps = converged(**VIRTIO, partner=moved)["steps"]
    assert len(steps) == 1
    assert interfaces() == PAIR
    assert "function='0x2'" in sh("virsh dumpxml --inactive guest")


def test_an_interface_gets_a_partner_and_loses_it(off):
    run("interface", **VIRTIO)
    converged(**VIRTIO, partner=FUNCTION)
    assert interfaces() == PAIR
    converged(**VIRTIO, partner={})
    assert interfaces() == [("bridge", MAC, None)]


def test_info_tells_the_halves_apart(off):
    converged(**VIRTIO, partner=FUNCTION)
    found = run("interface_info", domain="guest")["interfaces"]
    assert [one["teaming"]["type"] for one in found] == ["persistent", "transient"]
    assert [one["status"]["drift"] for one in found] == [[], []]


def test_half_of_a_pair_does_not_go_alone(off):
    converged(**VIRTIO, partner=FUNCTION)
    with pytest.raises(Failed, match=r"^state: interface .* is one half of a pair; give partner"):
        run("interface", domain="guest", alias={"name": "ua-web"}, state="absent")
    assert interfaces() == PAIR


@pytest.mark.parametrize(("task", "message"), [
    ({"alias": None, "partner": FUNCTION}, r"^alias.name: is missing; a pair needs an alias of your own"),
    ({"model": {"type": "e1000e"}, "partner": FUNCTION}, r"^model.type: e1000e is not allowed; an interface with a"),
    ({"partner": {"type": "bridge", "source": {"bridge": "hostbr0"}}}, r"^partner.type: bridge is not allowed; give"),
    ({"partner": {"type": "network", "source": {"network": "lab"}}}, r"^partner.source.network: network lab is no"),
    ({"partner": {**FUNCTION, "mac": {"address": "52:54:00:00:05:99"}}}, r"^partner.mac.address: 52:54:00:00:05:99 is"),
    ({"partner": {"type": "hostdev"}}, r"^partner.source.hostdev"),
    ({"partner": {"type": "nothing"}}, r"^partner.type: \"nothing\" is not allowed"),
    ({"partner": {"no": 1}}, r"^partner.no: no such option"),
])
def test_what_is_no_pair_is_refused(off, task, message):
    run("network", name="lab", state="active", forward={"mode": "nat"}, bridge={"name": "lab0", "stp": False},
        ips=[{"address": "192.168.160.1", "prefix": 24}])
    with pytest.raises(Failed, match=message):
        run("interface", **{name: value for name, value in {**VIRTIO, **task}.items() if value is not None})
    assert interfaces() == []
