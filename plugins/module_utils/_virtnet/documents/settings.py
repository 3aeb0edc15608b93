# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says beside the document of its object: whose it is, and what is to be done with it.

The modules take these options and the items of a topology, by the same tables.
"""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.options import Value
from ..schema.scalars import LINE, YES_NO, Scalar, enum
from ..schema.spec import Spec, options_spec


def _dictionary(value: Value) -> Value:
    if not isinstance(value, dict):
        raise ValueError(value)
    return value


DICTIONARY = Scalar("dict", "a dictionary", _dictionary, _dictionary)


def _state(*choices: str) -> Field:
    return Field("state", "state", enum(*choices), "What there is to be.", default="present")


def _bool(name: str, default: bool | None = False) -> Field:
    return Field(name, name, YES_NO, name, default=default)


STATE = _state("present", "absent")
RESTART = Field("restart", "restart", enum("when_idle", "always", "never"), "When a network is restarted.",
                default="when_idle")
LAYERS = Many("layers", "layer", "Where an interface is managed.",
              Field("layer", "layer", enum("config", "live"), "One of them."))
FORCE, PURGE = _bool("force"), _bool("purge")


def _group(name: str, *nodes: Field | Many) -> Group:
    return Group(name, name, "What is to be done.", nodes)


SETTINGS = {
    "host_bridge": _group("host_bridge", STATE, _bool("trial"),
                          Field("keeper", "keeper", enum("networkd", "NetworkManager", "ifupdown"), "Who keeps it.",
                                default="networkd")),
    "sriov": _group("sriov", STATE, _bool("persist", None), FORCE),
    "nwfilter": _group("nwfilter", STATE, FORCE, _bool("allow_missing_references"), PURGE),
    "network": _group("network", _state("present", "absent", "active", "inactive"), _bool("autostart", None),
                      _bool("persistent", None), RESTART, PURGE),
    "network_port": _group("network_port", Field("network", "network", LINE, "Its network.", required=True), STATE,
                           FORCE),
    "nwfilter_binding": _group("nwfilter_binding", STATE, FORCE),
    "interface": _group("interface", Field("domain", "domain", LINE, "Its guest.", required=True), STATE, LAYERS,
                        _bool("replace"), PURGE, _bool("convert_boot"),
                        Field("partner", "partner", DICTIONARY, "The other one of a pair.")),
}


def settings_spec(kind: str) -> Spec:
    """The options of a module of that kind beside its document's, as AnsibleModule takes them."""
    spec = options_spec(SETTINGS[kind])
    for node in SETTINGS[kind].nodes:
        if getattr(node, "required", False):
            spec[node.name]["required"] = True
        elif isinstance(node, Field) and node.default is not None:
            spec[node.name]["default"] = node.default
    return spec
