#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""weft-dataplane starts without hugepages, says READY, gives up capabilities, takes over a stale
socket, and stops cleanly on SIGTERM.

Usage: start.py PROGRAM     prints TAP.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile

ALLOWED = {12, 13, 39, 14, 1}  # net_admin, net_raw, bpf, ipc_lock, dac_override
WAIT_S = 30


def capabilities(pid):
    """Effective capabilities of every thread."""
    caps = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            for line in f:
                if line.startswith("CapEff:"):
                    bits = int(line.split()[1], 16)
                    caps |= {n for n in range(64) if bits >> n & 1}
    return caps


def run(program, folder):
    path, ready = f"{folder}/dataplane.sock", f"{folder}/notify"
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(ready)
    notify.settimeout(WAIT_S)
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stale.bind(path)
    stale.close()
    process = subprocess.Popen([program, "--no-huge", "--mbufs", "2048", "--max-sessions",
                                "4194304", "--socket", path],
                               env=dict(os.environ, NOTIFY_SOCKET=ready))
    try:
        yield "says READY", notify.recv(100) == b"READY=1"
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.connect(path)
        yield "listens", True
        yield "keeps no other capability", capabilities(process.pid) <= ALLOWED
        process.send_signal(signal.SIGTERM)
        yield "says STOPPING", notify.recv(100) == b"STOPPING=1"
        yield "ends with success", process.wait(WAIT_S) == 0
        yield "removes its socket", not os.path.exists(path)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        results = list(run(sys.argv[1], folder))
    print(f"1..{len(results)}")
    for n, (name, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {n} - {name}")
    sys.exit(not all(good for _, good in results))


if __name__ == "__main__":
    main()
