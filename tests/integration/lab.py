# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network lab and a guest that answers on it."""

from __future__ import annotations

from guest.domain import domain_xml
from integration.host import sh, within

GUEST = "192.168.160.9"
LAB = {
    "name": "lab",
    "state": "active",
    "forward": {"mode": "nat"},
    "bridge": {"name": "lab0", "stp": False},
    "ips": [{"address": "192.168.160.1", "prefix": 24,
             "dhcp": {"ranges": [{"start": "192.168.160.100", "end": "192.168.160.150"}]}}],
}
INTERFACE = """
<interface type='network'>
  <mac address='52:54:00:00:01:01'/>
  <source network='lab'/>
  <model type='virtio'/>
</interface>
"""


def boot(connection, interface=INTERFACE, address=GUEST):
    domain = connection.defineXML(domain_xml("guest", interface, cmdline="guest.ip=%s/24" % address))
    domain.create()
    return domain


def answers(address=GUEST):
    return within(30, lambda: "1 received" in sh("ping -c1 -W1 %s || true" % address))


def tap_of(domain):
    words = sh("virsh domiflist %s" % domain.name()).split()
    return next(word for word in words if word.startswith(("vnet", "macvtap")))
