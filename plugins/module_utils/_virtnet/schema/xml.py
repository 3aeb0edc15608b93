# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's documents as lxml's elements: read without entities and network, written by lxml only.

A place in an element is ``@attribute``, ``.``, ``child`` or ``child/@attribute``.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import TYPE_CHECKING

from .errors import Invalid

try:
    from lxml import etree

    LXML_ERROR = None
except ImportError as error:
    etree = None  # type: ignore[assignment]
    LXML_ERROR = error

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


# as libvirt writes one: what ends it is followed by the next, or by the end of the tag
ATTRIBUTE = re.compile(r"(?<=\s)([\w:.-]+)='(.*?)'(?=\s+[\w:.-]+='|\s*/?>\s*(?:\n|<|\Z))")


def register_prefix(prefix: str, namespace: str) -> None:
    """Has a namespace written with the prefix that people know."""
    if etree is not None:
        etree.register_namespace(prefix, namespace)


def load_xml(text: str) -> Element:
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
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise Invalid("xml", "a document type declaration is not accepted")
    return root


def load_held(text: str) -> Element:
    """A document that libvirt holds; it writes some attributes as they are, such as the name of a filter."""
    try:
        return load_xml(text)
    except Invalid:
        return load_xml(ATTRIBUTE.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    name, value = found.groups()
    return "%s='%s'" % (name, re.sub(r"&(?!(\w+|#\d+);)", "&amp;", value).replace("<", "&lt;").replace("'", "&apos;"))


def dump_xml(element: Element) -> str:
    """An element as indented text."""
    element = copy.deepcopy(element)
    etree.indent(element)
    return etree.tostring(element, encoding="unicode", with_tail=False)


def namespace_of(text: str) -> str | None:
    """The namespace of an XML element."""
    return etree.QName(load_xml(text)).namespace


def alone(element: Element) -> Element:
    """A copy without the tail and the namespaces that it does not use."""
    element = copy.deepcopy(element)
    element.tail = None
    etree.cleanup_namespaces(element)
    return element


def canonical(text: str) -> str:
    """Canonical XML in which white space around texts and namespace prefixes do not count."""
    return str(etree.canonicalize(etree.tostring(load_xml(text), encoding="unicode"), strip_text=True,
                                  rewrite_prefixes=True))


def find(parent: Element, steps: str) -> Element | None:
    return parent.find(steps) if steps else parent


def make(parent: Element, steps: str) -> Element:
    """The element at the end of these steps, made where it is not there."""
    for step in filter(None, split_steps(steps)):
        found = parent.find(step)
        parent = etree.SubElement(parent, step) if found is None else found
    return parent


def drop_attribute(element: Element, name: str) -> None:
    if name in element.attrib:
        del element.attrib[name]


def remove_if_bare(element: Element) -> None:
    parent = element.getparent()
    if parent is not None and not element.attrib and not len(element) and not (element.text or "").strip():
        parent.remove(element)


@cache
def split_steps(steps: str) -> list[str]:
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
def split_place(place: str) -> tuple[str, str | None]:
    """('child', 'attribute') of 'child/@attribute'; attribute None stands for the text."""
    if place == ".":
        return "", None
    head, found, attribute = place.rpartition("@")
    return (head.rstrip("/"), attribute) if found else (place, None)


@cache
def parent_and_tag(place: str) -> tuple[str, str]:
    """('a', 'b') of 'a/b'."""
    steps = split_steps(place)
    return "/".join(steps[:-1]), steps[-1]
