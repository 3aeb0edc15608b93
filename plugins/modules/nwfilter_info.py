#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter_info
short_description: Show libvirt network filters
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Gives network filters as M(virtnet.libvirt.nwfilter) takes them, so that giving one back to it is no change.
  - With each come the tree of its references, the variables that the whole tree needs, and what uses it.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.reads
options:
  names:
    description: Names of the filters; without it all.
    type: list
    elements: str
seealso:
  - module: virtnet.libvirt.nwfilter
"""

EXAMPLES = r"""
- name: Read the filters that come with libvirt
  virtnet.libvirt.nwfilter_info:
    names: [clean-traffic, allow-dhcp-server]
  register: found

- name: Show which variables they need
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.status.variables }}"
  loop: "{{ found.nwfilters }}"
"""

RETURN = r"""
nwfilters:
  description: The filters by name. Options are those of M(virtnet.libvirt.nwfilter).
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the filter.
      type: str
      returned: always
    uuid:
      description: UUID of the filter.
      type: str
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
        tree:
          description:
            - The filter with its references, each with C(name), C(missing) and C(references).
            - The last is null where the tree goes on below 50 levels, or beyond 10000 references.
          type: dict
          returned: always
        variables:
          description: The variables that the whole tree needs, each with C(name) and C(filled_by_libvirt).
          type: list
          elements: dict
          returned: always
        referenced_by:
          description: Names of the filters that refer to it.
          type: list
          elements: str
          returned: always
        guests:
          description: Interfaces of guests that refer to it, each with C(domain), C(mac) and C(interface).
          type: list
          elements: dict
          returned: always
        bindings:
          description: Devices that it filters, itself or by reference.
          type: list
          elements: str
          returned: always
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.describe import (
    describe_filter,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    Module,
    read_only,
    reading_spec,
    wanted_names,
)


def main() -> None:
    """Reads filters."""
    module = Module(
        argument_spec=reading_spec(names={"type": "list", "elements": "str"}),
        supports_check_mode=True,
    )

    def read(seen: Snapshot) -> dict:
        names = wanted_names(module, sorted(seen.get("nwfilters")), "filter")
        return {"nwfilters": [describe_filter(seen, name) for name in names]}

    read_only(module, read)


if __name__ == "__main__":
    main()
