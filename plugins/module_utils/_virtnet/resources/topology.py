# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wishes that a document of a host states, and what it says about all of them."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Callable

from ..documents.packed import unpack
from ..documents.settings import SETTINGS
from ..documents.topology import LISTS, TOPOLOGY
from ..engine.converge import Outcome, plan_each
from ..host.snapshot import Snapshot
from ..schema.errors import Invalid, Path, not_allowed
from ..schema.options import Options, Value, prune
from ..schema.stated import problems, stated
from .exclusive import Unlisted, settled, unlisted
from .kinds import KINDS

if TYPE_CHECKING:
    from ..engine.resource import Key, Wish

QUOTES = r"[\"'<>\\]"  # of JSON, and of XML in it
SHORT = 4  # bytes of a digest that names one object, or one plan for it


class Topology:
    """What is wished for, where each wish stands in the document, and all ``errors`` of reading it.

    ``tell`` is called with what people are to know, such as what exclusive lists leave.
    """

    def __init__(self, options: Options, check_mode: bool, tell: Callable[[str], None]) -> None:
        self._options, self._check_mode, self._tell = options, check_mode, tell
        self.wishes: list[Any] = []
        self.errors: list[Invalid] = []
        self._places: dict[Key, Path] = {}
        self._names: dict[tuple[str, str], Path] = {}  # where each name stood first, whatever is wrong with its item
        self.plan_id = ""
        for name, kind in LISTS.items():
            for index, item in enumerate(options.get(name, ())):
                if isinstance(item, dict):
                    self._read(kind, item, Path(name, index))

    def _read(self, kind: str, item: Options, place: Path) -> None:
        given = {name: value for name, value in item.items() if value is not None and name != "status"}
        found = self._doubled(kind, given.get("name"), place)
        try:
            wish = _wish(kind, given, self._options, self._tell)
            if not found:
                if wish.key in self._places:
                    raise _same(self._places[wish.key])
                self.wishes.append(wish)
                self._places[wish.key] = place
        except Invalid as error:
            found = [*(_problems(kind, given) or [error]), *found]
        for one in found:
            one.problem += _called(kind, item)
            self.errors.append(one.within(*place))

    def _doubled(self, kind: str, name: Value, place: Path) -> list[Invalid]:
        """What is to be said where an item before has that name."""
        former = self._names.setdefault((kind, name), place) if isinstance(name, str) else place
        return [] if former is place else [_same(former)]

    def place(self, wish: Wish) -> Path:
        return self._places.get(wish.key, Path("exclusive"))

    def more(self, seen: Snapshot) -> list[Wish]:
        """The wishes that what is in no list be gone, on the host as it will be; users go before what they use."""
        exclusive = self._options.get("exclusive", [])
        if not exclusive:
            return []
        after, gone, keep = seen.fork(), [], self._options.get("keep", [])
        for one in unlisted(seen, self.wishes, "networks", keep) if "networks" in exclusive else ():
            one.wish.give_up(after)  # for others to have; what stays all the same is told when all is planned
        unread = self._unread(after)
        for name in reversed([*LISTS]):
            found = unlisted(after, self.wishes, name, keep) if name in exclusive else []
            going, staying = settled([one for one in found if unread.isdisjoint(one.wish.key[1:])])
            self._refuse_used(going)
            for one in staying:
                self._tell("%s is in no list and stays, for it is used by %s" % (one.label, ", ".join(one.others)))
            wishes = [one.wish for one in going]
            plan_each(after, wishes, self._check_mode, self.place)
            gone += wishes
        return gone

    def _unread(self, after: Snapshot) -> set[str]:
        """All words of items that are refused: what has such a name may be listed or needed. Promises the others."""
        _planned, wrong = plan_each(after, list(self.wishes), self._check_mode, self.place)
        items = [self._options[error.path[0]][error.path[1]] for error in self.errors + wrong]
        text = json.dumps(items, ensure_ascii=False, default=str)
        return {*re.split(QUOTES, text), *re.split(QUOTES, text.lower())}  # a MAC may be in capitals

    def _refuse_used(self, going: list[Unlisted]) -> None:
        if not self._options.get("remove_used"):
            self.errors += [Invalid("exclusive", "%s is in no list, and running guests use it: %s; list it, or name it"
                                    " in keep, or give remove_used: true" % (one.label, ", ".join(one.guests)))
                            for one in going if one.guests]

    def approve(self, planned: list[Outcome]) -> None:
        """Refuses another plan than the one that was asked for."""
        parts = {_digest(list(outcome.wish.key)): (_digest(_what(outcome)), outcome.wish)
                 for outcome in planned if outcome.plan.steps}
        self.plan_id = ":".join([_digest(sorted(key + plan for key, (plan, _wish) in parts.items())),
                                 *(key + plan for key, (plan, _wish) in parts.items())])
        given = self._options.get("plan_id")
        if not given or given == self.plan_id:
            return
        reviewed = {part[:2 * SHORT]: part[2 * SHORT:] for part in given.split(":")[1:]}
        otherwise = [_named(wish) for key, (plan, wish) in parts.items() if reviewed.get(key) != plan]
        done = [_named(outcome.wish) for outcome in planned
                if not outcome.plan.steps and _digest(list(outcome.wish.key)) in reviewed]
        said = [words % ", ".join(names) for words, names in (
            ("what is to be done to %s is not what was reviewed", otherwise),
            ("nothing is to be done to %s any more", done)) if names]
        raise Invalid("plan_id", "%s; nothing was changed, review the plan again" % (
            "; ".join(said) or "is that of another document"))


def read_topology(params: Options, check_mode: bool, tell: Callable[[str], None]) -> Topology:
    """The document that a task gives, inline or as the action plugin packed it; raises Invalid."""
    options: Options = prune({node.name: params[node.name] for node in TOPOLOGY.nodes})
    if "src" in options:
        raise Invalid("src", "is read on the controller, by the action plugin of this module")
    given = unpack(options.pop("packed")) if "packed" in options else {}
    if given:
        both, strange = sorted(set(given) & set(options)), sorted(set(given) - set(LISTS))
        if both:
            raise Invalid("src", "cannot be given together with %s, which it has too" % ", ".join(both))
        if strange:
            raise Invalid(Path("src", strange[0]), "no such list; there are %s" % ", ".join(LISTS))
    return Topology(TOPOLOGY.check(dict(options, **prune(given))), check_mode, tell)


def errors_of_items(options: Options) -> list[Invalid]:
    """What is wrong with the items that can be read, in a document of which not all can."""
    lists = {name: options[name] for name in LISTS if isinstance(options.get(name), list)}
    return Topology(lists, check_mode=False, tell=lambda words: None).errors


def _same(former: Path) -> Invalid:
    return Invalid("", "is the same as %s" % (former,))


def _parted(kind: str, given: Options) -> tuple[Options, Options]:
    """What an item says beside its document, and the document."""
    own = {name: value for name, value in given.items() if SETTINGS[kind].node(name)}
    return own, {name: value for name, value in given.items() if name not in own and (name != "xml" or kind == "sriov")}


def _problems(kind: str, given: Options) -> list[Invalid]:
    own, document = _parted(kind, given)
    return [*problems(SETTINGS[kind], own, True), *problems(KINDS[kind].options, document)]


def _wish(kind: str, given: Options, defaults: Options, tell: Callable[[str], None]) -> Any:
    """The wish that an item states; raises Invalid."""
    own, document = _parted(kind, given)
    text = given.get("xml") if kind != "sriov" else None
    if text is not None and not isinstance(text, str):
        raise not_allowed("xml", text, "a document as text")
    table, known = SETTINGS[kind], KINDS[kind]
    common: Options = {name: defaults[name] for name in ("restart", "layers") if table.node(name) and name in defaults}
    return known.wish_of(dict(common, **table.check(own)), stated(known.options, document, text, tell))


def _called(kind: str, item: Options) -> str:
    """What people call an item, as the end of an error."""
    name = item.get("name") or item.get("device") or item.get("domain") or item.get("network")
    return " (%s %s)" % (kind, name) if isinstance(name, str) else ""


def _named(wish: Wish) -> str:
    return "%s %s" % (wish.kind, wish.name)


def _what(outcome: Outcome) -> Value:
    plan = outcome.plan
    return [[step.title for step in plan.steps], plan.before, plan.after]


def _digest(value: Value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:2 * SHORT]
