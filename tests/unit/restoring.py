# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""There and back on a host in memory: steps are done, what they touched is restored, and all is as it was."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from unit.fake_host import FakeHost

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import (
    UNKNOWN,
    Record,
    place_of,
    take,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.restore import Restored, restore
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import in_order
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import (
    dump_xml,
    etree,
    load_xml,
)

BARE = etree.XMLParser(remove_blank_text=True)


def begun(host: FakeHost, steps: Iterable[Step]) -> Record:
    """Does steps, and gives the record of what was there before, as it comes back from a disk."""
    steps = list(steps)
    record = take(host.look(), steps)
    for piece in record.pieces:  # steps write what they like
        record.wrote.update({place: UNKNOWN for place in (place_of(piece), ("network_live", piece.name)) if place})
    record.was = Snapshot.of_record(json.loads(json.dumps(record.was.recorded())))
    for step in steps:
        record.begin(step)
        step.do(host)
    return record


def there_and_back(host: FakeHost, steps: Iterable[Step]) -> list[tuple]:
    """The calls that take steps back, after which all is as it was, and is left so."""
    before = state(host)
    record = begun(host, steps)
    host.calls.clear()
    restored = restore(host, record)
    assert restored.failed == [], restored
    assert state(host) == before, differences(state(host), before)
    calls = list(host.calls)
    assert restore(host, record) == Restored() and host.calls == calls
    return calls


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What of a host differs, one below the other."""
    return ["%s %s:\n%s\n%s" % (part, key, one[part].get(key), other[part].get(key))
            for part in other for key in {*one[part], *other[part]} if one[part].get(key) != other[part].get(key)]


def state(host: FakeHost) -> dict[str, Any]:
    """The parts of a host, without what may be another way round in what runs.

    The port of a guest's interface goes by its MAC address, for it is made anew.
    """
    found = copy.deepcopy(host.parts)
    for uuid, text in found["domain_live"].items():
        document = load_xml(text)
        for interface in document.findall("devices/interface"):
            interface[:] = sorted(interface, key=lambda one: one.tag)
            for bandwidth in interface.findall("bandwidth"):
                bandwidth.attrib.pop("classID", None)
            source = interface.find("source")
            port = source.attrib.pop("portid", None) if source is not None else None
            for ports in found["ports"].values():
                ports[:] = ["port of " + interface.find("mac").get("address") if (
                    "<uuid>%s</uuid>" % port in one) else one for one in ports]
        found["domain_live"][uuid] = dump_xml(document)
    for ports in found["ports"].values():
        ports[:] = sorted(_sorted(one) if one[:1] == "<" else one for one in ports)
    for name, text in found["network_live"].items():
        found["network_live"][name] = text and in_order(NETWORK, NETWORK.parse(load_xml(text)))
    return {part: {key: _unspaced(value) for key, value in by_key.items() if value not in (None, [])}
            for part, by_key in found.items()}


def _sorted(text: str) -> str:
    """A document with its elements by name."""
    element = load_xml(text)
    element[:] = sorted(element, key=lambda one: one.tag)
    return dump_xml(element)


def _unspaced(value: Any) -> Any:
    """Documents without the space between their elements."""
    if isinstance(value, dict):
        return {name: _unspaced(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_unspaced(one) for one in value]
    return etree.tostring(etree.fromstring(value, BARE), method="c14n").decode() if str(value)[:1] == "<" else value
