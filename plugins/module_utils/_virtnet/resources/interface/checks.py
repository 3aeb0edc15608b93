# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot work is refused before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...documents.interface import INTERFACE, interface_too_new, refuse_incomplete, refuse_unfit
from ...documents.network import connection_of, mode_of, takes_tags, vlan_refusal
from ...documents.virtualport import NO_ISOLATION, unfit_type
from ...schema.errors import Invalid, Missing, Path
from ...schema.nodes import check_version
from ...schema.options import Options, option
from ...schema.scalars import MAC
from ..bandwidth import floors, refuse_floor
from ..network.filtering import carrying_repairs, linux_bridge, unfiltered
from ..nwfilter.tree import refuse_unvalued
from .boot import kinds_of
from .cards import Card
from .running import HOTPLUG, OWN_PREFIXES, given_by, network_like
from .wanted import Aim

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

# from here on libvirt refuses what older ones let fail in QEMU: vhost-user beside memory that is not shared
UNSHARED = (11, 1, 0)
# libvirt 9.0 keeps a MAC of zeros, 11.3 makes up another one; which version began is not known
NO_ZEROS = (10, 0, 0)
CONNECTED = ("network", "bridge", "direct", "hostdev")  # what has a virtualport
ZEROS = "00:00:00:00:00:00"


def check(aim: Aim, wanted: Options, card: Card | None) -> None:
    """Refuses what no guest of this host could have in its configuration or while it runs."""
    options = INTERFACE.check(wanted, there=card.options if card else None)
    refuse_unfit(options, card.options if card else {})
    refuse_incomplete(options, aim.found.version)
    check_version(interface_too_new(aim.options, aim.found.version, options), aim.found.version)
    _refuse_zeros(aim, options, card)
    _refuse_tags(aim, options)
    _refuse_unheeded(aim, options, card)
    _refuse_switch(aim, options, card)
    _refuse_guest(aim, options)
    _refuse_floor(aim, options)
    _refuse_alone(aim, options)
    if card is None or options.get("filterref") != card.options.get("filterref"):
        refuse_unvalued(options.get("filterref") or {}, aim.found.variables)


def _refuse_zeros(aim: Aim, options: Options, card: Card | None) -> None:
    mac, version = MAC.normal(options["mac"]["address"]), aim.found.version
    if mac == ZEROS and version >= NO_ZEROS and not (card and card.mac == ZEROS):
        raise Invalid(Path("mac", "address"), "%s is not allowed, for libvirt %s makes up another one; leave it out to"
                      " have one made up" % (mac, ".".join(map(str, version))))


def _refuse_tags(aim: Aim, options: Options) -> None:
    version, like = aim.found.version, network_like(options, aim.found.networks)
    if options.get("vlan") and like is not None and not takes_tags(like, _switch(aim, options), version):
        raise Invalid("vlan", vlan_refusal(version))


def _refuse_unheeded(aim: Aim, options: Options, card: Card | None) -> None:
    """Refuses tags, its own or those of its portgroup, on a bridge that heeds none, if they are not there already."""
    bridge, vlan = _tagged(aim, options)
    if vlan and bridge in aim.found.tagless and not (card and (bridge, vlan) == _tagged(aim, card.own)):
        given = "portgroup" if option(options, "source", "portgroup") else "network"
        raise Invalid("vlan" if options.get("vlan") else Path("source", given), unfiltered(bridge))


def unheeded_tags(aim: Aim, options: Options) -> Iterator[str]:
    """What is to be said of the bridge of the host that a running interface is on with these options."""
    bridge, vlan = _tagged(aim, options)
    if vlan and bridge in (aim.found.devices or {}):
        yield from (repair.remedy for repair in carrying_repairs(Path("vlan"), vlan, bridge, aim.found.devices or {}))


def _tagged(aim: Aim, options: Options) -> tuple[str, Options]:
    """The Linux bridge of the host that an interface is on, and the tags that it has there."""
    if _switch(aim, options):
        return "", {}
    network = _network(aim, options)
    bridge = linux_bridge(network) if network else option(options, "source", "bridge")
    return bridge or "", options.get("vlan") or _given(aim, options).get("vlan") or {}


def _refuse_switch(aim: Aim, options: Options, card: Card | None) -> None:
    """Refuses a virtualport with which the guest would not be connected, if it is not there already."""
    problem = _unfit_switch(aim, options)
    if problem and not (card and problem == _unfit_switch(aim, card.own)):
        raise Invalid(Path("virtualport", "type"), problem)
    on_switch = option(_switch(aim, options), "type") == "openvswitch"
    if on_switch and options.get("port") and not (card and card.own.get("port")):
        raise Invalid(Path("port", "isolated"), NO_ISOLATION)


def _unfit_switch(aim: Aim, options: Options) -> str:
    like = network_like(options, aim.found.networks)
    if like is None or options["type"] not in CONNECTED:
        return ""
    connection = "a bridge of the host" if options["type"] == "bridge" else connection_of(like)
    given = option(_given(aim, options), "virtualport", "type")
    return unfit_type(option(options, "virtualport", "type"), connection, given)


def _network(aim: Aim, options: Options) -> Options | None:
    """The network that an interface is on, where that runs or is configured."""
    return aim.found.networks.get(option(options, "source", "network"))


def _given(aim: Aim, options: Options) -> Options:
    """What its network and portgroup give an interface."""
    return given_by(_network(aim, options), options)


def _switch(aim: Aim, options: Options) -> Options | None:
    """The virtualport that an interface has, its own or a given one."""
    return options.get("virtualport") or _given(aim, options).get("virtualport")


def _refuse_guest(aim: Aim, options: Options) -> None:
    """Refuses what does not go together with the rest of the guest."""
    documents = {"config": aim.record.config, "live": aim.record.live}
    guests = [guest for layer, guest in documents.items() if guest is not None and layer in aim.layers]
    if options["type"] == "vhostuser" and aim.found.version >= UNSHARED and not all(map(shares_memory, guests)):
        raise Invalid("type", "vhostuser needs a guest whose memory is shared (<memoryBacking> with <access"
                      " mode='shared'/>), and that of %s is not" % aim.guest)
    if option(options, "boot", "order") and any(map(kinds_of, guests)):
        _refuse_order(aim)
    _refuse_taken_order(aim, options, guests)


def _refuse_order(aim: Aim) -> None:
    """Refuses an order of devices beside boot devices in <os>, unless these may become orders in the configuration."""
    problem = ("guest %s has its boot order in <os> (<boot dev='...'/>), which libvirt itself gives a guest without"
               " one, and takes no order of devices beside that; " % aim.guest)
    if not aim.desired.convert_boot:
        raise Invalid(Path("boot", "order"), problem + "give convert_boot: true to have it become orders of devices")
    if "config" not in aim.layers or ("live" in aim.layers and aim.card("live") is None):
        raise Invalid(Path("boot", "order"), problem + "while it runs that stays; give layers: [config]")


def _refuse_taken_order(aim: Aim, options: Options, guests: list[Element]) -> None:
    """Refuses the place in the boot order that another device of the guest has."""
    order, meant = option(options, "boot", "order"), aim.found.meant
    mine = {option(card.options, "boot", "order") for card in (meant.config, meant.live) if card}
    if order and order not in mine and any(
            guest.find("devices/*/boot[@order='%s']" % order) is not None for guest in guests):
        raise Invalid(Path("boot", "order"), "%s is that of another device of guest %s; give another" % (
            order, aim.guest))


def shares_memory(domain: Element) -> bool:
    """Whether other processes can have the memory of a guest, which vhost-user needs."""
    access = domain.find("memoryBacking/access")
    usual = access.get("mode") if access is not None else None
    cells = domain.findall("cpu/numa/cell")
    return all(cell.get("memAccess", usual) == "shared" for cell in cells) if cells else usual == "shared"


def _refuse_floor(aim: Aim, options: Options) -> None:
    found, name = aim.found, option(options, "source", "network")
    running = found.meant.live if "live" in aim.layers else None
    port = found.port_of(running)
    others = floors(found.ports.get(name, ()), port.findtext("uuid") if port is not None else None) if running else []
    refuse_floor(options.get("bandwidth"), name, found.networks.get(name), others, found.configured.get(name))


def _refuse_alone(aim: Aim, options: Options) -> None:
    """Refuses one half of a pair whose other half is not there."""
    partner, meant = option(options, "teaming", "persistent"), aim.found.meant
    others = {card.alias for card in aim.found.cards if card not in (meant.config, meant.live)}
    if partner and partner not in others.union(aim.desired.beside):
        raise Missing(Path("teaming", "persistent"), "guest %s has no interface with alias %s" % (aim.guest, partner))


def check_live(aim: Aim, wanted: Options) -> None:
    """Refuses what only a running guest needs."""
    kind, source = wanted["type"], wanted.get("source") or {}
    network, bridge = source.get("network"), source.get("bridge")
    for path, problem in aim.found.lacks:
        if path.top in ("filterref", "target") or path in (Path("source", "network"), Path("source", "bridge")):
            raise Missing(path, "%s, and guest %s runs" % (problem, aim.guest))
    if kind == "network" and network not in aim.found.networks:
        raise Missing(Path("source", "network"), "network %s does not run, and guest %s does" % (network, aim.guest))
    device, devices = bridge if kind == "bridge" else source.get("dev"), aim.found.devices
    if kind in ("bridge", "direct") and devices is not None and device not in devices:
        raise Missing(Path("source", "bridge" if bridge else "dev"), "the host has no device %s" % device)
    made = option(wanted, "target", "dev") or ""
    if aim.card("live") is None and made in (devices or {}) and not made.startswith(OWN_PREFIXES) and (
            option(wanted, "target", "managed") is not False):
        raise Invalid(Path("target", "dev"), "the host already has a device %s, which libvirt is to make" % made)


# PCI controllers with places for the model of card that libvirt takes where none is given
CONVENTIONAL = ("pci-bridge", "pcie-to-pci-bridge", "dmi-to-pci-bridge")


def _gives_functions(aim: Aim, network: str | None) -> bool:
    """Whether guests on a network have PCI devices of the host, which are no cards of a model."""
    return mode_of(aim.found.networks.get(network or "") or {}) == "hostdev"


def refuse_model(aim: Aim, wanted: Options) -> None:
    """Refuses a new card of no stated model in a running q35 machine: libvirt takes one that has no place in it."""
    guest = aim.record.live
    if guest is None or option(wanted, "model", "type") or option(wanted, "address", "type") or (
            wanted["type"] == "hostdev" or _gives_functions(aim, option(wanted, "source", "network"))):
        return
    machine = guest.find("os/type")
    found = {controller.get("model") for controller in guest.findall("devices/controller")}
    if machine is not None and "q35" in (machine.get("machine") or "") and not found.intersection(CONVENTIONAL):
        raise Invalid(Path("model", "type"), "is missing, and what libvirt takes then (rtl8139) has no place in a q35"
                      " machine that runs; give virtio, or layers: [config]")


def refuse_hotplug(aim: Aim, wanted: Options) -> None:
    if wanted["type"] not in HOTPLUG:
        raise Invalid("type", "QEMU cannot plug in an interface of type %s while guest %s runs"
                      % (wanted["type"], aim.guest))
