# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single DHCP reservations and DNS records of a network that somebody else owns."""

from __future__ import annotations

import pytest
from integration.host import sh
from integration.modules import Failed, converge, run

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.xml import dump_xml

pytestmark = pytest.mark.both
LAB = {
    "name": "lab",
    "state": "active",
    "ips": [
        {"address": "10.5.0.1", "prefix": 24, "dhcp": {
            "ranges": [{"start": "10.5.0.100", "end": "10.5.0.150"}],
            "hosts": [{"mac": "52:54:00:00:00:01", "ip": "10.5.0.11", "name": "one"},
                      {"name": "bare", "ip": "10.5.0.12"}]}},
        {"family": "ipv6", "address": "fd00:5::1", "prefix": 64},
    ],
    "dns": {"hosts": [{"ip": "10.5.0.11", "hostnames": ["one"]}], "txts": [{"name": "a", "value": "b"}]},
}
WEB = {"mac": "52:54:00:00:00:21", "ip": "10.5.0.21", "name": "web"}


@pytest.fixture(autouse=True)
def lab(clean):
    run("network", **LAB)


def changed(module, **options):
    return converge(module, "network", network="lab", **options)["steps"]


def both(text):
    """How often a text is in the two documents of the network."""
    return sh("virsh net-dumpxml lab; virsh net-dumpxml --inactive lab").count(text)


def test_a_reservation_is_made_changed_and_removed_in_both_definitions():
    assert changed("dhcp_host", **WEB) == ["add dhcp host 52:54:00:00:00:21 (configuration of network lab)",
                                           "add dhcp host 52:54:00:00:00:21 (running network lab)"]
    assert both("<host mac='52:54:00:00:00:21' name='web' ip='10.5.0.21'/>") == 2
    assert "52:54:00:00:00:21,10.5.0.21,web" in sh("cat /var/lib/libvirt/dnsmasq/lab.hostsfile")
    assert len(changed("dhcp_host", hosts=[dict(WEB, ip="10.5.0.22")])) == 2
    assert both("ip='10.5.0.22'") == 2
    assert len(changed("dhcp_host", mac="52-54-00-00-00-21", state="absent")) == 2
    assert both("52:54:00:00:00:21") == 0
    assert both("<host mac='52:54:00:00:00:01' name='one' ip='10.5.0.11'/>") == 2


def test_each_definition_is_changed_as_it_needs():
    sh("virsh net-update lab add ip-dhcp-host \"<host mac='52:54:00:00:00:21' name='web' ip='10.5.0.21'/>\" --live")
    assert changed("dhcp_host", **WEB) == ["add dhcp host 52:54:00:00:00:21 (configuration of network lab)"]


def test_removing_by_name_takes_only_that_entry():
    assert len(changed("dhcp_host", name="bare", state="absent")) == 2
    assert both("bare") == 0
    assert both("52:54:00:00:00:01") == 2


def test_what_is_removed_must_have_all_that_is_given():
    other = {"network": "lab", "mac": "52:54:00:00:00:01", "ip": "10.5.0.99", "state": "absent"}
    predicted, done, again = (run("dhcp_host", check=check, **other) for check in (True, False, True))
    assert predicted["steps"] == done["steps"] == again["steps"] == []
    assert (predicted["diff"], predicted["network"]) == (done["diff"], done["network"])


def test_several_reservations_and_the_other_family():
    six = {"id": "00:03:00:01:52:54:00:00:00:22", "ip": "fd00:5::22", "name": "six"}
    steps = changed("dhcp_host", hosts=[WEB, six])
    assert len(steps) == 4
    assert both("<host id='00:03:00:01:52:54:00:00:00:22' name='six' ip='fd00:5::22'/>") == 2


def test_an_inactive_network_is_changed_too():
    run("network", name="lab", state="inactive")
    assert changed("dhcp_host", **WEB) == ["add dhcp host 52:54:00:00:00:21 (configuration of network lab)"]


@pytest.mark.parametrize(("options", "message"), [
    (dict(WEB, ip="10.6.0.1"), "ip: 10.6.0.1 is in no subnet of the network; it has 10.5.0.0/24, fd00:5::/64"),
    (dict(WEB, ip="10.5.0.11"), "ip: 10.5.0.11 is already that of 52:54:00:00:00:01"),
    (dict(WEB, name="one"), "name: one is already that of 52:54:00:00:00:01"),
    ({"mac": "52:54:00:00:00:21"}, "ip: is missing"),
    ({"ip": "10.5.0.21"}, "give mac or id or name"),
    ({"state": "absent"}, "give mac or id or name or ip"),
    ({"hosts": [{"mac": "zz", "ip": "10.5.0.9"}]}, "hosts[0].mac: \"zz\" is not allowed"),
    ({"hosts": [WEB], "mac": "52:54:00:00:00:09"}, "hosts: cannot be given together with mac"),
])
def test_bad_reservations_are_refused_and_nothing_changes(options, message):
    before = sh("virsh net-dumpxml lab; virsh net-dumpxml --inactive lab")
    for check in (True, False):
        with pytest.raises(Failed) as failure:
            run("dhcp_host", check=check, network="lab", **options)
        assert str(failure.value).startswith(message)
    assert sh("virsh net-dumpxml lab; virsh net-dumpxml --inactive lab") == before


def test_a_network_that_is_not_there():
    with pytest.raises(Failed, match="network: there is no network nowhere; there are lab"):
        run("dhcp_host", network="nowhere", **WEB)


def test_records_of_every_kind_are_made_changed_and_removed():
    records = {
        "hosts": [{"ip": "10.5.0.21", "hostnames": ["web", "www"]}],
        "txts": [{"name": "lab.example", "value": "for tests"}],
        "srvs": [{"service": "ldap", "protocol": "tcp", "domain": "lab.example", "target": "dir", "port": 389}],
    }
    assert len(changed("dns_record", **records)) == 6
    assert both("<hostname>www</hostname>") == 2
    assert both("<txt name='lab.example' value='for tests'/>") == 2
    assert both("<srv service='ldap' protocol='tcp' domain='lab.example' target='dir' port='389'/>") == 2
    assert "10.5.0.21\tweb\twww" in sh("cat /var/lib/libvirt/dnsmasq/lab.addnhosts")
    others = {"hosts": [{"ip": "10.5.0.21", "hostnames": ["web"]}], "txts": [{"name": "lab.example", "value": "x"}],
              "srvs": [dict(records["srvs"][0], port=636)]}
    changed("dns_record", replace=True, **others)
    assert both("www") == 0
    assert both("value='x'") == 2
    assert both("port='636'") == 2
    changed("dns_record", state="absent", hosts=[{"ip": "10.5.0.21"}], txts=[{"name": "lab.example"}],
            srvs=[{"service": "ldap", "protocol": "tcp"}])
    assert both("lab.example") == 0
    assert both("<txt name='a' value='b'/>") == 2
    assert both("<hostname>one</hostname>") == 2


def test_names_of_an_address_belong_to_whoever_gave_them():
    second = {"hosts": [{"ip": "10.5.0.11", "hostnames": ["second"]}]}
    changed("dns_record", **second)
    assert "10.5.0.11\tone\tsecond" in sh("cat /var/lib/libvirt/dnsmasq/lab.addnhosts")
    assert run("dns_record", network="lab", hosts=[{"ip": "10.5.0.11", "hostnames": ["one"]}])["steps"] == []
    changed("dns_record", state="absent", **second)
    assert (both("<hostname>one</hostname>"), both("second")) == (2, 0)


def test_reservations_are_judged_by_what_they_are_in_the_end():
    two = {"mac": "52:54:00:00:00:02", "ip": "10.5.0.13", "name": "two"}
    changed("dhcp_host", **two)
    changed("dhcp_host", hosts=[{"mac": "52:54:00:00:00:01", "ip": "10.5.0.13", "name": "two"},
                                {"mac": "52:54:00:00:00:02", "ip": "10.5.0.11", "name": "one"}])
    assert both("<host mac='52:54:00:00:00:02' name='one' ip='10.5.0.11'/>") == 2
    assert both("<host mac='52:54:00:00:00:01' name='two' ip='10.5.0.13'/>") == 2


def test_a_new_guest_takes_what_others_have():
    changed("dhcp_host", replace=True, mac="52:54:00:00:00:09", ip="10.5.0.11", name="bare")
    assert (both("52:54:00:00:00:01"), both("ip='10.5.0.12'")) == (0, 0)
    assert both("<host mac='52:54:00:00:00:09' name='bare' ip='10.5.0.11'/>") == 2


@pytest.mark.parametrize("ip", ["10.6.0.1", "10.5.0.1", "10.5.0.0", "10.5.0.255", "10.5.0.11"])
def test_every_door_refuses_a_reservation_that_cannot_be_given(ip):
    host = {"mac": "52:54:00:00:00:21", "ip": ip}
    whole = dict(LAB, ips=[dict(LAB["ips"][0], dhcp={"hosts": [*LAB["ips"][0]["dhcp"]["hosts"], host]})])
    xml = dump_xml(NETWORK.render({name: value for name, value in whole.items() if name != "state"}))
    for module, options in (("dhcp_host", dict(host, network="lab")), ("network", whole), ("network", {"xml": xml})):
        with pytest.raises(Failed, match=r"^(ips\[0\]\.dhcp\.)?hosts\[\d\]\.ip: %s is " % ip):
            run(module, **options)


def test_what_could_be_several_records_is_not_guessed():
    changed("dns_record", srvs=[{"service": "sip", "protocol": "udp", "target": "a", "port": 1},
                                {"service": "sip", "protocol": "udp", "target": "b", "port": 1}])
    with pytest.raises(Failed, match=r"srvs\[0\]: 2 entries are such; name more of it"):
        run("dns_record", network="lab", state="absent", srvs=[{"service": "sip", "protocol": "udp"}])
    assert len(changed("dns_record", state="absent", srvs=[{"service": "sip", "protocol": "udp", "target": "a"}])) == 2
    assert both("target='b'") == 2


def test_what_libvirt_takes_of_protocols_and_duids():
    sctp = {"service": "m3ua", "protocol": "sctp", "target": "a.example", "port": 2905}
    assert changed("dns_record", srvs=[sctp])
    assert "srv-host=_m3ua._sctp,a.example,2905" in sh("cat /var/lib/libvirt/dnsmasq/lab.conf")
    moved = {"id": "0:0C", "ip": "fd00:5::c"}
    assert changed("dhcp_host", hosts=[dict(moved, ip="fd00:5::b")])
    assert not run("dhcp_host", network="lab", hosts=[{"id": "00:0c", "ip": "fd00:5::b"}])["changed"]
    assert changed("dhcp_host", hosts=[dict(moved, id="00:0c")])
