# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every document of libvirt's that filters read and write, by the name of the module that takes its options."""

from __future__ import annotations

from ..schema.options import Options
from .interface import INTERFACE
from .network import NETWORK
from .network_port import NETWORK_PORT
from .nwfilter import NWFILTER
from .nwfilter_binding import NWFILTER_BINDING
from .without_effect import refuse_new

DOCUMENTS = {
    "network": NETWORK,
    "nwfilter": NWFILTER,
    "nwfilter_binding": NWFILTER_BINDING,
    "interface": INTERFACE,
    "network_port": NETWORK_PORT,
}


def checked(module: str, options: Options) -> Options:
    """A whole document's options with their types put right; raises Invalid for what the module would refuse too."""
    checked_options = DOCUMENTS[module].check(options)
    if module == "network":
        refuse_new(checked_options)
    return checked_options


# options of modules that say what to do with a document, not what is in it
CONTROL_OPTIONS = ("uri", "state", "autostart", "persistent", "restart", "purge", "status", "force",
                   "allow_missing_references", "domain", "layers", "replace", "partner")
