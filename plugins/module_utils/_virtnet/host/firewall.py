# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's firewall as plain data, read and changed by libnftables in its JSON (libnftables-json(5)).

What legacy iptables has made is not in that, and comes from ``legacy``. A chain is named "family table chain", and has
``type``, ``hook``, ``prio`` and ``policy`` where it is a base chain, and ``rules``: each a list of words, conditions
first, the last one what is done ("iifname virbr0", "ip saddr 192.168.122.0/24", "accept").
"""

from __future__ import annotations

import ctypes
import glob
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..schema.xml import load_xml
from .errors import KernelError
from .legacy import read_legacy

LIBRARY = "libnftables.so.1"
AS_JSON, WITHOUT_ELEMENTS = 1 << 4, 1 << 11  # NFT_CTX_OUTPUT_JSON, _TERSE: sets of others may be long
IPTABLES = ("/usr/sbin/iptables", "/sbin/iptables")
STATUS = "/run/libvirt/network/*.xml"
SETTING = "/etc/libvirt/network.conf"
STATED = re.compile(r"^\s*firewall_backend\s*=\s*\"(\w+)\"", re.MULTILINE)
BASE = ("type", "hook", "prio", "policy")
SAME = {"iif": "iifname", "oif": "oifname", "l4proto": "protocol"}
OF_FAMILY = {"ip": "ip protocol", "ip6": "ip6 nexthdr"}  # the same where there is nothing but that family
PROTOCOLS = {"6": "tcp", "17": "udp"}  # which are numbers on a host without /etc/protocols
UNKNOWN = "unknown"  # what libnftables has no JSON for
HIDDEN = "xt"
COMMENT = "comment"
WITH_TARGET = ("jump", "goto")


def read_firewall() -> dict[str, Any]:
    """``chains`` by name; ``problem`` is why they cannot be seen, empty where they can; libvirt's ``backend``.

    ``hides`` is whether libnftables shows nothing of what is iptables' own, as it does before 1.0: each is the word xt.
    ``legacy`` is whether the host's iptables, which libvirt calls, is the legacy one.
    """
    problem, chains, legacy = "", {}, _is_legacy()
    try:
        chains = chains_of(json.loads(_run("list ruleset")))
    except (OSError, KernelError) as error:
        problem = "" if legacy else str(error)
    hides = any(HIDDEN in words for chain in chains.values() for words in chain["rules"])
    try:
        chains.update(read_legacy())
    except (OSError, KernelError) as error:
        problem = problem or str(error)
    return {"problem": problem, "backend": _backend(), "chains": chains, "hides": hides, "legacy": legacy}


def runs_firewalld() -> bool:
    """Whether firewalld runs, also where it is not systemd's."""
    for place in glob.glob("/proc/[0-9]*/comm"):
        with suppress(OSError), open(place, encoding="utf-8", errors="replace") as file:
            if file.read().strip() == "firewalld":
                return True
    return False


def change_firewall(commands: list[dict[str, Any]]) -> None:
    """Does all or, with an error, none of it."""
    _run(json.dumps({"nftables": commands}))


def remove_rules(unwanted: Callable[[str, list[str]], bool]) -> None:
    """Deletes the rules of which that is true, by the name of their chain and their words."""
    rules = [entry["rule"] for entry in json.loads(_run("list ruleset"))["nftables"] if "rule" in entry]
    commands: list[dict[str, Any]] = [
        {"delete": {"rule": {name: rule[name] for name in ("family", "table", "chain", "handle")}}}
        for rule in rules if unwanted(_name(rule, rule["chain"]), _words(rule))]
    if commands:
        change_firewall(commands)


def _is_legacy() -> bool:
    return any("nft" not in os.path.realpath(path) for path in IPTABLES if os.path.exists(path))


def _backend() -> str:
    """What running networks say that they have their rules from, else what libvirt is told; empty where neither is.

    libvirt says it from 10.4 on, and had iptables only before.
    """
    for path in sorted(glob.glob(STATUS)):
        try:
            with open(path, encoding="utf-8") as file:
                found = load_xml(file.read()).find("firewall")
        except (OSError, ValueError):
            continue
        if found is not None:
            return str(found.get("backend"))
    try:
        with open(SETTING, encoding="utf-8") as file:
            stated = STATED.search(file.read())
    except OSError:
        return ""
    return stated[1] if stated else ""


def _run(command: str) -> str:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise KernelError("%s is not installed (package libnftables1 of Debian and Ubuntu, else nftables)"
                          % LIBRARY) from None
    library.nft_ctx_new.restype = ctypes.c_void_p
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).restype = ctypes.c_char_p
    context = ctypes.c_void_p(library.nft_ctx_new(0))
    try:
        library.nft_ctx_output_set_flags(context, AS_JSON | WITHOUT_ELEMENTS)
        library.nft_ctx_buffer_output(context)
        library.nft_ctx_buffer_error(context)
        failed = library.nft_run_cmd_from_buffer(context, command.encode())
        if failed:
            raise KernelError("nftables: %s" % _text(library.nft_ctx_get_error_buffer(context)).strip())
        return _text(library.nft_ctx_get_output_buffer(context))
    finally:
        library.nft_ctx_free(context)


def _text(buffer: bytes | None) -> str:
    return (buffer or b"").decode(errors="replace")


# --- JSON as words


def chains_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The chains of a ruleset."""
    chains: dict[str, Any] = {}
    asleep = set()
    for entry in answer.get("nftables", ()):
        if "table" in entry and "dormant" in entry["table"].get("flags", ()):
            asleep.add((entry["table"]["family"], entry["table"]["name"]))
        elif "chain" in entry:
            chain = entry["chain"]
            base = () if (chain["family"], chain["table"]) in asleep else BASE
            chains[_name(chain, chain["name"])] = {**{key: chain[key] for key in base if key in chain}, "rules": []}
        elif "rule" in entry:
            rule = entry["rule"]
            chains[_name(rule, rule["chain"])]["rules"].append(_words(rule))
    return chains


def _words(rule: dict[str, Any]) -> list[str]:
    words, protocol = filter(None, map(_word, rule["expr"])), OF_FAMILY.get(rule["family"], UNKNOWN)
    return ["protocol" + word[len(protocol):] if word.startswith(protocol + " ") else word for word in words]


def _name(entry: dict[str, Any], chain: str) -> str:
    return "%s %s %s" % (entry["family"], entry["table"], chain)


def _word(statement: Any) -> str:
    """A statement of a rule, empty where it does nothing to a packet."""
    if not isinstance(statement, dict):
        return UNKNOWN
    (name, value), = statement.items()
    if name == "match":
        operator = "" if value["op"] in ("==", "in") else value["op"] + " "
        left, right = _left(value["left"]), _right(value["right"])
        if left in ("protocol", *OF_FAMILY.values()):
            right = ",".join(PROTOCOLS.get(one, one) for one in right.split(","))
        return "%s %s%s" % (left, operator, right)
    if name == "xt":
        if not value:
            return HIDDEN
        if value["type"] == "target":
            return str(value["name"]).lower()
        return "" if value["name"] == COMMENT else "xt %s" % value["name"]
    if name == "set" and value.get("stmt"):
        return UNKNOWN  # a limit for each of its elements
    if name in WITH_TARGET:
        return "%s %s" % (name, value["target"])
    return "" if name in ("counter", COMMENT) else name


def _left(left: Any) -> str:
    (name, value), = left.items() if isinstance(left, dict) and len(left) == 1 else [("", left)]
    if name == "meta":
        words = str(value["key"])
    elif name == "payload" and "protocol" in value:
        words = "%s %s" % (value["protocol"], value["field"])
    elif name == "ct":
        words = "ct %s" % value["key"]
    else:
        words = json.dumps(left)
    return SAME.get(words, words)


def _right(right: Any) -> str:
    if isinstance(right, dict):
        (name, value), = right.items()
        if name == "prefix":
            return "%s/%s" % (value["addr"], value["len"])
        if name == "range":
            return "-".join(map(_right, value))
        return _right(value) if name == "set" else json.dumps(right)
    if isinstance(right, list):
        return ",".join(sorted(map(_right, right)))
    return str(right)
