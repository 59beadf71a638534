# SPDX-License-Identifier: BSD-3-Clause
"""A bare JSON-RPC client: one request, one answer, no framing."""

import json
import socket


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(json.dumps(error)[:500])
        self.error = error


class Rpc:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)
        self.decoder, self.buffer, self.id = json.JSONDecoder(), "", 0

    def call(self, method, params):
        self.id += 1
        self.s.sendall(json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method,
                                   "params": params}).encode())
        while True:
            try:
                answer, end = self.decoder.raw_decode(self.buffer)
                break
            except json.JSONDecodeError:
                data = self.s.recv(1 << 20)
                if not data:
                    raise RpcError("weftd closed the connection") from None
                self.buffer += data.decode()
        self.buffer = self.buffer[end:].lstrip()
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]
