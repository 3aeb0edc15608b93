# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, apply, verify, and undo on failure; for one object or many as one transaction.

A resource has ``kind`` and ``name`` and three methods: ``read(host)`` gives its state, ``plan(state)`` is pure
and gives a Plan, ``verify(state, plan)`` gives the Drift that is left when the plan was carried out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

from ..host.kernel import Kernel, KernelError
from ..host.libvirt import Hypervisor, HypervisorError
from ..schema.nodes import Invalid

IMPACTS = ("none", "brief", "disruptive")


@dataclass
class Host:
    """The layers of a host; ``kernel`` is None when it is out of reach."""

    libvirt: Hypervisor
    kernel: Kernel | None

    def forget(self) -> None:
        self.libvirt.forget()
        if self.kernel:
            self.kernel.forget()

    def close(self) -> None:
        self.libvirt.close()
        if self.kernel:
            self.kernel.close()


@dataclass(frozen=True)
class Step:
    """One change.

    ``impact`` is what running guests notice: none, brief (some seconds offline) or disruptive. ``clean_up`` takes away
    what ``do`` leaves behind when it fails.
    """

    title: str
    do: Callable[[Host], None]
    undo: Callable[[Host], None] | None = None
    impact: str = "none"
    clean_up: Callable[[Host], None] | None = None


class Drift(NamedTuple):
    """One place where a layer (config, live, kernel, boot) is not as desired."""

    layer: str
    path: str
    desired: Any
    current: Any

    def __str__(self) -> str:
        return "%s of the %s is %s, not %s" % (self.path, LAYERS.get(self.layer, self.layer), json.dumps(self.current),
                                               json.dumps(self.desired))


LAYERS = {"config": "configuration", "live": "running definition", "boot": "next boot"}


@dataclass
class Plan:
    """What is to be done for one object.

    ``before`` and ``after`` are its model, ``drift`` is what was found. Of that the steps leave ``waiting`` for a
    restart and ``unrepaired`` for people. ``guests`` names the guest interfaces that must be connected afterwards,
    ``extra`` is for the result.
    """

    before: dict
    after: dict
    steps: list = field(default_factory=list)
    drift: list = field(default_factory=list)
    waiting: list = field(default_factory=list)
    unrepaired: list = field(default_factory=list)
    guests: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    extra: dict = field(default_factory=dict)

    def unfinished(self, layer: str, known: frozenset = frozenset()) -> list:
        """The drift of a plan made after the steps, but for that at ``known`` places; else the steps that it has."""
        left = [drift for drift in self.drift if drift[:2] not in known]
        return left or [Drift(layer, step.title, "done", "not done") for step in self.steps]


class ConvergeError(Exception):
    """A step failed; the message says what was restored."""


@dataclass
class Outcome:
    """What was found, planned and done for one object; ``state`` is what is there now, None in check mode."""

    resource: Any
    plan: Plan
    state: Any

    def result(self) -> dict:
        """The part of a module's result that all modules share."""
        return {
            **self.plan.extra,
            "changed": bool(self.plan.steps),
            "steps": [step.title for step in self.plan.steps],
            "drift": [drift._asdict() for drift in self.plan.drift],
            "restart_required": bool(self.plan.waiting),
            "diff": {
                "before_header": "%s %s (before)" % (self.resource.kind, self.resource.name),
                "after_header": "%s %s (after)" % (self.resource.kind, self.resource.name),
                "before": to_yaml(self.plan.before),
                "after": to_yaml(self.plan.after),
            },
        }


def converge(host: Host, resources: list, check_mode: bool) -> list:
    """Makes the host agree with all resources, or leaves it as it was and raises ConvergeError."""
    states = [resource.read(host) for resource in resources]
    plans = [resource.plan(state) for resource, state in zip(resources, states)]
    if check_mode:
        return [Outcome(resource, plan, None) for resource, plan in zip(resources, plans)]
    done = []
    for step in [step for plan in plans for step in plan.steps]:
        try:
            step.do(host)
        except (HypervisorError, KernelError) as error:
            said = _clean_up(host, step) + _undo(host, done)
            raise ConvergeError("Could not %s: %s. %s" % (step.title, error, said)) from error
        done.append(step)
    if not done:
        return [Outcome(resource, plan, state) for resource, plan, state in zip(resources, plans, states)]
    try:
        host.forget()
        states = [resource.read(host) for resource in resources]
        left = [drift for resource, state, plan in zip(resources, states, plans)
                for drift in resource.verify(state, plan)]
    except (HypervisorError, KernelError, Invalid) as error:
        raise ConvergeError("Could not read back what was done: %s. %s" % (error, _undo(host, done))) from error
    if left:
        raise ConvergeError("Not converged: %s. %s" % ("; ".join(map(str, left)), _undo(host, done)))
    return [Outcome(resource, plan, state) for resource, plan, state in zip(resources, plans, states)]


def _clean_up(host: Host, step: Step) -> str:
    """Takes away what a failed step left behind; says so only when it cannot."""
    try:
        if step.clean_up:
            step.clean_up(host)
    except (HypervisorError, KernelError) as error:
        return "What it left behind could not be taken away: %s. " % error
    return ""


def _undo(host: Host, done: list) -> str:
    """Undoes steps in reverse; says what became of them."""
    if not done:
        return "Nothing was changed."
    restored, kept = [], []
    for step in reversed(done):
        try:
            if step.undo:
                step.undo(host)
            restored.append(step.title)
        except (HypervisorError, KernelError) as error:
            kept.append("%s (%s)" % (step.title, error))
    said = []
    if restored:
        said.append("Undone, last first: %s." % "; ".join(restored))
    if kept:
        said.append("Could not be undone: %s." % "; ".join(kept))
    return " ".join(said)


def to_yaml(value: Any, indent: str = "") -> str:
    """Plain data as YAML text, for people to read; strings are quoted where YAML could take them for something else."""
    if isinstance(value, dict):
        return "".join("%s%s:%s" % (indent, _scalar(name), _nested(part, indent)) for name, part in value.items())
    return "".join("%s-%s" % (indent, _nested(part, indent).replace("\n" + indent + "  ", " ", 1)
                              if isinstance(part, dict) and part else _nested(part, indent)) for part in value)


def _nested(value: Any, indent: str) -> str:
    if isinstance(value, (dict, list)) and value:
        return "\n" + to_yaml(value, indent + "  ")
    return " %s\n" % _scalar(value)


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_/][\w./@%-]*", value, re.ASCII)
    words = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
    if plain and value.lower() not in words:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: "\\u%04x" % ord(found.group()), text)
