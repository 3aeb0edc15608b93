#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nwfilter
short_description: Manage libvirt network filters
version_added: 0.1.0
author:
  - virtnet.libvirt contributors (@virtnet)
description:
  - Most tasks give O(name) and O(entries), each with O(entries[].filterref.filter) of a filter that libvirt brings, or
    an O(entries[].rule) with O(entries[].rule.action), O(entries[].rule.direction) and one protocol, such as
    O(entries[].rule.tcp), O(entries[].rule.udp), O(entries[].rule.icmp) or O(entries[].rule.all).
  - Makes a network filter as it is described here, and changes it only when it says something else.
  - A change of a filter takes effect at once on all guests and devices that it filters.
  - What libvirt takes without doing it is refused before anything is touched. That is a reference to a filter that is
    missing, a loop of references, a protocol that does not belong to its chain, and attributes that libvirt loses or
    takes for their opposite.
  - Options that are left out are left as they are. Empty options (C({}), C([]), V("")) remove what they name. A list
    is the whole list.
  - Source of the options is libvirt's "Network Filters".
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.changes
  - virtnet.libvirt.nwfilter
attributes:
  check_mode:
    support: full
    description: Reports the steps and the difference of the real run.
  diff_mode:
    support: full
    description: Shows the filter before and after as YAML.
options:
  state:
    description:
      - V(present) has the filter defined, V(absent) removed.
      - Removing is refused while another filter, a guest or a binding refers to the filter. libvirt itself would
        remove it from under them.
    type: str
    choices: [present, absent]
    default: present
  force:
    description: Whether a filter is removed though it is referred to.
    type: bool
    default: false
  allow_missing_references:
    description: Whether the filter may refer to filters that are not there yet.
    type: bool
    default: false
  purge:
    description: Whether options that are left out are removed; the uuid is kept.
    type: bool
    default: false
  xml:
    description:
      - A filter document, in place of the options. It means what the same options mean.
      - Only O(name) can be given with it.
    type: str
  status:
    description: Ignored. It is here so that a filter of M(virtnet.libvirt.nwfilter_info) can be given as it is.
    type: dict
seealso:
  - module: virtnet.libvirt.nwfilter_info
  - module: virtnet.libvirt.nwfilter_binding
  - name: Network Filters
    description: The document behind the options.
    link: https://libvirt.org/formatnwfilter.html
"""

EXAMPLES = r"""
- name: No spoofing, SSH and HTTP in, pings out, and nothing else
  virtnet.libvirt.nwfilter:
    name: web-server
    entries:
      - filterref:
          filter: clean-traffic
      - rule:
          action: accept
          direction: in
          tcp:
            - dstportstart: 22
      - rule:
          action: accept
          direction: in
          tcp:
            - dstportstart: 80
      - rule:
          action: accept
          direction: out
          icmp:
            - type: 8
      - rule:
          action: accept
          direction: in
          icmp:
            - type: 0
      - rule:
          action: drop
          direction: inout
          all:
            - {}

- name: Only ARP replies that are meant for the guest; two elements of one protocol
  virtnet.libvirt.nwfilter:
    name: my-arp
    chain: arp-mine
    priority: -490
    entries:
      - rule:
          action: drop
          direction: in
          priority: 450
          arp:
            - opcode: Reply
            - match: false
              arpdstmacaddr: $MAC

- name: Let a list of addresses in, each with a port of its own
  virtnet.libvirt.nwfilter:
    name: pairs
    entries:
      - rule:
          action: accept
          direction: in
          tcp:
            - srcipaddr: $PEER
              dstportstart: $PORT[@0]

- name: A filter that was written as XML
  virtnet.libvirt.nwfilter:
    xml: "{{ lookup('ansible.builtin.file', 'filter.xml') }}"

- name: Remove a filter
  virtnet.libvirt.nwfilter:
    name: web-server
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
  sample: [change filter web-server]
drift:
  description: Where the filter differed from what the task says, each with C(layer), C(path), C(desired), C(current).
  type: list
  elements: dict
  returned: success
restart_required:
  description: Always V(false); a change takes effect at once.
  type: bool
  returned: success
restarts:
  description:
    - What has to be started again before all is in force, each with C(kind) (V(guest) or V(network)), C(name) and
      C(why).
  type: list
  elements: dict
  returned: success
rebuilt_bindings:
  description: The devices whose rules were built anew, since the filter is on them itself or by reference.
  type: list
  elements: str
  returned: success, but in check mode where something is missing that an earlier task may make
  sample: [vnet0, vnet3]
nwfilter:
  description: The filter as this module takes it.
  type: dict
  returned: success
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.nwfilter import NWFILTER
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.settings import settings_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.nwfilter.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    argument_spec,
    converge_one,
    settings_of,
    stated_options,
)


def main() -> None:
    """Converges one filter."""
    module = DocumentModule(
        NWFILTER,
        argument_spec=argument_spec(
            status={"type": "dict"},
            xml={"type": "str"},
            **settings_spec("nwfilter"),
            **options_spec(NWFILTER),
        ),
        required_one_of=[("name", "xml")],
        supports_check_mode=True,
    )
    converge_one(module, lambda: wish_of(settings_of(module, "nwfilter"), stated_options(module, NWFILTER)))


if __name__ == "__main__":
    main()
