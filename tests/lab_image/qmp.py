"""qmp.py SOCKET COMMAND...: has QEMU do a command of its monitor, and fails when it says anything."""

from __future__ import annotations

import json
import socket
import sys


def monitor(path, command, seconds=60):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(seconds)
        link.connect(path)
        lines = link.makefile("rw")

        def execute(name, **arguments):
            lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            lines.flush()
            answers = (json.loads(line) for line in lines)
            return next(answer for answer in answers if "return" in answer or "error" in answer)

        execute("qmp_capabilities")
        answer = execute("human-monitor-command", **{"command-line": command})
        return answer.get("return", answer)


if __name__ == "__main__":
    sys.exit(monitor(sys.argv[1], " ".join(sys.argv[2:])) or 0)
