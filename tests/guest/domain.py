"""The libvirt document of a guest that boots in about two seconds without KVM.

domain.py JSON: prints that of the guest that the JSON's keys, the arguments of domain_xml, describe.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FILES = Path(__file__).resolve().parents[2] / ".cache" / "guest"
KERNEL = FILES / "vmlinuz"
INITRD = FILES / "initrd"

# Each of these saves boot time where the CPU is emulated.
FAST = "quiet mitigations=off nokaslr tsc=reliable no_timer_check random.trust_cpu=on cryptomgr.notests"


def domain_xml(name, interfaces_xml, kernel=KERNEL, initrd=INITRD, cmdline="", memory_mib=96, console=None, kvm=False,
               shared=False):
    """A domain that boots kernel and initrd; tests/guest/init tells what cmdline may say.

    The guest writes "GUEST UP" and its addresses to the file console once it is reachable. In the lab, KVM is there
    and faster. Memory is shared with other processes where vhost-user asks for it.
    """
    kind, cpu = ("kvm", "<cpu mode='host-passthrough'/>") if kvm else ("qemu", "")
    memory = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>" if shared else ""
    log = f"<serial type='file'><source path='{console}'/></serial>" if console else "<serial type='null'/>"
    return f"""\
<domain type='{kind}'>
  <name>{name}</name>
  <memory unit='MiB'>{memory_mib}</memory>
  {memory}
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>console=ttyS0 {FAST} {cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  {cpu}
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    {interfaces_xml}
    {log}
  </devices>
</domain>
"""


if __name__ == "__main__":
    print(domain_xml(**json.loads(sys.argv[1])))
