# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole host in one task of topology costs: beside one ping, a loop of define, and libvirt itself.

tests/bench/run starts this in a sandbox. It fails when a playbook fails or an unchanged host is changed, never on time.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench import Cost, measure, play, refuse_changes

PLACE = Path(".cache/bench/host")
LOOP = 50  # turns of the loop of define that are measured; the rest is reckoned
XML = """<network><name>%(name)s</name><forward mode='nat'/><bridge name='%(bridge)s'/>
<ip address='%(address)s' prefix='24'/></network>"""
VIRSH = {"make": ("net-define {0}/{1}.xml", "net-start {1}", "net-autostart {1}"),
         "remove": ("net-destroy {1}", "net-undefine {1}")}
GOALS = {"written": 3.0, "src": 1.8}  # times one ping
TIMES_FASTER = {"written": 60, "src": 100}  # than the loop
FIRST = 1.2  # times what libvirt takes, and a ping


def networks(count: int) -> list[dict[str, Any]]:
    """So many NAT networks that run and start at boot, as topology takes them."""
    return [{"name": "net%03d" % number, "state": "active", "autostart": True, "forward": {"mode": "nat"},
             "bridge": {"name": "vb%03d" % number},
             "ips": [{"address": "10.%d.%d.1" % (100 + number // 250, number % 250), "prefix": 24}]}
            for number in range(count)]


def playbook(path: Path, options: dict[str, Any]) -> None:
    """A playbook with one task of topology; JSON is YAML too."""
    task = {"name": "The host", "virtnet.libvirt.topology": options}
    path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]))


def write(stated: list[dict[str, Any]]) -> None:
    """All files that are played, and virsh's commands that make and remove the same networks."""
    PLACE.mkdir(parents=True, exist_ok=True)
    document = PLACE.resolve() / "host.json"
    document.write_text(json.dumps({"networks": stated}))
    playbook(PLACE / "written.yml", {"networks": stated})
    playbook(PLACE / "src.yml", {"src": str(document)})
    for one in stated:
        values = {"name": one["name"], "bridge": one["bridge"]["name"], "address": one["ips"][0]["address"]}
        (PLACE / ("%s.xml" % one["name"])).write_text(XML % values)
    for name, commands in VIRSH.items():
        lines = [command.format(PLACE.resolve(), one["name"]) for one in stated for command in commands]
        (PLACE / name).write_text("\n".join(lines) + "\n")


def virsh(name: str) -> Cost:
    """What one virsh takes for a file of commands, which is what libvirt takes."""
    return measure(["sh", "-c", "virsh -q < %s > /dev/null" % (PLACE / name)])


def take_turns(rounds: int) -> dict[str, list[float]]:
    """Seconds on the clock of each round."""
    walls: dict[str, list[float]] = {"ping": [], "define": [], **{name: [] for name in GOALS}}
    for number in range(rounds):
        print("bench: round %d of %d" % (number + 1, rounds), flush=True)
        walls["ping"].append(play("ping", 1).wall)
        walls["define"].append(play("define", LOOP).wall)
        for name in GOALS:
            walls[name].append(play(name, folder=PLACE).wall)
            refuse_changes(name)
    return walls


def found(walls: dict[str, list[float]], count: int, libvirt: float, first: float) -> Iterator[str]:
    """The seconds, and how near the goals are."""
    ping = median(walls["ping"])
    loop = median(one - less for one, less in zip(walls["define"], walls["ping"])) * count / LOOP + ping
    yield "one ping                            %7.2f s" % ping
    yield "a loop of define (from %d turns)    %7.2f s" % (LOOP, loop)
    for name, most in GOALS.items():
        wall = median(walls[name])
        times = median(one / two for one, two in zip(walls[name], walls["ping"]))
        yield "%-8s nothing to do              %7.2f s   / ping %.2f (goal %.1f)   loop / it %.0f (goal %d)" % (
            name, wall, times, most, loop / wall, TIMES_FASTER[name])
    yield "virsh    all new                    %7.2f s" % libvirt
    yield "src      all new                    %7.2f s   / (virsh + ping) %.2f (goal %.1f)" % (
        first, first / (libvirt + ping), FIRST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    write(networks(options.networks))
    libvirt = virsh("make").wall
    virsh("remove")
    first = play("src", folder=PLACE).wall
    play("define", 1)
    walls = take_turns(options.rounds)
    print("\n%d running networks in one task, medians of %d rounds on the clock" % (options.networks, options.rounds))
    print("\n".join(found(walls, options.networks, libvirt, first)))


if __name__ == "__main__":
    main()
