# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does around its object: connect, converge or read, and report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

from .engine.converge import ConvergeError, Host, converge
from .host.kernel import Kernel, KernelError
from .host.libvirt import LIBVIRT_ERROR, Hypervisor, HypervisorError
from .schema.nodes import LXML_ERROR, Field, Group, Invalid, is_empty, load_xml, not_allowed, prune, unknown
from .schema.scalars import CONTROL, LINE

OLDEST_LIBVIRT = (6, 1, 0)
LOOKED_UP = ("uri", "network", "domain", "portgroup", "port", "mac", "names")
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")


class DocumentModule(AnsibleModule):
    """A module whose options are a document's.

    They are checked before Ansible does it, for an error that names the place in lists too, the value and what is
    allowed.
    """

    def __init__(self, document: Group, **arguments: Any) -> None:
        self._document = document
        super().__init__(**arguments)

    def _load_params(self) -> None:
        super()._load_params()
        _require_libraries(self)
        try:
            given = prune({node.name: _read(node, self.params.get(node.name)) for node in self._document.nodes})
            self._document.check(given, whole=False)
        except Invalid as error:
            self.fail_json(msg=str(error))


def _read(node: Any, value: Any) -> Any:
    """A value as Ansible will read it; a command line gives structures as JSON, and what is no JSON is left to it."""
    if isinstance(value, str) and not isinstance(node, Field) and value.strip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return None
        except RecursionError as error:
            raise Invalid(node.name, "is nested too deeply") from error
    return value


def argument_spec(**options: dict) -> dict:
    """The argument spec of a module: its own options and those that all share."""
    return dict(options, uri={"type": "str", "default": "qemu:///system"})


def _require_libraries(module: AnsibleModule) -> None:
    """Goes on with the system's Python when the one that Ansible chose has not got the libraries."""
    needed = (("libvirt-python", LIBVIRT_ERROR), ("lxml", LXML_ERROR))
    missing = [(library, error) for library, error in needed if error]
    if missing and not has_respawned():
        interpreter = probe_interpreters_for_module(SYSTEM_PYTHONS, "libvirt")
        if interpreter:
            respawn_module(interpreter)
    for library, error in missing:
        module.fail_json(msg=missing_required_lib(library), exception=str(error))


def _connect(uri: str) -> Hypervisor:
    try:
        return Hypervisor(uri)
    except HypervisorError as error:
        raise HypervisorError("cannot connect to libvirt at %s: %s" % (uri, error)) from error


@contextmanager
def host_of(module: AnsibleModule) -> Iterator[Host]:
    """A connection to the host; whatever fails inside becomes the module's one error message."""
    _require_libraries(module)
    host = None
    try:
        _refuse_control_characters(module.params)
        libvirt = _connect(module.params["uri"])
        host = Host(libvirt, Kernel() if libvirt.is_local else None)
        if libvirt.version < OLDEST_LIBVIRT:
            raise Invalid("", "libvirt %d.%d.%d is too old; 6.1.0 or later is needed" % libvirt.version)
        if host.kernel is None:
            module.warn("the kernel of %s is out of reach; only libvirt's own view is compared" % module.params["uri"])
        yield host
    except (Invalid, ConvergeError, HypervisorError, KernelError) as error:
        module.fail_json(msg=str(error))
    finally:
        if host:
            host.close()


def stated_options(module: AnsibleModule, document: Group) -> dict:
    """The options of a document that the task gives, as options or as ``xml``; raises Invalid."""
    given = prune({node.name: module.params.get(node.name) for node in document.nodes})
    text = module.params.get("xml")
    if text is None:
        return _named(document, document.check(given, whole=False))
    others = sorted(set(given) - {"name"})
    if others:
        raise Invalid("xml", "cannot be given together with %s" % ", ".join(others))
    root = load_xml(text)
    if root.tag != document.at:
        raise Invalid("xml", "the root element is %s; give a <%s> document" % (root.tag, document.at))
    options = document.parse(root)
    if given.get("name") and options.get("name") not in (None, given["name"]):
        raise Invalid("name", "is %s, but xml names %s" % (given["name"], options["name"]))
    for place in unknown(document, root):
        module.warn("xml: %s is not known and left out" % place)
    return _named(document, document.check(dict(given, **options), whole=False))


def _named(document: Group, options: dict) -> dict:
    """Options that have the name without which the object cannot be found; raises Invalid."""
    for node in document.nodes:
        if node.name == "name" and is_empty(options.get("name")):
            raise Invalid("name", "is missing")
    return options


def _refuse_control_characters(params: dict) -> None:
    """What libvirt is asked for by name has no control characters."""
    for option in LOOKED_UP:
        values = params.get(option)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, str) and CONTROL.search(value):
                raise not_allowed(option, value, LINE.allowed)


def wanted_names(module: AnsibleModule, there: list, what: str) -> list:
    """The names that an info module is asked for, all when it is asked for none; raises Invalid for one not there."""
    wanted = there if module.params["names"] is None else module.params["names"]
    for index, name in enumerate(wanted):
        if name not in there:
            raise Invalid("names[%d]" % index, "there is no %s %s; there are %s"
                          % (what, name, ", ".join(there) or "none"))
    return wanted


def converge_one(module: AnsibleModule, desired: Callable[[], Any]) -> None:
    """Converges the resource that ``desired`` builds, and ends the module."""
    with host_of(module) as host:
        resource = desired()
        outcome, = converge(host, [resource], module.check_mode)
        result = outcome.result()
        result[resource.kind] = resource.model(outcome.state) if outcome.state else plain_model(outcome.plan.after)
        for warning in outcome.plan.warnings:
            module.warn(warning)
    module.exit_json(**result)


def plain_model(after: dict) -> dict:
    """What an object will be like, without the layers that the diff adds."""
    return {name: value for name, value in after.items() if name not in ("live", "kernel", "boot")}
