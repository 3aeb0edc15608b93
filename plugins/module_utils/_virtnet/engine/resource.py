# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of object is to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from ..host.snapshot import Snapshot
from ..schema.options import Options
from .plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[str, ...]
Found = TypeVar("Found")


class Resource(Protocol[Found]):
    """A wish for one object.

    ``kind`` is the name of its module; kinds with a lower ``position`` come first. The ``key`` names the object and is
    one wish's in a transaction. ``absent`` says that it is to be gone.
    """

    kind: str
    position: int

    @property
    def key(self) -> Key: ...

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def absent(self) -> bool: ...

    def needs(self, seen: Snapshot) -> Iterable[Key]:
        """The keys of what must be there before it, and go after it, by what is stated and what it is now."""

    def look(self, seen: Snapshot) -> Found:
        """All that planning needs to know; what is not there is found to be not there."""

    def plan(self, found: Found) -> Plan:
        """What is to be done. Pure; raises Invalid for what is not allowed, Missing for what is not there."""

    def promise(self, seen: Snapshot, plan: Plan) -> None:
        """Has a snapshot be as the host will be after the plan."""

    def model(self, found: Found) -> Options:
        """The object as its module takes it."""


class Patch(Resource[Found], Protocol):
    """A wish for a part of an object that may have a wish of its own: the ``owner``."""

    @property
    def owner(self) -> Key: ...

    def fold(self, owner: Wish) -> Wish:
        """The owner's wish with this one in it; raises Invalid where they contradict each other."""


@runtime_checkable
class Foresees(Protocol):
    """A wish that knows beforehand what cannot work."""

    def foresee(self, seen: Snapshot, found: Any, plan: Plan) -> None:
        """Raises Invalid or Missing where a step is known to fail on this host, and warns of what will."""


@runtime_checkable
class Concludes(Protocol):
    """A wish that warns of what only all wishes together tell."""

    def conclude(self, seen: Snapshot, found: Any, plan: Plan) -> None:
        """Warns of what is so on the host as it will be after all plans; ``found`` is what there was."""


@runtime_checkable
class Trades(Protocol):
    """A wish for an object that has what only one can have, which another may give up in the same transaction."""

    def takes_from(self, seen: Snapshot) -> Iterable[Key]:
        """The keys of who has now what this one is to have."""

    def give_up(self, seen: Snapshot) -> Plan:
        """Has a snapshot lack what the object will have given up; gives the plan, which trades if that is anything."""

    def trading(self, takes: bool) -> Wish:
        """The same wish, carried out stage by stage with those that take from it and, if it ``takes``, those before it.
        """


Wish = Resource[Any]  # of whichever kind
