# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that do not simply run, and what a host holds that no task can say; witnessed by virsh."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from guest.domain import domain_xml
from integration.host import sh, within
from integration.modules import Failed, converge, run
from integration.test_interface_guests import INTERFACE, LAB, MAC, NEW, PORTS

PTRACE_SEIZE = 0x4206
OTHER = {"name": "other", "state": "active", "bridge": {"name": "other0", "stp": False}}


def again(**options) -> dict:
    return converge("interface", **{"domain": "guest", "mac": {"address": MAC}, **options})


def attached() -> str:
    return sh("virsh domiflist guest")


@pytest.fixture
def running(clean):
    run("network", **LAB)
    run("network", **OTHER)
    domain = clean.defineXML(domain_xml("guest", PORTS + INTERFACE))
    domain.create()
    return domain


@contextmanager
def held(pid: int) -> Iterator[None]:
    """A process that is told to end stays as it is, as long as this lasts."""
    said, says = os.pipe()
    holder = os.fork()
    if holder == 0:  # who traces must be one thread
        os.close(says)
        ctypes.CDLL(None).ptrace(PTRACE_SEIZE, pid, None, None)
        os.read(said, 1)
        os._exit(0)  # which lets it go
    os.close(said)
    try:
        yield
    finally:
        os.close(says)
        os.waitpid(holder, 0)


def test_paused_then_saved(running):
    sh("virsh suspend guest")
    begun = time.monotonic()
    with pytest.raises(Failed, match=r"guest guest is paused and lets no interface go .*give layers: \[config\]"):
        run("interface", domain="guest", mac={"address": MAC}, state="absent")
    assert time.monotonic() - begun < 5
    again(mac={"address": NEW}, type="network", source={"network": "lab"}, model={"type": "virtio"}, layers=["live"])
    assert NEW in attached()
    again(source={"network": "other"})
    assert "other" in attached()
    sh("virsh resume guest")
    sh("virsh managedsave guest")
    done = again(source={"network": "lab"})
    assert (done["restart_required"], [one["name"] for one in done["restarts"]]) == (True, ["guest"])
    assert "managedsave-remove guest" in done["warnings"][0]
    assert "lab" in sh("virsh dumpxml --inactive guest | grep 'source network'")
    assert "other" in sh("virsh managedsave-dumpxml guest | grep 'source network'")
    sh("virsh managedsave-remove guest")
    assert not run("interface", domain="guest", mac={"address": MAC}, source={"network": "lab"})["restart_required"]


def test_transient(clean):
    run("network", **LAB)
    clean.createXML(domain_xml("guest", PORTS + INTERFACE))
    assert not again(link={"state": "down"})["restart_required"]
    with pytest.raises(Failed, match=r"model\.type: cannot change while guest guest runs; give replace: true"):
        run("interface", domain="guest", mac={"address": MAC}, model={"type": "e1000e"})


def told(before: dict, state: str) -> None:
    """A guest that lets nothing go: what is configured changes, what runs too where nothing is unplugged."""
    assert sh("virsh domstate guest").strip() == state
    assert not run("interface", **before)["changed"]
    with pytest.raises(Failed, match=r"guest guest (sleeps|has crashed) and lets no interface go"):
        run("interface", domain="guest", mac={"address": MAC}, state="absent")
    again(source={"network": "other"})
    assert "other" in attached()
    assert again(model={"type": "e1000e"})["restart_required"]
    assert sh("virsh domstate guest").strip() == state


@pytest.mark.parametrize(("end", "state"), [("crash", "crashed"), ("sleep", "pmsuspended")])
def test_a_guest_that_has_crashed_or_sleeps(clean, end: str, state: str):
    run("network", **LAB)
    run("network", **OTHER)
    document = domain_xml("guest", PORTS + INTERFACE + "<panic model='isa'/>", cmdline="guest.then=" + end)
    clean.defineXML(document.replace("<on_crash>destroy", "<on_crash>preserve")).create()
    assert within(60, lambda: sh("virsh domstate guest").strip() == state)
    found, = run("interface_info", domain="guest")["interfaces"]
    found.pop("status")
    told(found, state)


def test_a_guest_that_is_shutting_down(clean):
    run("network", **LAB)
    run("network", **OTHER)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE, cmdline="guest.then=off")).create()
    with held(int(sh("cat /run/libvirt/qemu/guest.pid"))):
        assert within(30, lambda: sh("virsh domstate guest").strip() == "in shutdown")
        with pytest.raises(Failed, match="guest guest is shutting down"):
            run("interface", domain="guest", mac={"address": MAC}, source={"network": "other"}, layers=["live"])
        done = again(source={"network": "other"})
        assert done["steps"] == ["change the configuration of interface %s of guest guest" % MAC]
        assert not done["restart_required"]
    assert within(20, lambda: sh("virsh domstate guest").strip() == "shut off")
    assert not run("interface", domain="guest", mac={"address": MAC}, source={"network": "other"})["changed"]


def revert(clean) -> None:
    """Has a running guest go back to the snapshot, with the interfaces that it had then."""
    if clean.getLibVersion() < 9000000:
        pytest.skip("libvirt 7.0 goes back within the QEMU that runs, which keeps its interfaces")
    sh("virsh snapshot-revert guest before")


def test_a_guest_that_runs_from_a_snapshot(clean, tmp_path):
    """It has the interfaces that it had when the snapshot was made, in both layers."""
    run("network", **LAB)
    run("network", **OTHER)
    disk = "/var/lib/libvirt/images/guest.qcow2"
    sh("mkdir -p /var/lib/libvirt/images; qemu-img create -q -f qcow2 %s 1M" % disk)
    drive = ("<disk type='file'><driver name='qemu' type='qcow2'/><source file='%s'/><target dev='vda' bus='virtio'/>"
             "</disk>" % disk)
    clean.defineXML(domain_xml("guest", PORTS + INTERFACE + drive)).create()
    sh("virsh snapshot-create-as guest before")
    again(source={"network": "other"})
    revert(clean)
    assert "lab" in attached() and "other" not in attached()
    found, = run("interface_info", domain="guest")["interfaces"]
    assert not run("interface", **found)["changed"]
    again(source={"network": "other"})
    assert "other" in attached()
    sh("virsh snapshot-delete guest before")


# --- several of these at once


@pytest.fixture
def with_disk(clean):
    """The document of a guest with a disk that keeps snapshots."""
    run("network", **LAB)
    run("network", **OTHER)
    disk = "/var/lib/libvirt/images/guest.qcow2"
    sh("mkdir -p /var/lib/libvirt/images; qemu-img create -q -f qcow2 %s 1M" % disk)
    return domain_xml("guest", PORTS + INTERFACE + "<disk type='file'><driver name='qemu' type='qcow2'/><source"
                      " file='%s'/><target dev='vda' bus='virtio'/></disk>" % disk)


def of(command: str) -> str:
    return sh("virsh %s guest | grep 'source network'" % command)


def test_a_snapshot_and_a_managed_save(clean, with_disk):
    """What was saved after the snapshot is what the guest goes on with; a revert drops the save."""
    clean.defineXML(with_disk).create()
    sh("virsh snapshot-create-as guest before")
    again(source={"network": "other"})
    sh("virsh managedsave guest")
    done = again(source={"network": "lab"})
    assert done["restart_required"] and "managedsave-remove guest" in done["warnings"][0]
    assert "other" in of("managedsave-dumpxml") and "lab" in of("dumpxml --inactive")
    sh("virsh managedsave-remove guest; virsh snapshot-revert guest before")
    assert "lab" in attached()
    assert not run("interface", domain="guest", mac={"address": MAC}, source={"network": "lab"})["changed"]
    again(source={"network": "other"})
    sh("virsh managedsave guest; virsh start guest")
    assert "other" in attached()
    assert not run("interface", domain="guest", mac={"address": MAC}, source={"network": "other"})["restart_required"]


def test_a_snapshot_of_a_paused_guest(clean, with_disk):
    """After the revert the guest is paused again, with the interfaces that it had."""
    clean.defineXML(with_disk).create()
    sh("virsh suspend guest; virsh snapshot-create-as guest before; virsh resume guest")
    again(source={"network": "other"})
    revert(clean)
    assert sh("virsh domstate guest").strip() == "paused" and "lab" in attached()
    found, = run("interface_info", domain="guest")["interfaces"]
    assert not run("interface", **found)["changed"]
    with pytest.raises(Failed, match=r"guest guest is paused and lets no interface go .*give layers: \[config\]"):
        run("interface", domain="guest", mac={"address": MAC}, state="absent")
    again(source={"network": "other"})
    assert "other" in attached() and sh("virsh domstate guest").strip() == "paused"
    again(state="absent", layers=["config"])
    assert MAC in attached() and MAC not in sh("virsh dumpxml --inactive guest")


def test_a_paused_guest_with_a_managed_save(running):
    sh("virsh suspend guest; virsh managedsave guest")
    assert again(source={"network": "other"})["restart_required"]
    sh("virsh start guest")
    assert sh("virsh domstate guest").strip() == "paused" and "lab" in attached()
    again(source={"network": "other"})
    assert "other" in attached()


@pytest.mark.parametrize("why", ["paused", "snapshot"])
def test_a_transient_guest_that(clean, with_disk, why: str):
    """There is no configuration to change instead, and none is offered."""
    clean.createXML(with_disk)
    if why == "snapshot":
        sh("virsh snapshot-create-as guest before")
    sh("virsh suspend guest")
    with pytest.raises(Failed, match=r"guest guest is paused and lets no interface go .*\(virsh resume\)$"):
        run("interface", domain="guest", mac={"address": MAC}, state="absent")
    with pytest.raises(Failed, match=r"layers: guest guest is transient and has no configuration; give live$"):
        run("interface", domain="guest", mac={"address": MAC}, source={"network": "other"}, layers=["config"])
    assert not again(source={"network": "other"})["restart_required"]
    sh("virsh resume guest")
    if why == "snapshot":
        revert(clean)
        assert "lab" in attached()
    else:
        assert "other" in attached()
    found, = run("interface_info", domain="guest")["interfaces"]
    assert not run("interface", **found)["changed"]
    with pytest.raises(Failed, match=r"cannot change while guest guest runs; give replace: true"):
        run("interface", domain="guest", mac={"address": MAC}, model={"type": "e1000e"})


def test_a_guest_that_became_transient_while_it_ran(running):
    sh("virsh undefine guest")
    found, = run("interface_info", domain="guest")["interfaces"]
    assert not run("interface", **found)["changed"]
    assert not again(source={"network": "other"})["restart_required"]
    with pytest.raises(Failed, match=r"layers: guest guest is transient"):
        run("interface", domain="guest", mac={"address": MAC}, source={"network": "lab"}, layers=["config"])
    assert "other" in attached()


def test_a_transient_guest_that_is_shutting_down(clean):
    run("network", **LAB)
    run("network", **OTHER)
    clean.createXML(domain_xml("guest", PORTS + INTERFACE, cmdline="guest.then=off"))
    with held(int(sh("cat /run/libvirt/qemu/guest.pid"))):
        assert within(30, lambda: sh("virsh domstate guest").strip() == "in shutdown")
        with pytest.raises(Failed, match="domain: guest guest is shutting down; wait until it has"):
            run("interface", domain="guest", mac={"address": MAC}, source={"network": "other"})
    assert within(20, lambda: "guest" not in sh("virsh list --all --name"))


def test_what_no_task_can_say_is_left_out_of_info_and_left_alone(clean):
    """A device that is not there yet, with a name that the kernel takes and we do not."""
    odd = ("<interface type='bridge'><mac address='%s'/><source bridge='br$0'/><target dev='tap$0'/>"
           "<model type='virtio'/></interface>" % MAC)
    clean.defineXML(domain_xml("guest", PORTS + odd))
    found, = run("interface_info", domain="guest")["interfaces"]
    left = found.pop("status")["left_out"]
    assert [one.split(":")[0] for one in left] == ["target.dev"]
    assert not run("interface", **found)["changed"]
    again(link={"state": "down"})
    assert "tap$0" in sh("virsh dumpxml --inactive guest")
