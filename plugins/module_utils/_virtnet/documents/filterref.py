# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<filterref>``: a reference to a network filter, in filters, bindings and guest interfaces."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ..schema.errors import Path
from ..schema.nodes import Field, Group, Many
from ..schema.options import Options
from ..schema.scalars import FILTER_NAME, string


def _by_name(options: Options) -> Options:
    """libvirt sorts parameters by name; several values of one name keep their order."""
    parameters = options.get("parameters")
    if not parameters:
        return options
    return dict(options, parameters=sorted(parameters, key=lambda parameter: parameter["name"]))


# variables with a meaning of their own, by what their values are; libvirt looks at these when it makes the rules
LEARNING, ADDRESSES = ("any", "dhcp", "none"), ("IP", "IPV6", "DHCPSERVER")


def unreadable_values(reference: Options) -> Iterator[tuple[Path, str]]:
    """(path, problem) of values with which libvirt can make no rules."""
    for index, parameter in enumerate(reference.get("parameters") or []):
        name, value, wanted = parameter["name"], parameter["value"], ""
        if name == "CTRL_IP_LEARNING" and value.lower() not in LEARNING:
            wanted = "one of %s" % ", ".join(LEARNING)
        elif name in ADDRESSES and not _is_address(value):
            wanted = "an IPv4 or IPv6 address"
        if wanted:
            yield Path("filterref", "parameters", index, "value"), "%s is no value for %s; give %s" % (
                value, name, wanted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def filterref(about: str) -> Group:
    """The filterref element."""
    return Group("filterref", "filterref", about, (
        Field("filter", "@filter", FILTER_NAME, "Name of the filter.", "0.8.1", required=True),
        Many("parameters", "parameter", "Values of the variables of the filter and of those that it refers to.",
             Group("parameter", "parameter", "A value.", (
                 Field("name", "@name", string("letters, digits and _", r"[a-zA-Z0-9_]+"),
                       "Name of the variable, without C($).", "0.8.1", required=True),
                 Field("value", "@value", string("letters, digits, '_', '.' and ':'", r"[a-zA-Z0-9_.:]+"),
                       "Value of the variable. A variable that has several values is given several times.", "0.8.1",
                       required=True),
             )), since="0.8.1", ordered=True),
    ), since="0.8.1", simplify=_by_name)
