#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_port_info
short_description: Show ports of libvirt virtual networks
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Gives the ports of virtual networks as M(virtnet.libvirt.network_port) takes them, so that giving one back is no
    change.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
options:
  names:
    description: Names of the networks; without it all.
    type: list
    elements: str
seealso:
  - module: virtnet.libvirt.network_port
"""

EXAMPLES = r"""
- name: Read the ports of a network
  virtnet.libvirt.network_port_info:
    names: [lab]
  register: found

- name: Show whose they are
  ansible.builtin.debug:
    msg: "{{ item.mac.address }} {{ item.status.guest | default(item.owner.name, true) }}"
  loop: "{{ found.network_ports }}"
"""

RETURN = r"""
network_ports:
  description: The ports. Options are those of M(virtnet.libvirt.network_port).
  type: list
  elements: dict
  returned: success
  contains:
    network:
      description: Name of the network.
      type: str
      returned: always
    uuid:
      description: UUID of the port.
      type: str
      returned: always
    status:
      description: What can only be read.
      type: dict
      returned: always
      contains:
        left_out:
          description:
            - What libvirt holds and no task can say, each with the option, the value and what a task may give.
            - It stays as it is when the rest is given back.
          type: list
          elements: str
          returned: always
        guest:
          description: The running guest that owns the port with its MAC address, null for others.
          type: str
          returned: always
        guest_interface:
          description: The guest's tap device, null for others.
          type: str
          returned: always
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.describe import (
    describe_ports,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    Module,
    read_only,
    reading_spec,
    wanted_names,
)


def main() -> None:
    """Reads ports."""
    module = Module(
        argument_spec=reading_spec(names={"type": "list", "elements": "str"}),
        supports_check_mode=True,
    )

    def read(seen: Snapshot) -> dict:
        networks = wanted_names(module, seen.network_names(), "network")
        return {"network_ports": [port for network in networks for port in describe_ports(seen, network)]}

    read_only(module, read)


if __name__ == "__main__":
    main()
