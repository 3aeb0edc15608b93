# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of each try, and the table of all of them.

A try is right when the host is as before or as stated, the message is true, and no guest is off that was connected.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from faults.tasks import Answer
from faults.witnesses import Seen, differences, offline

# What a message says that does not claim that all is as it was.
LEFT = re.compile(r"(could|can) ?not be (undone|put back|taken away|restored|brought back|connected)|"
                  r"could not (restore|put back)|What was done stays|is left as it is|stays as it is", re.IGNORECASE)
COLUMNS = ("tried", "as before", "as stated", "neither", "false message", "guests off", "not right")


@dataclass
class Try:
    """One fault that was tried. ``told`` allows that the host is neither when the message says so."""

    name: str  # PART/PLAN/…, which --only takes
    kind: str
    how: str  # in words
    end: str = ""  # as before, as stated, neither
    lies: str = ""
    off: list[str] = field(default_factory=list)
    message: str = ""
    left: list[str] = field(default_factory=list)
    allowed: bool = False
    seconds: float = 0  # until the host was as before or as stated, after a kill
    sabotaged: str = ""

    @property
    def right(self) -> bool:
        return not self.lies and (self.allowed or (self.end != "neither" and not self.off))


def judge(found: Try, before: Seen, stated: Seen | None, now: Seen, answer: Answer | None, told: bool = False) -> Try:
    """Completes a try by what there was, what was stated (None where it is not known), and what is there now."""
    changed = differences(before, now)
    from_stated = None if stated is None else differences(stated, now)
    found.end = "as before" if not changed else "as stated" if from_stated == [] else "neither"
    found.message = answer.message if answer else ""
    says_left = bool(LEFT.search(found.message))
    if found.end == "neither":
        found.left = changed if from_stated is None or len(changed) <= len(from_stated) else from_stated
        found.allowed = told and says_left
    found.lies = _lie(found, answer, stated is not None and bool(differences(before, stated)), says_left)
    was_off = set(offline(before)) | (set(offline(stated)) if found.end == "as stated" and stated else set())
    found.off = [one for one in offline(now) if one not in was_off]
    return found


def _lie(found: Try, answer: Answer | None, has_something_to_do: bool, says_left: bool) -> str:
    if answer is None:
        return ""
    if not answer.known:
        return "not a message for people"
    if answer.ok:
        return "says ok" if found.end == "neither" or (found.end == "as before" and has_something_to_do) else ""
    if found.end == "as before":
        return "says that something is not restored, and all is" if says_left else ""
    if found.end == "as stated":
        return "" if says_left else "says that it failed, and all was done"
    return "" if says_left else "does not say that the host is not as it was"


# --- the table


def table(tries: list[Try]) -> str:
    kinds = list(dict.fromkeys(one.kind for one in tries))
    width = max(map(len, [*kinds, "all"]), default=3)
    rows = [_row(kind, width, [one for one in tries if one.kind == kind]) for kind in kinds]
    return "\n".join(["  ".join(["kind of fault".ljust(width), *COLUMNS]), *rows, _row("all", width, tries)])


def _row(kind: str, width: int, tries: list[Try]) -> str:
    counts = [len(tries), *(sum(one.end == end for one in tries) for end in ("as before", "as stated", "neither")),
              sum(bool(one.lies) for one in tries), sum(bool(one.off) for one in tries),
              sum(not one.right for one in tries)]
    return "  ".join([kind.ljust(width), *(str(count).rjust(len(name)) for count, name in zip(counts, COLUMNS))])


def details(found: Try, seed: str, lines: int = 6) -> str:
    """What is not right with a try, and how to see it again."""
    said = ["%s (%s): %s%s" % (found.name, found.kind, _cut(found.how, 400),
                               "; broken on purpose: " + found.sabotaged if found.sabotaged else "")]
    said += ["  message: %s" % _cut(found.message, 400)] if found.message else []
    said += ["  the message %s" % found.lies] if found.lies else []
    said += ["  off: %s" % one for one in found.off]
    left = sorted(found.left, key=_weight)
    said += ["  %s" % _cut(one, 200) for one in left[:lines]]
    said += ["  and %d more" % (len(found.left) - lines)] if len(found.left) > lines else []
    said.append("  again: tests/faults/run --seed %s --only %s" % (seed, found.name))
    return "\n".join(said)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length - 3] + "..."


def _weight(difference: str) -> int:
    """What tells most comes first; the firewall and tables follow from the rest."""
    return next((place for place, word in enumerate(("network", "interface", "port", "filter", "binding", "device"))
                 if difference.startswith(word)), 9)


def save(tries: list[Try], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(asdict(one)) for one in tries))


def load(path: Path) -> list[Try]:
    return [Try(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
