# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt's daemon keeps up for running networks beside their bridges: firewall rules, dnsmasq, settings.

It puts its own rules and dnsmasq back; they are never made by us in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Callable, NamedTuple

from ...documents.network import manages_bridge, mode_of, of_version
from ...engine.plan import Plan, Step
from ...host.errors import HypervisorError
from ...host.uses import guests_of
from ...schema.errors import Path
from ...schema.options import Options, option
from ..reload import hindrance, reload, restart, restartable
from ..repair import Repair, drift_of
from .dnsmasq import is_deaf_on, service_of
from .firewall import lost_rules, problem_of
from .obstacles import obstacles
from .piece import network as piece
from .rules import BACKENDS, backend_of, commands_for_chains

if TYPE_CHECKING:
    from ...engine.plan import Do, Drift
    from ...host.host import Host
    from ...host.snapshot import Snapshot
    from .dnsmasq import Service

RELOAD = "reload the daemon of libvirt, which puts its firewall rules and dnsmasq back"
RESTART = "restart %s, which puts its firewall rules and dnsmasq back"


class Upkeep(NamedTuple):
    """What is to be known of it for one network.

    ``problem`` is why its rules cannot be compared. ``lost`` is what libvirt's daemon has to put back; ``is_stale`` is
    whether dnsmasq has to be started anew for it, ``is_deaf`` since it would not hear a bridge that is made again.
    ``hindered`` is why it does not, empty where it can; ``unserved`` is a dnsmasq that cannot start; ``planned`` is
    whether somebody else of the same task has it do so. ``forwarding`` is whether the kernel forwards by family,
    ``unforwardable`` why it must not forward IPv6, ``sysctls`` are those of the bridge. ``blocked`` says who keeps
    guests from reaching what the network promises.
    ``switch`` are the ports of Open vSwitch where its guests are on one, ``unfiltered`` is by tap what the kernel lacks
    of the rules of their filters, ``filters_hindered`` why libvirt's daemon does not put that back. ``restartable`` is
    the daemon that a task may have restarted for what is lost, ``restarts`` the one that is, and ``restarts_filters``
    whether it has the filters too.
    """

    problem: str = ""
    lost: tuple[Drift, ...] = ()
    is_stale: bool = False
    is_deaf: bool = False
    hindered: str = ""
    unserved: Service | None = None
    planned: bool = False
    forwarding: Mapping[str, bool] = MappingProxyType({})
    unforwardable: str = ""
    sysctls: Mapping[str, int] = MappingProxyType({})
    blocked: tuple[str, ...] = ()
    switch: Mapping[str, Options] = MappingProxyType({})
    unfiltered: Mapping[str, Sequence[Drift]] = MappingProxyType({})
    filters_hindered: str = ""
    restartable: str = ""
    restarts: str = ""
    restarts_filters: bool = False

    def with_restart(self) -> Upkeep:
        """The same where the task allows a restart of the daemon that cannot be reloaded."""
        if not self.restartable:
            return self
        return self._replace(hindered="", filters_hindered="", restarts=self.restartable,
                             restarts_filters=bool(self.filters_hindered))


def upkeep_of(seen: Snapshot, name: str, live: Options) -> Upkeep:
    """What is to be restarted or started gets its rules and dnsmasq with that; so what runs counts."""
    runs, bridge = seen.as_it_was, option(live, "bridge", "name")
    lost = tuple(_lost(runs, name))
    service = service_of(runs, name)
    is_deaf = bool(service and bridge and is_deaf_on(runs, bridge))
    if is_deaf and not lost:
        lost = (drift_of(Path("dnsmasq"), "listens on %s" % bridge, "does not"),)
    planned = (seen.firewall or {}).get("planned", "")
    found = Upkeep(problem_of(runs, name), lost, bool(service and service.is_stale), is_deaf,
                   hindrance(seen, "networks") if lost else "", service if service and service.hindered else None,
                   bool(planned), seen.forwarding if forwarded(live) else {}, unforwardable(seen, live),
                   seen.bridge_sysctls(bridge) if seen.device(bridge) and manages_bridge(live) else {},
                   () if lost else tuple(obstacles(runs, name)),
                   seen.switch_ports if option(live, "virtualport", "type") == "openvswitch" else {},
                   *_unfiltered(runs, name))
    if found.hindered or found.filters_hindered:
        found = found._replace(restartable=restartable(seen, "networks"))
    return found.with_restart() if planned == "restart" else found


def _unfiltered(seen: Snapshot, name: str) -> tuple[Mapping[str, Sequence[Drift]], str]:
    """What is lost of the rules of its guests' filters, and why they do not come back."""
    taps = [guest.tap for guest in guests_of(seen, name) if guest.tap and guest.live.find("filterref") is not None]
    if not taps:
        return {}, ""
    from ..nwfilter_binding.rules import lost_rules as lost_of_filters

    lost = {tap: drift for tap, drift in ((tap, lost_of_filters(seen, tap)) for tap in taps) if drift}
    return lost, hindrance(seen, "filters") if lost else ""


def _lost(seen: Snapshot, name: str) -> Iterator[Drift]:
    yield from lost_rules(seen, name)
    service = service_of(seen, name)
    yield from service.drift if service and not service.hindered else ()


# --- what is done


def upkeep_repairs(live: Options, found: Upkeep) -> Iterator[Repair]:
    """In the order in which it is to be done."""
    name = live["name"]
    for family in forwarded(live):
        if found.forwarding.get(family) is False:
            refused = found.unforwardable if family == "ipv6" else ""
            yield Repair(drift_of(Path("forwarding", family), True, False), None if refused else Step(
                "switch forwarding of %s on" % family.replace("ip", "IP"), set_forwarding(family, True), piece(name)),
                remedy=refused)
    for drift in found.lost:
        yield Repair(drift, None, remedy=found.hindered and (
            "what libvirt keeps up for network %s is lost in part: %s" % (name, found.hindered)))
    if found.unserved:
        remedy = "network %s has no DNS and DHCP: %s" % (name, found.unserved.hindered)
        yield from (Repair(drift, None, remedy=remedy) for drift in found.unserved.drift)
    for step in _steps(name, found):
        yield Repair(None, step)


def forwarded(options: Options) -> list[str]:
    """The families that libvirt has the kernel forward."""
    return ["ipv%d" % version for version in (4, 6) if of_version(options, version)] if (
        mode_of(options) in ("nat", "route", "open")) else []


def unforwardable(seen: Snapshot, options: Options) -> str:
    """Why the host would suffer if the kernel forwarded IPv6 for a network, which libvirt then does not start."""
    losing = seen.losing_routes if "ipv6" in forwarded(options) else []
    return "" if not losing else (
        "the host has IPv6 routes that routers advertise on %s, and a kernel that forwards drops these; set %s to 2"
        " (sysctl), with which it keeps them" % (
            " and ".join(losing), " and ".join("net.ipv6.conf.%s.accept_ra" % device for device in losing)))


def set_forwarding(family: str, is_on: bool) -> Do:
    return lambda host: host.sysctls.set_forwarding(family, is_on)


def _steps(name: str, found: Upkeep) -> Iterator[Step]:
    if found.hindered or not (found.lost or (found.restarts_filters and found.unfiltered)):
        return
    if found.is_stale or found.is_deaf:
        why = "whose configuration is not libvirt's" if found.is_stale else "which does not hear another bridge"
        yield Step("stop dnsmasq of network %s, %s" % (name, why),
                   lambda host: host.programs.stop_dnsmasq(name), piece(name))
    if found.is_stale or found.is_deaf or not found.planned:
        yield restart_step(name, found.restarts) if found.restarts else reload_step(name)


def sysctl_repairs(bridge: str, live: Options, there: Mapping[str, int] | None,
                   forwarding: Mapping[str, bool]) -> Iterator[Repair]:
    """Settings of a bridge by which the host has IPv6 there only if the network has, and believes no guest's routers.

    ``there`` is None for a bridge that is about to be made. What the kernel forwards, it forwards from that bridge too;
    what it does not, it does when that is switched on.
    """
    has_ipv6 = bool(of_version(live, 6))
    wanted = {"disable_ipv6": int(not has_ipv6), "accept_ra": 0, "autoconf": 0}
    forwards = {"forwarding.%s" % family: 1 for family in forwarded(live) if forwarding.get(family)}
    for name, value in {**wanted, **forwards}.items():
        if there is not None and there.get(name, value) != value:
            yield Repair(drift_of(Path("bridge", *name.split(".")), value, there[name]), Step(
                "set %s %d of bridge %s" % (name, value, bridge), set_sysctls(bridge, {name: value}),
                piece(live["name"])))
    if there is None:
        yield Repair(None, Step("set IPv6 of bridge %s %s" % (bridge, "on" if has_ipv6 else "off"),
                                set_sysctls(bridge, wanted), piece(live["name"])))


def set_sysctls(bridge: str, wanted: dict[str, int]) -> Do:
    def do(host: Host) -> None:
        for name in host.sysctls.read_bridge(bridge).keys() & wanted.keys():
            host.sysctls.set_bridge(bridge, name, wanted[name])

    return do


# --- what the daemon does


def reload_step(name: str) -> Step:
    return Step(RELOAD, put_back, piece(name))


def restart_step(name: str, daemon: str) -> Step:
    return Step(RESTART % daemon, put_back_by_restart, piece(name))


def promise_upkeep(seen: Snapshot, plan: Plan) -> None:
    """One reload or restart is enough for all networks."""
    for step in plan.steps:
        if step.do in (put_back, put_back_by_restart):
            seen.put("firewall", "", dict(seen.firewall or {}, planned="restart" if step.do is put_back_by_restart
                                          else "reload"))


def chains_step(name: str) -> Step:
    def make(host: Host) -> None:
        make_chains(host, host.look())

    return Step("make libvirt's firewall chains again", make, piece(name))


def put_back(host: Host) -> None:
    """Makes libvirt's chains where they are gone, and has libvirt put back the rest for all networks where some is."""
    reload(host, "networks", _all_lost, make_chains)


def put_back_by_restart(host: Host) -> None:
    """Has libvirt's daemon start anew, which then makes all that it keeps up, of filters too where it has them."""
    from ..nwfilter_binding.rules import all_lost as all_lost_of_filters

    shared = host.daemon.find_daemon("networks") == host.daemon.find_daemon("filters")
    restart(host, "networks", lambda seen: _all_lost(seen) + (all_lost_of_filters(seen) if shared else []))


def make_chains(host: Host, seen: Snapshot, backend: str = "") -> bool:
    """Makes the chains that libvirt makes only when its daemon starts, with the jumps to them.

    ``backend`` counts where nothing else says which it is. Returns whether some were gone.
    """
    state = seen.firewall
    if state is None or state["problem"]:
        return False
    commands = commands_for_chains(state["chains"], backend_of(state, backend))
    if commands:
        host.firewall.change_firewall(commands)
    return bool(commands)


def start_with_chains(host: Host, start: Callable[[], None]) -> None:
    """Starts a network; where that fails and libvirt's chains are gone, once more with those made again."""
    try:
        start()
    except HypervisorError as error:
        named = next((name for name, places in BACKENDS.items() if places.names_one(str(error))), "")
        if not make_chains(host, host.look(), named):
            raise
        start()


def _all_lost(seen: Snapshot) -> list[Drift]:
    return [drift for name in seen.network_names() for drift in _lost(seen, name)]
