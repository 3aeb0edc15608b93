# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with the interfaces of a guest in each of its states; docs/guest-states.md says it to people.

A guest that is transient has no configuration, one that is shut off does not run: that is of the layers it has. One
that runs from a snapshot is like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...schema.errors import Invalid

if TYPE_CHECKING:
    from ...host.snapshot import DomainRecord


class State(NamedTuple):
    """``holds`` is why a guest lets no interface go, ``ends`` why nothing is changed of it while it runs."""

    holds: str = ""
    ends: str = ""


STATES = {
    "": State(),
    "paused": State("is paused and lets no interface go before it goes on; resume it (virsh resume)"),
    "pmsuspended": State("sleeps and lets no interface go before it wakes up; wake it (virsh dompmwakeup)"),
    "crashed": State("has crashed and lets no interface go; stop it (virsh destroy)"),
    "in shutdown": State(ends="is shutting down"),
}


def refuse_unplugging(guest: DomainRecord) -> None:
    """Refuses what libvirt takes and the guest would do only later."""
    why = STATES[guest.state].holds
    if why:
        also = ", or give layers: [config]" if guest.persistent else ""
        raise Invalid("domain", "guest %s %s%s" % (guest.name, why, also))
