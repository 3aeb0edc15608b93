# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This host reached over ssh, as Ansible reaches others."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORT = 2222


@contextmanager
def served(folder: Path) -> Iterator[dict]:
    """What Ansible is told of this host, with a daemon of its own as long as this lasts; its keys are in ``folder``."""
    sshd = shutil.which("sshd", path="/usr/sbin:" + os.environ["PATH"])
    if not sshd:
        raise RuntimeError("there is no sshd here: install openssh-server (make setup)")
    os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    options = ("Port=%d" % PORT, "ListenAddress=127.0.0.1", "HostKey=%s/host" % folder, "UsePAM=no", "StrictModes=no",
               "AuthorizedKeysFile=%s/user.pub" % folder, "PidFile=none", "Subsystem=sftp internal-sftp")
    server = subprocess.Popen([sshd, "-D", "-e", "-f", "/dev/null", *("-o" + option for option in options)],
                              stderr=subprocess.DEVNULL)
    try:
        _wait_for_it()
        yield {"ansible_host": "127.0.0.1", "ansible_port": PORT, "ansible_ssh_private_key_file": "%s/user" % folder,
               "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F none",
               "ansible_control_path_dir": str(folder / "cp"), "ansible_timeout": 2}
    finally:
        server.terminate()


def _wait_for_it() -> None:
    end = time.monotonic() + 10
    while socket.socket().connect_ex(("127.0.0.1", PORT)):
        if time.monotonic() > end:
            raise RuntimeError("sshd does not answer")
        time.sleep(0.05)
