# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_as
short_description: Show how hosts are, as a page, a table, JSON or metrics
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - V(html) is one page that needs no other file, V(markdown) a table and what differs, V(json) the model itself, and
    V(prometheus) metrics for the textfile collector of node_exporter.
  - What hosts say is escaped in each of them.
positional: shape
options:
  _input:
    description: A model of P(virtnet.libvirt.fleet#filter).
    type: dict
    required: true
  shape:
    description: What to make of it.
    type: str
    required: true
    choices: [html, json, markdown, prometheus]
seealso:
  - plugin: virtnet.libvirt.fleet
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read this host
  virtnet.libvirt.topology_info:
  register: read

# not run by the tests: writes outside of the sandbox
- name: Write metrics
  ansible.builtin.copy:
    content: "{{ [{'name': inventory_hostname, 'read': read}]
      | virtnet.libvirt.fleet | virtnet.libvirt.fleet_as('prometheus') }}"
    dest: /var/lib/prometheus/node-exporter/virtnet.prom
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The text, of a file that can be written as it is.
  type: str
"""

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.shapes import FLEET, show


def fleet_as(given: dict, shape: str) -> str:
    """The text."""
    return show("fleet_as", FLEET, given, shape, "a model that the filter fleet made")


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"fleet_as": fleet_as}
