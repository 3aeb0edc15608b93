# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check that integration tests make of each result finds what is not as documented."""

from __future__ import annotations

import pytest
from returned import problems

GOOD = {
    "changed": True, "steps": ["define network lab"], "restart_required": False, "failed": False, "diff": {},
    "drift": [{"layer": "kernel", "path": "mtu.size", "desired": 1500, "current": None}],
    "restarts": [{"kind": "guest", "name": "web", "why": "so"}], "network": {"name": "lab", "mtu": {"size": 1500}},
}
READ = {
    "changed": False, "failed": False,
    "network_ports": [{"network": "lab", "uuid": "1", "group": "web",
                       "status": {"left_out": [], "guest": None, "guest_interface": "vnet0"}}],
}


def test_what_is_as_documented_has_no_problem():
    assert problems("network", GOOD) == []
    assert problems("network_port_info", READ) == []


def test_no_task_sees_what_is_for_the_action_plugin():
    assert problems("network", dict(GOOD, unconfirmed={"record": "r", "timeout": 1, "boot": "b"})) == []


@pytest.mark.parametrize(("change", "problem"), [
    ({"more": 1}, "more is returned and not documented"),
    ({"steps": "define"}, "steps is str, documented as list"),
    ({"steps": [1]}, "steps[0] is int, documented as str"),
    ({"restart_required": 1}, "restart_required is int, documented as bool"),
    ({"network": None}, "network is null, of which its documentation does not speak"),
    ({"restarts": [{"kind": "guest", "name": "web", "since": 1}]}, "restarts[0].since is returned and not documented"),
    ({"network": {"name": "lab", "live": {}}}, "network.live is returned and not documented"),
])
def test_what_a_module_that_changes_something_returns(change, problem):
    assert problems("network", dict(GOOD, **change)) == [problem]


def test_what_is_documented_is_returned():
    del (less := dict(GOOD))["steps"]
    assert problems("network", less) == ["steps is documented and not returned"]


@pytest.mark.parametrize(("change", "problem"), [
    ({"status": {"left_out": [], "guest": None}}, "status.guest_interface is documented and not returned"),
    ({"status": {"left_out": None, "guest": None, "guest_interface": None}},
     "status.left_out is null, of which its documentation does not speak"),
    ({"color": "blue"}, "color is returned and not documented"),
])
def test_what_a_module_that_reads_returns(change, problem):
    ports = [dict(READ["network_ports"][0], **change)]
    assert problems("network_port_info", dict(READ, network_ports=ports)) == ["network_ports[0]." + problem]


def test_what_supports_a_difference_returns_it():
    del (less := dict(GOOD))["diff"]
    assert problems("network", less) == ["diff is missing, and support of diff_mode full"]
    assert problems("network_port_info", dict(READ, diff={})) == ["diff is returned, and support of diff_mode none"]


def test_a_failure_has_only_its_message():
    assert problems("network", {"failed": True, "msg": "no"}) == []
    assert problems("network", {"failed": True, "msg": "no", "network": {}}) == [
        "network is returned of a failure, and not documented for that"]
    assert problems("topology", {"failed": True, "msg": "no", "refused": ["no"], "objects": [], "restarts": []}) == []
    assert "refused is returned and not documented" in problems("topology", {"refused": []})
