# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What one aspect can belong to."""

    DOCUMENTATION = r"""
options:
  network:
    description: Name of the network, alone or with O(portgroup) or O(port).
    type: str
  portgroup:
    description:
      - Name of a portgroup of O(network).
      - Running guests keep what they have from it until they are started again, which RV(restart_required) and a
        warning say.
    type: str
  port:
    description: UUID or MAC address of a port of O(network), which must be running.
    type: str
  domain:
    description: Name or UUID of a guest, with O(mac) where it has more than one interface.
    type: str
  mac:
    description: MAC address of an interface of O(domain), in quotes.
    type: str
  state:
    description: V(present) has it as it is given, V(absent) takes all of it away.
    type: str
    choices: [present, absent]
    default: present
  restart:
    description:
      - Whether a running O(network) may be stopped and started, without which its own settings do not change; see
        M(virtnet.libvirt.network). Only for O(network) alone, where the default is V(when_idle).
    type: str
    choices: [when_idle, always, never]
  layers:
    description:
      - Where an interface is managed, V(config) being what the guest has when it is next started, V(live) the running
        guest. Only for O(domain); without it everywhere where the interface is.
    type: list
    elements: str
    choices: [config, live]
"""
