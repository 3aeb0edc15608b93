# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one model can be shown as, by name."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from .html import html
from .pictures import mermaid, svg
from .texts import as_json, markdown, prometheus

FLEET = {"html": html, "json": as_json, "markdown": markdown, "prometheus": prometheus}
GRAPH = {"mermaid": mermaid, "svg": svg}


def show(asked: str, shapes: dict[str, Callable[[dict[str, Any]], str]], given: Any, shape: str, what: str) -> str:
    """The text of a shape, for the filter ``asked``; ``what`` says in words what that is to be given."""
    if shape not in shapes:
        raise AnsibleFilterError("%s: %s is not allowed; give one of %s" % (asked, shape, ", ".join(sorted(shapes))))
    if not isinstance(given, dict) or given.get("version") != 1:
        raise AnsibleFilterError("%s: give %s" % (asked, what))
    return shapes[shape](given)
