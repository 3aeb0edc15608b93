#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
short_description: Manage all of the networking of a libvirt host as one document
version_added: 1.0.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Makes SR-IOV functions, filters, networks, ports, bindings and guests' interfaces as one document says. The host is
    read once, one plan is made in the order of need, and it is carried out as one transaction, all of it or nothing.
  - The items of each list take exactly the options of the module of their kind, and mean the same. An item of an
    C(_info) module can be given as it is.
  - All that is wrong with a document is said at once, each with its place, before anything is touched.
  - The result tells of each object in short; of those that are as stated nothing but that they are.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.topology
attributes:
  check_mode:
    support: full
    description: Reports the steps, the difference and the C(plan_id) of the real run.
  diff_mode:
    support: full
    description: Shows each object that differs before and after as YAML.
seealso:
  - module: virtnet.libvirt.topology_info
  - module: virtnet.libvirt.network
  - module: virtnet.libvirt.nwfilter
  - module: virtnet.libvirt.interface
"""

EXAMPLES = r"""
- name: State the networking of a host, and that there are no other networks
  virtnet.libvirt.topology:
    exclusive: [networks]
    keep: [default, "ovs*"]
    nwfilters:
      - name: tenant
        entries:
          - filterref: {filter: clean-traffic}
    networks:
      - name: lab
        state: active
        autostart: true
        forward: {mode: nat}
        bridge: {name: virbr-lab}
        ips:
          - address: 192.168.150.1
            prefix: 24
            dhcp:
              ranges: [{start: 192.168.150.100, end: 192.168.150.199}]
      - name: quiet
        state: active
        bridge: {name: virbr-quiet}

- name: See what a large document would change
  virtnet.libvirt.topology:
    src: hosts/kvm1.yml
  check_mode: true
  register: reviewed

- name: Do just that
  virtnet.libvirt.topology:
    src: hosts/kvm1.yml
    plan_id: "{{ reviewed.plan_id }}"
    confirm: {timeout: 60}
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
  sample: ["define network lab", "start network lab"]
objects:
  description:
    - Each object with C(kind) (the name of its module), C(name) and C(changed).
    - One that differs has C(steps), C(drift), C(waiting) (what is in force only after a restart) and C(impact) too,
      what running guests notice, V(none), V(brief) or V(disruptive).
    - In check mode also where items are refused; then those that are not.
  type: list
  elements: dict
  returned: success, and failure in check mode where items are refused
  sample: [{"kind": "network", "name": "quiet", "changed": false}]
refused:
  description: What is wrong with the document, a text for each. The message has all of them too.
  type: list
  elements: str
  returned: failure in check mode where items are refused
  sample: ["networks[0].mtu.size: 70000 is not allowed; give a whole number from 0 to 65535 (bytes) (network lab)"]
restart_required:
  description: Whether something waits until a network or a guest is started again.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success, and failure in check mode where items are refused
plan_id:
  description: Names what was to be done to what. A run that is given it as O(plan_id) does that, or nothing.
  type: str
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.topology import TOPOLOGY
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.topology import (
    errors_of_items,
    read_topology,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_document,
)


def main() -> None:
    """Converges the networking of a host."""
    module = DocumentModule(
        TOPOLOGY,
        errors_of_items,
        argument_spec=argument_spec(**options_spec(TOPOLOGY)),
        supports_check_mode=True,
    )
    converge_document(module, lambda: read_topology(module.params, module.check_mode, module.warn))


if __name__ == "__main__":
    main()
