# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as users run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def program(name: str) -> Path:
    """A program of Ansible's controller, which hosts have no need of."""
    if sys.version_info < (3, 11):
        pytest.skip("Ansible's controller needs Python 3.11, and this release has %d.%d" % sys.version_info[:2])
    return ROOT / ".venv/bin" / name


def playbook(tmp_path: Path, *arguments: object) -> str:
    """What a playbook says that ends well."""
    ended = subprocess.run(
        [program("ansible-playbook"), *arguments], text=True, capture_output=True, check=False,
        env=dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(tmp_path / "home"),
                 ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
                 ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
