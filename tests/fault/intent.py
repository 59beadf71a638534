# SPDX-License-Identifier: BSD-3-Clause
"""What the fault tests ask for: one segment with many ports, by JSON-RPC without the CLI, so that
an answer that was received is known to have been received."""

import json
import socket

from lab import wait_for


class Rpc:
    """One connection; a call returns the result or raises."""

    def __init__(self, path, timeout=30):
        self.sock = wait_for("weftd to serve on " + path, lambda: self.connect(path))
        self.sock.settimeout(timeout)
        self.n = 0

    @staticmethod
    def connect(path):
        sock = socket.socket(socket.AF_UNIX)
        if sock.connect_ex(path) == 0:
            return sock
        sock.close()
        return None

    def send(self, method, params=None):
        self.n += 1
        request = {"jsonrpc": "2.0", "id": self.n, "method": method, "params": params or {}}
        self.sock.sendall(json.dumps(request).encode())

    def receive(self):
        text = b""
        while True:
            more = self.sock.recv(1 << 16)
            if not more:
                raise ConnectionResetError("weftd closed the connection")
            text += more
            if not text.rstrip().endswith(b"}"):
                continue
            try:
                answer = json.loads(text)
            except ValueError:
                continue
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return answer["result"]

    def call(self, method, params=None):
        self.send(method, params)
        return self.receive()

    def close(self):
        self.sock.close()


PORTS_OF_A_HOST = 4000


def mac(n):
    return "02:00:00:%02x:%02x:%02x" % (n >> 16, n >> 8 & 255, n & 255)


def document(host_object, n_remote_ports=0, mtu=1400):
    """This host and one segment: a TAP port here, and n ports on other hosts."""
    ports = [{"tenant": "red", "name": "here", "segment": "lan", "host": host_object["name"],
              "mac": mac(0), "addresses": ["10.0.0.1"], "kind": "tap", "device": "faulttap"}]
    ports += [remote_port(n) for n in range(1, n_remote_ports + 1)]
    return {
        "tenants": [{"name": "red"}],
        "networks": [{"tenant": "red", "name": "main"}],
        "segments": [{"tenant": "red", "name": "lan", "network": "main", "vni": 77, "mtu": mtu,
                      "subnets": ["10.0.0.0/8"]}],
        "hosts": [host_object] + [{"name": "far%d" % i, "vteps": ["172.16.0.%d" % (200 + i)]}
                                  for i in range(n_remote_ports // PORTS_OF_A_HOST + 1)],
        "ports": ports,
    }


def remote_port(n):
    return {"tenant": "red", "name": "p%d" % n, "segment": "lan", "mac": mac(n),
            "host": "far%d" % (n // PORTS_OF_A_HOST),
            "addresses": ["10.%d.%d.%d" % (1 + (n >> 16), n >> 8 & 255, n & 255)],
            "kind": "tap", "device": "t%d" % n}


def programmed(rpc):
    """The MACs that the data plane has for the segment, learned ones apart."""
    answer = rpc.call("fdb.list", {"limit": 100000})
    assert not answer["truncated"]
    return {e["mac"] for e in answer["entries"] if not e.get("learned")}


def intended(rpc):
    """The MACs of all ports that weftd has."""
    macs, after = set(), None
    while True:
        page = rpc.call("port.list", {"limit": 1000, **({"after": after} if after else {})})
        macs.update(o["mac"] for o in page["objects"])
        after = page["next"]
        if not after:
            return macs
