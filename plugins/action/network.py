# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Confirms by a new connection what a module has changed, and puts back what another had begun that was cut off.

meta/runtime.yml gives it to all modules that change something.
"""

from __future__ import annotations

import shlex
import time
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action.normal import ActionModule as Normal
from ansible.plugins.connection import ConnectionBase

SAYS = "virtnet:"  # before what is meant, for shells say things of their own, before and after
BOOTED = "booted"
PAUSE = 0.5
PUTTING_BACK = 120  # seconds that a guardian may take for it


class ActionModule(Normal):  # type: ignore[misc] # Ansible is not typed
    """Runs the module as Ansible does, with what has to be done on the controller before and after it."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """The module's result, which has failed where nobody could confirm it."""
        if self._task.async_val and self._task.args.get("confirm") is not None:
            raise AnsibleActionFail("confirm: cannot be given together with async, for then nobody is there to do it")
        result: dict[str, Any] = super().run(tmp, task_vars)
        if result.get("left_behind"):
            result = self._put_back(task_vars) or super().run(tmp, task_vars)
        waits = result.pop("unconfirmed", None)
        if waits:
            problem = self._confirm(waits["record"], waits["timeout"], waits["boot"])
            if problem:
                result.update(failed=True, changed=False, msg=problem)
        return result

    def _put_back(self, task_vars: Any) -> dict[str, Any]:
        """Has what tasks of other modules had begun put back; the result where that failed."""
        known = {name: self._task.args[name] for name in ("uri", "lock_timeout") if name in self._task.args}
        result: dict[str, Any] = self._execute_module("virtnet.libvirt.put_back", known, task_vars=task_vars)
        for told in result.get("put_back", ()):
            self._display.warning(told)
        return result if result.get("failed") else {}

    def _confirm(self, record: str, seconds: int, boot: str) -> str:
        """What is wrong, or nothing. Who renames the record first decides: this, or the guardian when time is up.

        After another ``boot`` nobody can confirm it any more, for that may have forgotten what was changed.
        """
        place = shlex.quote(record)
        ask = (f"if ! grep -qx {shlex.quote(boot)} /proc/sys/kernel/random/boot_id; then echo {SAYS}{BOOTED};"
               f" elif mv {place}.record {place}.confirmed 2>/dev/null || test -e {place}.confirmed;"
               f" then echo {SAYS}confirmed; else sed 's/^/{SAYS}/' {place}.outcome; fi")
        end, problem = time.monotonic() + 2 * seconds + PUTTING_BACK, ""
        while time.monotonic() < end:
            said, problem = self._ask(ask, anew=True)
            if said == BOOTED:
                return ("Not confirmed: the host was booted meanwhile. What is configured is put back by the next task"
                        " that changes something.")
            if said:
                self._ask(f"rm -f {place}.confirmed {place}.outcome")
                return "" if said == "confirmed" else (
                    "Not confirmed by a new connection within %d s. %s" % (seconds, said))
            time.sleep(PAUSE)
        return ("Not confirmed: there is no new connection to the host (%s). What was changed is put back there, unless"
                " confirmed, %d s after the change." % (problem, seconds))

    def _ask(self, command: str, anew: bool = False) -> tuple[str, str]:
        """The last line that a command says after SAYS, over a new connection if so, and why there is none."""
        try:
            if anew and type(self._connection).reset is not ConnectionBase.reset:
                self._connection.reset()
            answer = self._low_level_execute_command(command)
        except AnsibleError as error:
            return "", str(error)
        said = [line.partition(SAYS)[2] for line in answer["stdout"].splitlines() if SAYS in line]
        return "".join(said[-1:]).strip(), answer["stderr"].strip()
