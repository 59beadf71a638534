# SPDX-License-Identifier: BSD-3-Clause
"""A weftd whose answers are the test's, for what the CLI makes of them. Keeps what it was asked."""

import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading


class Refusal(Exception):
    """Raised by a handler: weftd's error with that message."""


class Fake:
    """handlers: {method: function(params) -> result}. notify(...) sends to the connection that asked
    last for trace.watch."""

    def __init__(self, host="h1", **handlers):
        self.dir = tempfile.mkdtemp(prefix="weft-fake-")
        self.path = os.path.join(self.dir, "weftd.sock")
        self.handlers = {"version": lambda p: {"host": host}, **handlers}
        self.asked, self.watcher, self.watched = [], None, threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.listener.close()
        shutil.rmtree(self.dir)

    def params(self, method):
        """Of all calls of that method."""
        return [p for m, p in self.asked if m == method]

    def notify(self, method, params):
        assert self.watched.wait(10), "nobody has asked for trace.watch"
        with contextlib.suppress(BrokenPipeError):  # it may have all that it was asked to wait for
            self._send(self.watcher, {"method": method, "params": params})

    def packet(self, steps, **more):
        self.notify("trace.packet", {"packet": 1, "worker": 0, "age_ms": 5, "lost": 0, "steps": steps,
                                     **more})

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    @staticmethod
    def _send(conn, o):
        conn.sendall(json.dumps({"jsonrpc": "2.0", **o}).encode() + b"\n")

    def _serve(self, conn):
        with contextlib.suppress(OSError):  # the CLI may end at any time
            for line in conn.makefile():
                self._answer(conn, json.loads(line))

    def _answer(self, conn, request):
        method, params = request["method"], request.get("params", {})
        self.asked.append((method, params))
        handler = self.handlers.get(method.replace(".", "_"))
        try:
            if handler is None:
                raise Refusal("there is no method " + method)
            result = handler(params)
        except Refusal as e:
            self._send(conn, {"id": request["id"], "error": {"code": 2, "message": str(e)}})
            return
        self._send(conn, {"id": request["id"], "result": result})
        if method == "trace.watch":
            self.watcher = conn
            self.watched.set()
