# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Physical and virtual functions, with a sysfs made by hand."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.documents.sriov import SRIOV
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.engine.converge import Host
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host import sysfs as pci
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.kernel import KernelError
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.host.libvirt import HeldDevice
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources import sriov_persist
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov import Sriov
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.resources.sriov_read import (
    describe_function,
    find_function,
    host_status,
    read_function,
)
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.schema.nodes import Invalid, load_xml
from ansible_collections.virtnet.libvirt.plugins.module_utils._virtnet.task import plain_model

PF, OTHER, DISK = "0000:3b:00.0", "0000:3b:00.1", "0000:00:03.0"
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
                    sriov_totalvfs=str(total), sriov_numvfs=str(count), sriov_drivers_autoprobe="1")
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
    made.card(OTHER, "pf1")
    made.device(DISK, "virtio-pci", class_="0x010000")
    return made


class Kernel:
    """Devices and settings of virtual functions as they are told; writes down what is set."""

    def __init__(self) -> None:
        self.settings = {index: copy.deepcopy(FRESH) for index in range(8)}
        self.devices = {"pf0": {"up": True, "mac": "52:54:00:00:00:10", "master": None, "addresses": []}}
        self.calls = []

    def device(self, name: str) -> dict | None:
        return self.devices.get(name)

    def vf_settings(self, name: str) -> dict:
        return copy.deepcopy(self.settings)

    def set_mac(self, name: str, mac: str) -> None:
        self.calls.append((name, mac))

    def set_vf(self, name: str, index: int, settings: dict) -> None:
        if "link_state" in settings:
            raise KernelError("Operation not supported")
        self.calls.append((index, settings))
        self.settings[index].update(settings)


@pytest.fixture
def host() -> Host:
    libvirt = SimpleNamespace(held_devices=list, network_names=list, networks={}, uri="qemu:///system")
    libvirt.network = lambda name: libvirt.networks[name]
    return Host(libvirt, Kernel())


def plan(host: Host, options: dict, **more):
    resource = Sriov(SRIOV.check(dict({"device": "pf0"}, **options)), **more)
    return resource.plan(resource.read(host))


def titles(host: Host, options: dict, **more) -> list:
    return [step.title for step in plan(host, options, **more).steps]


def hold(host: Host, address: str = "", device: str = "") -> None:
    element = load_xml("<interface/>")
    host.libvirt.held_devices = lambda: [HeldDevice("web", "uuid", address, device, element, element)]


# --- which one


@pytest.mark.parametrize("options", [
    {"device": "pf0"}, {"address": PF}, {"address": "3B:00.0"},
])
def test_a_physical_function_is_found_by_its_names(sysfs, options: dict):
    assert find_function(options) == PF


def test_a_match_must_find_one(sysfs):
    sysfs.device("0000:5e:00.0", "bnxt_en", "pf7", vendor="0x14e4", device="0x16d7", sriov_totalvfs="4")
    assert find_function({"match": {"id": "14E4:16d7"}}) == "0000:5e:00.0"
    assert find_function({"match": {"driver": "bnxt_en", "id": "14e4:16d7"}}) == "0000:5e:00.0"
    with pytest.raises(Invalid, match=r"^match: 2 such physical functions; there are 0000:3b:00.0 \(pf0, driver"
                                      r" ixgbe, id 8086:1572\), 0000:3b:00.1 \(pf1,"):
        find_function({"match": {"driver": "ixgbe"}})
    with pytest.raises(Invalid, match=r"^match: there are no such physical functions; there are 0000:3b:00.0 .*\(pf7"):
        find_function({"match": {"driver": "ice"}})


@pytest.mark.parametrize(("options", "problem"), [
    ({"device": "eth9"}, r"^device: the host has no device eth9; those with SR-IOV are 0000:3b:00.0 \(pf0,"),
    ({"device": "vf1"}, r"^device: vf1 is a virtual function; name the physical one, 0000:3b:00.0$"),
    ({"address": "0000:3b:10.1"}, r"^address: .* is a virtual function"),
    ({"address": "0000:ff:00.0"}, r"^address: the host has no PCI device 0000:ff:00.0"),
    ({"address": DISK}, r"^address: 0000:00:03.0 has no SR-IOV; .* firmware of the card or in the BIOS$"),
])
def test_what_is_no_physical_function_is_refused(sysfs, options: dict, problem: str):
    with pytest.raises(Invalid, match=problem):
        find_function(options)


@pytest.mark.parametrize(("options", "problem"), [
    ({"vfs": [{"index": 0}, {"index": 0}]}, r"^vfs\[1\]: 0 is already in vfs\[0\]"),
    ({"vfs": [{"mac": "52:54:00:00:00:01"}]}, r"^vfs\[0\].index: is missing$"),
    ({"vfs": [{"index": 0, "mac": ""}]}, r"^vfs\[0\].mac: cannot be empty"),
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


def test_only_what_differs_is_set(sysfs, host):
    host.kernel.settings[1].update(vlan={"id": 7, "qos": 3, "protocol": "802.1Q"}, mac="52:54:00:00:00:01")
    made = plan(host, {"vfs": [{"index": 1, "mac": "52-54-00-00-00-01", "vlan": {"id": 8}, "trust": False,
                                "max_tx_rate": 50}]})
    assert [step.title for step in made.steps] == ["set vlan, max_tx_rate of virtual function 1 of pf0"]
    assert [drift.path for drift in made.drift] == ["vfs[1].vlan.id", "vfs[1].max_tx_rate"]
    made.steps[0].do(host)
    assert host.kernel.calls == [(1, {"vlan": {"id": 8, "qos": 3, "protocol": "802.1Q"}}),
                                 (1, {"min_tx_rate": 0, "max_tx_rate": 50})]
    made.steps[0].undo(host)
    assert host.kernel.settings[1] == dict(FRESH, mac="52:54:00:00:00:01", max_tx_rate=0,
                                           vlan={"id": 7, "qos": 3, "protocol": "802.1Q"})


def test_a_vlan_is_taken_away(sysfs, host):
    host.kernel.settings[0]["vlan"] = {"id": 7, "qos": 0, "protocol": "802.1Q"}
    for vlan in ({}, {"id": 0}):
        made = plan(host, {"vfs": [{"index": 0, "vlan": vlan}]})
        assert [step.title for step in made.steps] == ["set vlan of virtual function 0 of pf0"]
        assert "vlan" not in made.after["vfs"][0]
    made.steps[0].do(host)
    assert host.kernel.calls == [(0, {"vlan": {}})]


def test_a_setting_that_the_driver_does_not_tell_is_refused(sysfs, host):
    del host.kernel.settings[0]["trust"]
    with pytest.raises(Invalid, match=r"^vfs\[0\].trust: the driver ixgbe does not tell what it is"):
        plan(host, {"vfs": [{"index": 0, "trust": True}]})


def test_what_the_driver_refuses_is_named(sysfs, host):
    step, = plan(host, {"vfs": [{"index": 0, "link_state": "enable"}]}).steps
    with pytest.raises(KernelError, match=r"^vfs\[0\].link_state: the driver ixgbe refused it: Operation not sup"):
        step.do(host)
    host.kernel.devices["pf0"]["up"] = False
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


# --- the number


def test_to_change_the_number_keeps_the_settings(sysfs, host, monkeypatch):
    host.kernel.settings[0].update(mac="52:54:00:00:00:01", trust=True)
    made = plan(host, {"num_vfs": 3, "vfs": [{"index": 2, "spoof_check": False}]})
    assert [step.title for step in made.steps] == ["change the number of virtual functions of pf0 from 2 to 3"]
    assert [drift.path for drift in made.drift] == ["num_vfs", "vfs[2].index", "vfs[2].spoof_check"]
    assert made.after["vfs"][0]["mac"] == "52:54:00:00:00:01" and len(made.after["vfs"]) == 3

    def remake(address: str, number: int) -> None:
        host.kernel.calls.append(number)
        host.kernel.settings = {index: dict(FRESH) for index in range(number)}
        for index in range(2):
            (sysfs.root / ("sys/bus/pci/devices/0000:3b:10.%d/driver" % index)).unlink(missing_ok=True)

    monkeypatch.setattr(pci, "set_number", remake)
    monkeypatch.setattr(pci, "bind", lambda address, driver: host.kernel.calls.append((address, driver)))
    made.steps[0].do(host)
    assert host.kernel.calls == [3, (0, {"mac": "52:54:00:00:00:01"}), (0, {"trust": True}),
                                 ("vf0", "52:54:00:00:00:01"), (2, {"spoof_check": False}),
                                 ("0000:3b:10.0", "default"), ("0000:3b:10.1", "default"),
                                 ("vf0", "52:54:00:00:00:01")]
    made.steps[0].undo(host)
    assert host.kernel.calls[8] == 2 and host.kernel.settings[0]["trust"]


def test_what_is_in_use_is_named_and_refused(sysfs, host):
    host.kernel.devices.update({
        "vf0": {"up": True, "mac": "", "master": "br0", "addresses": ["fe80::1/64"]},
        "vf1": {"up": True, "mac": "", "master": None, "addresses": ["10.0.0.1/24", "fe80::2/64"]}})
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
    host.kernel.settings[0].update(mac="52:54:00:00:0a:00", trust=True)
    with pytest.raises(Invalid, match=r"in use are 0 \(guest web\)"):
        plan(host, {"num_vfs": 4})
    made = plan(host, {"num_vfs": 4}, force=True)
    assert made.steps[0].title == "take virtual function 0 out of guest web"
    assert "mac" not in made.after["vfs"][0] and made.after["vfs"][0]["trust"] is True


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
    port = load_xml("<networkport><uuid>u1</uuid><plug type='hostdev-pci'><address domain='0x0000' bus='0x3b'"
                    " slot='0x10' function='0x1'/></plug></networkport>")
    live = load_xml("<network><forward mode='hostdev'><pf dev='pf0'/></forward></network>")
    host.libvirt.networks = {"pool": SimpleNamespace(ports=(port,), live=live)}
    host.libvirt.network_names = lambda: ["pool"]
    state = read_function(host, PF)
    assert [[user.label for user in users] for users in state.users.values()] == [
        ["another network namespace"], ["port u1 of network pool", "driver vfio-pci"]]
    made = plan(host, {"num_vfs": 1}, force=True)
    assert made.warnings == ["the networks pool still have the former virtual functions; stop and start them"]


# --- facts


def test_a_function_that_is_shown_can_be_given_back(sysfs, host):
    shown = describe_function(read_function(host, PF))
    assert shown["status"]["vfs"][1] == {"index": 1, "address": "0000:3b:10.1", "device": "vf1", "iommu_group": 41,
                                         "shares_group_with": [], "used_by": []}
    assert (shown["status"]["id"], shown["status"]["numa_node"], shown["status"]["problems"]) == ("8086:1572", None, [])
    status = shown.pop("status")
    assert status["carrier"] is True
    resource = Sriov(SRIOV.check(shown))
    assert resource.plan(resource.read(host)).steps == []


def test_what_is_in_the_way_is_said(sysfs, host):
    host.kernel.devices["pf0"]["up"] = False
    sysfs.link("sys/kernel/iommu_groups/40/devices/%s" % DISK, "sys/bus/pci/devices/" + DISK)
    assert read_function(host, PF).problems == [
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
    status = host_status()
    assert advice in status["problems"][0] and "vfio-pci" in status["problems"][1] and not status["iommu"]
    sysfs.file("lib/modules/%s/modules.dep" % os.uname().release, "kernel/drivers/vfio/pci/vfio-pci.ko.xz: x\n")
    assert host_status()["vfio_pci"]
    with pytest.raises(Invalid, match=r"^vfs\[0\].driver: the IOMMU is off"):
        plan(host, {"num_vfs": 1, "vfs": [{"index": 0, "driver": "vfio-pci"}]})


def test_a_remote_libvirt_is_refused(host):
    with pytest.raises(Invalid, match=r"^uri: qemu:///system is not this host"):
        Sriov({"device": "pf0"}).read(Host(host.libvirt, None))


# --- what a boot brings back


def persist(host: Host, options: dict, **more) -> list:
    steps = plan(host, options, **more).steps
    for step in steps:
        step.do(host)
    return [step.title for step in steps]


def test_a_boot_brings_back_what_tasks_stated(sysfs, host):
    stated = {"vfs": [{"index": 1, "driver": "default", "trust": False}]}
    assert persist(host, stated, persist=True) == ["set up 0000:3b:00.0 at boot"]
    kept = json.loads((sysfs.root / "etc/virtnet-sriov" / (PF + ".json")).read_text())
    assert kept == dict(stated, address=PF, num_vfs=2)
    assert persist(host, stated, persist=True) == []
    assert "boot" in plan(host, stated).after and "boot" not in plain_model(plan(host, stated).after)
    assert persist(host, stated) == []
    assert persist(host, {"vfs": [{"index": 0, "spoof_check": True}]}, persist=True) == ["set up 0000:3b:00.0 at boot"]
    assert [vf["index"] for vf in sriov_persist.read_kept(PF).settings["vfs"]] == [1, 0]
    wants = sysfs.root / "etc/systemd/system/multi-user.target.wants" / ("virtnet-sriov@%s.service" % PF)
    assert wants.resolve() == (sysfs.root / "etc/systemd/system/virtnet-sriov@.service").resolve()
    assert "Before=libvirtd.service virtnetworkd.service" in wants.read_text()
    compile((sysfs.root / "usr/local/lib/virtnet-sriov/boot.py").read_text(), "boot.py", "exec")


def test_a_script_of_another_version_is_replaced(sysfs, host):
    persist(host, {"num_vfs": 2}, persist=True)
    sysfs.file("usr/local/lib/virtnet-sriov/boot.py", "old")
    made = plan(host, {"num_vfs": 2}, persist=True)
    assert made.drift == [("boot", "/usr/local/lib/virtnet-sriov/boot.py", "this version", "another version")]
    made.steps[0].do(host)
    made.steps[0].undo(host)
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
    assert read_function(host, PF).owners == []
    sysfs.file(path, text)
    assert read_function(host, PF).owners == [{"who": who, "file": "/" + path}]
    assert plan(host, {"num_vfs": 2}).warnings == ["%s sets up the virtual functions of pf0 too (/%s)" % (who, path)]
    with pytest.raises(Invalid, match=r"^persist: the virtual functions of pf0 are set at boot by %s \(/" % who):
        plan(host, {"num_vfs": 2}, persist=True)


def test_at_boot_another_number_is_not_fought(sysfs):
    sysfs.file("sys/class/net/pf0/ifindex", "3\n")
    sysfs.file("run/udev/data/n3")
    with pytest.raises(OSError, match=r"0000:3b:00.0 has 2 virtual functions, not 4; changing that would destroy them"):
        pci.at_boot({"address": PF, "num_vfs": 4, "vfs": []})


def test_a_device_that_is_down_is_set_up_first(sysfs, host):
    host.kernel.devices["pf0"]["up"] = False
    assert any("pf0 is down" in warning for warning in plan(host, {}).warnings)
    made = plan(host, {"up": True, "num_vfs": 3})
    assert made.steps[0].title == "set pf0 up"
    assert ("kernel", "up", True, False) in made.drift
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
    monkeypatch.setattr(host.kernel, "set_vf", lambda *setting: autoprobe.append(
        pci.read(pci.sysfs(PF, "sriov_drivers_autoprobe"))))
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
