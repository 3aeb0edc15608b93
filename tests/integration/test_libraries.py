"""The libraries that the modules stand on work here, Debian's and PyPI's alike."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.both


def test_libvirt_and_lxml(hypervisor):
    from lxml import etree

    capabilities = etree.fromstring(hypervisor.getCapabilities())
    assert capabilities.findtext("host/cpu/arch") == os.uname().machine


def test_pyroute2():
    from pyroute2 import IPRoute

    with IPRoute() as route:
        assert "lo" in [link.get_attr("IFLA_IFNAME") for link in route.get_links()]
