# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an option is, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Union

from .options import Value

LONGEST_MESSAGE = 1000
LONGEST_VALUE = 80
MANY = 10  # names in a message


class Entry(str):
    """A place in a list, by what names the entry there."""

    __slots__ = ()


class Path(tuple):  # type: ignore[type-arg]
    """The way to an option: names of options, and places in lists, by number or by an Entry.

    It is written ``ips[0].dhcp.hosts[52:54:00:00:00:01]``, and never read from that.
    """

    __slots__ = ()

    def __new__(cls, *parts: str | int) -> Path:
        return super().__new__(cls, parts)

    def __truediv__(self, part: str | int) -> Path:
        return Path(*self, part)

    def within(self, *parts: str | int) -> Path:
        """The same way, from further out."""
        return Path(*parts, *self)

    def after(self, parts: int) -> Path:
        """The rest of the way after so many parts, all of it where it is no longer than that."""
        return Path(*self[parts:]) if len(self) > parts else self

    @property
    def top(self) -> str:
        """The first name, or nothing where the whole object is meant."""
        return str(self[0]) if self else ""

    def __str__(self) -> str:
        text = ""
        for part in self:
            if isinstance(part, (int, Entry)):
                text += "[%s]" % part
            else:
                text += "." + part if text else part
        return text


Where = Union[Path, str]


def as_path(where: Where) -> Path:
    """A way, which may be given as the name of the one option that it is."""
    if isinstance(where, Path):
        return where
    return Path(where) if where else Path()


class Difference(NamedTuple):
    """One place where two sets of options differ; ``None`` stands for nothing there."""

    path: Path
    desired: Value
    current: Value


class Invalid(ValueError):
    """A value that is not allowed; the message names the option's path, the value and what is allowed."""

    def __init__(self, where: Where, problem: str) -> None:
        self.path, self.problem = as_path(where), problem
        super().__init__(problem)

    def __str__(self) -> str:
        text = "%s: %s" % (self.path, self.problem) if self.path else self.problem
        return _shortened(_escaped(text), LONGEST_MESSAGE)

    def within(self, *parts: str | int) -> Invalid:
        """The same, seen from further out."""
        self.path = self.path.within(*parts)
        return self


class Missing(Invalid):
    """Something that the host has not got, which an earlier task may have been about to make."""


def there_is_no(where: Where, kind: str, name: str, names: Iterable[str]) -> Missing:
    """Beside it what there is; of much only what reads most like it."""
    return Missing(where, "there is no %s %s; there are %s" % (kind, name, ", ".join(_like(name, names)) or "none"))


def no_such_option(name: Value, names: Iterable[str]) -> Invalid:
    """Beside it the one that is likely to be meant, and what there is."""
    from difflib import get_close_matches

    there = sorted(names)
    meant = get_close_matches(str(name), there, 1)
    return Invalid(str(name), "no such option; %s %s" % (
        "did you mean %s? There are" % meant[0] if meant else "there are", ", ".join(_like(str(name), there))))


def _like(name: str, names: Iterable[str]) -> list[str]:
    """All names, of many only those that read most like one, and how many more there are."""
    there = sorted(names)
    if len(there) <= MANY:
        return there
    from difflib import get_close_matches

    return [*get_close_matches(name, there, MANY, 0), "%d more" % (len(there) - MANY)]


class Several(Invalid):
    """All that is wrong with a document, a line each."""

    def __init__(self, errors: list[Invalid]) -> None:
        super().__init__("", "")
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def raise_all(errors: list[Invalid]) -> None:
    """Raises what was found to be wrong, if anything was."""
    if errors:
        raise errors[0] if len(errors) == 1 else Several(errors)


@contextmanager
def inside(*parts: str | int) -> Iterator[None]:
    """What is found to be wrong in here is wrong at this place."""
    try:
        yield
    except Invalid as error:
        error.within(*parts)
        raise


def not_allowed(where: Where, value: Value, allowed: str) -> Invalid:
    return Invalid(where, "%s is not allowed; give %s" % (shown(value), allowed))


def shown(value: Value) -> str:
    """A value as an error shows it: escaped, and cut where it is long."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = "a value nested too deeply"
    return _shortened(text, LONGEST_VALUE)


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "\\u%04x" % ord(one) for one in text)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else "%s… (%d characters)" % (text[:longest], len(text))
