# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks as processes of their own that can be broken and killed: a transaction, or one as Ansible runs it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable
from unittest import mock

from ansible.module_utils import basic

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet import task
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import ConvergeError, converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HostError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.kernel import Kernel
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import Libvirt
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

MODULES = "ansible_collections.virtnet.libvirt.plugins.modules."
ROOT = Path(__file__).resolve().parents[2]
HANGS = 60.0

Task = tuple[str, dict]  # the module's name and its options


@dataclass
class Answer:
    """What came of it.

    ``known``: the message is one for people. ``refused``: nothing was begun. ``told``: that something is not as it
    should be was said, as drift, a warning or a restart that is needed.
    """

    ok: bool
    message: str = ""
    known: bool = True
    refused: bool = False
    calls: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    changed: bool = False
    told: bool = False
    seconds: float = 0


class _Caught(Exception):
    pass


def wish_of(wanted: Task) -> Any:
    """The wish that a module makes of its options, by the module's own words."""
    name, options = wanted
    module, caught = importlib.import_module(MODULES + name), []

    def fail(_self: object, msg: str, **_result: object) -> None:
        raise _Caught(msg)

    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, _ansible_remote_tmp="/tmp")}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    with mock.patch.object(module, "converge_one", lambda _module, desired, *_returns: caught.append(desired())), \
            mock.patch.object(basic.AnsibleModule, "fail_json", fail):
        try:
            module.main()
        except TypeError:  # returns=… by name
            with mock.patch.object(module, "converge_one", lambda _m, desired, **_k: caught.append(desired())):
                module.main()
    return caught[0]


class Transaction:
    """Several tasks as one transaction, in a process that was forked from this one.

    ``breaks`` is called there with the host before anything else; what it writes by ``note`` can be read here.
    """

    def __init__(self, tasks: list[Task], breaks: Callable[[Host, Callable[[str], None]], list[str]] | None = None):
        self._result = tempfile.NamedTemporaryFile(dir="/run", prefix="faults-")  # noqa: SIM115 # closed in wait
        self._notes, writes = os.pipe()
        self._since = time.monotonic()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.close(self._notes)
            _run_transaction(tasks, breaks, self._result.name, lambda text: os.write(writes, text.encode() + b"\n"))
        os.close(writes)

    def note(self, wanted: str, seconds: float) -> bool:
        """Waits for a note; False where it does not come."""
        import select

        text, end = b"", time.monotonic() + seconds
        while wanted.encode() not in text.splitlines():
            if not select.select([self._notes], [], [], max(0, end - time.monotonic()))[0]:
                return False
            more = os.read(self._notes, 4096)
            if not more:
                return False
            text += more
        return True

    def kill(self, number: int, group: bool = False) -> None:
        try:
            os.killpg(self.pid, number) if group else os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def wait(self) -> Answer | None:
        """The answer; None of a process that died without one."""
        end = time.monotonic() + HANGS
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            if time.monotonic() > end:
                self.kill(signal.SIGKILL, group=True)
                os.waitpid(self.pid, 0)
                return Answer(False, "it did not end in %d s" % HANGS, known=False)
            time.sleep(0.01)
        seconds = time.monotonic() - self._since
        os.close(self._notes)
        with self._result:
            text = Path(self._result.name).read_text()
        return Answer(**json.loads(text), seconds=seconds) if text else None


def _run_transaction(tasks: list[Task], breaks: Any, path: str, note: Callable[[str], None]) -> None:
    """The child's whole life; it never returns."""
    answer: dict = {"ok": False}
    calls: list[str] = []
    try:
        null = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        wishes = [wish_of(one) for one in tasks]
        host = Host(Libvirt("qemu:///system"), Kernel(), True)
        calls = breaks(host, note) if breaks else []
        outcomes = _carry_out(host, wishes)
        answer.update(ok=True, steps=[step.title for outcome in outcomes for step in outcome.plan.steps])
        answer["changed"] = bool(answer["steps"])
    except (Invalid, _Caught) as error:
        answer.update(message=str(error), refused=not calls)
    except (ConvergeError, HostError) as error:
        answer.update(message=str(error))
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        answer.update(message="%s: %s (%s, line %s)" % (type(error).__name__, error, where.filename, where.lineno),
                      known=False)
    try:
        Path(path).write_text(json.dumps(dict(answer, calls=list(calls))))
    finally:
        os._exit(0)


def _carry_out(host: Host, wishes: list) -> list:
    """As a module does it: with the lock, and with what is kept while the host is changed."""
    module = SimpleNamespace(check_mode=False, changes={"lock_timeout": 60}, params={"uri": "qemu:///system"},
                             _name="faults")
    with task._alone(module, host) as (keep, _before):
        return converge(host, wishes, False, keep)


class Module:
    """One task by its module, started as Ansible starts it: its options on stdin, its result on stdout."""

    def __init__(self, wanted: Task, **more: object) -> None:
        name, options = wanted
        self._out = tempfile.TemporaryFile(dir="/run")  # noqa: SIM115 # closed in wait
        self._since = time.monotonic()
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options, _ansible_remote_tmp="/tmp", **more)})
        code = ("from ansible.module_utils import basic; basic._ANSIBLE_PROFILE = 'legacy';"
                "basic._ANSIBLE_ARGS = %r; from %s%s import main; main()" % (arguments.encode(), MODULES, name))
        self.process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=self._out,
                                        stderr=subprocess.STDOUT, start_new_session=True,
                                        env=dict(os.environ, PYTHONPATH=str(ROOT / ".cache/pylib")))

    def kill(self, number: int, group: bool = False) -> None:
        try:
            os.killpg(self.process.pid, number) if group else os.kill(self.process.pid, number)
        except ProcessLookupError:
            pass

    def wait(self, seconds: float = HANGS) -> Answer | None:
        """The answer; None of a process that died without one."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL, group=True)
            self.process.wait()
            return Answer(False, "it did not end in %d s" % seconds, known=False)
        with self._out:
            self._out.seek(0)
            text = self._out.read().decode(errors="replace")
        return _answer_of(text, time.monotonic() - self._since)


class Playbook(Module):
    """One task by Ansible itself, with all that it packs, copies and removes; Ansible's processes are not killed."""

    def __init__(self, wanted: Task, reached: dict | None = None, pipelining: bool = False) -> None:
        """``reached`` says how a host is; else it is this one."""
        name, options = wanted
        self._out = tempfile.TemporaryFile(dir="/run")  # noqa: SIM115 # closed in wait
        self._since = time.monotonic()
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"), ANSIBLE_NOCOWS="1",
                           ANSIBLE_HOME="/run/ansible", ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_FORCE_COLOR="0",
                           ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3", ANSIBLE_CALLBACK_RESULT_FORMAT="json",
                           ANSIBLE_PIPELINING=str(int(pipelining)))
        where = ["kvm", "-i", "kvm,", "-e", json.dumps(reached)] if reached else ["localhost"]
        self.process = subprocess.Popen(
            [str(ROOT / ".venv/bin/ansible"), *where, "-m", "virtnet.libvirt." + name, "-a", json.dumps(options)],
            stdin=subprocess.DEVNULL, stdout=self._out, stderr=subprocess.STDOUT, start_new_session=True,
            env=environment)

    def module_pid(self) -> int | None:
        """The process of the module that Ansible has started, where it is there now."""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"python" in words[0] and len(words) > 1 and b"AnsiballZ_" in words[1]:
                return int(path.name)
        return None


def _answer_of(text: str, seconds: float) -> Answer | None:
    start = text.find("{")
    if start < 0:
        return None if not text.strip() else Answer(False, text.strip()[-600:], known=False, seconds=seconds)
    try:
        result, _end = json.JSONDecoder().raw_decode(text[start:])
    except ValueError:
        return Answer(False, text.strip()[-600:], known=False, seconds=seconds)
    failed = bool(result.get("failed")) or ("msg" in result and "changed" not in result)
    message = str(result.get("msg", ""))
    return Answer(not failed, message, known="This is a mistake in this collection" not in message and "Traceback" not
                  in message, steps=result.get("steps", []), changed=bool(result.get("changed")), seconds=seconds,
                  told=any(result.get(part) for part in ("drift", "warnings", "restart_required")))
