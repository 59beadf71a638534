# SPDX-License-Identifier: BSD-3-Clause
"""Starts the test server rpcd, and talks JSON-RPC to it. Also used by the tests of the CLI."""

import json
import os
import shutil
import socket
import subprocess
import tempfile

TIMEOUT_S = 60


class Server:
    """rpcd on a socket of its own. Its end is checked: a leak or an error is a failed test."""

    def __init__(self, *limits, host="h1", operators=-1):
        self.dir = tempfile.mkdtemp(prefix="weft-rpcd-")
        os.chmod(self.dir, 0o755)
        self.path = os.path.join(self.dir, "weftd.sock")
        self.process = subprocess.Popen(
            [os.environ["RPCD"], self.path, host, str(operators), *limits],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close(check=exception[0] is None)

    def close(self, check=True):
        self.process.stdin.close()
        code = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        gone = not os.path.exists(self.path)
        shutil.rmtree(self.dir)
        if check:
            assert code == 0 and gone

    def do(self, *commands):
        """Sets something of the fake south; returns when it is done."""
        for c in commands:
            self.process.stdin.write(c + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "ok\n"

    def client(self):
        return Client(self.path)

    def open_to_all(self):
        """File permissions out of the way, to see what the server itself decides."""
        os.chmod(self.path, 0o666)

    def rss_kb(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code, self.message, self.data = error["code"], error["message"], error.get("data", {})


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(TIMEOUT_S)
        self.s.connect(path)
        self.f = self.s.makefile("rb")
        self.id = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.f.close()
        self.s.close()

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else
                       data.encode() if isinstance(data, str) else json.dumps(data).encode())

    def end(self):
        """Says that nothing more will be sent."""
        self.s.shutdown(socket.SHUT_WR)

    def line(self):
        """The next answer or event; None when the server closed."""
        text = self.f.readline()
        return json.loads(text) if text else None

    def rest(self):
        """All lines until the server closes."""
        return [json.loads(line) for line in self.f]

    def request(self, method, params=None):
        self.id += 1
        r = {"jsonrpc": "2.0", "method": method, "id": self.id}
        return r if params is None else {**r, "params": params}

    def call(self, method, params=None):
        self.send(self.request(method, params))
        while True:
            a = self.line()
            assert a is not None, "the server closed the connection"
            if a.get("id") == self.id or a.get("id", 0) is None:
                break
        if "error" in a:
            raise RpcError(a["error"])
        return a["result"]


def two_hosts(**port):
    """A small document."""
    return {
        "tenants": [{"name": "red"}, {"name": "blue"}],
        "networks": [{"tenant": t, "name": "main"} for t in ("red", "blue")],
        "segments": [{"tenant": t, "name": "lan", "network": "main", "vni": v}
                     for t, v in (("red", 1001), ("blue", 1002))],
        "hosts": [{"name": "h1", "vteps": ["172.16.0.1"],
                   "uplink": {"kind": "af_xdp", "device": "eth1"}},
                  {"name": "h2", "vteps": ["172.16.0.2"]}, {"name": "h3", "vteps": ["172.16.0.3"]}],
        "ports": [{"tenant": "red", "name": "c1", "segment": "lan", "host": "h1",
                   "mac": "52:54:00:00:00:01", "kind": "veth", "device": "red-c1", **port},
                  {"tenant": "blue", "name": "c1", "segment": "lan", "host": "h1",
                   "mac": "52:54:00:00:00:01", "kind": "veth", "device": "blue-c1"}],
    }
