#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_record
short_description: Manage DNS records of a libvirt network
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Makes and removes single DNS records of a virtual network, for plays that own a guest and not its network.
  - The configuration and the running network are each changed as they need, while the network runs. Records that are
    not named stay as they are.
  - The names of an address are each an entry of their own; several plays can each have some. The order of the names
    that are there stays.
  - A name has one O(txts) record. An O(srvs) record is identified by service, protocol, domain and target.
  - Source of the options is libvirt's "Network XML format".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.dns_record
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the records before and after as YAML.
options:
  network:
    description: Name of the network.
    type: str
    required: true
  state:
    description:
      - V(present) has the records as they are given, V(absent) not there.
      - What is removed of O(hosts) is the names that are given, or all names of the address when none are.
      - A TXT record to remove is named by its name (and value), an SRV record by what is given of service, protocol,
        domain and target. It must be one record.
    type: str
    choices: [present, absent]
    default: present
  replace:
    description:
      - Whether the address of O(hosts) is to have just the names that are given. Without it, they are put in beside
        those that it has.
      - Only for V(present).
    type: bool
    default: false
seealso:
  - module: virtnet.libvirt.network
"""

EXAMPLES = r"""
- name: Names of a guest
  virtnet.libvirt.dns_record:
    network: lab
    hosts:
      - ip: 192.168.150.21
        hostnames: [web, www]

- name: A service and a text
  virtnet.libvirt.dns_record:
    network: lab
    srvs:
      - {service: ldap, protocol: tcp, domain: lab.example, target: dir.lab.example, port: 389}
    txts:
      - {name: lab.example, value: a network for tests}

- name: One of the names is no longer in use
  virtnet.libvirt.dns_record:
    network: lab
    hosts:
      - ip: 192.168.150.21
        hostnames: [www]
    state: absent

- name: The guest is gone
  virtnet.libvirt.dns_record:
    network: lab
    hosts:
      - ip: 192.168.150.21
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
  description: The records of the network, as C(hosts), C(txts) and C(srvs).
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network_entries import DNS_RECORD
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.lists import (
    DNS_HOSTS,
    DNS_SRVS,
    DNS_TXTS,
    stated,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.entries.resource import NetworkEntries
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import prune
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
)


def main() -> None:
    """Converges records."""
    module = DocumentModule(
        DNS_RECORD,
        argument_spec=argument_spec(
            network={"type": "str", "required": True},
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            replace={"type": "bool", "default": False},
            **options_spec(DNS_RECORD),
        ),
        required_one_of=[("hosts", "txts", "srvs")],
        supports_check_mode=True,
    )

    def desired() -> NetworkEntries:
        absent = module.params["state"] == "absent"
        entries = [stated(kind, prune(module.params[kind.option]), absent, module.params["replace"])
                   for kind in (DNS_HOSTS, DNS_TXTS, DNS_SRVS)
                   if module.params[kind.option] is not None]
        return NetworkEntries("dns_record", module.params["network"], entries, module.params["state"])

    converge_one(module, desired, returns="network")


if __name__ == "__main__":
    main()
