# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module that changes something has in common."""

    DOCUMENTATION = r"""
options:
  lock_timeout:
    description:
      - For how many seconds another task that changes the networking of the same host is waited for.
      - Only one at a time does, whichever module or user it is of. Tasks in check mode and those that only read wait
        for nothing.
    type: int
    default: 120
"""
