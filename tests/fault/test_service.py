# SPDX-License-Identifier: BSD-3-Clause
"""weftd as a service: readiness, watchdog, signals, privileges, exit codes."""

import os
import signal
import socket
import subprocess

from lab import wait_for

from intent import Rpc

# CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF
KEPT = 1 << 12 | 1 << 21 | 1 << 38 | 1 << 39


def start_notified(lab, host, **env):
    """weftd with a service manager's socket, which is returned."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(host.path("notify"))
    manager.settimeout(10)
    host.weftd = lab.spawn(
        [lab.binary("control/weftd"), "--host", host.name, "--store", host.path("state/weft.db"),
         "--socket", host.path("run/weftd.sock"), "--dataplane", host.path("dataplane.sock"),
         "--bpf-dir", host.path("bpf")],
        host.path("weftd.log"), netns=host.ns.name,
        env={"NOTIFY_SOCKET": host.path("notify"), **env})
    return manager


def expect(manager, what):
    while True:
        message = manager.recv(4096).decode()
        if message.startswith(what):
            return message


def test_tells_the_service_manager(lab, host):
    manager = start_notified(lab, host, WATCHDOG_USEC="400000")
    expect(manager, "READY=1")
    # Ready means served, with or without a data plane; its folders were made.
    Rpc(host.path("run/weftd.sock")).call("version")
    assert os.stat(host.path("state")).st_mode & 0o777 == 0o700
    assert "not connected" in expect(manager, "STATUS=")
    expect(manager, "WATCHDOG=1")
    host.start_dataplane()
    while "in sync" not in expect(manager, "STATUS="):
        pass
    host.weftd.popen.send_signal(signal.SIGTERM)
    expect(manager, "STOPPING=1")
    assert host.weftd.wait(10) == 0
    manager.close()


def test_keeps_few_privileges(lab, host):
    manager = start_notified(lab, host)
    expect(manager, "READY=1")
    with open("/proc/%d/status" % host.weftd.pid) as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines())
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == KEPT
    assert int(status["CapBnd"], 16) == int(status["CapInh"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    manager.close()


def test_hangup_switches_debug(lab, host):
    manager = start_notified(lab, host)
    expect(manager, "READY=1")
    for _ in range(2):
        host.weftd.popen.send_signal(signal.SIGHUP)
    Rpc(host.path("run/weftd.sock")).call("version")
    assert host.weftd.alive()
    manager.close()


def exit_code(lab, *args):
    p = subprocess.run([lab.binary("control/weftd"), *args], capture_output=True, text=True,
                       timeout=10)
    return p.returncode, p.stdout + p.stderr


def test_command_line(lab):
    assert exit_code(lab, "--version")[0] == 0
    code, text = exit_code(lab, "--help")
    assert code == 0 and "--dataplane" in text
    for wrong in (["--nonsense"], ["--log-level", "loud"], ["--operators", "no-such-group"],
                  ["--fast-path", "maybe"], ["--fast-path-sessions", "12"],
                  ["--fast-path-sessions", "10k"], ["--bpf-dir", "here"], ["--host", ""], ["--host", "a b"], ["--host", "x" * 32], ["stray"]):
        code, text = exit_code(lab, *wrong)
        assert code == 2, (wrong, text)
    assert "/etc/weft/host" in exit_code(lab, "--host", "a b")[1]


def test_socket_of_another_weftd(lab, host):
    """A socket that somebody serves is not taken over; a stale one is."""
    host.start()
    wait_for("weftd", lambda: os.path.exists(host.rpc_path))
    code, text = exit_code(lab, "--host", "x", "--store", host.path("other.db"), "--socket",
                           host.rpc_path, "--dataplane", host.path("dataplane.sock"),
                           "--bpf-dir", host.path("bpf"))
    assert code == 1 and "cannot serve" in text
    Rpc(host.rpc_path).call("version")
