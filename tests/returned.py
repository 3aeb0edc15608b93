# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns, held against what its documentation says that it returns."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

PLUGINS = "ansible_collections.virtnet.libvirt.plugins."
TYPES = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict, "float": float}
# what Ansible says of any module
COMMON = frozenset({"changed", "failed", "warnings", "deprecations", "diff", "invocation"})
FOR_THE_ACTION_PLUGIN = {"unconfirmed", "left_behind"}  # no task sees them
OF_FAILURES = {"failed", "warnings", "deprecations", "invocation", "msg", "exception"}
OPTIONS_OF = re.compile(r"M\(virtnet\.libvirt\.(\w+)\)")


@cache
def documented(module: str) -> dict:
    """RETURN of a module."""
    return yaml.safe_load(importlib.import_module(PLUGINS + "modules." + module).RETURN)


@cache
def documentation(module: str, part: str) -> dict:
    """The options or attributes of a module, with those of its fragments."""
    document = yaml.safe_load(importlib.import_module(PLUGINS + "modules." + module).DOCUMENTATION)
    found = dict(document.get(part) or {})
    for fragment in document["extends_documentation_fragment"]:
        there = importlib.import_module(PLUGINS + "doc_fragments." + fragment.split(".")[-1])
        found.update(yaml.safe_load(there.ModuleDocFragment.DOCUMENTATION).get(part) or {})
    return found


def problems(module: str, result: dict) -> list[str]:
    """Where the result of a module is not as its documentation says."""
    result = {name: value for name, value in result.items() if name not in FOR_THE_ACTION_PLUGIN}
    if result.get("failed"):
        failing = {name for name, value in documented(module).items() if re.search("always|failure", value["returned"])}
        return ["%s is returned of a failure, and not documented for that" % name
                for name in sorted(set(result) - OF_FAILURES - failing)]
    said = {name: value for name, value in documented(module).items() if not value["returned"].startswith("failure")}
    return [*_object(module, result, said, "", COMMON), *_diff(module, result)]


def _diff(module: str, result: dict) -> Iterator[str]:
    support = documentation(module, "attributes")["diff_mode"]["support"]
    if ("diff" in result) != (support == "full"):
        yield "diff is %s, and support of diff_mode %s" % ("returned" if "diff" in result else "missing", support)


def _object(module: str, value: dict, said: dict, path: str, others: frozenset[str] = frozenset()) -> Iterator[str]:
    for name in sorted(set(value) - set(said) - others):
        yield "%s%s is returned and not documented" % (path, name)
    for name, about in said.items():
        if name in value:
            yield from _value(module, value[name], about, path + name)
        elif re.match(r"(always|success)($|, and)", about["returned"]):
            yield "%s%s is documented and not returned" % (path, name)


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, TYPES[kind]) and isinstance(value, bool) == (kind == "bool")


def _value(module: str, value: Any, about: dict, path: str) -> Iterator[str]:
    text = " ".join([about["description"]] if isinstance(about["description"], str) else about["description"])
    if value is None:
        if not re.search(r"\bnull\b", text, re.IGNORECASE):
            yield "%s is null, of which its documentation does not speak" % path
        return
    if not _is(value, about["type"]):
        yield "%s is %s, documented as %s" % (path, type(value).__name__, about["type"])
        return
    for place, item in ((("%s[%d]" % (path, index), item) for index, item in enumerate(value))
                        if isinstance(value, list) else ((path, value),)):
        if isinstance(value, list) and not _is(item, about["elements"]):
            yield "%s is %s, documented as %s" % (place, type(item).__name__, about["elements"])
        elif isinstance(item, dict):
            yield from _fields(module, item, about, text, place)


def _fields(module: str, item: dict, about: dict, text: str, place: str) -> Iterator[str]:
    """A structure: what it ``contains``, options of the module whose options it has, or the names that it tells."""
    others = frozenset()
    if "this module takes" in text:
        others = frozenset(documentation(module, "options"))
    elif "Options are those of" in text:
        others = frozenset(documentation(OPTIONS_OF.search(text).group(1), "options"))
    if "contains" in about or others:
        yield from _object(module, item, about.get("contains", {}), place + ".", others)
    elif "each with" in text.lower():
        told = set(re.findall(r"C\((\w+)\)", text))
        yield from ("%s.%s is returned and not documented" % (place, name) for name in sorted(set(item) - told))
