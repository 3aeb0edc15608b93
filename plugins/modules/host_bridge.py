#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_bridge
short_description: Change a bridge of the host that its network service keeps, with a way back
version_added: 1.0.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Puts the files of systemd-networkd, NetworkManager or ifupdown for a bridge of the host in place, has it apply them,
    and waits until the bridge is there and its uplink in it. What of that fails, or is not confirmed, is put back.
  - The role P(virtnet.libvirt.host_bridge#role) writes these files and calls this module, first on O(trial) with
    O(confirm), so that the host does not lose its connection for good, then to have a boot bring it back. Most people
    want the role.
  - Needs root, and systemd-networkd of systemd 250 or later, NetworkManager 1.42 or later, or ifupdown (not
    ifupdown2).
    O(uri) must be a libvirt of the host itself.
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.host_bridge
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the files before and after, and what the kernel has.
options:
  state:
    description:
      - V(present) has the bridge with its uplink.
      - V(absent) has the uplink out of it, and the bridge and its files gone; on O(trial) only the uplink is out.
    type: str
    choices: [present, absent]
    default: present
  trial:
    description:
      - Whether the files stand below C(/run), where a boot forgets them and those below C(/etc) apply again. Only
        those that differ from what is below C(/etc) are written there.
      - With V(false) they stand below C(/etc), and none below C(/run).
    type: bool
    default: false
  keeper:
    description: Who keeps the bridge and its uplink.
    type: str
    choices: [networkd, NetworkManager, ifupdown]
    default: networkd
seealso:
  - module: virtnet.libvirt.network
  - name: interfaces
    description: What the stanzas of ifupdown may say.
    link: https://manpages.debian.org/stable/ifupdown/interfaces.5.en.html
  - name: systemd.network
    description: What the files may say.
    link: https://www.freedesktop.org/software/systemd/man/latest/systemd.network.html
  - name: nm-settings-keyfile
    description: What the profiles may say.
    link: https://networkmanager.dev/docs/api/latest/nm-settings-keyfile.html
"""

EXAMPLES = r"""
# not run by the tests: needs systemd-networkd; the scenario lab_host_bridge of the lab does it
- name: A bridge with the card that the host is reached by, until the next boot
  virtnet.libvirt.host_bridge:
    name: br0
    uplink: eno1
    trial: true
    files:
      netdev: |
        [NetDev]
        Name=br0
        Kind=bridge
      network: |
        [Match]
        Name=br0

        [Network]
        DHCP=yes
      uplink: |
        [Match]
        Name=eno1

        [Network]
        Bridge=br0
    confirm:
      timeout: 30
      probes:
        - address: 192.0.2.1
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
  sample: ["make bridge br0 with eno1, on trial"]
drift:
  description: Where the host differed from what the task says, each with C(layer) (C(config) for files on trial,
    C(boot) for those that last, C(kernel)), C(path), C(desired), C(current). Of files it tells how long they are.
  type: list
  elements: dict
  returned: success
restart_required:
  description: Always V(false); all takes effect at once.
  type: bool
  returned: success
restarts:
  description: Always empty.
  type: list
  elements: dict
  returned: success
host_bridge:
  description: The bridge with its C(name), C(state), C(files) that last, C(files_on_trial), and C(uplink) where that
    is in it.
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.host_bridge import HOST_BRIDGE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one bridge of the host."""
    module = DocumentModule(
        HOST_BRIDGE,
        argument_spec=argument_spec(
            **settings_spec("host_bridge"),
            **options_spec(HOST_BRIDGE, True),
        ),
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "host_bridge"), stated_options(module, HOST_BRIDGE)))


if __name__ == "__main__":
    main()
