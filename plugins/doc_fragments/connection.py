# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module needs to reach libvirt."""

    DOCUMENTATION = r"""
options:
  uri:
    description:
      - The libvirt to connect to.
      - With a remote URI the kernel of the host is out of reach. Then only libvirt's own view is compared, which a
        warning says.
    type: str
    default: qemu:///system
requirements:
  - Python 3.9 or later on the managed host
  - libvirt 6.1.0 or later
  - libvirt-python (python3-libvirt)
  - lxml (python3-lxml)
  - pyroute2 (python3-pyroute2), to change the kernel, and for bandwidth and SR-IOV
"""
