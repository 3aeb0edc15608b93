# Copyright (c) virtnet.libvirt contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reset.py: makes the host of a sandbox the one that examples speak of, whatever was done to it before."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import libvirt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from guest.domain import domain_xml

# eth0 leads out; guests are put on the others
DEVICES = {
    "eth0": "type veth peer name wire0", "eth1": "type veth peer name wire1", "eth2": "type veth peer name wire2",
    "br0": "type bridge", "br1": "type bridge", "veth-web": "type veth peer name veth-web-in",
}
# 192.0.2.1 is the gateway and 192.0.2.53 a DNS server, both of this host
COMMANDS = ("ip addr replace 192.0.2.1/32 dev lo", "ip addr replace 192.0.2.53/32 dev lo",
            "ip addr replace 192.0.2.2/24 dev eth0", "ip route replace default via 192.0.2.1 dev eth0",
            "ovs-vsctl --may-exist add-br ovsbr0 -- set bridge ovsbr0 datapath_type=netdev")
NETWORKS = {
    "lab": """<network><name>lab</name><forward mode='nat'/><bridge name='virbr-lab' stp='on' delay='0'/>
        <domain name='lab.example' localOnly='yes'/><portgroup name='slow'/>
        <ip address='192.168.150.1' prefix='24'><dhcp><range start='192.168.150.100' end='192.168.150.199'/></dhcp></ip>
        </network>""",
    "dmz": """<network><name>dmz</name><bridge name='virbr-dmz' stp='on' delay='0'/>
        <ip address='192.168.160.1' prefix='24'/></network>""",
    "ovs": """<network><name>ovs</name><forward mode='bridge'/><bridge name='ovsbr0'/>
        <virtualport type='openvswitch'/><portgroup name='office' default='yes'/></network>""",
}
GUESTS = {"web": ("lab", "52:54:00:00:00:21", "guest.dhcp=1"), "router": ("ovs", "52:54:00:00:00:31", "")}


def sh(*commands: str) -> None:
    for command in commands:
        subprocess.run(command.split(), check=True, capture_output=True)


def is_there(device: str) -> bool:
    return Path("/sys/class/net", device).exists()


def documents(one: libvirt.virNetwork | libvirt.virDomain) -> list[str]:
    """What is to be the same later: both definitions, without what is made up anew at each start."""
    inactive = libvirt.VIR_DOMAIN_XML_INACTIVE if isinstance(one, libvirt.virDomain) else (
        libvirt.VIR_NETWORK_XML_INACTIVE)
    texts = [one.XMLDesc(inactive)]
    if one.isActive():
        texts.append(one.XMLDesc())
    return [re.sub(r"connections='\d+'", "", text) for text in texts]


class Host:
    def __init__(self) -> None:
        self.libvirt = libvirt.open("qemu:///system")
        self.kept = Path("/run/blocks/made")

    def reset(self) -> None:
        for device, kind in DEVICES.items():
            if not is_there(device):
                sh("ip link add %s %s" % (device, kind))
            sh("ip link set %s up" % device)
        sh(*COMMANDS)
        if not Path("/run/blocks/dns").exists():
            sh("dnsmasq --listen-address=192.0.2.53 --bind-interfaces --no-resolv --pid-file=/run/blocks/dns")
        filters = {one.name(): one for one in self.libvirt.listAllNWFilters()}
        again = not self._is_as_made()
        for binding in self.libvirt.listAllNWFilterBindings():
            if binding.portDev().startswith("veth"):
                binding.delete()
        if again:
            self._remove()
            self._make()
        for _round in range(3):  # those that refer to others first
            for name in [one for one in filters if not Path("/usr/share/libvirt/nwfilter", one + ".xml").exists()]:
                try:
                    filters[name].undefine()
                except libvirt.libvirtError:
                    continue
                del filters[name]

    def _all(self) -> list[libvirt.virNetwork | libvirt.virDomain]:
        return [*self.libvirt.listAllDomains(), *self.libvirt.listAllNetworks()]

    def _state(self) -> str:
        return "\n".join(sorted(text for one in self._all() for text in documents(one)))

    def _is_as_made(self) -> bool:
        return self.kept.exists() and self.kept.read_text() == self._state()

    def _remove(self) -> None:
        for one in self._all():
            persistent = one.isPersistent()
            if one.isActive():
                one.destroy()
            if persistent:
                one.undefine()

    def _make(self) -> None:
        for text in NETWORKS.values():
            self.libvirt.networkDefineXML(text).create()
        for name, (network, mac, words) in GUESTS.items():
            interface = ("<interface type='network'><mac address='%s'/><source network='%s'/><model type='virtio'/>"
                         "</interface>" % (mac, network))
            ports = "<controller type='pci' model='pcie-root'/>" + "<controller type='pci' model='pcie-root-port'/>" * 6
            self.libvirt.defineXML(domain_xml(name, ports + interface, cmdline=words)).create()
        self.kept.write_text(self._state())


if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda context, error: None, None)
    Host().reset()
