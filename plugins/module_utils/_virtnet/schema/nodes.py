# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarative tables between Ansible options and libvirt XML.

A document is a tree of three kinds of node. ``Field`` is one option and one attribute or text, ``Group`` is a
dictionary and one element, ``Many`` is a list and repeated elements (``Markup`` is a list of elements that are
kept as XML text). From the tree come the parser, the renderer, the merge, the comparison, the checks, and by
``docs`` the argument spec and the documentation.

What a node finds to be wrong it says of itself; the way to it is added by those that it is in.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Callable, NamedTuple, Union

from .errors import Difference, Entry, Invalid, Path, inside, no_such_option, not_allowed
from .options import Options, Value, is_empty, without_empty
from .scalars import CONTROL, CONTROL_IN_TEXT, Odd, Scalar
from .xml import (
    alone,
    canonical,
    drop_attribute,
    etree,
    find,
    load_xml,
    make,
    parent_and_tag,
    remove_if_bare,
    split_place,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

HERE = Path()
Version = tuple[int, ...]
Rule = Callable[[Options], None]


@cache
def version_of(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def too_new(since: str, version: Version) -> bool:
    return bool(since) and version_of(since) > version


class Field(NamedTuple):
    """One option: one attribute or text.

    ``at`` is its place in the containing element. ``default`` is what libvirt takes when it is absent, so that
    both mean the same. ``implied`` is read when the attribute is absent from an element that exists.
    ``filled`` fields are made up by libvirt when absent. ``readonly`` fields are only ever read. A ``never_empty`` one
    asks for something: where others say by being empty that nothing is there, it would say nothing.
    """

    name: str
    at: str
    type: Scalar
    about: str | list[str]
    since: str = ""
    required: bool = False
    default: Value = None
    implied: Value = None
    filled: bool = False
    readonly: bool = False
    never_empty: bool = False

    def read(self, parent: Element, readonly: bool = False) -> Value:
        """What an element says; never an error, for libvirt may hold what no task can say."""
        if self.readonly and not readonly:
            return None
        steps, attribute = split_place(self.at)
        element = find(parent, steps)
        if element is None:
            return None
        text = element.get(attribute) if attribute else element.text
        if text is None:
            return self.implied
        try:
            return self.type.parse(text)
        except ValueError:
            return Odd(text)

    def write(self, parent: Element, value: Value) -> None:
        if self.readonly:
            return
        steps, attribute = split_place(self.at)
        if not is_empty(value):
            element = make(parent, steps)
            text = str(value) if isinstance(value, Odd) else self.type.text(value)
            if attribute:
                element.set(attribute, text)
            else:
                element.text = text
            return
        found = find(parent, steps)
        if found is not None:
            if attribute:
                if found.get(attribute):  # an empty one says nothing already
                    drop_attribute(found, attribute)
            else:
                found.text = None
            if steps:
                remove_if_bare(found)

    def check(self, value: Value, whole: bool = True) -> Value:
        if is_empty(value) and self.filled:
            raise Invalid("", "cannot be empty, since libvirt makes it up; leave it out to keep what there is")
        if is_empty(value) and self.type.kind == "str" and not (self.type.choices or self.required or self.never_empty):
            return ""
        try:
            if isinstance(value, Odd):
                raise ValueError(value)
            return self.type.coerce(value)
        except (ValueError, TypeError) as error:
            raise not_allowed("", value, self.type.allowed) from error

    def normal(self, value: Value) -> Value:
        if is_empty(value):
            return None
        if not isinstance(value, Odd):
            value = self.type.normal(value)
        return None if value == self.default else value

    def merge(self, desired: Value, current: Value, purge: bool) -> Value:
        return current if not is_empty(current) and self.normal(desired) == self.normal(current) else desired

    def differences(self, desired: Value, current: Value, path: Path) -> Iterator[Difference]:
        if self.normal(desired) != self.normal(current):
            yield Difference(path, None if is_empty(desired) else desired, current)

    def keeps(self, value: Value) -> Value:
        return value if self.filled else None

    def too_new(self, value: Value, version: Version) -> Iterator[tuple[Path, str]]:
        if too_new(self.since, version) and not is_empty(value):
            yield Path(), self.since


class Group(NamedTuple):
    """A dictionary of options: one child element (a document when it is the root).

    ``complete`` adds what goes without saying to options before they are checked. ``rules`` are checks across its
    options, called as ``rule(options)``; they raise Invalid.
    ``simplify`` maps options, already in normal form, to one form for those that say the same in different words.
    ``either`` names options that state the same fact: giving some of them replaces the others. ``tidy`` drops
    what libvirt ignores of an element, called as ``tidy(element, options)``. ``lasting`` drops what libvirt added for
    other options, and what is not to stay where a task states others.
    """

    name: str
    at: str
    about: str | list[str]
    nodes: tuple[Node, ...]
    since: str = ""
    required: bool = False
    complete: Callable[[Options], Options] = dict
    rules: tuple[Rule, ...] = ()
    simplify: Callable[[Options], Options] = dict
    either: tuple[str, ...] = ()
    tidy: Callable[[Element, Options], Options] | None = None
    lasting: Callable[[Options], Options] | None = None

    def node(self, name: str) -> Value:
        return next((node for node in self.nodes if node.name == name), None)

    def _names(self) -> str:
        return ", ".join(sorted(node.name for node in self.nodes))

    def parse(self, element: Element, readonly: bool = False) -> Options:
        """The options that an element states."""
        options = {}
        for node in self.nodes:
            value = node.read(element, readonly)
            if not is_empty(value):
                options[node.name] = value
        return self.tidy(element, options) if self.tidy else options

    def tag_of(self, options: Options) -> str:
        return self.at

    def render(self, options: Options, base: Element | None = None) -> Element:
        """An element that states exactly these options, made from a copy of ``base``, whose unknown XML stays."""
        element = etree.Element(self.at) if base is None else copy.deepcopy(base)
        self.fill(element, options)
        return element

    def fill(self, element: Element, options: Options) -> None:
        for node in self.nodes:
            node.write(element, options.get(node.name))

    def read(self, parent: Element, readonly: bool = False) -> Options | None:
        element = parent.find(self.at)
        return None if element is None else self.parse(element, readonly)

    def write(self, parent: Element, value: Value) -> None:
        element = parent.find(self.at)
        if is_empty(value):
            if element is not None:
                self.fill(element, {})
                remove_if_bare(element)
            return
        self.fill(etree.SubElement(parent, self.at) if element is None else element, value)

    def check(self, value: Value, whole: bool = True, there: Options | None = None) -> Options:
        """The options with their types put right; raises Invalid at the first that is not allowed.

        ``whole`` options must also have what is required and keep to the rules; others are only a part. What is as it
        is ``there`` is allowed.
        """
        if not isinstance(value, dict):
            raise not_allowed("", value, "a dictionary of %s" % self._names())
        value = self.complete(value)
        for name in value:
            if self.node(name) is None:
                raise no_such_option(name, (node.name for node in self.nodes))
        options = {}
        for node in self.nodes:
            if value.get(node.name) is not None:
                try:
                    options[node.name] = self._checked(node, value[node.name], whole, (there or {}).get(node.name))
                except Invalid as error:
                    raise error.within(node.name) from error.__cause__
        if whole:
            self._check_whole(options)
        return options

    @staticmethod
    def _checked(node: Node, value: Value, whole: bool, there: Value = None) -> Value:
        if value == there:
            return value
        if isinstance(node, Group) and isinstance(value, dict) and not any(part is not None for part in value.values()):
            return {}  # which takes the group away, so that nothing is required
        if isinstance(node, (Group, Many)) and there:
            return node.check(value, whole, there)
        return node.check(value, whole)

    def _check_whole(self, options: Options) -> None:
        for node in self.nodes:
            if getattr(node, "required", False) and is_empty(options.get(node.name)):
                raise Invalid(node.name, "is missing")
        for rule in self.rules:
            rule(options)

    def check_changed(self, merged: Options, current: Options) -> None:
        """Checks only the options that a task says otherwise than they are, though it be no difference to libvirt."""
        for node in self.nodes:
            if not is_empty(merged.get(node.name)) and merged[node.name] != current.get(node.name):
                with inside(node.name):
                    self._checked(node, merged[node.name], True, current.get(node.name))

    def normal(self, value: Value) -> Value:
        """Options by which two values compare equal when libvirt treats them as equal; defaults are None."""
        if is_empty(value):
            return None
        parts = {node.name: node.normal(value[node.name]) for node in self.nodes if node.name in value}
        return parts if any(isinstance(part, Odd) for part in parts.values()) else self.simplify(parts)

    def merge(self, desired: Value, current: Value, purge: bool = False) -> Options:
        """What the options are to be: what is desired, and of the rest what is there."""
        current = current or {}
        lasting = self.lasting(current) if self.lasting else current
        merged = self.keeps(current) if purge or is_empty(desired) else dict(lasting)
        if any(name in desired for name in self.either):
            merged = {name: value for name, value in merged.items() if name not in self.either}
        for node in self.nodes:
            if node.name in desired:
                merged[node.name] = node.merge(desired[node.name], current.get(node.name), purge)
        return {node.name: merged[node.name] for node in self.nodes if not is_empty(merged.get(node.name))}

    def whole(self, options: Options, current: Options | None) -> Options:
        """The options, and whatever else ``current`` has said to be empty."""
        stated: Options = dict.fromkeys(current or {}, "")
        for node in self.nodes:
            implied = getattr(node, "implied", None)
            if node.name not in options and node.name in stated and implied is not None:
                stated[node.name] = implied
            if node.name in options:
                value = options[node.name]
                if isinstance(node, Group) and not is_empty(value):
                    value = node.whole(value, (current or {}).get(node.name))
                stated[node.name] = value
        return stated

    def keeps(self, value: Value) -> Options:
        """The part of the options that libvirt made up, which purge leaves."""
        kept = {node.name: node.keeps(value[node.name]) for node in self.nodes if node.name in (value or {})}
        return {name: part for name, part in kept.items() if not is_empty(part)}

    def differences(self, desired: Value, current: Value, path: Path = HERE) -> Iterator[Difference]:
        """Where ``current`` differs from what ``desired`` mentions."""
        if is_empty(desired):
            kept = self.keeps(current)
            extra = {name: value for name, value in (current or {}).items() if value != kept.get(name)}
            if _strip(self.normal(extra)):
                yield Difference(path, None, extra)
            return
        wanted, found = self.normal(desired), self.normal(current or {}) or {}
        for node in self.nodes:
            if node.name not in wanted:
                continue
            if node.name in desired:
                if _strip(wanted[node.name]) != _strip(found.get(node.name)):
                    yield from node.differences(desired[node.name], (current or {}).get(node.name), path / node.name)
            elif wanted[node.name] != found.get(node.name):
                yield Difference(path / node.name, wanted[node.name], found.get(node.name))

    def too_new(self, value: Value, version: Version) -> Iterator[tuple[Path, str]]:
        """(path, version) of every option in use that needs a newer libvirt than this version."""
        if is_empty(value):
            return
        if too_new(self.since, version):
            yield Path(), self.since
        for node in self.nodes:
            if node.name in value:
                for path, since in node.too_new(value[node.name], version):
                    yield path.within(node.name), since


class Choice(Group):
    """An item of a list that is one of several elements: a dictionary with one option, which says which."""

    def parse(self, element: Element, readonly: bool = False) -> Options:
        node: Value = next(node for node in self.nodes if node.at == element.tag)
        return {node.name: node.parse(element, readonly)}

    def fill(self, element: Element, options: Options) -> None:
        for name, value in options.items():
            self.node(name).fill(element, value)

    def tag_of(self, options: Options) -> str:
        return str(self.node(next(iter(options))).at)

    def check(self, value: Value, whole: bool = True, there: Options | None = None) -> Options:
        if isinstance(value, dict) and len(value) != 1:
            raise Invalid("", "give one of %s" % ", ".join(node.name for node in self.nodes))
        return super().check(value, whole, there)


def _strip(value: Value) -> Value:
    """A normal form without what is None."""
    if isinstance(value, dict):
        stripped = {name: _strip(part) for name, part in value.items()}
        return {name: part for name, part in stripped.items() if part is not None} or None
    return value


class Many(NamedTuple):
    """A list of options: repeated elements.

    ``item`` is a Group, or a Field for a list of scalars. The list and its items are stated whole, but for a
    ``partial`` list, which leaves alone what it does not mention. ``key`` names the options that identify an item,
    the first that is given. Items are a set unless they are ``ordered``.
    """

    name: str
    at: str
    about: str | list[str]
    item: Group | Field
    since: str = ""
    required: bool = False
    key: tuple[str, ...] = ()
    ordered: bool = False
    unique: bool = False
    partial: bool = False

    def _elements(self, parent: Element) -> list[Element]:
        steps, tag = parent_and_tag(self.at)
        container = find(parent, steps)
        if container is None:
            return []
        tags = [node.at for node in self.item.nodes] if isinstance(self.item, Choice) else [tag]
        return list(container.iterchildren(*tags))

    def read(self, parent: Element, readonly: bool = False) -> list[Value]:
        items = [self._read_item(element, readonly) for element in self._elements(parent)]
        return [item for item in items if item is not None]

    def _read_item(self, element: Element, readonly: bool = False) -> Value:
        if isinstance(self.item, Group):
            return self.item.parse(element, readonly)
        return self.item.read(element, readonly)

    def write(self, parent: Element, value: Value) -> None:
        steps, tag = parent_and_tag(self.at)
        old = self._elements(parent)
        if not old and not value:
            return
        container = make(parent, steps) if value else find(parent, steps)
        if container is None:
            return
        place = container.index(old[0]) if old else len(container)
        reused = self._reuse(old, value or [])
        for element in old:
            container.remove(element)
        for offset, (item, found) in enumerate(zip(value or [], reused)):
            if found is None:
                found = etree.Element(self.item.tag_of(item) if isinstance(self.item, Choice) else tag)
            if isinstance(self.item, Group):
                self.item.fill(found, item)
            else:
                self.item.write(found, item)
            container.insert(place + offset, found)
        if steps:
            remove_if_bare(container)

    def _reuse(self, elements: list[Element], items: list[Value]) -> list[Element | None]:
        """For every item the element that already stands for it, or None."""
        chosen: list[Element | None] = [None] * len(items)
        if not elements:
            return chosen
        used = set()
        there = [self._read_item(element) for element in elements]
        for identity in (self._item_normal, self.identity):
            free: dict[str, list[int]] = {}
            for place in range(len(there) - 1, -1, -1):
                name = None if place in used else identity(there[place])
                if name is not None:
                    free.setdefault(_sortable(name), []).append(place)
            for index, item in enumerate(items):
                places = free.get(_sortable(identity(item))) if chosen[index] is None else None
                if places:
                    place = places.pop()
                    used.add(place)
                    chosen[index] = elements[place]
        return chosen

    def identity(self, item: Value) -> Value:
        """The option that identifies an item with its value, or None."""
        if not isinstance(self.item, Group):
            return self.item.normal(item)
        normal = self.item.normal(item) or {}
        return next(((name, normal[name]) for name in self.key if normal.get(name) is not None), None)

    def _item_normal(self, item: Value) -> Value:
        normal = _strip(self.item.normal(item))
        return {} if normal is None and isinstance(self.item, Group) else normal

    def check(self, value: Value, whole: bool = True, there: Value = ()) -> list[Value]:
        if not isinstance(value, list):
            raise not_allowed("", value, "a list")
        items = []
        for index, item in enumerate(value):
            if is_empty(item) and not isinstance(item, dict):
                raise Invalid(Path(index), "is empty")
            try:
                items.append(item if item in there else self.item.check(item, True))
            except Invalid as error:
                raise error.within(index) from error.__cause__
        if self.unique:
            self._refuse_twice(items)
        return items

    def _refuse_twice(self, items: list[Value]) -> None:
        seen: dict[str, int] = {}
        for index, item in enumerate(items):
            name = _sortable(self.identity(item) or self._item_normal(item))
            if name in seen:
                raise Invalid(Path(index), "%s is already in %s[%d]; give it once"
                              % (self.label(item) if self.key else "the same", self.name, seen[name]))
            seen[name] = index

    def normal(self, value: Value) -> Value:
        items = [self._item_normal(item) for item in value or []]
        items = [item for item in items if item is not None]
        return (items if self.ordered else sorted(items, key=_sortable)) or None

    def merge(self, desired: Value, current: Value, purge: bool) -> list[Value]:
        """The desired items, spelled as they already are where they say the same."""
        if self.partial:
            items = {self.identity(item): item for item in current or []}
            for item in desired or []:
                items[self.identity(item)] = self.item.merge(item, items.get(self.identity(item)), purge)
            return list(items.values())
        same = {_sortable(self._item_normal(item)): item for item in current or []}
        return [same.get(_sortable(self._item_normal(item)), without_empty(item)) for item in desired or []]

    def differences(self, desired: Value, current: Value, path: Path) -> Iterator[Difference]:
        if self.partial:
            there = {self.identity(item): item for item in current or []}
            for item in desired:
                here = path / Entry(self.label(item))
                yield from self.item.differences(item, there.get(self.identity(item)), here)
            return
        wanted, found = _unlike(self._normals(desired), self._normals(current))
        if not wanted and not found:
            yield Difference(path, desired, current)  # only the order differs
            return
        names = {self.identity(current[place]): place for place in reversed(found)} if self.key else {}
        names.pop(None, None)
        left = dict.fromkeys(found)
        for place in wanted:
            item = desired[place]
            here = path / Entry(self.label(item, place))
            other = names.pop(self.identity(item), None) if self.key else None
            if other is None:
                yield Difference(here, item, None)
                continue
            del left[other]
            known = self.item.whole(item, current[other]) if isinstance(self.item, Group) else item
            yield from self.item.differences(known, current[other], here)
        for place in left:
            yield Difference(path / Entry(self.label(current[place], place)), None, current[place])

    def _normals(self, items: Value) -> list[str]:
        return [_sortable(self._item_normal(item)) for item in items or []]

    def label(self, item: Value, place: int = 0) -> str:
        """What names an item in a path: the option that identifies it, itself, or its place in the list."""
        if not isinstance(self.item, Group):
            return str(item)
        name = self.identity(item)
        return str(place) if name is None else str(item.get(name[0]))

    def keeps(self, value: Value) -> None:
        return None

    def too_new(self, value: Value, version: Version) -> Iterator[tuple[Path, str]]:
        if too_new(self.since, version) and not is_empty(value):
            yield Path(), self.since
        for index, item in enumerate(value or []):
            for path, since in self.item.too_new(item, version):
                yield path.within(index), since


def _sortable(value: Value) -> str:
    return json.dumps(value, sort_keys=True)


def _unlike(wanted: list[str], found: list[str]) -> tuple[list[int], list[int]]:
    """The places of what is in one of two lists of texts only, each as often as it is there."""
    left: dict[str, list[int]] = {}
    for place, text in enumerate(found):
        left.setdefault(text, []).append(place)
    missing = []
    for place, text in enumerate(wanted):
        if left.get(text):
            left[text].pop(0)
        else:
            missing.append(place)
    return missing, sorted(place for places in left.values() for place in places)


class Markup(NamedTuple):
    """A list of XML elements, kept as text: what other programs put into an element of libvirt's documents."""

    name: str
    at: str
    about: str | list[str]
    since: str = ""

    def read(self, parent: Element, readonly: bool = False) -> list[str]:
        element = parent.find(self.at)
        children = [] if element is None else [child for child in element if isinstance(child.tag, str)]
        return [etree.tostring(alone(child), encoding="unicode") for child in children]

    def write(self, parent: Element, value: Value) -> None:
        element = parent.find(self.at)
        if element is not None:
            parent.remove(element)
        if value:
            element = etree.SubElement(parent, self.at)
            element.extend([load_xml(text) for text in value])

    def check(self, value: Value, whole: bool = True) -> list[str]:
        if not isinstance(value, list):
            raise not_allowed("", value, "a list of XML elements")
        seen: dict[str, int] = {}
        for index, text in enumerate(value):
            with inside(index):
                namespace = self._namespace_of(text)
                if namespace in seen:
                    raise Invalid("", "namespace %s is already in %s[%d]; libvirt keeps one element of each"
                                  % (namespace, self.name, seen[namespace]))
                seen[namespace] = index
        return list(value)

    @staticmethod
    def _namespace_of(text: Value) -> str:
        if not isinstance(text, str):
            raise not_allowed("", text, "an XML element as text")
        try:
            element = load_xml(text)
        except Invalid as error:
            raise Invalid("", error.problem) from error
        namespace = etree.QName(element).namespace
        if not namespace:
            raise Invalid("", "the element has no namespace; libvirt keeps only elements of a namespace")
        _refuse_control(element)
        return namespace

    def normal(self, value: Value) -> Value:
        return sorted(canonical(text) for text in value or []) or None

    def merge(self, desired: Value, current: Value, purge: bool) -> Value:
        return current if self.normal(desired) == self.normal(current) else desired

    def differences(self, desired: Value, current: Value, path: Path) -> Iterator[Difference]:
        yield Difference(path, desired, current)

    def keeps(self, value: Value) -> None:
        return None

    def too_new(self, value: Value, version: Version) -> Iterator[tuple[Path, str]]:
        if too_new(self.since, version) and not is_empty(value):
            yield Path(), self.since


Node = Union[Field, Group, Many, Markup]


def _refuse_control(element: Element) -> None:
    """Refuses control characters in attributes; texts may have several lines."""
    for part in element.iter():
        values = [(CONTROL, str(value)) for value in part.attrib.values()]
        for unwanted, value in [*values, (CONTROL_IN_TEXT, part.text or ""), (CONTROL_IN_TEXT, part.tail or "")]:
            if unwanted.search(value):
                raise not_allowed("", value, "XML without control characters")


def check_version(found: Iterable[tuple[Path, str]], version: Version) -> None:
    """Refuses an option that needs a newer libvirt than this version; ``found`` comes from Group.too_new()."""
    for path, since in found:
        raise Invalid(path, "needs libvirt %s; this host has %s" % (since, ".".join(map(str, version))))


def in_order(node: Node, value: Value) -> Value:
    """The normal form of options with every list in its order."""
    if isinstance(node, Group) and not is_empty(value):
        return node.simplify({child.name: in_order(child, value[child.name]) for child in node.nodes
                              if not is_empty(value.get(child.name))})
    if isinstance(node, Many):
        return [in_order(node.item, item) for item in value or []]
    return node.normal(value)
