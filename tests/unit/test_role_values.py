# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of roles may be."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.role_values import FORMS, refusals

LINE_BREAKS = "\n\r\v\f\x1c\x85\u2028\u2029"


def is_taken(form: str, value: object) -> bool:
    return not refusals({"a": form}, {"a": value})


@pytest.mark.parametrize(("form", "good", "bad"), [
    ("text", ["", "-a b/c", "ü"], ["\x1b[31m", "\x7f"]),
    ("name", ["lan", "my lan", "virtnet-", "..."], ["", "a/b", "../a", "\x1b", ".."]),
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
    ("address", ["192.0.2.1", "fd00::1", "1:2:3:4:5:6:7::"],
     ["", "-f", "192.0.2", "192.0.2.256", "fe80::1%eth0", "fe80::1%-f", "1::2::3", "1:2:3:4:5:6:7::8", "010.0.0.1"]),
    ("ipv4", ["192.0.2.1"], ["fd00::1"]), ("ipv6", ["fd00::1"], ["192.0.2.1"]),
    ("ipv4_subnet", ["192.168.150.0/24", "10.0.0.0/255.255.252.0"],
     ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/24", "fd00::/64", "fe80::%a/24", 7, None]),
    ("ipv6_subnet", ["fd00:150::/64", "::/0", "FD00:0099::/128"], ["fd00::", "fd00::/129", "10.0.0.0/8"]),
    ("mac", ["52:54:00:1c:da:2f", "52-54-0-1c-da-2f"], ["", "52:54:00:1c:da", "52:54:00:1c:da:2g"]),
    ("duid", ["0:1:0:1:18:aa"], ["", ":", "0:1:"]),
    ("dns_name", ["lab.example.com", "_tcp.a"], ["", "-a", ".a", "a b", "a,b", "a/b", "a" * 254]),
    ("path", ["/opt/ansible/bin", "/"], ["", "bin", "/a b", "/a'b", "/a%h", "/$HOME", "/a\\", "/a;b"]),
    ("relative", ["site.yml", "kvm/hosts.yml", "../a", "v1.0"], ["", "-e", "/etc/a", "a b", "a%b", "a;b", "a$b"]),
    ("repository", ["https://git.example.com/a.git", "ssh://git@host:22/~a/b", "git@host:a/b.git", "file:///srv/a"],
     ["", "-u", "a", "host:a", "https://", "https://a/$(b)", "ext::sh -c a", "https://a/'b", "a@b:%h"]),
    ("calendar", ["hourly", "Mon..Fri 06:00", "*-*-* 00/2:00:00 Europe/Berlin", "*:0/15"],
     ["", "-h", "--help", "%h", "a\nb", "$(a)", " hourly"]),
    ("vlan", [1, 4094, "10"], [0, 4095, True, 10.0, "10\n", "", None]),
    ("seconds", [1, "3600"], [0, 3601, "30\n"]),
])
def test_forms(form: str, good: list, bad: list):
    assert [value for value in good if not is_taken(form, value)] == []
    assert [value for value in bad if is_taken(form, value)] == []
    broken = ["%s%s" % (value, end) for value in good for end in LINE_BREAKS]
    assert [value for value in broken if is_taken(form, value)] == []


def test_every_form_refuses_line_breaks_and_may_be_left_out():
    for form in FORMS:
        assert not is_taken(form, "a\nb")
        assert is_taken(form + " or nothing", "") and is_taken(form + " or nothing", None)


@pytest.mark.parametrize(("forms", "values", "said"), [
    ({"a[].id": "vlan"}, {"a": [{"id": 5}, {"id": 4095}]},
     "a[1].id: 4095 is not allowed; give a whole number from 1 to 4094."),
    ({"a[]": "address"}, {"a": "192.0.2.1"}, 'a: "192.0.2.1" is not allowed; give a list.'),
    ({"a[].b": "name"}, {"a": ["x"]}, 'a[0]: "x" is not allowed; give a dictionary.'),
    ({"a": "text"}, {"a": {"b": ["c", "d\n"]}}, r'a.b[1]: "d\n" is not allowed; give a string.'),
    ({"a": "device or nothing"}, {"a": "x\n"}, r'a: "x\n" is not allowed; give a device name of at most 15 letters,'),
    ({"a": "name"}, {}, "a: null is not allowed; give a name of"),
])
def test_what_is_wrong_is_said_with_its_place(forms: dict, values: dict, said: str):
    found, = refusals(forms, values)
    assert found.startswith(said) and found.isprintable() and found.endswith(".")


def test_what_is_not_there_of_a_list_or_dictionary_is_not_judged():
    assert refusals({"a[].b": "name", "c.d": "driver", "e[].f[]": "vlan"}, {"a": [{}], "c": "", "e": [{"f": []}]}) == []
