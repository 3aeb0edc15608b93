# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a physical function becomes again as it was: its virtual functions with settings and drivers, and its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...documents.sriov import VIRTUAL_FUNCTION
from ...engine.plan import Step
from ...host.snapshot import Snapshot
from ...host.uses import held_devices
from . import steps as s
from .found import SriovFound, look_at
from .piece import sriov as piece

if TYPE_CHECKING:
    from ...engine.plan import Do


def back(was: Snapshot, now: Snapshot, name: str) -> Iterator[Step]:
    if name not in now.physical_functions:
        return
    yield from _Back(was, now, look_at(was, name), look_at(now, name)).steps()


class _Back:
    """The way back of one physical function, from what it is to what it was."""

    def __init__(self, was: Snapshot, now: Snapshot, before: SriovFound, after: SriovFound) -> None:
        self._was, self._now, self._before, self._after = was, now, before, after

    def steps(self) -> Iterator[Step]:
        before, after = self._before.current, self._after.current
        yield from self._link()
        if before["num_vfs"] != after["num_vfs"]:
            yield self._step("make the %d virtual functions of %s again" % (before["num_vfs"], self._before.label),
                             s.remake_step(self._before, before["vfs"]))
        else:
            yield from self._functions()
        if before["drivers_autoprobe"] != after["drivers_autoprobe"]:
            yield self._step("switch autoprobe of drivers of %s %s" % (
                self._before.label, "on" if before["drivers_autoprobe"] else "off"),
                s.autoprobe_step(self._before.address, before["drivers_autoprobe"]))
        changed = {path: text for path, text in self._before.kept.files.items() if text != self._after.kept.files[path]}
        if changed:
            yield self._step("put the files for the next boot back", s.boot_step(changed))

    def _step(self, title: str, do: Do) -> Step:
        return Step(title, do, piece(self._before.address))

    def _link(self) -> Iterator[Step]:
        device, up = self._before.device, self._before.up
        if device and up != self._after.up:
            yield self._step("set %s %s" % (device, "up" if up else "down"), s.up_step(device, up))

    def _functions(self) -> Iterator[Step]:
        for old, new in zip(self._before.current["vfs"], self._after.current["vfs"]):
            index = old["index"]
            names = {name for name in s.SETTINGS if VIRTUAL_FUNCTION.node(name).normal(old.get(name))
                     != VIRTUAL_FUNCTION.node(name).normal(new.get(name))}
            if names:
                yield self._step("set virtual function %d of %s as it was" % (index, self._before.label),
                                 s.settings_step(self._before, index, {name: old.get(name) for name in names}))
            if s.driver_of(self._before, index) != s.driver_of(self._after, index):
                yield self._step("bind virtual function %d of %s as it was" % (index, self._before.label),
                                 s.bind_step(self._before, index, s.driver_of(self._before, index)))
        yield from self._guests()

    def _guests(self) -> Iterator[Step]:
        """What was taken out of running guests goes back to them."""
        held = {(one.domain_uuid, one.address) for one in held_devices(self._now)}
        for index, users in self._before.users.items():
            for one in [user.held for user in users if user.held and user.held.address]:
                runs = self._now.get("domains").get(one.domain_uuid, {}).get("active")
                if runs and (one.domain_uuid, one.address) not in held:
                    yield self._step("give virtual function %d to guest %s again" % (index, one.domain),
                                     s.give_step(one))
