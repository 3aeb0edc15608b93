# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address of a guest a task waits for."""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.scalars import LINE, enum, integer

ADDRESS_TIMEOUT = 60
# from what is known first to what is known of all guests
SOURCES = ("lease", "agent", "arp")

AWAITED = Group("wait_for_address", "wait_for_address", [
    "Waits until the guest has an address, and returns it as RV(address). C({}) takes any, of any interface.",
    "Addresses of the link alone (C(fe80::), C(169.254.)) do not count. In check mode nothing is waited for.",
], (
    Field("timeout", "timeout", integer(1, 86400, "seconds"),
          "For how long. When it is over the task fails, and says what was seen on each source.",
          default=ADDRESS_TIMEOUT),
    Field("family", "family", enum("ipv4", "ipv6"), "The family of the address; without it either."),
    Field("network", "network", LINE, "The network that the interface is to be connected to; without it any.",
          never_empty=True),
    Many("sources", "sources", "Who may tell it, the one that is asked first first. The agent runs in the guest; arp"
         " is what the host has heard of.", Field("source", ".", enum(*SOURCES), "One of them."), ordered=True),
))
READING = Group("reading", "reading", "What a task waits for before it reads.", (AWAITED,))
