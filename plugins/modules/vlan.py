#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vlan
short_description: Manage the VLAN tags of libvirt networks and guest interfaces
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Manages the VLAN tags, and nothing else, of a network, a portgroup, a port or a guest's interface.
  - libvirt takes tags on Open vSwitch bridges, on SR-IOV virtual functions (networks in mode hostdev or passthrough),
    and from 11.0.0 on Linux bridges of the host (networks in mode bridge). Elsewhere the task fails and says so.
  - What belongs to the network or portgroup holds for guests that are connected from then on.
  - Source of the options is libvirt's "Network XML format", "Setting VLAN tag".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.aspect
  - virtnet.libvirt.vlan
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the tags before and after as YAML.
seealso:
  - module: virtnet.libvirt.network
  - module: virtnet.libvirt.interface
  - module: virtnet.libvirt.qos
"""

EXAMPLES = r"""
- name: All guests of a portgroup are in VLAN 10
  virtnet.libvirt.vlan:
    network: ovs
    portgroup: office
    tags: [{id: 10}]

- name: A guest that is running becomes part of a trunk
  virtnet.libvirt.vlan:
    domain: router
    mac: "52:54:00:00:00:31"
    tags:
      - {id: 10}
      - {id: 20, native_mode: untagged}

- name: No tags
  virtnet.libvirt.vlan:
    domain: router
    mac: "52:54:00:00:00:31"
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
  description: Whether something waits until the network or a guest is started again. A warning says what.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
vlan:
  description: The tags as this module takes them.
  type: dict
  returned: success
  sample: {network: ovs, portgroup: office, tags: [{id: 10}]}
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.aspects import TAGS, TARGET_OPTIONS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.aspect.resource import stated_aspect
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
)


def main() -> None:
    """Converges the VLAN tags of one target."""
    module = DocumentModule(
        TAGS,
        argument_spec=argument_spec(**TARGET_OPTIONS, **options_spec(TAGS)),
        supports_check_mode=True,
    )
    converge_one(module, lambda: stated_aspect("vlan", TAGS, module.params))


if __name__ == "__main__":
    main()
