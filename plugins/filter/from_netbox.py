# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: from_netbox
short_description: What NetBox says of virtual machines, as a topology
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 1.0.0
description:
  - Turns interfaces of virtual machines, VLANs and prefixes, as NetBox gives them, into C(networks) and C(interfaces)
    as M(virtnet.libvirt.topology) takes them.
  - An interface whose mode is access is in the portgroup of its VLAN, one whose mode is tagged is a trunk. One without
    a mode is in the network of the prefix that has one of its addresses, which hands it out by DHCP.
  - What libvirt cannot do, or NetBox does not say enough of, is left out and named.
  - Of NetBox 2.7 to 4.4, by the schema of its API; with paging and limits whoever asks for it has to do.
options:
  _input:
    description:
      - Interfaces of virtual machines, as C(/api/virtualization/interfaces/) gives them.
      - Or hosts of the inventory plugin C(netbox.netbox.nb_inventory) with C(interfaces=true), as
        C(groups['vms'] | map('extract', hostvars)).
    type: list
    elements: dict
    required: true
  vlans:
    description: VLANs that get a portgroup though no interface is in them, as C(/api/ipam/vlans/) gives them.
    type: list
    elements: dict
    default: []
  prefixes:
    description:
      - Prefixes, as C(/api/ipam/prefixes/) gives them. One that is active, of no VLAN and without another one in it
        becomes a network.
      - Its description is the name, where that is one and no other prefix has it.
    type: list
    elements: dict
    default: []
  addresses:
    description:
      - IP addresses, as C(/api/ipam/ip-addresses/) gives them. Hosts of the inventory plugin have theirs with them.
      - A network of a prefix never takes one of these for the host, whoever has it.
      - One with the status dhcp is whatever is free, another one is reserved.
    type: list
    elements: dict
    default: []
  bridge:
    description: Bridge of the hosts that carries the VLANs. Without it what is in VLANs is left out.
    type: str
    default: ""
  network:
    description: Name of the network that offers it.
    type: str
    default: lan
  forward:
    description: How networks of prefixes forward. Without it they are left out.
    type: str
    choices: [nat, route, open, isolated]
  filter:
    description: Filter of every interface, which is given its IPv4 addresses, such as V(clean-traffic).
    type: str
    default: ""
"""

EXAMPLES = r"""
# not run by the tests: needs NetBox
- name: Read NetBox
  ansible.builtin.uri:
    url: "https://netbox.example.net/api/{{ item }}/?limit=0"
    headers:
      Authorization: "Token {{ netbox_token }}"
  loop: [virtualization/interfaces, ipam/ip-addresses]
  register: read

# not run by the tests: needs NetBox
- name: Have the guests' cards as NetBox says
  virtnet.libvirt.topology:
    networks: "{{ wanted.networks }}"
    interfaces: "{{ wanted.interfaces }}"
  vars:
    wanted: "{{ read.results[0].json.results
      | virtnet.libvirt.from_netbox(addresses=read.results[1].json.results, bridge='br0') }}"
"""

RETURN = r"""
_value:
  description: The items, and what is none.
  type: dict
  contains:
    networks:
      description: Networks, first those of prefixes.
      type: list
      elements: dict
    interfaces:
      description: Interfaces of guests.
      type: list
      elements: dict
    left_out:
      description: What was left out, and why, a text each.
      type: list
      elements: str
      sample: ["interface eth1 of web has no MAC address, by which it is known"]
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.libvirt.plugins.plugin_utils._fleet.netbox import FORWARD, Wanted, topology_of


def from_netbox(cards: list, vlans: list | None = None, prefixes: list | None = None, addresses: list | None = None,
                bridge: str = "", network: str = "lan", forward: str | None = None, filter: str = "") -> dict[str, Any]:
    """Networks, interfaces, and what was left out."""
    try:
        for option, value in (("_input", cards), ("vlans", vlans), ("prefixes", prefixes), ("addresses", addresses)):
            if not isinstance(value or [], list) or not all(isinstance(one, dict) for one in value or []):
                raise ValueError("%s: give a list of dictionaries, the results of NetBox's API" % option)
        if forward not in (None, *FORWARD):
            raise ValueError("forward: %s is not allowed; give one of %s" % (forward, ", ".join(FORWARD)))
        return vars(topology_of(cards, vlans or [], prefixes or [], addresses or [],
                                Wanted(bridge, network, forward or "", filter)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = "%s is missing" % error if isinstance(error, KeyError) else error
        raise AnsibleFilterError("from_netbox: %s" % said) from error


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"from_netbox": from_netbox}
