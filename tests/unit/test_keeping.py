# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks that were cut off have left: it is put back by what their records say, and told."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
from unit.fake_host import FakeHost
from unit.networks import LAB, lab_host, network
from unit.restoring import state

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine import guardian, keeping
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import take
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import records
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HostError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.every_way import EVERY_WAY
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.piece import (
    network as network_piece,
)

LARGE = NETWORK.render(network(mtu={"size": 9000}))
DEFINE = Step("define network lab", lambda host: host.libvirt.define_network(LARGE), network_piece("lab"),
              writes=("network_config", "lab"))
START = Step("start network lab", lambda host: host.libvirt.start_network("lab"), network_piece("lab"))
AT = time.mktime((2026, 11, 27, 10, 0, 0, 0, 0, -1))
OF = "network of 2026-11-27 10:00:00"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where the records of these tests are."""
    monkeypatch.setattr(records, "directory", lambda: str(tmp_path))
    monkeypatch.setattr(records.ssh_lock, "PLACE", str(tmp_path / "no libvirt"))
    return tmp_path


def left(folder: Path) -> list[Path]:
    return list(folder.glob("*.record"))


def cut_off(host: FakeHost, *steps: Step, planned: tuple[Step, ...] = (DEFINE, START), **data: Any) -> None:
    """Begins some of the steps of a task, and leaves its record behind."""
    record = take(host.look(), planned)
    kept = records.Kept({"module": "network", "uri": host.libvirt.uri, "boot": records.boot_id(), "at": AT,
                         "steps": len(planned), "parts": record.was.recorded(),
                         "pieces": [[piece.kind, piece.name] for piece in record.pieces], **data})
    for step in steps:
        record.begin(step)
        kept.begin(step.of.kind, step.of.name, step.title)
        step.do(host)
        record.note(host, step)
        if step.writes:
            kept.wrote(step.writes, record.wrote[step.writes])
    kept.close()


def test_what_was_begun_is_put_back_and_told_and_its_record_goes(folder):
    host = lab_host(LAB, None)
    before = state(host)
    cut_off(host, DEFINE, START)
    said, = keeping.put_back(host, EVERY_WAY.get)
    assert said.startswith(OF + " was cut off. All is as it was; put back: ")
    assert state(host) == before
    assert left(folder) == []
    assert keeping.put_back(host, EVERY_WAY.get) == []


def test_a_task_that_had_begun_nothing_is_not_told_of(folder):
    host = lab_host(LAB, None)
    cut_off(host)
    assert keeping.others(host) == ([], [])
    assert keeping.put_back(host, EVERY_WAY.get) == []
    assert left(folder) == []


def test_what_somebody_else_has_edited_meanwhile_stays():
    host = lab_host(LAB, None)
    cut_off(host, DEFINE)
    host.libvirt.define_network(NETWORK.render(network(mtu={"size": 1400})))
    edited = state(host)
    assert keeping.put_back(host, EVERY_WAY.get) == [
        OF + " was cut off. Left as somebody else has changed it meanwhile: network lab."]
    assert state(host) == edited


def test_after_a_boot_what_is_configured_is_put_back_whether_or_not_it_was_written_that_it_was_begun():
    host = lab_host(LAB, None)
    before = state(host)
    cut_off(host, boot="another")
    DEFINE.do(host)
    said, = keeping.put_back(host, EVERY_WAY.get)
    assert said.startswith(OF + " was cut off. All is as it was; put back: ")
    assert state(host) == before


def test_what_ran_is_not_started_again_after_a_boot():
    host = lab_host(LAB, LAB)
    cut_off(host, boot="another")
    host.libvirt.stop_network("lab")
    assert keeping.put_back(host, EVERY_WAY.get) == []
    assert host.parts["networks"][""]["lab"]["active"] is False


def test_in_the_same_boot_it_is():
    host = lab_host(LAB, LAB)
    cut_off(host, Step("stop network lab", lambda host: host.libvirt.stop_network("lab"), network_piece("lab")))
    assert keeping.put_back(host, EVERY_WAY.get) == [
        OF + " was cut off. All is as it was; put back: start network lab as it ran."]
    assert host.parts["networks"][""]["lab"]["active"] is True


def test_a_damaged_record_is_told_of_and_goes(folder):
    host = lab_host(LAB, None)
    cut_off(host, DEFINE)
    path, = left(folder)
    path.write_text("no JSON\n")
    assert keeping.others(host) == (["a task of some time"], [])
    assert keeping.put_back(host, EVERY_WAY.get) == [
        "a task of some time was cut off. Could not be put back: its record is damaged."]
    assert left(folder) == []


def test_what_is_confirmed_first_stays(folder, monkeypatch):
    """Its guardian was killed while it waited; who renames the record first decides here too."""
    host = lab_host(LAB, None)
    cut_off(host, DEFINE)
    before, look = state(host), records.left

    def confirmed(uri: str) -> list[records.Left]:
        found = look(uri)
        for path in left(folder):
            path.rename(path.with_suffix(".confirmed"))
        return found

    monkeypatch.setattr(records, "left", confirmed)
    assert keeping.put_back(host, EVERY_WAY.get) == [] and state(host) == before


def test_a_record_that_cannot_be_claimed_is_told_of(monkeypatch):
    host = lab_host(LAB, None)
    cut_off(host, DEFINE)

    def read_only(_old: str, _new: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(records.os, "rename", read_only)
    with pytest.raises(HostError, match="cannot be renamed before what it is the record of is put back"):
        keeping.put_back(host, EVERY_WAY.get)


def test_what_a_module_has_no_way_back_for_is_left_to_one_that_has(folder):
    host = lab_host(LAB, None)
    cut_off(host, DEFINE)
    begun = state(host)
    with pytest.raises(keeping.LeftBehind) as error:
        keeping.put_back(host, {}.get)
    assert str(error.value) == OF + " was cut off; virtnet.libvirt.put_back puts back what it had begun"
    assert state(host) == begun
    assert len(left(folder)) == 1


def test_who_was_cut_off_and_who_is_at_work_is_known_by_the_lock():
    host = lab_host(LAB, None)
    cut_off(host, DEFINE)
    assert keeping.others(host) == ([OF], [])
    lock = host.lock()
    lock.acquire(0)
    try:
        assert keeping.others(host) == ([], [OF + ", at step 1 of 2: define network lab"])
    finally:
        lock.release()


class Watch:
    """A guardian that only says how it was left."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda: self.told.append(name)


def keeper(host: FakeHost, confirmation: keeping.Confirmation | None = None) -> keeping.Keeper:
    lock = host.lock()
    lock.acquire(0)
    return keeping.Keeper(host, lock, {"module": "network"}, confirmation)


@pytest.mark.parametrize(("confirmed", "fails", "lost", "stays", "told"), [
    (False, False, False, 0, "release"), (True, False, False, 1, "hold"), (True, True, False, 0, "release"),
    (False, True, True, 1, "release"),
])
def test_a_record_stays_for_who_has_still_to_put_something_back(
        folder: Path, monkeypatch: pytest.MonkeyPatch, confirmed: bool, fails: bool, lost: bool, stays: int,
        told: str):
    host, watch = lab_host(LAB, None), Watch()
    monkeypatch.setattr(guardian, "start", lambda back, files: watch)
    keep, record = keeper(host, keeping.Confirmation(20, []) if confirmed else None), take(host.look(), (DEFINE,))
    try:
        with keep(record, 1):
            record.lost = lost
            if fails:
                raise HostError("no")
    except HostError:
        assert fails
    assert len(left(folder)) == stays and watch.told == [told]
    assert bool(keep.unconfirmed) == (confirmed and not fails)


def test_where_no_guardian_starts_nothing_is_begun_and_no_record_stays(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(back: object, files: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    host = lab_host(LAB, None)
    monkeypatch.setattr(guardian, "start", refuse)
    with pytest.raises(HostError, match="no guardian can be started: Resource temporarily unavailable; nothing was"), (
            keeper(host)(take(host.look(), (DEFINE,)), 1)):
        raise AssertionError
    assert left(folder) == []


def test_a_record_that_the_disk_cuts_short_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch):
    write = os.write
    monkeypatch.setattr(records.os, "write", lambda file, text: write(file, text[:-9]))
    with pytest.raises(HostError, match=r"no record .* can be kept in .*: No space left on device; nothing was begun"):
        records.Kept({"uri": "qemu:///system"})
    assert list(folder.rglob("*.new")) == [] and left(folder) == []


def test_only_their_owner_can_read_the_records(folder: Path):
    folder.chmod(0o755)
    records.Kept({"uri": "qemu:///system"})
    path, = left(folder)
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
