# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests in a sandbox share: a libvirt connection without networks, and devices of the host."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import Any

import libvirt
import pytest
from integration.host import remove_everything, sh, within
from integration.lab import LAB, answers, boot
from integration.modules import run

DEVICES = ("hostbr0 type bridge", "hostbr1 type bridge", "nic0 type veth peer name wire0",
           "nic1 type veth peer name wire1", "nic2 type veth peer name wire2")


class Connection:
    """libvirt's connection, which a test that restarts the daemon opens again."""

    def __init__(self) -> None:
        self.open_again()

    def open_again(self) -> None:
        self._open = libvirt.open("qemu:///system")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._open, name)


@pytest.fixture(scope="session")
def hypervisor():
    if not os.environ.get("VIRTNET_SANDBOX"):
        pytest.fail("this test changes networks: run it inside tests/sandbox (make integration)")
    libvirt.registerErrorHandler(lambda context, error: None, None)
    connection = Connection()
    for device in DEVICES:
        subprocess.run(["ip", "link", "add"] + device.split(), check=False, capture_output=True)
        sh("ip link set %s up" % device.split()[0])
    yield connection
    connection.close()


@pytest.fixture
def clean(hypervisor):
    """A connection to a libvirt without networks and domains."""
    remove_everything(hypervisor)
    yield hypervisor
    remove_everything(hypervisor)


@pytest.fixture
def guest(clean):
    """A guest that answers on the network lab."""
    run("network", **LAB)
    domain = boot(clean)
    assert answers()
    return domain


@pytest.fixture
def over_ssh(tmp_path):
    """How a host is reached over ssh, which is this one."""
    sshd = shutil.which("sshd", path="/usr/sbin:" + os.environ["PATH"])
    if not sshd:
        pytest.fail("there is no sshd here: install openssh-server (make setup)")
    os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host", "user"):
        sh("ssh-keygen -q -t ed25519 -N '' -f %s/%s" % (tmp_path, name))
    options = ("Port=2222", "ListenAddress=127.0.0.1", "HostKey=%s/host" % tmp_path, "UsePAM=no", "StrictModes=no",
               "AuthorizedKeysFile=%s/user.pub" % tmp_path, "PidFile=none", "Subsystem=sftp internal-sftp")
    server = subprocess.Popen([sshd, "-D", "-e", "-f", "/dev/null", *("-o" + option for option in options)],
                              stderr=subprocess.DEVNULL)
    assert within(10, lambda: not socket.socket().connect_ex(("127.0.0.1", 2222)))
    yield {"ansible_host": "127.0.0.1", "ansible_port": 2222, "ansible_ssh_private_key_file": "%s/user" % tmp_path,
           "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F none",
           "ansible_control_path_dir": str(tmp_path / "cp"), "ansible_timeout": 2}
    server.terminate()
