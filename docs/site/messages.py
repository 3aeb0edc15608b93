# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All messages of the collection, read from its code, for the page troubleshooting.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
OF = {"network": "Networks", "interface": "Interfaces of guests", "nwfilter": "Filters",
      "nwfilter_binding": "Bindings of filters", "network_port": "Ports of networks", "sriov": "SR-IOV",
      "entries": "Reservations and records", "aspect": "Bandwidth and VLANs alone",
      "portgroup": "Bandwidth and VLANs alone", "engine": "Transactions", "host": "The host",
      "documents": "Values of options", "schema": "Values of options", "_fleet": "Report"}


def text_of(node: ast.expr | None) -> str:
    """The text that an expression is, with … for what is only known later; nothing where it is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"(%(\([a-z_]+\))?[sdr])+", "…", node.value).replace("%%", "%")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return text_of(node.left)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left) or "…") + (text_of(node.right) or "…")
    return ""


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _texts(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(kind, text) of each message: error or warning."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _called(node)
            if name in ("Invalid", "Missing", "Taken") and len(node.args) > 1:
                where, text = text_of(node.args[0]), text_of(node.args[1])
                yield "error", "%s: %s" % (where, text) if where and text else text
            elif name == "not_allowed" and len(node.args) > 2:
                allowed = text_of(node.args[2])
                yield "error", "… is not allowed; give %s" % allowed if allowed else ""
            elif name in ("warn", "fail_json", "append", "Shared") and (name != "append" or _is_warnings(node.func)):
                given = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "msg")]
                yield "error" if name == "fail_json" else "warning", text_of(given[0]) if given else ""
            elif name.endswith("Error") and node.args:
                yield "error", text_of(node.args[0])
        elif isinstance(node, ast.AugAssign) and getattr(node.target, "attr", "") == "warnings":
            for item in getattr(node.value, "elts", []):
                yield "warning", text_of(item)


def _is_warnings(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and getattr(function.value, "attr", "") == "warnings"


def found() -> dict[str, list[tuple[str, str]]]:
    """Messages by what they are about."""
    groups: dict[str, set[tuple[str, str]]] = {}
    for file in sorted(PLUGINS.rglob("*.py")):
        rooms = [OF[part] for part in file.parts if part in OF]
        for kind, text in _texts(ast.parse(file.read_text())):
            if len(re.sub(r"[^a-z]", "", text)) > 8:
                groups.setdefault(rooms[-1] if rooms else "Tasks in general", set()).add((text, kind))
    return {group: sorted(groups[group]) for group in sorted(groups)}


def every_message() -> str:
    lines = ["## Every message", "", "Read from the code; `…` stands for a name, a value or a place."]
    for group, texts in found().items():
        lines += ["", "### " + group, ""]
        lines += ["- %s`` %s ``" % ("" if kind == "error" else "warning: ", text.replace("\n", " "))
                  for text, kind in texts]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(every_message())
