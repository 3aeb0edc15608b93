#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Show libvirt virtual networks
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Gives virtual networks as M(virtnet.libvirt.network) takes them, so that giving one back to it is no change.
  - With each come its running definition, ports, DHCP leases, and where its layers differ from each other.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
options:
  names:
    description: Names of the networks; without it all.
    type: list
    elements: str
seealso:
  - module: virtnet.libvirt.network
"""

EXAMPLES = r"""
- name: Read all networks
  virtnet.libvirt.network_info:
  register: found

- name: Show where reality has drifted
  ansible.builtin.debug:
    msg: "{{ found.networks | items2dict(key_name='name', value_name='status') | dict2items
             | map(attribute='value.drift') | flatten }}"

- name: Nothing changes when a network is given back
  virtnet.libvirt.network: "{{ found.networks[0] }}"  # noqa: args[module]
"""

RETURN = r"""
networks:
  description: The networks by name. Options are those of M(virtnet.libvirt.network), from the configuration.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the network.
      type: str
      returned: always
    uuid:
      description: UUID of the network.
      type: str
      returned: always
    state:
      description: Whether it runs, V(active) or V(inactive).
      type: str
      returned: always
    autostart:
      description: Whether it starts with the host.
      type: bool
      returned: always
    persistent:
      description: Whether it is kept when it stops.
      type: bool
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
        active:
          description: Whether it runs.
          type: bool
          returned: always
        bridge:
          description: Name of its bridge, null without one.
          type: str
          returned: always
        config:
          description: The persistent configuration as options, null for a transient network.
          type: dict
          returned: always
        live:
          description:
            - The running definition as options, with the devices and connections of a pool.
            - Null when it does not run.
          type: dict
          returned: always
        connections:
          description: Number of guest interfaces on it.
          type: int
          returned: always
        ports:
          description: Its ports, each with C(uuid), C(mac), C(owner), C(guest_interface) and C(plug).
          type: list
          elements: dict
          returned: always
        leases:
          description:
            - DHCP leases, each with C(mac), C(ip), C(prefix), C(hostname), C(client_id) and C(expiry).
            - The expiry is in seconds since 1970.
          type: list
          elements: dict
          returned: always
        drift:
          description:
            - Where the running definition differs from the configuration (C(layer) is V(live)), or the kernel from the
              running definition (V(kernel)).
            - Each with C(layer), C(path), C(desired) and C(current).
          type: list
          elements: dict
          returned: always
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.describe import (
    describe_network,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.firewall import (
    NOT_COMPARED,
    problem_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    Module,
    read_only,
    reading_spec,
    wanted_names,
)


def main() -> None:
    """Reads networks."""
    module = Module(
        argument_spec=reading_spec(names={"type": "list", "elements": "str"}),
        supports_check_mode=True,
    )

    def read(seen: Snapshot) -> dict:
        names = wanted_names(module, seen.network_names(), "network")
        for name in names:
            problem = problem_of(seen, name)
            if problem:
                module.warn(NOT_COMPARED % (name, problem))
        return {"networks": [describe_network(seen, name) for name in names]}

    read_only(module, read)


if __name__ == "__main__":
    main()
