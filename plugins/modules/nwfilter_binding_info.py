#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter_binding_info
short_description: Show which network devices libvirt filters
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Gives filter bindings as M(virtnet.libvirt.nwfilter_binding) takes them, so that giving one back is no change.
  - Those of running guests are among them.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
options:
  names:
    description: Names of the devices; without it all.
    type: list
    elements: str
seealso:
  - module: virtnet.libvirt.nwfilter_binding
"""

EXAMPLES = r"""
- name: Read all bindings
  virtnet.libvirt.nwfilter_binding_info:
  register: found

- name: Show those of devices that are gone
  ansible.builtin.debug:
    msg: "{{ found.nwfilter_bindings | rejectattr('status.device_exists') | map(attribute='portdev.name') | list }}"
"""

RETURN = r"""
nwfilter_bindings:
  description: The bindings by device. Options are those of M(virtnet.libvirt.nwfilter_binding).
  type: list
  elements: dict
  returned: success
  contains:
    portdev:
      description: The device.
      type: dict
      returned: always
    filterref:
      description: The filter and its parameters.
      type: dict
      returned: always
    status:
      description: What can only be read.
      type: dict
      returned: always
      contains:
        left_out:
          description:
            - What libvirt holds and no task can say, each with the option, the value and what a task may give.
            - It stays as it is when the rest is given back.
          type: list
          elements: str
          returned: always
        backend:
          description: The firewall that has the rules, null where libvirt does not say it (before 12.8).
          type: str
          returned: always
        device_exists:
          description: Whether the host has the device, null when that is not known.
          type: bool
          returned: always
        guest:
          description: The running guest that the device belongs to, null for others.
          type: str
          returned: always
        drift:
          description:
            - Rules of the filter that somebody took away, each with C(layer), C(path), C(desired) and C(current).
              How many there are to be is known from below only.
          type: list
          elements: dict
          returned: always
        variables:
          description: The variables that the filter needs.
          type: list
          elements: str
          returned: always
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.describe import (
    describe_binding,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    Module,
    read_only,
    reading_spec,
    wanted_names,
)


def main() -> None:
    """Reads bindings."""
    module = Module(
        argument_spec=reading_spec(names={"type": "list", "elements": "str"}),
        supports_check_mode=True,
    )

    def read(seen: Snapshot) -> dict:
        names = wanted_names(module, sorted(seen.get("bindings")), "binding of")
        return {"nwfilter_bindings": [describe_binding(seen, name) for name in names]}

    read_only(module, read)


if __name__ == "__main__":
    main()
