# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a document the tables know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .nodes import Choice, Field, Group, Markup
from .xml import split_place, split_steps

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


@dataclass
class _Shape:
    """The attributes and children of an element; ``any`` where every child is known."""

    attributes: set[str] = field(default_factory=set)
    children: dict[str, _Shape] = field(default_factory=dict)
    any: bool = False

    def at(self, steps: str) -> _Shape:
        shape = self
        for step in filter(None, split_steps(steps)):
            shape = shape.children.setdefault(step, _Shape())
        return shape


def unknown(document: Group, element: Element) -> list[str]:
    """XML in an element that the tables do not know, as the ways to it."""
    return list(_unknown(_shape(document, _Shape()), element, str(element.tag)))


def _shape(group: Group, shape: _Shape) -> _Shape:
    for node in group.nodes:
        if isinstance(node, Field):
            _add_field(shape, node)
        elif isinstance(node, Markup):
            shape.at(node.at).any = True
        elif isinstance(node, Group):
            _shape(node, shape.at(node.at))
        elif isinstance(node.item, Choice):
            for choice in node.item.nodes:
                if isinstance(choice, Group):
                    _shape(choice, shape.at(choice.at))
        elif isinstance(node.item, Group):
            _shape(node.item, shape.at(node.at))
        else:
            _add_field(shape.at(node.at), node.item)
    return shape


def _add_field(shape: _Shape, node: Field) -> None:
    steps, attribute = split_place(node.at)
    place = shape.at(steps)
    if attribute:
        place.attributes.add(attribute)


def _unknown(shape: _Shape, element: Element, path: str) -> Iterator[str]:
    for name in element.attrib:
        if str(name) not in shape.attributes:
            yield "%s/@%s" % (path, str(name))
    for child in element if not shape.any else ():
        if isinstance(child.tag, str):
            here = "%s/%s" % (path, child.tag)
            if child.tag in shape.children:
                yield from _unknown(shape.children[child.tag], child, here)
            else:
                yield here
