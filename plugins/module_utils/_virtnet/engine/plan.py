# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for one object, and what was found to differ."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, NamedTuple

from ..schema.errors import Entry, Path
from ..schema.options import Options, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..host.host import Host
    from ..host.snapshot import Snapshot

    Back = Callable[[Snapshot, Snapshot, str], Iterator["Step"]]

Do = Callable[["Host"], None]
LAYERS = {"config": "configuration", "live": "running definition", "saved": "saved state",
          "boot": "next boot"}
OTHER_LAYERS = ("live", "saved", "kernel", "boot")  # than the configuration, which a diff shows below it


class Piece(NamedTuple):
    """What of a host a step changes: a thing of that kind and name, and the way ``back`` of its kind.

    That gives the steps by which it becomes as it was, as far as that can be told from what it is now; none when it is.
    """

    kind: str
    name: str
    back: Back


# how objects that take something over from each other are carried out together
STOPS, FREES, DEFINES, STARTS = range(4)


class Step(NamedTuple):
    """One change of one piece of a host.

    ``impact`` is what running guests notice: none, brief (some seconds offline) or disruptive. ``writes`` is the
    document that it changes, as part and key of a snapshot, where that is not to have changed since it was read.
    ``stage`` is when it is done where its object trades with others.
    """

    title: str
    do: Do
    of: Piece
    impact: str = "none"
    writes: tuple[str, str] | None = None
    stage: int = DEFINES


class Restart(NamedTuple):
    """Which guest or network has to be started again, and why."""

    kind: str
    name: str
    why: str


class Drift(NamedTuple):
    """One place where a layer (config, live, saved, kernel, boot) is not as desired; an empty path is the object."""

    layer: str
    path: Path
    desired: Value
    current: Value

    @property
    def place(self) -> tuple[str, Path]:
        return self.layer, self.path

    def as_result(self) -> Options:
        """The same as a module returns it."""
        return dict(self._asdict(), path=str(self.path))

    def __str__(self) -> str:
        return "%s of the %s is %s, not %s" % (self.path or "the object", LAYERS.get(self.layer, self.layer),
                                               json.dumps(self.current), json.dumps(self.desired))


class Coming(Drift):
    """One that a thread of libvirt's takes away by itself a moment later."""


class Others(Drift):
    """One of what is up to others, such as a bridge of the host, so that it may show after steps as well as before."""


class Shared(str):
    """A warning ``of`` one object for a ``cause`` that may be that of many others too."""

    cause: str
    of: str

    def __new__(cls, words: str, cause: str, of: str) -> Shared:
        warning = super().__new__(cls, words)
        warning.cause, warning.of = cause, of
        return warning


@dataclass
class Plan:
    """What is to be done for one object.

    ``before`` and ``after`` are its model, ``drift`` is what was found. Of that the steps leave ``waiting`` for
    ``restarts``, ``unrepaired`` for people, and ``follows`` by itself at the next start. ``connects`` names
    the guests that are to be connected afterwards, ``unconnected`` those that are not now. ``extra`` is for the result.
    ``needs`` says in words what the steps do, for who foresees that they cannot. ``trades`` is whether they are done
    stage by stage with those of others.
    """

    before: Options
    after: Options
    steps: list[Step] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    waiting: list[Drift] = field(default_factory=list)
    restarts: list[Restart] = field(default_factory=list)
    unrepaired: list[Drift] = field(default_factory=list)
    follows: list[Drift] = field(default_factory=list)
    unconnected: list[str] = field(default_factory=list)
    connects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    extra: Options = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    trades: bool = False

    def wait_for(self, kind: str, names: Iterable[str], why: str) -> None:
        """Says, also in a warning, that something waits until these guests or networks were started again."""
        self.restarts += [Restart(kind, name, why) for name in names]
        self.warnings.append(why)

    def left(self, again: Plan) -> list[Drift]:
        """What is not as planned, by a plan that was made after the steps: that is to find only what this one left."""
        known = {drift.place for drift in self.waiting + self.unrepaired + again.follows}
        found = [drift for drift in again.drift if drift.place not in known and not isinstance(drift, Others)]
        return (found or [Drift("plan", Path(step.title), "done", "not done") for step in again.steps]) + [
            Drift("live", Path("guests", Entry(name)), "connected", None)
            for name in self.connects if name in again.unconnected]

    def show_layers(self, *left: Drift, whole: str = "all of it") -> None:
        """Completes the diff with what differs in other layers than the configuration.

        ``whole`` is what the object itself is called there.
        """
        places = {drift.place for drift in (*self.waiting, *self.unrepaired, *left)}
        configured: dict[Path, list[Drift]] = {}
        for drift in self.drift:
            if drift.layer == "config":
                configured.setdefault(drift.path, []).append(drift)
        for layer in OTHER_LAYERS:
            found = [drift for drift in self.drift if drift.layer == layer
                     and drift._replace(layer="config") not in configured.get(drift.path, ())]
            if found:
                self.before[layer] = {str(drift.path) or whole: drift.current for drift in found}
                self.after[layer] = {str(drift.path) or whole: drift.current if drift.place in places else drift.desired
                                     for drift in found}
