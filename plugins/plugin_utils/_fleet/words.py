# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all shapes say in the same words."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

OTHERWISE = "not so"  # what an object is that takes steps, and of which no field is said to differ


def called(node: Options) -> str:
    """What people call a node."""
    owner = node.get("guest") or (node.get("network") if node["kind"] in ("port", "portgroup") else None)
    return "%s %s%s" % (node["kind"], node["name"], " of %s" % owner if owner else "")


def tags(vlan: Options | None) -> str:
    """VLAN tags in words."""
    return ", ".join(str(tag["id"]) for tag in (vlan or {}).get("tags") or []) or "none"


def qos(limits: Options | None) -> str:
    """Bandwidth in words, in kB/s."""
    return ", ".join("%s %s" % (direction, limits[direction].get("average") or limits[direction].get("floor"))
                     for direction in ("inbound", "outbound") if limits and limits.get(direction))


def edge_label(edge: Options) -> str:
    """What goes over an edge."""
    said = ["VLAN " + tags(edge["vlan"])] if edge.get("vlan") else []
    said += [qos(edge["qos"]) + " kB/s"] if qos(edge.get("qos")) else []
    return "; ".join([*said, *(["down"] if edge.get("state") == "down" else [])])


def short(name: str, most: int = 60) -> str:
    """A name that is not longer."""
    return name if len(name) <= most else name[:most - 1] + "…"


def field_words(field: Options) -> str:
    """Where a field differs, and how; an object that is not there, or does not run, differs in none."""
    if not field["path"] and field["current"] == OTHERWISE:
        return "applying would %s" % field["desired"]
    return "%s (%s): %s, not %s" % (field["path"] or "the object", field["layer"], value_words(field["current"]),
                                    value_words(field["desired"]))


def value_words(value: Any) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def counts_words(fleet: Options) -> str:
    """How many hosts are how, in words."""
    return ", ".join("%d %s" % (count, state) for state, count in fleet["counts"].items() if count) or "no hosts"


def count_words(count: int, what: str) -> str:
    return "%d %s%s" % (count, what, "" if count == 1 else "s")
