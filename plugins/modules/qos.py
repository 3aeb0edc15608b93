#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: qos
short_description: Manage the bandwidth of libvirt networks and guest interfaces
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Manages the bandwidth, and nothing else, of a network, a portgroup, a port or a guest's interface.
  - libvirt counts rates in kilobytes of 1000 bytes per second and bursts in KiB. A number stands for that. With a unit
    (C(10Mbit/s), C(1.5Gbit), C(2MB/s), C(2MiB), for bursts C(512KiB)) it is converted and rounded to a whole number.
    A small b without C(it), as in C(10Mbps), is refused, for it is said of bits and of bytes.
  - Inbound is what guests receive, outbound what they send. A direction that is left out stays as it is, an empty one
    (C({})) is taken away.
  - The limits that the kernel has are compared too. libvirt sets those of a guest again; those of a network need its
    restart. Of Open vSwitch those of guests are compared (libvirt 9.0 and later), those of networks are not.
  - A floor is refused where the network has no inbound average, or where the floors of its ports come to more than its
    inbound peak, or average without one.
  - Source of the options is libvirt's "Network XML format", "Quality of service".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.aspect
  - virtnet.libvirt.qos
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the bandwidth before and after as YAML.
seealso:
  - module: virtnet.libvirt.network
  - module: virtnet.libvirt.interface
  - module: virtnet.libvirt.vlan
"""

EXAMPLES = r"""
- name: All guests of a network together
  virtnet.libvirt.qos:
    network: lab
    inbound: {average: 100Mbit/s, peak: 1Gbit/s, burst: 2MB}
    outbound: {average: 100Mbit/s}

- name: Every guest that is connected to a portgroup from now on
  virtnet.libvirt.qos:
    network: lab
    portgroup: slow
    outbound: {average: 5Mbit/s}

# not run by the tests: needs a kernel with sch_sfq
- name: A guest that is running, of which at least 10 Mbit/s are kept for it
  virtnet.libvirt.qos:
    domain: web
    mac: "52:54:00:00:00:21"
    inbound: {average: 50Mbit/s, floor: 10Mbit/s}

- name: No limits
  virtnet.libvirt.qos:
    domain: web
    mac: "52:54:00:00:00:21"
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
drift:
  description: Where reality differed from what the task says, each with C(layer), C(path), C(desired), C(current).
  type: list
  elements: dict
  returned: success
restart_required:
  description: Whether something waits until the network or a guest is started again. A warning says what.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
qos:
  description: The bandwidth as this module takes it, rates in kilobytes per second, bursts in KiB.
  type: dict
  returned: success
  sample: {network: lab, inbound: {average: 12500, peak: 125000, burst: 1953}}
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.aspects import QOS, TARGET_OPTIONS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.aspect.resource import stated_aspect
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
)


def main() -> None:
    """Converges the bandwidth of one target."""
    module = DocumentModule(
        QOS,
        argument_spec=argument_spec(**TARGET_OPTIONS, **options_spec(QOS)),
        supports_check_mode=True,
    )
    converge_one(module, lambda: stated_aspect("qos", QOS, module.params))


if __name__ == "__main__":
    main()
