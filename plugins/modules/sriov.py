#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sriov
short_description: Manage the virtual functions of SR-IOV cards
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Sets how many virtual functions a physical function of the host has, and what each is like, by netlink and sysfs.
  - The physical function is named by its O(device), its O(address) or a O(match).
  - What the task does not mention stays as it is. A setting that the driver does not report is refused, since nobody
    could tell whether it is so.
  - libvirt says which guests hold virtual functions. O(uri) must be a libvirt of the host itself.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.sriov
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the physical function before and after as YAML. What the next boot brings back stands under
      C(boot).
options:
  state:
    description:
      - V(present) has the virtual functions as the options say.
      - V(absent) has none, now and after a boot.
    type: str
    choices: [present, absent]
    default: present
  persist:
    description:
      - V(true) has a boot bring back what this task states, before libvirt starts. What earlier tasks with it stated is
        kept. The physical function is found by its PCI address.
      - V(false) has a boot bring nothing back. Without it, that stays as it is.
      - It is refused when NetworkManager, netplan, nmstate, systemd-networkd, udev or another unit sets up the virtual
        functions of this physical function at boot.
    type: bool
  force:
    description:
      - Whether virtual functions are changed or destroyed though they are in use, by a running guest, the driver
        C(vfio-pci), a port of a network, another device such as a bridge, an address, or another network namespace.
      - Guests are asked to let them go before they are destroyed, and lose the network.
    type: bool
    default: false
  status:
    description: Ignored. It is here so that a function of M(virtnet.libvirt.sriov_info) can be given as it is.
    type: dict
seealso:
  - module: virtnet.libvirt.sriov_info
  - module: virtnet.libvirt.network
  - name: PCI Express I/O Virtualization Howto
    description: How the kernel makes virtual functions.
    link: https://docs.kernel.org/PCI/pci-iov-howto.html
"""

EXAMPLES = r"""
# not run by the tests: needs a card with SR-IOV
- name: Eight virtual functions, now and after a boot
  virtnet.libvirt.sriov:
    device: enp59s0f0
    up: true
    num_vfs: 8
    persist: true

# not run by the tests: needs a card with SR-IOV
- name: Settings of two of them
  virtnet.libvirt.sriov:
    address: "0000:3b:00.0"
    vfs:
      - index: 0
        mac: "52:54:00:00:00:10"
        vlan:
          id: 42
        max_tx_rate: 1000
      - index: 1
        trust: true
        spoof_check: false
        driver: vfio-pci

# not run by the tests: needs a card with SR-IOV
- name: A pool of them for guests
  virtnet.libvirt.network:
    name: fast
    state: active
    forward:
      mode: hostdev
      managed: true
      pf:
        dev: enp59s0f0

# not run by the tests: needs a card with SR-IOV
- name: None any more
  virtnet.libvirt.sriov:
    match:
      id: "8086:1572"
    state: absent
"""

RETURN = r"""
changed:
  description: Whether anything was changed.
  type: bool
  returned: always
steps:
  description: What was done, in order; in check mode what would be.
  type: list
  elements: str
  returned: success
  sample: ["change the number of virtual functions of enp59s0f0 from 0 to 8"]
drift:
  description: Where the host differed from what the task says, each with C(layer) (C(kernel) or C(boot)), C(path),
    C(desired), C(current).
  type: list
  elements: dict
  returned: success
restart_required:
  description: Always V(false); all takes effect at once.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
sriov:
  description: The physical function as this module takes it.
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.sriov import NAMING, SRIOV
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one physical function."""
    module = DocumentModule(
        SRIOV,
        argument_spec=argument_spec(
            status={"type": "dict"},
            **settings_spec("sriov"),
            **options_spec(SRIOV),
        ),
        mutually_exclusive=[NAMING],
        required_one_of=[NAMING],
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "sriov"), stated_options(module, SRIOV)))


if __name__ == "__main__":
    main()
