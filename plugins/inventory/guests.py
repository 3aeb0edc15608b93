# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: guests
short_description: The guests of libvirt hosts as hosts of an inventory
version_added: 1.0.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Reads guests with their networks, VLANs, MACs and addresses, either by libvirt's own remote URIs, many hypervisors
    at a time, or from what was read before, for which the controller needs no libvirt.
  - Its files are called C(NAME.libvirt_guests.yml) or C(NAME.libvirt_guests.yaml).
  - A guest whose name several hypervisors have is called C(GUEST.HYPERVISOR).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: This plugin.
    type: str
    required: true
    choices: [virtnet.libvirt.guests]
  hypervisors:
    description:
      - URIs of libvirt by the names of hypervisors, such as C(kvm1) and V(qemu+ssh://root@kvm1/system).
      - Needs libvirt-python and lxml on the controller.
    type: dict
    default: {}
  saved:
    description:
      - Files that were written before, beside the inventory file or absolute. A C(report.json) of the role
        P(virtnet.libvirt.report#role), or a result of M(virtnet.libvirt.topology_info) that is called HYPERVISOR.json.
    type: list
    elements: str
    default: []
  sources:
    description: Who may tell the address by which a guest is reached (C(ansible_host)), the best first.
    type: list
    elements: str
    choices: [lease, agent, arp]
    default: [lease, agent, arp]
  running:
    description: Whether to leave out guests that do not run.
    type: bool
    default: false
  workers:
    description: How many hypervisors are asked at a time.
    type: int
    default: 20
  timeout:
    description: For how many seconds the answer of a hypervisor is waited for.
    type: int
    default: 60
requirements:
  - libvirt-python and lxml on the controller, for O(hypervisors)
"""

EXAMPLES = r"""
# kvm.libvirt_guests.yml
plugin: virtnet.libvirt.guests
hypervisors:
  kvm1: qemu+ssh://root@kvm1/system
  kvm2: qemu+ssh://root@kvm2/system
running: true
keyed_groups:
  - {key: libvirt_networks, prefix: network}
  - {key: libvirt_hypervisor, prefix: at}
compose:
  ansible_user: "'debian'"
groups:
  unreached: libvirt_addresses | length == 0
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /tmp/libvirt_guests

# What the role report has written, without libvirt on the controller:
#   plugin: virtnet.libvirt.guests
#   saved: [report/report.json]
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.guests import guests_of


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Guests as hosts."""

    NAME = "virtnet.libvirt.guests"

    def verify_file(self, path: str) -> bool:
        """Whether a file is of this plugin."""
        return super().verify_file(path) and path.endswith((".libvirt_guests.yml", ".libvirt_guests.yaml"))

    def parse(self, inventory: object, loader: object, path: str, cache: bool = True) -> None:
        """Adds the guests."""
        super().parse(inventory, loader, path)
        self._read_config_data(path)
        graphs = self._graphs(path, cache)
        for guest in guests_of(graphs, self.get_option("sources")):
            if not self.get_option("running") or guest["variables"]["libvirt_state"] not in ("shut off", "saved"):
                self._add(guest["name"], guest["variables"])

    def _add(self, name: str, variables: dict) -> None:
        self.inventory.add_host(name)
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _graphs(self, path: str, cache: bool) -> dict:
        key, uses = self.get_cache_key(path), self.get_option("cache")
        if uses and cache and key in self._cache:
            return self._cache[key]
        found = {}
        for name in self.get_option("saved"):
            found.update(self._saved(os.path.join(os.path.dirname(path), name)))
        found.update(self._asked(self.get_option("hypervisors")))
        if uses:
            self._cache[key] = found
        return found

    def _saved(self, path: str) -> dict:
        try:
            with open(path, encoding="utf-8") as file:
                text = json.load(file)
            if "hosts" in text:
                return dict(self._of_report(path, text["hosts"]))
            return {os.path.splitext(os.path.basename(path))[0]: text["graph"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnsibleParserError("saved: %s has no graphs: %s" % (path, error)) from error

    def _of_report(self, path: str, hosts: list) -> Iterator[tuple[str, dict]]:
        for host in hosts:
            if host["state"] == "unreachable":
                self._left_out("saved: %s: %s" % (path, host["name"]), "; ".join(host["problems"]))
            else:
                yield host["name"], host["graph"]

    def _left_out(self, where: str, why: object) -> None:
        if self.get_option("strict"):
            raise AnsibleParserError("%s: %s" % (where, why)) from (why if isinstance(why, Exception) else None)
        self.display.warning("%s: %s; its guests are left out" % (where, why))

    def _asked(self, hypervisors: dict) -> dict:
        """What those say that answer; a warning tells of the others, with C(strict) an error."""
        if not hypervisors:
            return {}
        from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.ask import NotRead, graph_at

        found, timeout = {}, self.get_option("timeout")
        with ThreadPoolExecutor(max(1, self.get_option("workers"))) as pool:
            asked = {name: pool.submit(graph_at, str(uri), timeout) for name, uri in hypervisors.items()}
        for name, answer in asked.items():
            try:
                found[name] = answer.result()
            except NotRead as error:
                self._left_out("hypervisors.%s" % name, error)
        return found
