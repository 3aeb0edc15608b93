#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topology_info
short_description: Read all of the networking of a libvirt host as one document
version_added: 1.0.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Reads the networking of a host in the shape in which M(virtnet.libvirt.topology) takes it. Given back to the same
    host it changes nothing.
  - Ports and bindings of guests are left out, for they come and go with these.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
options:
  kinds:
    description: The lists that are wanted; without it all.
    type: list
    elements: str
    choices: [sriov, nwfilters, networks, network_ports, nwfilter_bindings, interfaces]
  names:
    description:
      - Names of what is wanted, with C(*), C(?) and C([...]) as in a shell; without it all.
      - An interface goes by the name of its guest, a port by that of its network, a binding by its device.
    type: list
    elements: str
  portable:
    description:
      - Whether to leave out what only means something on this host, so that another one can be given the rest. That is
        what libvirt made up (UUIDs, names of bridges and taps, MACs of bridges, places of devices in guests, identities
        and plugs of ports), and the filters that libvirt brings.
      - A MAC of a guest's interface that libvirt made up goes too, where something else names the interface and no
        reservation has it.
      - An interface with a boot order has O(virtnet.libvirt.interface#module:convert_boot) too, for on the other host
        its guest may have none yet.
    type: bool
    default: false
  graph:
    description: Whether to return RV(graph) too, which is about the whole host, whatever is asked for otherwise.
    type: bool
    default: true
seealso:
  - module: virtnet.libvirt.topology
"""

EXAMPLES = r"""
- name: Read what another host can be given
  virtnet.libvirt.topology_info:
    portable: true
    kinds: [nwfilters, networks]
  register: host

- name: Give it to that host
  virtnet.libvirt.topology:
    nwfilters: "{{ host.topology.nwfilters }}"
    networks: "{{ host.topology.networks }}"
  delegate_to: kvm2

- name: Keep it as a file
  ansible.builtin.copy:
    content: "{{ host.topology | to_nice_yaml(sort_keys=false) }}"
    dest: host_vars/kvm1/topology.yml
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
topology:
  description: The lists by their names, each item as the module of its kind takes it.
  type: dict
  returned: success
  sample: {"networks": [{"name": "lab", "state": "active", "autostart": true, "bridge": {"name": "virbr-lab"}}]}
graph:
  description:
    - Who is connected to what, as C(nodes) and C(edges), with the C(version) of this shape.
    - C(docs/graph.md) tells what they say, C(docs/schemas/graph-1.json) is its JSON schema.
  type: dict
  returned: with O(graph)
  contains:
    version:
      description: Version of the shape, 1. It is counted up when something is renamed or goes, not when it is added.
      type: int
      returned: always
    host:
      description: The host, with its C(libvirt) release and the C(uri) by which it was read.
      type: dict
      returned: always
    nodes:
      description:
        - Uplinks, bonds, bridges, networks, portgroups, ports, VFs, guests, interfaces, filters and other devices.
        - Each has C(id), C(kind), C(name), C(state) and C(layers), the layers that have it (V(config), V(live),
          V(saved), V(kernel), V(boot)); and, as far as they are known, VLAN, QoS, addresses and more of its kind.
      type: list
      elements: dict
      returned: always
    edges:
      description:
        - Each leads C(from) a node C(to) another, by their ids. C(kind) says what it means, C(layers) which layers say
          so, C(vlan), C(qos) and C(state) what goes over it.
        - Where layers disagree there is an edge for each.
      type: list
      elements: dict
      returned: always
  sample:
    version: 1
    host: {"libvirt": "9.0.0", "uri": "qemu:///system", "devices": ["lab0", "ens1"]}
    nodes: [{"id": "filter/clean-traffic", "kind": "filter", "name": "clean-traffic", "state": "defined",
             "layers": ["config"]}]
    edges: [{"from": "interface/web/52:54:00:00:00:11", "to": "network/lab", "kind": "connects",
             "layers": ["config", "live"], "state": "up"}]
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.topology import LISTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.graph import graph_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.whole_host import describe_host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import Module, read_only, reading_spec


def main() -> None:
    """Reads the networking of a host."""
    module = Module(
        argument_spec=reading_spec(
            kinds={"type": "list", "elements": "str", "choices": list(LISTS)},
            names={"type": "list", "elements": "str"},
            portable={"type": "bool", "default": False},
            graph={"type": "bool", "default": True},
        ),
        supports_check_mode=True,
    )
    kinds, names = module.params["kinds"] or list(LISTS), module.params["names"]

    def read(seen: Snapshot) -> dict:
        topology = describe_host(seen, kinds, names, module.params["portable"])
        return dict({"topology": topology}, **({"graph": graph_of(seen)} if module.params["graph"] else {}))

    read_only(module, read)


if __name__ == "__main__":
    main()
