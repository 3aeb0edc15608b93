# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of running guests: what was configured of what libvirt shows, and what can change while they run.

libvirt shows a running interface as what it became: an interface of a network may be shown as one of a bridge, with
the network's settings merged into its own. Given back like that it would lose its network.
"""

from __future__ import annotations

import copy
import time
from typing import Any

from ..documents.interface import INTERFACE, TAPS, option
from ..documents.network import TAGS_ON_LINUX, manages_bridge, mode_of
from ..engine.converge import Host
from ..host.libvirt import LIVE, HypervisorError
from ..schema.nodes import is_empty
from ..schema.scalars import MAC

OWN_PREFIXES = ("vnet", "macvtap", "macvlan")
FROM_NETWORK = ("virtualport", "vlan", "bandwidth", "port", "trust_guest_rx_filters", "mtu")
CONNECTION = ("type", "source")
# types that QEMU can plug into a running guest
HOTPLUG = ("network", "bridge", "ethernet", "direct", "hostdev", "user", "vhostuser", "vdpa")
# types of which libvirt changes nothing in place
RIGID = ("hostdev", "vdpa", "vhostuser", "null", "vds")
UNPLUG_SECONDS = 20


def as_configured(live: Any) -> Any:
    """The element of a running interface in the form in which it was configured."""
    element = copy.deepcopy(live)
    source = element.find("source")
    if source is not None and source.get("network"):
        if element.get("type") == "hostdev":
            _drop(element, ("driver",))
            element.attrib.pop("managed", None)
        element.set("type", "network")
        _keep_attributes(source, ("network", "portgroup"))
        del source[:]
    elif source is not None and element.get("type") != "vds":
        _keep_attributes(source, set(source.attrib) - {"portid", "macTableManager"})
    target = element.find("target")
    if target is not None and (target.get("dev") or "").startswith(OWN_PREFIXES):
        del target.attrib["dev"]
        if not target.attrib:
            element.remove(target)
    alias = element.find("alias")
    if alias is not None and not alias.get("name", "").startswith("ua-"):
        element.remove(alias)
    bandwidth = element.find("bandwidth")
    if bandwidth is not None:
        bandwidth.attrib.pop("classID", None)
    return element


def _keep_attributes(element: Any, names: Any) -> None:
    for name in set(element.attrib) - set(names):
        del element.attrib[name]


def _drop(element: Any, tags: tuple) -> None:
    for tag in tags:
        for child in element.findall(tag):
            element.remove(child)


def given_by(network: dict | None, options: dict) -> dict:
    """What a network gives to an interface with these options that does not say it itself."""
    if network is None:
        return {}
    chosen = option(options, "source.portgroup")
    groups = network.get("portgroups") or []
    group = next((one for one in groups if one["name"] == chosen or (not chosen and one.get("default"))), {})
    own = {name: network.get(name) for name in FROM_NETWORK if name != "bandwidth"}
    own.update({name: group[name] for name in FROM_NETWORK if name in group})
    return {name: value for name, value in own.items() if not is_empty(value)}


def inherited(options: dict, network: dict | None) -> frozenset:
    """The names of options that a running interface has from its network or portgroup."""
    return frozenset(name for name, value in given_by(network, options).items() if name in options
                     and not list(INTERFACE.node(name).differences(value, options[name], name)))


def is_bridged(network: dict) -> bool:
    """Whether interfaces of a network are taps in a Linux bridge."""
    if option(network, "virtualport.type"):
        return False
    return manages_bridge(network) or (mode_of(network) == "bridge" and bool(option(network, "bridge.name")))


def network_like(options: dict, networks: dict) -> dict | None:
    """A network whose guests are connected as an interface with these options is; None when it is not known."""
    if options["type"] == "network":
        return networks.get(option(options, "source.network"))
    if options["type"] == "direct":
        return {"forward": {"mode": option(options, "source.mode") or "vepa", "dev": option(options, "source.dev")}}
    return {"forward": {"mode": options["type"]}}


def in_place(card: Any, wanted: dict, networks: dict, version: tuple) -> set:
    """The options of a running interface that libvirt changes without unplugging it."""
    kind, switch = card.raw.get("type"), card.raw.find("virtualport") is not None
    if kind in RIGID:
        return set()
    names = {"link"}
    if kind in (*TAPS, "direct"):
        names |= {"bandwidth", "coalesce"}
    if kind in TAPS and not switch:
        names.add("filterref")
    if kind in ("network", "bridge") and not switch:
        names.add("port")
    vswitch = switch and card.raw.find("virtualport").get("type") == "openvswitch"
    if vswitch or (kind in ("network", "bridge") and not switch and version >= TAGS_ON_LINUX):
        names.add("vlan")
    if version >= (10, 0, 0):
        names.add("trust_guest_rx_filters")
    if kind in ("network", "bridge") and not switch and _can_move(wanted, networks):
        names |= set(CONNECTION)
    return names


def _can_move(wanted: dict, networks: dict) -> bool:
    """Whether the tap can go from its bridge to another, or to the same by another portgroup."""
    if wanted.get("virtualport") or wanted.get("type") not in ("network", "bridge"):
        return False
    return wanted["type"] == "bridge" or is_bridged(networks.get(option(wanted, "source.network")) or {})


def only_portgroup(current: dict, wanted: dict) -> bool:
    """Whether an interface stays in its network and gets another portgroup, which libvirt takes for no change."""
    return option(wanted, "type") == option(current, "type") == "network" and option(
        wanted, "source.network") == option(current, "source.network") and option(
        wanted, "source.portgroup") != option(current, "source.portgroup")


def unplug(host: Host, uuid: str, live: Any) -> None:
    """Asks the guest to let an interface go, and waits until it did."""
    name = live.find("alias").get("name")
    host.libvirt.detach_interface(uuid, live, LIVE)
    end = time.monotonic() + UNPLUG_SECONDS
    while True:
        host.libvirt.forget()
        document = host.libvirt.domain(uuid).live
        if document is None or all(alias.get("name") != name for alias in document.findall("devices/interface/alias")):
            return
        if time.monotonic() > end:
            raise HypervisorError("the guest did not let the interface go within %d seconds; it still may"
                                  % UNPLUG_SECONDS)
        time.sleep(0.2)


def plug(host: Host, uuid: str, element: Any) -> None:
    host.libvirt.attach_interface(uuid, element, LIVE)


def exchange(host: Host, uuid: str, old: Any, new: Any) -> None:
    """Unplugs an interface and plugs another in; when that fails the old one comes back."""
    unplug(host, uuid, old)
    try:
        plug(host, uuid, new)
    except HypervisorError as error:
        try:
            plug(host, uuid, as_configured(old))
        except HypervisorError as second:
            raise HypervisorError("%s; the old interface is unplugged and could not be plugged in again: %s"
                                  % (error, second)) from error
        raise HypervisorError("%s; the old interface is plugged in again" % error) from error


def find_live(host: Host, uuid: str, wanted: dict) -> Any:
    """The element that a running interface with these options has now; a pair has one MAC and two kinds of teaming."""
    host.libvirt.forget()
    document = host.libvirt.domain(uuid).live

    def identity(options: dict) -> tuple:
        return MAC.normal(option(options, "mac.address")), option(options, "teaming.type")

    return next((element for element in document.findall("devices/interface")
                 if identity(INTERFACE.parse(element)) == identity(wanted)), None)
