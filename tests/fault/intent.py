# SPDX-License-Identifier: BSD-3-Clause
"""What the fault tests ask for: one segment with many ports, by JSON-RPC without the CLI, so that
an answer that was received is known to have been received."""

import json
import socket


class Rpc:
    """One connection; a call returns the result or raises."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.n = 0

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


def mac(n):
    return "02:00:00:%02x:%02x:%02x" % (n >> 16, n >> 8 & 255, n & 255)


def document(host_object, n_remote_ports=0, mtu=1400):
    """A host, a second one, and one segment: a TAP port here and n ports over there."""
    ports = [{"tenant": "red", "name": "here", "segment": "lan", "host": host_object["name"],
              "mac": mac(0), "addresses": ["10.0.0.1"], "kind": "tap", "device": "faulttap"}]
    ports += [remote_port(n) for n in range(1, n_remote_ports + 1)]
    return {
        "tenants": [{"name": "red"}],
        "networks": [{"tenant": "red", "name": "main"}],
        "segments": [{"tenant": "red", "name": "lan", "network": "main", "vni": 77, "mtu": mtu,
                      "subnets": ["10.0.0.0/8"]}],
        "hosts": [host_object, {"name": "h2", "vteps": ["172.16.0.200"]}],
        "ports": ports,
    }


def remote_port(n):
    return {"tenant": "red", "name": "p%d" % n, "segment": "lan", "host": "h2", "mac": mac(n),
            "addresses": ["10.%d.%d.%d" % (1 + (n >> 16), n >> 8 & 255, n & 255)],
            "kind": "tap", "device": "t%d" % n}


def programmed(rpc):
    """The MACs that the data plane has for the segment, learned ones apart."""
    answer = rpc.call("fdb.list", {"limit": 1000000})
    assert not answer["truncated"]
    return {e["mac"] for e in answer["entries"] if not e.get("learned")}


def intended(rpc):
    """The MACs of all ports that weftd has."""
    macs, after = set(), None
    while True:
        page = rpc.call("port.list", {"after": after} if after else {})
        macs.update(o["mac"] for o in page["objects"])
        after = page["next"]
        if not after:
            return macs
