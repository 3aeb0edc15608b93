# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs "ansible-galaxy collection build FOLDER", which else takes files as the disk has them and writes the time."""

from __future__ import annotations

import os
import sys
import time

from ansible.cli.galaxy import GalaxyCLI


def main() -> None:
    """Builds the first argument's archive in the second."""
    folder, target = sys.argv[1:]
    as_they_lie, epoch = os.listdir, float(os.environ["SOURCE_DATE_EPOCH"])
    os.listdir = lambda *path: sorted(as_they_lie(*path))
    time.time = lambda: epoch
    GalaxyCLI.cli_executor(["ansible-galaxy", "collection", "build", "--force", "--output-path", target, folder])


if __name__ == "__main__":
    main()
