# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module does around its wish: connect, converge or read, and report."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

from .documents.awaited import READING
from .documents.changes import CHANGES, CONFIRM_TIMEOUT, LOCK_TIMEOUT
from .documents.settings import SETTINGS
from .engine.converge import UNKEPT, ConvergeError, Outcome, Refused, Unkept, converge, until_it_is_there
from .engine.keeping import Confirmation, Keeper, LeftBehind, others, put_back
from .engine.report import model_of, result_of, results_of, warnings_of
from .host.daemon import shares_network
from .host.errors import HostError, HypervisorError, remedy
from .host.host import Host
from .host.libvirt import LIBVIRT_ERROR, Libvirt
from .host.probes import can_ping
from .host.snapshot import Snapshot
from .resources.ways import way_of
from .schema.errors import Invalid, Missing, Path, no_such_option, not_allowed, raise_all, shown, there_is_no
from .schema.nodes import Field, Group, Node
from .schema.options import Options, prune
from .schema.scalars import CONTROL, LINE, NOT_IN_XML
from .schema.spec import options_spec
from .schema.stated import problems, stated
from .schema.xml import LXML_ERROR

WayOf = Callable[[str], Any]  # the way back of a kind, None where there is none
OLDEST_LIBVIRT = (6, 1, 0)
LOOKED_UP = ("uri", "network", "domain", "portgroup", "port", "mac", "names")
NOT_STILL = "another task is changing the networking of this host: %s"
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")


class Module(AnsibleModule):  # type: ignore[misc] # Ansible is not typed
    """A module that refuses options that it has not before Ansible does, and says which one is likely to be meant."""

    def _load_params(self) -> None:
        super()._load_params()
        try:
            self._refuse()
        except Invalid as error:
            self.fail_json(msg=str(error))

    def _refuse(self) -> None:
        raise_all(self._unknown())

    def _unknown(self) -> list[Invalid]:
        names = {name for option, spec in self.argument_spec.items() for name in (option, *spec.get("aliases", ()))}
        return [no_such_option(name, self.argument_spec) for name in self.params
                if name not in names and not str(name).startswith("_ansible_")]


class DocumentModule(Module):
    """A module whose options are a document's.

    They are checked before Ansible does it, for an error that names the place in lists too, the value and what is
    allowed. ``errors_of`` gives what is wrong with parts of a document that is not even of the right shape.
    """

    def __init__(self, document: Group, errors_of: Callable[[Options], list[Invalid]] = lambda given: [],
                 **arguments: Any) -> None:
        self._document, self._errors_of = document, errors_of
        super().__init__(**arguments)

    def _refuse(self) -> None:
        _go_on_with_the_libraries()
        if _missing_library():
            return
        _refuse_what_is_no_name(self.params)
        self._check(self._given(self._document))
        if "lock_timeout" in self.argument_spec:
            self.changes = CHANGES.check(self._given(CHANGES))
        _refuse_what_cannot_be_logged(self.params)

    def _check(self, given: Options) -> None:
        unknown = self._unknown()
        try:
            self._document.check(given, whole=False)
        except Invalid as error:
            raise_all(unknown + ([*problems(self._document, given), *self._errors_of(given)] or [error]))
        raise_all(unknown)

    def _given(self, table: Group) -> Any:
        return prune({node.name: _read(node, self.params.get(node.name)) for node in table.nodes})


def _read(node: Node, value: Any) -> Any:
    """A value as Ansible will read it; a command line gives structures as JSON, and what is no JSON is left to it."""
    if isinstance(value, str) and not isinstance(node, Field) and value.strip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return None
        except RecursionError as error:
            raise Invalid(node.name, "is nested too deeply") from error
    return value


def argument_spec(**options: Options) -> Options:
    """The argument spec of a module that changes something: its own options and those that all of these share."""
    return reading_spec(**options_spec(CHANGES), **options)


def reading_spec(**options: Options) -> Options:
    """The argument spec of a module that only reads."""
    return dict(options, uri={"type": "str", "default": "qemu:///system"})


class NoLibvirt(HostError):
    """There is no libvirt here, or not what it takes to talk to it."""


def _missing_library() -> str:
    """What is missing in words, or nothing."""
    needed = (("libvirt-python", LIBVIRT_ERROR), ("lxml", LXML_ERROR))
    missing = [missing_required_lib(library) for library, error in needed if error]
    return "; ".join([*missing, "role virtnet.libvirt.prerequisites installs what is missing"]) if missing else ""


def _go_on_with_the_libraries() -> None:
    """Goes on with the system's Python when the one that Ansible chose has not got the libraries."""
    if _missing_library() and not has_respawned():
        interpreter = probe_interpreters_for_module(SYSTEM_PYTHONS, "libvirt")
        if interpreter:
            respawn_module(interpreter)


def _connect(uri: str) -> Host:
    if _missing_library():
        raise NoLibvirt(_missing_library())
    try:
        libvirt = Libvirt(uri)
        if libvirt.is_pretended:
            raise Invalid("uri", "%s has no networks that can be managed; give the URI of a hypervisor, such as"
                          " qemu:///system" % shown(libvirt.uri))
    except HypervisorError as error:
        raise NoLibvirt("cannot connect to libvirt at %s: %s%s" % (uri, error, remedy(str(error)))) from error
    return Host(libvirt, local=libvirt.is_local and shares_network())


@contextmanager
def host_of(module: AnsibleModule, changes: bool = False) -> Iterator[Host]:
    """A connection to the host; whatever fails inside becomes the module's one error message.

    In check mode a task that ``changes`` something goes on without libvirt, which an earlier one may have been about to
    install.
    """
    _go_on_with_the_libraries()
    host = None
    try:
        _refuse_what_is_no_name(module.params)
        host = _connect(module.params["uri"])
        if host.libvirt.version < OLDEST_LIBVIRT:
            raise Invalid("", "libvirt %d.%d.%d is too old; 6.1.0 or later is needed" % host.libvirt.version)
        if not host.local:
            module.warn("the kernel of %s is out of reach; only libvirt's own view is compared" % module.params["uri"])
        yield host
    except NoLibvirt as error:
        if not (changes and module.check_mode):
            module.fail_json(msg=str(error))
        module.warn(until_it_is_there(error))
        module.exit_json(changed=True, steps=[], drift=[], restart_required=False, restarts=[])
    except LeftBehind as error:
        module.fail_json(msg=str(error), left_behind=True)
    except (Invalid, ConvergeError, HostError) as error:
        module.fail_json(msg=str(error))
    except Exception as error:
        module.fail_json(msg="This is a mistake in this collection, which is to be reported: %s: %s"
                         % (type(error).__name__, error), exception=traceback.format_exc())
    finally:
        if host:
            host.close()


def stated_options(module: AnsibleModule, document: Group) -> Options:
    """The options of a document that the task gives, as options or as ``xml``; raises Invalid."""
    given: Options = prune({node.name: module.params.get(node.name) for node in document.nodes})
    return stated(document, given, module.params.get("xml"), module.warn)


def settings_of(module: AnsibleModule, kind: str) -> Options:
    """What a task says beside the document of its object."""
    settings: Options = prune({node.name: module.params[node.name] for node in SETTINGS[kind].nodes})
    return settings


def _refuse_what_is_no_name(params: Options) -> None:
    """What libvirt is asked for by name is not empty, and has no control characters."""
    for option in LOOKED_UP:
        values = params.get(option)
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, str) and (CONTROL.search(value) or NOT_IN_XML.search(value)):
                raise not_allowed(option, value, LINE.allowed)
            if value == "" and option != "uri":  # an empty one is libvirt's default
                raise not_allowed(option, value, "a name")


def _refuse_what_cannot_be_logged(params: Options) -> None:
    """Ansible writes all options to the system's log before a module is asked what it thinks of them."""
    for option, text in params.items():
        if isinstance(text, str) and (NOT_IN_XML.search(text) or "\0" in text):
            raise Invalid(option, "has characters that XML cannot hold")


def wanted_names(module: AnsibleModule, existing: list[str], what: str) -> list[str]:
    """The names that an info module is asked for, all when it is asked for none; raises Invalid for one not there."""
    wanted: list[str] = existing if module.params["names"] is None else module.params["names"]
    for index, name in enumerate(wanted):
        if name not in existing:
            missing = there_is_no(Path("names", index), what, name, existing)
            if not module.check_mode:
                raise missing
            module.warn(until_it_is_there(missing))
    return [name for name in wanted if name in existing]


def there(module: AnsibleModule, read: Callable[[], Any], otherwise: Any) -> Any:
    """What is read; in check mode a warning and ``otherwise`` where it is not there: an earlier task may make it."""
    try:
        return read()
    except Missing as missing:
        if not module.check_mode:
            raise
        module.warn(until_it_is_there(missing))
        return otherwise


def converge_one(module: AnsibleModule, desired: Callable[[], Any], returns: str | None = None) -> None:
    """Carries out the wish that ``desired`` builds, and ends the module; the object ``returns`` by that name."""
    with host_of(module, changes=True) as host:
        wish = desired()
        with _alone(module, host, _confirmation(module)) as (keep, before):
            outcomes = converge(host, [wish], module.check_mode, keep)
        outcome, = outcomes
        result = dict(result_of(outcome), **{returns or outcome.wish.kind: model_of(outcome)})
        _complete(module, result, outcomes, keep, before)
    module.exit_json(**result)


def _complete(module: AnsibleModule, result: Options, outcomes: list[Outcome], keep: Keeper | Unkept,
              before: list[str]) -> None:
    """What all modules that change something say, also of what tasks ``before`` had left."""
    if keep.unconfirmed:
        result["unconfirmed"] = keep.unconfirmed
    result["changed"] = result["changed"] or bool(before)
    for warning in dict.fromkeys(before + warnings_of(outcomes)):
        module.warn(warning)


def _confirmation(module: AnsibleModule) -> Confirmation | None:
    """What a change waits for, where that is asked for; raises Invalid where it cannot be seen."""
    if module.params["confirm"] is None:
        return None
    given = module.changes.get("confirm", {})
    probes = given.get("probes", [])
    for index, probe in enumerate(probes):
        if "port" not in probe and not can_ping():
            raise Invalid(Path("confirm", "probes", index), "cannot be pinged, for this host has no command ping;"
                          " install it (iputils-ping, iputils), or give a port")
    return Confirmation(given.get("timeout", CONFIRM_TIMEOUT), probes)


def converge_document(module: AnsibleModule, read: Callable[[], Any]) -> None:
    """Carries out all wishes of the document that ``read`` gives, as one transaction, and ends the module."""
    with host_of(module, changes=True) as host:
        document = read()
        try:
            if document.errors:  # raises, with what is wrong with the rest too
                converge(host, document.wishes, module.check_mode, document=document)
            with _alone(module, host, _confirmation(module)) as (keep, before):
                outcomes = converge(host, document.wishes, module.check_mode, keep, document)
        except Refused as error:
            _refuse(module, error)
        result = dict(results_of(outcomes), plan_id=document.plan_id)
        _complete(module, result, outcomes, keep, before)
    given = {name: value for name, value in module.params.items() if not isinstance(value, list) and name != "packed"}
    module.exit_json(invocation={"module_args": given}, **result)


def _refuse(module: AnsibleModule, error: Refused) -> None:
    """Ends the module with all that is wrong; in check mode the rest of the document is told of all the same."""
    if not module.check_mode:
        raise error
    rest = results_of(error.planned)
    for warning in warnings_of(error.planned):
        module.warn(warning)
    module.fail_json(msg=str(error), refused=[str(one) for one in error.errors], objects=rest["objects"],
                     restarts=rest["restarts"])


@contextmanager
def _alone(module: AnsibleModule, host: Host, confirmation: Confirmation | None = None,
           way_of: WayOf = way_of) -> Iterator[tuple[Keeper | Unkept, list[str]]]:
    """Has the lock of the host, on which nothing is left of a task that died; and says what was. Check mode only looks.
    """
    if module.check_mode:
        cut_off, at_work = others(host)
        yield UNKEPT, ["%s was cut off; what it had begun would be put back first" % one for one in cut_off] + [
            NOT_STILL % one for one in at_work]
        return
    lock = host.lock()
    lock.acquire(module.changes.get("lock_timeout", LOCK_TIMEOUT))
    if not lock.is_known_there:
        module.warn("tasks on other machines that change %s do not wait for this one; see docs/reliability.md"
                    % module.params["uri"])
    keeper = Keeper(host, lock, {"module": module._name, "pid": os.getpid()}, confirmation)
    try:
        yield keeper, put_back(host, way_of)
    finally:
        if keeper.unconfirmed:
            lock.leave()
        else:
            lock.release()


def put_back_all(module: AnsibleModule, way_of: WayOf) -> None:
    """Puts back what tasks that died had begun, and ends the module."""
    with host_of(module, changes=True) as host, _alone(module, host, way_of=way_of) as (_keep, before):
        pass
    module.exit_json(changed=bool(before), put_back=before)


def read_only(module: AnsibleModule, read: Callable[[Snapshot], Options]) -> None:
    """Ends a module with what it reads, by name, and nothing changed."""
    read_host(module, lambda host: read(host.look()))


def read_host(module: AnsibleModule, read: Callable[[Host], Options]) -> None:
    """The same for one that looks more than once."""
    with host_of(module) as host:
        _tell_what_is_left(module, host)
        result = read(host)
    module.exit_json(changed=False, **result)


def awaited_by(module: AnsibleModule, wait: Callable[[Options], Options]) -> Options:
    """What a task waits for, where it does, as part of its result; check mode does not wait."""
    if module.params["wait_for_address"] is None:
        return {}
    given = {"wait_for_address": prune(module.params["wait_for_address"])}
    wanted: Options = READING.check(given).get("wait_for_address", {})
    if not module.check_mode:
        return {"address": wait(wanted)}
    try:
        return {"address": wait(dict(wanted, timeout=0))}
    except (Missing, HostError) as missing:
        module.warn(until_it_is_there(missing))
        return {"address": None}


def _tell_what_is_left(module: AnsibleModule, host: Host) -> None:
    cut_off, at_work = others(host)
    for one in cut_off:
        module.warn("%s was cut off; the next task that changes something puts back what it had begun" % one)
    for one in at_work:
        module.warn(NOT_STILL % one)
