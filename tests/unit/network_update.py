# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt does with virNetworkUpdate: its own matching, written from its behaviour, not from the code under test.
"""

from __future__ import annotations

import copy

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import (
    NETWORK,
    refused_by_driver,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HypervisorError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.flags import ADD_LAST, DELETE
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

IPS = NETWORK.node("ips").item


class Refused(HypervisorError):
    """What libvirt answers when it does not make the change."""


class NetworkUpdate:
    """A network as libvirt has it, changed by virNetworkUpdate alone."""

    def __init__(self, options: dict, version: tuple) -> None:
        self.options, self.version = copy.deepcopy(options), version

    def update(self, command: int, section: int, parent: int, element) -> None:
        tag = {4: "host", 5: "range", 7: "interface", 9: "portgroup", 10: "host", 11: "txt", 12: "srv"}[section]
        if element.tag != tag:
            raise Refused("unexpected element %s" % element.tag)
        dns = NETWORK.node("dns")
        tables = {
            4: IPS.node("dhcp").node("hosts"), 5: IPS.node("dhcp").node("ranges"), 10: dns.node("hosts"),
            7: NETWORK.node("forward").node("interfaces"), 9: NETWORK.node("portgroups"), 11: dns.node("txts"),
            12: dns.node("srvs"),
        }
        item = tables[section].item.parse(element)
        entries = self._entries(section, parent)
        found = [entry for entry in entries if self._matches(section, command, item, entry)]
        self._command(command, section, item, entries, found)
        try:
            refused_by_driver(NETWORK.check(self.options))
        except Invalid as error:
            raise Refused(str(error)) from error

    def _entries(self, section: int, parent: int) -> list:
        if section in (4, 5):
            place = self.options["ips"][parent].setdefault("dhcp", {})
            return place.setdefault({4: "hosts", 5: "ranges"}[section], [])
        if section == 7:
            forward = self.options["forward"]
            dev = forward.pop("dev", None)
            interfaces = forward.setdefault("interfaces", [])
            if dev and {"dev": dev} not in interfaces:
                interfaces.insert(0, {"dev": dev})
            return interfaces
        if section == 9:
            return self.options.setdefault("portgroups", [])
        return self.options.setdefault("dns", {}).setdefault({10: "hosts", 11: "txts", 12: "srvs"}[section], [])

    @staticmethod
    def _matches(section: int, command: int, item: dict, entry: dict) -> bool:
        item, entry = _lower(item), _lower(entry)

        def same(*names: str) -> bool:
            return all(name not in item or item[name] == entry.get(name) for name in names)

        def shared(*names: str) -> bool:
            return any(name in item and item[name] == entry.get(name) for name in names)

        if section == 4:
            if command == DELETE:
                return ("mac" not in entry or same("mac")) and same("ip", "name")
            return shared("mac", "ip", "name")
        if section == 10:
            names = set(item.get("hostnames", [])) & set(entry["hostnames"])
            return shared("ip") or (command != ADD_LAST and bool(names))
        return same(*{5: ("start", "end"), 7: ("dev",), 9: ("name",), 11: ("name",),
                      12: ("service", "protocol", "domain", "target")}[section])

    def _command(self, command: int, section: int, item: dict, entries: list, found: list) -> None:
        if command == ADD_LAST:
            if found:
                raise Refused("there is one already")
            entries.append(item)
            return
        if not found:
            raise Refused("there is none")
        if len(found) > 1 and section in (10, 12):
            raise Refused("there are several")
        index = next(index for index, entry in enumerate(entries) if entry is found[0])
        if command == DELETE:
            del entries[index]
        elif section in (4, 9) or (section in (10, 11) and self.version >= (10, 6, 0)):
            entries[index] = item
        else:
            raise Refused("no such command")


def _lower(item: dict) -> dict:
    return dict(item, **{name: item[name].lower() for name in ("mac", "ip", "start", "end") if name in item})
