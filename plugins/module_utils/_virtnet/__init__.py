# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private part of virtnet.libvirt; see docs/design.md."""

from __future__ import annotations

import sys
import zipimport


class _CompilesOnce(zipimport.zipimporter):
    """Imports from the archive that Ansible sends.

    Python's own importer compiles each module twice, once only to tell its file name, and that is half of the time that
    a task spends on this package.
    """

    def get_filename(self, fullname: str) -> str:
        place = "%s/%s%s" % (self.archive, self.prefix, fullname.rpartition(".")[2])
        return place + ("/__init__.py" if self.is_package(fullname) else ".py")


def _import_below(path: str) -> _CompilesOnce:
    """A path hook for what is below this package."""
    if not path.startswith(__path__[0] + "/"):
        raise ImportError
    return _CompilesOnce(path)


if isinstance(globals().get("__loader__"), zipimport.zipimporter):
    sys.path_hooks.insert(0, _import_below)
