# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Physical functions for people and for modules that only read."""

from __future__ import annotations

from ...host.snapshot import Snapshot
from ...schema.options import Options
from .found import iommu_advice, iommu_options, look_at, out_of_reach


def names_of(seen: Snapshot) -> dict[str, str]:
    """The PCI addresses of physical functions by all their names: these addresses, and the network devices.

    Invalid when the host is out of reach.
    """
    remote = out_of_reach(seen)
    if remote:
        raise remote.error
    functions = seen.physical_functions
    return {**{address: address for address in functions},
            **{device: address for address, function in functions.items() for device in function["devices"]}}


def describe_function(seen: Snapshot, address: str) -> Options:
    """A physical function as the module takes it, with ``status``, what can only be read."""
    found = look_at(seen, address)
    function = found.function
    return dict(found.current, status={
        "device": found.device,
        "driver": function["driver"],
        "id": function["id"],
        "total_vfs": function["total_vfs"],
        "numa_node": function["numa_node"] if (function["numa_node"] or 0) >= 0 else None,
        "up": found.up,
        "carrier": seen.get("carrier", found.device) if found.device else None,
        "networks": found.pools,
        "boot": found.kept.settings,
        "owners": found.owners,
        "problems": found.problems,
        "vfs": [{**{name: vf[name] for name in ("index", "address", "device", "iommu_group", "shares_group_with")},
                 "used_by": [user.label for user in found.users[vf["index"]]]} for vf in function["vfs"]],
    })


def describe_host(seen: Snapshot) -> Options:
    """What of SR-IOV concerns the whole host."""
    pci, vfio = seen.get("pci"), seen.get("driver", "vfio-pci")
    problems = [] if pci["iommu"] else [iommu_advice(pci)]
    if not vfio:
        problems.append("the kernel has no driver vfio-pci, which gives devices to guests; install the package with the"
                        " kernel's extra modules")
    return {"iommu": pci["iommu"], "vfio_pci": vfio, "kernel_options": iommu_options(pci), "problems": problems}
