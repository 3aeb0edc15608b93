# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of roles may be: forms by name, made of the scalars that options have.

A role's values come into names of files, lines of files, and arguments of commands that run as root, so a device is
here one that the kernel takes, and nothing but texts and names for libvirt alone begins with ``-``.
"""

from __future__ import annotations

import ipaddress

from ..schema.errors import Invalid, inside, not_allowed
from ..schema.options import Value, is_empty
from ..schema.scalars import DUID, IP, IPV4, MAC, NAME, PCI_FUNCTION, STR, Scalar, integer, string
from .sriov import DRIVER, PCI_ID

DEVICE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}"


def _subnet(version: int, example: str) -> Scalar:
    def coerce(value: Value) -> str:
        address, slash, length = value.partition("/") if isinstance(value, str) else ("", "", "")
        IP.coerce(address)
        if not slash or not length.replace(".", "").isdigit() or ipaddress.ip_network(
                value, strict=False).version != version:
            raise ValueError(value)
        return str(value)

    return Scalar("str", "an IPv%d subnet such as %s" % (version, example), coerce, coerce)


def _ipv6(value: Value) -> str:
    text: str = IP.coerce(value)
    if ":" not in text:
        raise ValueError(value)
    return text


FORMS = {
    "text": STR,
    "name": NAME,
    "uri": string("a URI of libvirt such as qemu:///system", r"[A-Za-z][!-~]*"),
    "package": string("the name of a package, which begins with a letter, a digit, '@' or '/'",
                      r"[A-Za-z0-9@/][A-Za-z0-9@/.+_:~^*<>=-]*"),
    "device": string("a device name of at most 15 letters, digits, '.', '_' and '-', that does not begin with '.' or"
                     " '-'", DEVICE),
    # systemd-networkd takes no others, and NAME-uplink is the name of a file of bridge NAME
    "bridge": string("a device name of at most 15 letters, digits, '.', '_' and '-', that does not begin with '.' or"
                     " '-', is not all, default or a number, and does not end with -uplink",
                     r"(?!(?:all|default|[0-9]+|.*-uplink)\Z)" + DEVICE),
    "pci": PCI_FUNCTION,
    "pci_id": PCI_ID,
    "driver": DRIVER,
    "address": IP,
    "ipv4": IPV4,
    "ipv6": Scalar("str", "an IPv6 address", _ipv6, _ipv6),
    "ipv4_subnet": _subnet(4, "192.168.150.0/24"),
    "ipv6_subnet": _subnet(6, "fd00:150::/64"),
    "mac": MAC,
    "duid": DUID,
    "dns_name": string("a DNS name of letters, digits, '.', '_' and '-'", r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}"),
    # these come into units of systemd and, by ansible-pull, before a shell
    "path": string("an absolute path of letters, digits, '.', '_', '-', '+', '@' and '/'", r"/[A-Za-z0-9._+@/-]*"),
    "relative": string("a path of letters, digits, '.', '_', '-', '+' and '/', that does not begin with '/' or '-'",
                       r"[A-Za-z0-9._][A-Za-z0-9._+/-]*"),
    "repository": string("the URL of a git repository, such as https://git.example.com/network.git or"
                         " git@git.example.com:network.git, without spaces, quotes, '$', '%', '&' and ';'",
                         r"(?:(?:https|http|ssh|git|file)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:)[A-Za-z0-9._~/:@+-]+"),
    "calendar": string("a time as OnCalendar of systemd, such as hourly or Mon..Fri 06:00",
                       r"[A-Za-z0-9*][A-Za-z0-9*,:./~ +_-]*"),
    "vlan": integer(1, 4094),
    "mtu": integer(0, 65535),
    "count": integer(0, 65535),
    "seconds": integer(1, 3600),
}


def refusals(forms: dict[str, str], values: dict[str, Value]) -> list[str]:
    """What is wrong with the variables of a role, a line each.

    ``forms`` says of which form each is: ``name[]`` stands for each element of a list, ``name.key`` for one of a
    dictionary, and ``or nothing`` behind a form allows an empty value too.
    """
    found = []
    for path, wanted in forms.items():
        name, *steps = path.replace("[]", ".[]").split(".")
        form, _space, nothing = wanted.partition(" ")
        if form not in FORMS:
            raise ValueError("%s: there is no form %s; there are %s" % (path, form, ", ".join(FORMS)))
        try:
            with inside(name):
                _check(values.get(name), steps, form, bool(nothing))
        except Invalid as error:
            found.append("%s." % error)
    return found


def _check(value: Value, steps: list[str], form: str, nothing: bool) -> None:
    if steps[:1] == ["[]"]:
        _check_list(value, steps[1:], form, nothing)
    elif steps:
        _check_key(value, steps[0], steps[1:], form, nothing)
    elif form == "text" and isinstance(value, (list, dict)):
        for place, one in value.items() if isinstance(value, dict) else enumerate(value):
            with inside(place):
                _check(one, [], form, nothing)
    elif not (is_empty(value) and not isinstance(value, (list, dict)) and (nothing or form == "text")):
        _check_value(value, FORMS[form], " or nothing" if nothing else "")


def _check_list(value: Value, steps: list[str], form: str, nothing: bool) -> None:
    if is_empty(value) and not isinstance(value, dict):
        return
    if not isinstance(value, (list, tuple)):
        raise not_allowed("", value, "a list")
    for place, one in enumerate(value):
        with inside(place):
            _check(one, steps, form, nothing)


def _check_key(value: Value, name: str, steps: list[str], form: str, nothing: bool) -> None:
    if is_empty(value):
        return
    if not isinstance(value, dict):
        raise not_allowed("", value, "a dictionary")
    if name in value:
        with inside(name):
            _check(value[name], steps, form, nothing)


def _check_value(value: Value, scalar: Scalar, otherwise: str) -> None:
    try:
        scalar.coerce(value)
    except (ValueError, TypeError) as error:
        raise not_allowed("", value, scalar.allowed + otherwise) from error
