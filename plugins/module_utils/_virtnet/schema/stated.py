# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a document that somebody gives, as options or as XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from .errors import Invalid, no_such_option
from .nodes import Choice, Group, Many, Node
from .options import Options, Value, is_empty
from .xml import load_xml


def stated(document: Group, given: Options, text: str | None, tell: Callable[[str], None]) -> Options:
    """The options of a document that are given, or that the XML ``text`` states; raises Invalid.

    ``tell`` is called with what of the XML is not known.
    """
    if text is None:
        return _named(document, document.check(given, whole=False))
    others = sorted(set(given) - {"name"})
    if others:
        raise Invalid("xml", "cannot be given together with %s" % ", ".join(others))
    root = load_xml(text)
    if root.tag != document.at:
        raise Invalid("xml", "the root element is %s; give a <%s> document" % (root.tag, document.at))
    options = document.parse(root)
    if given.get("name") and options.get("name") not in (None, given["name"]):
        raise Invalid("name", "is %s, but xml names %s" % (given["name"], options["name"]))
    from .known import unknown

    for place in unknown(document, root):
        tell("xml: %s is not known and left out" % place)
    return _named(document, document.check(dict(given, **options), whole=False))


def _named(document: Group, options: Options) -> Options:
    """Options that have the name without which the object cannot be found; raises Invalid."""
    for node in document.nodes:
        if node.name == "name" and is_empty(options.get("name")):
            raise Invalid("name", "is missing")
    return options


def problems(node: Node, value: Value, whole: bool = False) -> Iterator[Invalid]:
    """Everything that is wrong with a value, where ``check`` stops at the first."""
    found = list(_inner(node, value))
    yield from found
    if not found:
        try:
            node.check(value, whole)
        except Invalid as error:
            yield error


def _inner(node: Node, value: Value) -> Iterator[Invalid]:
    """What is wrong with the parts of a value, each by itself."""
    if isinstance(node, Many) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(problems(node.item, item, True), index)
    elif isinstance(node, Group) and not isinstance(node, Choice) and isinstance(value, dict):
        try:
            value = node.complete(value)
        except Invalid as error:
            yield error
            return
        for name, part in value.items():
            inner = node.node(name)
            if inner is None:
                yield no_such_option(name, (one.name for one in node.nodes))
            elif part is not None:
                yield from _within(problems(inner, part), name)


def _within(found: Iterator[Invalid], *parts: str | int) -> Iterator[Invalid]:
    for error in found:
        yield error.within(*parts)
