# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner that libvirt wants for bindings and ports of devices that no guest owns."""

from __future__ import annotations

import uuid


def stand_in(name: str) -> dict[str, str]:
    """An owner named for the thing itself; the same at every run."""
    return {"name": name, "uuid": stable_uuid(name)}


def stable_uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "virtnet.libvirt:" + name))
