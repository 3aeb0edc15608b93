# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An aspect as the whole object has it; what there is of that is found by its own kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...host.snapshot import Snapshot
from ...schema.options import Options

if TYPE_CHECKING:
    from .resource import Aspect


def look(seen: Snapshot, aspect: Aspect) -> Any:
    """Everything about the object that it is an aspect of."""
    return aspect.whole.look(seen)


def model(aspect: Aspect, found: Any) -> Options:
    return shown(aspect, aspect.whole.model(found))


def shown(aspect: Aspect, whole: Options) -> Options:
    """The aspect of an object, as its module takes it, and of the layers that a diff shows beside."""
    value = {name: rates for name, rates in (whole.get(aspect.option) or {}).items() if name != "class_id"}
    layers = {name: whole[name] for name in ("live", "kernel") if name in whole}
    return {**aspect.target, **value, **layers}
