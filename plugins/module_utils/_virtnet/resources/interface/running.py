# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces of running guests: what was configured of what libvirt shows, and what can change while they run.

libvirt shows a running interface as what it became: an interface of a network may be shown as one of a bridge, with
the network's settings merged into its own. Given back like that it would lose its network.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Callable

from ...documents.interface import INTERFACE, TAPS
from ...documents.network import TAGS_ON_LINUX, manages_bridge, mode_of
from ...host.uses import tap_of
from ...schema.errors import Path
from ...schema.options import Options, is_empty, option
from ...schema.xml import drop_attribute, remove_if_bare

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...schema.nodes import Version

OWN_PREFIXES = ("vnet", "macvtap", "macvlan")
FROM_NETWORK = ("virtualport", "vlan", "bandwidth", "port", "trust_guest_rx_filters", "mtu")
CONNECTION = ("type", "source")
# what says where a guest may go on what it is connected to; without its connection it would say another thing
OF_CONNECTION = ("virtualport", "vlan", "port", "filterref")
# what opens an interface, by whether it does with a value
OPENS: dict[str, Callable[[Any], bool]] = {
    "link": lambda link: (link or {}).get("state") != "down", "trust_guest_rx_filters": bool}
# types that QEMU can plug into a running guest
HOTPLUG = ("network", "bridge", "ethernet", "direct", "hostdev", "user", "vhostuser", "vdpa")
# types of which libvirt changes nothing in place
RIGID = ("hostdev", "vdpa", "vhostuser", "null", "vds")


def as_configured(live: Element) -> Element:
    """The element of a running interface in the form in which it was configured."""
    element = copy.deepcopy(live)
    source = element.find("source")
    if source is not None and source.get("network"):
        if element.get("type") == "hostdev":
            _remove(element, "driver")
            drop_attribute(element, "managed")
        element.set("type", "network")
        _keep_attributes(source, ("network", "portgroup"))
        del source[:]
    elif source is not None and element.get("type") != "vds":
        for name in ("portid", "macTableManager"):
            drop_attribute(source, name)
    target = element.find("target")
    if target is not None and named_tap(element).startswith(OWN_PREFIXES):
        drop_attribute(target, "dev")
        remove_if_bare(target)
    if not alias_of(element).startswith("ua-"):
        _remove(element, "alias")
    bandwidth = element.find("bandwidth")
    if bandwidth is not None:
        drop_attribute(bandwidth, "classID")
    return element


def as_running(element: Element, before: Element) -> Element:
    """An interface in the form in which it is configured, with what libvirt gave to it when it was ``before``."""
    element = copy.deepcopy(element)
    for tag in ("alias", "target"):
        given = before.find(tag)
        if given is not None and element.find(tag) is None:
            element.append(copy.deepcopy(given))
    source, old = element.find("source"), before.find("source")
    if source is not None and old is not None and source.get("network") and source.get("network") == old.get("network"):
        shown = copy.deepcopy(old)
        drop_attribute(shown, "portgroup")
        shown.attrib.update(source.attrib)
        element.replace(source, shown)
        element.set("type", before.get("type") or "network")
    return element


def named_tap(interface: Element) -> str:
    """The device that libvirt is to make for an interface; empty where it is to find one."""
    target = interface.find("target")
    return "" if target is not None and target.get("managed") == "no" else tap_of(interface)


def alias_of(interface: Element) -> str:
    found = interface.find("alias")
    return (found.get("name") or "") if found is not None else ""


def _remove(element: Element, tag: str) -> None:
    for child in element.findall(tag):
        element.remove(child)


def _keep_attributes(element: Element, names: Iterable[str]) -> None:
    for name in set(element.attrib) - set(names):
        del element.attrib[name]


def given_by(network: Options | None, options: Options) -> Options:
    """What a network gives to an interface with these options that does not say it itself."""
    if network is None:
        return {}
    chosen = option(options, "source", "portgroup")
    groups = network.get("portgroups") or []
    group: Options = next((one for one in groups if one["name"] == chosen or (not chosen and one.get("default"))), {})
    own = {name: network.get(name) for name in FROM_NETWORK if name != "bandwidth"}
    own.update({name: group[name] for name in FROM_NETWORK if name in group})
    return {name: value for name, value in own.items() if not is_empty(value)}


def is_refiltered(raw: Element, before: Options, after: Options) -> bool:
    """Whether a running interface in a bridge gets another filter, or other values: libvirt takes the old rules away
    before it makes the new ones."""
    old, new = (INTERFACE.normal(options).get("filterref") for options in (before, after))
    return raw.get("type") in ("network", "bridge") and bool(old) and bool(new) and old != new


def inherited(options: Options, network: Options | None) -> frozenset[str]:
    """The names of options that a running interface has from its network or portgroup."""
    return frozenset(name for name, value in given_by(network, options).items() if name in options
                     and not list(INTERFACE.node(name).differences(value, options[name], Path(name))))


def is_bridged(network: Options) -> bool:
    """Whether interfaces of a network are taps in a Linux bridge."""
    if option(network, "virtualport", "type"):
        return False
    return manages_bridge(network) or (mode_of(network) == "bridge" and bool(option(network, "bridge", "name")))


def network_like(options: Options, networks: dict[str, Options]) -> Options | None:
    """A network whose guests are connected as an interface with these options is; None when it is not known."""
    if options["type"] == "network":
        return networks.get(option(options, "source", "network"))
    if options["type"] == "direct":
        source = options.get("source") or {}
        return {"forward": {"mode": source.get("mode") or "vepa", "dev": source.get("dev")}}
    return {"forward": {"mode": options["type"]}}


def in_place(raw: Element, wanted: Options, networks: dict[str, Options], version: Version) -> set[str]:
    """The options of a running interface that libvirt changes without unplugging it."""
    kind, switch = raw.get("type"), raw.find("virtualport")
    if kind in RIGID:
        return set()
    names = {"link"}
    if kind in (*TAPS, "direct"):
        names.add("bandwidth")
    if kind in TAPS:
        names.add("coalesce")
    if kind in TAPS and switch is None:
        names.add("filterref")
    if kind in ("network", "bridge") and switch is None:
        names.add("port")
    vswitch = switch is not None and switch.get("type") == "openvswitch"
    if vswitch or (kind in ("network", "bridge") and switch is None and version >= TAGS_ON_LINUX):
        names.add("vlan")
    if version >= (10, 0, 0):
        names.add("trust_guest_rx_filters")
    if kind in ("network", "bridge") and switch is None and _can_move(wanted, networks):
        names |= set(CONNECTION)
    return names


def _can_move(wanted: Options, networks: dict[str, Options]) -> bool:
    """Whether the tap can go from its bridge to another, or to the same by another portgroup."""
    if wanted.get("virtualport") or wanted.get("type") not in ("network", "bridge"):
        return False
    return wanted["type"] == "bridge" or is_bridged(networks.get(option(wanted, "source", "network")) or {})


def changes_portgroup(current: Options, wanted: Options) -> bool:
    """Whether an interface of a network gets another portgroup, which libvirt takes for no change, or refuses."""
    now, then = (option(options, "source", "portgroup") for options in (current, wanted))
    return current.get("type") == wanted.get("type") == "network" and now != then
