# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the collection on purpose, and says what it leaves of a host: one table, and 1 where anything is not right.

Each part runs in a sandbox of its own, side by side; or, from inside tests/sandbox, one after the other in that.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / ".cache/pylib")]
PARTS = ("calls", "kills", "beside", "surroundings", "switch")
WITH_SWITCH = ("switch",)  # which the sandbox starts for these; CI has not the time for them
RESULTS = Path(os.environ.get("FAULTS_RESULTS", ROOT / ".cache" / "faults"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/faults/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a few of each, as CI has them")
    parser.add_argument("--seed", default="1", help="other plans, hosts and moments (default: 1)")
    parser.add_argument("--only", default="", metavar="NAME",
                        help="one part, plan or try: calls, calls/3, calls/3/7-late")
    parser.add_argument("--debian", choices=("12", "13"), help="libvirt of that release")
    parser.add_argument("--sabotage", action="store_true",
                        help="break the host after each try: all must be seen to be wrong, else this fails")
    parser.add_argument("--strict", action="store_true",
                        help="the order of reservations and the number of connections count, too")
    asked = parser.parse_args()
    if asked.strict:
        os.environ["FAULTS_STRICT"] = "1"
    return asked


def inside(asked: argparse.Namespace, parts: list[str]) -> bool:
    """Runs parts in this sandbox; whether all is right."""
    from faults.bench import Bench
    from faults.results import save, table

    right = True
    tries = []
    for name in parts:
        bench = Bench(asked.seed, asked.short, asked.only, asked.sabotage)
        try:
            importlib.import_module("faults." + name).run(bench)
        except Exception:  # of the harness
            traceback.print_exc()
            sys.exit(70)
        finally:
            save(bench.tries, RESULTS / ("%s.jsonl" % name))
        tries += bench.tries
        right = right and not bench.failed
    if not os.environ.get("FAULTS_PART"):
        print(table(tries))
    return right


def in_sandbox(asked: argparse.Namespace, part: str, results: Path) -> tuple[str, int, float]:
    """Runs a part in a sandbox of its own; its output goes to a file, and what it says of failures to ours too."""
    since = time.monotonic()
    command = [str(ROOT / "tests/sandbox"), *(["--debian", asked.debian] if asked.debian else []),
               *(["--ovs"] if part in WITH_SWITCH else []), "/usr/bin/python3",
               str(ROOT / "tests/faults/main.py"), *(["--short"] if asked.short else []), "--seed", asked.seed,
               "--only", asked.only or part, *(["--sabotage"] if asked.sabotage else [])]
    (results / ("%s.jsonl" % part)).unlink(missing_ok=True)
    with open(results / ("%s.log" % part), "w") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False,
                              env=dict(os.environ, FAULTS_PART=part, FAULTS_RESULTS=str(results))).returncode
    return part, code, time.monotonic() - since


def outside(asked: argparse.Namespace, parts: list[str]) -> bool:
    from faults.results import details, load, table

    results = RESULTS / (asked.debian or "here")
    results.mkdir(parents=True, exist_ok=True)
    right, tries, said, wrong = True, [], [], []
    with ThreadPoolExecutor(len(PARTS)) as pool:  # they mostly wait for libvirt
        for part, code, seconds in pool.map(lambda part: in_sandbox(asked, part, results), parts):
            print((results / ("%s.log" % part)).read_text(), end="", flush=True)
            found = load(results / ("%s.jsonl" % part))
            tries += found
            said.append("%s: %d tries, %d s, settled within %.1f s%s" % (
                part, len(found), seconds, max([one.seconds for one in found], default=0),
                "" if code in (0, 1) else ", ENDED BY CODE %d" % code))
            right = right and code == 0 and bool(found)
            wrong += [details(one, asked.seed) for one in found if not one.right]
    print("\n".join([table(tries), "; ".join(said), *wrong]))  # where output is cut, it is cut at the front
    return right


def main() -> int:
    asked = arguments()
    parts = [part for part in PARTS if asked.only.split("/")[0] == part or not (
        asked.only or (asked.short and part in WITH_SWITCH))]
    if not parts:
        print("no part %s; there are %s" % (asked.only, ", ".join(PARTS)), file=sys.stderr)
        return 64
    right = inside(asked, parts) if os.environ.get("VIRTNET_SANDBOX") else outside(asked, parts)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
