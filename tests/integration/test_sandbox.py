"""tests/sandbox keeps its promises. Runs outside of a sandbox."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

SANDBOX = Path(__file__).resolve().parents[1] / "sandbox"

pytestmark = pytest.mark.skipif("VIRTNET_SANDBOX" in os.environ, reason="runs outside of a sandbox")

NAT = """
<network>
  <name>nat</name>
  <forward mode='nat'/>
  <bridge name='sbtest0'/>
  <ip address='192.168.151.1' prefix='24'><dhcp><range start='192.168.151.2' end='192.168.151.99'/></dhcp></ip>
</network>
"""


def sandbox(script, *flags, **options):
    return subprocess.run(
        [SANDBOX, *flags, "bash", "-euc", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


def processes_in(namespace):
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(path / "ns/net") == namespace:
                found.append((path / "cmdline").read_text().split("\0"))
    return found


@pytest.fixture
def nat(tmp_path):
    path = tmp_path / "nat.xml"
    path.write_text(NAT)
    return path


def test_exit_code_and_streams():
    result = sandbox("cat; echo oops >&2; exit 42", input="hello")
    assert (result.returncode, result.stdout) == (42, "hello")
    assert "oops" in result.stderr


def test_arguments_and_folder_are_kept(tmp_path):
    result = subprocess.run(
        [SANDBOX, "printf", "%s|", "a b", "", "*"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.stdout == "a b||*|"
    assert sandbox("pwd", cwd=tmp_path).stdout.strip() == str(tmp_path)


def test_starts_empty():
    result = sandbox("virsh net-list --all --name; virsh list --all --name; ip -o link | wc -l; ls /sys/class/net")
    assert result.stdout.split() == ["1", "lo"]


def test_network_with_dnsmasq_and_firewall(nat):
    result = sandbox(
        f"""
        virsh net-define {nat}; virsh net-start nat
        ip -br addr show sbtest0
        ps -eo args | grep '[d]nsmasq.*nat.conf'
        iptables -S; iptables -t nat -S
        """
    )
    assert result.returncode == 0, result.stderr
    assert "192.168.151.1/24" in result.stdout
    assert "-A LIBVIRT_FWI -d 192.168.151.0/24" in result.stdout
    assert "-j MASQUERADE" in result.stdout
    assert not Path("/sys/class/net/sbtest0").exists()
    assert not Path("/etc/libvirt/qemu/networks/nat.xml").exists()


def test_two_do_not_see_each_other(nat):
    script = f"""
        virsh -q net-create {nat}; echo ready; read
        virsh net-list --name; ls /sys/class/net; hostname
    """
    both = [
        subprocess.Popen([SANDBOX, "bash", "-euc", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for text in (script, script.replace("nat.xml", "other.xml"))
    ]
    nat.with_name("other.xml").write_text(NAT.replace("<name>nat", "<name>other").replace("sbtest0", "sbtest1"))
    answers = [process.communicate("\n", timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "nat" in answers[0] and "sbtest0" in answers[0]
    assert "other" not in answers[0] and "sbtest1" not in answers[0]
    assert "other" in answers[1] and "sbtest1" in answers[1] and "sbtest0" not in answers[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
def test_killed_leaves_nothing(number, nat, tmp_path):
    folders = ["/etc", "/etc/libvirt", "/run", tmp_path, "/var/lib/libvirt", "/var/log/libvirt"]
    before = [sorted(os.listdir(folder)) for folder in folders]
    script = f"virsh -q net-create {nat}; touch /etc/x; sleep 600 & readlink /proc/self/ns/net; sleep 600"
    environment = dict(os.environ, TMPDIR=str(tmp_path))
    with subprocess.Popen([SANDBOX, "bash", "-euc", script], stdout=subprocess.PIPE, text=True,
                          env=environment) as process:
        namespace = process.stdout.readline().strip()
        # bash, virtlogd, libvirtd, dbus-daemon, dnsmasq, sleep, ...
        assert len(processes_in(namespace)) > 6
        process.send_signal(number)
        process.wait(10)
        end = time.monotonic() + 5
        while processes_in(namespace):
            assert time.monotonic() < end, processes_in(namespace)
            time.sleep(0.05)
    assert [sorted(os.listdir(folder)) for folder in folders] == before


def test_capabilities_are_cached():
    result = sandbox(
        "for i in 1 2; do s=$(date +%s%N); virsh domcapabilities >/dev/null; echo $(($(date +%s%N)-s)); done"
    )
    times = [int(text) / 1e9 for text in result.stdout.split()]
    assert len(times) == 2 and max(times) < 5, times


def test_zombies_are_reaped():
    result = sandbox("bash -c 'sleep 0.1 & disown'; sleep 0.5; ps -eo stat | grep -c '^Z' || true")
    assert result.stdout.strip() == "0"


def test_open_vswitch():
    result = sandbox(
        "ovs-vsctl add-br ovs0 -- set bridge ovs0 datapath_type=netdev; ovs-vsctl list-br; ls /sys/class/net", "--ovs"
    )
    assert result.returncode == 0, result.stderr
    assert "ovs0" in result.stdout
    assert not Path("/sys/class/net/ovs0").exists()


def test_missing_tools_are_named(tmp_path):
    for tool in ("bash", "dirname", "sed"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    script = tmp_path / "sandbox"
    # The copy looks for tools in this folder only.
    script.write_text(re.sub(r"export PATH=.*", f"export PATH={tmp_path}", SANDBOX.read_text()))
    script.chmod(0o755)
    result = subprocess.run([script, "true"], capture_output=True, text=True, check=False)
    assert result.returncode == 69
    assert "libvirtd" in result.stderr and "make setup" in result.stderr


def test_libvirtd_that_fails_is_reported(tmp_path):
    fake = tmp_path / "libvirtd"
    fake.write_text("#!/bin/sh\necho broken >>/var/log/libvirt/libvirtd.log\nexit 3\n")
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    result = sandbox("echo ran", env={**os.environ, "PATH": path})
    assert result.returncode == 70
    assert "broken" in result.stderr and "ran" not in result.stdout
