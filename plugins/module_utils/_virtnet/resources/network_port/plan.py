# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the steps that make a port of a virtual network as desired. Pure: all that is known comes with what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents.network import connection_of, manages_bridge, refused_vlan, vlan_refusal
from ...documents.network_port import NETWORK_PORT
from ...documents.virtualport import unfit_type
from ...engine.plan import Drift, Plan, Step
from ...host.uses import GuestInterface
from ...schema.errors import Invalid, Missing, Path
from ...schema.nodes import check_version
from ...schema.options import Options, is_empty, option
from ..bandwidth import can_set, rates, refuse_floor, tap_drift
from ..interface.piece import interface
from ..network.filtering import refuse_tags
from ..network.found import missing
from ..network.groups import has_group, no_group
from ..network.piece import network as piece
from ..owner import stable_uuid, stand_in
from .found import Port, PortFound, model

if TYPE_CHECKING:
    from .resource import NetworkPort


def plan_port(desired: NetworkPort, found: PortFound) -> Plan:
    _refuse_unclear(desired, found)
    if desired.absent:
        return _removal(desired, found)
    merged = merged_port(desired, found)
    drift = [Drift("live", *one) for one in NETWORK_PORT.differences(desired.options, found.current)]
    if found.port is None or drift:
        _check(desired, found, merged)
    plan = Plan(before=model(desired.name, found), after=dict(merged, network=desired.name))
    if found.port is None:
        _refuse_guests_mac(desired, found)
        plan.steps.append(_create(desired.name, merged))
        plan.needs |= {"make port"} | ({"write dnsmasq's files"} if manages_bridge(found.network or {}) else set())
        return plan
    _warn_of_guest(desired, found, plan)
    plan.drift = drift
    if not is_empty(desired.options.get("bandwidth")) and not any(_is_bandwidth(drift) for drift in plan.drift):
        plan.drift += tap_drift(merged.get("bandwidth"), found.traffic,
                                found.guest is not None and found.guest.live.get("type") == "direct")
    if plan.drift:
        plan.steps = _change(desired, found, found.port, plan.drift, merged)
        plan.needs.add("make port")
    return plan


def _refuse_unclear(desired: NetworkPort, found: PortFound) -> None:
    """Refuses a network that has no ports, and a name that several ports have."""
    if not found.exists:
        raise missing(desired.name, found.others)
    if found.network is None and not desired.absent:
        raise Missing("network", "network %s is not active; only an active network has ports" % desired.name)
    if len(found.ports) > 1:
        raise Invalid("uuid", "is missing; network %s has %d ports with MAC address %s" % (
            desired.name, len(found.ports), desired.options["mac"]["address"]))


def merged_port(desired: NetworkPort, found: PortFound) -> Options:
    """What the port is to be: what is desired, and of the rest what is there; raises Invalid."""
    options = dict(desired.options)
    if found.current is None:
        if not options.get("mac"):
            raise Invalid(Path("mac", "address"), "is missing")
        name = "%s/%s" % (desired.name, NETWORK_PORT.node("mac").normal(options["mac"])["address"])
        options.setdefault("owner", stand_in(name))
        options.setdefault("uuid", stable_uuid("port " + name))
    return NETWORK_PORT.merge(options, found.current)


def _check(desired: NetworkPort, found: PortFound, merged: Options) -> None:
    """Refuses what libvirt would refuse, or take without a word; what it has taken already is not judged."""
    NETWORK_PORT.check(merged, there=found.current)
    check_version(NETWORK_PORT.too_new(desired.options, found.version), found.version)
    mac = merged["mac"]["address"]
    if mac.lower().startswith("fe"):
        raise Invalid(Path("mac", "address"), "%s begins with fe, which is for the host's side" % mac)
    refuse_floor(merged.get("bandwidth"), desired.name, found.network, found.floors, found.configured)
    _refuse_group(desired, found)
    _refuse_vlan(desired.options, found)
    _refuse_switch(desired.options, found)


def _refuse_guests_mac(desired: NetworkPort, found: PortFound) -> None:
    """Refuses a second port with the MAC address of a guest: the bridge would send both what is for one."""
    mac = NETWORK_PORT.node("mac").normal(desired.options.get("mac") or {}) or {}
    for guest in found.guests:
        if guest.mac.lower() == mac.get("address"):
            raise Invalid(Path("mac", "address"), "%s is that of the running guest %s, which has a port on network %s;"
                          " give another" % (guest.mac, guest.domain, desired.name))


def _warn_of_guest(desired: NetworkPort, found: PortFound, plan: Plan) -> None:
    """Says whose port it is where a task names no more than one that it would make."""
    if found.guest and desired.options.keys() <= {"mac", "owner"}:
        plan.warnings.append("the port belongs to the running guest %s; it goes and comes with the guest, and modules"
                             " interface, qos and vlan change it" % found.guest.label)


def _refuse_group(desired: NetworkPort, found: PortFound) -> None:
    """Refuses a portgroup that the network lacks, of which libvirt says nothing, so that the port gets none of it."""
    name = desired.options.get("group")
    if name and not has_group(name, found.network):
        raise Missing("group", no_group(desired.name, name, found.network))


def _refuse_vlan(options: Options, found: PortFound) -> None:
    network = dict(found.network or {}, portgroups=[], vlan=options.get("vlan"))
    if options.get("virtualport"):
        network["virtualport"] = options["virtualport"]
    if found.network is not None and refused_vlan(network, found.version):
        raise Invalid("vlan", vlan_refusal(found.version))
    refuse_tags(network, found.current and dict(network, vlan=found.current.get("vlan")), found.devices)


def _refuse_switch(options: Options, found: PortFound) -> None:
    """Refuses a virtualport that libvirt would refuse when it makes the port."""
    network, kind = found.network, option(options, "virtualport", "type")
    problem = unfit_type(kind, connection_of(network), option(network, "virtualport", "type")) if network else ""
    if problem:
        raise Invalid(Path("virtualport", "type"), problem)


# --- steps


def _removal(desired: NetworkPort, found: PortFound) -> Plan:
    plan = Plan(before=model(desired.name, found), after={"network": desired.name, "state": "absent"})
    if found.port:
        if found.guest and not desired.force:
            raise Invalid("state", "the port belongs to the running guest %s, which would lose the network; change the"
                          " guest's interface, or give force: true" % found.guest.label)
        plan.steps.append(_remove(desired.name, found.port))
    return plan


def _label(network: str, options: Options) -> str:
    return "port %s of network %s" % (options["mac"]["address"], network)


def _create(network: str, merged: Options) -> Step:
    document = NETWORK_PORT.render(merged)
    return Step("create %s" % _label(network, merged),
                lambda host: host.libvirt.create_port(network, document, bool(merged.get("plug"))), piece(network))


def _remove(network: str, port: Port) -> Step:
    return Step("remove %s" % _label(network, port.options),
                lambda host: host.libvirt.delete_port(network, port.options["uuid"]), piece(network))


def _change(desired: NetworkPort, found: PortFound, port: Port, drift: list[Drift], merged: Options) -> list[Step]:
    """Bandwidth is changed in place where libvirt can; for the rest the port is made again."""
    network, guest = desired.name, found.guest
    rest = [one for one in drift if not _is_bandwidth(one)]
    old, new = rates(port.options), rates(merged)
    if guest and rest:
        raise Invalid(rest[0].path, "the port belongs to the running guest %s; change the guest's interface"
                      % guest.label)
    if guest:
        return [_tune(network, guest, new)]
    if not rest and can_set(old, new):
        return [Step("set bandwidth of %s" % _label(network, merged),
                     lambda host: host.libvirt.set_port_rates(network, merged["uuid"], new), piece(network))]
    again = {name: value for name, value in merged.items() if name != "plug" or "plug" in desired.options}
    return [_remove(network, port), _create(network, again)]


def _is_bandwidth(drift: Drift) -> bool:
    return drift.path.top == "bandwidth"


def _tune(network: str, guest: GuestInterface, limits: dict[str, int]) -> Step:
    return Step("set bandwidth of guest %s on network %s" % (guest.label, network),
                lambda host: host.libvirt.set_interface_rates(guest.domain_uuid, guest.mac, limits),
                interface(guest.domain_uuid, guest.mac, limits=True))
