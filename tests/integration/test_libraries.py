"""The libraries that the modules stand on work here, Debian's and PyPI's alike."""

from __future__ import annotations

import os

import pytest

pytestmark = [
    pytest.mark.both,
    pytest.mark.skipif("VIRTNET_SANDBOX" not in os.environ, reason="needs tests/sandbox"),
]


def test_libvirt_and_lxml():
    import libvirt
    from lxml import etree

    connection = libvirt.open("qemu:///system")
    capabilities = etree.fromstring(connection.getCapabilities())
    assert capabilities.findtext("host/cpu/arch") == os.uname().machine
    connection.close()


def test_pyroute2():
    from pyroute2 import IPRoute

    with IPRoute() as route:
        assert [link.get_attr("IFLA_IFNAME") for link in route.get_links()] == ["lo"]
