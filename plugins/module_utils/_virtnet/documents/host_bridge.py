# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of the host that somebody keeps, by files that stand below /etc or, on trial, below /run."""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.scalars import TEXT
from .role_values import FORMS

HOST_BRIDGE = Group("host_bridge", "host_bridge", "A bridge of the host.", (
    Field("name", "name", FORMS["bridge"], "Name of the bridge.", required=True),
    Field("uplink", "uplink", FORMS["device"], [
        "Network card of the host that is in the bridge, or that is taken out of it.",
        "Without it no card is looked at.",
    ], never_empty=True),
    Many("vlans", "vlan", [
        "VLANs that pass O(uplink) with tags; VLAN 1 passes it without. The bridge then filters VLANs, and the host"
        " itself is in VLAN 1.",
        "What of that the files do not say or the kernel has lost is put back there, and nothing else is disturbed. The"
        " bridge and its uplink stay in others.",
        "Without it the VLANs are not looked at.",
    ], Field("vlan", ".", FORMS["vlan"], "A VLAN."), unique=True),
    Group("files", "files", [
        "Files of O(keeper). Of systemd-networkd, as its manual pages systemd.netdev(5) and systemd.network(5) tell,"
        " they are C(/etc/systemd/network/05-virtnet-NAME*), or C(/run/systemd/network/04-virtnet-NAME*) on trial.",
        "Of NetworkManager they are profiles, as its manual page nm-settings-keyfile(5) tells, with a line C(uuid=)"
        " each: C(/etc/NetworkManager/system-connections/virtnet-NAME*), or the same below C(/run) on trial.",
        "Of ifupdown they hold stanzas, as its manual page interfaces(5) tells, each file complete by itself:"
        " C(/etc/network/interfaces.d/virtnet-NAME*), or C(/run/network/virtnet-NAME*) on trial.",
        "One that is not given is removed.",
    ], (
        Field("netdev", "netdev", TEXT, "What makes the bridge; C(.netdev) of systemd-networkd."),
        Field("network", "network", TEXT, [
            "Addresses and routes of the bridge; C(.network).",
            "With NetworkManager it makes the bridge too; C(.nmconnection). So it does with ifupdown.",
        ]),
        Field("uplink", "uplink", TEXT, "What puts the uplink into the bridge; C(-uplink.network),"
              " C(-uplink.nmconnection) or C(-uplink)."),
    )),
))
