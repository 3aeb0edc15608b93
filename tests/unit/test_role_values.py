# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of roles may be (roles/values)."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

ROLE = Path(__file__).parents[2] / "roles" / "values"
VARIABLES = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
LINE_BREAKS = "\n\r\v\f\x1c\x85\u2028\u2029"


def whole(form: str) -> re.Pattern:
    """The pattern of a form, as templates/refusals.j2 uses it."""
    text = VARIABLES["__values_forms"][form]["pattern"]
    while "{{" in text:
        text = re.sub(r"{{ (\w+) }}", lambda found: VARIABLES[found[1]], text)
    return re.compile("(?:" + text + r")\Z")


PATTERNS = {form: whole(form) for form, rule in VARIABLES["__values_forms"].items() if "pattern" in rule}


@pytest.mark.parametrize(("form", "good", "bad"), [
    ("text", ["", "-a b/c", "ü"], ["\x1b[31m", "\x7f", "\u202e"]),
    ("name", ["lan", "my lan", "virtnet-", "..."], ["", "a/b", "../a", "\x1b"]),
    ("uri", ["qemu:///system", "qemu+ssh://root@host/system?keyfile=/k", "hail"], ["", "-c", "a b", "/run/a"]),
    ("package", ["libvirt-clients", "g++", "@virtualization", "/usr/sbin/dnsmasq", "libvirt*", "a=1:2~3", "a>=2"],
     ["", "-y", "--allow-unauthenticated", "a b", "a,b", "$(a)", "a;b", "a|b", "'a'"]),
    ("device", ["eno1", "eth0.100", "_a", "a" * 15],
     ["", ".", "..", ".a", "-f", "--help", "a/b", "a b", "a" * 16, "a*", "%n"]),
    ("bridge", ["br0", "uplink", "br-uplinks", "0br"],
     ["", "..", "-br0", "all", "default", "123", "br0-uplink", "b" * 16]),
    ("pci", ["0000:3b:00.0", "3b:1f.7"], ["", "0000:3b:00.8", "../../3b:00.0", "3b:20.0"]),
    ("pci_id", ["8086:1572"], ["", "8086", "8086:157g"]),
    ("driver", ["ixgbe", "vfio-pci"], ["", "..", "a/b", "-a"]),
    ("ipv4_subnet", ["192.168.150.0/24", "10.0.0.0/255.255.252.0"],
     ["10.0.0.0", "10.0.0.0/33", "10.0.0/24", "fd00::/64"]),
    ("ipv6_subnet", ["fd00:150::/64", "::/0", "FD00:0099::/128"], ["fd00::", "fd00::/129", "10.0.0.0/8"]),
    ("mac", ["52:54:00:1c:da:2f", "52-54-0-1c-da-2f"], ["", "52:54:00:1c:da", "52:54:00:1c:da:2g"]),
    ("duid", ["0:1:0:1:18:aa"], ["", ":", "0:1:"]),
    ("dns_name", ["lab.example.com", "_tcp.a"], ["", "-a", ".a", "a b", "a,b", "a/b", "a" * 254]),
])
def test_forms(form: str, good: list, bad: list) -> None:
    assert [value for value in good if not PATTERNS[form].match(value)] == []
    assert [value for value in bad if PATTERNS[form].match(value)] == []
    broken = ["%s%s" % (value, end) for value in good for end in LINE_BREAKS]
    assert [value for value in broken if PATTERNS[form].match(value)] == []


def parsed(text: str) -> int:
    """The version of an address, 0 where it is none."""
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return 0


@given(st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.lists(st.sampled_from(["0", "1", "25", "255", "256", "01", "fe80", "FFFFF", ":", "::", ".", "-"]),
             max_size=17).map("".join),
    st.lists(st.sampled_from(["1", "2a", "fe80", "12345", ""]), max_size=10).map(":".join),
    st.lists(st.sampled_from(["1", "20", "255", "256", "007", ""]), max_size=5).map(".".join),
))
@example("1:2:3:4:5:6:7::")
@example("::2:3:4:5:6:7:8")
@example("1::3:4:5:6:7:8")
@example("1::2::3")
@example("1:2:3:4:5:6:7::8")
@example("1.2.3.4\n")
def test_addresses_are_those_of_python(text: str) -> None:
    if ":" in text and "." in text:
        return  # ::ffff:192.0.2.1 is not needed
    assert bool(PATTERNS["ipv4"].match(text)) == (parsed(text) == 4)
    assert bool(PATTERNS["ipv6"].match(text)) == (parsed(text) == 6)
    assert bool(PATTERNS["address"].match(text)) == (parsed(text) != 0)


def test_addresses_have_no_zone() -> None:
    assert not PATTERNS["address"].match("fe80::1%eth0")
    assert not PATTERNS["address"].match("fe80::1%\n-f")
