# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a wish for a part of an object into the wish for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from ..engine.order import said
from ..schema.errors import Invalid, Path, Where, shown
from ..schema.nodes import Group, Node
from ..schema.options import Options, is_empty

HERE = Path()


def contradiction(where: Where, patch: Any, says: Any, other: Any, otherwise: Any) -> Invalid:
    """What is wrong where a patch says one thing of a place, and its owner or another patch another."""
    return Invalid(where, "is %s to %s %s, and %s to %s; let one of them say it" % (
        _shown(says), patch.kind, patch.name, _shown(otherwise), said(other.key)))


def gone(patch: Any, owner: Any) -> Invalid:
    """What is wrong where a patch changes what its owner takes away."""
    return Invalid("state", "%s is to be absent, and %s %s is to change it" % (said(owner.key), patch.kind, patch.name))


def _shown(value: Any) -> str:
    return "nothing" if is_empty(value) else shown(value)


def combined(node: Node, added: Any, stated: Any, refusal: Callable[[Path, Any, Any], Invalid],
             path: Path = HERE) -> Any:
    """What two say together; where they do not say the same of a place, the ``refusal`` of it is raised."""
    if isinstance(node, Group) and not is_empty(stated) and not is_empty(added):
        both: Options = dict(stated)
        for name, value in added.items():
            both[name] = value if name not in stated else combined(
                node.node(name), value, stated[name], refusal, path / name)
        return both
    if node.normal(stated) != node.normal(added):
        raise refusal(path, added, stated)
    return stated


@contextmanager
def by(patch: Any) -> Iterator[None]:
    """What is found to be wrong in here is wrong with this patch."""
    try:
        yield
    except Invalid as error:
        error.problem = "%s (%s %s)" % (error.problem, patch.kind, patch.name)
        raise
