#!/usr/bin/python
# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: put_back
short_description: Put back what tasks that were cut off had begun
description:
  - A task of this collection that dies is taken back by its guardian within seconds. Where that dies too, or the host
    ends, a record of what was there is left in C(/var/lib/virtnet), and this module puts back what it says.
  - Every module that changes something does that by itself before its own work, by this module where the record is of
    other kinds of objects. It is there for who wants to see to it, for example after a host came up again.
version_added: 1.0.0
author:
  - virtnet.libvirt contributors (@virtnet)
extends_documentation_fragment:
  - virtnet.libvirt.connection
  - virtnet.libvirt.waits
attributes:
  check_mode:
    support: full
    description: Tells what was cut off.
  diff_mode:
    support: none
    description: What was put back is told in words.
seealso:
  - module: virtnet.libvirt.network
"""

EXAMPLES = r"""
- name: Put back what was cut off when the host lost its power
  virtnet.libvirt.put_back:
"""

RETURN = r"""
changed:
  description: Whether anything was left behind.
  type: bool
  returned: always
put_back:
  description: What was cut off, and what became of it, a text for each task.
  type: list
  elements: str
  returned: success
  sample: ["network of 2026-11-26 15:20:03 was cut off. All is as it was; put back: start network lab as it ran."]
"""

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.changes import WAITS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.every_way import EVERY_WAY
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.spec import options_spec
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import (
    DocumentModule,
    put_back_all,
    reading_spec,
)


def main() -> None:
    """Puts back what was cut off."""
    module = DocumentModule(WAITS, argument_spec=reading_spec(**options_spec(WAITS)), supports_check_mode=True)
    put_back_all(module, EVERY_WAY.get)


if __name__ == "__main__":
    main()
