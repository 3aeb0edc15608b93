# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_vlans
short_description: Give each of many networks a VLAN id of one pool
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - Gives each name a VLAN id.
extends_documentation_fragment:
  - virtnet.libvirt.planned
positional: pool
options:
  _input:
    description:
      - Names, each of which is given one.
      - A network or portgroup is C(NAME), C(NETWORK/PORTGROUP), or either after C(HOST/);
        by that it is found in O(reported).
    type: list
    elements: str
    required: true
  pool:
    description: Ids and ranges, as text or as a list, such as V(100-199,300).
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: A VLAN for each tenant, also those that come later
  ansible.builtin.set_fact:
    plan: "{{ tenants | virtnet.libvirt.plan_vlans('100-999', previous=libvirt_vlans | default({}), taken=[666]) }}"
"""

RETURN = r"""
_value:
  description: By name what it is given.
  type: dict
  sample: {"web": 417, "db": 903}
"""

from typing import Any

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.had import vlans_had
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.planned import planned
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.pools import vlans


def plan_vlans(names: list, pool: Any, reported: dict | None = None, taken: list | None = None,
               previous: dict | None = None) -> dict:
    """By name what it is given."""
    return planned("plan_vlans", names, lambda: vlans(pool), vlans_had, reported, taken, previous)


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"plan_vlans": plan_vlans}
