# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an object that libvirt holds a task can say."""

from __future__ import annotations

from .errors import Invalid
from .nodes import Choice, Group, Node
from .options import Options, Value, is_empty


def sayable(document: Group, options: Options) -> tuple[Options, list[str]]:
    """The options that a task may give, and what is wrong with each of the others.

    What is left out stays as it is when the rest is given back. What the object is named by is shown in any case.
    """
    problems: list[Invalid] = []
    said = {}
    for name, value in options.items():
        node = document.node(name)
        part = value if node is None else _said(node, value, problems)
        if part is not None or (node is not None and getattr(node, "required", False)):
            said[name] = value if part is None else part
    return said, [str(problem) for problem in problems]


def _said(node: Node, value: Value, problems: list[Invalid]) -> Value:
    """The part of a value that can be said, None without one: of a list, and of a group whose options mean something
    together, all or nothing.
    """
    try:
        node.check(value, False)
        return value
    except Invalid as error:
        found = [error]
    said = None
    if isinstance(node, Group) and not isinstance(node, Choice):
        inner: list[Invalid] = []
        parts = {part: _said(node.node(part), value[part], inner) for part in value}
        parts = {part: one for part, one in parts.items() if not is_empty(one)}
        found = inner or found
        alone = node.complete is dict and node.simplify is dict
        if inner and alone and all(one.name in parts for one in node.nodes if getattr(one, "required", False)):
            said = parts or None
    problems += [error.within(node.name) for error in found]
    return said
