# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One option of a portgroup in the wish for its network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...schema.errors import Invalid, Path
from ...schema.nodes import Version
from ...schema.options import Options
from ..folding import by, combined, contradiction
from .plan import TABLE, edited, refuse, refuse_missing

if TYPE_CHECKING:
    from ..network.resource import Network
    from .resource import Portgroup


def fold_portgroup(desired: Portgroup, patch: Any, owner: Network) -> Network:
    """The network with the option of its portgroup that a patch wishes for; raises Invalid where it says otherwise."""
    if "portgroups" in owner.options:
        return _in_stated(desired, patch, owner)

    def check(options: Options, version: Version) -> None:
        with by(patch):
            refuse_missing(desired, options)
            refuse(desired, options, version)

    return owner.with_edit(lambda options: edited(desired, options), check)


def _in_stated(desired: Portgroup, patch: Any, owner: Network) -> Network:
    with by(patch):
        refuse_missing(desired, owner.options)

    def refusal(path: Path, says: Any, otherwise: Any) -> Invalid:
        return contradiction(path.after(1), patch, says, owner, otherwise)

    groups = [combined(TABLE, {desired.option: desired.value}, group, refusal) if group["name"] == desired.portgroup
              else group for group in owner.options["portgroups"]]
    return replace(owner, options=dict(owner.options, portgroups=groups))
