# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single entries of a network's lists: DHCP reservations and DNS records, for plays that do not own the network.

The configuration and the running definition are each edited as they are; entries that are not named stay.
"""

from __future__ import annotations

import copy
import ipaddress
from dataclasses import dataclass, field, replace

from ..documents.network import NETWORK, refused_by_driver, subnet_of
from ..engine.converge import Drift, Host, Plan, Step
from ..host.libvirt import CONFIG, LIVE
from ..schema.nodes import Invalid, Many, in_order, is_empty, without_empty
from .network import NetworkState, read_existing, update_step
from .network_updates import apply_updates, plan_updates

LAYERS = {"config": CONFIG, "live": LIVE}


def _normal(table: Many, entry: dict) -> dict:
    return {name: value for name, value in table.item.normal(entry).items() if value is not None}


@dataclass(frozen=True)
class Entries:
    """Entries of one list of a network.

    ``path`` is its place there. ``keys`` are the options by which an entry is named to be removed, ``identity``
    those that make two entries the same one, of which for DHCP the first that is given counts.
    """

    option: str
    path: tuple
    keys: tuple
    identity: tuple
    items: tuple = ()

    @property
    def table(self) -> Many:
        node = NETWORK.node("ips").item if self.path[0] == "dhcp" else NETWORK
        for name in self.path:
            node = node.node(name)
        return node

    def matches(self, item: dict, entry: dict) -> bool:
        """Whether an entry is the one that is named: all of the identity that is given must be the same."""
        item, entry = _normal(self.table, item), _normal(self.table, entry)
        given = [name for name in self.keys if name in item]
        return bool(given) and all(item[name] == entry.get(name) for name in given)

    def same(self, item: dict, entry: dict) -> bool:
        """Whether an entry is the one that is to be made or replaced: what identifies it first is the same."""
        item, entry = _normal(self.table, item), _normal(self.table, entry)
        names = [name for name in self.identity if name in item][:1] if self.path[0] == "dhcp" else self.identity
        return bool(names) and all(item.get(name) == entry.get(name) for name in names)


@dataclass
class NetworkEntries:
    """Desired entries of one network; ``name`` is the network's."""

    name: str
    entries: list
    state: str = "present"
    kind: str = field(default="network", init=False)

    def read(self, host: Host) -> NetworkState:
        return read_existing(host, self.name)

    def plan(self, state: NetworkState) -> Plan:
        plan = Plan(before={}, after={})
        for layer, current in (("config", state.config), ("live", state.live)):
            if current is not None:
                wanted = self._wanted(current)
                self._show(plan.before, layer, current)
                self._show(plan.after, layer, wanted)
                plan.steps += edit_steps(layer, state, wanted)
                stated = {name: wanted.get(name, "") for name in ("ips", "dns")
                          if current.get(name) or wanted.get(name)}
                plan.drift += [Drift(layer, *found) for found in NETWORK.differences(stated, current)]
        return plan

    def _show(self, model: dict, layer: str, options: dict) -> None:
        """Adds a layer's lists to the diff; the running ones only where they differ from the configuration's."""
        lists = self._lists(options)
        if not model:
            model.update(lists)
        elif lists != model:
            model[layer] = lists

    def verify(self, state: NetworkState, plan: Plan) -> list:
        """What is not as planned: a new plan must have nothing to do."""
        return self.plan(state).unfinished("live")

    def model(self, state: NetworkState) -> dict:
        """The lists of the network that the entries are in."""
        return self._lists(state.config if state.config is not None else state.live)

    def _lists(self, options: dict) -> dict:
        found = {}
        for entries in self.entries:
            if entries.path[0] == "dhcp":
                found[entries.option] = [entry for ip in options.get("ips") or []
                                         for entry in (ip.get("dhcp") or {}).get("hosts") or []]
            else:
                found[entries.option] = list((options.get("dns") or {}).get(entries.path[-1]) or [])
        return found

    # --- what a layer is to be

    def _wanted(self, current: dict) -> dict:
        wanted = copy.deepcopy(current)
        for entries in self.entries:
            for index, item in enumerate(entries.items):
                path = "%s[%d]" % (entries.option, index)
                for place in self._places(entries, wanted):
                    self._remove(entries, item, place, path)
                if self.state == "present":
                    self._add(entries, item, wanted, path)
        wanted = without_empty(wanted)
        NETWORK.check(wanted)
        refused_by_driver(wanted)
        return wanted

    @staticmethod
    def _places(entries: Entries, options: dict) -> list:
        """The dictionaries that hold such a list."""
        if entries.path[0] == "dhcp":
            return [ip["dhcp"] for ip in options.get("ips") or [] if ip.get("dhcp")]
        return [options["dns"]] if options.get("dns") else []

    def _remove(self, entries: Entries, item: dict, place: dict, path: str) -> None:
        """Takes out the entry that is removed, or replaced by another than it is."""
        listed = place.get(entries.path[-1]) or []
        if self.state == "absent":
            found = [entry for entry in listed if entries.matches(item, entry)]
            if len(found) > 1:
                raise Invalid(path, "%d entries are such; name more of it" % len(found))
        else:
            found = [entry for entry in listed if entries.same(item, entry)
                     and _normal(entries.table, entry) != _normal(entries.table, item)]
        place[entries.path[-1]] = [entry for entry in listed if entry not in found]

    def _add(self, entries: Entries, item: dict, wanted: dict, path: str) -> None:
        place = self._place_for(entries, item, wanted, path)
        listed = place.setdefault(entries.path[-1], [])
        if _normal(entries.table, item) in [_normal(entries.table, entry) for entry in listed]:
            return
        if entries.path[0] == "dhcp":
            for entry in listed:
                for name in ("mac", "ip", "name"):
                    if item.get(name) and _normal(entries.table, item)[name] == _normal(entries.table, entry).get(name):
                        raise Invalid("%s.%s" % (path, name), "%s is already that of %s"
                                      % (item[name], entries.table.label(entry)))
        listed.append(item)

    @staticmethod
    def _place_for(entries: Entries, item: dict, wanted: dict, path: str) -> dict:
        if entries.path[0] != "dhcp":
            return wanted.setdefault("dns", {})
        address = ipaddress.ip_address(item["ip"])
        for ip in wanted.get("ips") or []:
            subnet = subnet_of(ip)
            if subnet.version == address.version and address in subnet:
                return ip.setdefault("dhcp", {})
        raise Invalid(path + ".ip", "%s is in no subnet of the network; it has %s" % (
            address, ", ".join(str(subnet_of(ip)) for ip in wanted.get("ips") or []) or "none"))


def edit_steps(layer: str, state: NetworkState, wanted: dict) -> list:
    """The steps that make one layer of a network as wanted while it runs; raises Invalid where libvirt cannot."""
    name, current = state.record.name, state.config if layer == "config" else state.live
    calls = plan_updates(current, wanted, state.version)
    if not list(NETWORK.differences(wanted, apply_updates(current, calls))):
        return [update_step(name, call, LAYERS[layer]) for call in calls]
    if in_order(NETWORK, current) == in_order(NETWORK, wanted):
        return []
    if layer == "live":
        raise Invalid("network", "libvirt cannot change these entries of the running network %s without touching"
                      " others; use the module network" % name)
    record, document = state.record, NETWORK.render(wanted, state.record.config)
    return [Step("change the configuration of network %s" % name,
                 lambda host: host.libvirt.define_network(document),
                 lambda host: host.libvirt.define_network(record.config))]


DHCP_HOSTS = Entries("hosts", ("dhcp", "hosts"), ("mac", "id", "name", "ip"), ("mac", "id", "name"))
DNS_HOSTS = Entries("hosts", ("dns", "hosts"), ("ip",), ("ip",))
DNS_TXTS = Entries("txts", ("dns", "txts"), ("name", "value"), ("name",))
DNS_SRVS = Entries("srvs", ("dns", "srvs"), ("service", "protocol", "domain", "target"),
                   ("service", "protocol", "domain", "target"))


def stated(kind: Entries, items: list, absent: bool) -> Entries:
    """Entries as a task gives them, checked; to be removed they need only name what identifies them."""
    checked = []
    for index, item in enumerate(items):
        here = "%s[%d]" % (kind.option, index)
        entry = kind.table.item.check(item, here, whole=not absent)
        names = kind.keys if absent else kind.identity
        if not any(entry.get(name) for name in names):
            raise Invalid(here, "give %s" % " or ".join(names))
        checked.append({name: value for name, value in entry.items() if not is_empty(value)})
    return replace(kind, items=tuple(checked))
