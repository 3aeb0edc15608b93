"""The test guest boots, and its addresses answer."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from guest.domain import domain_xml

if "VIRTNET_SANDBOX" not in os.environ:
    pytest.fail("this test starts guests: run it inside tests/sandbox (make integration)", pytrace=False)

# Without STP a port forwards at once; with it the first ping waits four seconds.
NETWORK = """
<network>
  <name>guests</name>
  <forward mode='nat'/>
  <bridge name='guests0' stp='off'/>
  <ip address='192.168.150.1' prefix='24'>
    <dhcp>
      <range start='192.168.150.100' end='192.168.150.199'/>
      <host mac='52:54:00:00:00:02' ip='192.168.150.20'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00:150::1' prefix='64'/>
</network>
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def within(seconds, true):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def answers(address):
    return subprocess.run(["ping", "-c1", "-W1", address], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module", autouse=True)
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "network.xml"
    path.write_text(NETWORK)
    run("virsh", "net-create", str(path))
    yield
    run("virsh", "net-destroy", "guests")


@pytest.fixture
def boot(tmp_path):
    started = []

    def start(name, mac, cmdline):
        console = tmp_path / f"{name}.log"
        interface = f"""
          <interface type='network'>
            <mac address='{mac}'/><source network='guests'/><model type='virtio'/>
          </interface>"""
        document = tmp_path / f"{name}.xml"
        document.write_text(domain_xml(name, interface, cmdline=cmdline, console=console))
        run("virsh", "create", str(document))
        started.append(name)
        return console

    yield start
    for name in started:
        run("virsh", "destroy", name)


def test_static_addresses(boot):
    console = boot(
        "static", "52:54:00:00:00:01", "guest.ip=192.168.150.9/24 guest.ip6=fd00:150::9/64 guest.gw=192.168.150.1"
    )
    assert within(30, lambda: answers("192.168.150.9")), console.read_text()
    assert within(5, lambda: answers("fd00:150::9")), console.read_text()
    assert within(5, lambda: "GUEST UP eth0 192.168.150.9/24" in console.read_text())


def test_dhcp(boot):
    console = boot("dhcp", "52:54:00:00:00:02", "guest.dhcp=1")
    assert within(30, lambda: answers("192.168.150.20")), console.read_text()
    assert "52:54:00:00:00:02" in run("virsh", "net-dhcp-leases", "guests")
