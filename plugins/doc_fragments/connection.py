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
      - The libvirt to connect to, also by a name in C(uri_aliases) of C(libvirt.conf).
      - A URI is of this host when libvirt, asked what it stands for, names no other host and no transport but C(unix),
        such as V(qemu:///system) and V(qemu+unix:///system). One with a socket of its own (C(?socket=)) is where the
        libvirt behind that has the name of this host.
      - With any other the kernel of the host is out of reach. Then only libvirt's own view is compared, which a warning
        says.
      - Refused are URIs by which libvirt's library would run a program, in check mode too, namely those with the
        transport C(ext) and with C(command=). Where that is meant, give it a name in C(uri_aliases), and that here.
    type: str
    default: qemu:///system
requirements:
  - Python 3.9 or later on the managed host
  - libvirt 6.1.0 or later
  - Python 3.9 or later
  - libvirt-python (python3-libvirt)
  - lxml (python3-lxml)
  - pyroute2 (python3-pyroute2), to change the kernel, and for bandwidth and SR-IOV
"""
