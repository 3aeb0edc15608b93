#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dhcp_host
short_description: Manage DHCP reservations of a libvirt network
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Makes and removes single DHCP reservations of a virtual network, for plays that own a guest and not its network.
  - The configuration and the running network are each changed as they need, while the network runs. Entries that are
    not named stay as they are.
  - A reservation is identified by its O(mac), O(id) or O(name), the first that is given. It is put on the address of
    the network whose subnet O(ip) is in.
  - What the reservations are to be in the end is judged, not each by itself; so two can swap their addresses.
  - Source of the options is libvirt's "Network XML format".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.dhcp_host
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the reservations before and after as YAML.
options:
  network:
    description: Name of the network.
    type: str
    required: true
  state:
    description:
      - V(present) has the reservation as it is given, V(absent) not there.
      - What is removed is the one entry that has all of O(mac), O(id), O(name) and O(ip) that are given.
    type: str
    choices: [present, absent]
    default: present
  replace:
    description:
      - Whether reservations of others that have the address, MAC address, DUID or name give way to the ones of this
        task. Without it the task fails and names them.
      - Only for V(present).
    type: bool
    default: false
seealso:
  - module: virtnet.libvirt.network
"""

EXAMPLES = r"""
- name: Reserve an address for a guest
  virtnet.libvirt.dhcp_host:
    network: lab
    mac: "52:54:00:00:00:21"
    ip: 192.168.150.21
    name: web

- name: Several at once
  virtnet.libvirt.dhcp_host:
    network: lab
    hosts:
      - {mac: "52:54:00:00:00:22", ip: 192.168.150.22}
      - {mac: "52:54:00:00:00:23", ip: 192.168.150.23, lease: {expiry: 2, unit: hours}}

- name: A new guest takes the address and the name of an old one
  virtnet.libvirt.dhcp_host:
    network: lab
    mac: "52:54:00:00:00:31"
    ip: 192.168.150.21
    name: web
    replace: true

- name: The guest is gone
  virtnet.libvirt.dhcp_host:
    network: lab
    mac: "52:54:00:00:00:21"
    state: absent
"""

RETURN = r"""
changed:
  description: Whether anything was changed.
  type: bool
  returned: always
steps:
  description: What was done, in order; in check mode what would be.
  type: list
  elements: str
  returned: success
drift:
  description: Where reality differed from what the task says, each with C(layer), C(path), C(desired), C(current).
  type: list
  elements: dict
  returned: success
restart_required:
  description: Always V(false); entries are in force at once.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
network:
  description: The reservations of the network, as C(hosts).
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network_entries import DHCP_HOST
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.lists import DHCP_HOSTS, stated
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.resource import NetworkEntries
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import prune
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
)


def main() -> None:
    """Converges reservations."""
    module = DocumentModule(
        DHCP_HOST,
        argument_spec=argument_spec(
            network={"type": "str", "required": True},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            replace={"type": "bool", "default": False},
            **options_spec(DHCP_HOST),
        ),
        supports_check_mode=True,
    )

    def desired() -> NetworkEntries:
        given = prune({node.name: module.params[node.name] for node in DHCP_HOST.nodes})
        items = given.pop("hosts", None)
        if items is not None and given:
            raise Invalid("hosts", "cannot be given together with %s" % ", ".join(sorted(given)))
        absent = module.params["state"] == "absent"
        entries = stated(DHCP_HOSTS, given if items is None else items, absent, module.params["replace"])
        return NetworkEntries("dhcp_host", module.params["network"], [entries], module.params["state"])

    converge_one(module, desired, returns="network")


if __name__ == "__main__":
    main()
