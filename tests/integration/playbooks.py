# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks as users run them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def playbook(tmp_path: Path, *arguments: object) -> str:
    """What a playbook says that ends well."""
    ended = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", *arguments], text=True, capture_output=True, check=False,
        env=dict(os.environ, ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(tmp_path / "home"),
                 ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
                 ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
