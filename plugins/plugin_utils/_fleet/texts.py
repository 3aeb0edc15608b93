# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as text: JSON, Markdown, and Prometheus' text format."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import Options

from .words import count_words, counts_words, field_words


def as_json(fleet: Options) -> str:
    return json.dumps(fleet, ensure_ascii=False, indent=1) + "\n"


# --- Markdown


def markdown(fleet: Options) -> str:
    """A table of hosts, and below it what differs of each."""
    lines = ["# Networking of %s" % count_words(len(fleet["hosts"]), "host"), "",
             "%s: %s" % (_md(fleet["time"]), counts_words(fleet)), "",
             "| host | state | since | differ | wait | guests | libvirt |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for host in fleet["hosts"]:
        counts = host["counts"]
        lines.append("| %s | %s | %s | %d | %d | %d | %s |" % (
            _md(host["name"]), host["state"], _md(host["since"]), counts["drifted"], counts["waiting"],
            counts["guests"], _md(host["libvirt"] or "")))
    if fleet["findings"]:
        lines += ["", "## Across hosts", ""]
        lines += ["- %s. %s" % (_md(one["text"]), _md(one["do"])) for one in fleet["findings"]]
    for host in fleet["hosts"]:
        lines += list(_host(host))
    return "\n".join(lines) + "\n"


def _host(host: Options) -> Iterator[str]:
    if not (host["problems"] or host["objects"]):
        return
    yield from ("", "## %s: %s" % (_md(host["name"]), host["state"]), "")
    yield from ("- %s" % _md(problem) for problem in host["problems"])
    for one in host["objects"]:
        yield "- %s %s: %s" % (one["kind"], _md(one["name"]), one["state"])
        yield from ("  - %s%s" % (_md(field_words(field)), " (waits for a restart)" if field["waits"] else "")
                    for field in one["fields"])


def _md(text: str) -> str:
    """Text as it is: nothing in it is markup, nor HTML, nor the end of a line or cell."""
    plain = re.sub(r"\s+", " ", text)
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", plain)


# --- Prometheus

# by name: type, what it says
METRICS = {
    "virtnet_last_run_timestamp_seconds": "When the hosts were last compared with what is stated.",
    "virtnet_last_run_success": "Whether the host could be read and compared.",
    "virtnet_host_state": "1 for the state in which the host is, 0 for the others.",
    "virtnet_objects": "Objects that are stated.",
    "virtnet_drift": "Fields of an object that are not as stated, by the layer.",
    "virtnet_waiting": "Fields of an object that are in force only after a restart, by the layer.",
    "virtnet_guests": "Guests of the host by whether they run.",
    "virtnet_findings": "What differs or clashes between hosts, by its kind.",
}


def prometheus(fleet: Options) -> str:
    """Metrics in the text format, for the textfile collector."""
    samples: dict[str, Counter[str]] = {name: Counter() for name in METRICS}
    for name, labels, value in _samples(fleet):  # ports of one network have one name, and are one series
        samples[name]["{%s}" % ",".join('%s="%s"' % (label, _label(text)) for label, text in labels.items())] += value
    lines = []
    for name, about in METRICS.items():
        if samples[name]:
            lines += ["# HELP %s %s" % (name, about), "# TYPE %s gauge" % name]
            lines += ["%s%s %d" % (name, labels, value) for labels, value in samples[name].items()]
    return "\n".join(lines) + "\n"


def _samples(fleet: Options) -> Iterator[tuple[str, Options, int]]:
    for host in fleet["hosts"]:
        of, counts = {"host": host["name"]}, host["counts"]
        yield "virtnet_last_run_timestamp_seconds", of, int(datetime.fromisoformat(
            fleet["time"].replace("Z", "+00:00")).timestamp())
        yield "virtnet_last_run_success", of, int(host["state"] not in ("unreachable", "degraded"))
        for state in fleet["counts"]:
            yield "virtnet_host_state", dict(of, state=state), int(host["state"] == state)
        yield "virtnet_objects", of, counts["objects"]
        for one in host["objects"]:
            for waits, name in ((False, "virtnet_drift"), (True, "virtnet_waiting")):
                layers = Counter(field["layer"] for field in one["fields"] if field["waits"] == waits)
                for layer, count in layers.items():
                    yield name, dict(of, kind=one["kind"], name=one["name"], layer=layer), count
        for state, count in (("running", counts["running"]), ("off", counts["guests"] - counts["running"])):
            yield "virtnet_guests", dict(of, state=state), count
    for kind, count in Counter(one["kind"] for one in fleet["findings"]).items():
        yield "virtnet_findings", {"kind": kind}, count


def _label(text: str) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
