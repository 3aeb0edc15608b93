# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Title, description and metadata of a running network, which libvirt sets by a call of their own since 9.7.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...documents.network import NETWORK
from ...engine.plan import Step
from ...host.flags import DESCRIPTION, ELEMENT, TITLE
from ...schema.options import Options, Value
from ...schema.xml import load_xml, namespace_of
from .piece import network as piece

if TYPE_CHECKING:
    from ...host.host import Host

TEXTS = {"title": TITLE, "description": DESCRIPTION}
NAMES = (*TEXTS, "metadata")


def with_metadata(live: Options, wanted: Options) -> Options:
    """The options of a running network with the title, description and metadata of others."""
    options = {name: value for name, value in live.items() if name not in NAMES}
    return dict(options, **{name: wanted[name] for name in NAMES if wanted.get(name)})


def metadata_steps(network: str, live: Options, wanted: Options) -> Iterator[Step]:
    """One step for each text, and for each namespace of metadata, that is to change in the running network."""
    for name, kind in TEXTS.items():
        old, new = live.get(name), wanted.get(name)
        if (old or None) != (new or None):
            yield _step(network, name, kind, None, new)
    there, stated = (_by_namespace(options.get("metadata")) for options in (live, wanted))
    for uri in sorted(there.keys() | stated.keys()):
        before, after = there.get(uri), stated.get(uri)
        if _normal(before) != _normal(after):
            yield _step(network, "metadata %s" % uri, ELEMENT, uri, after)


def _step(network: str, noun: str, kind: int, uri: str | None, new: str | None) -> Step:
    return Step("%s %s (running network %s)" % ("set" if new else "remove", noun, network),
                lambda host: _write(host, network, kind, uri, new), piece(network),
                writes=("network_live", network))


def _write(host: Host, network: str, kind: int, uri: str | None, text: str | None) -> None:
    host.libvirt.set_network_metadata(network, kind, text or None, _free_prefix(text) if uri else None, uri)


def _free_prefix(text: str | None) -> str:
    """A prefix that the element has not, for libvirt declares one of its own beside."""
    used, prefix = load_xml(text).nsmap if text else {}, "meta"
    while prefix in used:
        prefix += "_"
    return prefix


def _by_namespace(elements: list[str] | None) -> dict[str, str]:
    return {namespace_of(text) or "": text for text in elements or []}


def _normal(element: str | None) -> Value:
    return NETWORK.node("metadata").normal([element] if element else [])
