# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random networks that libvirt 9.0 can define, as module options, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])
SMALL = st.integers(1, 4)


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(st.none(), strategy)


def options(required: dict | None = None, **optional: st.SearchStrategy) -> st.SearchStrategy:
    """A dictionary that has what is required and some of what is optional."""
    return st.fixed_dictionaries(required or {}, optional=optional)


def several(strategy: st.SearchStrategy, key: str, most: int = 3) -> st.SearchStrategy:
    return st.lists(strategy, max_size=most, unique_by=lambda item: str(item[key]))


LEASE = st.one_of(
    st.just({"expiry": 0}),
    st.fixed_dictionaries({"expiry": st.integers(2, 9)}, optional={"unit": st.sampled_from(["minutes", "hours"])}),
)


def _name_or_place(pair: tuple) -> object:
    return pair[0].get("name", pair[1])


@st.composite
def dhcp4(draw: st.DrawFn, subnet: int) -> dict:
    hosts = [dict(host, ip="10.%d.0.%d" % (subnet, 10 + place), mac="52:54:00:00:00:%02x" % place)
             for host, place in draw(st.lists(st.tuples(options(name=WORDS, lease=LEASE), SMALL), max_size=4,
                                              unique_by=(lambda pair: pair[1], _name_or_place)))]
    ranges = [dict(extra, start="10.%d.0.%d" % (subnet, 20 * place), end="10.%d.0.%d" % (subnet, 20 * place + 9))
              for extra, place in draw(st.lists(st.tuples(options(lease=LEASE), SMALL), max_size=3,
                                                unique_by=lambda pair: pair[1]))]
    found = {"hosts": hosts, "ranges": ranges, "bootp": draw(maybe(st.just({"file": "pxe.0", "server": "10.9.9.9"})))}
    return {name: value for name, value in found.items() if value}


@st.composite
def addresses(draw: st.DrawFn) -> list:
    subnets = draw(st.lists(SMALL, min_size=1, max_size=2, unique=True))
    served = draw(st.integers(0, 1))
    found = []
    for index, subnet in enumerate(subnets):
        size = draw(st.sampled_from([{"prefix": 24}, {"netmask": "255.255.255.0"}]))
        ip = dict(size, address="10.%d.0.1" % subnet, **draw(options(local_ptr=st.booleans())))
        if index == served:
            ip["dhcp"] = draw(dhcp4(subnet))
        found.append({name: value for name, value in ip.items() if value != {}})
    if draw(st.booleans()):
        ip = {"family": "ipv6", "address": "fd00:%d::1" % draw(SMALL), "prefix": 64}
        base = ip["address"][:-1]
        if draw(st.booleans()):
            ip["dhcp"] = {"ranges": [{"start": base + "10", "end": base + "ff"}],
                          "hosts": draw(several(options({"name": WORDS, "ip": SMALL.map(lambda n: base + str(n + 1))}),
                                                "name").map(_once_each_ip))}
            ip["dhcp"] = {name: value for name, value in ip["dhcp"].items() if value}
        found.append(ip)
    return found


def _once_each_ip(hosts: list) -> list:
    return list({host["ip"]: host for host in hosts}.values())


TXTS = several(options({"name": WORDS, "value": WORDS}), "name")


def _srv(record: dict) -> st.SearchStrategy:
    if "target" not in record:
        return st.just(record)
    return options(port=st.integers(1, 99), priority=st.integers(0, 3), weight=st.integers(0, 3)).map(
        lambda more: dict(record, **more))


SRVS = several(options({"service": WORDS, "protocol": st.sampled_from(["tcp", "udp"])}, domain=WORDS,
                       target=st.just("host.example")), "service").flatmap(
    lambda records: st.tuples(*[_srv(record) for record in records]).map(list))


@st.composite
def dns_hosts(draw: st.DrawFn) -> list:
    names = draw(st.permutations(["one", "two", "three", "four", "five"]))
    return [{"ip": "10.8.0.%d" % place, "hostnames": names[index:index + 1]}
            for index, place in enumerate(draw(st.lists(SMALL, max_size=3, unique=True)))]


DNS = options(
    forward_plain_names=st.booleans(),
    forwarders=st.lists(st.sampled_from([{"addr": "192.0.2.1"}, {"domain": "a.example", "addr": "192.0.2.2"},
                                         {"domain": "b.example"}]), max_size=2, unique_by=str),
    txts=TXTS, srvs=SRVS, hosts=dns_hosts(),
)

PORTGROUPS = several(options({"name": WORDS}, trust_guest_rx_filters=st.booleans(),
                             bandwidth=st.just({"inbound": {"average": 100, "peak": 200}})), "name").flatmap(
    lambda groups: st.integers(-1, len(groups) - 1).map(
        lambda chosen: [dict(group, default=True) if index == chosen else group for index, group in enumerate(groups)]))

METADATA = several(st.fixed_dictionaries({"n": WORDS, "v": WORDS}), "n", 2).map(
    lambda found: ['<x:note xmlns:x="urn:%(n)s">%(v)s</x:note>' % item for item in found])

COMMON = {
    "trust_guest_rx_filters": st.booleans(),
    "metadata": METADATA,
    "portgroups": PORTGROUPS,
    "port": options(isolated=st.booleans()),
}
DNSMASQ_OPTIONS = st.lists(st.sampled_from(["dhcp-option=19,0", "cache-size=99", "bogus-priv"]), max_size=2,
                           unique=True)
MTU = st.sampled_from([{"size": 1400}, {"size": 9000}])


@st.composite
def managed(draw: st.DrawFn) -> dict:
    """Isolated, NAT, routed and open networks."""
    mode = draw(st.sampled_from([None, "nat", "route", "open"]))
    network = draw(options(dns=DNS, dnsmasq_options=DNSMASQ_OPTIONS, mtu=MTU,
                           domain=options({"name": WORDS}, local_only=st.booleans()), ipv6=st.booleans(),
                           bridge=options(stp=st.booleans(), delay=st.integers(0, 5)), **COMMON))
    if mode:
        network["forward"] = {"mode": mode}
        if mode != "open" and draw(st.booleans()):
            network["forward"]["dev"] = draw(st.sampled_from(["nic0", "nic1"]))
        if mode == "nat" and draw(st.booleans()):
            network["forward"]["nat"] = draw(options({"port": st.just({"start": 2000, "end": 3000})},
                                                     ipv6=st.booleans()))
    if mode or draw(st.booleans()):
        network["ips"] = draw(addresses())
        gateway = network["ips"][0]["address"][:-1] + "2"
        network["routes"] = draw(several(st.integers(1, 3).map(
            lambda n: {"address": "172.16.%d.0" % n, "prefix": 24, "gateway": gateway, "metric": n}), "address"))
    return network


@st.composite
def on_host_bridge(draw: st.DrawFn) -> dict:
    network = draw(options(**COMMON))
    return dict(network, forward={"mode": "bridge"}, bridge={"name": draw(st.sampled_from(["hostbr0", "hostbr1"]))})


@st.composite
def macvtap(draw: st.DrawFn) -> dict:
    network = draw(options(**COMMON))
    for group in network.get("portgroups", []):
        group.pop("bandwidth", None)
    devices = draw(st.lists(st.sampled_from(["nic0", "nic1", "nic2"]), min_size=1, max_size=3, unique=True))
    mode = draw(st.sampled_from(["bridge", "private", "vepa", "passthrough"]))
    return dict(network, forward={"mode": mode, "interfaces": [{"dev": device} for device in devices]})


NETWORKS = st.one_of(managed(), managed(), on_host_bridge(), macvtap())
