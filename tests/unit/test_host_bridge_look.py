"""What the role host_bridge finds out of a host: who keeps its uplink, and what the files of that say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "roles/host_bridge/files/look.py"


@pytest.fixture()
def look():
    spec = importlib.util.spec_from_file_location("look", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NETWORKD = """[Match]
Name=eno1

[Link]
MTUBytes=1400

[Network]
DHCP=yes

[Route]
Gateway=192.0.2.1
"""
KEYFILE = """[connection]
id=Wired connection 1
uuid=7a5a5b6e-5dbc-4ba2-a6ab-0f5e3d9a8c11
type=ethernet
zone=home
interface-name=eno1

[ethernet]
mtu=1400

[802-1x]
password=secret

[ipv4]
method=auto

[proxy]
"""


@pytest.mark.parametrize("keeper, text, expected", [
    ("networkd", NETWORKD, {
        "card": "[Link]\nMTUBytes=1400", "rest": "[Network]\nDHCP=yes\n\n[Route]\nGateway=192.0.2.1", "both": [],
        "type": "", "sections": ["Match", "Link", "Network", "Route"]}),
    ("NetworkManager", KEYFILE, {
        "card": "[ethernet]\nmtu=1400", "rest": "[ipv4]\nmethod=auto\nroute-metric=100\n\n[proxy]",
        "both": ["zone=home"], "type": "ethernet", "sections": ["connection", "ethernet", "802-1x", "ipv4", "proxy"]})])
def test_what_files_say_of_the_card_and_of_the_rest(look, tmp_path, keeper, text, expected):
    (tmp_path / "file").write_text(text)
    assert look.stated(keeper, [str(tmp_path / "file"), str(tmp_path / "none")]) == expected


@pytest.mark.parametrize("section, expected", [
    ("[ipv4]\nmethod=auto", "[ipv4]\nmethod=auto\nroute-metric=400"),
    ("[ipv6]\nroute-metric=-1\nmethod=auto", "[ipv6]\nmethod=auto\nroute-metric=400"),
    ("[ipv4]\nroute-metric=7", "[ipv4]\nroute-metric=7"), ("[proxy]", "[proxy]")])
def test_routes_are_worth_as_much_on_the_bridge(look, section, expected):
    assert look.with_metric(section, look.METRICS["vlan"]) == expected


def test_the_stanzas_of_a_device_are_found_in_all_files(look, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "interfaces").write_text(
        "source more/*\nauto eno1 eno2\n# iface eno1 inet manual\niface eno1 inet static\n\taddress 192.0.2.2/24\n"
        "\n\tgateway \\\n192.0.2.1\niface eno2 inet dhcp\n\thostname other\nallow-hotplug eno3\n")
    (tmp_path / "more/lan").write_text("iface eno1 inet6 auto\n    privext 0\n")
    (tmp_path / "dir").mkdir()
    assert look.stanzas(tmp_path / "interfaces", "eno1") == [
        {"file": str(tmp_path / "more/lan"), "kind": "inet6 auto", "lines": ["privext 0"]},
        {"file": str(tmp_path / "interfaces"), "kind": "inet static",
         "lines": ["address 192.0.2.2/24", "gateway 192.0.2.1"]}]


MAIN = "source %s/more/*\nauto eno1\niface eno1 inet static\n  address 192.0.2.2/24\n  hwaddress ether 0:1:2:3:4:5\n"


@pytest.fixture()
def network(look, tmp_path, monkeypatch):
    """/etc/network of a host; its own folder for files of others is more."""
    (tmp_path / "more").mkdir()
    monkeypatch.setattr(look, "INTERFACES", tmp_path / "interfaces")
    monkeypatch.setattr(look, "IFUPDOWNS", {"ifupdown2": tmp_path / "ifupdown2"})
    monkeypatch.setitem(look.KEEPERS, "ifupdown", look.KEEPERS["ifupdown"]._replace(
        starts=("%s/more/virtnet-" % tmp_path, "%s/run/virtnet-" % tmp_path)))
    (tmp_path / "interfaces").write_text(MAIN % tmp_path)
    return tmp_path


@pytest.mark.parametrize("more", [
    "", "  up ip route add 198.51.100.0/24 via 192.0.2.1 dev br0\n", "iface eno1 inet6 auto\n    mtu 1400\n",
    "mapping eno2\n  script grep\n  map x\n", "iface eno11 inet ppp\n  provider x\n", "iface br1 inet manual\n"])
def test_stanzas_that_a_bridge_can_take_over(look, network, more):
    with (network / "interfaces").open("a") as file:
        file.write(more)
    (network / "more/virtnet-br0").write_text("auto br0\niface br0 inet static\n  pre-up true\n")
    (network / "more/virtnet-br0-uplink").write_text("mapping eno1\n  script grep\n  map eno1-in-br0\n")
    assert look.in_the_way("br0", "eno1") == ""


@pytest.mark.parametrize("more, said", [
    ("  pre-up iptables-restore /etc/rules\n", "of eno1 a line that this role does not take over: pre-up"),
    ("  wpa-ssid lan\n", "a line that this role does not take over: wpa-ssid"),
    ("  up ethtool -K $IFACE gro off\n", "a command for eno1 itself: up ethtool -K $IFACE gro off"),
    ("  down ip route flush dev eno1\n", "a command for eno1 itself: down ip route flush dev eno1"),
    ("iface eno1 inet ppp\n", "iface eno1 inet ppp, and this role takes over inet static, inet dhcp"),
    ("iface eno1 inet static inherits lan\n", "iface eno1 inet static inherits lan, and"),
    ("iface eno1:1 inet static\n", "a stanza of eno1:1, which is another name of eno1"),
    ("iface br0 inet manual\n", "a stanza of br0"),
    ("mapping eno*\n  script choose\n", "a mapping of eno1")])
def test_stanzas_that_a_bridge_cannot_take_over(look, network, more, said):
    (network / "more/lan").write_text("")
    with (network / "interfaces").open("a") as file:
        file.write(more)
    assert look.in_the_way("br0", "eno1").startswith("reads in %s/interfaces " % network)
    assert said in look.in_the_way("br0", "eno1")


@pytest.mark.parametrize("line, name, is_read", [
    ("source more/*", "br0", True), ("source more/virtnet-*", "br0.5", True), ("source more/*.cfg", "br0", False),
    ("source-directory more", "br0", True), ("source-directory more", "br0.5", False), ("", "br0", False)])
def test_whether_a_host_reads_the_files_of_the_role(look, network, line, name, is_read):
    (network / "interfaces").write_text(line + "\n")
    said = look.in_the_way(name, "")
    assert (said == "") is is_read
    assert is_read or said == "does not read %s/more/virtnet-%s; have a line source %s/more/* in %s/interfaces" % (
        network, name, network, network)


def test_ifupdown2_is_another(look, network):
    assert look.in_the_way("br0", "eno1") == ""
    (network / "ifupdown2").mkdir()
    assert look.in_the_way("br0", "eno1") == "is ifupdown2"


def test_what_of_a_stanza_stays_with_the_card(look, network):
    stanza, = look.stanzas(network / "interfaces", "eno1")
    found = look.with_card({**stanza, "lines": [*stanza["lines"], "mtu 1400"]})
    assert (found["card"], found["rest"]) == (
        ["hwaddress ether 0:1:2:3:4:5", "mtu 1400"], ["address 192.0.2.2/24", "mtu 1400"])


class Answers:
    """What the commands of a host say; those that are not named fail."""

    def __init__(self, monkeypatch, look, **said: str) -> None:
        self.said = {name.replace("_", " "): text for name, text in said.items()}
        monkeypatch.setattr(look, "output", self.output)
        monkeypatch.setattr(look, "works", lambda *command: self.output(*command) is not None)

    def output(self, *command: str) -> str | None:
        words = " ".join(command)
        return next((text for name, text in self.said.items() if name in words), None)


MANAGED = '{"AdministrativeState": "configured", "NetworkFile": "/etc/systemd/network/a", "NetworkFileDropins": []}'
UNMANAGED = '{"AdministrativeState": "unmanaged"}'
OF_NM = {"GetDeviceByIpIface": '{"data": ["/d"]}', "Managed": '{"data": true}', "ActiveConnection": '{"data": "/a"}',
         "Active Connection": '{"data": "/s"}', "Filename": '{"data": "/etc/NetworkManager/lan"}'}


@pytest.mark.parametrize("said, keeper", [
    ({"networkctl": MANAGED, "is-active": ""}, "networkd"),
    ({"networkctl": UNMANAGED, **OF_NM, "is-active": ""}, "NetworkManager"),
    ({"networkctl": MANAGED, **OF_NM, "is-active": ""}, "networkd"),
    ({"networkctl": UNMANAGED, **OF_NM, "Managed": '{"data": false}', "is-active NetworkManager": ""},
     "NetworkManager"),
    ({"networkctl": UNMANAGED, "ifquery": "", "is-active": ""}, "ifupdown"),
    ({"is-active networking": ""}, "ifupdown"), ({"is-active": ""}, "networkd"), ({}, "")])
def test_who_keeps_an_uplink(look, monkeypatch, said, keeper):
    Answers(monkeypatch, look, **said)
    assert look.keeper_of("br0", "eno1") == keeper


@pytest.mark.parametrize("said, files", [
    (OF_NM, ["/etc/NetworkManager/lan"]), ({**OF_NM, "ActiveConnection": '{"data": "/"}'}, []),
    ({**OF_NM, "Filename": '{"data": ""}'}, [""]), ({**OF_NM, "Managed": '{"data": false}'}, None), ({}, None)])
def test_the_profile_of_networkmanager_that_is_active(look, monkeypatch, said, files):
    Answers(monkeypatch, look, **said)
    assert look.kept_by_networkmanager("eno1") == files


def test_a_program_that_is_not_there_does_not_work(look):
    """As ifquery, on a host that has no ifupdown."""
    assert [look.works(name) for name in ("true", "false", "/no/such/program")] == [True, False, False]


@pytest.mark.parametrize("file, says, filters, kind, own", [
    ("etc/br0.netdev", "[Bridge]\nVLANFiltering=yes\n", "0", "vlan", True),
    ("run/br0.nmconnection", "[bridge]\nvlan-filtering=true\n", "0", "vlan", True),
    ("etc/br0.netdev", "[Bridge]\nVLANFiltering=no\n", "1", "linux", True),
    ("etc/br0", "iface br0 inet dhcp\n    pre-up ip link add br0 type bridge vlan_filtering 1\n", "0", "vlan", True),
    ("etc/br0", "iface br0 inet dhcp\n    pre-up ip link add br0 type bridge vlan_filtering 0\n", "1", "linux", True),
    ("etc/br0.network", "VLANFiltering=yes\n", "0", "linux", False),  # not the file that makes the bridge
    ("etc/br1.netdev", "VLANFiltering=yes\n", "1", "vlan", False)])
def test_whether_a_bridge_of_the_role_filters_vlans_is_up_to_its_file(
        look, tmp_path, monkeypatch, file, says, filters, kind, own):
    (tmp_path / "net/br0/bridge").mkdir(parents=True)
    (tmp_path / "net/br0/brif").mkdir()
    (tmp_path / "net/br0/bridge/vlan_filtering").write_text(filters + "\n")
    for place in ("etc", "run"):
        (tmp_path / place).mkdir()
    (tmp_path / file).write_text(says)
    monkeypatch.setattr(look, "DEVICES", tmp_path / "net")
    monkeypatch.setattr(look, "OPENVSWITCH", tmp_path / "none")
    monkeypatch.setattr(look, "KEEPERS", {
        name: keeper._replace(starts=("%s/etc/" % tmp_path, "%s/run/" % tmp_path))
        for name, keeper in look.KEEPERS.items()})
    assert look.bridge("br0") == {"kind": kind, "ports": [], "own": own}
