# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Physical and virtual functions, with a sysfs made by hand."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path

import pytest
from unit.fake_host import FakeHost, device
from unit.planning import plan_all
from unit.restoring import begun, differences, state, there_and_back

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.network import NETWORK
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.sriov import SRIOV
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import (
    ConvergeError,
    Outcome,
    converge,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.report import model_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.restore import Restored, restore
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import sysfs as pci
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.errors import KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.host import READERS
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.snapshot import Snapshot
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.found import virtual_functions
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.network.resource import Network
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.describe import (
    describe_function,
    describe_host,
    names_of,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.found import (
    find_function,
    look_at,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.promise import address_of
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov.resource import Sriov
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.errors import Invalid, Missing

PF, OTHER, DISK = "0000:3b:00.0", "0000:3b:00.1", "0000:00:03.0"
SYSFS = ("physical_functions", "pci_devices", "carrier", "vfio_holders", "pci", "driver", "boot", "boot_owners")
FRESH = {"min_tx_rate": 0, "max_tx_rate": 0, "spoof_check": True, "trust": False, "link_state": "auto"}


class Sysfs:
    """Files and links below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, path: str, text: str = "") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def link(self, path: str, target: str) -> None:
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self.root / target, link.parent))

    def device(self, address: str, driver: str | None = None, net: str | None = None, **files: str) -> None:
        folder = "sys/bus/pci/devices/" + address
        for name, text in files.items():
            self.file("%s/%s" % (folder, name), text + "\n")
        if driver:
            (self.root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
            self.link(folder + "/driver", "sys/bus/pci/drivers/" + driver)
        if net is not None:
            (self.root / folder / "net" / net).mkdir(parents=True)
            if net:
                self.link("sys/class/net/%s/device" % net, folder)
                self.file("sys/class/net/%s/carrier" % net, "1\n")

    def card(self, address: str, device: str, count: int = 0, total: int = 8) -> None:
        self.device(address, "ixgbe", device, vendor="0x8086", device="0x1572", numa_node="-1",
                    sriov_totalvfs=str(total), sriov_numvfs=str(count), sriov_drivers_autoprobe="1",
                    sriov_offset="128", sriov_stride="1")
        for index in range(count):
            self.virtual(address, index)

    def virtual(self, parent: str, index: int) -> None:
        address = "0000:3b:10.%d" % index
        self.device(address, "ixgbevf", "vf%d" % index, driver_override="(null)")
        folder = "sys/bus/pci/devices/"
        self.link("%s%s/physfn" % (folder, address), folder + parent)
        self.link("%s%s/virtfn%d" % (folder, parent, index), folder + address)
        group = "sys/kernel/iommu_groups/%d" % (40 + index)
        self.link("%s/devices/%s" % (group, address), folder + address)
        self.link("%s%s/iommu_group" % (folder, address), group)


@pytest.fixture
def sysfs(tmp_path, monkeypatch) -> Sysfs:
    monkeypatch.setattr(pci, "ROOT", str(tmp_path))
    made = Sysfs(tmp_path)
    made.card(PF, "pf0", count=2)
    made.file("sys/class/net/pf0/address", "52:54:00:00:00:10\n")
    made.card(OTHER, "pf1")
    made.device(DISK, "virtio-pci", class_="0x010000")
    return made


class Host(FakeHost):
    """The one fake host, of which sysfs and the files for a boot are read from a folder."""

    def look(self) -> Snapshot:
        return Snapshot(lambda part, key: (READERS[part](self, key) if part in SYSFS else self.read(part, key)))

    @property
    def settings(self) -> dict:
        return self.parts["vf_settings"]["pf0"]


@pytest.fixture
def host() -> Host:
    return Host(devices={"pf0": device(mac="52:54:00:00:00:10"), "vf0": device(), "vf1": device(), "lo": device()},
                vf_settings={"pf0": {str(index): FRESH for index in range(8)}})


def plan(host: Host, options: dict, **more):
    wish = Sriov(SRIOV.check(dict({"device": "pf0"}, **options)), **more)
    return wish.plan(wish.look(host.look()))


def titles(host: Host, options: dict, **more) -> list:
    return [step.title for step in plan(host, options, **more).steps]


def hold(host: Host, address: str = "", device: str = "") -> None:
    """Has a running guest hold a device of the host."""
    _domain, bus, slot, function = address.replace(".", ":").split(":") if address else [""] * 4
    interface = "<interface type='direct'><source dev='%s' mode='passthrough'/></interface>" % device
    if address:
        interface = ("<interface type='hostdev'><source><address type='pci' domain='0x0000' bus='0x%s' slot='0x%s'"
                     " function='0x%s'/></source><alias name='net0'/></interface>" % (bus, slot, function))
    host.parts["domains"][""] = {"uuid": {"name": "web", "active": True, "persistent": True}}
    for part in ("domain_live", "domain_config"):
        host.parts[part]["uuid"] = "<domain><name>web</name><devices>%s</devices></domain>" % interface


def found(host: Host, options: dict):
    return find_function(host.look(), options)


def refused(host: Host, options: dict) -> Invalid:
    """Why a physical function is not planned."""
    with pytest.raises(Invalid) as error:
        Sriov(options).plan(Sriov(options).look(host.look()))
    return error.value


# --- which one


@pytest.mark.parametrize("options", [
    {"device": "pf0"}, {"address": PF}, {"address": "3B:00.0"},
])
def test_a_physical_function_is_found_by_its_names(sysfs, host, options: dict):
    assert found(host, options) == PF


def test_a_match_must_find_one(sysfs, host):
    sysfs.device("0000:5e:00.0", "bnxt_en", "pf7", vendor="0x14e4", device="0x16d7", sriov_totalvfs="4")
    assert found(host, {"match": {"id": "14E4:16d7"}}) == "0000:5e:00.0"
    assert found(host, {"match": {"driver": "bnxt_en", "id": "14e4:16d7"}}) == "0000:5e:00.0"
    several, none = refused(host, {"match": {"driver": "ixgbe"}}), refused(host, {"match": {"driver": "ice"}})
    assert str(several).startswith("match: 2 such physical functions; there are 0000:3b:00.0 (pf0, driver ixgbe, id"
                                   " 8086:1572), 0000:3b:00.1 (pf1,")
    assert str(none).startswith("match: there are no such physical functions; there are 0000:3b:00.0 (pf0")
    assert "pf7" in str(none)
    assert not isinstance(several, Missing) and isinstance(none, Missing)


@pytest.mark.parametrize(("options", "missing", "problem"), [
    ({"device": "eth9"}, True, r"device: the host has no device eth9; those with SR-IOV are 0000:3b:00.0 \(pf0,"),
    ({"device": "vf1"}, False, r"device: vf1 is a virtual function; name the physical one, 0000:3b:00.0$"),
    ({"device": "lo"}, False, r"device: lo is no PCI device$"),
    ({"address": "0000:3b:10.1"}, False, r"address: .* is a virtual function"),
    ({"address": "0000:ff:00.0"}, True, r"address: the host has no PCI device 0000:ff:00.0"),
    ({"address": DISK}, False, r"address: 0000:00:03.0 has no SR-IOV; .* firmware of the card or in the BIOS$"),
    ({"device": ""}, False, r"device: is empty$"), ({"match": {}}, False, r"match: is empty$"),
])
def test_what_is_no_physical_function_is_refused(sysfs, host, options: dict, missing: bool, problem: str):
    error = refused(host, options)
    assert re.match(problem, str(error))
    assert isinstance(error, Missing) is missing


def test_a_card_without_a_network_device_takes_drivers_and_no_settings_of_virtual_functions(sysfs, host):
    sysfs.device("0000:5e:00.0", "vfio-pci", None, vendor="0x8086", device="0x1572", sriov_totalvfs="4",
                 sriov_numvfs="0", sriov_drivers_autoprobe="1")

    def wish(**vf: object) -> Sriov:
        return Sriov(SRIOV.check({"address": "0000:5e:00.0", "num_vfs": 1, "vfs": [dict(vf, index=0)]}))

    with pytest.raises(Invalid, match=r"^vfs\[0\]: 0000:5e:00.0.* has no network device, by which"):
        wish(mac="52:54:00:00:00:01").plan(wish(mac="52:54:00:00:00:01").look(host.look()))
    assert wish(driver="default").plan(wish(driver="default").look(host.look())).steps


@pytest.mark.parametrize("device", ["../../../etc", "..", "/etc", "pf0/..", "pf0\n", "-pf0", "*"])
def test_a_name_that_the_kernel_does_not_say_leads_nowhere(sysfs, host, device: str):
    assert str(refused(host, {"device": device})).startswith("device: the host has no device ")
    assert device not in names_of(host.look())


@pytest.mark.parametrize("driver", ["-r", "../x", "a/b", "a b", "a\n", "..", "a.b"])
def test_a_driver_is_one_name(driver: str):
    for options in ({"vfs": [{"index": 0, "driver": driver}]}, {"match": {"driver": driver}}):
        with pytest.raises(Invalid, match=r"driver: .* give the name of a driver"):
            SRIOV.check(options)


@pytest.mark.parametrize(("options", "problem"), [
    ({"vfs": [{"index": 0}, {"index": 0}]}, r"^vfs\[1\]: 0 is already in vfs\[0\]"),
    ({"vfs": [{"mac": "52:54:00:00:00:01"}]}, r"^vfs\[0\].index: is missing$"),
    ({"vfs": [{"index": 0, "mac": ""}]}, r"^vfs\[0\].mac: \"\" is not allowed; give a unicast"),
    ({"vfs": [{"index": 0, "driver": ""}]}, r"^vfs\[0\].driver: \"\" is not allowed; give the name of a driver"),
    ({"match": {"driver": ""}}, r"^match.driver: \"\" is not allowed; give the name of a driver$"),
    ({"device": ""}, r"^device: \"\" is not allowed; give a network device name$"),
    ({"vfs": [{"index": 0, "vlan": {"qos": 1}}]}, r"^vfs\[0\].vlan.id: is missing$"),
    ({"vfs": [{"index": 0, "vlan": {"id": 0, "qos": 1}}]}, r"^vfs\[0\].vlan.id: 0 takes the VLAN away; qos"),
    ({"vfs": [{"index": 0, "vlan": {"id": 4095}}]}, r"^vfs\[0\].vlan.id: 4095 is not allowed"),
    ({"vfs": [{"index": 0, "min_tx_rate": 9, "max_tx_rate": 5}]}, r"^vfs\[0\].min_tx_rate: 9 is more than max_tx_rate"),
    ({"match": {"id": "8086"}}, r"^match.id: \"8086\" is not allowed; give vendor and device"),
    ({"address": "pf0"}, r"^address: \"pf0\" is not allowed; give a PCI address"),
])
def test_options_that_say_nothing_sensible_are_refused(options: dict, problem: str):
    with pytest.raises(Invalid, match=problem):
        SRIOV.check(options)


# --- settings


def test_what_is_so_already_takes_no_step(sysfs, host):
    assert titles(host, {"num_vfs": 2, "drivers_autoprobe": True, "vfs": [
        dict(FRESH, index=1, driver="default", vlan={"id": 0}), {"index": 0, "driver": "ixgbevf", "vlan": {}}]}) == []


def test_of_two_rates_the_one_that_is_not_given_stays(sysfs, host):
    host.settings["1"].update(min_tx_rate=10)
    plan(host, {"vfs": [{"index": 1, "max_tx_rate": 50}]}).steps[0].do(host)
    assert host.calls == [("set_vf", "pf0", 1, {"min_tx_rate": 10, "max_tx_rate": 50})]


def test_autoprobe_is_switched_where_it_differs(sysfs, host):
    assert titles(host, {"drivers_autoprobe": False}) == ["switch autoprobe of drivers of pf0 off"]


def test_only_what_differs_is_set(sysfs, host):
    host.settings["1"].update(vlan={"id": 7, "qos": 3, "protocol": "802.1Q"}, mac="52:54:00:00:00:01")
    before = copy.deepcopy(host.settings["1"])
    made = plan(host, {"vfs": [{"index": 1, "mac": "52-54-00-00-00-01", "vlan": {"id": 8}, "trust": False,
                                "max_tx_rate": 50}]})
    assert [step.title for step in made.steps] == ["set vlan, max_tx_rate of virtual function 1 of pf0"]
    assert [str(drift.path) for drift in made.drift] == ["vfs[1].vlan.id", "vfs[1].max_tx_rate"]
    made.steps[0].do(host)
    assert host.calls == [("set_vf", "pf0", 1, {"vlan": {"id": 8, "qos": 3, "protocol": "802.1Q"}}),
                          ("set_vf", "pf0", 1, {"min_tx_rate": 0, "max_tx_rate": 50})]
    host.settings["1"] = before
    assert there_and_back(host, made.steps) == [
        ("set_vf", "pf0", 1, {"vlan": {"id": 7, "qos": 3, "protocol": "802.1Q"}}),
        ("set_vf", "pf0", 1, {"min_tx_rate": 0, "max_tx_rate": 0})]


def test_a_vlan_is_taken_away(sysfs, host):
    host.settings["0"]["vlan"] = {"id": 7, "qos": 0, "protocol": "802.1Q"}
    for vlan in ({}, {"id": 0}):
        made = plan(host, {"vfs": [{"index": 0, "vlan": vlan}]})
        assert [step.title for step in made.steps] == ["set vlan of virtual function 0 of pf0"]
        assert "vlan" not in made.after["vfs"][0]
    made.steps[0].do(host)
    assert host.calls == [("set_vf", "pf0", 0, {"vlan": {}})]


def test_a_setting_that_the_driver_does_not_tell_is_refused(sysfs, host):
    del host.settings["0"]["trust"]
    with pytest.raises(Invalid, match=r"^vfs\[0\].trust: the driver ixgbe does not tell what it is"):
        plan(host, {"vfs": [{"index": 0, "trust": True}]})


def test_what_the_driver_refuses_is_named(sysfs, host):
    host.breaks, host.error = ["set_vf", "set_vf"], KernelError("Operation not supported")
    step, = plan(host, {"vfs": [{"index": 0, "link_state": "enable"}]}).steps
    with pytest.raises(KernelError, match=r"^vfs\[0\].link_state: the driver ixgbe refused it: Operation not sup"):
        step.do(host)
    host.devices["pf0"]["up"] = False
    step, = plan(host, {"vfs": [{"index": 0, "link_state": "enable"}]}).steps
    with pytest.raises(KernelError, match=r"supported; pf0 is down, and some drivers need its link$"):
        step.do(host)


@pytest.mark.parametrize(("options", "problem"), [
    ({"num_vfs": 9}, r"^num_vfs: 9 is not allowed; give a whole number from 0 to 8, which is what pf0 has$"),
    ({"vfs": [{"index": 2}]}, r"^vfs\[0\].index: there is no virtual function 2; those of pf0 are 0 to 1$"),
    ({"num_vfs": 0, "vfs": [{"index": 2}]}, r"^vfs\[0\].index: .* pf0 has none, give num_vfs$"),
    ({"vfs": [{"index": 0, "driver": "nosuch"}]}, r"^vfs\[0\].driver: the kernel has no driver nosuch$"),
])
def test_more_than_the_host_has_is_refused(sysfs, host, options: dict, problem: str):
    with pytest.raises(Invalid, match=problem):
        plan(host, options)


def test_a_driver_that_an_earlier_task_may_install_is_missing(sysfs, host):
    with pytest.raises(Missing, match=r"^vfs\[0\].driver: the kernel has no driver nosuch$"):
        plan(host, {"vfs": [{"index": 0, "driver": "nosuch"}]})


# --- the number


def test_to_change_the_number_keeps_the_settings(makes, sysfs, host, monkeypatch):
    make = pci.set_number
    host.settings["0"].update(mac="52:54:00:00:00:01", trust=True)
    settings = {index: dict(host.settings[index]) for index in "01"}
    made = plan(host, {"num_vfs": 3, "vfs": [{"index": 2, "spoof_check": False}]})
    assert [step.title for step in made.steps] == ["change the number of virtual functions of pf0 from 2 to 3"]
    assert [str(drift.path) for drift in made.drift] == ["num_vfs", "vfs[2].index", "vfs[2].spoof_check"]
    assert made.after["vfs"][0]["mac"] == "52:54:00:00:00:01" and len(made.after["vfs"]) == 3

    def remake(address: str, number: int) -> None:
        host.calls.append(number)
        make(address, number)
        host.parts["vf_settings"]["pf0"] = {str(index): dict(FRESH) for index in range(number)}
        for index in range(2):
            (sysfs.root / ("sys/bus/pci/devices/0000:3b:10.%d/driver" % index)).unlink(missing_ok=True)

    def bind(address: str, driver: str) -> None:
        host.calls.append((address, driver))
        sysfs.link("sys/bus/pci/devices/%s/driver" % address, "sys/bus/pci/drivers/ixgbevf")

    monkeypatch.setattr(pci, "set_number", remake)
    monkeypatch.setattr(pci, "bind", bind)
    record = begun(host, made.steps)
    mac = "52:54:00:00:00:01"
    assert host.calls == [3, ("set_vf", "pf0", 0, {"mac": mac}), ("set_vf", "pf0", 0, {"trust": True}),
                          ("set_mac", "vf0", mac), ("set_vf", "pf0", 2, {"spoof_check": False}),
                          ("0000:3b:10.0", "default"), ("0000:3b:10.1", "default"), ("set_mac", "vf0", mac)]
    assert restore(host, record).done == ["make the 2 virtual functions of pf0 again"]
    assert host.calls[8] == 2 and host.settings == settings
    assert restore(host, record) == Restored()


def test_what_is_in_use_is_named_and_refused(sysfs, host):
    host.devices.update({"vf0": device(master="br0", addresses=["fe80::1/64"]),
                         "vf1": device(addresses=["10.0.0.1/24", "fe80::2/64"])})
    with pytest.raises(Invalid, match=r"^num_vfs: changing the number of virtual functions of pf0 from 2 to 4 would"
                                      r" destroy all of them, and in use are 0 \(device br0, of which vf0 is a"
                                      r" member\), 1 \(address 10.0.0.1/24 on vf1\); give force: true"):
        plan(host, {"num_vfs": 4})
    with pytest.raises(Invalid, match=r"^state: changing"):
        plan(host, {}, state="absent")
    made = plan(host, {"num_vfs": 4}, force=True)
    assert [(step.title, step.impact) for step in made.steps] == [
        ("change the number of virtual functions of pf0 from 2 to 4", "disruptive")]
    assert titles(host, {"num_vfs": 2, "vfs": [{"index": 0, "trust": True}]}) == [
        "set trust of virtual function 0 of pf0"]
    with pytest.raises(Invalid, match=r"^vfs\[0\].driver: virtual function 1 is in use by address"):
        plan(host, {"vfs": [{"index": 1, "driver": "ixgbe"}]})


def test_a_guest_lets_go_first_and_what_libvirt_set_for_it_goes(sysfs, host):
    hold(host, address="0000:3b:10.0")
    host.settings["0"].update(mac="52:54:00:00:0a:00", trust=True)
    with pytest.raises(Invalid, match=r"in use are 0 \(guest web\)"):
        plan(host, {"num_vfs": 4})
    made = plan(host, {"num_vfs": 4}, force=True)
    assert made.steps[0].title == "take virtual function 0 out of guest web"
    assert "mac" not in made.after["vfs"][0] and made.after["vfs"][0]["trust"] is True


def test_what_libvirt_set_for_a_guest_stays_where_the_number_does(sysfs, host):
    hold(host, address="0000:3b:10.0")
    host.settings["0"].update(mac="52:54:00:00:0a:00", trust=True)
    for options in ({}, {"num_vfs": 2}, {"vfs": [{"index": 1, "trust": True}]}):
        made = plan(host, options)
        assert made.after["vfs"][0] == made.before["vfs"][0] and "mac" in made.after["vfs"][0]


def test_settings_that_a_guest_holds_are_not_changed_under_it(sysfs, host):
    hold(host, device="vf1")
    with pytest.raises(Invalid, match=r"^vfs\[0\]: virtual function 1 is held by the running guest web; change its"):
        plan(host, {"vfs": [{"index": 1, "vlan": {"id": 5}}]})
    assert titles(host, {"vfs": [{"index": 1, "trust": False}, {"index": 0, "trust": True}]}) == [
        "set trust of virtual function 0 of pf0"]
    assert titles(host, {"vfs": [{"index": 1, "vlan": {"id": 5}}]}, force=True) == [
        "set vlan of virtual function 1 of pf0"]
    hold(host, address="0000:3b:10.1")
    with pytest.raises(Invalid, match=r"^vfs\[0\].driver: virtual function 1 is in use by guest web; stop that first$"):
        plan(host, {"vfs": [{"index": 1, "driver": "ixgbe"}]}, force=True)


def test_a_process_that_holds_one_is_never_pulled_away(sysfs, host):
    sysfs.file("proc/77/comm", "dpdk\n")
    (sysfs.root / "proc/77/fd").mkdir()
    (sysfs.root / "proc/77/fd/9").symlink_to("/dev/vfio/41")
    with pytest.raises(Invalid, match=r"1 \(process 77 \(dpdk\)\); stop what holds them, for the kernel waits for it$"):
        plan(host, {"num_vfs": 0}, force=True)


def test_other_namespaces_drivers_and_ports_are_users_too(sysfs, host):
    (sysfs.root / "sys/bus/pci/devices/0000:3b:10.0/net/vf0").rmdir()
    driver = sysfs.root / "sys/bus/pci/devices/0000:3b:10.1/driver"
    driver.unlink()
    sysfs.link("sys/bus/pci/devices/0000:3b:10.1/driver", "sys/bus/pci/drivers/vfio-pci")
    port = ("<networkport><uuid>u1</uuid><plug type='hostdev-pci'><address domain='0x0000' bus='0x3b'"
            " slot='0x10' function='0x1'/></plug></networkport>")
    host.parts["networks"][""] = {"pool": {"uuid": "u2", "active": True, "persistent": False, "autostart": False}}
    host.parts["network_live"]["pool"] = "<network><forward mode='hostdev'><pf dev='pf0'/></forward></network>"
    host.parts["ports"]["pool"] = [port]
    state = look_at(host.look(), PF)
    assert [[user.label for user in users] for users in state.users.values()] == [
        ["another network namespace"], ["port u1 of network pool", "driver vfio-pci"]]
    made = plan(host, {"num_vfs": 1}, force=True)
    assert made.warnings == ["the networks pool still have the former virtual functions; stop and start them"]


# --- facts


def test_a_function_that_is_shown_can_be_given_back(sysfs, host):
    shown = describe_function(host.look(), PF)
    assert shown["status"]["vfs"][1] == {"index": 1, "address": "0000:3b:10.1", "device": "vf1", "iommu_group": 41,
                                         "shares_group_with": [], "used_by": []}
    assert (shown["status"]["id"], shown["status"]["numa_node"], shown["status"]["problems"]) == ("8086:1572", None, [])
    status = shown.pop("status")
    assert status["carrier"] is True
    wish = Sriov(SRIOV.check(shown))
    assert wish.plan(wish.look(host.look())).steps == []


def test_what_is_in_the_way_is_said(sysfs, host):
    host.devices["pf0"]["up"] = False
    sysfs.link("sys/kernel/iommu_groups/40/devices/%s" % DISK, "sys/bus/pci/devices/" + DISK)
    assert look_at(host.look(), PF).problems == [
        "pf0 is down; its virtual functions have no link, and guests with them do not start",
        "virtual function 0 (0000:3b:10.0) shares IOMMU group 40 with 0000:00:03.0; a guest can only be given all"
        " of them"]
    sysfs.card("0000:5e:00.0", "pf7", total=0)
    with pytest.raises(Invalid, match=r"^num_vfs: pf7 can have no virtual functions; switch on SR-IOV in the BIOS"):
        plan(host, {"device": "pf7", "num_vfs": 1})


@pytest.mark.parametrize(("vendor", "line", "advice"), [
    ("GenuineIntel", "quiet", "put intel_iommu=on iommu=pt on the kernel's command line, switch on VT-d in the BIOS"),
    ("AuthenticAMD", "quiet", "put amd_iommu=on iommu=pt on the kernel's command line, switch on AMD-Vi (IOMMU)"),
    ("GenuineIntel", "quiet intel_iommu=on", "has intel_iommu=on; switch on VT-d in the BIOS"),
])
def test_the_advice_for_an_iommu_that_is_off(tmp_path, monkeypatch, host, vendor: str, line: str, advice: str):
    monkeypatch.setattr(pci, "ROOT", str(tmp_path))
    sysfs = Sysfs(tmp_path)
    sysfs.card(PF, "pf0")
    sysfs.file("proc/cpuinfo", "vendor_id : %s\n" % vendor)
    sysfs.file("proc/cmdline", line + "\n")
    status = describe_host(host.look())
    assert advice in status["problems"][0] and "vfio-pci" in status["problems"][1] and not status["iommu"]
    sysfs.file("lib/modules/%s/modules.dep" % os.uname().release, "kernel/drivers/vfio/pci/vfio-pci.ko.xz: x\n")
    assert describe_host(host.look())["vfio_pci"]
    with pytest.raises(Invalid, match=r"^vfs\[0\].driver: the IOMMU is off"):
        plan(host, {"num_vfs": 1, "vfs": [{"index": 0, "driver": "vfio-pci"}]})


def test_a_remote_libvirt_is_refused(sysfs, host):
    host.parts["host"][""]["local"] = False
    assert re.match(r"uri: qemu:///system is not this host", str(refused(host, {"device": "pf0"})))
    with pytest.raises(Invalid, match=r"^uri: qemu:///system is not this host"):
        names_of(host.look())


# --- as it will be


@pytest.fixture
def makes(sysfs, host, monkeypatch) -> None:
    """Has the card make virtual functions."""
    def make(address: str, number: int) -> None:
        there = len(pci.virtual_functions(address))
        for index in range(there, number):
            sysfs.virtual(address, index)
        for index in range(number, there):
            (sysfs.root / ("sys/bus/pci/devices/%s/virtfn%d" % (address, index))).unlink()
        sysfs.file("sys/bus/pci/devices/%s/sriov_numvfs" % address, "%d\n" % number)

    monkeypatch.setattr(pci, "set_number", make)
    monkeypatch.setattr(pci, "bind", lambda address, driver: None)
    monkeypatch.setattr(pci, "probe", lambda address: None)


POOL = {"name": "pool", "forward": {"mode": "hostdev", "addresses": [
    {"bus": "0x3b", "slot": "0x10", "function": "0x%d" % index} for index in (1, 3)]}}


def test_a_pool_takes_functions_that_the_same_transaction_makes(makes, host):
    wishes = [Network("pool", NETWORK.check(POOL)), Sriov(SRIOV.check({"device": "pf0", "num_vfs": 4}))]
    with pytest.raises(Missing, match=r"forward.addresses\[1\]: 0000:3b:10.3 is no SR-IOV virtual function"):
        plan_all(host.look().fork(), wishes[:1])
    predicted = plan_all(host.look().fork(), wishes, True)
    done = converge(host, wishes, False)
    assert [step.title for outcome in predicted for step in outcome.plan.steps] == [
        "change the number of virtual functions of pf0 from 2 to 4", "define network pool"]
    assert [len(outcome.plan.steps) for outcome in done] == [1, 1]
    assert all(not outcome.plan.steps for outcome in converge(host, wishes, False))


def test_a_pool_does_not_take_functions_that_the_same_transaction_destroys(sysfs, host):
    wishes = [Network("pool", NETWORK.check(POOL)), Sriov(SRIOV.check({"device": "pf0"}), state="absent")]
    seen = host.look().fork()
    wishes[1].promise(seen, wishes[1].plan(wishes[1].look(seen)))
    assert virtual_functions(seen) == frozenset()
    assert "vf0" not in seen.devices and "vf0" in host.look().devices
    with pytest.raises(Missing, match=r"forward.addresses\[0\]: 0000:3b:10.1 is no"):
        wishes[0].plan(wishes[0].look(seen))


def test_what_was_taken_out_of_a_guest_goes_back_when_the_number_cannot_change(makes, host, monkeypatch):
    hold(host, address="0000:3b:10.0")
    for part in ("domain_live", "domain_config"):
        text = host.parts[part]["uuid"]
        host.parts[part]["uuid"] = text.replace("<source>", "<mac address='52:54:00:00:00:01'/><source>")

    def refuse(address: str, number: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(pci, "set_number", refuse)
    before = state(host)
    with pytest.raises(ConvergeError, match="All is as it was; put back: give virtual function 0 to guest web again"):
        converge(host, [Sriov(SRIOV.check({"device": "pf0", "num_vfs": 4}), force=True)], False)
    assert [*host.names()] == ["detach_interface", "attach_interface"]
    assert state(host) == before, differences(state(host), before)


@pytest.mark.parametrize(("options", "more"), [
    ({"num_vfs": 5, "vfs": [{"index": 4, "mac": "52:54:00:00:00:04", "trust": True, "max_tx_rate": 7}]}, {}),
    ({"num_vfs": 1, "up": False, "drivers_autoprobe": False}, {"persist": True}),
    ({"vfs": [{"index": 0, "vlan": {"id": 5}}, {"index": 1, "spoof_check": False}]}, {"persist": True}),
    ({"vfs": [{"index": 1, "driver": "vfio-pci"}]}, {}),
    ({"num_vfs": 8, "vfs": [{"index": 6, "driver": "default"}]}, {}),
    ({"num_vfs": 3, "vfs": [{"index": 2, "driver": "vfio-pci"}]}, {"persist": True}),
])
def test_what_is_promised_is_what_was_planned(sysfs, host, options: dict, more: dict):
    (sysfs.root / "sys/bus/pci/drivers/vfio-pci").mkdir()
    wish = Sriov(SRIOV.check(dict(options, device="pf0")), **more)
    seen = host.look().fork()
    first = wish.plan(wish.look(seen))
    wish.promise(seen, first)
    again = wish.plan(wish.look(seen))
    assert first.steps and not again.steps and not again.drift
    assert again.after == first.after
    assert wish.plan(wish.look(host.look())).steps  # the host is as it was


def test_the_address_of_a_function_comes_from_offset_and_stride():
    card = {"address": "0000:3b:00.1", "offset": 128, "stride": 2}
    assert [address_of(card, index) for index in (0, 1, 63, 64)] == [
        "0000:3b:10.1", "0000:3b:10.3", "0000:3b:1f.7", "0000:3c:00.1"]
    assert address_of({"address": "10000:3b:00.0", "offset": 1, "stride": 0}, 0) == "10000:3b:00.1"
    for unknown in ({"offset": 0, "stride": 0}, {"offset": None, "stride": None}, {"offset": 8, "stride": 0}):
        assert address_of(dict(card, **unknown), 1) is None


def test_of_a_card_that_does_not_tell_addresses_are_not_known_before(sysfs, host):
    sysfs.file("sys/bus/pci/devices/%s/sriov_offset" % PF, "0\n")
    wish, seen = Sriov(SRIOV.check({"device": "pf0", "num_vfs": 4})), host.look().fork()
    wish.promise(seen, wish.plan(wish.look(seen)))
    assert virtual_functions(seen) == {"0000:3b:10.0", "0000:3b:10.1", None}
    assert not wish.plan(wish.look(seen)).steps


def test_a_host_that_was_recorded_is_planned_alike(sysfs, host):
    sysfs.file("etc/network/interfaces", "pre-up echo 4 > /sys/class/net/pf0/device/sriov_numvfs # secret\n")
    hold(host, address="0000:3b:10.0")
    wish = Sriov(SRIOV.check({"device": "pf0", "num_vfs": 4, "vfs": [{"index": 1, "driver": "ixgbevf"}]}), force=True)
    seen = host.look()
    made = wish.plan(wish.look(seen))
    record = json.dumps(seen.recorded())
    again = wish.plan(wish.look(Snapshot.of_record(json.loads(record))))
    assert [step.title for step in again.steps] == [step.title for step in made.steps]
    assert (again.after, again.drift, again.warnings) == (made.after, made.drift, made.warnings)
    assert "secret" not in record


def test_a_wish_has_one_key_however_it_is_spelled():
    assert Sriov({"address": "3B:00.0"}).key == Sriov({"address": PF}).key == ("sriov", PF)
    assert Sriov({"device": "pf0"}).key == ("sriov", "pf0")
    assert Sriov({"match": {"id": "14E4:16D7", "driver": "ice"}}).key == ("sriov", "match driver ice id 14e4:16d7")


def test_absent_leaves_no_virtual_functions(sysfs, host):
    for options, more in (({"num_vfs": 1}, {}), ({"vfs": [{"index": 0}]}, {}), ({}, {"persist": True})):
        with pytest.raises(Invalid, match=r"^state: absent leaves no virtual functions; num_vfs, vfs and persist"):
            plan(host, options, state="absent", **more)


# --- what a boot brings back


def persist(host: Host, options: dict, **more) -> list:
    steps = plan(host, options, **more).steps
    for step in steps:
        step.do(host)
    return [step.title for step in steps]


def test_a_boot_brings_back_what_tasks_stated(sysfs, host):
    stated = {"vfs": [{"index": 1, "driver": "default", "trust": False}]}
    assert [drift.as_result() for drift in plan(host, stated, persist=True).drift if drift.layer == "boot"] == [{
        "layer": "boot", "path": "settings", "desired": {"address": PF, "num_vfs": 2, **stated}, "current": None}]
    assert persist(host, stated, persist=True) == ["set up 0000:3b:00.0 at boot"]
    kept = json.loads((sysfs.root / "etc/virtnet-sriov" / (PF + ".json")).read_text())
    assert kept == dict(stated, address=PF, num_vfs=2)
    assert persist(host, stated, persist=True) == []
    made = plan(host, stated)
    assert "boot" in made.after and "boot" not in model_of(Outcome(None, made, None))
    assert persist(host, stated) == []
    assert persist(host, {"vfs": [{"index": 0, "spoof_check": True}]}, persist=True) == ["set up 0000:3b:00.0 at boot"]
    assert [vf["index"] for vf in look_at(host.look(), PF).kept.settings["vfs"]] == [1, 0]
    wants = sysfs.root / "etc/systemd/system/multi-user.target.wants" / ("virtnet-sriov@%s.service" % PF)
    assert wants.resolve() == (sysfs.root / "etc/systemd/system/virtnet-sriov@.service").resolve()
    assert "Before=libvirtd.service virtnetworkd.service" in wants.read_text()
    compile((sysfs.root / "usr/local/lib/virtnet-sriov/boot.py").read_text(), "boot.py", "exec")


def test_a_boot_that_brings_back_another_number_is_warned_of(sysfs, host):
    persist(host, {"num_vfs": 2}, persist=True)
    told = [[one for one in plan(host, {"num_vfs": number}).warnings if "a boot brings back" in one]
            for number in (2, 4)]
    assert told == [[], ["a boot brings back 2 virtual functions of pf0; give persist: true to keep these"]]


def test_a_script_of_another_version_is_replaced(sysfs, host):
    persist(host, {"num_vfs": 2}, persist=True)
    sysfs.file("usr/local/lib/virtnet-sriov/boot.py", "old")
    made = plan(host, {"num_vfs": 2}, persist=True)
    assert [drift.as_result() for drift in made.drift] == [{
        "layer": "boot", "path": "/usr/local/lib/virtnet-sriov/boot.py", "desired": "this version",
        "current": "another version"}]
    there_and_back(host, made.steps)
    assert (sysfs.root / "usr/local/lib/virtnet-sriov/boot.py").read_text() == "old"


def test_nothing_is_left_of_it(sysfs, host):
    persist(host, {"num_vfs": 2}, persist=True)
    persist(host, {"device": "pf1", "num_vfs": 0}, persist=True)
    assert persist(host, {}, persist=False) == ["no longer set up 0000:3b:00.0 at boot"]
    assert (sysfs.root / "usr/local/lib/virtnet-sriov/boot.py").exists()
    assert persist(host, {"device": "pf1"}, state="absent") == ["no longer set up 0000:3b:00.1 at boot"]
    assert not list(sysfs.root.rglob("*virtnet*"))


@pytest.mark.parametrize(("who", "path", "text"), [
    ("NetworkManager", "etc/NetworkManager/system-connections/a.nmconnection",
     "[connection]\ninterface-name=pf0\n[sriov]\ntotal-vfs=4\n"),
    ("netplan", "etc/netplan/50.yaml", "network:\n  ethernets:\n    pf0: {virtual-function-count: 4}\n"),
    ("nmstate", "etc/nmstate/a.yml", "- name: pf0\n  ethernet:\n    sr-iov: {total-vfs: 4}\n"),
    ("systemd-networkd", "etc/systemd/network/1.link", "[Match]\nPath=pci-%s\n[Link]\nSR-IOVVirtualFunctions=4\n" % PF),
    ("systemd-networkd", "etc/systemd/network/1.network", "[Match]\nMACAddress=52:54:00:00:00:10\n[SR-IOV]\n"),
    ("udev", "etc/udev/rules.d/9.rules", "KERNEL==\"pf0\", ATTR{device/sriov_numvfs}=\"4\"\n"),
    ("systemd", "etc/systemd/system/x.service", "ExecStart=sh -c 'echo 4 > /sys/class/net/pf0/device/sriov_numvfs'\n"),
])
def test_other_owners_are_told_and_not_fought(sysfs, host, who: str, path: str, text: str):
    sysfs.file(path, text.replace("pf0", "pf01").replace(PF, OTHER).replace("00:10", "00:11"))
    assert look_at(host.look(), PF).owners == []
    sysfs.file(path, text)
    assert look_at(host.look(), PF).owners == [{"who": who, "file": "/" + path}]
    assert plan(host, {"num_vfs": 2}).warnings == ["%s sets up the virtual functions of pf0 too (/%s)" % (who, path)]
    with pytest.raises(Invalid, match=r"^persist: the virtual functions of pf0 are set at boot by %s \(/" % who):
        plan(host, {"num_vfs": 2}, persist=True)


def test_at_boot_another_number_is_not_fought(sysfs):
    sysfs.file("sys/class/net/pf0/ifindex", "3\n")
    sysfs.file("run/udev/data/n3")
    with pytest.raises(OSError, match=r"0000:3b:00.0 has 2 virtual functions, not 4; changing that would destroy them"):
        pci.at_boot({"address": PF, "num_vfs": 4, "vfs": []})


def test_a_device_that_is_down_is_set_up_first(sysfs, host):
    host.devices["pf0"]["up"] = False
    assert any("pf0 is down" in warning for warning in plan(host, {}).warnings)
    made = plan(host, {"up": True, "num_vfs": 3})
    assert made.steps[0].title == "set pf0 up"
    assert {"layer": "kernel", "path": "up", "desired": True, "current": False} in [
        drift.as_result() for drift in made.drift]
    assert not any("pf0 is down" in warning for warning in made.warnings)


def test_at_boot_the_device_is_set_up_before_there_are_virtual_functions(sysfs, monkeypatch):
    sysfs.file("sys/class/net/pf0/ifindex", "3\n")
    sysfs.file("run/udev/data/n3")
    ran = []
    monkeypatch.setattr(pci, "run", ran.append)
    pci.at_boot({"address": PF, "num_vfs": 2, "up": True, "vfs": []})
    assert ran == [["ip", "link", "set", "dev", "pf0", "up"]]


def test_a_link_that_is_coming_up_is_waited_for_before_functions_are_made(sysfs, monkeypatch):
    sysfs.file("sys/class/net/pf0/flags", "0x1003\n")
    sysfs.file("sys/class/net/pf0/carrier", "0\n")
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(pci.number(pci.sysfs(PF, "sriov_numvfs")))
        sysfs.file("sys/class/net/pf0/carrier", "1\n")

    monkeypatch.setattr(pci.time, "sleep", sleep)
    before = pci.number(pci.sysfs(PF, "sriov_numvfs"))
    pci.set_number(PF, 4)
    assert waited == [before]
    assert pci.number(pci.sysfs(PF, "sriov_numvfs")) == 4


def test_udev_is_waited_for(sysfs, monkeypatch):
    sysfs.file("run/udev/control")
    sysfs.file("run/udev/queue")
    monkeypatch.setattr(pci.time, "sleep", lambda seconds: (sysfs.root / "run/udev/queue").unlink())
    monkeypatch.setattr(pci, "_is_settled", lambda vf: True)
    pci.set_number(PF, 4)
    assert not (sysfs.root / "run/udev/queue").exists()


def test_no_driver_takes_a_function_before_it_has_its_settings(sysfs, host, monkeypatch):
    autoprobe = []
    monkeypatch.setattr(pci, "set_number", lambda address, number: None)
    monkeypatch.setattr(host, "called", lambda name, arguments, effect: effect() if name == "vf_settings" else (
        autoprobe.append(pci.read(pci.sysfs(PF, "sriov_drivers_autoprobe")))))
    plan(host, {"num_vfs": 3, "vfs": [{"index": 1, "trust": True}]}).steps[0].do(host)
    assert autoprobe[0] == "0"
    assert pci.read(pci.sysfs(PF, "sriov_drivers_autoprobe")) == "1"


def test_at_boot_no_driver_takes_a_function_before_it_has_its_settings(sysfs, monkeypatch):
    sysfs.file("sys/class/net/pf0/ifindex", "3\n")
    sysfs.file("run/udev/data/n3")
    autoprobe = []
    monkeypatch.setattr(pci, "run", lambda command: autoprobe.append(
        pci.read(pci.sysfs(PF, "sriov_drivers_autoprobe"))))
    pci.at_boot({"address": PF, "num_vfs": 2, "vfs": [{"index": 1, "trust": True}]})
    assert autoprobe == ["0"]
    assert pci.read(pci.sysfs(PF, "sriov_drivers_autoprobe")) == "1"


def test_at_boot_only_what_is_kept_is_set(sysfs, monkeypatch):
    sysfs.file("sys/class/net/pf0/ifindex", "3\n")
    sysfs.file("run/udev/data/n3")
    ran = []
    monkeypatch.setattr(pci, "run", ran.append)
    pci.at_boot({"address": PF, "num_vfs": 2, "drivers_autoprobe": False, "vfs": [
        {"index": 1, "mac": "52:54:00:00:00:01", "vlan": {"id": 5, "qos": 2, "protocol": "802.1ad"}, "max_tx_rate": 9,
         "spoof_check": False, "trust": True, "link_state": "enable", "driver": "default"}]})
    assert [command[:7] for command in ran] == [["ip", "link", "set", "dev", "pf0", "vf", "1"]] * 6
    assert [" ".join(command[7:]) for command in ran] == [
        "mac 52:54:00:00:00:01", "vlan 5 qos 2 proto 802.1ad", "max_tx_rate 9", "spoofchk off", "trust on",
        "state enable"]
    assert pci.read(pci.sysfs(PF, "sriov_drivers_autoprobe")) == "0"


def test_a_driver_is_bound_by_name_and_given_back(sysfs):
    address = "0000:3b:10.1"
    sysfs.file("sys/bus/pci/drivers/ixgbevf/unbind")
    sysfs.file("sys/bus/pci/drivers_probe")
    with pytest.raises(OSError, match=r"the driver vfio-pci does not take it"):  # no kernel is behind these files
        (sysfs.root / "sys/bus/pci/drivers/vfio-pci").mkdir()
        pci.bind(address, "vfio-pci")
    assert pci.read(pci.place("sys/bus/pci/drivers/ixgbevf/unbind")) == address
    assert pci.read(pci.place("sys/bus/pci/drivers_probe")) == address
    assert pci.virtual_functions(PF)[1]["override"] == "vfio-pci"
    pci.bind(address, "default")
    assert pci.virtual_functions(PF)[1]["override"] == ""


@pytest.mark.parametrize("settings", [
    {"address": "../../../.."}, {"address": "0000:3b:00.0/.."}, {"vfs": [{"driver": "-r"}]},
    {"vfs": [{"driver": "../x"}]}, {"vfs": [{"driver": "a b"}]}, {"vfs": [{"mac": "-1"}]},
    {"vfs": [{"mac": "52:54:00:00:00:01 vf 1"}]},
    {"vfs": [{"vlan": {"id": "1"}}]}, {"vfs": [{"vlan": {"id": 1, "protocol": "802.1Q\n"}}]},
    {"vfs": [{"link_state": "auto\n"}]}, {"vfs": [{"max_tx_rate": "9"}]}, {"vfs": [{"trust": "on"}]}, {"num_vfs": "2"},
    {"more": "x"}, {"vfs": ["x"]},
])
def test_at_boot_no_text_goes_where_it_does_not_belong(sysfs, monkeypatch, settings: dict):
    monkeypatch.setattr(pci, "run", pytest.fail)
    with pytest.raises(OSError, match=r"the settings have \""):
        pci.at_boot(dict({"address": PF, "num_vfs": 2, "vfs": []}, **settings))


@pytest.mark.parametrize("text", [
    "", "[]", "[" * 99999, "{", "1", '{"num_vfs": 2}', '{"address": "%s"}' % PF,
    '{"address": "%s", "num_vfs": 2}' % OTHER,
    '{"address": "%s", "num_vfs": 2, "vfs": [{"index": 0, "driver": "../x"}]}' % PF,
    '{"address": "%s", "num_vfs": 2, "vfs": [{}]}' % PF, '{"address": "%s", "num_vfs": 2, "x": 1}' % PF,
])
def test_what_no_task_has_written_is_no_setting_for_a_boot(sysfs, host, text: str):
    sysfs.file("etc/virtnet-sriov/%s.json" % PF, text)
    assert describe_function(host.look(), PF)["status"]["boot"] is None
    assert persist(host, {"num_vfs": 2}, persist=True) == ["set up 0000:3b:00.0 at boot"]
    assert look_at(host.look(), PF).kept.settings == {"address": PF, "num_vfs": 2, "vfs": []}


def test_the_name_of_a_module_is_no_option(monkeypatch):
    ran = []
    monkeypatch.setattr(pci, "run", ran.append)
    pci.load("vfio-pci")
    assert ran == [["modprobe", "--", "vfio-pci"]]
