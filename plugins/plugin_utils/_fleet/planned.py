# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the filters that plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from .had import Had, Options, reports_of
from .plan import plan
from .pools import Pool


def planned(asked: str, names: Any, pool: Callable[[], Pool], had: Callable[[Options], Iterator[Had]],
            reported: Any, taken: Any, previous: Any) -> dict[str, Any]:
    """The plan of the filter ``asked``; what could not stay is a warning."""
    try:
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise ValueError("give a list of names, not %r" % (names,))
        for option, value, kind in (("reported", reported, dict), ("taken", taken, list), ("previous", previous, dict)):
            if value is not None and not isinstance(value, kind):
                raise ValueError("%s: %r is not allowed; give a %s" % (
                    option, value, {dict: "dictionary", list: "list"}[kind]))
        found = pool()
        others = [Had(_known(found, "taken", value), frozenset(), "taken") for value in taken or []]
        before = {name: _known(found, "previous." + name, value) for name, value in (previous or {}).items()}
        made = plan(names, found, [*had(reports_of(reported or {})), *others], before)
    except ValueError as error:
        raise AnsibleFilterError("%s: %s" % (asked, error)) from error
    for line in made.told:
        warn("%s: %s" % (asked, line))
    return made.values


def warn(text: str) -> None:
    from ansible.utils.display import Display  # brings in all of Ansible, which a plan without warnings does not need

    Display().warning(text)


def _known(pool: Pool, option: str, value: Any) -> Any:
    try:
        pool.spans(value)
    except (ValueError, TypeError) as error:
        raise ValueError("%s: %s is not allowed: %s" % (option, value, error)) from error
    return value
