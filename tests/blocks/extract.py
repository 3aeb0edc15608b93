# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of code in documentation: EXAMPLES of plugins, and what guides and READMEs have between fences.

A block is run, twice, unless a marker before it says otherwise. In Markdown that is a comment of HTML, in EXAMPLES one
of YAML ("not run by the tests: WHY"):

    not run: WHY        it cannot run here, or is what a task returns; tests/unit/test_blocks.py counts the reasons
    once: WHY           not run a second time
    file: NAME          it is the content of this file, for commands of the same page
    add to: NAME        it is added to the end of this file
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORDS = "not run|once|file|add to"
FENCE = re.compile(
    r"(?:<!-- (?P<word>%s): (?P<why>[^>]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$" % WORDS,
    re.M | re.S)
COMMENT = re.compile(r"^# (?P<word>%s) by the tests: (?P<why>.*)$" % WORDS, re.M)
SHELL = ("console", "bash")
SHOWN = ("text", "xml", "hcl", "json", "python", "ini")  # no language that would run
LISTS = {"sriov", "nwfilters", "networks", "network_ports", "nwfilter_bindings", "interfaces", "libvirt_topology"}


@dataclass
class Block:
    """A piece of documentation that is run as it stands."""

    page: str
    line: int
    language: str
    text: str
    word: str = ""  # of the marker
    why: str = ""

    @property
    def data(self) -> Any:
        try:
            return yaml.safe_load(self.text)
        except yaml.YAMLError as error:
            raise ValueError("%s: %s" % (self.name, str(error).replace("\n", " "))) from error

    @property
    def name(self) -> str:
        return "%s:%d" % (self.page, self.line)

    @property
    def runs(self) -> bool:
        return self.kind not in ("shown", "not run", "file", "add to")

    @property
    def kind(self) -> str:
        if self.word in ("not run", "file", "add to"):
            return self.word
        if self.language in SHELL:
            return "shell"
        if self.language in SHOWN:
            return "shown"
        if self.language == "yaml":
            return self._kind_of_yaml()
        raise ValueError("%s: the language %s is not known" % (self.name, self.language))

    def _kind_of_yaml(self) -> str:
        data = self.data
        if isinstance(data, list) and all(isinstance(one, dict) for one in data):
            for key, kind in (("hosts", "plays"), ("ansible.builtin.import_playbook", "plays"), ("role", "roles")):
                if all(key in one for one in data):
                    return kind
            return "tasks"
        if isinstance(data, dict) and "plugin" in data:
            return "inventory"
        if isinstance(data, dict) and set(data) <= LISTS:
            return "topology"
        if isinstance(data, dict) and self.role:
            return "variables"
        raise ValueError("%s: it cannot be told how to run this; give a marker" % self.name)

    @property
    def role(self) -> str:
        """The role whose variables these are."""
        names = [role.name for role in ROOT.glob("roles/*")]
        return next((name for name in names if all(key.startswith(name + "_") for key in self.data)), "")


def of_markdown(file: Path) -> list[Block]:
    text = file.read_text()
    return [Block(str(file.relative_to(ROOT)), text[:one.start("text")].count("\n"), one["language"],
                  re.sub("^" + one["indent"], "", one["text"], flags=re.M), one["word"] or "", one["why"] or "")
            for one in FENCE.finditer(text)]


def of_plugin(file: Path) -> list[Block]:
    """A task each, with those after it that use what it registered."""
    node = next((one for one in ast.parse(file.read_text()).body if isinstance(one, ast.Assign)
                 and getattr(one.targets[0], "id", "") == "EXAMPLES"), None)
    if node is None or not isinstance(node.value, ast.Constant):
        return []
    text = str(node.value.value)
    line = node.value.lineno
    if not re.search(r"^- ", text, re.M):
        return [_example(file, line, text)]
    blocks: list[tuple[int, str]] = []
    for match in re.finditer(r"^(?:#.*\n)*- .*\n(?:(?:[ #].*)?\n)*?(?=^(?:#.*\n)*- |\Z)", text, re.M):
        registered = re.findall(r"^  register: (\w+)", blocks[-1][1], re.M) if blocks else []
        if any(re.search(r"\b%s\b" % name, match[0]) for name in registered):
            blocks[-1] = (blocks[-1][0], blocks[-1][1] + match[0])
        else:
            blocks.append((line + text[:match.start()].count("\n"), match[0]))
    return [_example(file, *one) for one in blocks]


def _example(file: Path, line: int, text: str) -> Block:
    marker = COMMENT.search(text)
    word, why = (marker["word"], marker["why"]) if marker else ("", "")
    return Block(str(file.relative_to(ROOT)), line, "yaml", text, word, why)


def pages() -> dict[str, list[Block]]:
    """All blocks, by file, as they follow each other there. What CONTRIBUTING.md has are stages of CI."""
    markdown = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")),
                *sorted(ROOT.glob("roles/*/README.md")), ROOT / "examples/README.md"]
    found = {str(file.relative_to(ROOT)): of_markdown(file) for file in markdown}
    for kind in ("modules", "filter", "inventory", "lookup", "test"):
        for file in sorted(ROOT.glob("plugins/%s/*.py" % kind)):
            found[str(file.relative_to(ROOT))] = of_plugin(file)
    return {page: blocks for page, blocks in found.items() if blocks}


def main() -> None:
    blocks = [block for page in pages().values() for block in page]
    why = Counter(block.why for block in blocks if block.word == "not run")
    print("%d blocks are run, %d files for them are written; not run are %d:" % (
        sum(block.runs for block in blocks), sum(block.word in ("file", "add to") for block in blocks), why.total()))
    for reason, count in why.most_common():
        print("%3d  %s" % (count, reason))


if __name__ == "__main__":
    main()
