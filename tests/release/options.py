# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks and roles may give: written for each release to tests/unit/releases, and held against it ever after.

python tests/release/options.py [ROOT]   says it of the collection in ROOT
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from unittest import mock

import yaml
from ansible.module_utils.basic import AnsibleModule

ROOT = Path(__file__).parents[2]
MODULES = "ansible_collections.virtnet.libvirt.plugins.modules."
KEPT = ("type", "elements", "default", "choices", "required")


class _Spec(BaseException):
    pass


def _instead_of_init(_self: object, argument_spec: dict, **_more: object) -> None:
    raise _Spec(argument_spec)


def _of_module(name: str) -> dict:
    with mock.patch.object(AnsibleModule, "__init__", _instead_of_init):
        try:
            importlib.import_module(MODULES + name).main()
        except _Spec as spec:
            return spec.args[0]
    raise AssertionError("%s makes no AnsibleModule" % name)


def _flat(spec: dict, prefix: str = "") -> dict[str, dict]:
    """Options by their paths, aliases as options of their own."""
    options = {}
    for name, about in spec.items():
        kept = {key: about[key] for key in KEPT if about.get(key) not in (None, False)}
        for called in (name, *about.get("aliases", ())):
            options[prefix + called] = kept
            options.update(_flat(about.get("options") or {}, prefix + called + "."))
    return options


def options_of(root: Path = ROOT) -> dict[str, dict[str, dict]]:
    """The options of each module, and of each entry point of a role as "role/main"."""
    found = {path.stem: _flat(_of_module(path.stem)) for path in (root / "plugins/modules").glob("*.py")}
    for path in root.glob("roles/*/meta/argument_specs.yml"):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        for entry, spec in specs.items():
            found["%s/%s" % (path.parents[1].name, entry)] = _flat(spec.get("options") or {})
    return found


def _text(options: dict[str, dict[str, dict]]) -> str:
    """JSON with a line for each option, for people to read what differs."""
    return "{%s}" % ",\n".join("%s: {\n%s\n}" % (json.dumps(owner), ",\n".join(
        "%s: %s" % (json.dumps(option), json.dumps(about, sort_keys=True)) for option, about in sorted(of.items())))
        for owner, of in sorted(options.items()))


if __name__ == "__main__":
    print(_text(options_of(*map(Path, sys.argv[1:]))))
