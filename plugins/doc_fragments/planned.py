# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of the filters that plan for many names of one pool."""

    DOCUMENTATION = r"""
options:
  reported:
    description:
      - What hosts have, by their names what M(virtnet.libvirt.topology_info) returned of them, or a model of
        P(virtnet.libvirt.fleet#filter).
      - Who has a value of the pool already keeps it, unless something else has it too. Nothing else is given it.
    type: dict
    default: {}
  taken:
    description: Values that nothing is given.
    type: list
    default: []
  previous:
    description:
      - The plan before. What it gave stays, and that of names that are not asked for any more is kept for them; leave
        an entry out to have its value back.
      - An entry moves only when something else reports its value and its own does not yet. A warning tells of that, and
        of one that both have.
      - An entry that is not of the pool, or of another size, is planned anew.
    type: dict
    default: {}
notes:
  - The same names and the same reports always make the same plan, in whatever order they come.
    With O(previous), or when what was planned is reported, a plan does not change for who comes or goes.
  - C(docs/addresses.md) tells how, and what to expect without O(previous).
seealso:
  - module: virtnet.libvirt.topology_info
"""
