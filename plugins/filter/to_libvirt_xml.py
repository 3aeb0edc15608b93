# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: to_libvirt_xml
short_description: The libvirt document that says the same as module options
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 0.1.0
description:
  - Renders the options of a module as a libvirt XML document, without a host.
  - Options that say what to do, such as O(virtnet.libvirt.network#module:state), are left out.
positional: _input, module
requirements:
  - lxml on the controller
options:
  _input:
    description: The options of the module.
    type: dict
    required: true
  module:
    description: Name of the module that the options belong to.
    type: str
    required: true
    choices: [network, network_port, interface, nwfilter, nwfilter_binding]
seealso:
  - plugin: virtnet.libvirt.from_libvirt_xml
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the XML of a network that is kept as YAML
  ansible.builtin.copy:
    content: "{{ lab_network | virtnet.libvirt.to_libvirt_xml('network') }}"
    dest: lab.xml
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The document.
  type: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import (
    CONTROL_OPTIONS,
    DOCUMENTS,
    checked,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import prune
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import LXML_ERROR, dump_xml


def to_libvirt_xml(options: dict, module: str) -> str:
    """The document that states the options."""
    if LXML_ERROR:
        raise AnsibleFilterError("to_libvirt_xml needs the Python library lxml on the controller: %s" % LXML_ERROR)
    if module not in DOCUMENTS:
        raise AnsibleFilterError("to_libvirt_xml: no such module %s; there are %s"
                                 % (module, ", ".join(sorted(DOCUMENTS))))
    if not isinstance(options, dict):
        raise AnsibleFilterError("to_libvirt_xml takes options as a dictionary, not %s" % type(options).__name__)
    document = DOCUMENTS[module]
    stated = {name: value for name, value in prune(options).items()
              if name not in CONTROL_OPTIONS or document.node(name)}
    try:
        return dump_xml(document.render(checked(module, stated)))
    except Invalid as error:
        raise AnsibleFilterError("to_libvirt_xml: %s" % error) from None


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"to_libvirt_xml": to_libvirt_xml}
