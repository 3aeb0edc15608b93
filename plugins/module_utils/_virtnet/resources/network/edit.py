# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some options of a network, changed in each of its layers as that is, while it runs and without a restart."""

from __future__ import annotations

from ...documents.network import NETWORK
from ...engine.plan import Step
from ...host.flags import CONFIG, LIVE
from ...host.snapshot import Snapshot
from ...schema.errors import Invalid
from ...schema.nodes import in_order
from ...schema.options import Options
from ...schema.xml import dump_xml
from .found import NetworkFound

FLAGS = {"config": CONFIG, "live": LIVE}
EDITS = {"config": "define network", "live": "update network"}  # what a plan needs for it


def layers(found: NetworkFound) -> dict[str, Options]:
    """The options of the layers that a network has."""
    return {name: options for name, options in (("config", found.config), ("live", found.live)) if options is not None}


def main_layer(found: NetworkFound) -> Options:
    """What a network is taken for: its configuration, of a transient one what runs."""
    return next(iter(layers(found).values()), {})


def edit_steps(found: NetworkFound, layer: str, wanted: Options) -> list[Step]:
    """The steps that make one layer of a network as wanted; raises Invalid where libvirt cannot while it runs."""
    record, current = found.record, layers(found)[layer]
    if record is None or in_order(NETWORK, current) == in_order(NETWORK, wanted):
        return []
    from .updates import apply_updates, change_step, plan_updates, update_step

    calls = plan_updates(current, wanted, found.version)
    if not list(NETWORK.differences(wanted, apply_updates(current, calls))):
        return [update_step(record.name, call, FLAGS[layer]) for call in calls]
    before = record.config
    if layer == "live" or before is None:
        raise Invalid("network", "libvirt cannot change these entries of the running network %s without touching"
                      " others; use the module network" % record.name)
    document = NETWORK.render(wanted, before)
    return [change_step(record.name, document)]


def promise_layers(seen: Snapshot, found: NetworkFound, wanted: dict[str, Options]) -> None:
    """Has layers of a network be as wanted."""
    if found.record:
        bases = {"config": found.record.config, "live": found.record.live}
        for layer, options in wanted.items():
            seen.put("network_" + layer, found.record.name, dump_xml(NETWORK.render(options, bases[layer])))
