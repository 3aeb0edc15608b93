"""let_boot.py SOCKET: has the QEMU of a monitor's socket start again at a reboot, which it was told not to."""

from __future__ import annotations

import json
import socket
import sys

with socket.socket(socket.AF_UNIX) as link:
    link.settimeout(30)
    link.connect(sys.argv[1])
    lines = link.makefile("rw")
    lines.readline()
    for command in ({"execute": "qmp_capabilities"}, {"execute": "set-action", "arguments": {"reboot": "reset"}}):
        lines.write(json.dumps(command) + "\n")
        lines.flush()
        answer = json.loads(lines.readline())
        if "return" not in answer:
            sys.exit(str(answer))
