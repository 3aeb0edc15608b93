"""The libraries that the modules stand on work here, Debian's and PyPI's alike, and so does Ansible."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from integration.playbooks import ROOT, program

pytestmark = pytest.mark.both


def test_libvirt_and_lxml(hypervisor):
    from lxml import etree

    capabilities = etree.fromstring(hypervisor.getCapabilities())
    assert capabilities.findtext("host/cpu/arch") == os.uname().machine


def test_pyroute2():
    from pyroute2 import IPRoute

    with IPRoute() as route:
        assert "lo" in [link.get_attr("IFLA_IFNAME") for link in route.get_links()]


def test_ansible_of_the_venv(hypervisor):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment.update(ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache/collections"), ANSIBLE_HOME="/run/ansible")
    command = [program("ansible"), "localhost", "--one-line", "-m", "virtnet.libvirt.network_info"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout.partition(" => ")[2])["changed"] is False
