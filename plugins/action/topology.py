# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the document of a host on the controller, and hands it over packed; then what all modules have that change."""

from __future__ import annotations

import json
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError

from ansible_collections.virtnet.libvirt.plugins.action.network import ActionModule as Changes
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.packed import pack

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ActionModule(Changes):
    """The values of a file are not templated."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """The module's result."""
        src = self._task.args.get("src")
        if src is not None:
            others = {name: value for name, value in self._task.args.items() if name != "src"}
            try:
                self._task.args = dict(others, packed=pack(self._read(src)))
            except TypeError as error:  # a date, say, which YAML knows and JSON does not
                raise AnsibleActionFail("src: %s: %s; put it in quotes" % (src, error)) from error
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def _read(self, src: Any) -> dict[str, Any]:
        try:
            path = self._loader.get_real_file(self._find_needle("files", src))
            with open(path, encoding="utf-8") as file:
                text = file.read()
            document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader)
        except (AnsibleError, OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            raise AnsibleActionFail("src: %s cannot be read: %s" % (src, error)) from error
        if not isinstance(document, dict):
            raise AnsibleActionFail("src: %s must have a dictionary of lists, such as networks" % src)
        return document
