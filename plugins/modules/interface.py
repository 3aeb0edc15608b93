#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface
short_description: Manage the network interfaces of libvirt guests
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Most tasks give O(domain), O(type), O(source.network) or O(source.bridge), O(source.portgroup), O(mac.address),
    O(model.type), O(link.state), O(vlan.tags), O(bandwidth), O(filterref.filter) and O(state). All else is for what is
    seldom needed.
  - Adds, changes and removes one network interface of a guest, in its configuration and while it runs.
  - The interface is the one with O(mac.address), else with O(alias.name), else with O(target.dev). When none of them is
    given it is the only one with the stated O(source), or of a O(type) that needs none. Where several have the MAC
    address, what else is stated decides. To change the MAC address of an interface, give its alias too.
  - Options that are left out stay as they are, empty ones (C({}), C([]), C("")) remove, and a list is the whole list.
  - A running guest keeps its connection wherever libvirt can change an interface in place. What cannot is configured
    for the guest's next start and reported by RV(restart_required), or, with O(replace), the interface is unplugged and
    plugged in.
  - libvirt says that it did what it did not do for some options. The module reads back, and fails when an option did
    not take.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.interface
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the interface before and after as YAML.
options:
  domain:
    description: Name or UUID of the guest.
    type: str
    required: true
  state:
    description:
      - V(present) has the guest have the interface, V(absent) not.
      - What is removed has all that is given of O(mac), O(alias), O(target), O(address), O(teaming) and O(source), so
        that another one with the MAC address stays.
    type: str
    choices: [present, absent]
    default: present
  layers:
    description:
      - Where the interface is managed, V(config) being what the guest has when it is next started, V(live) the running
        guest.
      - Without it both, as far as the guest has them. A transient guest has only V(live).
    type: list
    elements: str
    choices: [config, live]
  replace:
    description:
      - Whether an interface of a running guest may be unplugged and plugged in again to change what cannot change
        otherwise. The guest loses the connection for that time, and must take part.
      - When the new interface cannot be plugged in, the old one is plugged in again.
    type: bool
    default: false
  purge:
    description: Whether options that the task does not mention are removed; otherwise they stay as they are.
    type: bool
    default: false
  convert_boot:
    description:
      - Whether boot devices in the C(os) of the guest may become orders of the devices that they mean, where
        O(boot.order) is given. libvirt takes no order of devices beside them, and gives a guest that says nothing of
        booting its hard disk there.
      - The first device of each kind gets the next order that is free. So a guest that boots its disk boots an
        interface with order 1 first, and its disk with order 2.
    type: bool
    default: false
  partner:
    description:
      - The virtual function that makes a teaming pair with the interface, by the options of an interface, as far as
        they are not the pair's own. The guest has both as one device, and uses the other when one is unplugged.
      - The interface must be virtio and have O(alias.name). Both have its MAC address. The partner is V(hostdev), or
        V(network) for a network that hands out virtual functions.
      - An empty one (C({})) leaves the interface alone. O(state=absent) takes away both.
    type: dict
  xml:
    description:
      - An interface document, C(<interface>), in place of the options. It means what the same options mean.
    type: str
  status:
    description:
      - Ignored. It is here so that an interface of M(virtnet.libvirt.interface_info) can be given as it is.
    type: dict
seealso:
  - module: virtnet.libvirt.interface_info
  - module: virtnet.libvirt.network
"""

EXAMPLES = r"""
- name: The guest web has an interface in the network lab
  virtnet.libvirt.interface:
    domain: web
    type: network
    source:
      network: lab
    model:
      type: virtio

- name: It takes only its own addresses, at once
  virtnet.libvirt.interface:
    domain: web
    source:
      network: lab
    filterref:
      filter: clean-traffic
      parameters:
        - name: IP
          value: 10.0.3.21

- name: Another interface on a bridge of the host, with an address of one's own choice
  virtnet.libvirt.interface:
    domain: web
    type: bridge
    source:
      bridge: br0
    mac:
      address: "52:54:00:00:01:02"
    model:
      type: virtio

- name: It moves to another network, while the guest runs
  virtnet.libvirt.interface:
    domain: web
    mac:
      address: "52:54:00:00:01:02"
    type: network
    source:
      network: dmz

- name: Pull the cable of the running guest, and leave its configuration
  virtnet.libvirt.interface:
    domain: web
    mac:
      address: "52:54:00:00:00:21"
    link:
      state: down
    layers: [live]

- name: Another model now and not at the next start
  virtnet.libvirt.interface:
    domain: web
    mac:
      address: "52:54:00:00:00:21"
    model:
      type: e1000e
    replace: true

# not run by the tests: needs a card with SR-IOV
- name: A pair of virtio and a virtual function of the network sriov
  virtnet.libvirt.interface:
    domain: web
    type: network
    source:
      network: lab
    alias:
      name: ua-web
    partner:
      type: network
      source:
        network: sriov

- name: The interface is gone
  virtnet.libvirt.interface:
    domain: web
    mac:
      address: "52:54:00:00:00:21"
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
  sample: ["change link.state of the running interface 52:54:00:00:00:21 of guest web"]
drift:
  description: Where the interface differed from what the task says, each with C(layer), C(path), C(desired) and
    C(current). The path is empty for the interface itself.
  type: list
  elements: dict
  returned: success
restart_required:
  description: Whether something waits until the guest is shut down and started again. A warning says what.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
interface:
  description: The interface as this module takes it.
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.interface import INTERFACE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one interface."""
    module = DocumentModule(
        INTERFACE,
        argument_spec=argument_spec(
            status={"type": "dict"},
            xml={"type": "str"},
            **settings_spec("interface"),
            **options_spec(INTERFACE),
        ),
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "interface"), stated_options(module, INTERFACE)))


if __name__ == "__main__":
    main()
