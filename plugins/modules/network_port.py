#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_port
short_description: Manage ports of libvirt virtual networks
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Most tasks give O(network), O(mac.address), O(owner.name) and O(owner.uuid), O(bandwidth) and O(state).
  - Makes, changes and removes ports of an active virtual network, for devices that no guest of libvirt owns.
  - libvirt makes and removes the ports of its guests itself. A port that a running guest owns is never removed without
    O(force). Its bandwidth is changed by the guest's interface, the only way that takes effect; anything else of it is
    refused.
  - A port is named by its O(uuid), or by its O(mac) and O(owner).
  - Bandwidth is changed in place where libvirt can do it. For anything else, and for a direction that had no
    bandwidth, the port is removed and made again.
  - Source of the options is libvirt's "Network port XML format".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.network_port
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the port before and after as YAML.
options:
  network:
    description: Name of the network. It must be active.
    type: str
    required: true
  state:
    description: V(present) has the port there, V(absent) not.
    type: str
    choices: [present, absent]
    default: present
  force:
    description: Whether a port is removed though a running guest owns it. The guest loses the network.
    type: bool
    default: false
  xml:
    description:
      - A network port document, in place of the options. It means what the same options mean.
    type: str
  status:
    description: Ignored. It is here so that a port of M(virtnet.libvirt.network_port_info) can be given as it is.
    type: dict
seealso:
  - module: virtnet.libvirt.network_port_info
  - module: virtnet.libvirt.network
  - name: Network port XML format
    description: The document behind the options.
    link: https://libvirt.org/formatnetworkport.html
"""

EXAMPLES = r"""
- name: A port for a container on a virtual network
  virtnet.libvirt.network_port:
    network: lab
    mac:
      address: "52:54:00:00:00:31"
    owner:
      name: web
      uuid: 5b0c1c51-6bd7-4bd3-a1a1-5d0cdf4c3f10
  register: made

- name: Which bridge it is on
  ansible.builtin.debug:
    msg: "{{ made.network_port.plug.bridge }}"

- name: It is not needed any more
  virtnet.libvirt.network_port:
    network: lab
    mac:
      address: "52:54:00:00:00:31"
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
  sample: ["create port 52:54:00:00:00:31 of network lab"]
drift:
  description: Where the port differed from what the task says, each with C(layer), C(path), C(desired), C(current).
  type: list
  elements: dict
  returned: success
restart_required:
  description: Always V(false); a port takes effect at once.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
network_port:
  description: The port as this module takes it, with the plug that libvirt chose.
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network_port import NETWORK_PORT
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network_port.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one port."""
    module = DocumentModule(
        NETWORK_PORT,
        argument_spec=argument_spec(
            status={"type": "dict"},
            xml={"type": "str"},
            **settings_spec("network_port"),
            **options_spec(NETWORK_PORT),
        ),
        required_one_of=[("uuid", "mac", "xml")],
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "network_port"), stated_options(module, NETWORK_PORT)))


if __name__ == "__main__":
    main()
