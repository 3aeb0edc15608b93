# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns of what was planned and done."""

from __future__ import annotations

import json
import re

from ..schema.options import Options, Value
from .converge import Outcome
from .plan import OTHER_LAYERS, Shared
from .record import listed
from .trades import in_turn

TOLD = 3  # of one cause no more warnings are told in full


def result_of(outcome: Outcome) -> Options:
    """The part of a module's result that all modules share."""
    plan = outcome.plan
    return {
        "changed": bool(plan.steps),
        **plan.extra,
        "steps": [step.title for step in plan.steps],
        "drift": [drift.as_result() for drift in plan.drift],
        "restart_required": bool(plan.waiting),
        "restarts": restarts_of([outcome]),
        "diff": _diff(outcome),
    }


def _diff(outcome: Outcome) -> Options:
    """What ``--diff`` shows: the object before and after, and by which steps it gets there."""
    plan, wish = outcome.plan, outcome.wish
    steps = ["  %d. %s\n" % (number, step.title) for number, step in enumerate(plan.steps, 1)]
    return {
        "before_header": "%s %s (before)" % (wish.kind, wish.name),
        "after_header": "%s %s (after)" % (wish.kind, wish.name),
        "before": to_yaml(plan.before),
        "after": to_yaml(plan.after),
        **({"prepared": "".join(["steps:\n", *steps, "\n"])} if steps else {}),
    }


def restarts_of(outcomes: list[Outcome]) -> list[Options]:
    """Which guests and networks have to be started again, each with why; each once."""
    every = dict.fromkeys(restart for outcome in outcomes for restart in outcome.plan.restarts)
    return [restart._asdict() for restart in every]


IMPACTS = ("none", "brief", "disruptive")


def results_of(outcomes: list[Outcome]) -> Options:
    """The result of many wishes, which says of those that are as stated that they are, and no more."""
    objects = [_object(outcome) for outcome in outcomes]
    return {
        "changed": any(one["changed"] for one in objects),
        "steps": [step.title for step in in_turn(sorted(outcomes, key=lambda outcome: outcome.turn))],
        "restart_required": any(one.get("waiting") for one in objects),
        "restarts": restarts_of(outcomes),
        "diff": [_diff(outcome) for outcome in outcomes
                 if outcome.plan.steps or outcome.plan.before != outcome.plan.after],
        "objects": objects,
    }


def _object(outcome: Outcome) -> Options:
    plan, said = outcome.plan, {}
    if plan.steps or plan.drift or plan.waiting:
        said = {
            "steps": [step.title for step in plan.steps],
            "drift": [drift.as_result() for drift in plan.drift],
            "waiting": [drift.as_result() for drift in plan.waiting],
            "impact": max((step.impact for step in plan.steps), key=IMPACTS.index, default="none"),
        }
    changed = outcome.plan.extra.get("changed", bool(plan.steps))
    return dict({"kind": outcome.wish.kind, "name": outcome.wish.name, "changed": changed}, **said)


def warnings_of(outcomes: list[Outcome]) -> list[str]:
    """What people are to know, each once; of what is the same for many objects only some are told in full."""
    by_cause: dict[str, list[str]] = {}
    for warning in dict.fromkeys(one for outcome in outcomes for one in outcome.plan.warnings):
        by_cause.setdefault(warning.cause if isinstance(warning, Shared) else warning, []).append(warning)
    return [one for warnings in by_cause.values() for one in _in_short(warnings)]


def _in_short(warnings: list[str]) -> list[str]:
    names = list(dict.fromkeys(one.of for one in warnings[TOLD:] if isinstance(one, Shared)))
    return [*warnings[:TOLD], *(["the same is true of %s" % listed(names)] if names else [])]


def model_of(outcome: Outcome) -> Options:
    """The object as its module takes it; in check mode as it would be, without the layers that the diff tells of."""
    if outcome.found is not None:
        found: Options = outcome.wish.model(outcome.found)
        return found
    return {name: value for name, value in outcome.plan.after.items() if name not in ("config", *OTHER_LAYERS)}


def to_yaml(value: Value, indent: str = "") -> str:
    """Plain data as YAML text, for people to read; strings are quoted where YAML could take them for something else."""
    if isinstance(value, dict):
        return "".join("%s%s:%s" % (indent, _scalar(name), _nested(part, indent)) for name, part in value.items())
    return "".join("%s-%s" % (indent, _nested(part, indent).replace("\n" + indent + "  ", " ", 1)
                              if isinstance(part, dict) and part else _nested(part, indent)) for part in value)


def _nested(value: Value, indent: str) -> str:
    if isinstance(value, (dict, list)) and value:
        return "\n" + to_yaml(value, indent + "  ")
    return " %s\n" % _scalar(value)


def _scalar(value: Value) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_/][\w./@%-]*", value, re.ASCII)
    words = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
    if plain and value.lower() not in words:
        return str(value)
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: "\\u%04x" % ord(found.group()), text)
