# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a guest for one of its interfaces."""

from __future__ import annotations

import copy
import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ...documents.interface import INTERFACE
from ...engine.plan import Piece, Step
from ...host.errors import HypervisorError
from ...host.flags import CONFIG, LIVE
from ...host.uses import mac_of
from ...schema.errors import Path
from ...schema.options import Options
from ...schema.scalars import MAC
from ...schema.xml import make
from ..bandwidth import rates
from ..held import moving
from ..nwfilter_binding.chains import with_chains
from .boot import give_orders
from .cards import Card
from .piece import interface as piece
from .running import CONNECTION, alias_of, changes_portgroup, is_refiltered

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...engine.plan import Do
    from ...host.host import Host

UNPLUG_SECONDS = 20
NO_PLACE = "No more available PCI slots"


class Steps(NamedTuple):
    """The steps for the interface ``label`` of the guest ``uuid``."""

    uuid: str
    label: str

    def _piece(self, *elements: Element, limits: bool = False) -> Piece:
        return piece(self.uuid, *(MAC.normal(mac_of(element)) for element in elements), limits=limits)

    # --- the configuration

    def add(self, element: Element) -> Step:
        return Step("add %s to its configuration" % self.label,
                    lambda host: host.libvirt.attach_interface(self.uuid, element, CONFIG), self._piece(element),
                    writes=("domain_config", self.uuid))

    def remove(self, element: Element) -> Step:
        return Step("remove %s from its configuration" % self.label,
                    lambda host: host.libvirt.detach_interface(self.uuid, element, CONFIG), self._piece(element),
                    writes=("domain_config", self.uuid))

    def configure(self, before: Element, after: Element, swapped: bool) -> Step:
        """``swapped`` are those that libvirt takes for two interfaces, and so cannot change into one another."""
        def swap(host: Host) -> None:
            host.libvirt.detach_interface(self.uuid, before, CONFIG)
            host.libvirt.attach_interface(self.uuid, after, CONFIG)

        def update(host: Host) -> None:
            host.libvirt.update_interface(self.uuid, after, CONFIG)

        return Step("change the configuration of %s" % self.label, swap if swapped else update,
                    self._piece(before, after), writes=("domain_config", self.uuid))

    def convert_boot(self, card: Card | None, after: Element) -> Step:
        """The same at once with boot devices in <os> becoming orders of devices, for libvirt takes no other order."""
        def change(document: Element) -> None:
            devices = make(document, "devices")
            if card is None:
                devices.append(copy.deepcopy(after))
            else:
                devices.replace(devices.findall("interface")[card.place], copy.deepcopy(after))
            give_orders(document)

        return Step("configure %s, and its guest's boot devices in <os> as orders of devices" % self.label,
                    lambda host: host.libvirt.edit_domain(self.uuid, change),
                    self._piece(*([] if card is None else [card.element]), after), writes=("domain_config", self.uuid))

    # --- the running guest

    def plug_in(self, element: Element) -> Step:
        return Step("plug in %s" % self.label, lambda host: plug(host, self.uuid, element), self._piece(element))

    def unplug(self, card: Card) -> Step:
        return Step("unplug %s" % self.label, lambda host: let_go(host, self.uuid, card.raw), self._piece(card.raw),
                    "disruptive")

    def exchange(self, card: Card, new: Element) -> Step:
        def exchange(host: Host) -> None:
            let_go(host, self.uuid, card.raw)
            plug(host, self.uuid, new)

        return Step("unplug %s and plug it in as it is to be" % self.label, exchange, self._piece(card.raw, new),
                    "disruptive")

    def change(self, card: Card, now: Options, paths: Collection[Path]) -> Step:
        """Has what is at these paths be as it is in ``now``, in place."""
        new, names = INTERFACE.render(now, card.element), {path.top for path in paths}
        moves = "source" in now and bool(names & set(CONNECTION))
        holds = moves or is_refiltered(card.raw, card.options, now)

        def update(host: Host) -> None:
            if moves and changes_portgroup(card.options, now):
                host.libvirt.plug_in_again(self.uuid, new, card.bridge, card.raw)
            else:
                update_running(host, self.uuid, new, _shown(card, now, names))

        return Step("change %s of the running %s" % (", ".join(sorted(map(str, paths))), self.label),
                    moving(card.tap, update, card.raw, new) if holds else update,
                    self._piece(card.raw, limits="bandwidth" in names), "brief" if holds else "none")

    def limit_again(self, card: Card, anew: Iterable[str]) -> Step:
        """``anew`` are those that libvirt sets only where they change."""
        limits = rates(card.options)
        without = {name: 0 if name in anew else limit for name, limit in limits.items()}

        def set_again(host: Host) -> None:
            if without != limits:
                host.libvirt.set_interface_rates(self.uuid, card.tap, without)
            host.libvirt.set_interface_rates(self.uuid, card.tap, limits)

        return Step("limit the traffic of the running %s again" % self.label, set_again,
                    self._piece(card.raw, limits=True))


def _shown(card: Card, now: Options, names: Iterable[str]) -> Element:
    """A running interface with these options as in ``now``, in the form in which libvirt shows it."""
    options = {name: value for name, value in INTERFACE.parse(card.raw).items() if name not in names}
    return INTERFACE.render({**options, **{name: now[name] for name in names if name in now}}, card.raw)


def update_running(host: Host, uuid: str, element: Element, shown: Element) -> None:
    """Changes a running interface in place; ``shown`` is the same in the form in which libvirt shows it.

    For one of a pool of devices libvirt looks for another device when it is given the network, and then refuses.
    """
    try:
        _filtered(element, lambda host: host.libvirt.update_interface(uuid, element, LIVE))(host)
    except HypervisorError:
        if (element.get("type"), shown.get("type")) != ("network", "direct"):
            raise
        host.libvirt.update_interface(uuid, shown, LIVE)


def _filtered(element: Element, do: Do) -> Do:
    """Does what has libvirt make the rules of an interface's filter, where it has one."""
    return do if element.find("filterref") is None else with_chains(do)


def plug(host: Host, uuid: str, element: Element) -> None:
    try:
        _filtered(element, lambda host: host.libvirt.attach_interface(uuid, element, LIVE))(host)
    except HypervisorError as error:
        if NO_PLACE not in str(error):
            raise
        raise HypervisorError("%s; a machine that runs gets no new ones: add a controller (q35: pcie-root-port) to its"
                              " definition and start it again, or give layers: [config]" % error) from error


def unplug(host: Host, uuid: str, device: Element) -> None:
    """Asks the guest to let a device go, and waits until it did."""
    host.libvirt.detach_interface(uuid, device, LIVE)
    alias, end = alias_of(device), time.monotonic() + UNPLUG_SECONDS
    while alias in map(alias_of, host.libvirt.running_interfaces(uuid) or ()):
        if time.monotonic() > end:
            raise HypervisorError("the guest did not let the interface go within %d seconds; it still may"
                                  % UNPLUG_SECONDS)
        time.sleep(0.2)


def let_go(host: Host, uuid: str, interface: Element) -> None:
    """Unplugs an interface as it is now; one that is not there is gone."""
    there = find_live(host, uuid, interface)
    if there is not None:
        unplug(host, uuid, there)


def find_live(host: Host, uuid: str, interface: Element) -> Element | None:
    """What a running interface is now, by its alias or else by its MAC and its part in a pair, which share one."""
    alias = alias_of(interface)
    name = alias_of if alias else _identity
    return next((one for one in host.libvirt.running_interfaces(uuid) or () if name(one) == name(interface)), None)


def _identity(interface: Element) -> tuple[str, str | None]:
    teaming = interface.find("teaming")
    return MAC.normal(mac_of(interface)), teaming.get("type") if teaming is not None else None
