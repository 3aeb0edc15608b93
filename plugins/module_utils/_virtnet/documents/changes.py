# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host is changed, whatever of it: the options that all modules share which change something."""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.scalars import PORT, integer, string

LOCK_TIMEOUT = 120
CONFIRM_TIMEOUT = 60

REACHED = string("an IP address or the name of a host", r"[A-Za-z0-9_:][A-Za-z0-9_:.%\-]*", longest=253)

WAITS = Group("waits", "waits", "How a task waits for others.", (
    Field("lock_timeout", "lock_timeout", integer(0, 86400, "seconds"), [
        "For how long another task that changes the networking of the same host is waited for.",
        "Only one at a time does, whichever module or user it is of. Tasks in check mode and those that only read wait"
        " for nothing.",
    ], default=LOCK_TIMEOUT),
))

CHANGES = Group("changes", "changes", "How a task changes a host.", (
    *WAITS.nodes,
    Group("confirm", "confirm", [
        "Keeps what is changed only when the host can still be reached afterwards: all of O(confirm.probes) must"
        " answer, and then Ansible connects to the host anew, by itself. Else all is put back as it was, and the task"
        " fails.",
        "C({}) takes a new connection and no probes. Until it is confirmed no other task changes the host.",
        "Has no effect in check mode, nor where nothing is changed. Cannot be given together with C(async).",
    ], (
        Field("timeout", "timeout", integer(1, 3600, "seconds"),
              "For how long the probes may take to answer, and then for how long a new connection is waited for.",
              default=CONFIRM_TIMEOUT),
        Many("probes", "probe", "What the managed host must reach afterwards.", Group("probe", "probe", "One.", (
            Field("address", "address", REACHED, "It is sent a ping, with the command C(ping) of the managed host.",
                  required=True),
            Field("port", "port", PORT, "A TCP port that must take a connection, in place of the ping."),
        ))),
    )),
))
