# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One aspect of an object in the wish for the whole object."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...documents.interface import INTERFACE
from ...documents.network import NETWORK
from ...documents.network_port import NETWORK_PORT
from ...schema.errors import Invalid, Path
from ..folding import combined, contradiction, gone
from ..portgroup.fold import fold_portgroup
from ..portgroup.resource import Portgroup

if TYPE_CHECKING:
    from .resource import Aspect, Whole

TABLES = {"network": NETWORK, "network_port": NETWORK_PORT, "interface": INTERFACE}


def fold_aspect(aspect: Aspect, whole: Whole, owner: Any) -> Any:
    """The owner's wish with the aspect among what it states; raises Invalid where it says otherwise."""
    if owner.absent:
        if aspect.value:
            raise gone(aspect, owner)
        return owner
    for setting in ("restart", "layers"):
        wanted = getattr(aspect, setting)
        if wanted is not None and wanted != getattr(owner, setting):
            raise contradiction(setting, aspect, wanted, owner, getattr(owner, setting))
    if isinstance(whole, Portgroup):
        return fold_portgroup(whole, aspect, owner)

    def refusal(path: Path, says: Any, otherwise: Any) -> Invalid:
        return contradiction(path.after(1), aspect, says, owner, otherwise)

    options = combined(TABLES[owner.kind], {aspect.option: aspect.value}, owner.options, refusal)
    return replace(owner, options=options)
