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


def processes(word):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word in path.read_bytes().decode(errors="replace"):
                found.append(path.parent.name)
    return found


def wait_until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


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
    seconds = f"98{os.getpid()}"
    traces = [Path(path) for path in ("/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/run", "/etc", "/tmp")]
    before = [sorted(os.listdir(path)) for path in traces]
    process = subprocess.Popen(
        [SANDBOX, "bash", "-c", f"virsh net-create {nat}; touch /etc/x; echo up; sleep {seconds} & sleep {seconds}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    while "up" not in process.stdout.readline():
        pass
    namespace = {os.readlink(f"/proc/{pid}/ns/net") for pid in processes(f"sleep\0{seconds}")}
    assert len(namespace) == 1 and os.readlink("/proc/self/ns/net") not in namespace
    process.send_signal(number)
    process.wait(10)

    def alive():
        found = []
        for path in Path("/proc").glob("[0-9]*/ns/net"):
            with contextlib.suppress(OSError):
                found += [path] if os.readlink(path) in namespace else []
        return found

    wait_until(lambda: not alive() and not processes(f"sleep\0{seconds}"), 5)
    assert [sorted(os.listdir(path)) for path in traces] == before


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
