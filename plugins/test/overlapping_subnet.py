# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: overlapping_subnet
short_description: Whether subnets have addresses in common
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 0.1.0
description:
  - Tells whether a subnet or address has addresses in common with another, or with one of several.
  - An IPv4 and an IPv6 subnet have none.
options:
  _input:
    description: A subnet, or an address.
    type: str
    required: true
  other:
    description: The other subnet or address, or a list of them, of which one is enough.
    type: raw
    required: true
positional: _input, other
seealso:
  - plugin: virtnet.libvirt.subnet_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a subnet that the host uses
  ansible.builtin.assert:
    that: ansible_facts.default_ipv4.address is not virtnet.libvirt.overlapping_subnet('192.168.122.0/24')

- name: Show the networks in a subnet
  ansible.builtin.debug:
    msg: "{{ subnets | select('virtnet.libvirt.overlapping_subnet', ['10.0.0.0/8', 'fd00::/8']) }}"
"""

RETURN = r"""
_value:
  description: Whether they have addresses in common.
  type: bool
"""

import ipaddress

from ansible.errors import AnsibleFilterError


def overlapping_subnet(subnet: str, other: str | list) -> bool:
    """Whether a subnet has addresses in common with another, or with one of several."""
    others = other if isinstance(other, list) else [other]
    try:
        one, *several = (ipaddress.ip_network(str(given), strict=False) for given in [subnet, *others])
    except ValueError as error:
        raise AnsibleFilterError("overlapping_subnet: %s" % error) from error
    return any(one.version == two.version and one.overlaps(two) for two in several)


class TestModule:
    """The test as Ansible finds it."""

    def tests(self) -> dict:
        """Names and functions."""
        return {"overlapping_subnet": overlapping_subnet}
