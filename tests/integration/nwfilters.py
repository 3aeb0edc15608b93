# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random network filters, made from the collection's own table, as module options for hypothesis."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents import nwfilter as document
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents import nwfilter_types as t

SHIPPED = frozenset(path.stem for path in Path("/usr/share/libvirt/nwfilter").glob("*.xml"))
VARIABLES = ("$A", "$A[0]", "$A[ 1 ]", "$A[@0]", "$A[@1]", "$IP")


def remove_filters(connection) -> None:
    """Removes all bindings, and all filters but those that come with libvirt."""
    for binding in connection.listAllNWFilterBindings():
        binding.delete()
    for nwfilter in connection.listAllNWFilters():
        if nwfilter.name() not in SHIPPED:
            nwfilter.undefine()


# --- values by type, in the spellings that libvirt takes


def _numbers(low: int, high: int, *names: str) -> tuple:
    return (str(low), str(high), "0%d" % high, "0x%x" % high, "0X%X" % high, *names, *(name.title() for name in names))


MACS = ("52:54:00:ab:cd:ef", "52:54:0:AB:1:2", "ff:ff:ff:ff:ff:ff")
VALUES = {
    t.UINT8: _numbers(0, 255), t.UINT16: _numbers(0, 65535), t.UINT32: _numbers(0, 0xFFFFFFFF),
    t.DSCP: _numbers(0, 63), t.VLAN_ID: _numbers(0, 4095),
    t.ETHERTYPE: _numbers(0x600, 0xFFFF, *t.ETHERTYPES), t.IP_PROTOCOL: _numbers(0, 255, *t.IP_PROTOCOLS),
    t.ARP_OPCODE: _numbers(0, 65535, *t.ARP_OPCODES),
    t.MAC: MACS, t.MAC_MASK: ("ff:ff:ff:0:0:0", "FF:FF:FF:FF:FF:FE"), t.DECIMAL16: ("0", "9", "065535"),
    t.IPV4: ("10.1.2.3", "0.0.0.0", "255.255.255.255"), t.IPV4_MASK: ("24", "0", "255.255.248.0", "255.255.255.255"),
    t.IPV6: ("2001:DB8:0:0::1", "::", "fe80::1", "::ffff:10.1.2.3"),
    t.IPV6_MASK: ("64", "0", "128", "ffff:fc00::", "FFFF:FFFF:FFFF:FFFF::"),
    t.IPSET: ("tck_test", "a b+c", "x" * 31),
    t.STATE: ("NONE", "NEW", "established,NEW", "RELATED,INVALID,NEW,ESTABLISHED"),
    t.TCP_FLAG: ("SYN/SYN", "ALL/NONE", "NONE/NONE", "ack,syn/ACK", "SYN,ACK,URG,PSH,FIN,RST/SYN"),
    t.COMMENT: ("x", "it's <a> \"comment\" & more", "x" * 256, " two  blanks ", "$A"),
    t.IPSET_FLAGS: ("src", "DST,src", "src,src,src,dst,dst,dst"), t.TRUTH: (True, False),
}
NO_VARIABLE = (t.STATE, t.IPSET_FLAGS, t.TCP_FLAG, t.COMMENT, t.TRUTH)

# libvirt loses these in whatever way they are written, so that the module never takes them
LOST = {(protocol, "ipsetflags") for protocol in document.IPSET_IS_LOST} | {("tcp-ipv6", "flags")}


def attributes(protocol: str) -> list:
    """The fields of a protocol that the module takes, with the comment."""
    group = document.RULE.node(protocol.replace("-", "_")).item
    return [field for field in group.nodes if field.name != "match" and (protocol, field.name) not in LOST]


def values(field) -> tuple:
    return VALUES[field.type] + (() if field.type in NO_VARIABLE else VARIABLES)


def with_what_it_needs(protocol: str, element: dict) -> dict:
    """An element with the protocol that its ports need."""
    if protocol in ("ip", "ipv6") and any("port" in name for name in element):
        return dict(element, protocol=element.get("protocol") if element.get("protocol") in PORTED else "tcp")
    return element


PORTED = ("tcp", "udp", "sctp", "17", "0x6", "33")


# --- rules, with elements that are negated only together with what they belong to


@st.composite
def elements(draw: st.DrawFn, protocol: str) -> list:
    fields = attributes(protocol)
    chosen = draw(st.lists(st.sampled_from(fields), max_size=6, unique_by=lambda field: field.name))
    stated = with_what_it_needs(protocol, {field.name: draw(st.sampled_from(values(field))) for field in chosen})
    follows = document.FOLLOWED[protocol]
    negatable = {name for name in stated if name not in follows and name != "comment"}
    negated = {name for name in sorted(negatable) if draw(st.integers(0, 3)) == 0}
    no = {name: value for name, value in stated.items() if follows.get(name, name) in negated}
    yes = {name: value for name, value in stated.items() if name not in no}
    found = [yes] if yes or not no else []
    if no:
        found.append(dict(no, match=False))
    ported = protocol in ("ip", "ipv6") and any("port" in name for name in stated)
    return sorted(found, key=lambda element: "protocol" not in element) if ported else draw(st.permutations(found))


@st.composite
def rules(draw: st.DrawFn, protocols: tuple) -> dict:
    rule = draw(st.fixed_dictionaries({
        "action": st.sampled_from(["drop", "accept", "reject", "return", "continue"]),
        "direction": st.sampled_from(["in", "out", "inout"]),
    }, optional={"priority": st.sampled_from([-1000, -1, 0, 500, 1000]), "statematch": st.booleans()}))
    protocol = draw(st.sampled_from((None, *protocols)))
    if protocol:
        rule[protocol.replace("-", "_")] = found = draw(elements(protocol))
        if protocol.startswith("icmp") and any("type" in element for element in found):
            rule["direction"] = draw(st.sampled_from(["in", "out"]))
    return {"rule": rule}


REFERENCES = st.fixed_dictionaries({
    "filterref": st.fixed_dictionaries({"filter": st.sampled_from(["no-mac-spoofing", "clean-traffic"])}, optional={
        "parameters": st.lists(st.fixed_dictionaries({
            "name": st.sampled_from(["IP", "A", "a_1"]), "value": st.sampled_from(["10.1.2.3", "::1", "x_1", "80"]),
        }), max_size=3, unique_by=str)})})


@st.composite
def filters(draw: st.DrawFn) -> dict:
    prefix = draw(st.sampled_from([None, "root", *document.CHAIN_PRIORITIES]))
    found = {}
    if prefix:
        found["chain"] = prefix if prefix == "root" else prefix + draw(st.sampled_from(["", "-x", "_A.1", ":1"]))
        priority = draw(st.sampled_from([None, None, -1000, 1, document.CHAIN_PRIORITIES[prefix]]))
        if priority is not None:
            found["priority"] = priority
    protocols = document.CHAIN_PROTOCOLS.get(prefix) or tuple(document.PROTOCOLS)
    found["entries"] = draw(st.lists(st.one_of(rules(protocols), rules(protocols), REFERENCES), max_size=4))
    return found
