#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface_info
short_description: Show the network interfaces of libvirt guests
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Gives the interfaces of a guest as M(virtnet.libvirt.interface) takes them, so that giving one back is no change
    where the guest runs as it is configured.
  - Those that a running guest has and its configuration has not are among them.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
  - virtnet.libvirt.awaited
options:
  domain:
    description: Name or UUID of the guest.
    type: str
    required: true
  mac:
    description: MAC address of one interface; without it all.
    type: str
seealso:
  - module: virtnet.libvirt.interface
"""

EXAMPLES = r"""
- name: Read the interfaces of the guest web
  virtnet.libvirt.interface_info:
    domain: web
  register: found

- name: Wait until a guest that boots has an IPv4 address in the network lab
  virtnet.libvirt.interface_info:
    domain: web
    wait_for_address:
      network: lab
      family: ipv4
      timeout: 120
  register: booted

- name: Reach it
  ansible.builtin.add_host:
    name: web
    ansible_host: "{{ booted.address.address }}"

- name: Show the addresses that it has leased
  ansible.builtin.debug:
    msg: "{{ found.interfaces | map(attribute='status.running.addresses.lease') | flatten }}"
"""

RETURN = r"""
address:
  description: The address that was waited for. Null in check mode where there is none yet.
  type: dict
  returned: with O(wait_for_address)
  contains:
    address:
      description: The address.
      type: str
      returned: always
    prefix:
      description: Prefix length as the source tells it.
      type: int
      returned: always
    family:
      description: C(ipv4) or C(ipv6).
      type: str
      returned: always
    source:
      description: Who told it, C(lease), C(agent) or C(arp).
      type: str
      returned: always
    mac:
      description: MAC address of the interface.
      type: str
      returned: always
    network:
      description: The network of the interface, null where it is in none.
      type: str
      returned: always
interfaces:
  description: The interfaces in libvirt's order. Options are those of M(virtnet.libvirt.interface).
  type: list
  elements: dict
  returned: success
  contains:
    domain:
      description: The guest.
      type: str
      returned: always
    mac:
      description: The MAC address, in C(address).
      type: dict
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
        config:
          description: Whether the guest's configuration has the interface.
          type: bool
          returned: always
        live:
          description: Whether the running guest has the interface.
          type: bool
          returned: always
        drift:
          description: Where the running interface differs from its configuration (layer V(live)), and where the kernel
            has lost how it is connected (layer V(kernel)), as M(virtnet.libvirt.interface) reports them.
          type: list
          elements: dict
          returned: always
        running:
          description: The running interface, null where there is none.
          type: dict
          returned: always
          contains:
            type:
              description: What the interface became, such as C(bridge) for a network that is a bridge of the host.
              type: str
              returned: always
            alias:
              description: The name that the hypervisor has for it.
              type: str
              returned: always
            tap:
              description: The host's device, null for types that have none.
              type: str
              returned: always
            bridge:
              description: The bridge that the host's device really is in, null without one or when not known.
              type: str
              returned: always
            mtu:
              description: MTU of the host's device, null when not known.
              type: int
              returned: always
            link:
              description: C(up) or C(down).
              type: str
              returned: always
            port:
              description: UUID of the network port that belongs to it, null without one.
              type: str
              returned: always
            inherited:
              description: Options that it has from its network or portgroup.
              type: list
              elements: str
              returned: always
            addresses:
              description: Addresses by the source that told them, C(lease), C(agent) and C(arp), without the sources
                that gave no answer.
              type: dict
              returned: always
            statistics:
              description: Bytes, packets, errors and drops as the host counts them, null where it does not.
              type: dict
              returned: always
            filter:
              description: The filter that is bound to the host's device with its parameters, null without one.
              type: dict
              returned: always
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.awaited import READING
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.awaited import wait
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.interface.describe import (
    describe_interfaces,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import not_allowed
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.scalars import MAC
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    awaited_by,
    read_host,
    reading_spec,
    there,
)


def main() -> None:
    """Reads the interfaces of a guest."""
    module = DocumentModule(
        READING,
        argument_spec=reading_spec(
            domain={"type": "str", "required": True}, mac={"type": "str"}, **options_spec(READING)),
        supports_check_mode=True,
    )
    domain, mac = module.params["domain"], module.params["mac"]

    def read(host: Host) -> dict:
        normal = None if mac is None else _normal(mac)
        awaited = awaited_by(module, lambda wanted: wait(host.look, domain, normal, wanted))
        seen = host.look()
        return dict(awaited, interfaces=there(module, lambda: describe_interfaces(seen, domain, normal, True), []))

    read_host(module, read)


def _normal(mac: str) -> str:
    try:
        return MAC.normal(MAC.coerce(mac))
    except ValueError as error:
        raise not_allowed("mac", mac, MAC.allowed) from error


if __name__ == "__main__":
    main()
