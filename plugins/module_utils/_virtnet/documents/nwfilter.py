# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``<filter>``: the network filter document (libvirt's "Network Filters")."""

from __future__ import annotations

import re

from ..schema.errors import Invalid, Path, inside
from ..schema.nodes import Choice, Field, Group, Many
from ..schema.options import Options, Value
from ..schema.scalars import FILTER_NAME, UUID, Scalar, enum, integer, string
from . import nwfilter_types as t
from .filterref import filterref

PRIORITY = integer(-1000, 1000)
CHAIN_PRIORITIES = {"root": 0, "mac": -800, "vlan": -750, "stp": 0, "arp": -500, "rarp": -400, "ipv4": -700,
                    "ipv6": -600}
CHAIN = string("root, or a name of at most 12 letters, digits and _ . : - that begins with one of mac, vlan, stp, arp,"
               " rarp, ipv4 and ipv6", r"root|(mac|vlan|stp|arp|rarp|ipv4|ipv6)[a-zA-Z0-9_.:\-]*", longest=12)


def _or_500(text: str) -> int:
    """The priority of a rule; libvirt takes 500 for what it cannot read."""
    try:
        return int(PRIORITY.parse(text))
    except ValueError:
        return 500


RULE_PRIORITY = PRIORITY._replace(parse=_or_500)


# --- attributes of rules, as libvirt's document has them in tables


def attribute(name: str, kind: Scalar, about: str, since: str = "0.8.1", default: Value = None) -> Field:
    """An attribute of a protocol element; its option has the same name with underscores."""
    return Field(name.replace("-", "_"), "@" + name, kind, about, since, default=default)


def _up_to(name: str, kind: Scalar, about: str, since: str) -> tuple[Field, ...]:
    """An attribute and its end of range."""
    return (attribute(name, kind, about + ".", since),
            attribute(name + "-hi", kind, "End of the range of %s." % name, since))


def _layer2(since: str) -> tuple[Field, ...]:
    return (attribute("srcmacaddr", t.MAC, "MAC address of the sender.", since),
            attribute("srcmacmask", t.MAC_MASK, "Mask of srcmacaddr.", since),
            attribute("dstmacaddr", t.MAC, "MAC address of the destination.", since),
            attribute("dstmacmask", t.MAC_MASK, "Mask of dstmacaddr.", since))


def _addresses(address: Scalar, mask: Scalar) -> tuple[Field, ...]:
    return (attribute("srcipaddr", address, "Source address."),
            attribute("srcipmask", mask, "Mask of srcipaddr."),
            attribute("dstipaddr", address, "Destination address."),
            attribute("dstipmask", mask, "Mask of dstipaddr."))


def _ranges(address: Scalar, end: Scalar) -> tuple[Field, ...]:
    return (attribute("srcipfrom", address, "First source address."),
            attribute("srcipto", address, "Last source address."),
            attribute("dstipfrom", address, "First destination address."),
            attribute("dstipto", end, "Last destination address."))


PORTS = (attribute("srcportstart", t.UINT16, "First source port."),
         attribute("srcportend", t.UINT16, "Last source port."),
         attribute("dstportstart", t.UINT16, "First destination port."),
         attribute("dstportend", t.UINT16, "Last destination port."))
DSCP = attribute("dscp", t.DSCP, "Differentiated services code point.")
SENDER = attribute("srcmacaddr", t.MAC, "MAC address of the sender.")
CONNECTION = (attribute("connlimit-above", t.DECIMAL16, "Matches when there are more connections than this."),
              attribute("state", t.STATE, "States of the connection.", "0.8.5"),
              attribute("ipset", t.IPSET, "Name of an ipset that addresses are looked up in.", "0.9.13"),
              attribute("ipsetflags", t.IPSET_FLAGS, "Which addresses are looked up.", "0.9.13"))
TCP_FLAGS = attribute("flags", t.TCP_FLAG, "TCP flags.", "0.9.1")
ARP = (attribute("hwtype", t.UINT16, "Hardware type."),
       attribute("protocoltype", t.UINT16, "Protocol type."),
       attribute("opcode", t.ARP_OPCODE, "Operation."),
       attribute("arpsrcmacaddr", t.MAC, "Source MAC address in the ARP packet."),
       attribute("arpdstmacaddr", t.MAC, "Destination MAC address in the ARP packet."),
       attribute("arpsrcipaddr", t.IPV4, "Source IP address in the ARP packet."),
       attribute("arpdstipaddr", t.IPV4, "Destination IP address in the ARP packet."),
       attribute("gratuitous", t.TRUTH, "Whether the packet is a gratuitous ARP.", "0.9.2", default=False))
STP = (
    attribute("type", t.UINT8, "Type of BPDU.", "0.9.8"),
    attribute("flags", t.UINT8, "Flags of BPDU.", "0.9.8"),
) + _up_to("root-priority", t.UINT16, "Priority of the root", "0.9.8") + (
    attribute("root-address", t.MAC, "MAC address of the root.", "0.9.8"),
    attribute("root-address-mask", t.MAC_MASK, "Mask of root-address.", "0.9.8"),
) + _up_to("root-cost", t.UINT32, "Cost of the way to the root", "0.9.8") + _up_to(
    "sender-priority", t.UINT16, "Priority of the sender", "0.9.8") + (
    attribute("sender-address", t.MAC, "MAC address of the sending bridge.", "0.9.8"),
    attribute("sender-address-mask", t.MAC_MASK, "Mask of sender-address.", "0.9.8"),
) + _up_to("port", t.UINT16, "Port", "0.9.8") + _up_to("age", t.UINT16, "Age of the message", "0.9.8") + _up_to(
    "max-age", t.UINT16, "Maximum age", "0.9.8") + _up_to("hello-time", t.UINT16, "Hello time", "0.9.8") + _up_to(
    "forward-delay", t.UINT16, "Forward delay", "0.9.8")

V4 = (SENDER,) + _addresses(t.IPV4, t.IPV4_MASK) + _ranges(t.IPV4, t.IPV4) + (DSCP,)
V6 = (SENDER,) + _addresses(t.IPV6, t.IPV6_MASK) + _ranges(t.IPV6, t.IPV4) + (DSCP,)
ICMP = (attribute("type", t.UINT8, "ICMP type."), attribute("code", t.UINT8, "ICMP code; needs type."))

ABOUT = {
    "mac": "Ethernet frames", "vlan": "802.1Q frames", "stp": "Spanning tree messages", "arp": "ARP packets",
    "rarp": "RARP packets", "ip": "IPv4 packets, on the Ethernet layer", "ipv6": "IPv6 packets, on the Ethernet layer",
    "all": "every IPv4 protocol", "all-ipv6": "every IPv6 protocol", "icmpv6": "ICMPv6",
}

# every protocol element: its attributes but match and comment
PROTOCOLS = {
    "mac": _layer2("0.8.1") + (attribute("protocolid", t.ETHERTYPE, "Ethertype."),),
    "vlan": _layer2("0.9.8") + (attribute("vlanid", t.VLAN_ID, "VLAN tag.", "0.9.8"),
                                attribute("encap-protocol", t.ETHERTYPE, "Ethertype inside the tag.", "0.9.8")),
    "stp": _layer2("0.9.8")[:2] + STP,
    "arp": _layer2("0.8.1") + ARP,
    "rarp": _layer2("0.8.1") + ARP,
    "ip": _layer2("0.8.1") + _addresses(t.IPV4, t.IPV4_MASK) + (
        attribute("protocol", t.IP_PROTOCOL, "Layer 4 protocol."),) + PORTS + (DSCP,),
    "ipv6": _layer2("0.8.1") + _addresses(t.IPV6, t.IPV6_MASK) + (
        attribute("protocol", t.IP_PROTOCOL, "Layer 4 protocol."),) + PORTS + (
        attribute("type", t.UINT8, "ICMPv6 type.", "1.2.12"),
        attribute("typeend", t.UINT8, "End of the range of type.", "1.2.12"),
        attribute("code", t.UINT8, "ICMPv6 code.", "1.2.12"),
        attribute("codeend", t.UINT8, "End of the range of code.", "1.2.12")),
    "tcp": V4 + PORTS + CONNECTION + (TCP_FLAGS,),
    "udp": V4 + PORTS + CONNECTION,
    "sctp": V4 + PORTS + CONNECTION,
    "icmp": V4 + ICMP + CONNECTION,
    "igmp": V4 + CONNECTION,
    "esp": V4 + CONNECTION,
    "ah": V4 + CONNECTION,
    "udplite": V4 + CONNECTION,
    "all": V4 + CONNECTION,
    "tcp-ipv6": V6 + PORTS + (TCP_FLAGS,),
    "udp-ipv6": V6 + PORTS,
    "sctp-ipv6": V6 + PORTS,
    "icmpv6": V6 + ICMP,
    "esp-ipv6": V6,
    "ah-ipv6": V6,
    "udplite-ipv6": V6,
    "all-ipv6": V6,
}
SINCE = {"vlan": "0.9.8", "stp": "0.9.8"}
LAYER2 = ("mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6")
CHAIN_PROTOCOLS = {"mac": LAYER2, "vlan": ("mac", "vlan"), "stp": ("mac", "stp"), "arp": ("mac", "arp"),
                   "rarp": ("mac", "rarp"), "ipv4": ("mac", "ip"), "ipv6": ("mac", "ipv6")}
# the others become rules of iptables, whichever chain the filter has
LINK_LAYER = ("mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6")
IPSET_IS_LOST = ("tcp", "udp", "sctp", "icmp", "igmp", "esp", "ah", "udplite")
PORT_NAMES, PORT_PROTOCOLS = ("srcportstart", "srcportend", "dstportstart", "dstportend"), (6, 17, 33, 132)


# --- what libvirt makes of a rule: an attribute is negated with the one that it belongs to


def _followed(protocol: str) -> Options:
    """The attributes whose match libvirt takes from another attribute."""
    names = {field.name for field in PROTOCOLS[protocol]}
    follows = {"srcmacmask": "srcmacaddr", "dstmacmask": "dstmacaddr", "srcipmask": "srcipaddr",
               "dstipmask": "dstipaddr", "srcipto": "srcipfrom", "dstipto": "dstipfrom",
               "root_address_mask": "root_address", "sender_address_mask": "sender_address",
               "typeend": "type", "code": "type", "codeend": "type"}
    follows.update({name: name[:-len("_hi")] for name in names if name.endswith("_hi")})
    if protocol.split("-")[0] in ("tcp", "udp", "sctp"):
        follows.update(dict.fromkeys(("srcportend", "dstportstart", "dstportend"), "srcportstart"))
    return {name: base for name, base in follows.items() if name in names}


FOLLOWED = {protocol: _followed(protocol) for protocol in PROTOCOLS}


def protocol_of(rule: Options) -> str | None:
    """The protocol element that a rule has."""
    return next((name for name in PROTOCOLS if rule.get(name.replace("-", "_")) is not None), None)


def _stated(elements: list[Options]) -> Options:
    """Every attribute of a rule's elements: its value and whether it is negated. The last one counts."""
    stated = {}
    for element in elements:
        negated = element.get("match") is False
        stated.update({name: (value, negated) for name, value in element.items()
                       if name != "match" and value is not None})
    return stated


def _taken(protocol: str, stated: Options) -> Options:
    """What libvirt takes of the attributes that are stated."""
    taken = dict(stated)
    for name, base in FOLLOWED[protocol].items():
        if name in taken:
            taken[name] = (taken[name][0], stated[base][1] if base in stated else False)
    if protocol in IPSET_IS_LOST:
        if "ipset" not in taken or "ipsetflags" in taken:
            taken.pop("ipset", None)
            taken.pop("ipsetflags", None)
        else:
            taken["ipsetflags"] = (("src",), False)
    if protocol == "tcp-ipv6":
        taken.pop("flags", None)
    if "comment" in taken:
        taken["comment"] = (taken["comment"][0], False)
    return taken


def _settled(protocol: str, stated: Options) -> Options:
    """What libvirt printed: it reads the same, but an ipset and its flags are what they are."""
    taken = _taken(protocol, {name: value for name, value in stated.items() if name not in ("ipset", "ipsetflags")})
    taken.update({name: stated[name] for name in ("ipset", "ipsetflags") if name in stated})
    return taken


def _simple_rule(rule: Options) -> Options:
    """A rule as libvirt takes it, however its elements are divided."""
    protocol = protocol_of(rule)
    simple = {name: value for name, value in rule.items() if name in ("action", "direction", "priority", "statematch")}
    if protocol:
        stated = _stated(rule[protocol.replace("-", "_")])
        if protocol in IPSET_IS_LOST and set(stated) >= {"ipset", "ipsetflags"} and _is_printed(stated):
            taken = _settled(protocol, stated)
        else:
            taken = _taken(protocol, stated)
        simple["protocol"] = [protocol, {name: list(value) for name, value in sorted(taken.items())}]
    return simple


def _is_printed(stated: Options) -> bool:
    """libvirt prints an ipset that it kept with the flags that it takes when none are given."""
    return bool(stated["ipsetflags"] == (("src",), False))


def definable(options: Options) -> Options:
    """Options as libvirt is to be given them, for it refuses or loses some of what it prints."""
    if not options.get("entries"):
        return options
    return dict(options, entries=[{"rule": _protocol_first(_without_printed_flags(entry["rule"]))}
                                  if entry.get("rule") else entry for entry in options["entries"]])


def _protocol_first(rule: Options) -> Options:
    """libvirt takes ports of what it has read the protocol of, and prints what is negated last."""
    name = protocol_of(rule)
    if name not in ("ip", "ipv6"):
        return rule
    elements = rule[name]
    first: Options = next((one for one in elements if any(map(one.get, (*PORT_NAMES, "protocol")))), {})
    protocol, negated = _stated(elements).get("protocol", ("", False))
    if first.get("protocol") or not protocol:
        return rule
    return dict(rule, **{name: [{"match": not negated, "protocol": protocol}, *elements]})


def _without_printed_flags(rule: Options) -> Options:
    """libvirt prints an ipset with the flags that it took, and would lose both."""
    protocol = protocol_of(rule) or ""
    stated = _stated(rule[protocol.replace("-", "_")]) if protocol in IPSET_IS_LOST else {}
    if "ipset" not in stated or stated.get("ipsetflags", ("", True))[1]:
        return rule
    if t.IPSET_FLAGS.normal(stated["ipsetflags"][0]) != ("src",):
        return rule
    elements = [{name: value for name, value in element.items() if name != "ipsetflags"}
                for element in rule[protocol.replace("-", "_")]]
    return dict(rule, **{protocol.replace("-", "_"): [element for element in elements if set(element) - {"match"}]})


def first_protocol(element: Value, options: Options) -> Options:
    """libvirt takes the first protocol of a rule and drops the others."""
    first = next((child.tag for child in element if child.tag in PROTOCOLS), None)
    return {name: value for name, value in options.items()
            if name.replace("_", "-") not in PROTOCOLS or name.replace("_", "-") == first}


# --- what is not allowed


def _one_protocol(rule: Options) -> None:
    given = [name for name in PROTOCOLS if rule.get(name.replace("-", "_")) is not None]
    if len(given) > 1:
        raise Invalid(given[1].replace("-", "_"), "is not allowed beside %s; a rule has one protocol"
                      % given[0].replace("-", "_"))
    protocol = protocol_of(rule)
    if protocol in ("ip", "ipv6"):
        with inside(protocol):
            _ports_of_protocol(rule[protocol])


def _ports_of_protocol(elements: list[Options]) -> None:
    """libvirt wants the number or name of the protocol beside ports; see ``_protocol_first``."""
    protocol = _stated(elements).get("protocol", ("", False))[0]
    if protocol and not t.variables_in(protocol) and t.IP_PROTOCOL.normal(protocol) in PORT_PROTOCOLS:
        return
    for index, element in enumerate(elements):
        ports = [name for name in PORT_NAMES if element.get(name)]
        if ports:
            raise Invalid(Path(index, ports[0]), "needs protocol tcp, udp, dccp (33) or sctp beside it,"
                          " not a variable")


def refused_rules(options: Options) -> None:
    """Raises Invalid for rules that libvirt takes, but not for what they say."""
    if options.get("priority") and not options.get("chain"):
        raise Invalid("priority", "needs chain beside it")
    chain = options.get("chain") or "root"
    prefix = next((prefix for prefix in CHAIN_PROTOCOLS if re.match(prefix, chain)), None)
    for index, entry in enumerate(options.get("entries") or []):
        rule = entry.get("rule")
        protocol = protocol_of(rule) if rule else None
        if protocol:
            with inside("entries", index, "rule", protocol.replace("-", "_")):
                if prefix and protocol in LINK_LAYER and protocol not in CHAIN_PROTOCOLS[prefix]:
                    raise Invalid("", "would match nothing in chain %s, to which no such packets come; it takes %s" % (
                        chain, " and ".join(CHAIN_PROTOCOLS[prefix])))
                _is_taken(protocol, rule[protocol.replace("-", "_")])
                if protocol in ("icmp", "icmpv6") and rule["direction"] == "inout":
                    _has_no_type(rule[protocol])


def _has_no_type(elements: list[Options]) -> None:
    """libvirt passes over such a rule when it makes those of the kernel."""
    for index, element in enumerate(elements):
        if element.get("type"):
            raise Invalid(Path(index, "type"), "libvirt would make no rule of it with direction: inout; give"
                          " one rule with direction: in and one with direction: out")


def _is_taken(protocol: str, elements: list[Options]) -> None:
    """Refuses attributes that libvirt would lose, or take for the opposite."""
    places = {name: Path(index, name) for index, element in enumerate(elements) for name in element}
    stated = _stated([{name: value for name, value in element.items() if value != ""} for element in elements])
    taken = _taken(protocol, stated)
    for name, (_value, negated) in stated.items():
        base = FOLLOWED[protocol].get(name)
        if name not in taken:
            raise Invalid(places[name], "libvirt would lose it, and the rule would match more than it says%s" % (
                "; give ipset without ipsetflags" if name.startswith("ipset") and "ipset" in stated else ""))
        if name != "comment" and taken[name][1] != negated:
            raise Invalid(places[name], "libvirt would take it with match: %s, as it takes %s; say so"
                          % (str(not taken[name][1]).lower(), base))


def _default_priority(options: Options) -> Options:
    """A chain has a priority by its prefix when none is given."""
    prefix = next((name for name in CHAIN_PROTOCOLS if (options.get("chain") or "").startswith(name)), "root")
    if options.get("priority") == CHAIN_PRIORITIES[prefix]:
        return dict(options, priority=None)
    return options


def _priority_of_chain(element: Value, options: Options) -> Options:
    """libvirt ignores a priority without a chain."""
    if element.get("chain") is None:
        options.pop("priority", None)
    return options


def _protocol(name: str, fields: tuple[Field, ...]) -> Many:
    about = "Matches %s." % ABOUT.get(name, name.replace("-ipv6", " over IPv6").upper().replace("OVER", "over"))
    return Many(name.replace("-", "_"), name, [
        about, "A packet must match all elements; one with C(match: false) matches what its attributes do not."
    ], Group(name.replace("-", "_"), name, about, (
        Field("match", "@match", t.MATCH, "Whether the attributes are to match, or not to match.", "0.8.1",
              default=True),
    ) + fields + (
        Field("comment", "@comment", t.COMMENT, "A comment; iptables shows it.", SINCE.get(name, "0.8.5")),
    )), since=SINCE.get(name, "0.8.1"), ordered=True)


RULE_NODES = (
    Field("action", "@action", enum("drop", "accept", "reject", "return", "continue"),
          "What happens: V(accept), V(drop), V(reject) (libvirt 0.9.0), V(return) to the filter that refers to this"
          " one, or V(continue) with the next rule (both 0.9.7).", "0.8.1", required=True),
    Field("direction", "@direction", enum("in", "out", "inout"), "Direction, as the guest sees it.", "0.8.1",
          required=True),
    Field("priority", "@priority", RULE_PRIORITY, "Rules with lower numbers are looked at first.", "0.8.1",
          default=500),
    Field("statematch", "@statematch", t.STATE_MATCH, "Whether connections are tracked.", "0.8.1", default=True),
) + tuple(_protocol(name, fields) for name, fields in PROTOCOLS.items())
RULE = Group("rule", "rule", "A rule: what happens to packets that match. Without a protocol it matches all.",
             RULE_NODES, since="0.8.1", rules=(_one_protocol,), simplify=_simple_rule, tidy=first_protocol)

NWFILTER = Group("nwfilter", "filter", "A network filter.", (
    Field("name", "@name", FILTER_NAME, "Name of the filter.", "0.8.1", required=True),
    Field("chain", "@chain", CHAIN, "Chain of the rules: V(root), or one that packets of a protocol go to, such as"
          " V(arp) or V(ipv4-mine).", "0.8.1", default="root"),
    Field("priority", "@priority", PRIORITY, "Priority of the chain; chains with lower numbers are looked at first."
          " Without it root 0, mac -800, vlan -750, ipv4 -700, ipv6 -600, arp -500, rarp -400 and stp 0. It needs"
          " O(chain).", "0.9.8"),
    Field("uuid", "uuid", UUID, "UUID of the filter. It cannot change while the filter exists.", "0.8.1", filled=True),
    Many("entries", "entries", "Rules and references to other filters. Each is either a C(rule) or a C(filterref).",
         Choice("entry", "entry", "A rule or a reference.", (RULE, filterref("A reference to another filter."))),
         since="0.8.1", ordered=True),
), simplify=_default_priority, tidy=_priority_of_chain)
