# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's modules in this process, with what Ansible would give them."""

from __future__ import annotations

import importlib
import json
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.module_utils.common.warnings import get_warning_messages
from returned import problems

MODULES = "ansible_collections.virtnet.libvirt.plugins.modules."


class Failed(Exception):
    """The module failed; ``result`` is what it returned."""

    def __init__(self, result: dict) -> None:
        super().__init__(result["msg"])
        self.result = result


class _Exit(BaseException):
    pass


def run(module_name: str, check: bool = False, **options: object) -> dict:
    """The result of a module, which is as its documentation says; raises Failed when it fails."""
    module = importlib.import_module(MODULES + module_name)
    ended = {}

    def exit_json(self: object, **result: object) -> None:
        ended.update(result, failed=False, warnings=list(get_warning_messages()))
        raise _Exit

    def fail_json(self: object, msg: str, **result: object) -> None:
        ended.update(result, failed=True, msg=msg)
        raise _Exit

    arguments = dict(options, _ansible_check_mode=check, _ansible_diff=True, _ansible_remote_tmp="/tmp")
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    warnings._global_warnings.clear()
    with mock.patch.multiple(basic.AnsibleModule, exit_json=exit_json, fail_json=fail_json):
        try:
            module.main()
        except _Exit:
            pass
    result = json.loads(json.dumps(ended, default=str))
    found = problems(module_name, result)
    assert not found, found
    if result["failed"]:
        raise Failed(result)
    return result


def converge(module_name: str, *parts: str, **options: object) -> dict:
    """The result of a task that changes something, just as check mode predicts it, and nothing when it runs again.

    ``parts`` names more of the result that check mode knows.
    """
    predicted = run(module_name, check=True, **options)
    done = run(module_name, **options)
    assert done["changed"]
    for part in ("steps", "diff", "changed", "drift", "restart_required", *parts):
        assert predicted.get(part) == done.get(part)
    for check in (True, False):
        again = run(module_name, check=check, **options)
        assert (again["steps"], again["changed"]) == ([], False)
    return done
