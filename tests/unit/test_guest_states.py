# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that do not simply run: what is done with their interfaces, and what waits."""

from __future__ import annotations

import pytest
from unit.fake_host import parts
from unit.test_interface import BRIDGE_LAB, CONFIGURED, MAC, OFF, ON, SEVENTH, domain, host_parts, titles

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import Outcome
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Plan
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.report import result_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import UNUSUAL
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.resource import Interface
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.states import STATES
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

RUNS = ("<interface type='bridge'><mac address='%s'/><source network='lab' portid='p' bridge='br0'/>"
        "<target dev='vnet3'/><alias name='net0'/></interface>" % MAC)
LAB = {"network": "lab"}
HOLDS = [state for state, what in STATES.items() if what.holds]


def host(state: str = "", saved: str | None = None, persistent: bool = True) -> Snapshot:
    """A guest "on" in a state, and a guest "off" with a managed save."""
    found = host_parts(domain(CONFIGURED), domain(RUNS), {"lab": BRIDGE_LAB})
    found["domains"][ON].update({"state": state} if state else {}, persistent=persistent)
    found["domains"][OFF].update({"saved": True} if saved is not None else {})
    return Snapshot.of_record(parts(**found, domain_saved={OFF: saved}))


def plan(seen: Snapshot, guest: str, state: str = "present", mac: str = MAC, **options: object) -> Plan:
    settings = {name: options.pop(name) for name in ("layers", "replace") if name in options}
    wish = Interface(guest, {"mac": {"address": mac}, **options}, state, **settings)
    return wish.plan(wish.look(seen))


def test_every_state_that_libvirt_tells_of_is_in_the_table():
    assert {*UNUSUAL.values(), ""} == set(STATES)


@pytest.mark.parametrize("state", HOLDS)
def test_a_guest_that_stands_still_is_changed_in_place_and_plugged_and_lets_nothing_go(state: str):
    seen = host(state)
    changed = plan(seen, "on", link={"state": "down"})
    assert [title.split(" of ")[0] for title in titles(changed)] == ["change link.state", "change the configuration"]
    assert titles(plan(seen, "on", mac=SEVENTH, type="network", source=LAB))[0].startswith("plug in")
    for wish in ({"state": "absent"}, {"model": {"type": "e1000"}, "replace": True}):
        with pytest.raises(Invalid, match=r"domain: guest on .* lets no interface go.*or give layers: \[config\]"):
            plan(seen, "on", **wish)
    assert len(titles(plan(seen, "on", "absent", layers=["config"]))) == 1


def test_of_a_guest_that_shuts_down_the_configuration_is_changed_alone():
    seen = host("in shutdown")
    found = plan(seen, "on", model={"type": "e1000"})
    assert (titles(found), found.waiting) == (["change the configuration of interface %s of guest on" % MAC], [])
    assert titles(plan(seen, "on", "absent")) == ["remove interface %s of guest on from its configuration" % MAC]
    with pytest.raises(Invalid, match="domain: guest on is shutting down; wait until it has"):
        plan(seen, "on", link={"state": "down"}, layers=["live"])
    with pytest.raises(Invalid, match="domain: guest on is shutting down"):
        plan(host("in shutdown", persistent=False), "on", link={"state": "down"})


def test_a_transient_guest_has_no_configuration_and_nothing_waits_for_it():
    seen = host(persistent=False)
    assert len(titles(plan(seen, "on", link={"state": "down"}))) == 1
    with pytest.raises(Invalid, match=r"model\.type: cannot change while guest on runs; give replace: true"):
        plan(seen, "on", model={"type": "e1000"})
    with pytest.raises(Invalid, match="layers: guest on is transient"):
        plan(seen, "on", link={"state": "down"}, layers=["config"])


@pytest.mark.parametrize(("saved", "wish", "waits"), [
    (CONFIGURED, {"link": {"state": "down"}}, ["link.state"]),
    (CONFIGURED, {"state": "absent"}, [""]),
    (CONFIGURED, {"mac": SEVENTH, "type": "network", "source": LAB}, [""]),
    (CONFIGURED.replace("lab", "old"), {"source": LAB}, ["source.network"]),
    (CONFIGURED, {"source": LAB}, []),
    (None, {"link": {"state": "down"}}, []),
])
def test_a_guest_with_a_managed_save_goes_on_as_it_was_saved(saved: str | None, wish: dict, waits: list):
    found = plan(host(saved=None if saved is None else domain(saved)), "off", **wish)
    assert [str(one.path) for one in found.waiting] == waits
    result = result_of(Outcome(Interface("off", {}), found, None))
    assert result["restart_required"] is bool(waits)
    assert [(one["kind"], one["name"]) for one in result["restarts"]] == [("guest", "off")] * bool(waits)
    assert all("virsh managedsave-remove off" in one["why"] for one in result["restarts"])


def test_what_waits_says_why_and_for_which_guest():
    result = result_of(Outcome(Interface("on", {}), plan(host(), "on", model={"type": "e1000"}), None))
    assert result["restarts"] == [{"kind": "guest", "name": "on", "why": (
        "interface %s of guest on: model.type waits until guest on is shut down and started again; replace: true would"
        " have the interface unplugged and plugged in" % MAC)}]
