# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of the networking of a host as one document: a list for each kind of object."""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.scalars import LINE, YES_NO, enum, string
from .settings import DICTIONARY, LAYERS, RESTART

# by the name of the list its kind, which is the name of the module too; in the order in which they are made
LISTS = {"sriov": "sriov", "nwfilters": "nwfilter", "networks": "network", "network_ports": "network_port",
         "nwfilter_bindings": "nwfilter_binding", "interfaces": "interface"}
EXCLUSIVE = tuple(name for name in LISTS if name != "sriov")


def _list(name: str, about: str) -> Many:
    kind = LISTS[name]
    return Many(name, name, [about, "Each takes the options of M(virtnet.libvirt.%s), and those only." % kind],
                Field(kind, kind, DICTIONARY, "One of them."), partial=True)


TOPOLOGY = Group("topology", "topology", "The networking of a host.", (
    _list("sriov", "Physical functions with their virtual functions."),
    _list("nwfilters", "Network filters."),
    _list("networks", "Virtual networks."),
    _list("network_ports", "Ports of networks that no guest makes."),
    _list("nwfilter_bindings", "Filters on devices that no guest has."),
    _list("interfaces", "Interfaces of guests; each has C(domain)."),
    Many("exclusive", "exclusive", [
        "The lists that are the whole of what there is. What is in none of them is removed.",
        "Filters that libvirt brings stay, and so does what something refers to that stays, such as a guest that does"
        " not run; a warning names it. Ports and filters of running guests are theirs. Of interfaces it is about the"
        " guests that O(interfaces) names.",
    ], Field("exclusive", "exclusive", enum(*EXCLUSIVE), "One of them.")),
    Many("keep", "keep", [
        "Names of what O(exclusive) leaves alone, with C(*), C(?) and C([...]) as in a shell. A port and an interface"
        " are named by their MAC, a binding by its device.",
    ], Field("keep", "keep", LINE, "One of them.")),
    Field("remove_used", "remove_used", YES_NO,
          "Whether O(exclusive) removes what running guests use. Otherwise the task is refused, and says who they are.",
          default=False),
    RESTART._replace(about="When all O(networks) are restarted that say nothing else; see M(virtnet.libvirt.network)."),
    LAYERS._replace(
        about="Where all O(interfaces) are managed that say nothing else; see M(virtnet.libvirt.interface)."),
    Field("plan_id", "plan_id", string("a plan_id that a run in check mode has returned", r"[0-9a-f:]+"), [
        "A RV(plan_id) of a run in check mode. What is done is that plan, or nothing: where the host or the document"
        " has changed meanwhile, the task fails and says what is to be changed otherwise now.",
    ], never_empty=True),
    Field("src", "src", LINE, [
        "A file on the controller, YAML or JSON, that has the lists, in place of them. Its values are not templated,"
        " which makes large documents several times faster. It may be encrypted with Ansible Vault.",
    ]),
    Field("packed", "packed", LINE, "What O(src) becomes on its way to the host. Not for people."),
))
