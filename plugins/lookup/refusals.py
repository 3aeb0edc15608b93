# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: refusals
short_description: What is wrong with the variables of a role
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 0.1.0
description:
  - Tells which variables are not of the form that they must have, one message each, so that a role can refuse them
    before anything is touched.
  - The roles of this collection begin with it. Most forms are those of options of modules; names of devices are
    held against what the kernel takes.
options:
  _terms:
    description:
      - One dictionary of forms by variable, such as C(host_bridge_name) and C(bridge).
      - C(name[]) stands for each element of a list, C(name.key) for one of a dictionary. C(or nothing) behind a form
        also allows an empty value, or none.
      - Forms are C(text), C(name), C(uri), C(package), C(device), C(bridge), C(pci), C(pci_id), C(driver), C(address),
        C(ipv4), C(ipv6), C(ipv4_subnet), C(ipv6_subnet), C(mac), C(duid), C(dns_name), C(path), C(relative),
        C(repository), C(calendar), C(vlan), C(mtu), C(count) and C(seconds).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the variables
  ansible.builtin.assert:
    that: __refused | length == 0
    fail_msg: "{{ __refused | first | default('') }}"
  vars:
    __refused: "{{ lookup('virtnet.libvirt.refusals', forms, wantlist=true) }}"
    forms:
      my_name: bridge
      my_addresses[]: address
    my_name: br0
    my_addresses: [192.0.2.1]
"""

RETURN = r"""
_raw:
  description: A message for each value that is not allowed, which names the variable, the value and what is allowed.
  type: list
  elements: str
"""

from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.role_values import refusals


class LookupModule(LookupBase):
    """The lookup as Ansible finds it."""

    def run(self, terms: list, variables: dict | None = None, **kwargs: object) -> list:
        """The messages."""
        forms = terms[0]
        names = sorted({path.split(".")[0].split("[")[0] for path in forms})
        lookup = lookup_loader.get("ansible.builtin.vars", loader=self._loader, templar=self._templar)
        return refusals(forms, dict(zip(names, lookup.run(names, variables, default=""))))
