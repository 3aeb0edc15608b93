# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of a plan fails, each in turn, before or after it took effect; or a second one on the way back, too."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Callable

import libvirt

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError, KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host
from faults import hosts, plans
from faults.bench import Bench
from faults.results import Try, judge
from faults.tasks import Answer, Task, Transaction
from faults.witnesses import Seen, look

SAID = "broken on purpose"
ERRORS: dict[str, Callable[[], Exception]] = {
    "HypervisorError": lambda: HypervisorError(SAID),
    "KernelError": lambda: KernelError(SAID),
    "OSError": lambda: OSError(5, SAID),
    "RuntimeError": lambda: RuntimeError(SAID),
    "libvirtError": lambda: libvirt.libvirtError(SAID),
}
# What changes something in libvirt's own library, below the collection.
LIBRARY = {
    "virConnect": ("networkDefineXML", "networkCreateXML", "nwfilterDefineXML", "nwfilterBindingCreateXML"),
    "virNetwork": ("create", "destroy", "undefine", "setAutostart", "update", "setMetadata", "portCreateXML"),
    "virNetworkPort": ("delete", "setParameters"),
    "virDomain": ("attachDeviceFlags", "detachDeviceFlags", "updateDeviceFlags", "setInterfaceParameters"),
    "virNWFilter": ("undefine",), "virNWFilterBinding": ("delete",),
}


@dataclass
class Fault:
    """The n-th changing call fails, ``late``: after it took effect; or every call of that name from there on."""

    at: int
    late: bool
    error: str
    lasting: bool = False

    def __str__(self) -> str:
        return "call %d%s raises %s %s it took effect" % (
            self.at, " and all like it" if self.lasting else "", self.error, "after" if self.late else "before")


class Breaker:
    """Counts the changing calls of a host, and has some fail. The outermost counts where one makes another."""

    def __init__(self, *faults: Fault, library: bool = False) -> None:
        self.faults, self.library = faults, library
        self.calls: list[str] = []
        self._inside = False
        self._lasting: dict[str, Fault] = {}

    def __call__(self, host: Host, note: Callable[[str], None]) -> list[str]:
        """Breaks a host; returns the names of the calls, as they come."""
        self._note = note
        if self.library:
            for name, methods in LIBRARY.items():
                for method in methods:
                    of = getattr(libvirt, name)
                    if hasattr(of, method):
                        setattr(of, method, self._method(method, getattr(of, method)))
        else:
            for transport in (host.libvirt, host.kernel, host.switch):
                for name in changing(transport):
                    setattr(transport, name, self._wrapped(name, getattr(transport, name)))
        return self.calls

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def broken(*args: Any, **options: Any) -> Any:
            return self._call(name, lambda: call(*args, **options))

        return broken

    def _method(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def broken(this: Any, *args: Any, **options: Any) -> Any:
            return self._call(name, lambda: call(this, *args, **options))

        return broken

    def _call(self, name: str, call: Callable[[], Any]) -> Any:
        if self._inside:
            return call()
        self.calls.append(name)
        self._note(str(len(self.calls)))
        fault = self._lasting.get(name) or next((one for one in self.faults if one.at == len(self.calls)), None)
        if fault and fault.lasting:
            self._lasting[name] = fault
        self._inside = True
        try:
            if fault and not fault.late:
                raise ERRORS[fault.error]()
            result = call()
            if fault:
                raise ERRORS[fault.error]()
            return result
        finally:
            self._inside = False


def changing(transport: object) -> list[str]:
    """The methods that return nothing, and so change something."""
    found = []
    of = transport if inspect.ismodule(transport) else type(transport)
    for name, method in inspect.getmembers(of, inspect.isfunction):
        if not name.startswith("_") and name != "close" \
                and inspect.signature(method).return_annotation in (None, "None"):
            found.append(name)
    return found


# --- the part


def run(bench: Bench) -> None:
    for number in range(2 if bench.short else 24):
        if bench.wants("calls/%d" % number):
            FaultsOf(bench, "calls/%d" % number).run()


class FaultsOf:
    """The faults of one plan."""

    def __init__(self, bench: Bench, name: str, switch: bool = False) -> None:
        self.bench, self.name = bench, name
        self.layout = hosts.layout("%s/%s" % (bench.seed, self.name), switch=switch)
        self.tasks, self.before, self.stated, self.calls = a_plan_that_works(bench, self.name, self.layout)

    def run(self) -> None:
        singles = [("%d-%s" % (at, "late" if late else "early"), at, late)
                   for at in range(1, len(self.calls) + 1) for late in (False, True)]
        if not self.bench.only.startswith(self.name):  # a plan that is asked for is tried at every call
            singles = self.bench.chance(self.name).sample(singles, min(6 if self.bench.short else 24, len(singles)))
        for name, at, late in singles:
            self._single(name, at, late)
        for index in range(2 if self.bench.short else 5):
            self._double("double-%d" % index)
        for index in range(1 if self.bench.short else 3):
            self._library("library-%d" % index)

    def _single(self, name: str, at: int, late: bool) -> None:
        chance = self.bench.chance("%s/%s" % (self.name, name))
        fault = Fault(at, late, chance.choice(sorted(ERRORS)))
        self._try(name, "one call, %s it took effect" % ("after" if late else "before"), Breaker(fault), fault)

    def _double(self, name: str) -> None:
        chance = self.bench.chance("%s/%s" % (self.name, name))
        at, lasting = chance.randint(1, len(self.calls)), chance.random() < 0.3
        first = Fault(at, chance.random() < 0.5, chance.choice(sorted(ERRORS)))
        second = Fault(at + chance.randint(1, 4), chance.random() < 0.3, chance.choice(sorted(ERRORS)), lasting)
        kind = "a second call on the way back, %s" % ("ever again" if lasting else "once")
        self._try(name, kind, Breaker(first, second), "%s, %s" % (first, second), told=lasting)

    def _library(self, name: str) -> None:
        chance = self.bench.chance("%s/%s" % (self.name, name))
        fault = Fault(chance.randint(1, len(self.calls)), chance.random() < 0.5, "libvirtError")
        self._try(name, "one call of libvirt's library", Breaker(fault, library=True), fault)

    def _try(self, name: str, kind: str, breaker: Breaker, how: object, told: bool = False) -> None:
        name = "%s/%s" % (self.name, name)
        if not self.bench.wants(name):
            return
        before = self.bench.host(self.layout)
        answer = Transaction(self.tasks, breaker).wait()
        called = answer.calls if answer else []
        words = "%s (%s); %s" % (how, ", ".join(called[-3:]), plans.in_words(self.tasks))
        self.bench.judge(Try(name, kind, words), before, self.stated, answer, told)


def a_plan_that_works(bench: Bench, name: str, layout: hosts.Layout) -> tuple[list[Task], Seen, Seen, list[str]]:
    """A plan that goes through where nothing fails, the host before and after it, and the calls that it makes.

    One that is refused is no plan; one that fails must leave the host as it was, and is told of.
    """
    chance = bench.chance(name + "/plan")
    while True:
        tasks = plans.plan(chance, layout)
        before = bench.host(layout)
        answer = Transaction(tasks, Breaker()).wait() or Answer(False)
        if answer.ok and answer.calls:
            return tasks, before, hosts.settled_look(), answer.calls
        if not answer.refused and not answer.ok:
            found = Try(name + "/plan", "no fault of ours, refused by libvirt", plans.in_words(tasks))
            bench.add(judge(found, before, None, look(), answer))


__all__ = ["Breaker", "Fault", "FaultsOf", "a_plan_that_works", "run"]
