# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One playbook of all blocks: the host is made as examples know it before each page, and each block comes twice."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from blocks.extract import ROOT, Block

HERE = Path(__file__).resolve().parent
PLACE = Path("/run/blocks")
PARTS = {"plugins": "examples", "docs/howto": "howto", "roles": "roles"}  # which run side by side
ROUNDS = (1, 2)
LISTS = ("sriov", "nwfilters", "networks", "network_ports", "nwfilter_bindings", "interfaces")


def tag(block: Block, turn: int) -> str:
    return "%s#%d" % (block.name, turn)


def commands(block: Block) -> tuple[str, list[str]]:
    """What is to be run, and what it is to say; lines with $ are commands where any line is."""
    lines = block.text.splitlines()
    if not any(line.startswith("$ ") for line in lines):
        return block.text, []
    run, said, goes_on = [], [], False
    for line in lines:
        if goes_on or line.startswith("$ "):
            run.append(line.removeprefix("$ "))
            goes_on = line.endswith("\\")
        else:
            said.append(line)
    return "\n".join(run), said


class Playbook:
    """Plays of the blocks of one page."""

    def __init__(self, page: str) -> None:
        self.folder = PLACE / "pages" / page.replace("/", "-")
        self.plays: list[dict[str, Any]] = [self._play(["reset " + page], [{
            "name": "Make the host as examples know it",
            "ansible.builtin.command": "/usr/bin/python3 %s" % (HERE / "reset.py")}])]
        shutil.copytree(HERE / "world", self.folder)  # an inventory of its own, which playbooks write to

    @staticmethod
    def _play(tags: list[str], tasks: Any, **more: Any) -> dict[str, Any]:
        return {"hosts": "kvm1", "gather_facts": False, "ignore_errors": True, "tags": tags, "tasks": tasks, **more}

    def add(self, block: Block) -> None:
        if block.word in ("file", "add to"):
            self._file(block)
        elif block.runs:
            for turn in ROUNDS[:1] if block.word == "once" else ROUNDS:
                self.plays += getattr(self, "_" + block.kind)(block, [tag(block, turn)])

    def _file(self, block: Block) -> None:
        file = self.folder / block.why
        command = "mkdir -p %s && %s %s" % (
            shlex.quote(str(file.parent)), "cat >" if block.word == "file" else "cat >>", shlex.quote(str(file)))
        self.plays.append(self._play([tag(block, 1)], [{
            "name": "Write " + block.why, "ansible.builtin.shell": {"cmd": command, "stdin": block.text}}]))

    def _tasks(self, block: Block, tags: list[str]) -> list[dict[str, Any]]:
        return [self._play(tags, block.data, gather_facts="ansible_facts" in block.text)]

    def _roles(self, block: Block, tags: list[str]) -> list[dict[str, Any]]:
        return [self._play(tags, [], roles=block.data, gather_facts=True)]

    def _variables(self, block: Block, tags: list[str]) -> list[dict[str, Any]]:
        return [self._play(tags, [], roles=[{"role": "virtnet.libvirt." + block.role}], vars=block.data)]

    def _topology(self, block: Block, tags: list[str]) -> list[dict[str, Any]]:
        given = block.data.get("libvirt_topology", block.data)
        return [self._play(tags, [{"name": "Apply it", "virtnet.libvirt.topology": given}])]

    @staticmethod
    def _plays(block: Block, tags: list[str]) -> list[dict[str, Any]]:
        return [{**play, "tags": tags} if "hosts" not in play else {**play, "tags": tags, "ignore_errors": True}
                for play in block.data]

    def _inventory(self, block: Block, tags: list[str]) -> list[dict[str, Any]]:
        file = "page.libvirt_guests.yml"
        (self.folder / file).write_text(block.text)
        return [self._shell_task("ansible-inventory -i %s --list" % file, tags)]

    def _shell(self, block: Block, tags: list[str]) -> list[dict[str, Any]]:
        return [self._shell_task(commands(block)[0], tags)]

    def _shell_task(self, command: str, tags: list[str]) -> dict[str, Any]:
        told = "set -eo pipefail\n" + command.replace("{{", "{{ '{{' }}")
        return self._play(tags, [{"name": "Run it", "ansible.builtin.shell": {
            "cmd": told, "chdir": str(self.folder), "executable": "/bin/bash"}}])

    def write(self) -> Path:
        path = self.folder / "blocks.yml"
        path.write_text(json.dumps(self.plays, indent=1))
        return path


def play(pages: dict[str, list[Block]]) -> dict[str, list[dict[str, Any]]]:
    """Runs the pages in a sandbox, and says how tasks ended, by the tags of blocks."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    part = next((part for start, part in PARTS.items() if all(page.startswith(start) for page in pages)), "guides")
    ended, log = PLACE / "ended", ROOT / (".cache/blocks-%s.log" % part)
    ended.touch()
    log.write_text("")
    for page, blocks in pages.items():
        book = Playbook(page)
        for block in blocks:
            book.add(block)
        with log.open("a") as said:
            subprocess.run(
                ["ansible-playbook", "-i", "inventory", book.write().name], cwd=book.folder, stdout=said,
                stderr=subprocess.STDOUT, check=False, env=dict(
                    os.environ, PATH="%s:%s" % (ROOT / ".venv/bin", os.environ["PATH"]), ANSIBLE_NOCOLOR="1",
                    ANSIBLE_HOME=str(PLACE / "home"), ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"),
                    ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callback"), ANSIBLE_CALLBACKS_ENABLED="ended",
                    ANSIBLE_NOCOWS="1", ANSIBLE_PIPELINING="1", BLOCKS_ENDED=str(ended)))
    tasks: dict[str, list[dict[str, Any]]] = {}
    for line in ended.read_text().splitlines():
        one = json.loads(line)
        for name in one["tags"]:
            tasks.setdefault(name, []).append(one)
    return tasks
