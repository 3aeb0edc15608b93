# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that libvirt writes into its documents as they are, so that these are no XML any more."""

from __future__ import annotations

import pytest
from integration.host import sh
from integration.modules import Failed, converge, run
from lxml import etree

SIGNS = {"'": "&apos;", "&": "&amp;", "<": "&lt;"}


@pytest.mark.parametrize("sign", SIGNS)
def test_what_libvirt_could_not_read_again_is_refused(clean, sign: str):
    name = "a%sb" % sign
    for module, options, path in (
            ("network", {"name": "lab", "portgroups": [{"name": name}]}, r"portgroups\[0\]\.name"),
            ("nwfilter", {"name": name}, "name"),
            ("nwfilter", {"name": "own", "entries": [{"filterref": {"filter": name}}]},
             r"entries\[0\]\.filterref\.filter"),
            ("network", {"name": "lab", "virtualport": {"type": "openvswitch", "parameters": {"profileid": name}},
                         "forward": {"mode": "bridge"}, "bridge": {"name": "ovs0"}},
             r"virtualport\.parameters\.profileid")):
        with pytest.raises(Failed, match=r"^%s: .* is not allowed; give " % path):
            run(module, **options)


@pytest.mark.parametrize("sign", SIGNS)
def test_what_somebody_else_named_so_is_read_and_in_nobodys_way(clean, sign: str):
    clean.networkDefineXML("<network><name>odd</name><portgroup name='a%sb' default='yes'/></network>" % SIGNS[sign])
    odd = clean.nwfilterDefineXML("<filter name='a%sb'><filterref filter='clean-traffic'/></filter>" % SIGNS[sign])
    try:
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(clean.networkLookupByName("odd").XMLDesc())
        found, = run("network_info", names=["odd"])["networks"]
        assert '"a%sb" is not allowed' % sign in found["status"]["left_out"][0]
        assert "a%sb" % sign in [one["name"] for one in run("nwfilter_info")["nwfilters"]]
        assert run("topology_info")["changed"] is False
        converge("network", name="lab", state="active", ips=[{"address": "192.168.199.1/24"}])
        converge("nwfilter", name="own", entries=[{"filterref": {"filter": "clean-traffic"}}])
        run("network", name="odd", state="absent")
        assert "odd" not in sh("virsh net-list --all --name")
    finally:
        odd.undefine()
        run("nwfilter", name="own", state="absent")
