# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, kills, edits and surroundings on a host with Open vSwitch, of which ovs-vsctl is a witness."""

from __future__ import annotations

from faults.bench import Bench
from faults.calls import FaultsOf
from faults.kills import at_calls


def run(bench: Bench) -> None:
    for number in range(1 if bench.short else 10):
        name = "switch/calls/%d" % number
        if bench.wants(name):
            FaultsOf(bench, name, switch=True).run()
    for number in range(1 if bench.short else 8):
        name = "switch/kills/%d" % number
        if bench.wants(name):
            at_calls(bench, name, switch=True)
