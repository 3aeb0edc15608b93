# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_macs
short_description: Give each of many interfaces of guests a MAC of one pool
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - Gives each name a MAC.
extends_documentation_fragment:
  - virtnet.libvirt.planned
positional: pool
options:
  _input:
    description:
      - Names, each of which is given one.
      - An interface is C(GUEST), C(GUEST/NETWORK), or either after C(HOST/); by that it is found in O(reported).
    type: list
    elements: str
    required: true
  pool:
    description: The first 3 to 5 octets of all of them, such as V(52:54:00).
    type: raw
    required: true
seealso:
  - module: virtnet.libvirt.interface
"""

EXAMPLES = r"""
- name: A MAC for each guest, known before it is made
  ansible.builtin.set_fact:
    plan: "{{ guests | virtnet.libvirt.plan_macs('52:54:00:aa', previous=libvirt_macs | default({})) }}"
"""

RETURN = r"""
_value:
  description: By name what it is given.
  type: dict
  sample: {"web/lab": "52:54:00:aa:1f:03"}
"""

from typing import Any

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.had import macs_had
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.planned import planned
from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.pools import macs


def plan_macs(names: list, pool: Any, reported: dict | None = None, taken: list | None = None,
              previous: dict | None = None) -> dict:
    """By name what it is given."""
    return planned("plan_macs", names, lambda: macs(pool), macs_had, reported, taken, previous)


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"plan_macs": plan_macs}
