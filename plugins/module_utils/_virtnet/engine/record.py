# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host was before the first step, and what became of it by whom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..host.parts import Data, NotRecorded, Place
from ..host.snapshot import Snapshot
from ..host.uses import plain_text, same_document
from .plan import Piece, Step

if TYPE_CHECKING:
    from ..host.host import Host

SAID = 8  # of a long list no more than so many are told
VOLATILE = ("devices", "traffic", "vf_settings", "ports")  # parts that change by themselves
DOCUMENTS = ("network_config", "network_live", "domain_config", "domain_live")
CONFIGURED = ("host", "network_config", "domain_config", "nwfilters", "boot", "boot_owners")
OF_PEOPLE = {"network": "network_config", "nwfilter": "nwfilters"}  # documents that only people change
LAYERS = {"network_config": "persistent", "network_live": "active"}  # what a network is that has them
WHOLE = ("nwfilters", "bindings")  # parts that are read all at once
LASTING = "etc"  # of the places of networkd's files the one that a boot does not forget
UNKNOWN = ""  # how a step leaves a document that has not ended
NO_STEP = "-"


class Changed(Exception):
    """Somebody else has changed what a plan was made on."""

    def __init__(self, what: list[str]) -> None:
        super().__init__(listed(what))


@dataclass
class Record:
    """What the pieces of a host were that a plan touches, as plain data; those ``begun`` are brought back.

    ``wrote`` is how its steps left the documents that they wrote, ``lost`` whether some of it could not be brought
    back.
    """

    was: Snapshot
    pieces: list[Piece]
    begun: list[Piece] = field(default_factory=list)
    wrote: dict[Place, str | None] = field(default_factory=dict)
    lost: bool = False

    def begin(self, step: Step) -> None:
        if step.of not in self.begun:
            self.begun.append(step.of)
        if step.writes:
            self.wrote[step.writes] = UNKNOWN

    def note(self, host: Host, step: Step) -> None:
        """Notes how a step has left the document that it writes."""
        if step.writes:
            self.wrote[step.writes] = _digest(host.document(*step.writes))

    def changed_since(self, seen: Snapshot) -> list[str]:
        """What is not any more as it was seen when it was planned."""
        was, then = self.was.recorded(), seen.recorded()
        return sorted({named(self.was, part, key) for part, by_key in was.items() if part not in VOLATILE
                       for key, value in by_key.items()
                       if not _same(part, then.get(part, {}).get(key, value), value)})

    def refuse_foreign(self, host: Host, step: Step) -> None:
        """Raises Changed where somebody else has changed what a step is to change."""
        if step.writes is None:
            return
        text = host.document(*step.writes)
        if not self._is_ours(step.writes, text) and not same_document(document_of(self.was, *step.writes), text):
            raise Changed([named(self.was, *step.writes)])

    def leave_foreign(self, piece: Piece, now: Snapshot) -> list[str]:
        """Has what somebody else has changed of a piece meanwhile stay as it is now, and names it.

        What runs stays only where no step of ours has stopped or started it; else it comes back as it ran.
        """
        left = [one for one in self._places(piece) if self._is_foreign(now, one)]
        for one in left:
            self._leave(now, *one)
        return list(dict.fromkeys(named(self.was, *one) for one in left))

    def _places(self, piece: Piece) -> list[Place]:
        place, live = place_of(piece), ("network_live", piece.name)
        edited = piece.kind == "network" and self.wrote.get(live, NO_STEP) and document_of(self.was, *live) is not None
        return [*([place] if place else []), *([live] if edited else [])]

    def _is_foreign(self, now: Snapshot, place: Place) -> bool:
        text = document_of(now, *place)  # libvirt too forgets a configuration
        return text is not None and not self._is_ours(place, text) and not same_document(
            document_of(self.was, *place), text)

    def _is_ours(self, place: Place, text: str | None) -> bool:
        return place in self.wrote and self.wrote[place] in (UNKNOWN, _digest(text))

    def _leave(self, now: Snapshot, part: str, key: str) -> None:
        if part in WHOLE:
            self.was.put_entry(part, key, now.get(part)[key])
            return
        self.was.put(part, key, now.get(part, key))
        if part == "network_config":
            network = now.get("networks")[key]
            former = self.was.get("networks").get(key, network)
            self.was.put_entry("networks", key, dict(former, persistent=network["persistent"]))


def place_of(piece: Piece) -> Place | None:
    """Where the document of a piece is that only people change."""
    if piece.kind == "interface":
        return "domain_config", piece.name.split(" ")[0]
    return (OF_PEOPLE[piece.kind], piece.name) if piece.kind in OF_PEOPLE else None


def listed(words: list[str]) -> str:
    """A list in words, of which the end is only counted when it is long."""
    more = len(words) - SAID
    return "; ".join(words if more <= 1 else [*words[:SAID], "and %d more" % more])


def document_of(seen: Snapshot, part: str, key: str) -> str | None:
    """A document as text, None where there is none."""
    if part in WHOLE:
        entry = seen.get(part).get(key)
        return str(entry["xml"] if isinstance(entry, dict) else entry) if entry else None
    if part in LAYERS and not seen.get("networks").get(key, {}).get(LAYERS[part]):
        return None
    text: str | None = seen.get(part, key)
    return text


def _same(part: str, old: Data, new: Data) -> bool:
    return same_document(old, new) if part in DOCUMENTS else bool(old == new)


def named(seen: Snapshot, part: str, key: str) -> str:
    """A part of a snapshot in words, a guest by its name."""
    if part.startswith("domain_"):
        return "guest %s" % seen.get("domains").get(key, {}).get("name", key)
    return "%s %s" % (part.split("_")[0].rstrip("s"), key) if key else part


def take(seen: Snapshot, steps: Iterable[Step]) -> Record:
    """The record of all that these steps touch: what the ways back ask for, which now find nothing to do."""
    was = Snapshot(seen.get)
    pieces = list(dict.fromkeys(step.of for step in steps))
    for piece in pieces:
        list(piece.back(was, was, piece.name))
    return Record(was, pieces)


def of_another_boot(was: Snapshot, now: Snapshot) -> Snapshot:
    """What is still worth bringing back after a boot: what is configured. What ran then is what runs now."""
    def read(part: str, key: str) -> Data:
        try:
            then = was.get(part, key)
        except NotRecorded:
            return now.get(part, key)
        if part == "bridge_files":
            return {where: then[where] for where in then if where == LASTING}
        if part not in ("networks", "domains"):
            return then if part in CONFIGURED else now.get(part, key)
        there = now.get(part)
        kept = {name: dict(entry, active=there.get(name, {}).get("active", False))
                for name, entry in then.items() if entry["persistent"]}
        return {**{name: there[name] for name in then if name in there}, **kept}

    return Snapshot(read)


def _digest(text: str | None) -> str | None:
    """A document in short, None for none."""
    return None if text is None else hashlib.sha256(plain_text(text).encode()).hexdigest()
