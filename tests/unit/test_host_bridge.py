"""A bridge of the host that somebody keeps: made on trial, kept, removed, and as it was after any fault."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from unit.fake_host import FakeHost

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import ConvergeError, converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import of_another_boot, take
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.restore import restore
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import boot, ifupdown, networkmanager
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import HostError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import Host as RealHost
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.keeper import tell
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge import steps
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge.piece import (
    host_bridge as piece,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

UUIDS = {"network": "11111111-1111-1111-1111-111111111111", "uplink": "22222222-2222-2222-2222-222222222222"}
FILES = {
    "networkd": {"netdev": "[NetDev]\nName=br0\n", "network": "[Match]\nName=br0\n",
                 "uplink": "[Network]\nBridge=br0\n"},
    "NetworkManager": {"network": "[connection]\nuuid=%(network)s\ntype=bridge\n" % UUIDS,
                       "uplink": "[connection]\nuuid=%(uplink)s\nmaster=br0\n" % UUIDS},
    "ifupdown": {"network": "iface br0 inet static\n", "uplink": "mapping pf0\niface pf0-in-br0 inet manual\n"}}
FREED = {
    "networkd": {"network": "[Match]\nName=br0\n", "uplink": "[Network]\nLinkLocalAddressing=no\n"},
    "NetworkManager": {"network": FILES["NetworkManager"]["network"] + "[ipv4]\n",
                       "uplink": "[connection]\nuuid=%(uplink)s\n" % UUIDS},
    "ifupdown": {"network": "iface br0 inet manual\n", "uplink": "iface pf0 inet static\n"}}
KEEPERS = {name: RealHost.keeper(None, name) for name in FILES}
CALLS = {"networkd": ("put", "reload", "delete", "reconfigure"),
         "NetworkManager": ("put", "reload", "delete", "leave", "bring"),
         "ifupdown": ("put", "undo", "delete", "bring")}


def trials(keeper: str) -> tuple[dict, ...]:
    files, freed = FILES[keeper], FREED[keeper]
    return ({"files": files, "trial": True}, {"files": files},
            {"state": "absent", "files": freed, "trial": True}, {"state": "absent"})


class Fake:
    """What a keeper does with the files of one bridge, br0, and the uplink pf0."""

    def __init__(self, host: Host, name: str) -> None:
        self._host, self._name = host, name
        self.title, self.about = KEEPERS[name].title, KEEPERS[name].about

    @property
    def _files(self) -> dict[str, Any]:
        return self._host.parts["bridge_files"]["%s br0" % self._name]

    def put(self, bridge: str, files: dict[str, dict[str, str | None]]) -> None:
        def effect() -> None:
            for where, texts in files.items():
                self._files[where].update(texts)

        self._host.called("put", (files,), effect)

    def delete(self, device: str) -> None:
        def effect() -> None:
            del self._host.devices[device]
            self._host.devices["pf0"]["master"] = None

        self._host.called("delete", (device,), effect)

    def holds(self, device: str, text: str) -> bool:
        assert text == self.said()["uplink"]
        return not self._host.failing

    def leave(self, device: str, text: str) -> None:
        pass

    def undo(self, device: str, text: str | None) -> None:
        pass

    def said(self) -> dict[str, str | None]:
        return {name: self._files["run"][name] or self._files["etc"][name] for name in KEEPERS[self._name].ends}


class Networkd(Fake):
    """It applies its files when it reads them."""

    def reload(self) -> None:
        self._host.called("reload", (), self._apply)

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        if anew and device == "pf0":
            self._host.called("reconfigure", (device,), self._apply)

    def _apply(self) -> None:
        if self._host.deaf:
            return
        said, devices = self.said(), self._host.devices
        if said["netdev"]:
            devices.setdefault("br0", {"master": None})
        devices["pf0"]["master"] = "br0" if "br0" in devices and "Bridge=br0" in (said["uplink"] or "") else None


class NetworkManager(Fake):
    """It applies a profile when it is told to, and forgets what has none any more."""

    def leave(self, device: str, text: str) -> None:
        assert UUIDS["uplink"] in text
        self._host.called("leave", (device,), lambda: self._enslave(""))

    def reload(self) -> None:
        def effect() -> None:
            if not self.said()["network"] and not self._host.deaf:
                self._host.devices.pop("br0", None)
            if not self.said()["uplink"]:
                self._enslave("")

        self._host.called("reload", (), effect)

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        name = "uplink" if device == "pf0" else "network"
        assert text == self.said()[name]

        def effect() -> None:
            if name == "network" and text and not self._host.deaf:
                self._host.devices.setdefault("br0", {"master": None})
            if name == "uplink":
                self._enslave(text or "")

        self._host.called("bring", (device, anew), effect)

    def _enslave(self, text: str) -> None:
        if not self._host.deaf:
            inside = "br0" in self._host.devices and "master=br0" in text
            self._host.devices["pf0"]["master"] = "br0" if inside else None


class Ifupdown(Fake):
    """It brings up by a stanza what is not up, and takes down what is."""

    def reload(self) -> None:
        pass

    def undo(self, device: str, text: str | None) -> None:
        def effect() -> None:
            if not self._host.deaf and self._host.up.pop(device, None) and device == "pf0":
                self._host.devices["pf0"]["master"] = None

        self._host.called("undo", (device, text), effect)

    def bring(self, device: str, text: str | None, anew: bool) -> None:
        name = "uplink" if device == "pf0" else "network"
        assert text == self.said()[name]

        def effect() -> None:
            if (device in self._host.up and not anew) or self._host.deaf:
                return
            self._host.up[device] = "pf0-in-br0" if "mapping" in (text or "") else device
            if name == "network":
                self._host.devices.setdefault("br0", {"master": None})
            elif "br0" in self._host.devices and "mapping" in (text or ""):
                self._host.devices["pf0"]["master"] = "br0"

        self._host.called("bring", (device, anew), effect)


class Host(FakeHost):
    """A host with all keepers; one that is ``deaf`` takes its files and does nothing."""

    def __init__(self, **given: Any) -> None:
        nothing = {"%s br0" % name: {where: dict.fromkeys(keeper.ends) for where in keeper.places}
                   for name, keeper in KEEPERS.items()}
        super().__init__(**{"bridge_files": nothing, "devices": {"pf0": {"master": None}}, **given})
        self.deaf = self.failing = False
        self.up = {"pf0": "pf0"}  # by which stanza ifupdown brought a device up

    def keeper(self, name: str) -> Fake:
        return {"networkd": Networkd, "NetworkManager": NetworkManager, "ifupdown": Ifupdown}[name](self, name)

    @property
    def state(self) -> tuple:
        return self.parts["bridge_files"], self.devices, self.up


def run(host: Host, keeper: str, trial: bool = False, state: str = "present", check_mode: bool = False,
        **options: Any) -> list[str]:
    wish = wish_of({"state": state, "trial": trial, "keeper": keeper}, {"name": "br0", "uplink": "pf0", **options})
    outcome, = converge(host, [wish], check_mode)
    return [step.title for step in outcome.plan.steps]


def host_after(keeper: str, number: int) -> Host:
    host = Host()
    for one in trials(keeper)[:number]:
        run(host, keeper, **one)
    host.calls.clear()
    return host


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(steps, "SECONDS", 0)


@pytest.mark.parametrize("keeper", KEEPERS)
def test_it_is_made_and_removed_each_on_trial_first(keeper):
    host = Host()
    titles = []
    for one in trials(keeper):
        predicted = run(host, keeper, check_mode=True, **one)
        titles.append(run(host, keeper, **one))
        assert titles[-1] == predicted
        assert run(host, keeper, **one) == []
    assert titles == [["make bridge br0 with pf0, on trial"], ["keep bridge br0 with pf0"],
                      ["take pf0 out of bridge br0, on trial"], ["remove bridge br0"]]
    assert host.state == Host().state


@pytest.mark.parametrize("keeper", KEEPERS)
def test_on_trial_are_only_files_that_a_boot_forgets(keeper):
    def there(where: str) -> set[str]:
        return {name for name, text in host.parts["bridge_files"]["%s br0" % keeper][where].items() if text}

    files = FILES[keeper]
    host = host_after(keeper, 1)
    assert (there("run"), there("etc")) == (set(files), set())
    run(host, keeper, files=files)
    assert (there("run"), there("etc")) == (set(), set(files))
    assert run(host, keeper, files=files, trial=True) == []
    run(host, keeper, trial=True, files={**files, "network": "other"})
    assert (there("run"), there("etc")) == ({"network"}, set(files))


@pytest.mark.parametrize("keeper, calls", [
    ("networkd", [("reload",), ("reconfigure", "pf0")]),
    ("NetworkManager", [("reload",), ("bring", "br0", False), ("bring", "pf0", True)]),
    ("ifupdown", [("bring", "br0", False), ("bring", "pf0", True)])])
def test_an_uplink_that_left_is_put_in_again(keeper, calls):
    host = host_after(keeper, 2)
    host.devices["pf0"]["master"] = None
    assert run(host, keeper, files=FILES[keeper]) == ["keep bridge br0 with pf0"]
    assert host.calls[1:] == calls


OWN = {"pvid": 1, "untagged": [1], "vids": [1]}
BOTH = {"pvid": 1, "untagged": [1], "vids": [1, 10, 20]}
PUT_BACK = ["put bridge br0 and pf0 back into VLANs"]


def host_in(bridge: Any, uplink: Any, keeper: str = "networkd") -> Host:
    """A host whose bridge lasts, with these VLANs of its own and of its uplink."""
    host = host_after(keeper, 2)
    host.devices["br0"]["vlans"], host.devices["pf0"]["vlans"] = bridge, uplink
    return host


@pytest.mark.parametrize("keeper", KEEPERS)
@pytest.mark.parametrize("bridge, uplink, after, calls", [
    (OWN, {**BOTH, "vids": [1, 10]}, (OWN, BOTH), ["set_vlans"]),
    (OWN, {"pvid": 10, "untagged": [10], "vids": [10]}, (OWN, BOTH), ["set_vlans"]),
    ({"pvid": None, "untagged": [], "vids": [30]}, BOTH, ({**OWN, "vids": [1, 30]}, BOTH), ["set_vlans"]),
    (None, None, (OWN, BOTH), ["set_filtering", "set_vlans"])])
def test_a_bridge_and_its_uplink_come_back_into_vlans_and_nothing_is_brought_up_anew(
        bridge, uplink, after, calls, keeper):
    host = host_in(bridge, uplink, keeper)
    predicted = run(host, keeper, files=FILES[keeper], vlans=[10, 20], check_mode=True)
    assert predicted == run(host, keeper, files=FILES[keeper], vlans=[10, 20]) == PUT_BACK
    assert (host.devices["br0"]["vlans"], host.devices["pf0"]["vlans"]) == after
    assert [call[0] for call in host.calls] == calls
    assert run(host, keeper, files=FILES[keeper], vlans=[10, 20]) == []


@pytest.mark.parametrize("bridge, uplink, vlans", [
    (OWN, {**BOTH, "vids": [1, 10, 20, 30]}, [10, 20]),  # another VLAN of others
    ({"pvid": 20, "untagged": [20], "vids": [1, 20]}, BOTH, [10, 20]),  # the host itself is in another one
    (None, None, None)])  # not stated
def test_vlans_of_others_and_those_that_are_not_stated_stay(bridge, uplink, vlans):
    stated = {} if vlans is None else {"vlans": vlans}
    assert run(host_in(bridge, uplink), "networkd", files=FILES["networkd"], **stated) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("bridge, uplink, call", [
    (OWN, OWN, "set_vlans"), (None, None, "set_vlans"), (None, None, "set_filtering")])
def test_vlans_that_could_not_be_put_back_are_as_they_were(bridge, uplink, call, after):
    host = host_in(bridge, uplink)
    before = repr(host.state)
    host.breaks, host.after = [call], after
    with pytest.raises(ConvergeError, match="%s is broken" % call):
        run(host, "networkd", files=FILES["networkd"], vlans=[10, 20])
    assert repr(host.state) == before


@pytest.mark.parametrize("keeper", KEEPERS)
def test_what_a_keeper_does_not_put_into_vlans_is_put_there(keeper):
    host = Host()
    host.devices["pf0"]["vlans"] = None
    assert run(host, keeper, vlans=[10, 20], **trials(keeper)[0]) == ["make bridge br0 with pf0, on trial"]
    assert (host.devices["br0"]["vlans"], host.devices["pf0"]["vlans"]) == (OWN, BOTH)


def test_a_bridge_without_an_uplink_filters_vlans_again():
    host = host_in(None, None)
    host.devices["pf0"]["master"] = None
    wish = wish_of({"keeper": "networkd"}, {"name": "br0", "files": FILES["networkd"], "vlans": []})
    outcome, = converge(host, [wish], False)
    assert [step.title for step in outcome.plan.steps] == ["put bridge br0 back into VLANs"]
    assert host.devices["br0"]["vlans"] == OWN


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("keeper, call", [(keeper, call) for keeper, calls in CALLS.items() for call in calls])
@pytest.mark.parametrize("number", range(4))
def test_whatever_fails_all_is_as_it_was(number, keeper, call, after):
    host = host_after(keeper, number)
    before = repr(host.state)
    host.breaks, host.after = [call], after
    try:
        run(host, keeper, **trials(keeper)[number])
    except ConvergeError as error:
        assert re.search("%s is broken" % call, str(error)) and "Could not be put back" not in str(error)
        assert repr(host.state) == before
    else:
        assert host.breaks == [call]  # it was not called


@pytest.mark.parametrize("keeper, called, about", [
    ("networkd", "systemd-networkd", "networkctl status pf0"),
    ("NetworkManager", "NetworkManager", "nmcli device show pf0"),
    ("ifupdown", "ifupdown", "ifquery --state pf0")])
@pytest.mark.parametrize("number, said", [(0, "make br0"), (2, "take pf0 out of br0")])
def test_what_a_keeper_does_not_do_is_told_and_put_back(number, said, keeper, called, about):
    host = host_after(keeper, number)
    before = repr(host.state)
    host.deaf = True
    with pytest.raises(ConvergeError, match="%s did not %s; see %s" % (called, said, about)):
        run(host, keeper, **trials(keeper)[number])
    assert repr(host.state) == before


def test_an_uplink_that_only_stays_in_the_bridge_is_none_that_its_keeper_has_put_there():
    host = Host()
    host.failing = True
    with pytest.raises(ConvergeError, match="NetworkManager did not put pf0 into br0; see nmcli device show pf0"):
        run(host, "NetworkManager", **trials("NetworkManager")[0])
    assert host.state == Host().state


@pytest.mark.parametrize("keeper, options, said", [
    ("networkd", {"name": "-x"}, "name"), ("networkd", {"name": "br0-uplink"}, "name"),
    ("networkd", {"uplink": "pf 0"}, "uplink"), ("networkd", {"files": {"netdev": "a\0b"}}, "files.netdev"),
    ("networkd", {"uplink": "pf9"}, "this host has no device pf9"),
    ("networkd", {"vlans": [10, 4095]}, "vlans[1]"), ("networkd", {"vlans": [10, 10]}, "vlans"),
    ("NetworkManager", {"files": FILES["networkd"]},
     "files.netdev: is not allowed with keeper: NetworkManager; give network, uplink")])
def test_what_is_not_allowed_is_refused(keeper, options, said):
    with pytest.raises(Invalid, match=re.escape(said)):
        run(Host(), keeper, **{"files": FILES[keeper], **options})


def test_the_files_of_another_host_are_out_of_reach():
    host = Host(host={"version": [9, 0, 0], "uri": "qemu+ssh://far/system", "local": False, "sets_metadata": False})
    with pytest.raises(Invalid, match=r"^uri: is not a libvirt of this host, of which alone the files can be written$"):
        run(host, "networkd", files=FILES["networkd"])


@pytest.mark.parametrize("name, mode, files", [
    ("networkd", 0o644, {"05-virtnet-br0.network", "05-virtnet-br0-uplink.network", "04-virtnet-br0.network"}),
    ("NetworkManager", 0o600, {"virtnet-br0.nmconnection", "virtnet-br0-uplink.nmconnection"}),
    ("ifupdown", 0o644, {"virtnet-br0", "virtnet-br0-uplink"})])
def test_only_root_writes_the_files_and_their_keeper_reads_them(name, mode, files, tmp_path, monkeypatch):
    monkeypatch.setattr(boot.sysfs, "ROOT", str(tmp_path))
    keeper = KEEPERS[name]
    nothing = dict.fromkeys(keeper.ends)
    texts = {"etc": {**nothing, "network": "a", "uplink": "b"}, "run": {**nothing, "network": "c"}}
    keeper.put("br0", texts)
    assert keeper.files_of("br0") == texts
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*virtnet*")}
    assert modes == dict.fromkeys(files, mode)
    keeper.put("br0", dict.fromkeys(keeper.places, nothing))
    assert not list(tmp_path.rglob("*virtnet*"))


class Bus:
    """NetworkManager as busctl shows it: a device pf0 with an active profile, and one of ours that is not active."""

    DEVICE, ACTIVE, OURS = "/nm/Devices/1", "/nm/Active/1", "/nm/Settings/2"

    def __init__(self, active: str, reapplies: bool = True) -> None:
        self.active, self.reapplies, self.calls, self.state = active, reapplies, [], 2

    def tell(self, *command: str) -> str:
        assert command[:3] == ("busctl", "--system", "--json=short")
        what, name, _path, interface, member, *arguments = command[3:]
        assert name == "org.freedesktop.NetworkManager" and interface.startswith(name)
        if what == "get-property":
            return json.dumps({"data": {"ActiveConnection": self.ACTIVE if self.active else "/",
                                        "Uuid": self.active, "State": self.state}[member]})
        if member in ("GetDeviceByIpIface", "GetConnectionByUuid"):
            return json.dumps({"data": [self.DEVICE if member == "GetDeviceByIpIface" else self.OURS]})
        self.calls.append((member, *arguments))
        if member == "Reapply" and not self.reapplies:
            raise HostError("busctl: it failed")
        return ""


OURS, OTHER = UUIDS["uplink"], UUIDS["network"]
REAPPLY, ACTIVATE = ("Reapply", "a{sa{sv}}tu", "0", "0", "0"), ("ActivateConnection", "ooo", Bus.OURS, Bus.DEVICE, "/")


@pytest.mark.parametrize("active, reapplies, anew, calls", [
    (OURS, True, False, [REAPPLY]), (OURS, False, False, [REAPPLY, ACTIVATE]), (OURS, True, True, [ACTIVATE]),
    (OTHER, True, False, [ACTIVATE]), ("", True, False, [ACTIVATE])])
def test_a_profile_that_is_active_is_not_taken_down_where_it_need_not(active, reapplies, anew, calls, bus):
    bus.active, bus.reapplies = active, reapplies
    KEEPERS["NetworkManager"].bring("pf0", FILES["NetworkManager"]["uplink"], anew)
    assert bus.calls == calls


@pytest.mark.parametrize("active, calls", [
    (OURS, [("ActivateConnection", "ooo", "/", Bus.DEVICE, "/")]), (OTHER, []), ("", [])])
def test_an_uplink_gets_another_profile_before_ours_goes(active, calls, bus):
    bus.active = active
    KEEPERS["NetworkManager"].leave("pf0", FILES["NetworkManager"]["uplink"])
    assert bus.calls == calls


@pytest.mark.parametrize("active, state, holds", [(OURS, 2, True), (OURS, 1, False), (OTHER, 2, False), ("", 2, False)])
def test_a_device_is_held_by_the_profile_that_is_active(active, state, holds, bus):
    bus.active, bus.state = active, state
    assert KEEPERS["NetworkManager"].holds("pf0", FILES["NetworkManager"]["uplink"]) is holds
    assert KEEPERS["networkd"].holds("pf0", "")


def test_a_profile_without_uuid_is_refused(bus):
    with pytest.raises(HostError, match=r"^a keyfile of NetworkManager has no line uuid=$"):
        KEEPERS["NetworkManager"].bring("pf0", "[connection]\n", False)


class Ifup:
    """ifup and ifdown: what they were called with, and the stanzas that they were given."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def tell(self, *command: str, seconds: int, package: str) -> str:
        texts = [Path(word.partition("=")[2]).read_text() for word in command if word.startswith("--interfaces=")]
        self.calls.append((*(word for word in command if not word.startswith("--interfaces=")), *texts))
        return ""


@pytest.fixture()
def ifup(monkeypatch, tmp_path):
    """A host whose pf0 is up by its own stanza, and br0 by that of the role."""
    (tmp_path / "sys/class/net/pf0").mkdir(parents=True)
    (tmp_path / "run/network").mkdir(parents=True)
    (tmp_path / "run/network/ifstate").write_text("lo=lo\npf0=pf0\nbr0=br0\nbr00=other\n")
    monkeypatch.setattr(boot.sysfs, "ROOT", str(tmp_path))
    monkeypatch.setattr(ifupdown.systemd, "RUNS", str(tmp_path / "none"))
    found = Ifup()
    monkeypatch.setattr(ifupdown, "tell", found.tell)
    return found


PORT, BRIDGE = FILES["ifupdown"]["uplink"], FILES["ifupdown"]["network"]


@pytest.mark.parametrize("device, text, calls", [
    ("pf0", None, [("ifdown", "--ignore-errors", "pf0")]),
    ("pf0", PORT, [("ifdown", "--ignore-errors", "pf0")]),  # which it is not up by
    ("pf0", FREED["ifupdown"]["uplink"], [("ifdown", "--ignore-errors", "pf0", FREED["ifupdown"]["uplink"])]),
    ("br0", BRIDGE, [("ifdown", "--ignore-errors", "br0", BRIDGE)]), ("pf1", PORT, [])])
def test_a_device_is_taken_down_by_the_stanza_that_it_is_up_by(device, text, calls, ifup):
    KEEPERS["ifupdown"].undo(device, text)
    assert ifup.calls == calls


@pytest.mark.parametrize("device, text, anew, calls", [
    ("pf0", PORT, False, [("ifup", "pf0", PORT)]), ("pf0", None, False, [("ifup", "pf0")]),
    ("pf0", None, True, [("ifdown", "--ignore-errors", "pf0"), ("ifup", "--force", "pf0")]),
    ("br0", BRIDGE, False, [("ifdown", "--ignore-errors", "br0", BRIDGE), ("ifup", "--force", "br0", BRIDGE)])])
def test_what_is_gone_or_astray_is_brought_up_anew_and_other_devices_are_not(device, text, anew, calls, ifup):
    KEEPERS["ifupdown"].bring(device, text, anew)
    assert ifup.calls == calls


def test_a_device_is_held_by_the_stanza_that_it_is_up_by(ifup):
    keeper = KEEPERS["ifupdown"]
    assert [keeper.holds("pf0", PORT), keeper.holds("pf0", FREED["ifupdown"]["uplink"])] == [False, True]


def test_what_is_started_outlives_the_service_of_who_started_it(ifup, tmp_path, monkeypatch):
    monkeypatch.setattr(ifupdown.systemd, "RUNS", str(tmp_path))
    KEEPERS["ifupdown"].delete("br0")
    assert ifup.calls == [("systemd-run", "--scope", "--quiet", "--collect", "--", "ip", "link", "delete", "br0")]


@pytest.mark.parametrize("command, said", [
    (("sh", "-c", "echo it said so >&2; exit 3"), "sh -c echo it said so >&2; exit 3: it said so"),
    (("false",), "false: it failed"), (("/no/such/program",), "/no/such/program is not there; install ifupdown"),
    (("sleep", "5"), "sleep 5 did not end within 1 s")])
def test_a_command_that_does_not_do_what_it_is_told_is_told(command, said):
    with pytest.raises(HostError, match="^%s$" % re.escape(said)):
        tell(*command, seconds=1, package="ifupdown")


def test_what_a_command_leaves_running_is_not_waited_for():
    """As a client of DHCP, which may keep its output open."""
    assert tell("sh", "-c", "echo done; sleep 5 &", seconds=2) == "done\n"


@pytest.fixture()
def bus(monkeypatch, tmp_path):
    (tmp_path / "sys/class/net/pf0").mkdir(parents=True)
    monkeypatch.setattr(boot.sysfs, "ROOT", str(tmp_path))
    found = Bus(OTHER)
    monkeypatch.setattr(networkmanager, "tell", found.tell)
    return found


@pytest.mark.parametrize("keeper", KEEPERS)
def test_after_a_boot_the_files_that_last_are_put_back_and_what_runs_stays(keeper):
    """The machine ended while the second confirmation was waited for."""
    host = host_after(keeper, 1)
    files, nothing = host.parts["bridge_files"]["%s br0" % keeper], dict.fromkeys(KEEPERS[keeper].ends)
    record = take(host.look(), [Step("keep", lambda host: None, piece(keeper, "br0", "pf0"))])
    record.begun = record.pieces
    run(host, keeper, files=FILES[keeper])
    files["run"] = nothing
    record.was, devices = of_another_boot(record.was, host.look()), repr(host.devices)
    host.calls.clear()
    assert str(restore(host, record)) == (
        "All is as it was; put back: have the files of bridge br0 as they were, for the next boot.")
    assert files["etc"] == nothing
    assert list(host.names()) == ["put"] and repr(host.devices) == devices
    assert str(restore(host, record)) == "Nothing was changed."
