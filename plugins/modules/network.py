#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Manage libvirt virtual networks
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Most tasks give O(name), O(state), O(autostart), O(forward.mode), O(bridge.name), O(ips[].address),
    O(ips[].dhcp.ranges), O(ips[].dhcp.hosts), O(domain.name), O(mtu.size), and O(portgroups) for VLANs. All else is for
    what is seldom needed.
  - Makes a virtual network as it is described here, in libvirt's persistent configuration, in libvirt's running
    definition and in the kernel, and changes only what differs.
  - What can be changed while the network runs is changed while it runs. DHCP reservations and ranges, DNS records,
    portgroups and forward interfaces are single entries to libvirt, and guests notice nothing.
  - A bridge, address, route or tap that the kernel has lost is put back.
  - Options that are left out are left as they are. Empty options (C({}), C([]), V("")) remove what they name. A list
    is the whole list.
  - Source of the options is libvirt's "Network XML format".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.network
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the network before and after as YAML, with what differs in the running definition and the kernel.
options:
  state:
    description:
      - V(present) has the network defined, and leaves it running or not.
      - V(active) has it defined and running, V(inactive) defined and not running.
      - V(absent) has it stopped and removed. Guests that use it lose their connection, which a warning says.
    type: str
    choices: [present, absent, active, inactive]
    default: present
  autostart:
    description: Whether the network starts with the host. Without it that is left as it is.
    type: bool
  persistent:
    description:
      - Whether the network is kept when it stops. A transient one (V(false)) needs O(state=active).
      - Without it an existing network is left as it is, and a new one is kept. One that became transient, as
        C(virsh net-undefine) makes of one that runs, is kept again where O(autostart=true) or O(state=inactive) needs
        it.
    type: bool
  restart:
    description:
      - What to do when a change of a running network is only in force after it was stopped and started.
      - V(when_idle) restarts it when no guest uses it, else changes the configuration only and returns
        RV(restart_required).
      - V(always) restarts it and connects the guests again. They are offline for about half a second, and for over four
        seconds with O(bridge.stp), which libvirt switches on by default, since a port then listens and learns before
        it forwards. The guests themselves are not touched. When the new network does not start, the old one is put
        back. Where only a restart of libvirt's daemon puts firewall rules or dnsmasq back, it is done too; networks and
        guests go on.
      - V(never) changes the configuration only.
    type: str
    choices: [when_idle, always, never]
    default: when_idle
  purge:
    description: Whether options that are left out are removed; what libvirt made up (uuid, bridge name, MAC) is kept.
    type: bool
    default: false
  xml:
    description:
      - A network document, in place of the options. It means what the same options mean.
      - Only O(name) can be given with it.
    type: str
  status:
    description: Ignored. It is here so that a network of M(virtnet.libvirt.network_info) can be given as it is.
    type: dict
seealso:
  - module: virtnet.libvirt.network_info
  - name: Network XML format
    description: The document behind the options.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: A NAT network with DHCP, running now and after a boot
  virtnet.libvirt.network:
    name: lab
    state: active
    autostart: true
    forward:
      mode: nat
    ips:
      - address: 192.168.150.1
        prefix: 24
        dhcp:
          ranges:
            - start: 192.168.150.100
              end: 192.168.150.199
          hosts:
            - mac: "52:54:00:00:00:01"
              ip: 192.168.150.11
              name: one

- name: An isolated network without addresses, where guests speak IPv6 among themselves
  virtnet.libvirt.network:
    name: backplane
    state: active
    ipv6: true
    bridge:
      name: virbr-back

- name: A routed network, IPv4 and IPv6, with a route by way of a guest
  virtnet.libvirt.network:
    name: routed
    state: active
    forward:
      mode: route
      dev: eth0
    ips:
      - address: 10.20.0.1
        netmask: 255.255.255.0
      - family: ipv6
        address: 2001:db8:20::1
        prefix: 64
    routes:
      - address: 10.21.0.0
        prefix: 16
        gateway: 10.20.0.2

- name: A routed network without firewall rules of libvirt
  virtnet.libvirt.network:
    name: open
    forward:
      mode: open
    ips:
      - address: 10.30.0.1
        prefix: 24

- name: A bridge of the host
  virtnet.libvirt.network:
    name: lan
    state: active
    forward:
      mode: bridge
    bridge:
      name: br0

- name: An Open vSwitch bridge with a portgroup for each VLAN
  virtnet.libvirt.network:
    name: ovs
    state: active
    forward:
      mode: bridge
    bridge:
      name: ovsbr0
    virtualport:
      type: openvswitch
    portgroups:
      - name: office
        default: true
        vlan:
          tags:
            - id: 10
      - name: trunk
        vlan:
          trunk: true
          tags:
            - id: 10
              native_mode: untagged
            - id: 20

- name: Guests directly on a network card by macvtap (private and vepa work alike)
  virtnet.libvirt.network:
    name: macvtap
    forward:
      mode: bridge
      interfaces:
        - dev: eth1

- name: Each guest alone on a virtual function by macvtap
  virtnet.libvirt.network:
    name: passthrough
    forward:
      mode: passthrough
      pf:
        dev: eth2

# not run by the tests: needs a card with SR-IOV
- name: Virtual functions given to guests as PCI devices
  virtnet.libvirt.network:
    name: sriov
    forward:
      mode: hostdev
      managed: true
      addresses:
        - {bus: "0x03", slot: "0x10", function: "0x1"}
        - {bus: "0x03", slot: "0x10", function: "0x3"}

- name: The larger MTU needs a restart, and guests are connected again
  virtnet.libvirt.network:
    name: lab
    restart: always
    mtu:
      size: 9000

- name: Do not serve DHCP any more
  virtnet.libvirt.network:
    name: lab
    ips:
      - address: 192.168.150.1
        prefix: 24

- name: A network that was written as XML
  virtnet.libvirt.network:
    xml: "{{ lookup('ansible.builtin.file', 'legacy.xml') }}"
    state: active

- name: Remove a network
  virtnet.libvirt.network:
    name: lab
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
  sample: [define network lab, start network lab, switch autostart of network lab on]
drift:
  description:
    - Where reality differed from what the task says.
    - The C(layer) is V(config) for libvirt's configuration, V(live) for its running definition, V(kernel) for the
      kernel. C(path) is the option. C(desired) and C(current) are the values, null for nothing there.
  type: list
  elements: dict
  returned: success
  sample: [{"layer": "kernel", "path": "ips[0].address", "desired": "192.168.150.1/24", "current": null}]
restart_required:
  description: Whether a part of the configuration is only in force after the network was restarted.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
network:
  description: The network as this module takes it, with what libvirt made up.
  type: dict
  returned: success
  sample: {"name": "lab", "uuid": "3e3fce45-4f53-4fa7-bb32-11f34168b82b", "state": "active", "autostart": true}
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one network."""
    module = DocumentModule(
        NETWORK,
        argument_spec=argument_spec(
            status={"type": "dict"},
            xml={"type": "str"},
            **settings_spec("network"),
            **options_spec(NETWORK),
        ),
        required_one_of=[("name", "xml")],
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "network"), stated_options(module, NETWORK)))


if __name__ == "__main__":
    main()
