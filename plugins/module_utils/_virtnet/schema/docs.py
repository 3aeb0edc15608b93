# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of options that ansible-doc shows, made of the tables."""

from __future__ import annotations

from typing import Any

from .nodes import Field, Group, Many, Markup, Node
from .spec import Spec, spec_of, writable


def options_documentation(group: Group, whole: bool = False) -> Spec:
    """The options of a group as ansible-doc reads them; ``whole`` says what is required too."""
    return {node.name: _documentation(node, whole) for node in writable(group.nodes)}


def _documentation(node: Node, whole: bool) -> Spec:
    spec = spec_of(node, whole)
    if spec.pop("options", None) is not None:
        inner: Any = node.item if isinstance(node, Many) else node
        spec["suboptions"] = options_documentation(inner, True if isinstance(node, Many) else whole)
    about = [node.about] if isinstance(node.about, str) else list(node.about)
    about += _remarks(node)
    if node.since:
        about.append("Since libvirt %s." % node.since)
    return dict(spec, description=about)


def _remarks(node: Node) -> list[str]:
    """What the table says beside the text."""
    if isinstance(node, Field):
        remarks = []
        if not node.type.choices and node.type.kind != "bool" and node.type.allowed != "a string":
            remarks.append("Takes %s." % node.type.allowed)
        if node.default is not None:
            remarks.append("The same as leaving it out: C(%s)." % node.type.text(node.default))
        return remarks
    if isinstance(node, Markup):
        return ["The list is the whole list."]
    if isinstance(node, Group):
        return []
    remarks = []
    if not isinstance(node.item, Group) and not node.item.type.choices and node.item.type.allowed != "a string":
        remarks.append("Each is %s." % node.item.type.allowed)
    remarks.append("What the list does not mention stays as it is." if node.partial else
                   "The list is the whole list%s." % ("; its order counts" if node.ordered else ""))
    return remarks
