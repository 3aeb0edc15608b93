# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: graph_as
short_description: Draw who is connected to what on a host
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - V(mermaid) is a flow chart that GitHub, GitLab and others draw in Markdown, V(svg) a drawing without scripts.
  - From guests on the left to cables on the right. Ports and filters that nobody uses are left out.
positional: shape
options:
  _input:
    description: A RV(virtnet.libvirt.topology_info#module:graph).
    type: dict
    required: true
  shape:
    description: What to make of it.
    type: str
    required: true
    choices: [mermaid, svg]
seealso:
  - module: virtnet.libvirt.topology_info
"""

EXAMPLES = r"""
- name: Read the host
  virtnet.libvirt.topology_info:
  register: host

- name: Draw it
  ansible.builtin.copy:
    content: "{{ host.graph | virtnet.libvirt.graph_as('svg') }}"
    dest: "{{ inventory_hostname }}.svg"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The text, of a file that can be written as it is.
  type: str
"""

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.shapes import GRAPH, show


def graph_as(given: dict, shape: str) -> str:
    """The text."""
    return show("graph_as", GRAPH, given, shape, "a graph of topology_info")


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"graph_as": graph_as}
