# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.host_bridge import HOST_BRIDGE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.docs import options_documentation


class ModuleDocFragment:
    """The options of a bridge of the host, computed from their table."""

    DOCUMENTATION: str = json.dumps({"options": options_documentation(HOST_BRIDGE, True)})
