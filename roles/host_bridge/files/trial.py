"""trial.py COMMAND DIRECTORY: changes the host's network for good only when the host and who changed it can be reached.

begin    takes the plan from stdin, and starts "try" as a service of its own, which outlives Ansible's connection
try      puts the files on trial where a boot forgets them, waits until the addresses answer and for the
         confirmation, and only then puts the lasting files
settle   the end of that service, however it ended: without a confirmation everything is as it was
confirm  confirms, waits for the end, and prints it

The plan is JSON: bridge, uplink, absent, check (addresses that must answer), timeout (s), and trial and lasting,
the text of files of systemd-networkd by path, null for none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Callable

DEVICES = Path("/sys/class/net")


class Failed(Exception):
    """Why the change is not kept."""


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise Failed("%s: %s" % (" ".join(command), done.stderr.strip()))


def put(files: dict) -> None:
    for name, text in files.items():
        path = Path(name)
        if text is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)


def current(files: dict) -> dict:
    return {name: Path(name).read_text(encoding="utf-8") if Path(name).exists() else None for name in files}


def until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


class Trial:
    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)

    @cached_property
    def plan(self) -> dict:
        return json.loads((self.directory / "plan.json").read_text(encoding="utf-8"))

    def say(self, **state: object) -> None:
        put({str(self.directory / "state.json"): json.dumps(state)})

    def state(self) -> dict:
        path = self.directory / "state.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def answers(self) -> bool:
        return all(subprocess.run(("ping", "-q", "-c", "1", "-W", "1", "--", address), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False).returncode == 0
                   for address in self.plan["check"])

    def in_place(self) -> bool:
        """Whether the bridge and its uplink are as planned, and the addresses answer."""
        plan = self.plan
        inside = (DEVICES / plan["bridge"] / "brif" / plan["uplink"]).exists() if plan["uplink"] else not plan["absent"]
        there = (DEVICES / plan["bridge"]).exists() or plan["absent"]
        return there and inside != plan["absent"] and self.answers()

    def require_in_place(self) -> None:
        plan = self.plan
        if not until(self.in_place, plan["timeout"]):
            what = "%s did not answer" % " and ".join(plan["check"]) if plan["check"] else "the bridge was not in place"
            raise Failed("%s within %d s after %s was to be %s %s" % (
                what, plan["timeout"], plan["uplink"] or "nothing",
                "taken out of" if plan["absent"] else "put into", plan["bridge"]))

    def delete_bridge(self) -> None:
        if (DEVICES / self.plan["bridge"]).exists():
            run("networkctl", "delete", self.plan["bridge"])

    # --- commands

    def begin(self) -> None:
        for name in ("state.json", "confirmed"):
            (self.directory / name).unlink(missing_ok=True)
        put({str(self.directory / "plan.json"): sys.stdin.read()})
        former = {"files": current(self.plan["lasting"]), "bridge": (DEVICES / self.plan["bridge"]).exists()}
        put({str(self.directory / "former.json"): json.dumps(former)})
        me = [sys.executable, str(Path(__file__).resolve())]
        run("systemd-run", "--collect", "--unit", "virtnet-host-bridge-%s.service" % self.plan["bridge"],
            "--property", "ExecStopPost=" + " ".join([*me, "settle", str(self.directory)]),
            *me, "try", str(self.directory))

    def attempt(self) -> None:
        plan = self.plan
        try:
            time.sleep(1)  # Ansible gets the answer of "begin" before the network changes.
            put(plan["trial"])
            run("networkctl", "reload")
            if plan["uplink"] and not plan["trial"]:
                run("networkctl", "reconfigure", plan["uplink"])
            self.require_in_place()
            self.say(state="answers")
            if not until((self.directory / "confirmed").exists, plan["timeout"]):
                raise Failed("Ansible could not reach the host within %d s to confirm it" % plan["timeout"])
            self.keep()
        except Failed as error:
            self.say(state="failed", reason=str(error))
            sys.exit(1)

    def keep(self) -> None:
        if self.plan["absent"]:
            self.delete_bridge()
        put(self.plan["lasting"])
        put(dict.fromkeys(self.plan["trial"]))
        run("networkctl", "reload")
        self.require_in_place()
        self.say(state="kept")

    def settle(self) -> None:
        state = self.state()
        if state.get("state") == "kept":
            return
        former = json.loads((self.directory / "former.json").read_text(encoding="utf-8"))
        reason = state.get("reason", "it was interrupted")
        put(dict.fromkeys(self.plan["trial"]))
        put(former["files"])
        try:
            if not former["bridge"]:
                self.delete_bridge()
            run("networkctl", "reload")
        except Failed as error:
            reason += "; " + str(error)
        self.say(state="returned", reason=reason, answers=until(self.answers, self.plan["timeout"]))

    def confirm(self) -> None:
        def reaches(*states: str) -> bool:
            return until(lambda: self.state().get("state") in states, 3 * self.plan["timeout"] + 10)

        if reaches("answers", "kept", "returned") and self.state()["state"] == "answers":
            (self.directory / "confirmed").touch()
            reaches("kept", "returned")
        print(json.dumps(self.state()))


if __name__ == "__main__":
    os.umask(0o022)  # systemd-networkd, which is not root, has to read its files, and nobody else to write them
    trial = Trial(sys.argv[2])
    {"begin": trial.begin, "try": trial.attempt, "settle": trial.settle, "confirm": trial.confirm}[sys.argv[1]]()
