# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a host that is reached by ssh; the ssh here runs its command on this machine."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import records, ssh_lock

URI = "qemu+ssh://me%40home@Far:2222/system?keyfile=/a%20b&no_verify=1"
SSH = """\
#!/bin/sh
echo "$@" >{folder}/said
while [ "$1" != -- ]; do shift; done
shift 2
echo "Welcome, no virtnet"
exec sh -c "$*"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "libvirt").mkdir()
    monkeypatch.setattr(ssh_lock, "PLACE", str(tmp_path / "libvirt"))
    monkeypatch.setattr(records, "directory", lambda: str(tmp_path / "records"))
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    program(tmp_path, "ssh", SSH.format(folder=tmp_path))
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def here() -> records.Lock:
    return records.Lock("qemu:///system", True, "")


def there(uri: str = URI) -> records.Lock:
    return records.Lock(uri, False, uri)


def test_who_comes_by_ssh_and_who_is_there_wait_for_each_other():
    far, near = there(), here()
    far.acquire(0)
    assert far.is_known_there and len(far.files) == 2
    with pytest.raises(records.Locked, match=r"\(process \d+, which runs since 20"):
        here().acquire(0)
    far.release()
    near.acquire(0)
    message = r"another task .* \(process %d, which runs since 20\d\d-.*; it was waited for 0 s" % os.getpid()
    with pytest.raises(records.Locked, match=message):
        there().acquire(0)
    near.release()
    last = there()  # nothing is left of the one that waited in vain
    last.acquire(0)
    last.release()


def test_it_is_called_as_libvirt_calls_it(folder: Path):
    lock = there()
    lock.acquire(0)
    lock.release()
    said = (folder / "said").read_text()
    assert said.startswith(
        "-T -e none -o BatchMode=yes -p 2222 -l me@home -i /a b -o StrictHostKeyChecking=no -- far sh -c ")


def test_it_is_waited_for():
    near, far = here(), there()
    near.acquire(0)
    since = time.monotonic()
    pid = os.fork()
    if pid == 0:
        time.sleep(0.5)
        os._exit(0)  # the file is this one's too
    near.leave()
    far.acquire(60)
    assert time.monotonic() - since >= 0.5
    far.release()
    os.waitpid(pid, 0)


def test_who_dies_has_it_no_more():
    code = ("from unit.test_ssh_lock import ssh_lock; import os;"
            "ssh_lock.PLACE = %r; held = ssh_lock.take(%r, 0); print(bool(held), flush=True); os.kill(os.getpid(), 9)"
            % (ssh_lock.PLACE, URI))
    done = subprocess.run(["python3", "-c", code], capture_output=True, text=True, check=False,
                          env=dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, __import__("sys").path))))
    assert done.stdout == "True\n", done.stderr
    lock = here()
    lock.acquire(10)
    lock.release()


def test_it_is_held_until_the_last_one_closes_it():
    lock = there()
    lock.acquire(0)
    pid = os.fork()
    if pid == 0:
        time.sleep(1)
        os._exit(0)
    lock.leave()
    with pytest.raises(records.Locked):
        here().acquire(0)
    os.waitpid(pid, 0)
    near = here()
    near.acquire(10)
    near.release()


@pytest.mark.parametrize(("name", "text"), [
    ("ssh", "#!/bin/sh\nexit 255\n"), ("flock", "#!/bin/sh\nexit 127\n"), ("ssh", "no program"),
    ("ssh", "#!/bin/sh\necho 'This account is for libvirt only.'\n"),
])
def test_where_it_cannot_be_had_that_is_known(folder: Path, name: str, text: str):
    program(folder, name, text)
    lock = there()
    lock.acquire(0)
    assert not lock.is_known_there and len(lock.files) == 1
    lock.release()


@pytest.mark.parametrize("uri", ["qemu+tls://far/system", "qemu+ssh://far/session", "qemu+libssh://far/system"])
def test_by_other_ways_it_is_not_tried(folder: Path, uri: str):
    lock = there(uri)
    lock.acquire(0)
    assert not lock.is_known_there and not (folder / "said").exists()
    lock.release()
