# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_subnets
short_description: Give each of many networks a subnet of one pool
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - Divides one or several large subnets, and gives each name a part of one size.
extends_documentation_fragment:
  - virtnet.libvirt.planned
positional: pool, prefix
options:
  _input:
    description:
      - Names, each of which is given one.
      - A network is C(HOST/NETWORK), or C(NETWORK) where it has the same subnet on all hosts;
        by that it is found in O(reported).
    type: list
    elements: str
    required: true
  pool:
    description: The subnet that is divided, or a list of several.
    type: raw
    required: true
  prefix:
    description: Prefix length of what each is given.
    type: int
    default: 24
seealso:
  - plugin: virtnet.libvirt.subnet_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read all hosts
  virtnet.libvirt.topology_info:
  register: read

- name: Plan
  ansible.builtin.set_fact:
    plan: "{{ groups.hypervisors | product(['lab', 'dmz']) | map('join', '/')
      | virtnet.libvirt.plan_subnets('10.64.0.0/12', 24, reported=reports, previous=libvirt_subnets | default({})) }}"
  run_once: true
  vars:
    reports: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'read'))) }}"

- name: Make this host's network
  virtnet.libvirt.network:
    name: lab
    forward: {mode: route}
    ips:
      - address: "{{ own.address }}"
        prefix: "{{ own.prefix }}"
  vars:
    own: "{{ plan[inventory_hostname ~ '/lab'] | virtnet.libvirt.subnet_plan }}"
"""

RETURN = r"""
_value:
  description: By name what it is given.
  type: dict
  sample: {"kvm1/lab": "10.71.5.0/24", "kvm2/lab": "10.67.130.0/24"}
"""

from typing import Any

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.had import subnets_had
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.planned import planned
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.pools import subnets


def plan_subnets(names: list, pool: Any, prefix: int = 24, reported: dict | None = None, taken: list | None = None,
                 previous: dict | None = None) -> dict:
    """By name what it is given."""
    return planned("plan_subnets", names, lambda: subnets(pool, prefix), subnets_had, reported, taken, previous)


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"plan_subnets": plan_subnets}
