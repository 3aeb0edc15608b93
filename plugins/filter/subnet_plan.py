# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: subnet_plan
short_description: The addresses that a virtual network gives its host and its guests
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 0.1.0
description:
  - Divides a subnet as libvirt's default network does. The host has the first address, guests have the others by DHCP.
  - libvirt takes no range across the bounds of an IPv4 C(/16) or an IPv6 C(/112). In a larger subnet the range is in
    the first of them.
options:
  _input:
    description: An IPv4 or IPv6 subnet with its prefix length or netmask.
    type: str
    required: true
seealso:
  - plugin: virtnet.libvirt.overlapping_subnet
    plugin_type: test
"""

EXAMPLES = r"""
- name: A network of which only the subnet is known
  virtnet.libvirt.network:
    name: lab
    forward:
      mode: nat
    ips:
      - address: "{{ plan.address }}"
        prefix: "{{ plan.prefix }}"
        dhcp:
          ranges:
            - "{{ plan.range }}"
  vars:
    plan: "{{ '192.168.150.0/24' | virtnet.libvirt.subnet_plan }}"
"""

RETURN = r"""
_value:
  description: The addresses.
  type: dict
  contains:
    family:
      description: V(ipv4) or V(ipv6).
      type: str
    network:
      description: The subnet with its prefix length.
      type: str
      sample: 192.168.150.0/24
    address:
      description: Address of the host, the first of the subnet.
      type: str
      sample: 192.168.150.1
    prefix:
      description: Prefix length.
      type: int
      sample: 24
    range:
      description: Addresses for guests, C(start) and C(end).
      type: dict
      sample: {"start": "192.168.150.2", "end": "192.168.150.254"}
"""

import ipaddress

from ansible.errors import AnsibleFilterError


def subnet_plan(subnet: str) -> dict:
    """The addresses of host and guests in a subnet."""
    try:
        if "/" not in str(subnet):
            raise ValueError("the prefix length is missing")
        given = ipaddress.ip_interface(str(subnet))
        network = given.network
        if given.ip != network.network_address:
            raise ValueError("it is an address in the subnet %s" % network)
        if network.max_prefixlen - network.prefixlen < 2:
            raise ValueError("it has no room for a host and a guest")
    except ValueError as error:
        raise AnsibleFilterError("subnet_plan: give a subnet such as 192.168.150.0/24 or fd00:150::/64, not %s: %s"
                                 % (subnet, error)) from error
    first = network.network_address + 1
    last = network.broadcast_address - (1 if network.version == 4 else 0)
    start = first + 1
    end = min(last, start + (0xFFFF - int(start) % 0x10000))
    return {
        "family": "ipv%d" % network.version,
        "network": str(network),
        "address": str(first),
        "prefix": network.prefixlen,
        "range": {"start": str(start), "end": str(end)},
    }


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"subnet_plan": subnet_plan}
