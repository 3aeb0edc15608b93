# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single entries of a network's lists in the wish for the network itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...schema.errors import Path
from ...schema.options import Options, Value
from ..folding import by, contradiction, gone
from ..network.listed import Listed
from .edited import Edited, otherwise
from .found import listed_at
from .lists import Entries

if TYPE_CHECKING:
    from ..network.resource import Network
    from .resource import NetworkEntries


# by what is said, the patches that say it; those that say nothing alike cannot contradict each other
Saying = dict[tuple[str, str, object], tuple["NetworkEntries", ...]]


@dataclass(frozen=True)
class EntryEdit:
    """An edit of a network's lists by all patches together, so that the lists are gone through once.

    Those that take entries away make room for those that add some.
    """

    patches: tuple[NetworkEntries, ...] = ()
    saying: Saying = field(default_factory=dict)

    def with_patch(self, patch: NetworkEntries) -> EntryEdit:
        """The same with another patch; raises Invalid where those that are there say otherwise."""
        saying = dict(self.saying)
        for other in {other.key: other for fact in patch.facts for other in saying.get(fact, ())}.values():
            _refuse_other(patch, other)
        for fact in patch.facts:
            saying[fact] = (*saying.get(fact, ()), patch)
        return EntryEdit((*self.patches, patch), saying)

    def __call__(self, options: Options) -> Options:
        edit = Edited(options)
        patches = sorted(self.patches, key=lambda one: (not one.absent, one.key))
        for patch in patches:
            with by(patch):
                for entries in patch.entries:
                    edit.take_out(entries, patch.absent)
        for patch in patches:
            with by(patch):
                for entries in patch.entries if not patch.absent else ():
                    edit.put_in(entries)
        return edit.options


def fold_entries(patch: NetworkEntries, owner: Network) -> Network:
    """The network with these entries, and without those; raises Invalid where it, or another patch, says otherwise."""
    if owner.absent:
        if not patch.absent:
            raise gone(patch, owner)
        return owner
    for entries in patch.entries:
        lists = [Listed(entries.table, items) for items in listed_at(entries, owner.options)]
        _refuse_otherwise(patch, entries, lists, owner)
    edit = next((edit for edit in owner.edits if isinstance(edit, EntryEdit)), EntryEdit())
    kept = tuple(edit for edit in owner.edits if not isinstance(edit, EntryEdit))
    return replace(owner, edits=(*kept, edit.with_patch(patch)))


def _refuse_otherwise(patch: NetworkEntries, entries: Entries, lists: Iterable[Listed], other: Value) -> None:
    """Refuses entries of a patch of which a list says otherwise."""
    if entries.joins and not entries.replace and not patch.absent:
        return  # what is only put in beside others contradicts nothing
    for listed in lists:
        for index, (item, normal) in enumerate(zip(entries.items, entries.normals)):
            for place in otherwise(entries, patch.absent, normal, listed):
                raise contradiction(Path(entries.option, index), patch, None if patch.absent else item,
                                    other, listed.item(place))


def _refuse_other(patch: NetworkEntries, other: NetworkEntries) -> None:
    """Refuses entries of which another patch says otherwise."""
    for first, second in ((patch, other), (other, patch)):
        for entries in first.entries if not second.absent else ():
            for same in second.entries:
                if same.path == entries.path:
                    _refuse_otherwise(first, entries, [Listed(same.table, same.items)], second)
