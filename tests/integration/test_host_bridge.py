# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role host_bridge where NetworkManager keeps the card by which the host is reached."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.host import sh, within
from integration.playbooks import playbook

PROFILES = Path("/etc/NetworkManager/system-connections")
TRIAL = Path("/run/NetworkManager/system-connections/virtnet-br1.nmconnection")
LAN = """[connection]
id=lan
uuid=7a5a5b6e-5dbc-4ba2-a6ab-0f5e3d9a8c11
type=ethernet
interface-name=lan0
[ethernet]
mtu=1400
[ipv4]
method=manual
address1=10.77.0.2/24,10.77.0.1
[ipv6]
method=disabled
"""
ROLE = [{
    "hosts": "localhost", "connection": "local", "gather_facts": False,
    "tasks": [{"ansible.builtin.include_role": {"name": "virtnet.libvirt.host_bridge"},
               "vars": {"host_bridge_name": "br1", "host_bridge_uplink": "lan0", "host_bridge_timeout": 10}}]}]


@pytest.fixture
def lan(clean, tmp_path, monkeypatch) -> Iterator[None]:
    """NetworkManager keeps lan0, behind which a gateway answers. No systemd is here to say that it runs."""
    if not shutil.which("NetworkManager"):
        pytest.skip("this release's sandbox has no NetworkManager")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemctl").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path / "bin", os.environ["PATH"]))
    sh("ip netns add gateway")
    sh("ip link add lan0 type veth peer name wire netns gateway")
    sh("ip -n gateway addr add 10.77.0.1/24 dev wire")
    sh("ip -n gateway link set wire up")
    PROFILES.mkdir(parents=True, exist_ok=True)
    TRIAL.parent.mkdir(parents=True, exist_ok=True)
    (PROFILES / "lan.nmconnection").write_text(LAN)
    (PROFILES / "lan.nmconnection").chmod(0o600)
    Path("/etc/NetworkManager/conf.d").mkdir(exist_ok=True)
    Path("/etc/NetworkManager/conf.d/sandbox.conf").write_text(
        "[keyfile]\nunmanaged-devices=except:interface-name:lan0,except:interface-name:br1\n")
    # Where /sys cannot be written it waits for no udev.
    daemon = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "mount -o remount,ro,bind /sys; exec NetworkManager -n"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert within(20, reached)
    yield
    daemon.terminate()
    daemon.wait()
    sh("ip netns delete gateway; ip link delete br1 || true; rm -f %s/virtnet*" % PROFILES)


def reached() -> bool:
    done = subprocess.run(["ping", "-q", "-c", "1", "-W", "1", "10.77.0.1"], check=False, capture_output=True)
    return done.returncode == 0


def role(tmp_path: Path, state: str = "present", *arguments: str) -> str:
    (tmp_path / "play.json").write_text(json.dumps(ROLE))
    return playbook(tmp_path, "-e", "host_bridge_state=" + state, *arguments, tmp_path / "play.json")


def witness() -> list[str]:
    """The addresses and routes of the host, who is in a bridge, which profile is in force, and what is kept."""
    return [sh("ip -br -4 addr show scope global"), sh("ip route"), sh("ip -br link show type bridge_slave"),
            sh("nmcli -t -f NAME,DEVICE,FILENAME connection show --active"), sh("ls %s" % PROFILES)]


def test_a_bridge_takes_over_what_the_card_has_and_gives_it_back(lan, tmp_path):
    before = witness()
    assert "changed=3" in role(tmp_path, "present", "--check") and witness() == before
    assert "changed=3" in role(tmp_path)
    addresses, routes, members, profiles, files = witness()
    assert addresses.split() == ["br1", "UP", "10.77.0.2/24"] and reached()
    assert "default via 10.77.0.1 dev br1 proto static metric 100" in routes
    assert members.startswith("lan0@") and sh("cat /sys/class/net/br1/mtu") == "1400\n"
    assert "virtnet-br1-uplink:lan0:%s/virtnet-br1-uplink.nmconnection" % PROFILES in profiles
    assert sorted(files.split()) == ["lan.nmconnection", "virtnet-br1-uplink.nmconnection", "virtnet-br1.nmconnection"]
    assert not TRIAL.exists()
    made = witness()
    assert "changed=0" in role(tmp_path) and witness() == made
    assert "changed=3" in role(tmp_path, "absent") and within(10, reached)
    assert witness() == before


def test_the_card_has_its_own_again_where_the_gateway_does_not_answer(lan, tmp_path):
    before = witness()
    meanwhile = subprocess.Popen(["sh", "-c", (
        "until [ -e %(trial)s ]; do sleep 0.1; done; ip -n gateway link set wire down;"
        " while [ -e %(trial)s ]; do sleep 0.1; done; ip -n gateway link set wire up") % {"trial": TRIAL}])
    with pytest.raises(AssertionError, match=r"no answer from 10.77.0.1. All is as it was; put back"):
        role(tmp_path)
    meanwhile.wait()
    assert within(20, reached) and witness() == before
