# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guardian as a process: what it is told, and what it lets go."""

from __future__ import annotations

import gc
import json
import os
import time
from pathlib import Path

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine import guardian


def told(path: Path, seconds: float = 10) -> object:
    """What the guardian has written, as soon as it has."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return json.loads(path.read_text()) if path.exists() else None


def write(path: Path, value: object) -> None:
    path.with_suffix(".new").write_text(json.dumps(value))
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize(("waits", "ends"), [(True, guardian.Guardian.hold),
                                             (False, lambda watch: os.close(watch._pipe))])
def test_it_knows_whether_what_was_done_waits(tmp_path, waits: bool, ends):
    said = tmp_path / "said"
    watch = guardian.start(lambda held: write(said, held))
    watch.is_alive()
    watch.is_alive()
    ends(watch)
    assert told(said) is waits


def test_it_does_nothing_when_it_is_released(tmp_path):
    said = tmp_path / "said"
    watch = guardian.start(lambda held: write(said, held))
    watch.is_alive()
    watch.release()
    assert told(said, 0.5) is None


def test_it_tells_the_log_by_a_file_of_its_own(tmp_path, monkeypatch):
    """Ansible has opened the log in the module, whose files are closed here."""
    said, closed = tmp_path / "said", []
    monkeypatch.setattr(guardian.syslog, "closelog", lambda: closed.append(os.getpid()))
    watch = guardian.start(lambda _held: write(said, [len(closed), os.getpid() in closed]))
    os.close(watch._pipe)
    assert told(said) == [1, True] and closed == []


def test_it_frees_nothing_that_the_module_had(tmp_path):
    """libvirt's objects ask the daemon when they go, by a connection that is not the guardian's."""
    class Old:
        def __del__(self) -> None:
            if os.getpid() != module:
                freed.append("old")

    module, said, freed = os.getpid(), tmp_path / "said", []
    old = Old()
    old.itself = old
    del old

    def take_back(_held: bool) -> None:
        gc.collect()
        write(said, freed)

    gc.disable()
    try:
        os.close(guardian.start(take_back)._pipe)
    finally:
        gc.enable()
    assert told(said) == []
