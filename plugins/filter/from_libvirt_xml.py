# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: from_libvirt_xml
short_description: The module options that say the same as a libvirt document
author:
  - virtnet.libvirt contributors (@virtnet)
version_added: 0.1.0
description:
  - Turns a libvirt XML document into the options of the module that manages such objects,
    so that XML files can become YAML without a host.
  - The root element decides which module it is. A C(network) becomes the options of M(virtnet.libvirt.network),
    a C(networkport) those of M(virtnet.libvirt.network_port), an C(interface) those of M(virtnet.libvirt.interface),
    a C(filter) those of M(virtnet.libvirt.nwfilter), a C(filterbinding) those of M(virtnet.libvirt.nwfilter_binding).
positional: _input
requirements:
  - lxml on the controller
options:
  _input:
    description: The document.
    type: str
    required: true
notes:
  - Elements that the collection does not know are left out, with a warning.
seealso:
  - plugin: virtnet.libvirt.to_libvirt_xml
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show a network that was written as XML as YAML
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'lab.xml') | virtnet.libvirt.from_libvirt_xml }}"
"""

RETURN = r"""
_value:
  description: The options of the module.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.registry import DOCUMENTS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.known import unknown
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import LXML_ERROR, load_xml


def from_libvirt_xml(text: str) -> dict:
    """The options that a libvirt document states."""
    if LXML_ERROR:
        raise AnsibleFilterError("from_libvirt_xml needs the Python library lxml on the controller: %s" % LXML_ERROR)
    if not isinstance(text, str):
        raise AnsibleFilterError("from_libvirt_xml takes a document as text, not %s" % type(text).__name__)
    try:
        root = load_xml(text)
        document = next((document for document in DOCUMENTS.values() if document.at == root.tag), None)
        if document is None:
            raise Invalid(str(root.tag), "no such document; there are %s"
                          % ", ".join(document.at for document in DOCUMENTS.values()))
        options = document.check(document.parse(root), whole=False)
    except Invalid as error:
        raise AnsibleFilterError("from_libvirt_xml: %s" % error) from None
    for place in unknown(document, root):
        Display().warning("from_libvirt_xml: %s is not known and left out" % place)
    return options


class FilterModule:
    """The filter as Ansible finds it."""

    def filters(self) -> dict:
        """Names and functions."""
        return {"from_libvirt_xml": from_libvirt_xml}
