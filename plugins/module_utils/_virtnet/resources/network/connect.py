# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How guests and ports are connected to a network that was stopped and started under them. Pure.

When libvirt stops a network whose bridge it made, the bridge is deleted and the guests' taps are left over; when it
stops any network, it forgets the ports. Starting it brings nothing back. See "network restart" in docs/design.md.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...documents.network import manages_bridge
from ...documents.vlan import VLAN, entries_of_port
from ...engine.plan import Step
from ...host.snapshot import Snapshot
from ...host.uses import GuestInterface, guests_of, mac_of, members_of, tap_of
from ...schema.options import Options, option
from ...schema.xml import drop_attribute
from ..held import held
from .layers import options_of
from .piece import network as piece

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...host.host import Host


def connections(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    """What of the guests and ports that were connected to a running network is to be connected again."""
    yield from _connections(was, now, name, False)


def every_connection(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    """The same with the guests that are on the network and were not connected."""
    yield from _connections(was, now, name, True)


def _connections(was: Snapshot, now: Snapshot, name: str, every: bool) -> Iterator[Step]:
    live = options_of(now, "network_live", name)
    if live is None:
        return
    there = _by_uuid(now, name)
    yield from _guests(was, now, name, live, every)
    for uuid in _foreign(was, name):
        if uuid not in there:
            yield _reclaim(name, _by_uuid(was, name)[uuid], live)


def _by_uuid(seen: Snapshot, name: str) -> dict[str, Element]:
    return {port.findtext("uuid") or "": port for port in seen.ports(name)}


def _foreign(seen: Snapshot, name: str) -> list[str]:
    """The ports that belong to no interface of a running guest."""
    known = {guest.port for guest in guests_of(seen, name)}
    return [uuid for uuid in _by_uuid(seen, name) if uuid not in known]


def _guests(was: Snapshot, now: Snapshot, name: str, live: Options, every: bool) -> Iterator[Step]:
    """Interfaces that were connected, and those of guests that started meanwhile."""
    before, after = ({_identity(guest): guest for guest in guests_of(seen, name)} for seen in (was, now))
    for identity in dict.fromkeys([*before, *after]):
        old, new = before.get(identity), after.get(identity)
        if old is not None and not every and not is_connected(was, name, old):
            if new is not None and old.port in _by_uuid(was, name) and old.port not in _by_uuid(now, name):
                yield _reclaim(name, _by_uuid(was, name)[old.port], live)  # its tap was elsewhere, and stays there
            continue
        if new is not None and not is_connected(now, name, new):
            yield _connect(was, now, name, new)
        elif new is None and old is not None and _has(now, old):
            yield plug_in_again(name, _bridge(now, name), old)


def _identity(guest: GuestInterface) -> tuple[str, str, str]:
    return guest.domain_uuid, guest.mac.lower(), guest.tap


def _has(now: Snapshot, guest: GuestInterface) -> bool:
    """Whether the guest runs and has this interface, which does not name the network any more."""
    active = now.get("domains").get(guest.domain_uuid, {}).get("active")
    live = now.document("domain_live", guest.domain_uuid) if active else None
    return live is not None and any(
        tap_of(one) == guest.tap and mac_of(one) == guest.mac for one in live.findall("devices/interface"))


def is_connected(seen: Snapshot, name: str, guest: GuestInterface) -> bool:
    """Whether the port of a guest's interface is known, and its tap is in the bridge of the network."""
    bridge, tap = bridge_of(seen, name), seen.device(guest.tap)
    return guest.port in _by_uuid(seen, name) and (not bridge or tap is None or tap["master"] == bridge)


def _linux_bridge(live: Options) -> str | None:
    """The Linux bridge in which the taps of a network's guests are."""
    name: str | None = option(live, "bridge", "name")
    return None if live.get("virtualport") else name


def _connect(was: Snapshot, now: Snapshot, name: str, guest: GuestInterface) -> Step:
    """The gentlest that helps: a tap back into its bridge, a port told again, or all of it made anew."""
    bridge, tap, former = bridge_of(now, name), now.device(guest.tap), _by_uuid(was, name).get(guest.port)
    if bridge and guest.port in _by_uuid(now, name):
        return Step("connect %s again" % guest.label, lambda host: host.kernel.set_master(guest.tap, bridge),
                    piece(name), "brief")
    live = options_of(now, "network_live", name) or {}
    stayed = not manages_bridge(live) if tap is None else not bridge or tap["master"] == bridge
    if former is not None and stayed:
        return _reclaim(name, former, live)._replace(title="connect %s again" % guest.label)
    return plug_in_again(name, _bridge(now, name), guest)


def _bridge(seen: Snapshot, name: str) -> str:
    """The bridge of a running network, of whatever kind."""
    return option(options_of(seen, "network_live", name), "bridge", "name") or ""


def vlans_of(guest: GuestInterface) -> Options:
    """The VLANs that its tap is to be in, in a bridge that filters them; none where libvirt sets none."""
    vlan = guest.live.find("vlan")
    return entries_of_port(VLAN.parse(vlan)) if vlan is not None else {}


def is_isolated(guest: GuestInterface) -> bool:
    return guest.live.find("port[@isolated='yes']") is not None


def isolate(host: Host, guest: GuestInterface) -> None:
    host.kernel.set_port(guest.tap, {"brport_isolated": 1})


def put_into(host: Host, guest: GuestInterface, bridge: str) -> None:
    """Puts a tap into a bridge, isolated and in the VLANs there as libvirt had it."""
    with held(host, guest.tap, guest.live):
        host.kernel.set_master(guest.tap, bridge)
        if is_isolated(guest):
            isolate(host, guest)
        if vlans_of(guest):
            host.kernel.set_vlans(guest.tap, vlans_of(guest))


def plug_in_again(name: str, bridge: str, guest: GuestInterface) -> Step:
    """Has libvirt make the port of a guest anew and put its tap into the bridge.

    libvirt 11 leaves the tap where it is when the bridge is called as the former one was, but isolates it there. What
    is in a bridge of which libvirt does not know it cannot be put there by it.
    """
    def put(host: Host) -> None:
        devices = host.kernel.devices() if host.local else {}
        tap, into = devices.get(guest.tap), devices.get(bridge)
        if tap and into and into["kind"] == "bridge" and tap["master"] != bridge:
            put_into(host, guest, bridge)

    def connect(host: Host) -> None:
        known = {source.get("bridge") for source in guest.live.findall("source")}
        tap = host.kernel.devices().get(guest.tap) if host.local and bridge not in known else None
        if tap and tap["master"] == bridge:
            host.kernel.set_master(guest.tap, None)
        with held(host, guest.tap, guest.live):
            host.libvirt.plug_in_again(guest.domain_uuid, guest.inactive, bridge, guest.live, lambda: put(host))
            put(host)

    return Step("connect %s again" % guest.label, connect, piece(name), "brief")


def _reclaim(name: str, port: Element, live: Options) -> Step:
    """Tells a started network again of a port whose guest kept its device all the time."""
    bridge = option(live, "bridge", "name") if manages_bridge(live) else ""
    document = reclaimable(port, bridge or "")
    return Step("tell network %s of its port %s again" % (name, port.findtext("uuid")),
                lambda host: host.libvirt.reclaim_port(name, document), piece(name))


def reclaimable(port: Element, bridge: str) -> Element:
    """A port as it can be reclaimed: in the bridge as it is called now, and without the traffic class it had."""
    port = copy.deepcopy(port)
    plug = port.find("plug")
    if bridge and plug is not None:
        plug.set("bridge", bridge)
    bandwidth = port.find("bandwidth")
    if bandwidth is not None:
        drop_attribute(bandwidth, "classID")
        inbound = bandwidth.find("inbound")
        if inbound is not None:
            drop_attribute(inbound, "floor")
            if not inbound.attrib:
                bandwidth.remove(inbound)
    return port


# --- the bridge


def members(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    """What else was in the bridge of a network comes back into it, and all with their settings as its ports.

    Where libvirt fills the bridge's MAC table (macTableManager) it does so only for guests that it starts.
    """
    old, new = (bridge_of(seen, name) for seen in (was, now))
    if not old or not new or was.devices is None or now.devices is None:
        return
    isolated, isolates = ({guest.tap: is_isolated(guest) for guest in guests_of(seen, name)} for seen in (was, now))
    for member in members_of(was, old):
        before, after = was.devices[member], now.devices.get(member)
        if after is None or member == old + "-nic":
            continue
        if isolates.get(member) != isolated.get(member):  # the network says something else of its guests now
            before = dict(before, port=dict(before["port"], brport_isolated=int(isolates.get(member, False))))
        if after["master"] != new and member not in isolates:
            yield _into(name, member, new)
        elif after["master"] == new and (before["port"] != after["port"] or _lost(before, after)
                                         or out_of_vlans(before, after)):
            yield _settings(name, member, before, after)


def bridge_of(seen: Snapshot, name: str) -> str | None:
    """The Linux bridge of a running network."""
    return _linux_bridge(options_of(seen, "network_live", name) or {})


def _into(name: str, member: str, bridge: str) -> Step:
    return Step("put %s back into bridge %s" % (member, bridge),
                lambda host: host.kernel.set_master(member, bridge), piece(name))


def _lost(before: Options, after: Options) -> list[list[Any]]:
    return [entry for entry in before["fdb"] if entry not in after["fdb"]]


def out_of_vlans(before: Options, after: Options) -> bool:
    """Whether a port is in other VLANs than before, where its bridge filters them."""
    return None not in (before.get("vlans"), after.get("vlans")) and before["vlans"] != after["vlans"]


def _settings(name: str, member: str, before: Options, after: Options) -> Step:
    def do(host: Host) -> None:
        host.kernel.set_port(member, before["port"])
        if out_of_vlans(before, after):
            host.kernel.set_vlans(member, before["vlans"])
        for mac, vlan in _lost(before, after):
            host.kernel.add_fdb(member, mac, vlan)

    return Step("set %s up as a port of its bridge again" % member, do, piece(name))


def tap_mtus(now: Snapshot, name: str) -> Iterator[Step]:
    """The taps of guests get the MTU of the bridge that libvirt made, unless they have one of their own."""
    bridge, devices = bridge_of(now, name), now.devices or {}
    mtu = devices[bridge]["mtu"] if bridge in devices else None
    for guest in guests_of(now, name) if mtu else ():
        tap = devices.get(guest.tap)
        if tap and tap["mtu"] != mtu and guest.inactive.find("mtu") is None:
            yield set_mtu(name, guest.tap, int(mtu or 0))


def set_mtu(name: str, device: str, mtu: int) -> Step:
    return Step("set MTU %d of %s" % (mtu, device), lambda host: host.kernel.set_mtu(device, mtu), piece(name))
