# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random options, generated from the tables themselves, so that no option can be forgotten.

A type that is not known here is an error: whoever adds one adds its values here.
"""

from __future__ import annotations

import ipaddress
import re
import string
import uuid

from hypothesis import strategies as st

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents import dnsmasq
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema import scalars as types
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Field, Group, Many, Markup
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.options import without_empty

LETTERS = string.ascii_letters + string.digits
PLAIN = st.characters(blacklist_categories=("Cs", "Cc", "Cn", "Zl", "Zp"), blacklist_characters="\ufffe\uffff")
LINE = st.text(PLAIN | st.sampled_from(" <>&'\""), min_size=1, max_size=12)
# what XML can hold; a carriage return too, for it must be written as a character reference
TEXT = st.text(PLAIN | st.sampled_from("\t\n\r <>&'\""), min_size=1, max_size=12)
IPV4 = st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number)))
IPV6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address).flatmap(
    lambda address: st.sampled_from([str(address), address.exploded.upper()]))
NETMASK = st.integers(0, 32).map(lambda length: str(ipaddress.ip_network("0.0.0.0/%d" % length).netmask))
BYTE = st.integers(0, 255)


def of_letters(letters: str) -> st.SearchStrategy:
    return st.text(letters, min_size=1, max_size=12)


@st.composite
def macs(draw: st.DrawFn) -> str:
    first = draw(BYTE) & 0xFE
    form = draw(st.sampled_from(["%02x", "%02X", "%x"]))
    return ":".join(form % byte for byte in [first, *draw(st.lists(BYTE, min_size=5, max_size=5))])


TEXTS = {
    types.STR: LINE,
    types.TEXT: TEXT,
    types.NAME: LINE.filter(lambda text: not set(text) & set("/#") and text.strip() == text and text.strip(".")),
    types.FILTER_NAME: LINE.filter(lambda text: not set(text) & set("/#'&<") and text.strip() == text
                                   and text.strip(".")),
    types.UNQUOTED: LINE.filter(lambda text: not set(text) & set("'&<")),
    types.LINE: LINE,
    types.DEVICE: of_letters(LETTERS + "_.-\\:/%"),
    types.DNS_NAME: of_letters(LETTERS + "._-"),
    types.PATH: LINE,
    types.MAC: macs(),
    types.IP: IPV4 | IPV6,
    types.IPV4: IPV4,
    types.NETMASK: NETMASK,
    types.UUID: st.integers(0, 2**128 - 1).map(lambda number: uuid.UUID(int=number)).flatmap(
        lambda found: st.sampled_from([str(found), found.hex.upper()])),
    types.DUID: st.lists(BYTE, min_size=1, max_size=8).map(lambda found: ":".join("%02x" % byte for byte in found)),
    types.PCI_FUNCTION: st.from_regex(r"([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.[0-7]", fullmatch=True),
    dnsmasq.HOST_NAME: of_letters(LETTERS + ".-_"),
    dnsmasq.DHCP_NAME: st.from_regex(r"[a-z][A-Za-z0-9_.-]{0,11}", fullmatch=True).filter(
        lambda text: text not in ("ignore", "infinite")),
    dnsmasq.DNSMASQ_SERVICE: of_letters(LETTERS + "._-"),
    dnsmasq.DNSMASQ_HOST: of_letters(LETTERS + "._-"),
    dnsmasq.DNSMASQ_LINE: LINE,
    dnsmasq.DNSMASQ_NAME: of_letters(LETTERS + ".-_#'&<"),
    dnsmasq.DNSMASQ_WORD: of_letters(LETTERS + ".-_/#'&<"),
    dnsmasq.DNSMASQ_PATH: of_letters(LETTERS + "/.-_ '&<"),
    dnsmasq.DNSMASQ_TEXT: of_letters(LETTERS + " ,=/.'&<") | st.just('"a, #b", "c \\" d"'),
}
# types that have no name, by what they say they take
SAID = {
    "a name of at most 39 bytes without single quotes, & and <": of_letters(LETTERS),
}


def scalars(scalar) -> st.SearchStrategy:
    """The values of a type, as YAML gives them."""
    if scalar.choices:
        return st.sampled_from(scalar.choices)
    if scalar.kind == "bool":
        return st.booleans()
    limits = re.match(r"a (?:whole )?number from (-?\w+) to (\w+)", scalar.allowed)
    if limits:
        numbers = st.integers(*[int(limit, 0) for limit in limits.groups()])
        return numbers if scalar.kind in ("int", "raw") else numbers.flatmap(
            lambda number: st.sampled_from(["%d" % number, "0x%02x" % number, "0%o" % number]))
    return TEXTS[scalar] if scalar in TEXTS else SAID[scalar.allowed]


def options(group: Group, empties: bool = False) -> st.SearchStrategy:
    """Any options of a group that has at least one; ``empties`` also states some to be empty.

    They keep to the types, not to the rules across options.
    """
    needed = {node.name: values(node, empties) for node in group.nodes
              if getattr(node, "implied", None) and not empties}
    optional = {node.name: values(node, empties) for node in group.nodes
                if node.name not in needed and not getattr(node, "readonly", False)}
    if empties:
        optional = {name: strategy | empty(group.node(name)) for name, strategy in optional.items()}
    needed.update({node.name: values(node) for node in group.nodes if getattr(node, "required", False)})
    return st.fixed_dictionaries(needed, optional={
        name: strategy for name, strategy in optional.items() if name not in needed}).filter(bool)


def empty(node) -> st.SearchStrategy:
    """What says that an option is not there, if anything can."""
    if not isinstance(node, Field):
        return st.just({} if isinstance(node, Group) else [])
    can = node.type.kind == "str" and not node.type.choices and not node.filled
    return st.just("") if can else st.nothing()


def said(normal: dict | None) -> dict:
    """A normal form without what is nothing."""
    return {name: value for name, value in (normal or {}).items() if value is not None}


def values(node, empties: bool = False) -> st.SearchStrategy:
    """Values of one node of a table."""
    if isinstance(node, Field):
        return scalars(node.type)
    if isinstance(node, Group):
        return options(node, empties)
    if isinstance(node, Many):
        one = (lambda item: str(node.identity(item) or said(node.item.normal(item)))) if node.unique else id
        items = values(node.item, empties)
        if empties and isinstance(node.item, Group):
            items = items.filter(without_empty)  # there is no entry that says nothing
        return st.lists(items, min_size=1, max_size=3, unique_by=one)
    assert isinstance(node, Markup)
    return st.lists(st.tuples(st.sampled_from("abc"), TEXT), min_size=1, max_size=3,
                    unique_by=lambda pair: pair[0]).map(lambda found: [markup(*pair) for pair in found])


def markup(name: str, text: str) -> str:
    """An element of a namespace of its own."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return '<x:%s xmlns:x="urn:%s">%s</x:%s>' % (name, name, text, name)


def leaves(group: Group, path: tuple = ()) -> list:
    """Every node of a table that holds values, with the groups that lead to it."""
    found = []
    for node in group.nodes:
        inner = node.item if isinstance(node, Many) else node
        found += leaves(inner, path + (group,)) if isinstance(inner, Group) else [(path + (group,), node)]
    return found


def without_rules(node):
    """The same table without the rules across options, which random options seldom keep to."""
    if isinstance(node, Group):
        return node._replace(rules=(), nodes=tuple(without_rules(child) for child in node.nodes))
    if isinstance(node, Many):
        return node._replace(item=without_rules(node.item))
    return node
