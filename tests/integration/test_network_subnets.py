# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the subnets that a network gets and gives up."""

from __future__ import annotations

import json

import pytest
from integration.host import sh
from integration.modules import Failed, converge, run

pytestmark = pytest.mark.both


@pytest.mark.parametrize(("address", "prefix"), [("10.88.0.1", 8), ("172.30.0.1", 16), ("192.168.188.1", 24)])
def test_the_prefix_that_is_told_is_the_one_that_libvirt_takes(clean, address: str, prefix: int):
    lab = {"name": "lab", "state": "active", "bridge": {"name": "lab0"}, "ips": [{"address": address}]}
    done = converge("network", **lab)
    told = "ips[0].prefix: is missing, and libvirt takes %d by the class" % prefix
    assert any(told in one for one in done["warnings"])
    found = json.loads(sh("ip -j -4 addr show lab0"))[0]["addr_info"][0]
    assert (found["local"], found["prefixlen"]) == (address, prefix)
    assert run("network", **lab)["warnings"] == []
    assert not any("class" in one for one in run("network", **lab, domain={"name": "example"})["warnings"])


def test_records_of_a_former_subnet_are_told(clean):
    lab = {"name": "lab", "state": "active", "bridge": {"name": "lab0"}}
    run("network", **lab, ips=[{"address": "10.88.1.1", "prefix": 24}], dns={"hosts": [
        {"ip": "10.88.1.7", "hostnames": ["web"]}, {"ip": "192.0.2.7", "hostnames": ["elsewhere"]}]})
    done = converge("network", **lab, ips=[{"address": "10.88.2.1", "prefix": 24}])
    assert [one.partition(":")[0] for one in done["warnings"]] == ["dns.hosts[10.88.1.7]"]
    assert "10.88.1.7" in sh("virsh net-dumpxml lab")


@pytest.mark.parametrize("module", ["network", "network_info", "topology", "topology_info", "nwfilter", "put_back"])
def test_an_option_that_is_misspelled_is_told_with_the_one_that_is_meant(clean, module: str):
    with pytest.raises(Failed, match=r"^ury: no such option; did you mean uri[?] There are "):
        run(module, ury="qemu:///system")
