# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options: plain data of dictionaries, lists, strings, numbers and booleans.

An option that is missing says nothing; an empty one (``{}``, ``[]``, ``""``) says that it is not there.
"""

from __future__ import annotations

from typing import Any

# The value of an option is as open as YAML and libvirt's documents are; the tables say what may stand in it.
Value = Any
Options = dict[str, Value]


def is_empty(value: Value) -> bool:
    return value is None or value == "" or value == {} or value == []


def option(options: Value, *names: str) -> Value:
    """The option that one name after the other leads to, or None."""
    for name in names:
        options = options.get(name) if isinstance(options, dict) else None
    return options


def prune(options: Value) -> Value:
    """Ansible's parameters without the options that were not given."""
    if isinstance(options, dict):
        return {name: prune(value) for name, value in options.items() if value is not None}
    if isinstance(options, list):
        return [prune(value) for value in options]
    return options


def without_empty(value: Value) -> Value:
    """Options without those that say that nothing is there; where all is stated that goes without saying."""
    if isinstance(value, dict):
        pruned = {name: without_empty(part) for name, part in value.items()}
        return {name: part for name, part in pruned.items() if not is_empty(part)}
    return [without_empty(part) for part in value] if isinstance(value, list) else value
