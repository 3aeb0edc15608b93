# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""build.py: makes the documentation site in .cache/docs/site, of the guides and of what plugins and roles say of
themselves. A warning is a failure.

Guides are plain Markdown that a forge shows as well. The lists of docs/README.md are the site's table of contents, and
links between files become links between pages, or lead to the repository where a file is no page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from messages import every_message

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
OUT = ROOT / ".cache/docs"
SOURCE, SITE = OUT / "source", OUT / "site"
HOME = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
CODE = re.compile(r"^```.*?^ *```$", re.M | re.S)
LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")
ENTRY = re.compile(r"^- \[([^]]+)\]\(([^)]+)\)", re.M)
REFERENCE = "reference/index.rst"


def pages() -> dict[Path, Path]:
    """Where each Markdown file of the repository is on the site; docs/ is its top."""
    found = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md"), ROOT / "examples/README.md",
             ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    placed = {}
    for file in found:
        path = file.relative_to(ROOT)
        placed[file] = Path(*path.parts[1:]) if path.parts[0] == "docs" else path
    placed[ROOT / "docs/README.md"] = Path("index.md")
    placed[ROOT / "README.md"] = Path("about.md")
    return placed


def on_site(text: str, file: Path, placed: dict[Path, Path]) -> str:
    """The text with links that hold on the site."""
    def link(match: re.Match[str]) -> str:
        target = match[2]
        if target == HOME:
            return match[1] + os.path.relpath(REFERENCE, placed[file].parent) + match[3]
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        there = (file.parent / target).resolve()
        if not there.exists():
            sys.exit("docs: %s links to %s, which is not there" % (file.relative_to(ROOT), target))
        if there.is_relative_to(ROOT / "docs/images"):
            target = os.path.relpath("images/" + there.name, placed[file].parent)
        elif there in placed:
            target = os.path.relpath(placed[there], placed[file].parent)
        else:
            target = "%s/%s/main/%s" % (HOME, "tree" if there.is_dir() else "blob", there.relative_to(ROOT))
        return match[1] + target + match[3]

    parts, end = [], 0
    for code in CODE.finditer(text):
        parts += [LINK.sub(link, text[end:code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, LINK.sub(link, text[end:])])


def contents(index: str) -> str:
    """The table of contents that the lists of the index are, a caption for each heading."""
    trees = []
    for section in re.split(r"^## ", index, flags=re.M)[1:]:
        caption, body = section.split("\n", 1)
        entries = ["%s <%s>" % (title, page.rpartition(".")[0]) for title, page in ENTRY.findall(body)]
        trees.append("```{toctree}\n:hidden:\n:caption: %s\n\n%s\n```\n" % (caption, "\n".join(entries)))
    return "\n".join(trees)


def stage() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.copytree(ROOT / "docs/images", SOURCE / "images")
    placed = pages()
    for file, place in placed.items():
        text = on_site(file.read_text(), file, placed)
        if place.name == "index.md":
            text += "\n" + contents(text)
        if place.name == "troubleshooting.md":
            text += "\n" + every_message()
        (SOURCE / place).parent.mkdir(parents=True, exist_ok=True)
        (SOURCE / place).write_text(text)


def reference() -> None:
    (SOURCE / "reference").mkdir(mode=0o755)
    run("antsibull-docs", "--config-file", str(HERE / "antsibull-docs.cfg"), "collection", "--use-current",
        "--squash-hierarchy", "--indexes", "--fail-on-error", "--dest-dir", str(SOURCE / "reference"),
        "virtnet.libvirt")
    for page in (SOURCE / "reference").glob("*.rst"):  # the theme has a table of contents at its side
        page.write_text(re.sub(r"^\.\. contents::\n(?: +.*\n)*", "", page.read_text(), flags=re.M))
    with (SOURCE / REFERENCE).open("a") as index:
        index.write("\n.. toctree::\n   :hidden:\n   :glob:\n\n   *\n")


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, env=dict(
        os.environ, ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"), PYTHONPATH=str(HERE)), check=False)
    if done.returncode:
        sys.exit("docs: failed: " + " ".join(command[:2]))


def main() -> None:
    stage()
    reference()
    run("sphinx-build", "-M", "html", str(SOURCE), str(OUT), "-c", str(HERE), "-W", "--keep-going", "-q", "-j", "2")
    (OUT / "html").rename(SITE)
    print("docs: %s" % (SITE / "index.html"))


if __name__ == "__main__":
    main()
