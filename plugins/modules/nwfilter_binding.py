#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter_binding
short_description: Put libvirt network filters on network devices
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Filters a network device that no guest of libvirt owns, such as the host's end of a container's veth pair or a tap
    of another program.
  - That the device, the filter and values for all variables exist is checked before anything is touched. libvirt
    itself takes a binding without them and filters nothing.
  - libvirt cannot change a binding. It is removed and made again, and for that moment the device has no filter.
  - Source of the options is libvirt's filter binding document, which libvirt itself does not describe.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.nwfilter_binding
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the binding before and after as YAML.
options:
  state:
    description: V(present) has the device filtered, V(absent) not.
    type: str
    choices: [present, absent]
    default: present
  force:
    description:
      - Whether the binding of a running guest is replaced or removed.
      - libvirt made it, and the guest's own definition says which filter it has.
    type: bool
    default: false
  xml:
    description:
      - A filter binding document, in place of the options. It means what the same options mean.
    type: str
  status:
    description:
      - Ignored. It is here so that a binding of M(virtnet.libvirt.nwfilter_binding_info) can be given as it is.
    type: dict
seealso:
  - module: virtnet.libvirt.nwfilter
  - module: virtnet.libvirt.nwfilter_binding_info
"""

EXAMPLES = r"""
- name: A container cannot spoof its addresses
  virtnet.libvirt.nwfilter_binding:
    portdev:
      name: veth-web
    mac:
      address: "52:54:00:00:00:21"
    filterref:
      filter: clean-traffic
      parameters:
        - name: IP
          value: 10.0.3.21
        - name: IP
          value: 10.0.3.22

- name: It is not filtered any more
  virtnet.libvirt.nwfilter_binding:
    portdev:
      name: veth-web
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
  sample: [bind filter clean-traffic to veth-web]
drift:
  description: Where the binding differed from what the task says, each with C(layer), C(path), C(desired), C(current).
  type: list
  elements: dict
  returned: success
restart_required:
  description: Always V(false); a binding takes effect at once.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
nwfilter_binding:
  description: The binding as this module takes it.
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.nwfilter_binding import (
    NWFILTER_BINDING,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter_binding.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one binding."""
    module = DocumentModule(
        NWFILTER_BINDING,
        argument_spec=argument_spec(
            status={"type": "dict"},
            xml={"type": "str"},
            **settings_spec("nwfilter_binding"),
            **options_spec(NWFILTER_BINDING),
        ),
        required_one_of=[("portdev", "xml")],
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "nwfilter_binding"),
                                         stated_options(module, NWFILTER_BINDING)))


if __name__ == "__main__":
    main()
