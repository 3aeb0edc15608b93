#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sriov_info
short_description: Show SR-IOV cards and their virtual functions
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Gives the physical functions of the host as M(virtnet.libvirt.sriov) takes them, so that giving one back is no
    change.
  - Says what is in the way of giving virtual functions to guests, and what to do about it.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
options:
  names:
    description: Network devices or PCI addresses of the physical functions; without it all.
    type: list
    elements: str
seealso:
  - module: virtnet.libvirt.sriov
"""

EXAMPLES = r"""
- name: Read all physical functions
  virtnet.libvirt.sriov_info:
  register: found

# not run by the tests: needs a card with SR-IOV
- name: Nothing is in the way of giving virtual functions to guests
  ansible.builtin.assert:
    that: problems == []
    fail_msg: "{{ problems | join('; ') }}"
  vars:
    problems: "{{ found.host.problems + found.functions | map(attribute='status.problems') | flatten }}"
"""

RETURN = r"""
host:
  description: What concerns the whole host.
  type: dict
  returned: success
  contains:
    iommu:
      description: Whether the IOMMU is on, without which no device can be given to a guest.
      type: bool
      returned: always
    vfio_pci:
      description: Whether the kernel has the driver C(vfio-pci), loaded or not.
      type: bool
      returned: always
    kernel_options:
      description: What switches the IOMMU of this processor on, on the kernel's command line.
      type: str
      returned: always
      sample: intel_iommu=on iommu=pt
    problems:
      description: What is in the way, and what to do about it.
      type: list
      elements: str
      returned: always
functions:
  description: The physical functions in the order of their addresses. Options are those of M(virtnet.libvirt.sriov).
  type: list
  elements: dict
  returned: success
  contains:
    address:
      description: PCI address.
      type: str
      returned: always
    num_vfs:
      description: Number of virtual functions.
      type: int
      returned: always
    drivers_autoprobe:
      description: Whether the host binds drivers to new virtual functions.
      type: bool
      returned: always
    vfs:
      description: The virtual functions with the settings that the driver reports.
      type: list
      elements: dict
      returned: always
    status:
      description: What can only be read.
      type: dict
      returned: always
      contains:
        device:
          description: Network device, null without one.
          type: str
          returned: always
        driver:
          description: Driver, null without one.
          type: str
          returned: always
        id:
          description: Vendor and device in hexadecimal.
          type: str
          returned: always
          sample: "8086:1572"
        total_vfs:
          description: Number of virtual functions that the card can have.
          type: int
          returned: always
        numa_node:
          description: NUMA node of the card, null where there is none.
          type: int
          returned: always
        up:
          description: Whether the network device is set up.
          type: bool
          returned: always
        carrier:
          description: Whether it has a link, null without a network device.
          type: bool
          returned: always
        networks:
          description: Active networks of libvirt that hand out its virtual functions.
          type: list
          elements: str
          returned: always
        boot:
          description: What a boot brings back with O(virtnet.libvirt.sriov#module:persist), null for nothing.
          type: dict
          returned: always
        owners:
          description: Who else sets up its virtual functions at boot, each with C(who) and C(file).
          type: list
          elements: dict
          returned: always
        problems:
          description: What is in the way, and what to do about it.
          type: list
          elements: str
          returned: always
        vfs:
          description: The virtual functions.
          type: list
          elements: dict
          returned: always
          contains:
            index:
              description: Its number, from 0.
              type: int
              returned: always
            address:
              description: PCI address.
              type: str
              returned: always
            device:
              description: Network device of the host, null without one.
              type: str
              returned: always
            iommu_group:
              description: Its IOMMU group, null without an IOMMU.
              type: int
              returned: always
            shares_group_with:
              description: PCI addresses of other devices in that group, bridges aside.
              type: list
              elements: str
              returned: always
            used_by:
              description: What uses it, such as C(guest web) or C(device br0, of which eth7 is a member).
              type: list
              elements: str
              returned: always
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.describe import (
    describe_function,
    describe_host,
    names_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    Module,
    read_only,
    reading_spec,
    wanted_names,
)


def main() -> None:
    """Reads physical functions."""
    module = Module(
        argument_spec=reading_spec(names={"type": "list", "elements": "str"}),
        supports_check_mode=True,
    )

    def read(seen: Snapshot) -> dict:
        names = names_of(seen)
        addresses = list(seen.physical_functions)
        if module.params["names"] is not None:
            addresses = [names[name] for name in wanted_names(module, list(names), "physical function")]
        return {"host": describe_host(seen), "functions": [describe_function(seen, address) for address in addresses]}

    read_only(module, read)


if __name__ == "__main__":
    main()
