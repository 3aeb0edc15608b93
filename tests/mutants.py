# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks one line of the collection after the other, and says which breaks the unit tests do not notice.

.venv/bin/python tests/mutants.py [--count 50] [--seed 1] [--tests "PYTEST ARGUMENTS"]... [FILE...]

More than one --tests are run in turn until one notices: give first what is quick and notices most. It works in a copy.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
UTILS = "plugins/module_utils/_virtnet/"
DEFAULT = ("engine/*.py", "resources/*/plan.py", "resources/folding.py", "resources/exclusive.py")
OPPOSITE = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add,
}


def _mutations(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
        yield ast.Compare(node.left, [OPPOSITE[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(OPPOSITE[type(node.op)](), node.values)
        yield from node.values
    elif isinstance(node, ast.BinOp) and type(node.op) in OPPOSITE:
        yield ast.BinOp(node.left, OPPOSITE[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.If):
        yield ast.If(ast.Constant(True), node.body, [])
        yield ast.If(ast.Constant(False), node.body, node.orelse)
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, (ast.AugAssign, ast.Raise, ast.Continue, ast.Break)) or (
            isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)):
        yield ast.Pass()


def _without_types(tree: ast.AST) -> None:
    """Annotations are nothing that runs."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None


def mutants(path: Path) -> Iterator[tuple[ast.AST, ast.AST, ast.AST]]:
    """What is changed, to what, and the whole file as it is until the next is asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    _without_types(tree)
    for parent in list(ast.walk(tree)):
        for field, value in ast.iter_fields(parent):
            for index, child in enumerate(value if isinstance(value, list) else [value]):
                for other in _mutations(child) if isinstance(child, ast.AST) else ():
                    where = parent.__dict__[field] if isinstance(value, list) else None
                    if where is not None:
                        where[index] = other
                    else:
                        setattr(parent, field, other)
                    yield child, ast.fix_missing_locations(other), tree
                    if where is not None:
                        where[index] = child
                    else:
                        setattr(parent, field, child)


def _chosen(paths: list[Path], count: int, seed: int) -> Iterator[tuple[Path, str, str]]:
    """The file, the change in words and the file's text of some mutants, in the order of the files."""
    sites = [(path, number) for path in paths for number, _mutant in enumerate(mutants(ROOT / path))]
    wanted = set(random.Random(seed).sample(sites, min(count, len(sites))))
    for path in paths:
        for number, (was, now, tree) in enumerate(mutants(ROOT / path)):
            if (path, number) in wanted:
                place = str(path).replace(UTILS, "")
                said = "%s:%d  %s  ->  %s" % (place, was.lineno, ast.unparse(was), ast.unparse(now))
                yield path, " ".join(said.split())[:240], ast.unparse(tree)


def _unnoticed(root: Path, runs: list[str], patience: float) -> bool:
    """Whether all tests pass; what does not come to an end within ``patience`` seconds is noticed."""
    environment = {"PYTHONPATH": str(root.parents[2]), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    for tests in runs:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *shlex.split(tests)]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=environment, start_new_session=True) as running:
            try:
                code = running.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)  # with those that it began
                return False
        if code:
            return False
    return True


def main() -> None:
    """Chooses, tries and tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", action="append")
    parser.add_argument("files", nargs="*", metavar="FILE")
    given = parser.parse_args()
    paths = [Path(file) for file in given.files] or sorted(
        path.relative_to(ROOT) for one in DEFAULT for path in ROOT.glob(UTILS + one))
    alive = []
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "ansible_collections/virtnet/libvirt")
        root.mkdir(parents=True)
        files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                               capture_output=True).stdout
        subprocess.run(["rsync", "-a", "--files-from=-", str(ROOT), str(root)], input=files, check=True)
        tried, runs = 0, given.tests or ["tests/unit"]
        for path in paths:  # as mutants are written, so that no test notices only that
            text = ast.unparse(ast.parse((ROOT / path).read_text(encoding="utf-8")))
            (root / path).write_text(text, encoding="utf-8")
        began = time.monotonic()
        if not _unnoticed(root, runs, 3600):
            sys.exit("the tests fail without a mutant")
        patience = 60 + 3 * (time.monotonic() - began)
        for path, told, text in _chosen(paths, given.count, given.seed):
            before = (root / path).read_text(encoding="utf-8")
            (root / path).write_text(text, encoding="utf-8")
            lives = _unnoticed(root, runs, patience)
            (root / path).write_text(before, encoding="utf-8")
            print("%s %s" % ("LIVES" if lives else "dies ", told), flush=True)
            tried += 1
            alive += [told] if lives else []
    print("%d of %d live" % (len(alive), tried))


if __name__ == "__main__":
    main()
