# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of options that ansible-doc shows, made of the tables."""

from __future__ import annotations

import re
from typing import Any

from .nodes import Field, Group, Many, Markup, Node, version_of
from .scalars import Scalar
from .spec import Spec, spec_of, writable

USUAL = (7, 0, 0)  # what every libvirt has that people run
# what goes without saying, and the largest numbers of C's types, which nobody comes to
EVIDENT = {"", "a string", "a path", "one line of text", "text without control characters", "a network device name",
           "a whole number", "a number"}
WIDEST = re.compile(r" from -?[01] to (?:65535|4294967295|18446744073709551615|18014398509481984|0xf{3,})\b")
VARIABLE = re.compile(r", or a variable such as .*")


def _taken(kind: Scalar) -> str:
    """What a type takes, as far as it helps to be told."""
    if kind.choices or kind.kind == "bool":
        return ""
    text = VARIABLE.sub(", or a variable ($A)", WIDEST.sub("", kind.allowed))
    return "" if text in EVIDENT else text


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
    if node.since and version_of(node.since) > USUAL:
        about.append("Since libvirt %s." % node.since)
    return dict(spec, description=about)


def _remarks(node: Node) -> list[str]:
    """What the table says beside the text."""
    if isinstance(node, Field):
        taken = _taken(node.type)
        remarks = ["Takes %s." % taken] if taken else []
        if node.default:
            remarks.append("The same as leaving it out: C(%s)." % node.type.text(node.default))
        return remarks
    if isinstance(node, Markup):
        return ["The list is the whole list."]
    if isinstance(node, Group):
        return []
    remarks = []
    taken = "" if isinstance(node.item, Group) else _taken(node.item.type)
    if taken:
        remarks.append("Each is %s." % taken)
    remarks.append("What the list does not mention stays as it is." if node.partial else
                   "The list is the whole list%s." % ("; its order counts" if node.ordered else ""))
    return remarks
