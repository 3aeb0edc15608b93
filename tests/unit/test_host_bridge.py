"""A bridge of the host that systemd-networkd keeps: made on trial, kept, removed, and as it was after any fault."""

from __future__ import annotations

import re
from typing import Any

import pytest
from unit.fake_host import FakeHost

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import ConvergeError, converge
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.plan import Step
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.record import of_another_boot, take
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.restore import restore
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import networkd
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge import steps
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge.piece import (
    host_bridge as piece,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.host_bridge.stated import wish_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid

FILES = {"netdev": "[NetDev]\nName=br0\n", "network": "[Match]\nName=br0\n", "uplink": "[Network]\nBridge=br0\n"}
FREED = {"network": "[Match]\nName=br0\n", "uplink": "[Network]\nLinkLocalAddressing=no\n"}
PRESENT, ABSENT = {"files": FILES}, {"state": "absent"}
TRIALS = ({**PRESENT, "trial": True}, PRESENT, {"state": "absent", "files": FREED, "trial": True}, ABSENT)
CALLS = ("put", "reload", "delete", "reconfigure")


class Networkd:
    """What systemd-networkd does with the files of one bridge, br0, and the uplink pf0."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def put(self, bridge: str, files: dict[str, dict[str, str | None]]) -> None:
        def effect() -> None:
            for where, texts in files.items():
                self._host.parts["networkd"][bridge][where].update(texts)

        self._host.called("put", (files,), effect)

    def delete(self, device: str) -> None:
        def effect() -> None:
            del self._host.devices[device]
            self._host.devices["pf0"]["master"] = None

        self._host.called("delete", (device,), effect)

    def reload(self) -> None:
        self._host.called("reload", (), self._apply)

    def reconfigure(self, device: str) -> None:
        self._host.called("reconfigure", (device,), self._apply)

    def _apply(self) -> None:
        if self._host.deaf:
            return
        files, devices = self._host.parts["networkd"]["br0"], self._host.devices
        said = {name: files["run"][name] or files["etc"][name] for name in networkd.ENDS}
        if said["netdev"]:
            devices.setdefault("br0", {"master": None})
        devices["pf0"]["master"] = "br0" if "br0" in devices and "Bridge=br0" in (said["uplink"] or "") else None


class Host(FakeHost):
    """A host with systemd-networkd; one that is ``deaf`` takes its files and does nothing."""

    def __init__(self, **given: Any) -> None:
        nothing = {where: dict.fromkeys(networkd.ENDS) for where in networkd.PLACES}
        super().__init__(**{"networkd": {"br0": nothing}, "devices": {"pf0": {"master": None}}, **given})
        self.networkd, self.deaf = Networkd(self), False

    @property
    def state(self) -> tuple:
        return self.parts["networkd"], self.devices


def run(host: Host, trial: bool = False, state: str = "present", check_mode: bool = False, **options: Any) -> list[str]:
    wish = wish_of({"state": state, "trial": trial}, {"name": "br0", "uplink": "pf0", **options})
    outcome, = converge(host, [wish], check_mode)
    return [step.title for step in outcome.plan.steps]


def host_after(number: int) -> Host:
    host = Host()
    for one in TRIALS[:number]:
        run(host, **one)
    host.calls.clear()
    return host


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    monkeypatch.setattr(steps, "SECONDS", 0)


def test_it_is_made_and_removed_each_on_trial_first():
    host = Host()
    titles = []
    for one in TRIALS:
        predicted = run(host, check_mode=True, **one)
        titles.append(run(host, **one))
        assert titles[-1] == predicted
        assert run(host, **one) == []
    assert titles == [["make bridge br0 with pf0, on trial"], ["keep bridge br0 with pf0"],
                      ["take pf0 out of bridge br0, on trial"], ["remove bridge br0"]]
    assert host.state == Host().state


def test_on_trial_are_only_files_that_a_boot_forgets():
    def there(where: str) -> set[str]:
        return {name for name, text in host.parts["networkd"]["br0"][where].items() if text}

    host = host_after(1)
    assert (there("run"), there("etc")) == (set(FILES), set())
    run(host, **PRESENT)
    assert (there("run"), there("etc")) == (set(), set(FILES))
    assert run(host, **TRIALS[0]) == []
    run(host, trial=True, files={**FILES, "network": "other"})
    assert (there("run"), there("etc")) == ({"network"}, set(FILES))


def test_an_uplink_that_left_is_put_in_again():
    host = host_after(2)
    host.devices["pf0"]["master"] = None
    assert run(host, **PRESENT) == ["keep bridge br0 with pf0"]
    assert list(host.names()) == ["put", "reload", "reconfigure"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", range(len(TRIALS)))
def test_whatever_fails_all_is_as_it_was(number, call, after):
    host = host_after(number)
    before = repr(host.state)
    host.breaks, host.after = [call], after
    try:
        run(host, **TRIALS[number])
    except ConvergeError as error:
        assert re.search("%s is broken" % call, str(error)) and "Could not be put back" not in str(error)
        assert repr(host.state) == before
    else:
        assert host.breaks == [call]  # it was not called


@pytest.mark.parametrize("number, said", [(0, "make br0"), (2, "take pf0 out of br0")])
def test_what_networkd_does_not_do_is_told_and_put_back(number, said):
    host = host_after(number)
    before = repr(host.state)
    host.deaf = True
    with pytest.raises(ConvergeError, match="systemd-networkd did not %s; see networkctl status pf0" % said):
        run(host, **TRIALS[number])
    assert repr(host.state) == before


@pytest.mark.parametrize("options, said", [
    ({"name": "-x"}, "name"), ({"name": "br0-uplink"}, "name"), ({"uplink": "pf 0"}, "uplink"),
    ({"files": {"netdev": "a\0b"}}, "files.netdev"), ({"uplink": "pf9"}, "this host has no device pf9")])
def test_what_is_not_allowed_is_refused(options, said):
    with pytest.raises(Invalid, match=re.escape(said)):
        run(Host(), **{**PRESENT, **options})


def test_the_files_of_another_host_are_out_of_reach():
    host = Host(host={"version": [9, 0, 0], "uri": "qemu+ssh://far/system", "local": False, "sets_metadata": False})
    with pytest.raises(Invalid, match=r"^uri: is not a libvirt of this host, of which alone the files can be written$"):
        run(host, **PRESENT)


def test_the_files_are_written_for_all_to_read_and_root_to_write(tmp_path, monkeypatch):
    monkeypatch.setattr(networkd.boot.sysfs, "ROOT", str(tmp_path))
    files = {"etc": {"network": "a", "uplink": "b", "netdev": None},
             "run": {"netdev": "c", "network": None, "uplink": None}}
    networkd.put("br0", files)
    assert networkd.files_of("br0") == files
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*virtnet*")} == dict.fromkeys(
        ("05-virtnet-br0.network", "05-virtnet-br0-uplink.network", "04-virtnet-br0.netdev"), 0o644)
    networkd.put("br0", {where: dict.fromkeys(networkd.ENDS) for where in networkd.PLACES})
    assert not list(tmp_path.rglob("*virtnet*"))


def test_after_a_boot_the_files_that_last_are_put_back_and_what_runs_stays():
    """The machine ended while the second confirmation was waited for."""
    host = host_after(1)
    record = take(host.look(), [Step("keep", lambda host: None, piece("br0", "pf0"))])
    record.begun = record.pieces
    run(host, **PRESENT)
    host.parts["networkd"]["br0"]["run"] = dict.fromkeys(networkd.ENDS)
    record.was, devices = of_another_boot(record.was, host.look()), repr(host.devices)
    host.calls.clear()
    assert str(restore(host, record)) == (
        "All is as it was; put back: have the files of bridge br0 as they were, for the next boot.")
    assert host.parts["networkd"]["br0"]["etc"] == dict.fromkeys(networkd.ENDS)
    assert list(host.names()) == ["put"] and repr(host.devices) == devices
    assert str(restore(host, record)) == "Nothing was changed."
