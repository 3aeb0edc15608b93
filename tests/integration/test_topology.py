# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a host's networking as one document."""

from __future__ import annotations

import json
import subprocess

import pytest
from guest.domain import domain_xml
from integration.host import sh
from integration.lab import LAB, answers
from integration.modules import Failed, converge, run
from integration.playbooks import playbook

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.topology import LISTS

CARD = "52:54:00:00:07:01"
HOST = {
    "nwfilters": [{"name": "zz-base", "chain": "root"},
                  {"name": "aa-web", "chain": "root", "entries": [{"filterref": {"filter": "zz-base"}}]}],
    "networks": [
        {"name": "top1", "state": "active", "bridge": {"name": "top1"},
         "ips": [{"address": "10.77.1.1", "prefix": 24}]},
        {"name": "top2", "state": "active", "autostart": True, "forward": {"mode": "nat"}, "bridge": {"name": "top2"},
         "ips": [{"address": "10.77.2.1", "prefix": 24, "dhcp": {
             "ranges": [{"start": "10.77.2.9", "end": "10.77.2.99"}]}}]},
        {"xml": "<network><name>top3</name><bridge name='top3'/></network>"}],
    "network_ports": [{"network": "top2", "mac": {"address": "52:54:00:00:07:09"}}],
    "interfaces": [{"domain": "off", "mac": {"address": CARD}, "type": "network", "source": {"network": "top1"},
                    "model": {"type": "virtio"}, "filterref": {"filter": "aa-web"}}],
}


def with_(**lists: object) -> dict:
    """The host with these lists in place of its own."""
    return {**HOST, **lists}


@pytest.fixture
def off(clean):
    """A guest that does not run."""
    yield clean.defineXML(domain_xml("off", ""))
    for name in ("aa-web", "zz-base"):
        subprocess.run(["virsh", "nwfilter-undefine", name], check=False, capture_output=True)


def networks() -> list[str]:
    return sorted(sh("virsh -q net-list --all --name").split())


def test_a_host_in_one_task(off):
    done = converge("topology", "objects", **HOST)
    assert all(one["changed"] for one in done["objects"]) and len(done["objects"]) == 7
    assert networks() == ["top1", "top2", "top3"] and "aa-web" in sh("virsh dumpxml off")
    again = run("topology", **HOST)
    assert all(set(one) == {"kind", "name", "changed"} for one in again["objects"]) and again["diff"] == []
    changed = with_(networks=[*HOST["networks"][1:], dict(HOST["networks"][0], domain={"name": "example"})])
    assert [one["name"] for one in converge("topology", **changed)["objects"] if one["changed"]] == ["top1"]


def test_what_is_read_is_what_is_stated(off):
    run("topology", **HOST)
    read = run("topology_info")["topology"]
    assert [one["name"] for one in read["networks"]] == ["top1", "top2", "top3"]
    for portable in (False, True):
        again = run("topology", **run("topology_info", portable=portable)["topology"])
        assert not again["changed"], again["steps"]
    part = run("topology_info", kinds=["networks"], names=["top[12]"], portable=True)["topology"]
    assert list(part) == ["networks"] and [one["name"] for one in part["networks"]] == ["top1", "top2"]
    assert all("uuid" not in one for one in part["networks"])


def test_the_graph_is_what_virsh_and_the_kernel_say(off):
    run("topology", **HOST)
    graph = run("topology_info")["graph"]
    names = {kind: {one["name"] for one in graph["nodes"] if one["kind"] == kind}
             for kind in ("network", "filter", "guest")}
    assert names["network"] == set(networks()) and names["guest"] == set(sh("virsh -q list --all --name").split())
    assert names["filter"] >= {line.split()[1] for line in sh("virsh -q nwfilter-list").splitlines()}
    edges = {(one["kind"], one["from"], one["to"]): one["layers"] for one in graph["edges"]}
    assert edges["connects", "interface/off/" + CARD, "network/top1"] == ["config"]
    assert edges["filtered", "interface/off/" + CARD, "filter/aa-web"] == ["config"]
    assert edges["uses", "network/top2", "bridge/top2"] == ["config", "live", "kernel"]
    assert "graph" not in run("topology_info", graph=False)


def test_all_that_is_wrong_is_said_at_once(off):
    wrong = {
        "nwfilters": [{"name": "bad", "chain": "nonsense"}],
        "networks": [{"name": "one", "ips": [{"address": "10.0.0.1", "prefix": 99}], "mtu": {"size": "big"}},
                     {"name": "two", "state": "gone"}, {"name": "two", "nmae": "x"}, 5,
                     {"name": "fine", "forward": {"mode": "nat"}, "bridge": {"name": "hostbr0"}}],
        "interfaces": [{"mac": {"address": CARD}}, {"domain": "nobody", "mac": {"address": CARD}}],
    }
    with pytest.raises(Failed) as failed:
        run("topology", **{**wrong, "networks": [one for one in wrong["networks"] if one != 5]})
    lines = str(failed.value).splitlines()
    for expected in ("nwfilters[0].chain: ", "networks[0].ips[0].prefix: 99 is not allowed", "networks[0].mtu.size: ",
                     'networks[1].state: "gone" is not allowed', "networks[2].nmae: no such option",
                     "interfaces[0].domain: is missing", "interfaces[1].domain: there is no guest nobody"):
        assert any(line.startswith(expected) for line in lines), (expected, lines)
    assert any("(network one)" in line for line in lines)
    with pytest.raises(Failed, match=r"^networks\[4\]: 5 is not allowed; give a dictionary"):
        run("topology", **{**wrong, "networks": [{"name": "a"}] * 4 + [5]})
    with pytest.raises(Failed, match=r"^networks\[1\]: is the same as networks\[0\] \(network a\)$"):
        run("topology", networks=[{"name": "a"}] * 2)
    assert networks() == []


def test_the_rest_is_told_of_beside_what_is_refused(guest):
    run("topology", networks=HOST["networks"][:1])
    document = {"networks": [dict(LAB, mtu={"size": "big"}), dict(HOST["networks"][0], mtu={"size": 1400}),
                             {"name": "gone", "state": "absent"}],
                "nwfilters": [{"name": "aa", "chain": "root", "entries": [{"filterref": {"filter": "bb"}}]},
                              {"name": "bb", "chain": "root", "entries": [{"filterref": {"filter": "aa"}}]}],
                "interfaces": [{"domain": "off", "type": "network", "source": {"network": "gone"}}],
                "exclusive": ["networks"]}
    with pytest.raises(Failed) as failed:
        run("topology", check=True, **document)
    result = failed.value.result
    assert [one.partition(": ")[0] for one in result["refused"]] == [
        "networks[0].mtu.size", "nwfilters[0]", "interfaces[0]"], result["refused"]
    assert str(failed.value).splitlines() == result["refused"]
    assert [one["name"] for one in result["objects"]] == ["top1", "gone"] and result["objects"][0]["drift"]
    with pytest.raises(Failed) as failed:
        run("topology", **document)
    assert "objects" not in failed.value.result and str(failed.value).splitlines() == result["refused"]
    assert networks() == ["lab", "top1"] and answers()


def test_a_part_that_fails_takes_all_back(off):
    run("topology", **HOST)
    before = [sh("virsh net-dumpxml %s" % name) for name in networks()]
    sh("ip link add top9 type bridge")
    with pytest.raises(Failed):
        run("topology", networks=[dict(HOST["networks"][0], domain={"name": "example"}),
                                  {"name": "top9", "state": "active", "bridge": {"name": "top9"}}])
    assert [sh("virsh net-dumpxml %s" % name) for name in networks()] == before
    sh("ip link del top9")


def test_what_is_in_no_list_goes(off):
    run("topology", **HOST)
    for name in ("left", "kept", "asleep"):
        run("network", name=name, bridge={"name": name})
    run("interface", domain="off", mac={"address": "52:54:00:00:07:02"}, type="network", source={"network": "asleep"},
        model={"type": "virtio"})
    run("nwfilter", name="stray", chain="root")
    whole = with_(exclusive=["networks", "nwfilters", "network_ports", "nwfilter_bindings"], keep=["ke*"])
    done = converge("topology", "objects", **whole)
    assert networks() == ["asleep", "kept", "top1", "top2", "top3"]
    assert any("network asleep is in no list and stays, for it is used by guest off" in one for one in done["warnings"])
    filters = sh("virsh -q nwfilter-list").split()
    assert "stray" not in filters and "clean-traffic" in filters and "aa-web" in filters
    converge("topology", **{**whole, "exclusive": [*whole["exclusive"], "interfaces"]})
    assert networks() == ["kept", "top1", "top2", "top3"] and "07:02" not in sh("virsh dumpxml off")


def test_what_running_guests_use_does_not_go(guest):
    whole = {"networks": [HOST["networks"][0]], "exclusive": ["networks"]}
    with pytest.raises(Failed, match=r"^exclusive: network lab is in no list, and running guests use it: guest \("):
        run("topology", check=True, **whole)
    assert networks() == ["lab"] and answers()
    run("topology", **dict(whole, keep=["lab"]))
    assert networks() == ["lab", "top1"] and answers()
    run("topology", **dict(whole, remove_used=True))
    assert networks() == ["top1"]


def test_the_plan_that_was_reviewed_is_done_or_none(clean):
    document = {"networks": [dict(LAB, state="present"), HOST["networks"][0]]}
    reviewed = run("topology", check=True, **document)["plan_id"]
    sh("virsh net-define /dev/stdin <<X\n<network><name>top1</name><bridge name='top1'/></network>\nX")
    with pytest.raises(Failed, match=r"^plan_id: what is to be done to network top1 is not what was reviewed; "):
        run("topology", plan_id=reviewed, **document)
    assert networks() == ["top1"]
    reviewed = run("topology", check=True, **document)["plan_id"]
    assert run("topology", plan_id=reviewed, **document)["changed"]
    with pytest.raises(Failed, match=r"^plan_id: nothing is to be done to network .*any more"):
        run("topology", plan_id=reviewed, **document)


@pytest.mark.parametrize("name", ["host.yml", "host.json"])
def test_a_document_in_a_file(off, tmp_path, name: str):
    document, play = tmp_path / name, tmp_path / "play.yml"
    stated = with_(networks=[dict(HOST["networks"][0], portgroups=[{"name": "{{ not }}"}]), *HOST["networks"][1:]])
    document.write_text(json.dumps(stated) if name.endswith("json") else "# in YAML\n" + json.dumps(stated))
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": [
        {"virtnet.libvirt.topology": {"src": str(document)}, "register": "first"},
        {"virtnet.libvirt.topology": {"src": str(document), "confirm": {}}, "register": "second"},
        {"assert": {"that": ["first is changed", "second is not changed"]}}]}]))
    playbook(tmp_path, "-i", "localhost,", play)
    assert "{{ not }}" in sh("virsh net-dumpxml top1")


def test_a_host_is_adopted(off, tmp_path):
    odd = "a {{ not }} {% nor %} {# this #} {{{ {%"
    run("topology", **with_(networks=[dict(HOST["networks"][0], portgroups=[{"name": odd}]), *HOST["networks"][1:]]))
    inventory, written = tmp_path / "hosts", tmp_path / "host_vars/kvm1/libvirt.yml"
    inventory.write_text("kvm1 ansible_connection=local\n")
    for _time in range(2):
        playbook(tmp_path, "-i", inventory, "virtnet.libvirt.adopt", "-e", "target=kvm1")
        assert "libvirt_topology:\n" in written.read_text() and "name: top2" in written.read_text()
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "kvm1", "gather_facts": False, "tasks": [
        {"virtnet.libvirt.topology": {name: "{{ libvirt_topology.%s | default(omit) }}" % name for name in LISTS}}]}]))
    assert "changed=0 " in playbook(tmp_path, "-i", inventory, play)
    sh("virsh net-destroy top1 && virsh net-undefine top1")
    assert "changed=1 " in playbook(tmp_path, "-i", inventory, play)
    assert odd in sh("virsh net-dumpxml top1")


def test_what_hosts_have_in_common_is_the_groups(off, tmp_path):
    run("topology", **HOST)
    inventory = tmp_path / "hosts"
    inventory.write_text("[kvm]\nkvm[1:2] ansible_connection=local\n")
    arguments = ("-i", inventory, "virtnet.libvirt.adopt", "-e", "adopt_common=kvm", "-e", "adopt_portable=true", "-e")
    playbook(tmp_path, *arguments, "target=kvm")
    assert "name: top2" in (tmp_path / "group_vars/kvm/libvirt.yml").read_text()
    # both are this host, so that nothing is left for one alone; what is taken from the group is the host's
    own = tmp_path / "host_vars/kvm2/libvirt.yml"
    assert "top2" not in own.read_text()
    own.write_text("libvirt_own: {networks: [{name: top4, bridge: {name: top4}}]}\n")
    play = tmp_path / "play.yml"
    play.write_text(json.dumps([{"hosts": "kvm", "gather_facts": False, "serial": 1, "tasks": [
        {"virtnet.libvirt.topology": {name: "{{ libvirt_topology.%s | default(omit) }}" % name for name in LISTS}}]}]))
    said = playbook(tmp_path, "-i", inventory, play)
    assert sum("changed=%d " % changed in said for changed in (0, 1)) == 2
    assert networks() == ["top1", "top2", "top3", "top4"]
    with pytest.raises(AssertionError, match="adopt_common: kvm also has kvm2; give target=kvm"):
        playbook(tmp_path, *arguments, "target=kvm1")


def test_another_host_is_given_what_is_portable(off):
    parent = {"name": "zz-base", "chain": "root", "entries": [{"filterref": {"filter": "clean-traffic"}}]}
    first = dict(HOST["interfaces"][0], boot={"order": 1}, convert_boot=True)
    run("topology", **with_(nwfilters=[parent, HOST["nwfilters"][1]], interfaces=[first]))
    given = run("topology_info", portable=True)["topology"]
    assert "clean-traffic" not in [one["name"] for one in given["nwfilters"]]
    # another host has none of these, other UUIDs of libvirt's own filters, and a guest of the same name
    run("interface", domain="off", state="absent", mac={"address": CARD})
    run("topology", exclusive=["networks", "network_ports", "nwfilters"])
    shipped = sh("virsh nwfilter-dumpxml clean-traffic")
    sh("virsh nwfilter-undefine clean-traffic")
    subprocess.run(["virsh", "nwfilter-define", "/dev/stdin"], check=True, text=True, capture_output=True,
                   input="\n".join(line for line in shipped.splitlines() if "<uuid>" not in line))
    assert networks() == [] and sh("virsh nwfilter-dumpxml clean-traffic") != shipped
    lists = {name: items for name, items in given.items() if items}
    converge("topology", **lists)
    assert run("topology_info", portable=True)["topology"] == given
    guest = sh("virsh dumpxml off")
    assert "aa-web" in guest and "<boot order='1'/>" in guest
    assert "clean-traffic" in sh("virsh nwfilter-dumpxml zz-base")


def test_what_has_no_shape_hides_nothing(clean):
    """Also of a document of which parts are not even lists and dictionaries, and by the modules of one object."""
    with pytest.raises(Failed) as refused:
        run("topology", networks=["lab", {"name": "x", "mtu": {"size": -1}}], nwfilters="words", restart="perhaps",
            interfaces=[{"domain": "d", "mac": {"address": "zz"}}])
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "nwfilters", "networks[0]", "restart", "networks[1].mtu.size", "interfaces[0].mac.address"]
    with pytest.raises(Failed) as refused:
        run("network", name="x", mtu={"size": -1}, ips=[{"address": "300.1.1.1"}])
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["mtu.size", "ips[0].address"]
