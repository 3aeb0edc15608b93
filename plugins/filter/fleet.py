# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: How the networking of hosts is, in step with what is stated or not
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - Makes one model of what modules returned of many hosts. P(virtnet.libvirt.fleet_as#filter) shows it.
  - C(docs/report.md) tells what it says, C(docs/schemas/fleet-1.json) is its JSON schema.
options:
  _input:
    description: The hosts.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the host.
        type: str
        required: true
      read:
        description: What M(virtnet.libvirt.topology_info) returned, also when it failed.
        type: dict
      checked:
        description: What M(virtnet.libvirt.topology) returned in check mode, also when it failed.
        type: dict
      stated:
        description: The lists that it was given.
        type: dict
  time:
    description: When that was, as ISO 8601 with a time zone; without it now.
    type: str
  previous:
    description: The model of the run before, by which it says since when a host has been as it is.
    type: dict
seealso:
  - plugin: virtnet.libvirt.fleet_as
    plugin_type: filter
  - module: virtnet.libvirt.topology_info
"""

EXAMPLES = r"""
- name: Read this host
  virtnet.libvirt.topology_info:
  register: read

- name: Compare it with what is stated
  virtnet.libvirt.topology:
    networks: "{{ libvirt_topology.networks }}"
  check_mode: true
  register: checked

- name: Say how this host is
  ansible.builtin.debug:
    msg: "{{ ([{'name': inventory_hostname, 'read': read, 'checked': checked, 'stated': libvirt_topology}]
      | virtnet.libvirt.fleet).hosts[0].state }}"
"""

RETURN = r"""
_value:
  description: The model.
  type: dict
  contains:
    version:
      description: Version of its shape, 1.
      type: int
    time:
      description: When that was.
      type: str
    counts:
      description: How many hosts are in each state.
      type: dict
      sample: {"unreachable": 0, "degraded": 0, "drifted": 1, "waiting": 0, "unstated": 0, "in step": 19}
    worst:
      description: The worst state that a host is in.
      type: str
    findings:
      description: What differs or clashes between hosts, each with C(kind), C(about), C(hosts), C(text) and C(do).
      type: list
      elements: dict
    hosts:
      description: Each host with C(name), C(state), C(since), C(problems), C(counts), C(objects) that differ field by
        field, C(restarts), C(warnings), C(stated) as YAML and C(graph).
      type: list
      elements: dict
"""

from datetime import datetime, timezone

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.model import fleet_of


def fleet(gathered: list, time: str | None = None, previous: dict | None = None) -> dict:
    """The model."""
    now = time or datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        datetime.fromisoformat(now.replace("Z", "+00:00"))
    except (AttributeError, ValueError) as error:
        raise AnsibleFilterError("fleet: time: %r is not allowed; give one such as 2026-11-27T08:30:00+00:00" % (
            now,)) from error
    if not isinstance(gathered, list) or not all(isinstance(one, dict) and one.get("name") for one in gathered):
        raise AnsibleFilterError("fleet: give a list of hosts, each a dictionary with name, read, checked and stated")
    if previous and previous.get("version") != 1:
        raise AnsibleFilterError("fleet: previous: version %s is not allowed; give a model of version 1" % (
            previous.get("version"),))
    return fleet_of(gathered, now, previous)


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"fleet": fleet}
