# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules say of themselves is true, as far as that shows without a host; tests/returned.py holds the rest."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from returned import PLUGINS, documentation

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
RUNTIME = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))


class _Made(BaseException):
    pass


def _arguments(module: str) -> dict:
    """What a module gives AnsibleModule."""
    def init(_self: object, **arguments: object) -> None:
        raise _Made(arguments)

    with mock.patch.object(AnsibleModule, "__init__", init), pytest.raises(_Made) as made:
        importlib.import_module(PLUGINS + "modules." + module).main()
    return made.value.args[0]


@pytest.mark.parametrize("module", MODULES)
def test_check_mode_is_supported_as_documented(module):
    support = documentation(module, "attributes")["check_mode"]["support"]
    assert _arguments(module).get("supports_check_mode", False) == (support != "none")


@pytest.mark.parametrize("module", MODULES)
def test_info_modules_alone_only_read(module):
    reads = "lock_timeout" not in _arguments(module)["argument_spec"]
    assert reads == module.endswith("_info")


def test_the_group_of_module_defaults_has_all_modules_and_each_takes_what_is_set_for_it():
    assert sorted(RUNTIME["action_groups"]["libvirt"]) == MODULES
    assert [module for module in MODULES if "uri" not in _arguments(module)["argument_spec"]] == []


def test_modules_that_change_something_have_the_action_plugin():
    routed = RUNTIME["plugin_routing"]["modules"]
    own = {path.stem for path in (ROOT / "plugins/action").glob("*.py")}
    changing = [name for name in MODULES if "confirm" in _arguments(name)["argument_spec"]]
    assert [name for name in changing if name not in routed and name not in own] == []


PLUGIN_FILES = [path for kind in ("modules", "filter", "inventory", "lookup", "test")
                for path in sorted((ROOT / "plugins" / kind).glob("*.py"))]


def _block(path: Path, name: str) -> str:
    return re.search(name + r' = r"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL).group(1)


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: "%s-%s" % (path.parent.name, path.stem))
def test_plugins_say_since_when_they_are_there_and_show_how_they_are_used(path):
    assert re.search(r"^version_added: \d+\.\d+\.\d+$", _block(path, "DOCUMENTATION"), re.MULTILINE)
    assert "virtnet.libvirt." in _block(path, "EXAMPLES")


@pytest.mark.parametrize("module", MODULES)
def test_examples_name_modules_in_full(module):
    tasks = yaml.safe_load(_block(ROOT / "plugins/modules" / (module + ".py"), "EXAMPLES"))
    assert [name for task in tasks for name in task if name in MODULES] == []
