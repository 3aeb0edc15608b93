# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument spec that Ansible takes of the tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .nodes import Field, Group, Many, Markup, Node

Spec = dict[str, Any]


def options_spec(group: Group, whole: bool = False) -> Spec:
    """The options of a group as AnsibleModule takes them; ``whole`` says what is required too."""
    return {node.name: spec_of(node, whole) for node in writable(group.nodes)}


def writable(nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if not getattr(node, "readonly", False)]


def spec_of(node: Node, whole: bool) -> Spec:
    spec = _type_of(node, whole)
    if whole and getattr(node, "required", False):
        spec["required"] = True
    return spec


def _type_of(node: Node, whole: bool) -> Spec:
    if isinstance(node, Field):
        return dict({"type": node.type.kind}, **({"choices": list(node.type.choices)} if node.type.choices else {}))
    if isinstance(node, Group):
        return {"type": "dict", "options": options_spec(node, whole)}
    if isinstance(node, Markup):
        return {"type": "list", "elements": "str"}
    item = _item_spec(node)
    return dict({"type": "list", "elements": item["type"]},
                **{name: item[name] for name in ("options", "choices") if name in item})


def _item_spec(node: Many) -> Spec:
    if isinstance(node.item, Group):
        return {"type": "dict", "options": options_spec(node.item, True)}
    return spec_of(node.item, True)
