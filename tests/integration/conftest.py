# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests in a sandbox share: a libvirt connection without networks, and devices of the host."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import libvirt
import pytest
from integration.host import remove_everything, sh
from integration.lab import LAB, answers, boot
from integration.modules import run
from sshd import served

DEVICES = ("hostbr0 type bridge", "hostbr1 type bridge", "nic0 type veth peer name wire0",
           "nic1 type veth peer name wire1", "nic2 type veth peer name wire2")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--half", type=int, choices=(0, 1), help="every second test; others are for another release")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    half = config.getoption("--half")
    if half is not None:
        config.hook.pytest_deselected(items=items[1 - half::2])
        items[:] = items[half::2]


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
    with served(tmp_path) as reached:
        yield reached
