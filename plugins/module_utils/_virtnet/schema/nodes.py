# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarative tables between Ansible options and libvirt XML.

A document is a tree of three kinds of node. ``Field`` is one option and one attribute or text, ``Group`` is a
dictionary and one element, ``Many`` is a list and repeated elements (``Markup`` is a list of elements that are
kept as XML text). From the tree come the parser, the renderer, the merge, the comparison, the checks, the
argument spec and the option documentation.

Options are plain data: dictionaries, lists, strings, numbers and booleans. An option that is missing says
nothing; an empty one (``{}``, ``[]``, ``""``) says that it is not there.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Callable, NamedTuple

from .scalars import CONTROL, CONTROL_IN_TEXT, NOT_IN_XML, Scalar

try:
    from lxml import etree

    LXML_ERROR = None
except ImportError as error:
    etree = None
    LXML_ERROR = error


LONGEST_MESSAGE = 1000
LONGEST_VALUE = 80


class Invalid(ValueError):
    """A value that is not allowed; the message names the option path, the value and what is allowed."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(_shortened(_escaped("%s: %s" % (path, problem) if path else problem), LONGEST_MESSAGE))
        self.path, self.problem = path, problem


class Difference(NamedTuple):
    """One place where two sets of options differ; ``None`` stands for nothing there."""

    path: str
    desired: Any
    current: Any


def not_allowed(path: str, value: Any, allowed: str) -> Invalid:
    return Invalid(path, "%s is not allowed; give %s" % (shown(value), allowed))


def shown(value: Any) -> str:
    """A value as an error shows it: escaped, and cut where it is long."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = "a value nested too deeply"
    return _shortened(text, LONGEST_VALUE)


def _escaped(text: str) -> str:
    for unwanted in (CONTROL, NOT_IN_XML):
        text = unwanted.sub(lambda found: "\\u%04x" % ord(found.group()), text)
    return text


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else "%s… (%d characters)" % (text[:longest], len(text))


def is_empty(value: Any) -> bool:
    return value is None or value == "" or value == {} or value == []


def join(path: str, name: str) -> str:
    return "%s.%s" % (path, name) if path else name


# --- XML helpers: a place is '@attribute', '.', 'child', 'child/@attribute'


def register_prefix(prefix: str, namespace: str) -> None:
    """Has a namespace written with the prefix that people know."""
    if etree is not None:
        etree.register_namespace(prefix, namespace)


def load_xml(text: str) -> Any:
    """The root element of a document; no entity is expanded and nothing is fetched."""
    if etree is None:
        raise RuntimeError("lxml is missing")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, encoding="utf-8")
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except UnicodeEncodeError as error:
        raise Invalid("xml", "has characters that XML cannot hold") from error
    except etree.XMLSyntaxError as error:
        raise Invalid("xml", "not well-formed: %s" % error) from error
    if root.getroottree().docinfo.doctype:
        raise Invalid("xml", "a document type declaration is not accepted")
    return root


def namespace_of(text: str) -> str | None:
    """The namespace of an XML element."""
    return etree.QName(load_xml(text)).namespace


def dump_xml(element: Any) -> str:
    """An element as indented text."""
    element = copy.deepcopy(element)
    etree.indent(element)
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _find(parent: Any, steps: str) -> Any:
    return parent.find(steps) if steps else parent


def _make(parent: Any, steps: str) -> Any:
    for step in filter(None, _steps(steps)):
        found = parent.find(step)
        parent = etree.SubElement(parent, step) if found is None else found
    return parent


@cache
def _steps(steps: str) -> list:
    """Splits 'a/{uri}b' at the slashes outside braces."""
    parts, depth = [""], 0
    for letter in steps:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "/" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


@cache
def _split(place: str) -> tuple:
    """('child', 'attribute') of 'child/@attribute'; attribute None stands for the text."""
    if place == ".":
        return "", None
    head, found, attribute = place.rpartition("@")
    return (head.rstrip("/"), attribute) if found else (place, None)


def _remove_if_bare(element: Any) -> None:
    parent = element.getparent()
    if parent is not None and not element.attrib and not len(element) and not (element.text or "").strip():
        parent.remove(element)


@dataclass(frozen=True)
class Field:
    """One option: one attribute or text.

    ``at`` is its place in the containing element. ``default`` is what libvirt takes when it is absent, so that
    both mean the same. ``implied`` is read when the attribute is absent from an element that exists.
    ``filled`` fields are made up by libvirt when absent. ``readonly`` fields are only ever read.
    """

    name: str
    at: str
    type: Scalar
    about: Any
    since: str = ""
    required: bool = False
    default: Any = None
    implied: Any = None
    filled: bool = False
    readonly: bool = False

    def read(self, parent: Any, path: str = "", readonly: bool = False) -> Any:
        if self.readonly and not readonly:
            return None
        steps, attribute = _split(self.at)
        element = _find(parent, steps)
        if element is None:
            return None
        text = element.get(attribute) if attribute else element.text
        if text is None:
            return self.implied
        try:
            return self.type.parse(text)
        except ValueError as error:
            raise not_allowed(path, text, self.type.allowed) from error

    def write(self, parent: Any, value: Any) -> None:
        if self.readonly:
            return
        steps, attribute = _split(self.at)
        if not is_empty(value):
            element = _make(parent, steps)
            if attribute:
                element.set(attribute, self.type.text(value))
            else:
                element.text = self.type.text(value)
            return
        element = _find(parent, steps)
        if element is not None:
            if attribute:
                element.attrib.pop(attribute, None)
            else:
                element.text = None
            if steps:
                _remove_if_bare(element)

    def check(self, value: Any, path: str, whole: bool) -> Any:
        if is_empty(value) and self.filled:
            raise Invalid(path, "cannot be empty, since libvirt makes it up; leave it out to keep what there is")
        if is_empty(value) and self.type.kind == "str" and not self.type.choices:
            return ""
        try:
            return self.type.coerce(value)
        except (ValueError, TypeError) as error:
            raise not_allowed(path, value, self.type.allowed) from error

    def normal(self, value: Any) -> Any:
        if is_empty(value):
            return None
        value = self.type.normal(value)
        return None if value == self.default else value

    def merge(self, desired: Any, current: Any, purge: bool) -> Any:
        return current if not is_empty(current) and self.normal(desired) == self.normal(current) else desired

    def differences(self, desired: Any, current: Any, path: str) -> Iterator[Difference]:
        if self.normal(desired) != self.normal(current):
            yield Difference(path, None if is_empty(desired) else desired, current)

    def keeps(self, value: Any) -> Any:
        return value if self.filled else None

    def needs(self, value: Any, path: str) -> Iterator[tuple]:
        if self.since and not is_empty(value):
            yield path, self.since

    def spec(self, whole: bool) -> dict:
        spec = {"type": self.type.kind}
        if self.type.choices:
            spec["choices"] = list(self.type.choices)
        if self.required and whole:
            spec["required"] = True
        return spec

    def documentation(self, whole: bool) -> dict:
        about = _sentences(self.about)
        if not self.type.choices and self.type.kind != "bool" and self.type.allowed != "a string":
            about.append("Takes %s." % self.type.allowed)
        if self.default is not None:
            about.append("The same as leaving it out: C(%s)." % self.type.text(self.default))
        return _documented(self, about, self.spec(whole))


def _sentences(about: Any) -> list:
    return [about] if isinstance(about, str) else list(about)


def _documented(node: Any, about: list, spec: dict) -> dict:
    if node.since:
        about.append("Since libvirt %s." % node.since)
    return dict(spec, description=about)


@dataclass(frozen=True)
class Group:
    """A dictionary of options: one child element (a document when it is the root).

    ``complete`` adds what goes without saying to options before they are checked. ``rules`` are checks across its
    options, called as ``rule(options, path)``; they raise Invalid.
    ``simplify`` maps options, already in normal form, to one form for those that say the same in different words.
    ``either`` names options that state the same fact: giving some of them replaces the others. ``tidy`` drops
    what libvirt ignores of an element, called as ``tidy(element, options)``.
    """

    name: str
    at: str
    about: Any
    nodes: tuple
    since: str = ""
    required: bool = False
    complete: Callable = dict
    rules: tuple = ()
    simplify: Callable = dict
    either: tuple = ()
    tidy: Callable | None = None

    def node(self, name: str) -> Any:
        return next((node for node in self.nodes if node.name == name), None)

    def parse(self, element: Any, path: str = "", readonly: bool = False) -> dict:
        """The options that an element states."""
        options = {}
        for node in self.nodes:
            value = node.read(element, join(path, node.name), readonly)
            if not is_empty(value):
                options[node.name] = value
        return self.tidy(element, options) if self.tidy else options

    def tag_of(self, options: dict) -> str:
        return self.at

    def render(self, options: dict, base: Any = None) -> Any:
        """An element that states exactly these options, made from a copy of ``base``, whose unknown XML stays."""
        element = etree.Element(self.at) if base is None else copy.deepcopy(base)
        self.fill(element, options)
        return element

    def fill(self, element: Any, options: dict) -> None:
        for node in self.nodes:
            node.write(element, options.get(node.name))

    def read(self, parent: Any, path: str = "", readonly: bool = False) -> Any:
        element = parent.find(self.at)
        return None if element is None else self.parse(element, path, readonly)

    def write(self, parent: Any, value: Any) -> None:
        element = parent.find(self.at)
        if is_empty(value):
            if element is not None:
                self.fill(element, {})
                _remove_if_bare(element)
            return
        self.fill(etree.SubElement(parent, self.at) if element is None else element, value)

    def check(self, value: Any, path: str = "", whole: bool = True) -> Any:
        """The options with their types put right; raises Invalid at the first that is not allowed.

        ``whole`` options must also have what is required and keep to the rules; others are only a part.
        """
        if value is None:
            return None
        if not isinstance(value, dict):
            raise not_allowed(path, value, "a dictionary")
        value = self.complete(value)
        for name in value:
            if self.node(name) is None:
                raise Invalid(join(path, str(name)), "no such option; there are %s"
                              % ", ".join(sorted(node.name for node in self.nodes)))
        options = {}
        for node in self.nodes:
            if value.get(node.name) is not None:
                options[node.name] = node.check(value[node.name], join(path, node.name), whole)
        if whole and (options or path == "" or path.endswith("]")):
            for node in self.nodes:
                if node.required and is_empty(options.get(node.name)):
                    raise Invalid(join(path, node.name), "is missing")
            for rule in self.rules:
                rule(options, path)
        return options

    def check_changed(self, merged: dict, current: dict) -> None:
        """Checks only the options that a task says otherwise than they are, though it be no difference to libvirt."""
        for node in self.nodes:
            if not is_empty(merged.get(node.name)) and merged[node.name] != current.get(node.name):
                node.check(merged[node.name], node.name, True)

    def normal(self, value: Any) -> Any:
        """Options by which two values compare equal when libvirt treats them as equal; defaults are None."""
        if is_empty(value):
            return None
        return self.simplify({node.name: node.normal(value[node.name]) for node in self.nodes if node.name in value})

    def merge(self, desired: Any, current: Any, purge: bool = False) -> Any:
        """What the options are to be: what is desired, and of the rest what is there."""
        current = current or {}
        merged = self.keeps(current) if purge or is_empty(desired) else dict(current)
        if any(name in desired for name in self.either):
            merged = {name: value for name, value in merged.items() if name not in self.either}
        for node in self.nodes:
            if node.name in desired:
                merged[node.name] = node.merge(desired[node.name], current.get(node.name), purge)
        return {node.name: merged[node.name] for node in self.nodes if not is_empty(merged.get(node.name))}

    def whole(self, options: dict, current: dict) -> dict:
        """The options, and whatever else ``current`` has said to be empty."""
        stated = dict.fromkeys(current or {}, "")
        for node in self.nodes:
            implied = getattr(node, "implied", None)
            if node.name not in options and node.name in stated and implied is not None:
                stated[node.name] = implied
            if node.name in options:
                value = options[node.name]
                nested = isinstance(node, Group) and not is_empty(value)
                stated[node.name] = node.whole(value, (current or {}).get(node.name)) if nested else value
        return stated

    def keeps(self, value: Any) -> dict:
        """The part of the options that libvirt made up, which purge leaves."""
        kept = {node.name: node.keeps(value[node.name]) for node in self.nodes if node.name in (value or {})}
        return {name: part for name, part in kept.items() if not is_empty(part)}

    def differences(self, desired: Any, current: Any, path: str = "") -> Iterator[Difference]:
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
            here = join(path, node.name)
            if node.name in desired:
                if _strip(wanted[node.name]) != _strip(found.get(node.name)):
                    yield from node.differences(desired[node.name], (current or {}).get(node.name), here)
            elif wanted[node.name] != found.get(node.name):
                yield Difference(here, wanted[node.name], found.get(node.name))

    def needs(self, value: Any, path: str = "") -> Iterator[tuple]:
        """(path, version) of every option in use that needs a certain libvirt."""
        if is_empty(value):
            return
        if self.since:
            yield path, self.since
        for node in self.nodes:
            if node.name in value:
                yield from node.needs(value[node.name], join(path, node.name))

    def spec(self, whole: bool = False) -> dict:
        spec = {"type": "dict", "options": self.argument_spec(whole)}
        if self.required and whole:
            spec["required"] = True
        return spec

    def argument_spec(self, whole: bool = False) -> dict:
        return {node.name: node.spec(whole) for node in _writable(self.nodes)}

    def documentation(self, whole: bool = False) -> dict:
        spec = {"type": "dict", "suboptions": self.options_documentation(whole)}
        if self.required and whole:
            spec["required"] = True
        return _documented(self, _sentences(self.about), spec)

    def options_documentation(self, whole: bool = False) -> dict:
        return {node.name: node.documentation(whole) for node in _writable(self.nodes)}


@dataclass(frozen=True)
class Choice(Group):
    """An item of a list that is one of several elements: a dictionary with one option, which says which."""

    def parse(self, element: Any, path: str = "", readonly: bool = False) -> dict:
        node = next(node for node in self.nodes if node.at == element.tag)
        return {node.name: node.parse(element, join(path, node.name), readonly)}

    def fill(self, element: Any, options: dict) -> None:
        for name, value in options.items():
            self.node(name).fill(element, value)

    def tag_of(self, options: dict) -> str:
        return self.node(next(iter(options))).at

    def check(self, value: Any, path: str = "", whole: bool = True) -> Any:
        if isinstance(value, dict) and len(value) != 1:
            raise Invalid(path, "give one of %s" % ", ".join(node.name for node in self.nodes))
        return super().check(value, path, whole)


def _writable(nodes: tuple) -> list:
    return [node for node in nodes if not getattr(node, "readonly", False)]


def _strip(value: Any) -> Any:
    """A normal form without what is None."""
    if isinstance(value, dict):
        stripped = {name: _strip(part) for name, part in value.items()}
        return {name: part for name, part in stripped.items() if part is not None} or None
    return value


@dataclass(frozen=True)
class Many:
    """A list of options: repeated elements.

    ``item`` is a Group, or a Field for a list of scalars. The list and its items are stated whole, but for a
    ``partial`` list, which leaves alone what it does not mention. ``key`` names the options that identify an item,
    the first that is given. Items are a set unless they are ``ordered``.
    """

    name: str
    at: str
    about: Any
    item: Any
    since: str = ""
    required: bool = False
    key: tuple = ()
    ordered: bool = False
    unique: bool = False
    partial: bool = False

    def _place(self) -> tuple:
        """The way to the elements' parent, and their tag."""
        return _parent_and_tag(self.at)

    def _elements(self, parent: Any) -> list:
        steps, tag = self._place()
        container = _find(parent, steps)
        if container is None:
            return []
        if isinstance(self.item, Choice):
            tags = {node.at for node in self.item.nodes}
            return [child for child in container if child.tag in tags]
        return container.findall(tag)

    def read(self, parent: Any, path: str = "", readonly: bool = False) -> list:
        items = [self._read_item(element, "%s[%d]" % (path, index), readonly)
                 for index, element in enumerate(self._elements(parent))]
        return [item for item in items if item is not None]

    def _read_item(self, element: Any, path: str, readonly: bool) -> Any:
        if isinstance(self.item, Group):
            return self.item.parse(element, path, readonly)
        return self.item.read(element, path, readonly)

    def write(self, parent: Any, value: Any) -> None:
        steps, tag = self._place()
        old = self._elements(parent)
        if not old and not value:
            return
        container = _make(parent, steps) if value else _find(parent, steps)
        if container is None:
            return
        place = container.index(old[0]) if old else len(container)
        reused = self._reuse(old, value or [])
        for element in old:
            container.remove(element)
        for offset, (item, element) in enumerate(zip(value or [], reused)):
            if element is None:
                element = etree.Element(self.item.tag_of(item) if isinstance(self.item, Choice) else tag)
            if isinstance(self.item, Group):
                self.item.fill(element, item)
            else:
                self.item.write(element, item)
            container.insert(place + offset, element)
        if steps:
            _remove_if_bare(container)

    def _reuse(self, elements: list, items: list) -> list:
        """For every item the element that already stands for it, or None."""
        chosen, used = [None] * len(items), set()
        if not elements:
            return chosen
        there = [self._read_item(element, "", False) for element in elements]
        for identity in (self._item_normal, self.identity):
            free = {}
            for place, item in enumerate(there):
                if place not in used and identity(item) is not None:
                    free.setdefault(_sortable(identity(item)), []).append(place)
            for index, item in enumerate(items):
                places = free.get(_sortable(identity(item))) if chosen[index] is None else None
                if places:
                    used.add(places[0])
                    chosen[index] = elements[places.pop(0)]
        return chosen

    def identity(self, item: Any) -> Any:
        """The option that identifies an item with its value, or None."""
        if not isinstance(self.item, Group):
            return self.item.normal(item)
        normal = self.item.normal(item) or {}
        return next(((name, normal[name]) for name in self.key if normal.get(name) is not None), None)

    def _item_normal(self, item: Any) -> Any:
        normal = _strip(self.item.normal(item))
        return {} if normal is None and isinstance(self.item, Group) else normal

    def check(self, value: Any, path: str, whole: bool) -> Any:
        if not isinstance(value, list):
            raise not_allowed(path, value, "a list")
        items = []
        for index, item in enumerate(value):
            here = "%s[%d]" % (path, index)
            if is_empty(item) and not isinstance(item, dict):
                raise Invalid(here, "is empty")
            items.append(self.item.check(item, here, True))
        if self.unique:
            seen = {}
            for index, item in enumerate(items):
                name = _sortable(self.identity(item) or self._item_normal(item))
                if name in seen:
                    raise Invalid("%s[%d]" % (path, index), "%s is already in %s[%d]; give it once"
                                  % (self.label(item) if self.key else "the same", path, seen[name]))
                seen[name] = index
        return items

    def normal(self, value: Any) -> Any:
        items = [self._item_normal(item) for item in value or []]
        items = [item for item in items if item is not None]
        return (items if self.ordered else sorted(items, key=_sortable)) or None

    def merge(self, desired: Any, current: Any, purge: bool) -> Any:
        """The desired items, spelled as they already are where they say the same."""
        if self.partial:
            items = {self.identity(item): item for item in current or []}
            for item in desired or []:
                items[self.identity(item)] = self.item.merge(item, items.get(self.identity(item)), purge)
            return list(items.values())
        same = {_sortable(self._item_normal(item)): item for item in current or []}
        return [same.get(_sortable(self._item_normal(item)), without_empty(item)) for item in desired or []]

    def differences(self, desired: Any, current: Any, path: str) -> Iterator[Difference]:
        if self.partial:
            there = {self.identity(item): item for item in current or []}
            for item in desired:
                here = "%s[%s]" % (path, self.label(item))
                yield from self.item.differences(item, there.get(self.identity(item)), here)
            return
        wanted, found = _unlike(self._normals(desired), self._normals(current))
        if not wanted and not found:
            yield Difference(path, desired, current)  # only the order differs
            return
        names = {self.identity(current[place]): place for place in reversed(found)} if self.key else {}
        names.pop(None, None)
        for place in wanted:
            item = desired[place]
            here = "%s[%s]" % (path, self.label(item, place))
            other = names.pop(self.identity(item), None) if self.key else None
            if other is None:
                yield Difference(here, item, None)
                continue
            found.remove(other)
            yield from self.item.differences(self.item.whole(item, current[other]), current[other], here)
        for place in found:
            yield Difference("%s[%s]" % (path, self.label(current[place], place)), None, current[place])

    def _normals(self, items: Any) -> list:
        return [_sortable(self._item_normal(item)) for item in items or []]

    def label(self, item: Any, place: int = 0) -> str:
        """What names an item in a path: the option that identifies it, itself, or its place in the list."""
        if not isinstance(self.item, Group):
            return str(item)
        name = self.identity(item)
        return str(place) if name is None else str(item.get(name[0]))

    def keeps(self, value: Any) -> None:
        return None

    def needs(self, value: Any, path: str) -> Iterator[tuple]:
        if self.since and not is_empty(value):
            yield path, self.since
        for index, item in enumerate(value or []):
            yield from self.item.needs(item, "%s[%d]" % (path, index))

    def spec(self, whole: bool) -> dict:
        item = self.item.spec(True)
        spec = {"type": "list", "elements": item["type"]}
        spec.update({name: item[name] for name in ("options", "choices") if name in item})
        if self.required and whole:
            spec["required"] = True
        return spec

    def documentation(self, whole: bool) -> dict:
        spec = self.spec(whole)
        if "options" in spec:
            del spec["options"]
            spec["suboptions"] = self.item.options_documentation(True)
        about = _sentences(self.about)
        if not isinstance(self.item, Group) and not self.item.type.choices and self.item.type.allowed != "a string":
            about.append("Each is %s." % self.item.type.allowed)
        about.append("What the list does not mention stays as it is." if self.partial else
                     "The list is the whole list%s." % ("; its order counts" if self.ordered else ""))
        return _documented(self, about, spec)


@cache
def _parent_and_tag(place: str) -> tuple:
    steps = _steps(place)
    return "/".join(steps[:-1]), steps[-1]


def without_empty(value: Any) -> Any:
    """Options without those that say that nothing is there; where all is stated that goes without saying."""
    if isinstance(value, dict):
        pruned = {name: without_empty(part) for name, part in value.items()}
        return {name: part for name, part in pruned.items() if not is_empty(part)}
    return [without_empty(part) for part in value] if isinstance(value, list) else value


def _sortable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _unlike(wanted: list, found: list) -> tuple:
    """The places of what is in one of two lists of texts only, each as often as it is there."""
    left = {}
    for place, text in enumerate(found):
        left.setdefault(text, []).append(place)
    missing = []
    for place, text in enumerate(wanted):
        if left.get(text):
            left[text].pop(0)
        else:
            missing.append(place)
    return missing, sorted(place for places in left.values() for place in places)


@dataclass(frozen=True)
class Markup:
    """A list of elements of other namespaces below one element, each kept as XML text."""

    name: str
    at: str
    about: Any
    since: str = ""
    required: bool = False

    def read(self, parent: Any, path: str = "", readonly: bool = False) -> list:
        element = parent.find(self.at)
        children = [] if element is None else [child for child in element if isinstance(child.tag, str)]
        return [etree.tostring(_alone(child), encoding="unicode") for child in children]

    def write(self, parent: Any, value: Any) -> None:
        element = parent.find(self.at)
        if element is not None:
            parent.remove(element)
        if value:
            element = etree.SubElement(parent, self.at)
            element.extend([load_xml(text) for text in value])

    def check(self, value: Any, path: str, whole: bool) -> Any:
        if not isinstance(value, list):
            raise not_allowed(path, value, "a list of XML elements")
        seen = {}
        for index, text in enumerate(value):
            here = "%s[%d]" % (path, index)
            if not isinstance(text, str):
                raise not_allowed(here, text, "an XML element as text")
            try:
                element = load_xml(text)
            except Invalid as error:
                raise Invalid(here, error.problem) from error
            namespace = etree.QName(element).namespace
            if not namespace:
                raise Invalid(here, "the element has no namespace; libvirt keeps only elements of a namespace")
            _refuse_control(element, here)
            if namespace in seen:
                raise Invalid(here, "namespace %s is already in %s[%d]; libvirt keeps one element of each"
                              % (namespace, path, seen[namespace]))
            seen[namespace] = index
        return list(value)

    def normal(self, value: Any) -> Any:
        return sorted(_canonical(text) for text in value or []) or None

    def merge(self, desired: Any, current: Any, purge: bool) -> Any:
        return current if self.normal(desired) == self.normal(current) else desired

    def differences(self, desired: Any, current: Any, path: str) -> Iterator[Difference]:
        yield Difference(path, desired, current)

    def keeps(self, value: Any) -> None:
        return None

    def needs(self, value: Any, path: str) -> Iterator[tuple]:
        if self.since and not is_empty(value):
            yield path, self.since

    def spec(self, whole: bool) -> dict:
        return {"type": "list", "elements": "str"}

    def documentation(self, whole: bool) -> dict:
        about = _sentences(self.about) + ["The list is the whole list."]
        return _documented(self, about, self.spec(whole))


def _refuse_control(element: Any, path: str) -> None:
    """Refuses control characters in attributes; texts may have several lines."""
    for part in element.iter():
        values = [(CONTROL, value) for value in part.attrib.values()]
        for unwanted, value in values + [(CONTROL_IN_TEXT, part.text or ""), (CONTROL_IN_TEXT, part.tail or "")]:
            if unwanted.search(value):
                raise not_allowed(path, value, "XML without control characters")


def _alone(element: Any) -> Any:
    """A copy without the tail and the namespaces that it does not use."""
    element = copy.deepcopy(element)
    element.tail = None
    etree.cleanup_namespaces(element)
    return element


def _canonical(text: str) -> str:
    """Canonical XML in which white space around texts and namespace prefixes do not count."""
    return etree.canonicalize(etree.tostring(load_xml(text), encoding="unicode"), strip_text=True,
                              rewrite_prefixes=True)


def prune(options: Any) -> Any:
    """Ansible's parameters without the options that were not given."""
    if isinstance(options, dict):
        return {name: prune(value) for name, value in options.items() if value is not None}
    if isinstance(options, list):
        return [prune(value) for value in options]
    return options


def check_version(needs: Iterator[tuple], version: tuple) -> None:
    """Refuses an option that needs a newer libvirt than this version; ``needs`` comes from Group.needs()."""
    for path, since in needs:
        if tuple(int(part) for part in since.split(".")) > version:
            raise Invalid(path, "needs libvirt %s; this host has %s" % (since, ".".join(map(str, version))))


def in_order(node: Any, value: Any) -> Any:
    """The normal form of options with every list in its order."""
    if isinstance(node, Group) and not is_empty(value):
        return node.simplify({child.name: in_order(child, value[child.name]) for child in node.nodes
                              if not is_empty(value.get(child.name))})
    if isinstance(node, Many):
        return [in_order(node.item, item) for item in value or []]
    return node.normal(value)


def unknown(document: Group, element: Any) -> list:
    """XML in an element that the tables do not know, as paths."""
    return list(_unknown(_shape(document), element, str(element.tag)))


def _new_shape() -> dict:
    return {"attributes": set(), "children": {}, "any": False}


def _shape(group: Group, shape: dict | None = None) -> dict:
    """The attributes and children that a group's tables know; ``any`` where every child is known."""
    shape = _new_shape() if shape is None else shape
    for node in group.nodes:
        if isinstance(node, Field):
            _add_field(shape, node)
        elif isinstance(node, Markup):
            _at(shape, node.at)["any"] = True
        elif isinstance(node, Group):
            _shape(node, _at(shape, node.at))
        elif isinstance(node.item, Choice):
            for choice in node.item.nodes:
                _shape(choice, _at(shape, choice.at))
        elif isinstance(node.item, Group):
            _shape(node.item, _at(shape, node.at))
        else:
            _add_field(_at(shape, node.at), node.item)
    return shape


def _at(shape: dict, steps: str) -> dict:
    for step in filter(None, _steps(steps)):
        shape = shape["children"].setdefault(step, _new_shape())
    return shape


def _add_field(shape: dict, field: Field) -> None:
    steps, attribute = _split(field.at)
    place = _at(shape, steps)
    if attribute:
        place["attributes"].add(attribute)


def _unknown(shape: dict, element: Any, path: str) -> Iterator[str]:
    for name in element.attrib:
        if name not in shape["attributes"]:
            yield "%s/@%s" % (path, name)
    for child in element if not shape["any"] else ():
        if isinstance(child.tag, str):
            here = "%s/%s" % (path, child.tag)
            if child.tag in shape["children"]:
                yield from _unknown(shape["children"][child.tag], child, here)
            else:
                yield here
