# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known to fail of the steps for a network, before the first is taken. Pure: the host comes as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ...documents.device import not_a_name
from ...documents.network import manages_bridge
from ...engine.plan import STOPS, Plan
from ...engine.trades import Taken
from ...host.snapshot import Snapshot
from ...host.uses import bridges_by_name
from ...schema.errors import Invalid, Missing, Path
from ...schema.options import Options, option
from ..refusals import refuse_taken_uuid, refuse_unlimitable, refuse_unwritable
from ..reload import hindrance
from .dnsmasq import has_dnsmasq, refused_by_dnsmasq, taken_ports, watches_servers
from .firewall import refuse_without_checksums, start_without_chains, unmakeable_chains
from .found import NetworkFound
from .leases import reservations_of, warn_of_leases
from .overlaps import refuse_overlaps, warn_of_classes, warn_of_records
from .plan import merged_options
from .promise import bridge_made_for, bridges_of
from .repairs import unstartable
from .upkeep import chains_step, reload_step, unforwardable

if TYPE_CHECKING:
    from .resource import Network

MADE_UP = frozenset("virbr%d" % number for number in range(257))
NAME, ZONE = Path("bridge", "name"), Path("bridge", "zone")
OF_HOST = frozenset(("zone", "family", "dns", "dhcp", "root"))
# of what a running network has, that for which libvirt starts dnsmasq anew; else that reads its files again
RESTARTING, WHOLE = frozenset(("ranges", "txts", "srvs")), (("dhcp",), ("dns",))


def foresee_network(desired: Network, seen: Snapshot, found: NetworkFound, plan: Plan) -> None:
    options = {} if desired.absent else merged_options(desired, found.live if found.config is None else found.config)
    connecting = {"make port"} if plan.steps and plan.unconnected else set()
    refuse_unwritable(seen, plan.needs | connecting | set(_of_dnsmasq(found, options, plan)))
    if desired.absent:
        return
    _refuse_bridge(seen, found, options)
    if found.record is None:
        refuse_taken_uuid(seen, "networks", options)
    refuse_overlaps(seen, desired.name, found, options, plan)
    warn_of_classes(desired.name, found, options, plan)
    warn_of_records(desired.name, found, options, plan)
    known = reservations_of(found.live)
    warn_of_leases(seen, desired.name, [host for host in reservations_of(options) if host not in known], plan)
    problems = _problems(seen, found, options)
    if "start network" in plan.needs:
        for path, problem in problems:  # a folder may be what an earlier task is to make
            raise Missing(path, problem) if path[-1] == "root" else Invalid(path, problem)
        _refuse_empty_pool(seen, options)
        _refuse_limits(seen, found, options)
        refuse_without_checksums(seen, options)
        _refuse_without_dnsmasq(seen, has_dnsmasq(options))
        _take_watch(seen, found, options)
        _make_chains(seen, desired.name, options, plan)
    else:
        _refuse_without_dnsmasq(seen, restarts_dnsmasq(plan))
        _foresee_start(desired, seen, found, options, plan, problems)


def foresee_edits(seen: Snapshot, found: NetworkFound, plan: Plan) -> None:
    """The same for edits of entries, which neither stop nor start a network."""
    refuse_unwritable(seen, plan.needs | set(_of_dnsmasq(found, {}, plan)))
    _refuse_without_dnsmasq(seen, restarts_dnsmasq(plan))


def _of_dnsmasq(found: NetworkFound, options: Options, plan: Plan) -> Iterator[str]:
    """What is to be done to dnsmasq's files, which there are of a network that libvirt has had."""
    if "start network" in plan.needs and has_dnsmasq(options):
        yield "write dnsmasq's files" if found.record else "make dnsmasq's files"
    if "update network" in plan.needs and any(
            drift.layer == "live" and drift.path.top in ("ips", "dns") for drift in plan.drift):
        yield "write dnsmasq's files"


def restarts_dnsmasq(plan: Plan) -> bool:
    """Whether a running network changes by what libvirt ends dnsmasq for and starts it anew."""
    return "update network" in plan.needs and any(
        drift.layer == "live" and (not RESTARTING.isdisjoint(drift.path) or drift.path[-1:] in WHOLE)
        for drift in plan.drift)


# --- the bridge


def _refuse_bridge(seen: Snapshot, found: NetworkFound, options: Options) -> None:
    """Refuses what libvirt does not define: the bridge of another network, and one name more than it makes up."""
    for name in bridges_of(options) - bridges_of(found.config, found.live):
        taken = bridges_by_name(seen)
        others = sorted(taken.networks.get(name, ())) if name and manages_bridge(options) else []
        if others:
            raise Taken(NAME, "%s is the bridge of network %s; give another name" % (name, others[0]),
                        ("network", others[0]))
        if not name and len(MADE_UP - taken.networks.keys() - (seen.devices or {}).keys()) <= taken.made_up:
            raise Invalid(NAME, "is missing; libvirt makes up at most %d names (virbr0 to virbr%d), which are all"
                          " taken; give bridge.name" % (len(MADE_UP), len(MADE_UP) - 1))


def _foresee_start(desired: Network, seen: Snapshot, found: NetworkFound, options: Options, plan: Plan,
                   problems: Iterable[tuple[Path, str]]) -> None:
    """Refuses at once, where it is to start by itself, what cannot start later; warns of it elsewhere."""
    if plan.needs.isdisjoint(("define network", "set autostart")):
        return
    starts = found.record.autostart if desired.autostart is None and found.record else desired.autostart
    for path, problem in problems:
        if starts and not _may_go(path, options):
            raise Invalid(path, problem)
        plan.warnings.append("%s: %s; network %s cannot start so" % (path, problem, desired.name))
    try:
        _refuse_own_limits(seen, options)
    except Invalid as error:  # what the kernel lacks may be there by then
        plan.warnings.append("%s; network %s cannot start so" % (error, desired.name))


def _problems(seen: Snapshot, found: NetworkFound, options: Options) -> Iterator[tuple[Path, str]]:
    """What the network cannot start for."""
    yield from unstartable(options, found.devices or {}, bridge_made_for(found.live))
    yield from _without_firewalld(seen, options)
    yield from _losing_routes(seen, options)
    yield from taken_ports(seen, options)
    yield from refused_by_dnsmasq(seen, options)


def _may_go(path: Path, options: Options) -> bool:
    """Whether a problem may be gone when the network starts: what is wrong then is on the host, not in the options."""
    return path[-1] in OF_HOST or (path == NAME and not not_a_name(option(options, "bridge", "name")))


# --- what starting takes


def _refuse_empty_pool(seen: Snapshot, options: Options) -> None:
    device = option(options, "forward", "pf", "dev")
    for function in seen.physical_functions.values() if device else ():
        if device in function["devices"] and not function["vfs"]:
            raise Missing(Path("forward", "pf", "dev"), "%s has no virtual functions, of which libvirt makes the pool;"
                          " make some first (module sriov: num_vfs)" % device)


def _is_limited_here(options: Options) -> bool:
    return not options.get("virtualport") and bool(option(options, "bridge", "name") or manages_bridge(options))


def _refuse_own_limits(seen: Snapshot, options: Options) -> None:
    if _is_limited_here(options):
        refuse_unlimitable(seen, options.get("bandwidth"))


def _refuse_limits(seen: Snapshot, found: NetworkFound, options: Options) -> None:
    """Refuses limits of the network, and of the portgroups of guests that are to be connected."""
    if not _is_limited_here(options):
        return
    _refuse_own_limits(seen, options)
    groups = {source.get("portgroup") for guest in found.guests for source in guest.live.findall("source")}
    for index, group in enumerate(options.get("portgroups") or []):
        if group["name"] in groups or (None in groups and group.get("default")):
            try:
                refuse_unlimitable(seen, group.get("bandwidth"))
            except Invalid as error:
                raise error.within("portgroups", index) from None


def _without_firewalld(seen: Snapshot, options: Options) -> Iterator[tuple[Path, str]]:
    zone = option(options, "bridge", "zone")
    if zone and seen.runs_firewalld is False:
        yield ZONE, "%s is a zone of firewalld, which does not run here; leave it out, or start that" % zone


def _losing_routes(seen: Snapshot, options: Options) -> Iterator[tuple[Path, str]]:
    why = unforwardable(seen, options)
    if why:
        index = [":" in ip["address"] for ip in options["ips"]].index(True)
        yield Path("ips", index, "family"), "ipv6 is not forwarded here, for %s" % why


def _refuse_without_dnsmasq(seen: Snapshot, starts: bool) -> None:
    if starts and seen.dnsmasq_problem:
        raise Invalid("", "dnsmasq: %s, and libvirt cannot start it for the network's DHCP and DNS; install it"
                      " (dnsmasq-base on Debian and Ubuntu, else dnsmasq); nothing was stopped" % seen.dnsmasq_problem)


def _take_watch(seen: Snapshot, found: NetworkFound, options: Options) -> None:
    """Counts on ``seen`` who will watch the host's DNS servers; refuses the first that the kernel does not let."""
    watches = seen.watches if watches_servers(options) and not (found.live and watches_servers(found.live)) else None
    if watches is None:
        return
    seen.put("watches", "", dict(watches, left=watches["left"] - 1))
    if watches["left"] == 0:
        raise _TooFewWatches(seen)


class _TooFewWatches(Invalid):
    """Is said once, and how many are needed when all networks have been counted."""

    def __init__(self, seen: Snapshot) -> None:
        super().__init__("dns", "")
        self._seen = seen

    def __str__(self) -> str:
        was, now = self._seen.as_it_was.watches or {}, self._seen.watches or {}
        needed = was["left"] - now["left"]
        return str(Invalid(self.path, (
            "fs.inotify.max_user_instances (%d) has %d left, and the networks that are to start need %d, one for each"
            " dnsmasq that watches the host's list of DNS servers; raise it (sysctl -w fs.inotify.max_user_instances"
            "=%d, and in a file of /etc/sysctl.d), or give dns.forwarders; nothing was begun%s") % (
                was["limit"], was["left"], needed, was["limit"] + needed, self.problem)))


def _make_chains(seen: Snapshot, name: str, options: Options, plan: Plan) -> None:
    """Has libvirt's chains made again without which the network cannot start, before it is stopped."""
    missing = start_without_chains(seen, options)
    if missing and (not seen.daemon("networks") or unmakeable_chains(seen)):
        raise Invalid("", "firewall: libvirt's chains are gone (%s), as after nft flush ruleset, so that no network"
                      " that takes rules can start; restart libvirt's daemon (systemctl restart libvirtd, or"
                      " virtnetworkd), which makes them again, while guests and networks go on" % ", ".join(missing))
    hindered = hindrance(seen, "networks") if missing else ""
    if missing:
        step = chains_step(name) if hindered else reload_step(name)
        plan.steps.insert(0, step._replace(stage=STOPS))
    if hindered:
        plan.warnings.append("rules of other networks are lost too: %s" % hindered)
