# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls of the house: arrows only go downwards, and each room has its own library to itself."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.order import LAST
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.kinds import KINDS

HOUSE = pathlib.Path(__file__).parents[2] / "plugins/module_utils/_virtnet"
FILES = sorted(HOUSE.rglob("*.py"))
# from the ground up: who is above may import what is below, not the other way round
FLOORS = ("schema", "documents", "host", "engine", "resources", "task.py")
# what is no transport: data, questions about it, and words
DATA = ("host/snapshot.py", "host/parts.py", "host/uses.py", "host/subnets.py", "host/flags.py", "host/errors.py",
        "host/__init__.py")
TRANSPORTS = ("host/libvirt.py", "host/kernel.py", "host/netlink.py", "host/sysfs.py", "host/boot.py",
              "host/records.py", "host/systemd.py", "host/firewall.py", "host/limits.py", "host/places.py",
              "host/daemon.py", "host/sysctls.py", "host/start.py", "host/dnsmasq.py", "host/probes.py",
              "host/keeper.py", "host/ifupdown.py", "host/networkd.py", "host/networkmanager.py", "host/ovsdb.py",
              "host/ssh_lock.py", "host/watches.py", "host/ports.py", "host/legacy.py")
# what only plans, and so only sees data
PURE = ("found.py", "plan.py", "promise.py", "describe.py", "resource.py", "back.py", "refusals.py")
LIBRARIES = {
    "libvirt": ["host/libvirt.py"], "pyroute2": ["host/kernel.py"], "lxml": ["schema/xml.py"],
    "subprocess": ["host/daemon.py", "host/dnsmasq.py", "host/keeper.py", "host/probes.py", "host/ssh_lock.py",
                   "host/sysfs.py", "host/systemd.py"],
    "ctypes": ["host/firewall.py", "host/legacy.py", "host/watches.py"],
    "socket": ["host/kernel.py", "host/legacy.py", "host/netlink.py", "host/ovsdb.py", "host/ports.py",
               "host/probes.py"],
}


def place(file: pathlib.Path) -> str:
    return file.relative_to(HOUSE).as_posix()


def floor(where: str) -> int:
    return FLOORS.index(where.split("/")[0])


def imports(file: pathlib.Path, types_too: bool = False) -> Iterator[tuple[str, str]]:
    """(module, name) of everything that a file imports, also within functions; relative modules as places."""
    tree = ast.parse(file.read_text())
    hidden = set() if types_too else {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = file.parents[node.level - 1]
            for alias in node.names:
                module = base.joinpath(*(node.module or "").split("."))
                inner = module / (alias.name + ".py")
                yield place(inner if inner.exists() else module.with_suffix(".py") if module.with_suffix(
                    ".py").exists() else module / "__init__.py"), alias.name


@pytest.mark.parametrize("file", FILES, ids=place)
def test_no_arrow_goes_upwards(file: pathlib.Path):
    here = place(file)
    if here == "__init__.py":
        return
    for module, _name in imports(file, types_too=True):
        if module.endswith(".py"):
            assert floor(module) <= floor(here), "%s imports %s" % (here, module)


@pytest.mark.parametrize("file", [file for file in FILES if file.name in PURE and "resources" in file.parts], ids=place)
def test_who_plans_does_not_touch_the_host(file: pathlib.Path):
    for module, _name in imports(file):
        assert not module.startswith("host/") or module in DATA, "%s imports %s" % (place(file), module)
        assert module not in ("os", "subprocess", "socket", "glob", "shutil"), "%s imports %s" % (place(file), module)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_transport_knows_no_policy(name: str):
    for module, _name in imports(HOUSE / name):
        assert not module.endswith(".py") or module.split("/")[0] in ("host", "schema"), module


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_has_one_room(library: str):
    found = [place(file) for file in FILES if any(
        module.split(".")[0] == library and not module.endswith(".py") for module, _name in imports(file))]
    assert found == LIBRARIES[library]


def test_nothing_public_is_beside_the_private_package():
    assert [entry.name for entry in HOUSE.parent.iterdir() if entry.name != "__pycache__"] == ["_virtnet"]


ROOMS = {"__init__.py", "resource.py", "found.py", "plan.py", "promise.py", "describe.py", "back.py", "piece.py",
         "stated.py"}
# what is part of an object of another kind is planned and shown as that is
PATCHES = {"entries": {"describe.py", "back.py", "piece.py", "stated.py"},
           "portgroup": {"describe.py", "back.py", "piece.py", "stated.py"},
           "aspect": {"promise.py", "describe.py", "back.py", "piece.py", "stated.py"}}
PARTS = {"network_port": {"back.py", "piece.py"}}  # what comes back with the network
OF_ROLES = {"host_bridge": {"describe.py", "promise.py"}}  # what no topology has, and nobody plans on


def test_kinds_look_alike_and_are_registered():
    kinds = [folder for folder in (HOUSE / "resources").iterdir() if folder.is_dir() and folder.name[0] != "_"]
    for folder in kinds:
        rooms = ROOMS - {**PATCHES, **PARTS, **OF_ROLES}.get(folder.name, set())
        assert rooms <= {file.name for file in folder.glob("*.py")}, folder.name
    assert {folder.name for folder in kinds} == {*KINDS, *PATCHES, *OF_ROLES}
    plugins = HOUSE.parents[1]
    for name, kind in KINDS.items():
        assert kind.wish.kind == name and kind.options.name == name
        for file in ("modules/%s.py", "modules/%s_info.py", "doc_fragments/%s.py"):
            assert (plugins / (file % name)).exists(), file % name


def test_every_module_is_in_the_action_group():
    root = HOUSE.parents[2]
    names = {file.stem for file in (root / "plugins/modules").glob("*.py")}
    listed = re.findall(r"^    - (\w+)$", (root / "meta/runtime.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(names)


def test_every_transport_is_named_here():
    there = {place(file) for file in FILES if file.parent.name == "host"}
    assert there == {*TRANSPORTS, *DATA, "host/host.py"}


def test_kinds_are_registered_in_their_order():
    positions = [kind.wish.position for kind in KINDS.values()]
    assert positions == sorted(set(positions)) and max(positions) < LAST


@pytest.mark.parametrize("file", sorted((HOUSE.parents[1] / "modules").glob("*.py")), ids=lambda file: file.name)
def test_a_module_is_thin(file: pathlib.Path):
    code = [node for node in ast.parse(file.read_text()).body
            if isinstance(node, (ast.FunctionDef, ast.If))]
    lines = sum(node.end_lineno - node.lineno + 1 for node in code)
    assert lines <= 45, "%s has %d lines of code" % (file.name, lines)
