# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any input, good or bad, gives a result or one clear error, in check mode and before anything is touched.

The inputs come from the tables of options, with some values exchanged for hostile ones. VIRTNET_FUZZ says how many
there are for each module, other ones each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration.modules import Failed, run
from unit import strategies
from unit.strategies import options

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.aspects import QOS, TAGS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network_entries import (
    DHCP_HOST,
    DNS_RECORD,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import DOCUMENTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.sriov import SRIOV
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import LISTS

EXAMPLES = int(os.environ.get("VIRTNET_FUZZ", "40"))
DEEP: list = []
for _ in range(60):
    DEEP = [DEEP]
HOSTILE = st.sampled_from([
    None, "", " ", "\n", "a\nb", "\x00", "a\x00b", "\x1b[2J", "\x7f", "\ud800", "\u2028", "..", ".", "/", "../../etc",
    "a/b", "-f", "--help", "%s", "%n{}", "{{ 1 }}", "<x/>", "&amp;", "'", '"', "\\", "a" * 300, "a" * 100000, 0, 1, -1,
    2**31, 2**63, 2**64, 10**400, 1.5, float("nan"), float("inf"), True, False, [], {}, [None], [[]], {"": ""},
    {"a": {"b": {}}}, {1: 2}, DEEP, "[" * 5000, "{" * 5000, "{}", "[]", "$A", "$A[@1]", "0x", "0x10", "010.1.1.1",
    "1.2.3.4/24", "::", "fe80::1%x", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "52:54:00:00:00:01", "yes", "no", "lab",
    "guest", "default", "lo",
])
CONTROL = st.fixed_dictionaries({}, optional={
    name: st.sampled_from(values) | HOSTILE for name, values in {
        "state": ["present", "absent", "active", "inactive"], "purge": [True], "force": [True], "restart": ["always"],
        "autostart": [True, False], "persistent": [True, False], "layers": [["config"], ["live"]], "xml": [
            "<network/>", "<network><name>lab</name></network>", "<interface/>", "<filter/>", "<networkport/>",
            "<filterbinding/>", "<a", "<network><name>a&#10;b</name></network>"],
        "allow_missing_references": [True], "replace": [True], "partner": [{}], "persist": [True],
        "status": [{}]}.items()})
# what Ansible says itself of an argument of a module
ANSIBLES = ("value of ", "argument '", "Unsupported parameters", "missing required", "one of the following",
            "parameters are ")
NAMES = st.sampled_from(["lab", "nothing"]) | HOSTILE
MODULES = {
    **{name: (document, ()) for name, document in DOCUMENTS.items()},
    "interface": (DOCUMENTS["interface"], ("domain",)), "network_port": (DOCUMENTS["network_port"], ("network",)),
    "sriov": (SRIOV, ()), "dhcp_host": (DHCP_HOST, ("network",)), "dns_record": (DNS_RECORD, ("network",)),
    "qos": (QOS, ("network", "portgroup", "port", "domain", "mac")),
    "vlan": (TAGS, ("network", "portgroup", "port", "domain", "mac")),
}


class AnyWord(dict):
    """Values of types of which the strategies know none, some of which will be taken."""

    def __missing__(self, allowed: str) -> st.SearchStrategy:
        return st.sampled_from(WORDS.split()) | st.text(max_size=6)


WORDS = """
1 0x10 a ua-a root mac-a ipv4 IP vfio-pci 8086:1572 0-2,4 virtio 1.2 52:54:00:00:00:01 10.0.0.1 fd00::1 $A NEW src
SYN/ALL 255.255.255.0 ff:ff:ff:ff:ff:ff tcp arp
"""
strategies.SAID = AnyWord(strategies.SAID)
DOMAIN = """
<domain type='qemu'><name>guest</name><memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab'/></interface></devices></domain>
"""


@st.composite
def bent(draw: st.DrawFn, value):
    """The same options with a few values, at any depth, exchanged for hostile ones."""
    if draw(st.integers(0, 5)) == 0:
        return draw(HOSTILE)
    if isinstance(value, dict):
        found = {name: draw(bent(inner)) for name, inner in value.items()}
        if draw(st.integers(0, 20)) == 0:
            found[draw(st.sampled_from(["adress", "", "a\nb", "x" * 5000]))] = 1
        return found
    return [draw(bent(inner)) for inner in value] if isinstance(value, list) else value


def inputs(name: str) -> st.SearchStrategy:
    if name == "topology":
        return st.fixed_dictionaries({}, optional={
            listed: st.lists(inputs(kind) | HOSTILE, max_size=2) for listed, kind in LISTS.items()})
    document, targets = MODULES[name]
    own = options(document, empties=True)
    named = st.fixed_dictionaries({}, optional=dict.fromkeys(targets, NAMES))
    name_of_it = st.fixed_dictionaries({}, optional={"name": NAMES} if document.node("name") else {})
    bad = own.flatmap(lambda given: st.fixed_dictionaries({key: bent(value) for key, value in given.items()}))
    return st.tuples(own | bad, CONTROL, named, name_of_it).map(
        lambda parts: {key: value for part in parts for key, value in part.items()})


@pytest.mark.parametrize("name", [*sorted(MODULES), "topology"])
def test_whatever_comes_in_a_clear_answer_comes_out(clean, name: str):
    run("network", name="lab", state="active", ips=[{"address": "192.168.199.1/24", "dhcp": {"ranges": [
        {"start": "192.168.199.5", "end": "192.168.199.9"}]}}], portgroups=[{"name": "default"}])
    clean.defineXML(DOMAIN)

    @given(inputs(name))
    @settings(max_examples=EXAMPLES, deadline=None, derandomize="VIRTNET_FUZZ" not in os.environ, database=None,
              suppress_health_check=list(HealthCheck))
    def answers(given_options: dict) -> None:
        try:
            run(name, check=True, **given_options)
        except Failed as failed:
            message = str(failed)
            assert "mistake in this collection" not in message and "exception" not in failed.result, message
            lines = message.split("\n") if name == "topology" else [message]  # a line for each thing that is wrong
            assert message.startswith(ANSIBLES) or all(one.isprintable() and len(one) < 1100 for one in lines), message
        except SystemExit:
            pass  # what Ansible itself refuses of its own arguments

    answers()
