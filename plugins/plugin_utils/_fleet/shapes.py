# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one model can be shown as, by name."""

from __future__ import annotations

from .html import html
from .pictures import mermaid, svg
from .texts import as_json, markdown, prometheus

FLEET = {"html": html, "json": as_json, "markdown": markdown, "prometheus": prometheus}
GRAPH = {"mermaid": mermaid, "svg": svg}
