# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of the host that systemd-networkd keeps, by files that stand below /etc or, on trial, below /run."""

from __future__ import annotations

from ..schema.nodes import Field, Group
from ..schema.scalars import TEXT
from .role_values import FORMS

HOST_BRIDGE = Group("host_bridge", "host_bridge", "A bridge of the host.", (
    Field("name", "name", FORMS["bridge"], "Name of the bridge.", required=True),
    Field("uplink", "uplink", FORMS["device"], [
        "Network card of the host that is in the bridge, or that is taken out of it.",
        "Without it no card is looked at.",
    ], never_empty=True),
    Group("files", "files", [
        "Files of systemd-networkd, as its manual pages systemd.netdev(5) and systemd.network(5) tell.",
        "They are C(/etc/systemd/network/05-virtnet-NAME*), or C(/run/systemd/network/04-virtnet-NAME*) on trial."
        " One that is not given is removed.",
    ], (
        Field("netdev", "netdev", TEXT, "What makes the bridge; C(.netdev)."),
        Field("network", "network", TEXT, "Addresses and routes of the bridge; C(.network)."),
        Field("uplink", "uplink", TEXT, "What puts the uplink into the bridge; C(-uplink.network)."),
    )),
))
