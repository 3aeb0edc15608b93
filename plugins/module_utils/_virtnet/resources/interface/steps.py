# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a guest for one of its interfaces, each step with what undoes it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from ...documents.interface import INTERFACE
from ...engine.plan import Do, Step
from ...host.errors import HypervisorError
from ...host.flags import CONFIG, LIVE
from ...host.uses import mac_of
from ...schema.errors import Path
from ...schema.options import Options
from ...schema.scalars import MAC
from ..bandwidth import rates
from .cards import Card
from .running import CONNECTION, alias_of, only_portgroup

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    from ...host.host import Host

UNPLUG_SECONDS = 20


class Steps(NamedTuple):
    """The steps for the interface ``label`` of the guest ``uuid``."""

    uuid: str
    label: str

    # --- the configuration

    def add(self, element: Element) -> Step:
        return Step("add %s to its configuration" % self.label, self._attach(element), self._detach(element))

    def remove(self, element: Element) -> Step:
        return Step("remove %s from its configuration" % self.label, self._detach(element), self._attach(element))

    def configure(self, before: Element, after: Element, swapped: bool) -> Step:
        """``swapped`` are those that libvirt takes for two interfaces, and so cannot change into one another."""
        def change(old: Element, new: Element) -> Do:
            if swapped:
                return lambda host: _swap(host, self.uuid, old, new)
            return lambda host: host.libvirt.update_interface(self.uuid, new, CONFIG)

        return Step("change the configuration of %s" % self.label, change(before, after), change(after, before))

    def _attach(self, element: Element) -> Do:
        return lambda host: host.libvirt.attach_interface(self.uuid, element, CONFIG)

    def _detach(self, element: Element) -> Do:
        return lambda host: host.libvirt.detach_interface(self.uuid, element, CONFIG)

    # --- the running guest

    def plug_in(self, element: Element) -> Step:
        return Step("plug in %s" % self.label, lambda host: plug(host, self.uuid, element),
                    lambda host: _let_go(host, self.uuid, element))

    def unplug(self, card: Card) -> Step:
        return Step("unplug %s" % self.label, lambda host: _let_go(host, self.uuid, card.raw),
                    lambda host: plug(host, self.uuid, card.element), "disruptive")

    def exchange(self, card: Card, new: Element) -> Step:
        return Step("unplug %s and plug it in as it is to be" % self.label,
                    lambda host: _exchange(host, self.uuid, card.raw, new, card.element),
                    lambda host: _exchange(host, self.uuid, new, card.element, new), "disruptive")

    def change(self, card: Card, now: Options, paths: Collection[Path]) -> Step:
        """Has what is at these paths be as it is in ``now``, in place."""
        old, new, names = card.element, INTERFACE.render(now, card.element), {path.top for path in paths}
        moves = "source" in now and bool(names & set(CONNECTION))

        def update(element: Element) -> Do:
            if moves and only_portgroup(card.options, now):
                return lambda host: host.libvirt.plug_in_again(self.uuid, element, card.bridge)
            return lambda host: host.libvirt.update_interface(self.uuid, element, LIVE)

        # libvirt leaves the first part of new limits when the kernel lacks the second
        clean_up = self._limit(card, rates(card.options)) if "bandwidth" in names else None
        return Step("change %s of the running %s" % (", ".join(sorted(map(str, paths))), self.label),
                    update(new), update(old), "brief" if moves else "none", clean_up)

    def limit_again(self, card: Card, floor: bool) -> Step:
        limits = rates(card.options)

        def set_again(host: Host) -> None:
            if floor:  # libvirt makes a class only for a floor that changes
                self._limit(card, dict(limits, **{"inbound.floor": 0}))(host)
            self._limit(card, limits)(host)

        return Step("limit the traffic of the running %s again" % self.label, set_again)

    def _limit(self, card: Card, limits: dict[str, int]) -> Do:
        return lambda host: host.libvirt.set_interface_rates(self.uuid, card.tap, limits)


def _swap(host: Host, uuid: str, old: Element, new: Element) -> None:
    """Removes an interface from the configuration and adds another in its place."""
    host.libvirt.detach_interface(uuid, old, CONFIG)
    try:
        host.libvirt.attach_interface(uuid, new, CONFIG)
    except HypervisorError:
        host.libvirt.attach_interface(uuid, old, CONFIG)
        raise


def plug(host: Host, uuid: str, element: Element) -> None:
    host.libvirt.attach_interface(uuid, element, LIVE)


def unplug(host: Host, uuid: str, device: Element) -> None:
    """Asks the guest to let a device go, and waits until it did."""
    host.libvirt.detach_interface(uuid, device, LIVE)
    alias, end = alias_of(device), time.monotonic() + UNPLUG_SECONDS
    while alias in map(alias_of, host.libvirt.running_interfaces(uuid) or ()):
        if time.monotonic() > end:
            raise HypervisorError("the guest did not let the interface go within %d seconds; it still may"
                                  % UNPLUG_SECONDS)
        time.sleep(0.2)


def _let_go(host: Host, uuid: str, interface: Element) -> None:
    """Unplugs an interface as it is now; one that is not there is gone."""
    there = find_live(host, uuid, interface)
    if there is not None:
        unplug(host, uuid, there)


def _exchange(host: Host, uuid: str, old: Element, new: Element, back: Element) -> None:
    """Unplugs an interface and plugs another in; when that fails the old one comes ``back``."""
    _let_go(host, uuid, old)
    try:
        plug(host, uuid, new)
    except HypervisorError as error:
        try:
            plug(host, uuid, back)
        except HypervisorError as second:
            raise HypervisorError("%s; the old interface is unplugged and could not be plugged in again: %s"
                                  % (error, second)) from error
        raise HypervisorError("%s; the old interface is plugged in again" % error) from error


def find_live(host: Host, uuid: str, interface: Element) -> Element | None:
    """What a running interface is now, by its alias or else by its MAC and its part in a pair, which share one."""
    alias = alias_of(interface)
    name = alias_of if alias else _identity
    return next((one for one in host.libvirt.running_interfaces(uuid) or () if name(one) == name(interface)), None)


def _identity(interface: Element) -> tuple[str, str | None]:
    teaming = interface.find("teaming")
    return MAC.normal(mac_of(interface)), teaming.get("type") if teaming is not None else None
