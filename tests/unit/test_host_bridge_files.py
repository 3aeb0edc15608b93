"""The files that the role host_bridge writes for each keeper, and what it says to write."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "roles/host_bridge"
BESIDE = Path(sys.executable).with_name("ansible-playbook")  # Debian's Python has none
ANSIBLE = BESIDE if BESIDE.exists() else ROOT / ".venv/bin/ansible-playbook"
LINKS = {"name": "eno1", "mac": "52:54:00:00:00:10", "exists": True}
STATED = {
    "networkd": {"card": "[Link]\nMTUBytes=1400", "rest": "[Network]\nDHCP=yes", "both": [], "type": "",
                 "sections": []},
    "NetworkManager": {"card": "[ethernet]\nmtu=1400", "rest": "[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=ignore",
                       "both": ["zone=home"], "type": "802-3-ethernet", "sections": []},
    "ifupdown": {"card": "", "rest": "", "both": [], "type": "", "sections": []}}
STANZAS = [
    {"file": "/etc/network/interfaces", "kind": "inet static",
     "card": ["mtu 1400", "hwaddress ether 52:54:00:00:00:10"],
     "lines": ["address 192.0.2.2/24", "mtu 1400", "hwaddress ether 52:54:00:00:00:10"],
     "rest": ["address 192.0.2.2/24", "mtu 1400"]},
    {"file": "/etc/network/interfaces", "kind": "inet6 auto", "lines": [], "card": [], "rest": []}]
VLANS = [{"name": "office", "id": 10}, {"name": "trunk", "ids": [1, 20]}]
CASES = {
    (keeper, uplink): {
        "keeper": keeper, "uplink": LINKS if uplink else None, "sources": ["/a"] if uplink else [],
        "stated": STATED[keeper] if uplink else {**STATED["ifupdown"]}, "stanzas": STANZAS if uplink else []}
    for keeper in STATED for uplink in (True, False)}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple, Any]:
    """By case what the templates make of it; Ansible runs once for all."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "templates").symlink_to(ROLE / "templates")
    tasks = [{
        "ansible.builtin.copy": {"dest": str(folder / str(number)), "content": (
            "{{ [__host_bridge_files, __host_bridge_freed,"
            " lookup('ansible.builtin.template', 'ifupdown/told.j2')] | to_json }}")},
        "vars": {"host_bridge_name": "br0", "host_bridge_portgroups": VLANS if uplink else [],
                 "__host_bridge_looked": {"stdout": json.dumps({"bridge": None, "files": [], "check": [], **found})}},
    } for number, ((keeper, uplink), found) in enumerate(CASES.items())]
    (folder / "play.yml").write_text(yaml.safe_dump([{
        "hosts": "localhost", "connection": "local", "gather_facts": False, "vars_files": [str(ROLE / "vars/main.yml")],
        "vars": {"ansible_python_interpreter": sys.executable}, "tasks": tasks}]))
    environment = dict(os.environ, ANSIBLE_HOME=str(folder), ANSIBLE_LOCALHOST_WARNING="0")
    done = subprocess.run([str(ANSIBLE), str(folder / "play.yml")], cwd=folder, env=environment, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {case: json.loads((folder / str(number)).read_text()) for number, case in enumerate(CASES)}


def profile(text: str) -> dict[str, dict[str, str]]:
    """A keyfile by section; one section stands there once."""
    found = configparser.ConfigParser(delimiters="=", comment_prefixes="#", interpolation=None)
    found.read_string(text)
    return {name: dict(found[name]) for name in found.sections()}


def test_a_bridge_of_networkmanager_has_what_the_uplinks_profile_says(rendered):
    files, freed, _told = rendered["NetworkManager", True]
    bridge, port = profile(files["network"]), profile(files["uplink"])
    assert json.loads(files["network"].splitlines()[0][1:]) == {"uplink": "eno1", "sources": ["/a"]}
    assert bridge.pop("connection") == {
        "id": "virtnet-br0", "uuid": profile(freed["network"])["connection"]["uuid"], "type": "bridge",
        "interface-name": "br0", "zone": "home"}
    assert bridge == {
        "bridge": {"stp": "false", "vlan-filtering": "true"},
        "ethernet": {"cloned-mac-address": "52:54:00:00:00:10"},
        "ipv4": {"method": "auto"}, "ipv6": {"method": "ignore"}}
    assert port.pop("connection") == {
        "id": "virtnet-br0-uplink", "uuid": profile(freed["uplink"])["connection"]["uuid"], "type": "802-3-ethernet",
        "interface-name": "eno1", "autoconnect-priority": "999", "master": "br0", "slave-type": "bridge"}
    assert port == {"bridge-port": {"vlans": "1 pvid untagged,10,20"}, "ethernet": {"mtu": "1400"}}


def test_an_uplink_that_networkmanager_takes_out_has_its_own_again(rendered):
    freed = rendered["NetworkManager", True][1]
    bridge, card = profile(freed["network"]), profile(freed["uplink"])
    assert (bridge["ipv4"], bridge["ipv6"]) == ({"method": "disabled"}, {"method": "disabled"})
    assert "master" not in card["connection"] and card["connection"]["zone"] == "home"
    assert (card["ipv4"], card["ipv6"], card["ethernet"]) == (
        {"method": "auto"}, {"method": "ignore"}, {"mtu": "1400"})


@pytest.mark.parametrize("keeper, names, line", [
    ("networkd", {"netdev", "network"}, "LinkLocalAddressing=no"), ("NetworkManager", {"network"}, "method=disabled"),
    ("ifupdown", {"network"}, "iface br0 inet manual")])
def test_a_bridge_without_an_uplink_touches_no_card_and_has_no_address(rendered, keeper, names, line):
    files, freed, _told = rendered[keeper, False]
    assert (set(files), freed) == (names, {})
    assert line in files["network"].splitlines()


def test_a_bridge_of_networkd_has_what_the_uplinks_file_says(rendered):
    files, freed, _told = rendered["networkd", True]
    assert set(files) == {"netdev", "network", "uplink"} and set(freed) == {"network", "uplink"}
    assert "DHCP=yes" in files["network"] and "MTUBytes=1400" not in files["network"]
    assert "MACAddress=52:54:00:00:00:10" in files["network"] and "VLANFiltering=yes" in files["netdev"]
    assert "Bridge=br0" in files["uplink"] and "MTUBytes=1400" in files["uplink"] and "DHCP" not in files["uplink"]
    assert [line for line in files["uplink"].splitlines() if line.startswith("VLAN=")] == [
        "VLAN=1", "VLAN=10", "VLAN=20"]
    assert "DHCP" not in freed["network"] and "DHCP=yes" in freed["uplink"] and "Bridge=" not in freed["uplink"]
    assert "MTUBytes=1400" in freed["uplink"]


MADE = """# {"uplink": "eno1", "sources": ["/a"]}
# Made by the role virtnet.libvirt.host_bridge
auto br0
iface br0 inet static
    pre-up test -e /sys/class/net/br0 || ip link add br0 address 52:54:00:00:00:10 type bridge stp_state 0 \
forward_delay 0 vlan_filtering 1
    pre-up test ! -e /sys/class/net/eno1 || { ip link set eno1 up master br0 && for vid in 10 20; do bridge vlan add \
dev eno1 vid $vid; done; }
    address 192.0.2.2/24
    mtu 1400
iface br0 inet6 auto
"""
PORT = """# Made by the role virtnet.libvirt.host_bridge
# The stanza of the card stays where it is, and this one stands before it.
mapping eno1
    script grep
    map eno1-in-br0
iface eno1-in-br0 inet manual
    mtu 1400
    hwaddress ether 52:54:00:00:00:10
    up test ! -e /sys/class/net/br0 || { ip link set eno1 up master br0 && for vid in 10 20; do bridge vlan add \
dev eno1 vid $vid; done; }
    down ip link set eno1 nomaster
"""


def test_a_bridge_of_ifupdown_has_what_the_uplinks_stanzas_say(rendered):
    assert rendered["ifupdown", True][0] == {"network": MADE, "uplink": PORT}
    assert "vlan_filtering 0\n" in rendered["ifupdown", False][0]["network"]


def test_an_uplink_that_ifupdown_takes_out_has_its_own_again(rendered):
    freed = rendered["ifupdown", True][1]
    assert "iface br0 inet manual\n    pre-up test -e" in freed["network"] and "master" not in freed["network"]
    assert freed["uplink"].partition("\n")[2] == """iface eno1 inet static
    address 192.0.2.2/24
    mtu 1400
    hwaddress ether 52:54:00:00:00:10
iface eno1 inet6 auto
"""


def test_ifupdown_is_told_what_its_own_stanzas_say(rendered):
    assert rendered["ifupdown", True][2] == """auto br0
iface br0 inet static
    address 192.0.2.2/24
    mtu 1400
    hwaddress ether 52:54:00:00:00:10
    bridge_ports eno1
    bridge_stp off
    bridge_fd 0
    bridge_hw 52:54:00:00:00:10
    bridge_vlan_aware yes
    up bridge vlan add dev eno1 vid 10
    up bridge vlan add dev eno1 vid 20
iface br0 inet6 auto

iface eno1 inet manual
"""
    assert rendered["ifupdown", False][2] == """auto br0
iface br0 inet manual
    bridge_ports none
    bridge_stp off
    bridge_fd 0
"""
