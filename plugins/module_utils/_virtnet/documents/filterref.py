# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<filterref>``: a reference to a network filter, in filters, bindings and guest interfaces."""

from __future__ import annotations

from ..schema.nodes import Field, Group, Many
from ..schema.options import Options
from ..schema.scalars import FILTER_NAME, string


def _by_name(options: Options) -> Options:
    """libvirt sorts parameters by name; several values of one name keep their order."""
    parameters = options.get("parameters")
    if not parameters:
        return options
    return dict(options, parameters=sorted(parameters, key=lambda parameter: parameter["name"]))


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
