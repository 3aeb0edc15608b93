# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down how each task ended, a line of JSON each, for test_blocks.py."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: ended
type: aggregate
short_description: Writes down how each task ended
description: A line of JSON for each task, in the file that the environment variable BLOCKS_ENDED names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ended"

    def _write(self, result: Any, failed: bool) -> None:
        task, said = result.task, result.result
        line = {"tags": list(task.tags), "task": task.get_name(), "failed": failed,
                "changed": bool(said.get("changed")) and not task.check_mode, "says": str(said.get("msg", "")),
                "output": str(said.get("stdout", "")), "errors": str(said.get("stderr", "")),
                "steps": said.get("steps")}
        with open(os.environ["BLOCKS_ENDED"], "a") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write(result, False)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write(result, False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write(result, True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write(result, True)
